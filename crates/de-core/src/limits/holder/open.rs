//! One lease in its holder's hands: what is left of it, which calls spend of it, and what is still to be told.

use std::collections::BTreeMap;

use super::{Key, PATIENT_TRIES, REPORT_RECEIPTS, UNDER_WAY_MS};
use crate::{
    ids::LeaseId,
    limits::{
        policy::Epochs,
        wire::{Need, Running, SettleRequest, Spent, Standings},
    },
    receipt::Receipt,
    time::UnixMillis,
};

#[derive(Clone, Debug)]
pub(super) struct Open {
    /// Calls under way.
    pub(super) calls: BTreeMap<u64, Hold>,
    pub(super) epochs: Epochs,
    pub(super) expires_at: UnixMillis,
    pub(super) failures: u32,
    pub(super) first_waits_since: UnixMillis,
    /// Whether a report has told that no call begins any more.
    pub(super) is_final: bool,
    /// Whether the Limiter has taken the newest report.
    pub(super) reported: bool,
    pub(super) key: Key,
    pub(super) left: Need,
    pub(super) model: Spent,
    pub(super) seq: u64,
    pub(super) sending: Option<Sending>,
    pub(super) spent: Spent,
    pub(super) standing: Standings,
    pub(super) until: UnixMillis,
    /// Receipts that are not kept yet, by the number of their call.
    pub(super) waiting: BTreeMap<u64, Receipt>,
    /// How many calls it was asked for ahead.
    pub(super) width: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Hold {
    pub(super) deadline: UnixMillis,
    pub(super) need: Need,
}

#[derive(Clone, Debug)]
pub(super) struct Sending {
    pub(super) calls: Vec<u64>,
    pub(super) seq: u64,
    pub(super) since: UnixMillis,
}

impl Open {
    /// Whether another call may begin. What no limit counts is no obstacle, however little is left of it.
    pub(super) fn fits(&self, need: Need) -> bool {
        let money = match (self.standing.budget.is_some(), need.micros) {
            (false, _) => true,
            (true, None) => false,
            (true, Some(micros)) => micros == 0 || self.left.micros.unwrap_or(0) >= micros,
        };
        let tokens = self.standing.tokens.is_none() || self.left.tokens >= need.tokens;
        self.left.requests >= need.requests && self.left.slots >= need.slots && money && tokens
    }

    /// Whether the Limiter knows that no call begins any more, or will not hear of it.
    pub(super) fn is_given_back(&self) -> bool {
        (self.is_final && self.reported) || self.failures >= PATIENT_TRIES
    }

    /// Whether a report is on its way.
    pub(super) fn is_sending(&self, now: UnixMillis) -> bool {
        self.sending.as_ref().is_some_and(|sending| now.since(sending.since) < UNDER_WAY_MS)
    }

    /// How the limits stand for a caller.
    pub(super) fn standing(&self) -> Standings {
        self.standing.clone().with_unspent(self.left)
    }

    pub(super) fn report(
        &mut self,
        now: UnixMillis,
        lease_id: &LeaseId,
        is_final: bool,
    ) -> SettleRequest {
        self.seq += 1;
        self.is_final |= is_final;
        self.reported = false;
        let receipts = self.waiting.iter().take(REPORT_RECEIPTS);
        let calls = receipts.clone().map(|(number, _)| *number).collect();
        let receipts = receipts.map(|(_, receipt)| receipt.clone()).collect();
        self.sending = Some(Sending { calls, seq: self.seq, since: now });
        let running = self.calls.values().fold(None, |sum: Option<Running>, hold| {
            let sum = sum.unwrap_or_default();
            let for_ms = u64::try_from(hold.deadline.since(now)).unwrap_or(0);
            Some(Running {
                for_ms: sum.for_ms.max(for_ms),
                micros: sum.micros.saturating_add(hold.need.micros.unwrap_or(0)),
                slots: sum.slots.saturating_add(hold.need.slots),
                tokens: sum.tokens.saturating_add(hold.need.tokens),
            })
        });
        // An admission counts from the beginning of its call, money and tokens from its end.
        let under_way = u64::try_from(self.calls.len()).unwrap_or(u64::MAX);
        let begun =
            |spent: Spent| Spent { requests: spent.requests.saturating_add(under_way), ..spent };
        SettleRequest {
            is_final: self.is_final,
            lease_id: lease_id.clone(),
            news: Vec::new(),
            receipts,
            running,
            seq: self.seq,
            spent: begun(self.spent),
            spent_at_model: (self.model != self.spent).then(|| begun(self.model)),
        }
    }
}

impl Need {
    /// With what a call that needed so much has not spent, and with its slot.
    pub(super) fn regained(self, need: Self, spent: Spent) -> Self {
        let money = need.micros.unwrap_or(0).saturating_sub(spent.micros);
        Self {
            micros: self.micros.map(|micros| micros.saturating_add(money)),
            requests: self.requests,
            slots: self.slots.saturating_add(need.slots),
            tokens: self.tokens.saturating_add(need.tokens.saturating_sub(spent.tokens)),
        }
    }

    pub(super) fn less(self, need: Self) -> Self {
        let less = need.micros.unwrap_or(0);
        Self {
            micros: self.micros.map(|micros| micros.saturating_sub(less)),
            requests: self.requests.saturating_sub(need.requests),
            slots: self.slots.saturating_sub(need.slots),
            tokens: self.tokens.saturating_sub(need.tokens),
        }
    }
}

impl Spent {
    /// The larger of each of two scopes' counts, with what is held without a receipt as spent.
    pub(super) fn at_most_with(self, other: Self) -> Self {
        let money = |spent: Self| spent.micros.saturating_add(spent.unsettled_micros);
        Self {
            micros: money(self).max(money(other)),
            requests: self.requests.max(other.requests),
            tokens: self.tokens.max(other.tokens),
            unsettled_micros: 0,
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            micros: self.micros.saturating_add(other.micros),
            requests: self.requests.saturating_add(other.requests),
            tokens: self.tokens.saturating_add(other.tokens),
            unsettled_micros: self.unsettled_micros.saturating_add(other.unsettled_micros),
        }
    }
}
