//! Refused calls of the last minute, so that a flood of them does not fill the database.
//!
//! A call that was let in is counted by limits and bounded by them. One that is refused is bounded by nothing, and
//! whoever holds a key may be refused a hundred times a second. So of a key and a reason the first ones of a minute
//! leave a receipt each, and the others share one for as long as [`GATHER`]: it says how many they are. Nothing was
//! used and nothing is owed by any of them, so what counts of money and tokens is in no receipt that is left out.
//!
//! An isolate counts for itself, as it asks nobody before it refuses.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    ids::{ApiKeyId, InstanceId, ModelId, ProjectId, ProviderId, ReceiptId, UserId},
    receipt::{Receipt, ReceiptStatus},
    time::UnixMillis,
};

/// How many refused calls of a kind leave a receipt of their own each minute, unless the operator says otherwise.
pub const OWN_REFUSALS: u32 = 20;
/// How long refused calls are counted into one receipt before it is written. Work after an answer has thirty
/// seconds, of which a settlement may take some.
pub(super) const GATHER: Duration = Duration::from_secs(15);

const MINUTE_MS: i64 = 60_000;
/// After so long, whoever was to write a shared receipt has been ended by the platform.
const LOST_MS: i64 = 30_000;
/// The most kinds that are known. Of more at once, each call leaves its own receipt: so many keys only an
/// administrator has.
const MOST: usize = 4_096;

/// What an isolate knows of refused calls.
#[derive(Debug, Default)]
pub struct Refusals {
    known: Mutex<BTreeMap<Kind, Known>>,
}

/// What refused calls have in common of which the first ones have their own receipt: whose they are, and why.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Kind {
    api_key: Option<ApiKeyId>,
    error_code: Option<String>,
    instance: InstanceId,
    is_cancelled: bool,
    modality: String,
    project: Option<ProjectId>,
    user: Option<UserId>,
}

#[derive(Debug)]
struct Known {
    /// Receipts that are shared, and not written yet.
    gathering: BTreeMap<Model, Gathering>,
    /// Receipts of their own since then.
    own: u32,
    since: UnixMillis,
}

/// What else sums of usage are told apart by: whom a call was refused at, if it came so far.
type Model = (Option<ModelId>, Option<ProviderId>);

/// A receipt that is shared, and not written yet.
#[derive(Debug)]
struct Gathering {
    calls: u64,
    receipt_id: ReceiptId,
    since: UnixMillis,
}

/// What becomes of the receipt of a refused call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// The call is counted in this one, which somebody else writes.
    In(ReceiptId),
    /// It is the call's own.
    Own,
    /// It is written under this id, once others were counted in: [`Refusals::take`].
    Shared(ReceiptId),
}

impl Refusals {
    /// Says what becomes of the receipt of a call that was refused now. Of a kind, `own` have their own each minute.
    pub(super) fn place(&self, now: UnixMillis, receipt: &Receipt, own: u32) -> Place {
        let kind = Kind::of(receipt);
        let mut all = self.known();
        if all.len() >= MOST && !all.contains_key(&kind) {
            all.retain(|_, known| !known.gathering.is_empty() || !known.is_over(now));
            if all.len() >= MOST {
                return Place::Own;
            }
        }
        let fresh = Known { gathering: BTreeMap::new(), own: 0, since: now };
        let known = all.entry(kind).or_insert(fresh);
        let model = model(receipt);
        if let Some(gathering) = known.gathering.get_mut(&model) {
            gathering.calls = gathering.calls.saturating_add(1);
            let receipt_id = gathering.receipt_id.clone();
            if now.since(gathering.since) < LOST_MS {
                return Place::In(receipt_id);
            }
            gathering.since = now;
            return Place::Shared(receipt_id);
        }
        if known.is_over(now) {
            (known.own, known.since) = (0, now);
        }
        if known.own < own {
            known.own += 1;
            return Place::Own;
        }
        let receipt_id = receipt.receipt_id.clone();
        let gathering = Gathering { calls: 1, receipt_id: receipt_id.clone(), since: now };
        known.gathering.insert(model, gathering);
        Place::Shared(receipt_id)
    }

