//! What outlives the object's memory: leases, and what forgotten ones still count for.

use serde::{Deserialize, Serialize};

use super::{
    policy::{Kind, Scope},
    wire::{Need, Share, Spent},
};
use crate::{ids::LeaseId, time::UnixMillis};

/// A lease as it is kept: all that is needed to settle it, repeat its grant and count it again.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Lease {
    /// Whether the last report has come.
    pub(super) done: bool,
    /// The end of its life, and where it counts in windows.
    pub(super) ends_at: UnixMillis,
    /// Its id.
    pub(super) lease_id: LeaseId,
    /// What was granted.
    pub(super) need: Need,
    /// What it counts for now: `need`, until reports say other.
    pub(super) booked: Spent,
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
    pub(super) fn booked(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Concurrent => 0,
            Kind::Requests(_) => self.booked.requests,
            Kind::Tokens(_) => self.booked.tokens,
        }
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
    /// No longer known.
    pub leases: Vec<LeaseId>,
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
    /// Grants that a limit on trial would have refused.
    pub shadowed: u64,
    /// Asks with an old epoch.
    pub stale: u64,
    /// Buckets in all windows.
    pub window_buckets: u64,
}
