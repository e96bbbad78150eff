//! Refusals of the last moments, so that a repeated ask gets the answer that was lost.

use std::collections::{BTreeMap, VecDeque};

use super::{LEASE_MS, wire::Denial};
use crate::{ids::LeaseId, time::UnixMillis};

/// The most that are remembered: a flood of refused asks must not fill the memory. One that is not
/// remembered is decided anew, which is safe, since nothing was debited.
const MOST: usize = 1_024;

#[derive(Clone, Debug, Default)]
pub(super) struct Refusals {
    by_id: BTreeMap<LeaseId, (UnixMillis, Denial)>,
    in_order: VecDeque<(UnixMillis, LeaseId)>,
    /// Leases whose last report came before their ask.
    overtaken: VecDeque<(UnixMillis, LeaseId)>,
}

impl Refusals {
    pub(super) fn find(&mut self, now: UnixMillis, lease_id: &LeaseId) -> Option<Denial> {
        self.drop_old(now);
        self.by_id.get(lease_id).map(|(_, denial)| denial.clone())
    }

    pub(super) fn remember(&mut self, now: UnixMillis, lease_id: LeaseId, denial: Denial) {
        self.drop_old(now);
        if self.in_order.len() >= MOST
            && let Some((_, oldest)) = self.in_order.pop_front()
        {
            self.by_id.remove(&oldest);
        }
        let until = now.plus(LEASE_MS);
        self.in_order.push_back((until, lease_id.clone()));
        self.by_id.insert(lease_id, (until, denial));
    }

    /// Notes that the last report of a lease has come before its ask.
    pub(super) fn overtaken(&mut self, now: UnixMillis, lease_id: LeaseId) {
        while self.overtaken.front().is_some_and(|(until, _)| *until <= now)
            || self.overtaken.len() >= MOST
        {
            self.overtaken.pop_front();
        }
        // An ask that is on its way longer than that is answered to nobody.
        self.overtaken.push_back((now.plus(4 * LEASE_MS), lease_id));
    }

    pub(super) fn was_overtaken(&self, now: UnixMillis, lease_id: &LeaseId) -> bool {
        self.overtaken.iter().any(|(until, known)| *until > now && known == lease_id)
    }

    fn drop_old(&mut self, now: UnixMillis) {
        while let Some((until, _)) = self.in_order.front() {
            if *until > now {
                break;
            }
            if let Some((_, oldest)) = self.in_order.pop_front() {
                self.by_id.remove(&oldest);
            }
        }
    }
}
