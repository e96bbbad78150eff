//! What outlives the object's memory: leases, and what forgotten ones still count for.

use serde::{Deserialize, Serialize};

use super::{
    policy::{Kind, Limit, Scope, ScopeKind},
    wire::{Need, Running, Share, Spent},
};
use crate::{ids::LeaseId, time::UnixMillis};

/// A lease as it is kept: all that is needed to settle it, repeat its grant and count it again.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Lease {
    /// Whether the last report has come: no call begins or runs any more.
    pub(super) done: bool,
    /// The end of its life, and where it counts in windows.
    pub(super) ends_at: UnixMillis,
    /// Its id.
    pub(super) lease_id: LeaseId,
    /// What was granted, all of it.
    pub(super) need: Need,
    /// What it counts for now: `need`, until reports say other.
    pub(super) booked: Spent,
    /// The same in the scopes of model and provider; absent if it is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) booked_at_model: Option<Spent>,
    /// The budgets that its unsettled money was given back to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) released: Vec<(Scope, Kind)>,
    /// What the newest report says that it has spent.
    #[serde(default, skip_serializing_if = "Spent::is_nothing")]
    pub(super) reported: Spent,
    /// What its calls hold that are under way, once none begins any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) running: Option<Running>,
    /// Whom it counts for.
    pub(super) scopes: Vec<Scope>,
    /// The newest report that was seen; 0 before the first.
    pub(super) seq: u64,
    /// The answer, for repeating it.
    pub(super) share: Share,
    /// Until when its slots are held; absent if it holds none.
    pub(super) slot_until: Option<UnixMillis>,
}

impl Lease {
    /// Its id: the key of the row that it is kept in.
    #[must_use]
    pub fn lease_id(&self) -> &LeaseId {
        &self.lease_id
    }

    /// Whom it counts for.
    #[must_use]
    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    /// What it counts for against a limit over time.
    pub(super) fn booked(&self, limit: &Limit) -> u64 {
        let booked = self.booked_in(&limit.scope);
        match limit.kind {
            Kind::Budget(_) if self.is_released(limit) => booked.micros,
            Kind::Budget(_) => booked.micros.saturating_add(self.unsettled(limit)),
            Kind::Concurrent => 0,
            Kind::Requests(_) => booked.requests,
            Kind::Tokens(_) => booked.tokens,
        }
    }

    /// The money that it holds for tries of which nobody knows what became, as reports say.
    pub(super) fn unsettled(&self, limit: &Limit) -> u64 {
        match limit.kind {
            Kind::Budget(_) if !self.is_released(limit) => {
                self.booked_in(&limit.scope).unsettled_micros
            }
            _ => 0,
        }
    }

    /// What it counts for beyond what reports say: calls under way, and calls to come.
    pub(super) fn open(&self, limit: &Limit) -> u64 {
        if self.done {
            return 0;
        }
        match limit.kind {
            Kind::Budget(_) => self.booked.micros.saturating_sub(self.reported.micros),
            Kind::Concurrent => self.slot_until.map_or(0, |_| self.slots()),
            Kind::Requests(_) => self.booked.requests.saturating_sub(self.reported.requests),
            Kind::Tokens(_) => self.booked.tokens.saturating_sub(self.reported.tokens),
        }
    }

    /// Books what nobody has reported as unsettled: it counts for as much as before, by another name.
    pub(super) fn give_up(&mut self) {
        if self.done {
            return;
        }
        let give_up = |booked: &mut Spent, reported: u64| {
            let open = booked.micros.saturating_sub(reported);
            booked.micros = booked.micros.saturating_sub(open);
            booked.unsettled_micros = booked.unsettled_micros.saturating_add(open);
        };
        give_up(&mut self.booked, self.reported.micros);
        if let Some(booked) = &mut self.booked_at_model {
            give_up(booked, self.reported.micros);
        }
    }

    /// How many slots it holds.
    pub(super) fn slots(&self) -> u64 {
        self.running.map_or(self.need.slots, |running| running.slots)
    }

    fn booked_in(&self, scope: &Scope) -> Spent {
        match scope.kind {
            ScopeKind::Model | ScopeKind::Provider => self.booked_at_model.unwrap_or(self.booked),
            ScopeKind::Instance | ScopeKind::Key | ScopeKind::Organization | ScopeKind::Project => {
                self.booked
            }
        }
    }

    fn is_released(&self, limit: &Limit) -> bool {
        self.released.iter().any(|(scope, kind)| *scope == limit.scope && *kind == limit.kind)
    }
}

/// What forgotten leases still count for: a row of one bucket of one limit.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Bucket {
    /// How much.
    pub amount: u64,
    /// Which bucket of the window.
    pub index: i64,
    /// Which limit of the scope.
    pub kind: Kind,
    /// From when on the row counts no more and may be deleted.
    pub leaves_at: UnixMillis,
    /// Whose limit.
    pub scope: Scope,
}

/// What [`Limiter::forget`] let go: delete the leases' rows and add up the buckets, in one transaction.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Forgotten {
    /// To be added to what their rows hold.
    pub buckets: Vec<Bucket>,
    /// Leases whose rows are to be kept anew, unless they are forgotten too.
    pub changed: Vec<LeaseId>,
    /// No longer known.
    pub leases: Vec<LeaseId>,
    /// Money that went back to its budget without a receipt, for the trail of changes.
    pub released: Vec<Release>,
}

/// Money that was held for a call of which nobody knows what became, and is held no more.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Release {
    /// Which budget of the scope.
    pub kind: Kind,
    /// The call's lease.
    pub lease_id: LeaseId,
    /// How much, in micro-dollars.
    pub micros: u64,
    /// Whose budget.
    pub scope: Scope,
}

/// How much happened since this state was made or restored, and how large it is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Counts {
    /// Asks that were refused by a limit.
    pub denied: u64,
    /// Asks that were granted.
    pub granted: u64,
    /// Leases that are remembered.
    pub leases: u64,
    /// Reports that came, repeated ones too.
    #[serde(default)]
    pub reports: u64,
    /// Grants that a limit on trial would have refused.
    pub shadowed: u64,
    /// Asks with an old epoch.
    pub stale: u64,
    /// Buckets in all windows.
    pub window_buckets: u64,
}
