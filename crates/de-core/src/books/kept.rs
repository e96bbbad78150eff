//! A call's place in the books on paper: a job goes on with it from one step to the next.

use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::{
    Books, Closing, Outcome,
    cover::Held,
    ending::{close, price},
    entry::{Entry, Picture, Way},
};
use crate::{
    circuits::Probe,
    money::Micros,
    ports::Platform,
    receipt::{Receipt, Usage},
    registry::Model,
    time::UnixMillis,
};

/// A call's place in the books, on paper: JSON. A job keeps it from one step to the next.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Kept {
    pub(super) billable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expected: Option<Usage>,
    #[serde(default)]
    pub(super) finished: bool,
    /// What its counts cost, where both they and its model's prices were known: its model may be gone when it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) known_cost: Option<Micros>,
    pub(super) leases: Vec<Held>,
    #[serde(default)]
    pub(super) picture: Picture,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) probe: Option<Probe>,
    pub(super) receipt: Receipt,
    pub(super) started: UnixMillis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<Usage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) vendor_cost: Option<Micros>,
}

impl Kept {
    /// Shows the receipt of a call that is closed.
    pub fn close(&mut self, closing: &Closing) {
        self.receipt = closing.receipt.clone();
    }

    /// The receipt as it stands.
    #[must_use]
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }
}

impl Books {
    /// Takes the call's place out of the books, for whoever goes on with the call: nothing is written
    /// here any more. `None` if it is closed.
    #[must_use]
    pub fn hand_over(&self) -> Option<Kept> {
        let mut entry = self.entry.lock().ok()?;
        entry.closing.take()?;
        if let Some(context) = &self.context {
            self.write(context, context.handed_over());
        }
        Some(Kept {
            billable: entry.billable,
            expected: entry.expected,
            finished: entry.finished,
            known_cost: entry.usage.and_then(|usage| price(&entry, &usage)).or(entry.known_cost),
            leases: std::mem::take(&mut entry.leases),
            picture: entry.picture.clone(),
            probe: entry.probe.take(),
            receipt: entry.receipt.clone(),
            started: self.started,
            usage: entry.usage,
            vendor_cost: entry.vendor_cost,
        })
    }

    /// Goes on with a call that was handed over. It is closed by [`Books::end`]; dropping it loses
    /// nothing that `kept` does not hold.
    ///
    /// `model` is the one that was tried last, if it is known.
    #[must_use]
    pub fn resume(platform: &Platform, kept: Kept, model: Option<Arc<Model>>) -> Self {
        let started = kept.started;
        let entry = Entry {
            billable: kept.billable,
            expected: kept.expected,
            finished: kept.finished,
            known_cost: kept.known_cost,
            leases: kept.leases,
            model,
            picture: kept.picture,
            probe: kept.probe,
            usage: kept.usage,
            vendor_cost: kept.vendor_cost,
            ..Entry::new(Way::ByHand, kept.receipt, started)
        };
        Self { context: None, entry: Mutex::new(entry), platform: platform.clone(), started }
    }

    /// Closes a call that was resumed, and returns what is to be written with [`super::settle`]. `None` if it is
    /// closed, or not one that was resumed.
    #[must_use]
    pub fn end(&self, outcome: Outcome, status: u16) -> Option<Closing> {
        let now = self.platform.clock.now();
        let mut entry = self.entry.lock().ok()?;
        match entry.closing.take()? {
            Way::ByHand => {
                self.tell_circuits(&mut entry, outcome);
                Some(close(&mut entry, outcome, status, now, self.started))
            }
            other @ Way::InBackground(_) => {
                entry.closing = Some(other);
                None
            }
        }
    }
}
