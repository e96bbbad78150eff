//! What travels between a worker and its Limiter, as JSON.
//!
//! | call | body | answer |
//! | --- | --- | --- |
//! | `POST /lease` | [`LeaseRequest`] | [`LeaseReply`] |
//! | `POST /settle` | [`SettleRequest`] | [`SettleReply`] |
//! | `PUT /policy` | [`Policy`](super::Policy) | [`PolicyReply`] |
//! | `POST /refresh` | [`Epochs`] | [`PolicyReply`] |
//! | `GET /epoch` | | [`Epochs`] |
//! | `GET /stats` | | [`Stats`] |
//! | `POST /drain` | | [`DrainReply`] |
//!
//! Failures have the envelope of every worker, with 400 for what is not of this form and 503 where the
//! Limiter cannot read its policy.

use serde::{Deserialize, Serialize};

use super::{
    Counts,
    policy::{Epochs, Kind, Scope},
};
use crate::{ids::LeaseId, receipt::Receipt, time::UnixMillis};

/// The body of `POST /lease`.
pub type LeaseRequest = Ask;
/// The answer to `POST /lease`.
pub type LeaseReply = Grant;

/// What a call wants to be let in for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Ask {
    /// How long a slot of `concurrent` may be held: the call's total deadline. Ten minutes if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// How fresh the caller's copy of key and model is.
    pub epochs: Epochs,
    /// Made by the caller. Repeating an ask with the same id gives the same answer.
    pub lease_id: LeaseId,
    /// What is debited in every scope.
    pub need: Need,
    /// Whom it counts for: never what a client wrote, but what its key says.
    pub scopes: Vec<Scope>,
}

/// How much a call may take: upper bounds.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Need {
    /// Admissions: 1 for a call.
    pub requests: u64,
    /// Slots of `concurrent`, held until the call is settled.
    pub slots: u64,
    /// Tokens read and made, at most. What is above 2^40 counts as 2^40.
    pub tokens: u64,
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
        Self { requests: of(self.requests, other.requests), tokens: of(self.tokens, other.tokens) }
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
    /// Whether this is the last report: only then is what was not spent given back.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// Which lease. One that the Limiter does not know changes nothing; its receipts are kept still.
    pub lease_id: LeaseId,
    /// Kept in the Limiter before it answers, and delivered to the database later. One that was kept
    /// already is not kept twice.
    #[serde(default)]
    pub receipts: Vec<Receipt>,
    /// For a report that is not the last: the call may hold its slot for this much longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_ms: Option<u64>,
    /// 1, 2, 3, …: a report that is not newer than one seen before changes nothing.
    pub seq: u64,
    /// All that this lease has spent so far.
    pub spent: Spent,
}

/// What was spent of a lease, in all.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Spent {
    /// 1, or 0 if the call was given up before it began.
    pub requests: u64,
    /// Tokens as the vendor counted them.
    pub tokens: u64,
}

/// The answer to `POST /settle`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SettleReply {
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
    use crate::limits::policy::{ScopeKind, Span};

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
            lease_id: lease_id(),
            need: Need { requests: 1, slots: 0, tokens: 900 },
            scopes: vec![Scope::new(ScopeKind::Key, "key_1")],
        };
        check(
            &ask,
            r#"{"epochs":{"catalogue":1,"tenant":2},"lease_id":"lease_1","need":{"requests":1,"slots":0,"tokens":900},"scopes":["key:key_1"]}"#,
        );
        let scope = Scope::new(ScopeKind::Key, "key_1");
        let kind = Kind::Requests(Span::Minute);
        let standing =
            Standing { kind, limit: 5, remaining: 4, reset_ms: 63_000, scope: scope.clone() };
        let standing = Standings { requests: Some(standing), tokens: None };
        check(
            &Grant::Granted(Share {
                expires_at: UnixMillis(2_000),
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
        let report = SettleRequest {
            is_final: true,
            lease_id: lease_id(),
            receipts: Vec::new(),
            running_ms: None,
            seq: 1,
            spent: Spent { requests: 1, tokens: 12 },
        };
        check(
            &report,
            r#"{"final":true,"lease_id":"lease_1","receipts":[],"seq":1,"spent":{"requests":1,"tokens":12}}"#,
        );
        check(&SettleReply { outcome: Settled::OverCeiling }, r#"{"outcome":"over_ceiling"}"#);
    }
}
