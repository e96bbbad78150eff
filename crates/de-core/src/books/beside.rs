//! Two tries of one call that run at once: each has its own shares, and one receipt tells of both.
//!
//! The second has its place beside the call's, so that what happens to one is never taken for what happens to the
//! other. When one has answered, or both have failed, the places are joined: what the other one holds stays held
//! like that of any try of which nobody knows whether it was served.

use super::{Books, Kept, entry::Picture};
use crate::{circuits, receipt::Receipt};

/// Which of two tries was served.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Served {
    /// The call's own.
    First,
    /// None: both have ended.
    Neither,
    /// The one beside it.
    Second,
}

impl Books {
    /// A place for a try that runs at the same time as the call's own; [`Books::join`] puts both together.
    pub(crate) fn beside(&self) -> Option<Self> {
        let receipt = self.entry.lock().ok()?.receipt.clone();
        let receipt = Receipt { attempts: Vec::new(), upstream_ms: None, ..receipt };
        let kept = Kept {
            billable: false,
            expected: None,
            finished: false,
            known_cost: None,
            leases: Vec::new(),
            picture: Picture::default(),
            probe: None,
            receipt,
            started: self.started,
            usage: None,
            vendor_cost: None,
        };
        Some(Self::resume(&self.platform, kept, None))
    }

    /// Brings what became of a try beside into the call's own place. The try that was served stands last among the
    /// attempts, and its shares bear what it used.
    pub(crate) fn join(&self, second: &Self, served: Served) {
        let Ok(mut second) = second.entry.lock() else { return };
        let second = &mut *second;
        self.with(|entry| {
            let unused = [second.probe.take(), entry.probe.take_if(|_| served == Served::Second)];
            for probe in unused.into_iter().flatten() {
                circuits::probed(&self.platform, &entry.receipt.instance_id, &probe, None);
            }
            entry.billable |= second.billable;
            let (own, other) = (&mut entry.receipt, &mut second.receipt);
            own.limiter_bypassed |= other.limiter_bypassed;
            // The times overlap, and the longer one is about both together.
            own.upstream_ms = own.upstream_ms.max(other.upstream_ms);
            let attempts = std::mem::take(&mut other.attempts);
            let mut leases = std::mem::take(&mut second.leases);
            match served {
                Served::First => {
                    let last = own.attempts.len().saturating_sub(1);
                    own.attempts.splice(last..last, attempts);
                    leases.iter_mut().for_each(|held| held.beside = true);
                    entry.leases.extend(leases);
                }
                Served::Neither | Served::Second => {
                    own.attempts.extend(attempts);
                    entry.leases.extend(leases);
                    if let Some(model) = second.model.take() {
                        entry.tries(model, second.trying_since);
                    }
                }
            }
        });
    }
}