    /// How many calls a shared receipt is of; from now on others begin another one. `None` if it was taken.
    pub(super) fn take(&self, receipt: &Receipt) -> Option<u64> {
        let mut all = self.known();
        let known = all.get_mut(&Kind::of(receipt))?;
        let model = model(receipt);
        let gathering = known.gathering.get(&model)?;
        let is_it = gathering.receipt_id == receipt.receipt_id;
        let gathering = is_it.then(|| known.gathering.remove(&model))?;
        gathering.map(|gathering| gathering.calls)
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Kind, Known>> {
        // What a panic may have left half done is a count.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn model(receipt: &Receipt) -> Model {
    (receipt.model_id.clone(), receipt.provider_id.clone())
}

impl Kind {
    fn of(receipt: &Receipt) -> Self {
        Self {
            api_key: receipt.api_key_id.clone(),
            error_code: receipt.error_code.clone(),
            instance: receipt.instance_id.clone(),
            is_cancelled: receipt.status == ReceiptStatus::Cancelled,
            modality: receipt.modality.clone(),
            project: receipt.project_id.clone(),
            user: receipt.user_id.clone(),
        }
    }
}

impl Known {
    fn is_over(&self, now: UnixMillis) -> bool {
        !(0..MINUTE_MS).contains(&now.since(self.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIPT: &str = r#"{"receipt_id":"rcpt_0","request_id":"r-1","organization_id":"org_1","instance_id":"inst_1","project_id":"proj_1","api_key_id":"key_1","user_id":null,"model_id":null,"requested_model_id":"small","provider_id":null,"protocol":null,"modality":"text","operation":"POST /v1/chat/completions","status":"failed","http_status":429,"error_code":"RATE_LIMIT_EXCEEDED","streamed":false,"cost_micros":0,"price_version":null,"price_valid_from":null,"estimated":false,"over_ceiling":false,"limiter_bypassed":false,"attempts":[],"latency_ms":3,"first_byte_ms":null,"upstream_ms":null,"request_bytes":80,"response_bytes":0,"admitted_at":0,"created_at":0}"#;

    fn receipt(number: u32) -> Receipt {
        let made: Receipt = serde_json::from_str(RECEIPT).unwrap();
        Receipt { receipt_id: id(number), ..made }
    }

    fn id(number: u32) -> ReceiptId {
        ReceiptId::parse(&format!("rcpt_{number}")).unwrap()
    }

    #[test]
    fn after_the_first_ones_refused_calls_share_a_receipt_that_counts_them() {
        let refusals = Refusals::default();
        let at = |number: u32, ms| refusals.place(UnixMillis(ms), &receipt(number), 2);
        assert_eq!((at(1, 0), at(2, 10)), (Place::Own, Place::Own));
        assert_eq!(at(3, 20), Place::Shared(id(3)));
        assert_eq!((at(4, 30), at(5, 14_000)), (Place::In(id(3)), Place::In(id(3))));
        assert_eq!(refusals.take(&receipt(3)), Some(3));
        assert_eq!(refusals.take(&receipt(3)), None, "it is written once");
        // The minute is not over: the next one is shared again.
        assert_eq!(at(6, 15_100), Place::Shared(id(6)));
        assert_eq!(refusals.take(&receipt(6)), Some(1));
        assert_eq!((at(7, 60_000), at(8, 60_001)), (Place::Own, Place::Own));
        assert_eq!(at(9, 60_002), Place::Shared(id(9)));
    }

    #[test]
    fn another_key_and_another_reason_have_their_own() {
        let refusals = Refusals::default();
        let now = UnixMillis(0);
        let place = |receipt: &Receipt| refusals.place(now, receipt, 1);
        assert_eq!(place(&receipt(1)), Place::Own);
        assert_eq!(place(&receipt(2)), Place::Shared(id(2)));
        let base = receipt(3);
        let others = [
            Receipt { error_code: Some("BUDGET_EXCEEDED".to_owned()), ..base.clone() },
            Receipt { api_key_id: Some(ApiKeyId::parse("key_2").unwrap()), ..base.clone() },
            Receipt { api_key_id: None, user_id: UserId::parse("user_1").ok(), ..base.clone() },
            Receipt { instance_id: InstanceId::parse("inst_2").unwrap(), ..base.clone() },
            Receipt { modality: "audio".to_owned(), ..base.clone() },
            Receipt { status: ReceiptStatus::Cancelled, ..base },
        ];
        for other in &others {
            assert_eq!(place(other), Place::Own, "{other:?}");
        }
    }

    #[test]
    fn what_is_shared_is_of_one_model() {
        let refusals = Refusals::default();
        let of = |number: u32, model: &str| {
            let model_id = ModelId::parse(model).ok();
            Receipt { model_id, ..receipt(number) }
        };
        let place = |receipt: &Receipt| refusals.place(UnixMillis(0), receipt, 1);
        let (small, large) = (of(2, "small"), of(3, "large"));
        assert_eq!(place(&of(1, "small")), Place::Own);
        assert_eq!((place(&small), place(&large)), (Place::Shared(id(2)), Place::Shared(id(3))));
        assert_eq!(place(&of(4, "large")), Place::In(id(3)));
        assert_eq!((refusals.take(&small), refusals.take(&large)), (Some(1), Some(2)));
    }

    /// The platform ends work that takes too long; what was counted by then is written by the next one.
    #[test]
    fn a_shared_receipt_whose_writer_is_gone_is_written_by_another() {
        let refusals = Refusals::default();
        let at = |number: u32, ms| refusals.place(UnixMillis(ms), &receipt(number), 0);
        assert_eq!(at(1, 0), Place::Shared(id(1)));
        assert_eq!(at(2, 29_999), Place::In(id(1)));
        assert_eq!(at(3, 30_000), Place::Shared(id(1)));
        assert_eq!(at(4, 30_001), Place::In(id(1)));
        assert_eq!(refusals.take(&receipt(1)), Some(4));
    }

    #[test]
    fn what_is_known_is_bounded() {
        let refusals = Refusals::default();
        let of = |number: usize, ms| {
            let api_key_id = ApiKeyId::parse(&format!("key_{number}")).ok();
            refusals.place(UnixMillis(ms), &Receipt { api_key_id, ..receipt(1) }, 1)
        };
        for number in 0..2 * MOST {
            assert_eq!(of(number, 0), Place::Own);
        }
        assert_eq!(refusals.known().len(), MOST);
        // The minute is over, and with it what was known.
        assert_eq!(of(MOST + 1, 60_000), Place::Own);
        assert_eq!(refusals.known().len(), 1);
    }
}
