//! Tells others what happened: signed messages to addresses that subscribe to events, or that one request named.
//!
//! Who ends something puts [`publish`] into the batch that ends it, so that the message is there if and only if
//! the end is. It then lets [`delivery::deliver_due`] run in the background; the config worker's cron does so every
//! minute, for what could not be delivered at once. Each message is sent at least once, in no promised order, under
//! one id.
//!
//! Out of scope: what comes in from vendors. Follows
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.

pub mod delivery;
pub mod schedule;
pub mod signature;

use serde::Serialize;
use serde_json::Value;

use crate::{
    auth::{
        api_key::digest,
        signature::{self as hmac, Purpose},
        vault::{self, Kind, VaultError},
    },
    ids::{DeliveryId, InstanceId, OrganizationId, WebhookId},
    ports::{Entropy, Platform, Settings, Statement},
    secret::Secret,
    store::webhooks::deliveries::{self, NewCallback, NewMessage},
    time::{Timestamp, UnixMillis},
};

/// What can happen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EventType {
    /// A budget has passed a percent of its amount.
    BudgetThreshold,
    /// A job was given up before its end.
    JobCancelled,
    /// A job ended without a result.
    JobFailed,
    /// A job ended with a result.
    JobSucceeded,
    /// Receipts do not reach the database.
    OutboxFailing,
    /// A vendor billed more for a call than its own bounds allow.
    ReceiptOverCeiling,
    /// Someone wants to see whether messages arrive. Nobody subscribes to it, and it is tried once.
    WebhookTest,
}

impl EventType {
    /// Those that one can subscribe to.
    pub const SUBSCRIBABLE: [Self; 6] = [
        Self::BudgetThreshold,
        Self::JobCancelled,
        Self::JobFailed,
        Self::JobSucceeded,
        Self::OutboxFailing,
        Self::ReceiptOverCeiling,
    ];

    /// As it stands in rows and messages: `job.succeeded`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BudgetThreshold => "budget.threshold",
            Self::JobCancelled => "job.cancelled",
            Self::JobFailed => "job.failed",
            Self::JobSucceeded => "job.succeeded",
            Self::OutboxFailing => "outbox.failing",
            Self::ReceiptOverCeiling => "receipt.over-ceiling",
            Self::WebhookTest => "webhook.test",
        }
    }

    /// Reads the word of a subscription; `None` for one that nobody can subscribe to.
    #[must_use]
    pub fn subscribable(word: &str) -> Option<Self> {
        Self::SUBSCRIBABLE.into_iter().find(|known| known.as_str() == word)
    }
}

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// What the message says of it: a JSON object, without anything secret.
    pub data: &'a Value,
    /// What happened.
    pub event_type: EventType,
    /// Where.
    pub instance: &'a InstanceId,
    /// Whose instance that is.
    pub organization: &'a OrganizationId,
    /// What it happened to: `job_…`. The same of the same subject is the same event, however often it is
    /// published.
    pub subject: &'a str,
    /// When, and from when on it may be told.
    pub at: UnixMillis,
}

/// The body of a message.
#[derive(Serialize)]
struct Envelope<'a> {
    r#type: &'static str,
    timestamp: Timestamp,
    data: &'a Value,
}

/// An address that one request named, to be told when its work has ended.
///
/// It holds no secret in clear and may rest anywhere.
#[derive(Clone, Debug, serde::Deserialize, Eq, PartialEq, Serialize)]
pub struct Callback {
    /// What signs, sealed for this organization and address.
    pub sealed: String,
    /// Where to, as [`crate::guard::receiver`] has read it.
    pub url: String,
}

impl Callback {
    /// Takes an address that [`crate::guard::receiver`] has let through, for the end of `subject`: `job_…`. Says of
    /// which version of the master key its [`Callback::secret`] is.
    ///
    /// # Errors
    /// [`VaultError::NoMasterKey`].
    pub fn make(
        platform: &Platform,
        organization: &OrganizationId,
        subject: &str,
        url: String,
    ) -> Result<(Self, u32), VaultError> {
        let (settings, entropy) = (&platform.settings, &*platform.entropy);
        let version = hmac::newest(settings)?;
        let secret = Self::secret(settings, version, subject)?;
        let place = callback_place(organization, &url);
        let sealed = vault::seal_for(settings, entropy, Kind::WebhookSecret, &place, &secret)?;
        Ok((Self { sealed, url }, version))
    }

    /// What signs the message of the end of `subject`, for who ordered it and nobody else: `whsec_…`. It is derived,
    /// so that it rests nowhere in clear and every repetition of the order tells the same one.
    ///
    /// # Errors
    /// [`VaultError::NoMasterKey`] if this version is gone.
    pub fn secret(settings: &Settings, version: u32, subject: &str) -> Result<Secret, VaultError> {
        hmac::derive(settings, version, Purpose::CallbackSecret, subject).map(signature::secret_of)
    }
}

