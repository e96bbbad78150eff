//! What travels between a worker and its Limiter, as JSON.
//!
//! | call | body | answer |
//! | --- | --- | --- |
//! | `POST /lease` | [`LeaseRequest`] | [`LeaseReply`] |
//! | `POST /settle` | [`SettleRequest`] | [`SettleReply`] |
//! | `PUT /policy` | [`Policy`](super::Policy) | [`PolicyReply`] |
//! | `POST /refresh` | [`Epochs`] | [`PolicyReply`] |
//! | `GET /epoch` | | [`Epochs`] |
//! | `GET /usage` | | [`UsageReply`] |
//! | `GET /stats` | | [`Stats`] |
//! | `POST /drain` | | [`DrainReply`] |
//!
//! Failures have the envelope of every worker, with 400 for what is not of this form and 503 where the
//! Limiter cannot read its policy.

use serde::{Deserialize, Serialize};

use super::{
    Counts,
    policy::{Epochs, Kind, Limit, Scope},
};
use crate::{
    circuit::{News, Open},
    ids::LeaseId,
    receipt::Receipt,
    time::UnixMillis,
};

/// The body of `POST /lease`.
pub type LeaseRequest = Ask;

/// The answer to `POST /lease`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct LeaseReply {
    /// The circuits that are not closed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub circuits: Vec<Open>,
    /// Whether the call is let in.
    #[serde(flatten)]
    pub grant: Grant,
}

impl From<Grant> for LeaseReply {
    fn from(grant: Grant) -> Self {
        Self { circuits: Vec::new(), grant }
    }
}

/// What a call wants to be let in for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Ask {
    /// How long a slot of `concurrent` may be held: the call's total deadline. Ten minutes if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// How fresh the caller's copy of key and model is.
    pub epochs: Epochs,
    /// What the holder would like beside `need`, for the calls to come. It gets at most an eighth of what is
    /// left of each limit, and of a budget at most a hundredth: [`Share::extra`].
    #[serde(default, skip_serializing_if = "Need::is_nothing")]
    pub extra: Need,
    /// Made by the caller. Repeating an ask with the same id gives the same answer.
    pub lease_id: LeaseId,
    /// What is debited in every scope.
    pub need: Need,
    /// What calls came to, for circuits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub news: Vec<News>,
    /// Whom it counts for: never what a client wrote, but what its key says.
    pub scopes: Vec<Scope>,
}

/// How much a call may take: upper bounds.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Need {
    /// Micro-dollars, at most. Absent if nobody can say, as for a model without a price: then nothing is
    /// granted where a budget is enforced. What is above 2^40 counts as 2^40.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub micros: Option<u64>,
    /// Admissions: 1 for a call.
    pub requests: u64,
    /// Slots of `concurrent`, held until the call is settled.
    pub slots: u64,
    /// Tokens read and made, at most. What is above 2^40 counts as 2^40.
    pub tokens: u64,
}

impl Need {
    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// The Limiter's answer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "grant")]
pub enum Grant {
    /// A limit would be passed: nothing was debited.
    Denied(Denial),
    /// Let in: all that was asked for is debited.
    Granted(Share),
    /// The caller knows of a newer configuration than the Limiter, which could not read it. Not let in.
    NeedsPolicy,
    /// The caller's copy of the configuration is out of date: load it anew, then ask with a new lease id.
    Stale {
        /// The epochs that a copy must have.
        epochs: Epochs,
    },
}

/// A call that is let in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Share {
    /// The end of the lease by the Limiter's clock.
    pub expires_at: UnixMillis,
    /// What is granted beside what was needed.
    #[serde(default, skip_serializing_if = "Need::is_nothing")]
    pub extra: Need,
    /// How long after its first asking the caller may still begin, by the caller's own clock.
    pub life_ms: i64,
    /// For the headers of the reply.
    pub standing: Standings,
    /// Limits on trial that would have refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shadowed: Vec<Refusal>,
}

/// A call that is not let in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Denial {
    /// The limit that stands in the way for longest.
    pub refusal: Refusal,
    /// For the headers of the reply.
    pub standing: Standings,
}

