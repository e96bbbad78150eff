//! The shares of limits that a call asks for, and what became of each.

use super::{
    Books, Share,
    cover::{Held, caller_cover, lose},
    entry::Entry,
};
use crate::{
    ids::LeaseId,
    limits::{Scope, holder::CallId, scopes_of_caller, wire::Need},
    receipt::Receipt,
    time::UnixMillis,
};

impl Books {
    /// The caller's scopes, as its receipt names them.
    #[must_use]
    pub fn caller_scopes(&self) -> Vec<Scope> {
        let Ok(entry) = self.entry.lock() else { return Vec::new() };
        let Receipt { api_key_id, instance_id, organization_id, project_id, .. } = &entry.receipt;
        scopes_of_caller(organization_id, instance_id, api_key_id.as_ref(), project_id.as_ref())
    }

    /// Notes a share before it is asked for: a grant whose answer is lost is given back at the end.
    pub fn asks(&self, lease_id: &LeaseId, share: Share, need: Need) {
        let held = Held {
            beside: false,
            granted: false,
            keeps: false,
            keeps_at_model: false,
            lease_id: lease_id.clone(),
            micros: need.micros,
            number: None,
            share,
            tokens: need.tokens,
        };
        self.with(|entry| entry.leases.push(held));
    }

    /// Notes that the call goes on with a share that was at hand.
    pub fn takes(&self, call: &CallId, need: Need) {
        self.asks(&call.lease_id, Share::Call, need);
        self.pooled(call);
    }

    /// Notes that the call goes on with a share that others take of too.
    pub fn pooled(&self, call: &CallId) {
        self.granted(&call.lease_id);
        self.with(|entry| {
            let held = entry.leases.iter_mut().find(|held| held.lease_id == call.lease_id);
            if let Some(held) = held {
                held.number = Some(call.number);
            }
        });
    }

    /// Notes that the call goes on with a share. Several may be asked for at once.
    pub fn granted(&self, lease_id: &LeaseId) {
        self.with(|entry| {
            if let Some(held) = entry.leases.iter_mut().find(|held| held.lease_id == *lease_id) {
                held.granted = true;
            }
        });
    }

    /// Notes that a share was refused: there is nothing to settle.
    pub fn denied(&self, lease_id: &LeaseId) {
        self.with(|entry| entry.leases.retain(|held| held.lease_id != *lease_id));
    }

    /// Notes that the Limiter did not answer and the instance lets calls through then.
    pub fn bypassed(&self) {
        self.with(|entry| entry.receipt.limiter_bypassed = true);
    }

    /// Notes that the call was let in.
    pub fn admitted(&self, at: UnixMillis) {
        self.with(|entry| entry.receipt.admitted_at = at);
    }

    /// Whether the last try is lost, so that another one has to be covered anew.
    #[must_use]
    pub fn is_uncovered(&self) -> bool {
        let covers = |entry: &Entry| {
            let cover = caller_cover(&entry.leases);
            cover.and_then(|place| entry.leases.get(place)).is_some_and(|held| held.keeps)
        };
        self.entry.lock().is_ok_and(|entry| covers(&entry))
    }

    /// Notes that nobody knows whether the vendor has served the call: all that was reserved stays
    /// reserved, and the receipt says what it would have used.
    pub fn lost_sight(&self) {
        self.with(|entry| {
            entry.billable = true;
            lose(&mut entry.leases);
        });
    }
}
