//! Identifiers: made only by parsing or from entropy, so that no other text can pass for one.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

/// Why a text is not an identifier.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not {what}: expected {form}")]
pub struct BadId {
    /// What was asked for: `a model id`.
    pub what: &'static str,
    /// The form that it must have.
    pub form: &'static str,
}

macro_rules! prefixed {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The prefix with its underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Reads an id: the prefix, then 1 to 64 of `[A-Za-z0-9-]`.
            ///
            /// # Errors
            /// [`BadId`] for any other text.
            pub fn parse(text: &str) -> Result<Self, BadId> {
                let bad = BadId { what: $what, form: concat!($prefix, " and up to 64 of A-Z a-z 0-9 -") };
                match text.strip_prefix($prefix) {
                    Some(rest) if is_tail(rest) => Ok(Self(text.to_owned())),
                    _ => Err(bad),
                }
            }

            /// Makes an id whose order is that of time (UUIDv7, without hyphens).
            #[must_use]
            pub fn make(now: crate::time::UnixMillis, random: [u8; 10]) -> Self {
                Self(format!(concat!($prefix, "{}"), uuid_v7(now, random).simple()))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

prefixed!(/// A key of a client or of a person.
    ApiKeyId, "key_", "an API key id");
prefixed!(/// Bytes that were made or taken over, and are kept.
    AssetId, "asset_", "an asset id");
prefixed!(/// One message to one receiver: the `webhook-id` of each try.
    DeliveryId, "msg_", "a delivery id");
prefixed!(/// A tenant's instance.
    InstanceId, "inst_", "an instance id");
prefixed!(/// A piece of work that takes longer than a request.
    JobId, "job_", "a job id");
prefixed!(/// A share of limits that a worker holds for a while.
    LeaseId, "lease_", "a lease id");
prefixed!(/// An organization.
    OrganizationId, "org_", "an organization id");
prefixed!(/// A project of an instance.
    ProjectId, "proj_", "a project id");
prefixed!(/// One call in the books: primary key of ledger, outbox and usage.
    ReceiptId, "rcpt_", "a receipt id");
prefixed!(/// A log-in of a browser.
    SessionId, "sess_", "a session id");
prefixed!(/// A person.
    UserId, "user_", "a user id");
prefixed!(/// An address that is told of events.
    WebhookId, "whk_", "a webhook id");

/// The id of a model, as callers name it: `gpt-4o-mini`, `groq/openai/gpt-oss-120b`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct ModelId(String);

impl ModelId {
    /// Reads a model id: `^[a-z0-9][a-z0-9._:/-]{0,99}$`.
    ///
    /// # Errors
    /// [`BadId`] for any other text.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        let starts = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        // The underscore is there for `eleven_multilingual_v2`, an id that the vendor made.
        let all = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._:/-".contains(&c);
        if starts && text.len() <= 100 && text.bytes().all(all) {
            return Ok(Self(text.to_owned()));
        }
        Err(BadId {
            what: "a model id",
            form: "a-z 0-9 . _ : / - (at most 100, first a letter or digit)",
        })
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ModelId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

/// The id of a provider: `openai`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct ProviderId(String);

impl ProviderId {
    /// Reads a provider id: `^[a-z0-9][a-z0-9-]{0,49}$`.
    ///
    /// # Errors
    /// [`BadId`] for any other text.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        let all = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        if !text.is_empty() && !text.starts_with('-') && text.len() <= 50 && text.bytes().all(all) {
            return Ok(Self(text.to_owned()));
        }
        Err(BadId {
            what: "a provider id",
            form: "a-z 0-9 - (at most 50, first a letter or digit)",
        })
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ProviderId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

/// The id of one HTTP request: the caller's word if well formed, else ours. Never a key of anything.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct RequestId(String);

impl RequestId {
    /// Reads a caller's id: `^[A-Za-z0-9._-]{1,128}$`.
    ///
    /// # Errors
    /// [`BadId`] for any other text.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        let all = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c);
        // A key in the wrong header must not end up in logs and books.
        let is_key = ["de_admin_", "de_live_", "de_test_"].iter().any(|form| text.contains(form));
        if !text.is_empty() && text.len() <= 128 && text.bytes().all(all) && !is_key {
            return Ok(Self(text.to_owned()));
        }
        Err(BadId { what: "a request id", form: "1 to 128 of A-Z a-z 0-9 . _ -" })
    }

    /// Makes an id of our own: a UUIDv7.
    #[must_use]
    pub fn make(now: crate::time::UnixMillis, random: [u8; 10]) -> Self {
        Self(uuid_v7(now, random).to_string())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RequestId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

/// RFC 9562, version 7: milliseconds first, so that ids sort by time and pages can follow them.
fn uuid_v7(now: crate::time::UnixMillis, random: [u8; 10]) -> uuid::Uuid {
    let millis = u64::try_from(now.0).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

fn is_tail(text: &str) -> bool {
    let all = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
    !text.is_empty() && text.len() <= 64 && text.bytes().all(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::UnixMillis;

    #[test]
    fn ids_are_made_only_by_parsing() {
        assert!(InstanceId::parse("inst_a1").is_ok());
        for bad in ["", "inst_", "proj_a1", "inst_a b", "inst_../x", "inst_a/b"] {
            assert!(InstanceId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn c30_model_ids_take_what_vendors_make() {
        for good in ["gpt-4o-mini", "groq/openai/gpt-oss-120b", "eleven_multilingual_v2", "a:b.c"] {
            assert!(ModelId::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "GPT", "a b", "a?b", &"a".repeat(101)] {
            assert!(ModelId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_is_no_request_id() {
        assert!(RequestId::parse("job-17.retry_2").is_ok());
        for bad in ["", "a b", "de_live_0DGcLGWMl53uz9DKRkqEUw", &"a".repeat(129)] {
            assert!(RequestId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn made_ids_sort_by_time() {
        let early = ReceiptId::make(UnixMillis(1_000), [255; 10]);
        let late = ReceiptId::make(UnixMillis(2_000), [0; 10]);
        assert!(early < late);
        assert_eq!(ReceiptId::parse(late.as_str()), Ok(late));
    }
}
