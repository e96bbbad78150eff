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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{
        Kind, Scope, ScopeKind, Span,
        wire::{Refusal, Standings},
    };

    fn lease_id(number: usize) -> LeaseId {
        LeaseId::parse(&format!("lease_{number}")).unwrap()
    }

    fn denial() -> Denial {
        let refusal = Refusal {
            kind: Kind::Requests(Span::Minute),
            limit: 0,
            retry_after_ms: None,
            scope: Scope::new(ScopeKind::Key, "key_1"),
        };
        Denial { refusal, standing: Standings::default() }
    }

    #[test]
    fn a_flood_of_refused_asks_does_not_fill_the_memory() {
        let mut refusals = Refusals::default();
        let now = UnixMillis(0);
        for number in 0..=MOST {
            refusals.remember(now, lease_id(number), denial());
        }
        assert_eq!((refusals.by_id.len(), refusals.in_order.len()), (MOST, MOST));
        // The oldest one has gone.
        assert_eq!(refusals.find(now, &lease_id(0)), None);
        assert_eq!(refusals.find(now, &lease_id(1)), Some(denial()));
        assert_eq!(refusals.find(UnixMillis(LEASE_MS), &lease_id(1)), None);
        assert!(refusals.by_id.is_empty() && refusals.in_order.is_empty());
    }

    #[test]
    fn a_flood_of_late_reports_does_not_fill_the_memory() {
        let mut refusals = Refusals::default();
        for number in 0..=MOST {
            refusals.overtaken(UnixMillis(0), lease_id(number));
        }
        assert_eq!(refusals.overtaken.len(), MOST);
        assert!(!refusals.was_overtaken(UnixMillis(0), &lease_id(0)));
        assert!(refusals.was_overtaken(UnixMillis(0), &lease_id(1)));
        // What is too old to matter goes when the next one comes.
        refusals.overtaken(UnixMillis(4 * LEASE_MS), lease_id(0));
        assert_eq!(refusals.overtaken.len(), 1);
    }
}