/// Tells everyone who subscribes to an event: the statements that insert one message a subscriber, due at once.
///
/// They go into the batch of what happened. Repeated, they insert nothing more; where nobody subscribes, or the
/// instance is gone, nothing at all.
#[must_use]
pub fn publish(event: &Event<'_>) -> Vec<Statement> {
    vec![deliveries::publish(&NewMessage {
        event_type: event.event_type.as_str(),
        instance: event.instance,
        key: &event.key(),
        now: event.at,
        organization: event.organization,
        payload: &event.payload(),
    })]
}

/// Tells the address that one request named: as [`publish`], beside it or without it.
#[must_use]
pub fn call_back(callback: &Callback, event: &Event<'_>) -> Vec<Statement> {
    let message = NewMessage {
        event_type: event.event_type.as_str(),
        instance: event.instance,
        key: &event.key(),
        now: event.at,
        organization: event.organization,
        payload: &event.payload(),
    };
    let callback = NewCallback { message, sealed: &callback.sealed, url: &callback.url };
    vec![deliveries::call_back(&callback)]
}

/// The message that shows whether messages arrive.
#[must_use]
pub fn test_message(webhook: &WebhookId, id: &DeliveryId, now: UnixMillis) -> Statement {
    let data = serde_json::json!({"webhook_id": webhook});
    let event_type = EventType::WebhookTest;
    deliveries::insert_for(webhook, id, event_type.as_str(), &payload(event_type, now, &data), now)
}

impl Event<'_> {
    fn payload(&self) -> String {
        payload(self.event_type, self.at, self.data)
    }

    /// 32 letters and digits that are this event's and no other's.
    fn key(&self) -> String {
        let Self { event_type, instance, subject, .. } = self;
        let mut key = digest(&format!("{instance}\n{subject}\n{}", event_type.as_str()));
        key.truncate(32);
        key
    }
}

pub(crate) fn payload(event_type: EventType, at: UnixMillis, data: &Value) -> String {
    let envelope = Envelope { r#type: event_type.as_str(), timestamp: at.into(), data };
    // String keys and finite numbers: it cannot fail.
    serde_json::to_string(&envelope).unwrap_or_default()
}

/// Seals the secret of a webhook, for its own row only.
///
/// # Errors
/// [`VaultError::NoMasterKey`].
pub fn seal(
    settings: &Settings,
    entropy: &dyn Entropy,
    webhook: &WebhookId,
    secret: &Secret,
) -> Result<String, VaultError> {
    vault::seal_for(settings, entropy, Kind::WebhookSecret, webhook.as_str(), secret)
}

/// Opens the secret of a webhook.
///
/// # Errors
/// [`VaultError`]; none of them is worth a retry.
pub fn open(settings: &Settings, webhook: &WebhookId, sealed: &str) -> Result<Secret, VaultError> {
    vault::open_for(settings, Kind::WebhookSecret, webhook.as_str(), sealed)
}

/// What the secret of a call back is bound to: nobody else's, and nowhere else.
#[must_use]
pub fn callback_place(organization: &OrganizationId, url: &str) -> String {
    format!("{organization}/{url}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event<'a>(ids: &'a (OrganizationId, InstanceId), data: &'a Value) -> Event<'a> {
        Event {
            data,
            event_type: EventType::JobSucceeded,
            instance: &ids.1,
            organization: &ids.0,
            subject: "job_1",
            at: UnixMillis(1_795_621_776_120),
        }
    }

    #[test]
    fn a_message_is_an_envelope_and_its_key_tells_events_apart() {
        let ids = (OrganizationId::parse("org_1").unwrap(), InstanceId::parse("inst_1").unwrap());
        let data = json!({"job": {"id": "job_1"}});
        let event = event(&ids, &data);
        // Receivers read this.
        assert_eq!(
            event.payload(),
            r#"{"type":"job.succeeded","timestamp":"2026-11-25T15:49:36.120Z","data":{"job":{"id":"job_1"}}}"#
        );
        assert_eq!(event.key().len(), 32);
        let later = Event { at: UnixMillis(0), data: &Value::Null, ..event };
        assert_eq!(event.key(), later.key(), "the same event, told again");
        let other = Event { event_type: EventType::JobFailed, ..event };
        let next = Event { subject: "job_2", ..event };
        assert!(event.key() != other.key() && event.key() != next.key());
    }

    #[test]
    fn nobody_subscribes_to_tests() {
        for known in EventType::SUBSCRIBABLE {
            assert_eq!(EventType::subscribable(known.as_str()), Some(known));
        }
        for word in ["webhook.test", "job.started", "*", ""] {
            assert_eq!(EventType::subscribable(word), None, "{word}");
        }
    }
}
