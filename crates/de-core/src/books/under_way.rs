//! The tries of a call that are with a vendor: one that nobody waits for any more may be billed all the same, and is
//! never left out of the receipt.

use super::{Books, Entry, Outlay, cover::lose};
use crate::{
    ids::{ModelId, ProviderId},
    receipt::Attempt,
    registry::Model,
    time::UnixMillis,
};

/// A try at a vendor that has no end yet.
pub(super) struct UnderWay {
    model_id: ModelId,
    provider_id: ProviderId,
    sent_at: UnixMillis,
    /// The same from the request's arrival.
    started_ms: i64,
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
        for UnderWay { model_id, provider_id, sent_at, started_ms } in
            std::mem::take(&mut self.under_way)
        {
            let attempt = Attempt {
                duration_ms: now.since(sent_at),
                error_code: Some(code.to_owned()),
                model_id,
                provider_id,
                started_ms: Some(started_ms),
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
        let started_ms = self.began_after(sent_at);
        let sent = UnderWay { model_id, provider_id, sent_at, started_ms };
        self.with(|entry| entry.under_way.push(sent));
    }

    /// How long after the request's arrival something began, in milliseconds.
    pub(crate) fn began_after(&self, at: UnixMillis) -> i64 {
        at.since(self.started).max(0)
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
}
