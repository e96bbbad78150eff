//! The tries of a call at its vendors. One that nobody waits for any more may be billed all the same, and is never
//! left out of the receipt.

use std::sync::Arc;

use serde_json::Value;

use super::{Books, Outlay, cover::lose, entry::Entry};
use crate::{
    ids::{ModelId, ProviderId},
    receipt::Attempt,
    registry::Model,
    retry::is_untold,
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
    /// Notes which model is tried now.
    pub fn trying(&self, model: &Arc<Model>) {
        let now = self.platform.clock.now();
        self.with(|entry| entry.tries(model.clone(), now));
    }

    /// The model that was tried last, if one was.
    #[must_use]
    pub fn tried_last(&self) -> Option<Arc<Model>> {
        self.entry.lock().ok()?.model.clone()
    }

    /// When the first try at the model that is tried now began.
    #[must_use]
    pub fn trying_since(&self) -> UnixMillis {
        self.entry.lock().map_or(self.started, |entry| entry.trying_since)
    }

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
    /// Notes the end of one try, and what the vendor may bill for it.
    pub fn tried(&self, attempt: Attempt, outlay: Outlay) {
        self.with(|entry| entry.tried(attempt, outlay));
    }

    /// Notes that the vendor has failed in good order, and bills nothing for that.
    pub fn absolved(&self) {
        self.with(|entry| entry.billable = false);
    }

    /// The same of the last try alone: what those before it may have cost stands.
    pub fn absolved_of_the_last(&self) {
        self.with(|entry| {
            let before = entry.receipt.attempts.split_last().map_or(&[][..], |(_, before)| before);
            let perhaps = |status: u16| (200..300).contains(&status) || is_untold(status);
            entry.billable = before.iter().any(|attempt| attempt.status.is_none_or(perhaps));
        });
    }

    /// The tries so far, as JSON for a caller.
    #[must_use]
    pub fn attempts(&self) -> Value {
        let attempts = self.entry.lock().map(|entry| entry.receipt.attempts.clone());
        serde_json::to_value(attempts.unwrap_or_default()).unwrap_or_default()
    }

    /// How many tries there were.
    #[must_use]
    pub fn tries(&self) -> usize {
        self.entry.lock().map_or(0, |entry| entry.receipt.attempts.len())
    }

    /// What the tries so far may have cost.
    #[must_use]
    pub fn outlay(&self) -> Outlay {
        let Ok(entry) = self.entry.lock() else { return Outlay::Unknown };
        if entry.receipt.attempts.iter().any(|attempt| attempt.status.is_none()) {
            Outlay::Unknown
        } else if entry.billable {
            Outlay::Spent
        } else {
            Outlay::Nothing
        }
    }
}
