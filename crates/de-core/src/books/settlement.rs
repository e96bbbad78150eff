//! The end of a call, told to its Limiter, and where that does not answer to the database.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Kept;
use crate::{
    circuits,
    ids::{InstanceId, LeaseId},
    limits::{
        holder::{CallId, Ended},
        wire::{SettleRequest, Spent},
    },
    log::LogLine,
    money::Micros,
    ports::{Platform, PortError, random},
    receipt::{Receipt, ReceiptStatus, Usage},
    store,
};

/// How often a settlement is tried at the Limiter before the receipt goes straight to the database.
const SETTLE_TRIES: u32 = 2;
const SETTLE_PAUSE: Duration = Duration::from_millis(250);
/// How often a report without a receipt is tried: with pauses that double, some sixteen seconds of the thirty
/// that work after an answer may take.
const PATIENT_TRIES: u32 = 7;

/// What is left to be written when a call is over. JSON: a job keeps it until it is written.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Closing {
    pub(super) leases: Vec<SpentShare>,
    pub(super) receipt: Receipt,
}

/// What was spent of one of a call's shares.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct SpentShare {
    pub(super) lease_id: LeaseId,
    /// Which call it is of those that spend of this lease; absent for a lease of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) number: Option<u64>,
    pub(super) spent: Spent,
    /// In the scopes of its model, if that is not the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) spent_at_model: Option<Spent>,
}

impl Closing {
    /// The receipt.
    #[must_use]
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// Says nothing of its shares: they were given back.
    pub(super) fn forget_shares(&mut self) {
        self.leases.clear();
    }

    /// Whether the call came to nothing that anybody counts: it was not let in, and no vendor was asked.
    pub(super) fn is_refusal(&self) -> bool {
        let Receipt { attempts, cost_micros, status, usage, .. } = &self.receipt;
        matches!(status, ReceiptStatus::Cancelled | ReceiptStatus::Failed)
            && attempts.is_empty()
            && *usage == Usage::default()
            && *cost_micros == Some(Micros::ZERO)
            && self.leases.iter().all(SpentShare::is_nothing)
    }
}

impl SpentShare {
    /// Whether it is of a share that was never granted, as far as its call has heard.
    fn is_nothing(&self) -> bool {
        self.number.is_none() && self.spent == Spent::default() && self.spent_at_model.is_none()
    }
}

/// Reports to the Limiter, and if that does not answer, to the database itself. Safe to repeat.
///
/// Says whether the receipt is written; what a Limiter did not hear of its leases ends by itself.
pub async fn settle(platform: &Platform, instance: &InstanceId, closing: Closing) -> bool {
    let mut is_written = true;
    let Closing { mut leases, receipt } = closing;
    if leases.is_empty() {
        // A call that was never let in has no lease; its receipt travels under an id of its own.
        let lease_id = LeaseId::make(receipt.created_at, random(&*platform.entropy));
        let spent = Spent::default();
        leases.push(SpentShare { lease_id, number: None, spent, spent_at_model: None });
    }
    for (index, SpentShare { lease_id, number, spent, spent_at_model }) in
        leases.into_iter().enumerate()
    {
        if let Some(number) = number {
            // The call's own share is its first: its receipt travels with it.
            let spent_at_model = spent_at_model.unwrap_or(spent);
            let ended = Ended { receipt: receipt.clone(), spent, spent_at_model };
            let call = CallId { lease_id, number };
            is_written &= platform.shares.end(platform, instance, &call, ended).await;
            continue;
        }
        let receipts = if index == 0 { vec![receipt.clone()] } else { Vec::new() };
        let report =
            SettleRequest { receipts, spent_at_model, ..SettleRequest::of_one(lease_id, spent) };
        let lease_id = report.lease_id.clone();
        // The receipt may go past the Limiter; what else it has to hear can only wait for it.
        let tries = if index == 0 { SETTLE_TRIES } else { PATIENT_TRIES };
        if let Err(err) = report_until(platform, instance, report, tries).await {
            warn(platform, &receipt, "the Limiter did not take a settlement", &err);
            if index == 0 {
                // At once, as the time after an answer is short.
                is_written = write(platform, &lease_id, std::slice::from_ref(&receipt)).await;
            }
        }
    }
    is_written
}

/// Gives back all that was reserved for a call which was handed over, and then not made: it has no receipt.
pub async fn withdraw(platform: &Platform, instance: &InstanceId, kept: Kept) {
    let Kept { leases, probe, receipt, .. } = kept;
    if let Some(probe) = probe {
        // First, so that it travels with what is given back.
        circuits::probed(platform, instance, &probe, None);
    }
    let leases = leases.into_iter().map(|held| held.lease_id);
    return_all(platform, instance, leases, &receipt).await;
}

/// Gives back the shares of a call that was refused, and whose receipt somebody else writes.
pub(super) async fn give_back(platform: &Platform, instance: &InstanceId, closing: &Closing) {
    let leases = closing.leases.iter().map(|share| share.lease_id.clone());
    return_all(platform, instance, leases, &closing.receipt).await;
}

async fn return_all(
    platform: &Platform,
    instance: &InstanceId,
    leases: impl Iterator<Item = LeaseId>,
    receipt: &Receipt,
) {
    for lease_id in leases {
        let report = SettleRequest::of_one(lease_id, Spent::default());
        if let Err(err) = report_until(platform, instance, report, PATIENT_TRIES).await {
            warn(platform, receipt, "the Limiter did not take a share back", &err);
        }
    }
}

/// Writes receipts past the Limiter, with the lease by which it will find them. If it has them too, the
/// database still has each once.
pub(crate) async fn write(platform: &Platform, lease_id: &LeaseId, receipts: &[Receipt]) -> bool {
    let rows = receipts.iter().map(|receipt| Direct { lease_id, receipt }).collect::<Vec<_>>();
    let text = serde_json::to_string(&rows).unwrap_or_default();
    match platform.database.batch(store::usage::deliver(&text).into()).await {
        Ok(_) => true,
        Err(err) => {
            for receipt in receipts {
                warn(platform, receipt, "a receipt could not be written", &err);
            }
            false
        }
    }
}

/// A receipt that goes past its Limiter.
#[derive(Serialize)]
struct Direct<'a> {
    lease_id: &'a LeaseId,
    #[serde(flatten)]
    receipt: &'a Receipt,
}

async fn report_until(
    platform: &Platform,
    instance: &InstanceId,
    report: SettleRequest,
    most: u32,
) -> Result<(), PortError> {
    let mut tries = 1;
    let mut pause = SETTLE_PAUSE;
    loop {
        match circuits::settle(platform, instance, report.clone()).await {
            Ok(_) => return Ok(()),
            Err(err) if tries >= most => return Err(err),
            Err(_) => {
                tries += 1;
                platform.clock.sleep(pause).await;
                pause *= 2;
            }
        }
    }
}

fn warn(platform: &Platform, receipt: &Receipt, what: &str, err: &PortError) {
    platform.log.write(LogLine {
        instance_id: Some(receipt.instance_id.as_str().to_owned()),
        receipt_id: Some(receipt.receipt_id.as_str().to_owned()),
        request_id: Some(receipt.request_id.as_str().to_owned()),
        ..LogLine::error(what).because(err)
    });
}