/// A limit that has no room.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Refusal {
    /// What it counts.
    pub kind: Kind,
    /// The most that may be.
    pub limit: u64,
    /// When there will be room, from the answer on: never too early, and late by at most one bucket of
    /// the window. Absent if the ask is larger than the limit: it never fits.
    pub retry_after_ms: Option<i64>,
    /// Whom it holds for.
    pub scope: Scope,
}

/// The tightest limits of a call, shadows left out.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Standings {
    /// The budget with the least money left, in micro-dollars; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Standing>,
    /// The one with the fewest admissions left; absent if unlimited.
    pub requests: Option<Standing>,
    /// The one with the fewest tokens left; absent if unlimited.
    pub tokens: Option<Standing>,
}

impl Standings {
    /// Of two Limiters' standings, the tighter of each.
    #[must_use]
    pub fn tighter(self, other: Self) -> Self {
        let of = |ours: Option<Standing>, theirs: Option<Standing>| {
            ours.into_iter().chain(theirs).min_by_key(|standing| standing.remaining)
        };
        Self {
            budget: of(self.budget, other.budget),
            requests: of(self.requests, other.requests),
            tokens: of(self.tokens, other.tokens),
        }
    }
}

/// How a limit stands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Standing {
    /// What it counts.
    pub kind: Kind,
    /// The most that may be.
    pub limit: u64,
    /// What is left after this call.
    pub remaining: u64,
    /// How long until all of it is there again, if nothing else happens.
    pub reset_ms: i64,
    /// Whom it holds for.
    pub scope: Scope,
}

/// The body of `POST /settle`: what was spent, and the receipts of what has ended.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SettleRequest {
    /// Whether no call begins under this lease any more: only then is what was neither spent nor is held by
    /// `running` given back. Reports may follow until nothing runs.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// Which lease. One that the Limiter does not know changes nothing; its receipts are kept still.
    pub lease_id: LeaseId,
    /// What calls came to, for circuits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub news: Vec<News>,
    /// Kept in the Limiter before it answers, and delivered to the database later. One that was kept
    /// already is not kept twice.
    #[serde(default)]
    pub receipts: Vec<Receipt>,
    /// What the calls that are still under way hold of the lease; absent if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<Running>,
    /// 1, 2, 3, …: a report that is not newer than one seen before changes nothing.
    pub seq: u64,
    /// All that this lease has spent so far.
    pub spent: Spent,
    /// The same in the scopes of model and provider; absent if it is the same there. It is less where a
    /// fallback served, which has a lease of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent_at_model: Option<Spent>,
}

impl SettleRequest {
    /// The only report of a lease that one call had.
    #[must_use]
    pub fn of_one(lease_id: LeaseId, spent: Spent) -> Self {
        Self {
            is_final: true,
            lease_id,
            news: Vec::new(),
            receipts: Vec::new(),
            running: None,
            seq: 1,
            spent,
            spent_at_model: None,
        }
    }
}

/// What calls under way hold of a lease.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Running {
    /// The longest that one of them may still hold its slot.
    pub for_ms: u64,
    /// Micro-dollars, at most.
    pub micros: u64,
    /// Slots of `concurrent`.
    pub slots: u64,
    /// Tokens, at most.
    pub tokens: u64,
}

/// What was spent of a lease, in all.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Spent {
    /// Micro-dollars, as the receipts say.
    #[serde(skip_serializing_if = "is_zero")]
    pub micros: u64,
    /// Calls that have begun.
    pub requests: u64,
    /// Tokens as the vendor counted them.
    pub tokens: u64,
    /// Micro-dollars that a vendor may have billed without a receipt that says so: the ceilings of tries of
    /// which nobody knows what became.
    #[serde(skip_serializing_if = "is_zero")]
    pub unsettled_micros: u64,
}

impl Spent {
    /// Whether nothing was spent.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg_attr(
    target_pointer_width = "64",
    expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the field over like this")
)]
fn is_zero(amount: &u64) -> bool {
    *amount == 0
}

