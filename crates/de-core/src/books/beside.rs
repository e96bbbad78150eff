//! Two tries of one call that run at once: each has its own shares, and one receipt tells of both.
//!
//! The second has its place beside the call's, so that what happens to one is never taken for what happens to the
//! other. When one has answered, or both have failed, the places are joined: what the other one holds stays held
//! like that of any try of which nobody knows whether it was served.

use super::{Books, Entry, Kept, Outlay, Picture, cover::lose};
use crate::{
    circuits,
    ids::{ModelId, ProviderId},
    receipt::{Attempt, Receipt},
    registry::Model,
    time::UnixMillis,
};

/// A try at a vendor that has no end yet.
pub(super) struct UnderWay {
    model_id: ModelId,
    provider_id: ProviderId,
    sent_at: UnixMillis,
}

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

impl Entry {
    /// Notes the end of a try, and what the vendor may bill for it.
    pub(super) fn tried(&mut self, attempt: Attempt, outlay: Outlay) {
        self.ends(&attempt.model_id);
        let waited = self.receipt.upstream_ms.unwrap_or(0);
        self.receipt.upstream_ms = Some(waited.saturating_add(attempt.duration_ms));
        if outlay == Outlay::Unknown {
            // Whether it was served is not known: what covers it stays held.
            lose(&mut self.leases);
        }
        self.receipt.attempts.push(attempt);
        self.billable |= outlay != Outlay::Nothing;
    }

    fn ends(&mut self, model_id: &ModelId) {
        if let Some(place) = self.under_way.iter().position(|known| known.model_id == *model_id) {
            self.under_way.remove(place);
        }
    }

    /// Ends the tries that nobody waits for any more, if there are any: their vendors may bill them.
    pub(super) fn give_up(&mut self, now: UnixMillis, code: &str) {
        for UnderWay { model_id, provider_id, sent_at } in std::mem::take(&mut self.under_way) {
            let attempt = Attempt {
                duration_ms: now.since(sent_at),
                error_code: Some(code.to_owned()),
                model_id,
                provider_id,
                status: None,
            };
            self.tried(attempt, Outlay::Unknown);
        }
    }
}

impl Books {
    /// Notes that a vendor is sent something now: [`Books::tried`] says what came of it.
    pub(crate) fn sends(&self, model: &Model) {
        let (model_id, provider_id) =
            (model.config.model_id.clone(), model.config.provider_id.clone());
        let sent_at = self.platform.clock.now();
        self.with(|entry| entry.under_way.push(UnderWay { model_id, provider_id, sent_at }));
    }

    /// Notes that a try at a model has an end, whether it is told with [`Books::tried`] or nothing was sent.
    pub(crate) fn is_back(&self, model: &Model) {
        self.with(|entry| entry.ends(&model.config.model_id));
    }

    /// Ends the tries that are under way, with our code for why nobody waits for them any more.
    pub(crate) fn gives_up(&self, code: &str) {
        let now = self.platform.clock.now();
        self.with(|entry| entry.give_up(now, code));
    }

    /// A place for a try that runs at the same time as the call's own; [`Books::join`] puts both together.
    pub(crate) fn beside(&self) -> Option<Self> {
        let receipt = self.entry.lock().ok()?.receipt.clone();
        let receipt = Receipt { attempts: Vec::new(), upstream_ms: None, ..receipt };
        let kept = Kept {
            billable: false,
            expected: None,
            finished: false,
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
