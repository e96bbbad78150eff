//! What a Limiter has to tell people: in the trail of changes, and to the webhooks that subscribe.
//!
//! The object keeps a notice until the database has it; its ids are made of what it says, so that telling it
//! again tells nothing new.

use serde::Serialize;
use serde_json::Value;

use crate::{
    auth::api_key::digest,
    ids::{InstanceId, ModelId, OrganizationId, ProviderId, ReceiptId},
    limits::{Alert, Kind, Period, Release},
    money::Micros,
    ports::{Statement, Whose},
    receipt::Receipt,
    store::{audit, webhooks::deliveries},
    time::{Timestamp, UnixMillis},
    webhooks::EventType,
};

/// Something that someone has to know.
#[derive(Clone, Copy, Debug)]
pub enum Notice<'a> {
    /// A budget has passed a percent of its amount.
    Budget(&'a Alert),
    /// The database would not take a receipt, which is kept aside.
    Dead(&'a DeadReceipt),
    /// Receipts have not reached the database for a while.
    Outbox(&'a Failing),
    /// A vendor billed more for a call than was held for it.
    Over(&'a OverCeiling),
    /// Money that was held for a lost call went back to its budget.
    Release(&'a Release),
}

/// A receipt that the database would not take.
#[derive(Clone, Debug, serde::Deserialize, Eq, PartialEq, Serialize)]
pub struct DeadReceipt {
    /// What the database said.
    pub error: String,
    /// Which.
    pub receipt_id: ReceiptId,
}

/// A call that cost more than the most that it could cost by its bounds and its model's price: one of the
/// two is wrong, and what the budget promises with it.
#[derive(Clone, Debug, serde::Deserialize, Eq, PartialEq, Serialize)]
pub struct OverCeiling {
    /// What it cost; `None` without a price.
    pub cost_micros: Option<Micros>,
    /// The model that answered.
    pub model_id: Option<ModelId>,
    /// Who bills it.
    pub provider_id: Option<ProviderId>,
    /// The call.
    pub receipt_id: ReceiptId,
}

/// For how long one notice of a model stands for all of its calls: a wrong price or bound shows in every one.
const OVER_EACH_MS: i64 = 60 * 60 * 1_000;

impl OverCeiling {
    /// The notice of a receipt; `None` of one that stayed within what was held.
    #[must_use]
    pub fn of(receipt: &Receipt) -> Option<Self> {
        receipt.over_ceiling.then(|| Self {
            cost_micros: receipt.cost_micros,
            model_id: receipt.model_id.clone(),
            provider_id: receipt.provider_id.clone(),
            receipt_id: receipt.receipt_id.clone(),
        })
    }

    /// Tells notices of one Limiter apart, and until when no other of the same model is told.
    #[must_use]
    pub fn id(&self, now: UnixMillis) -> (String, UnixMillis) {
        let hour = now.0.div_euclid(OVER_EACH_MS);
        let until = hour.saturating_add(1).saturating_mul(OVER_EACH_MS);
        let model = self.model_id.as_ref().map(ModelId::as_str).unwrap_or_default();
        (format!("over/{model}/{hour}"), UnixMillis(until))
    }
}

/// An outbox that does not get through.
#[derive(Clone, Debug, serde::Deserialize, Eq, PartialEq, Serialize)]
pub struct Failing {
    /// What the database said last.
    pub error: String,
    /// Since when.
    pub since: UnixMillis,
    /// How many receipts waited then.
    pub waiting: u64,
}

/// The statements that tell a notice of a Limiter: one for the trail of changes, and one for webhooks where
/// they can hear of it. Repeated, they change nothing.
///
/// `id` tells notices of the same Limiter apart, and `at` is when it came up.
#[must_use]
pub fn tell(whose: Whose<'_>, id: &str, notice: Notice<'_>, at: UnixMillis) -> Vec<Statement> {
    let (instance, organization) = match whose {
        Whose::Instance(id) => (Some(id), None),
        Whose::Organization(id) => (None, Some(id)),
    };
    let name = instance.map(InstanceId::as_str).or(organization.map(OrganizationId::as_str));
    let key = digest(&format!("{}\n{id}", name.unwrap_or_default()));
    let told = notice.as_event();
    let of_system = audit::OfSystem {
        action: told.action,
        after: &told.data,
        id: &audit_id(at, &key),
        instance,
        organization,
        target: &told.target,
    };
    let mut statements = vec![audit::insert_of_system(&of_system, at)];
    if let Some(event_type) = told.event_type {
        statements.push(deliveries::announce(&deliveries::Announcement {
            event_type: event_type.as_str(),
            instance,
            key: key.get(..32).unwrap_or(&key),
            now: at,
            organization,
            payload: &crate::webhooks::payload(event_type, at, &told.data),
        }));
    }
    statements
}

/// A notice in words.
struct Told {
    action: &'static str,
    data: Value,
    event_type: Option<EventType>,
    target: String,
}

impl Notice<'_> {
    fn as_event(self) -> Told {
        match self {
            Self::Budget(alert) => Told {
                action: "budget.threshold",
                data: serde_json::json!({"budget": {
                    "scope": alert.scope.kind.name(),
                    "scope_id": alert.scope.id,
                    "period": period(alert.kind),
                    "percent": alert.percent,
                    "amount_micros": alert.limit_micros,
                    "spent_micros": alert.spent_micros,
                    "starts_at": starts_at(alert).map(Timestamp::from),
                    "ends_at": starts_at(alert).map(|_| Timestamp::from(alert.ends_at)),
                }}),
                event_type: Some(EventType::BudgetThreshold),
                target: alert.scope.to_string(),
            },
            Self::Dead(dead) => Told {
                action: "outbox.put-aside",
                data: serde_json::json!({"outbox": {
                    "error": dead.error,
                    "receipt_id": dead.receipt_id,
                }}),
                event_type: Some(EventType::OutboxFailing),
                target: dead.receipt_id.to_string(),
            },
            Self::Outbox(failing) => Told {
                action: "outbox.failing",
                data: serde_json::json!({"outbox": {
                    "error": failing.error,
                    "since": Timestamp::from(failing.since),
                    "waiting": failing.waiting,
                }}),
                event_type: Some(EventType::OutboxFailing),
                target: "outbox".to_owned(),
            },
            Self::Over(over) => Told {
                action: "receipt.over-ceiling",
                data: serde_json::json!({"receipt": {
                    "receipt_id": over.receipt_id,
                    "model_id": over.model_id,
                    "provider_id": over.provider_id,
                    "cost_micros": over.cost_micros,
                }}),
                event_type: Some(EventType::ReceiptOverCeiling),
                target: over.receipt_id.to_string(),
            },
            Self::Release(release) => Told {
                action: "budget.release",
                data: serde_json::json!({
                    "period": period(release.kind),
                    "lease_id": release.lease_id,
                    "released_micros": release.micros,
                }),
                event_type: None,
                target: release.scope.to_string(),
            },
        }
    }
}

fn period(kind: Kind) -> Option<&'static str> {
    kind.period().map(Period::name)
}

/// The first moment of an alert's period; `None` for a budget that never begins anew.
fn starts_at(alert: &Alert) -> Option<UnixMillis> {
    (alert.kind != Kind::Budget(Period::Total)).then_some(alert.starts_at)
}

/// An id in the order of time, the same for the same notice.
fn audit_id(at: UnixMillis, key: &str) -> String {
    let bytes = key.as_bytes();
    let random = std::array::from_fn(|place| bytes.get(place).copied().unwrap_or_default());
    audit::AuditEvent::make_id(at, random)
}