/// The answer to `POST /settle`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SettleReply {
    /// The circuits that are not closed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub circuits: Vec<Open>,
    /// What the report did to the lease.
    pub outcome: Settled,
}

/// What a report did.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// The lease was settled, within what was reserved.
    Applied,
    /// The lease was settled; more was spent than reserved, and all of it is booked.
    OverCeiling,
    /// This or a newer report was seen before.
    Repeated,
    /// No such lease, or one that ended long ago.
    Unknown,
}

/// The answer to `PUT /policy` and `POST /refresh`, given when the last lease of an older epoch has ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PolicyReply {
    /// The epochs that hold now. Newer than those sent, if a newer policy was there.
    pub epochs: Epochs,
}

/// The answer to `GET /usage`: every limit of the object, what is used of it, and its circuits.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct UsageReply {
    /// What of the receipts has not reached the database; absent where the object does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backlog: Option<Backlog>,
    /// The circuits that are not closed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub circuits: Vec<Open>,
    /// In the order of their scopes.
    pub limits: Vec<LimitUsage>,
}

/// Receipts that have not reached the database.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Backlog {
    /// Those that the database would not take.
    pub dead: u64,
    /// Those that wait for delivery.
    pub waiting: u64,
}

/// A limit and its use.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct LimitUsage {
    /// The end of the present period, or when nothing counts any more if nothing else happens. Absent
    /// where nothing counts, and for what has no end.
    pub ends_at: Option<UnixMillis>,
    /// What of `used` is held for calls under way.
    pub held: u64,
    /// The limit.
    pub limit: Limit,
    /// The first moment of the present period; absent for what is no budget by the calendar.
    pub starts_at: Option<UnixMillis>,
    /// What of `used` is held for calls of which nobody knows what became.
    pub unsettled: u64,
    /// What counts against it now.
    pub used: u64,
}

/// The answer to `GET /stats`: for tests and for whoever looks after it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Stats {
    /// Of the limits.
    pub counts: Counts,
    /// Receipts that the database would not take.
    pub dead: u64,
    /// The epochs that hold; absent before the first grant.
    pub epochs: Option<Epochs>,
    /// Ids of receipts that were delivered in the last two days.
    pub tombstones: u64,
    /// Receipts that wait for delivery.
    pub waiting: u64,
}

