//! What a call means for the circuits of its models: the probe that it may be, and what its end says.

use super::{Books, Outcome, entry::Entry};
use crate::{
    circuits::{self, Probe},
    exchange::had_its_time,
    http::error::Code,
    ids::ModelId,
    model::ErrorClass,
    registry::Model,
};

impl Books {
    /// Notes that the call is the probe of a circuit. One that it was before, and was not made, is given back.
    pub fn probes(&self, probe: Probe) {
        self.with(|entry| {
            if let Some(unused) = entry.probe.replace(probe) {
                circuits::probed(&self.platform, &entry.receipt.instance_id, &unused, None);
            }
        });
    }

    /// Whether the call is the probe of a model's circuit.
    #[must_use]
    pub fn holds_probe(&self, model_id: &ModelId) -> bool {
        let is_of = |probe: &Probe| probe.key.model_id == *model_id;
        self.entry.lock().is_ok_and(|entry| entry.probe.as_ref().is_some_and(is_of))
    }

    /// Takes the probe of a model's circuit, for whoever says what it came to. One that stands apart has none to say:
    /// it goes back when the call ends.
    #[must_use]
    pub fn take_probe(&self, model_id: &ModelId) -> Option<Probe> {
        let mut entry = self.entry.lock().ok().filter(|entry| !entry.apart)?;
        entry.probe.take_if(|probe| probe.key.model_id == *model_id)
    }

    /// Notes that circuits are to hear nothing of what becomes of this call.
    pub fn stands_apart(&self) {
        self.with(|entry| entry.apart = true);
    }

    /// Whether circuits hear nothing of what becomes of this call.
    #[must_use]
    pub fn is_apart(&self) -> bool {
        self.entry.lock().is_ok_and(|entry| entry.apart)
    }

    /// Says what the call's end means for its model's circuit. Tries that failed have been told of.
    pub(super) fn tell_circuits(&self, entry: &mut Entry, outcome: Outcome) {
        let instance = &entry.receipt.instance_id;
        if let Some(probe) = entry.probe.take() {
            circuits::probed(&self.platform, instance, &probe, None);
        }
        let is_served = entry.receipt.attempts.last().is_some_and(|last| last.error_code.is_none());
        let heard = is_served && !entry.apart;
        let Some(model) = entry.model.as_ref().filter(|_| heard) else { return };
        let class = match outcome {
            Outcome::Ok => return circuits::served(&self.platform, instance, model),
            Outcome::Cut(Code::ProviderTimeout) if self.is_short_of_time(entry, model) => return,
            Outcome::Cut(Code::ProviderTimeout) => ErrorClass::Timeout,
            Outcome::Cut(Code::ProviderError) => ErrorClass::Error,
            Outcome::Cancelled | Outcome::Cut(_) | Outcome::Failed(_) => return,
        };
        let failure = circuits::Failure { asked: None, began: entry.trying_since, class };
        circuits::failed(&self.platform, instance, model, failure);
    }

    /// Whether a call has come to the end of its time while the vendor that serves it had little of it: others before
    /// have used it up.
    fn is_short_of_time(&self, entry: &Entry, model: &Model) -> bool {
        let (now, total) = (self.platform.clock.now(), model.deadlines().total_ms);
        had_its_time(now, self.started, total) && !had_its_time(now, entry.trying_since, total)
    }
}