/// The answer to `POST /drain`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DrainReply {
    /// Receipts that the database would not take, in all.
    pub dead: u64,
    /// Receipts that reached the database by this call.
    pub delivered: u64,
    /// Receipts that still wait.
    pub waiting: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        circuit::Key,
        ids::{ModelId, ProviderId},
        limits::policy::{ScopeKind, Span},
        model::ErrorClass,
    };

    #[track_caller]
    fn check<T>(value: &T, json: &str)
    where
        T: for<'de> Deserialize<'de> + PartialEq + Serialize + std::fmt::Debug,
    {
        assert_eq!(serde_json::to_string(value).unwrap(), json);
        assert_eq!(&serde_json::from_str::<T>(json).unwrap(), value);
    }

    fn lease_id() -> LeaseId {
        LeaseId::parse("lease_1").unwrap()
    }

    /// Workers of two deploys talk to one Limiter: a change of these forms must be read by both.
    #[test]
    fn wire_forms_are_stable() {
        let ask = Ask {
            deadline_ms: None,
            epochs: Epochs { catalogue: 1, tenant: 2 },
            extra: Need::default(),
            lease_id: lease_id(),
            need: Need { micros: Some(7), requests: 1, slots: 0, tokens: 900 },
            news: Vec::new(),
            scopes: vec![Scope::new(ScopeKind::Key, "key_1")],
        };
        check(
            &ask,
            r#"{"epochs":{"catalogue":1,"tenant":2},"lease_id":"lease_1","need":{"micros":7,"requests":1,"slots":0,"tokens":900},"scopes":["key:key_1"]}"#,
        );
        let ahead = Need { micros: Some(70), requests: 10, slots: 2, tokens: 0 };
        check(
            &Ask { extra: ahead, ..ask },
            r#"{"epochs":{"catalogue":1,"tenant":2},"extra":{"micros":70,"requests":10,"slots":2,"tokens":0},"lease_id":"lease_1","need":{"micros":7,"requests":1,"slots":0,"tokens":900},"scopes":["key:key_1"]}"#,
        );
        check(
            &Grant::Granted(Share {
                expires_at: UnixMillis(2_000),
                extra: ahead,
                life_ms: 2_000,
                standing: Standings::default(),
                shadowed: Vec::new(),
            }),
            r#"{"grant":"granted","expires_at":2000,"extra":{"micros":70,"requests":10,"slots":2,"tokens":0},"life_ms":2000,"standing":{"requests":null,"tokens":null}}"#,
        );
        let scope = Scope::new(ScopeKind::Key, "key_1");
        let kind = Kind::Requests(Span::Minute);
        let standing =
            Standing { kind, limit: 5, remaining: 4, reset_ms: 63_000, scope: scope.clone() };
        let standing = Standings { budget: None, requests: Some(standing), tokens: None };
        check(
            &Grant::Granted(Share {
                expires_at: UnixMillis(2_000),
                extra: Need::default(),
                life_ms: 2_000,
                standing,
                shadowed: Vec::new(),
            }),
            r#"{"grant":"granted","expires_at":2000,"life_ms":2000,"standing":{"requests":{"kind":"requests_per_minute","limit":5,"remaining":4,"reset_ms":63000,"scope":"key:key_1"},"tokens":null}}"#,
        );
        check(
            &Grant::Denied(Denial {
                refusal: Refusal { kind, limit: 5, retry_after_ms: Some(1), scope },
                standing: Standings::default(),
            }),
            r#"{"grant":"denied","refusal":{"kind":"requests_per_minute","limit":5,"retry_after_ms":1,"scope":"key:key_1"},"standing":{"requests":null,"tokens":null}}"#,
        );
        check(
            &Grant::Stale { epochs: Epochs { catalogue: 1, tenant: 3 } },
            r#"{"grant":"stale","epochs":{"catalogue":1,"tenant":3}}"#,
        );
        check(&Grant::NeedsPolicy, r#"{"grant":"needs_policy"}"#);
        let spent = Spent { requests: 1, tokens: 12, ..Spent::default() };
        let report = SettleRequest::of_one(lease_id(), spent);
        check(
            &report,
            r#"{"final":true,"lease_id":"lease_1","receipts":[],"seq":1,"spent":{"requests":1,"tokens":12}}"#,
        );
        let spent = Spent { micros: 4, unsettled_micros: 9, ..spent };
        let at_model = Spent { micros: 4, requests: 1, tokens: 2, unsettled_micros: 0 };
        let running = Running { for_ms: 600, micros: 5, slots: 1, tokens: 40 };
        let report = SettleRequest {
            running: Some(running),
            spent,
            spent_at_model: Some(at_model),
            ..report
        };
        check(
            &report,
            r#"{"final":true,"lease_id":"lease_1","receipts":[],"running":{"for_ms":600,"micros":5,"slots":1,"tokens":40},"seq":1,"spent":{"micros":4,"requests":1,"tokens":12,"unsettled_micros":9},"spent_at_model":{"micros":4,"requests":1,"tokens":2}}"#,
        );
        let key = Key {
            model_id: ModelId::parse("small").unwrap(),
            provider_id: ProviderId::parse("openai").unwrap(),
        };
        let open = Open {
            class: ErrorClass::Timeout,
            for_ms: 9,
            key,
            probe: Some(3),
            since: UnixMillis(5),
        };
        check(
            &LeaseReply { circuits: vec![open], grant: Grant::NeedsPolicy },
            r#"{"circuits":[{"class":"timeout","for_ms":9,"model_id":"small","provider_id":"openai","probe":3,"since":5}],"grant":"needs_policy"}"#,
        );
        // What an object of an earlier deploy answers.
        check(&LeaseReply::from(Grant::NeedsPolicy), r#"{"grant":"needs_policy"}"#);
        check(
            &SettleReply { circuits: Vec::new(), outcome: Settled::OverCeiling },
            r#"{"outcome":"over_ceiling"}"#,
        );
    }
}
