//! Who serves when a model cannot, and when it is not asked at all for a while.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct};
use serde_json::Value;

use super::{
    reader::{Noted, Reader, bounded, id, word},
    words::ErrorClass,
};
use crate::{ids::ModelId, json::type_name, protocols::FieldIssue};

/// The shortest time that a circuit is open in milliseconds: the life of a lease. What was granted before it
/// opened has ended then, so that whoever may call knows of it.
pub const LEAST_OPEN_MS: u64 = 2_000;
/// The longest.
pub const MOST_OPEN_MS: u64 = 600_000;

/// A model that serves when another one cannot.
///
/// Its JSON is its id, or `{"model_id", "on"}`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fallback {
    /// The model, by id or alias.
    pub model_id: ModelId,
    /// After which failures it serves; absent: after all that are [usual](ErrorClass::is_usual).
    pub on: Option<BTreeSet<ErrorClass>>,
}

/// A model that serves when another one cannot: its id or alias, after `auth`, `error`, `rate_limit`, `timeout`,
/// `unavailable`; or with the failures that it serves after.
#[cfg(not(target_family = "wasm"))]
#[derive(utoipa::ToSchema)]
#[serde(untagged)]
#[schema(as = Fallback)]
pub enum FallbackForm {
    /// After all usual failures.
    Usual(ModelId),
    /// After these failures alone.
    On {
        /// The model, by id or alias.
        model_id: ModelId,
        /// After which failures.
        #[schema(min_items = 1)]
        on: Option<BTreeSet<ErrorClass>>,
    },
}

impl Fallback {
    /// Reads the JSON form of one of a list, whose place is `pointer`.
    pub(super) fn read(value: &Value, pointer: &str, noted: &mut Noted) -> Option<Self> {
        let members = match value {
            Value::Object(members) => members,
            Value::String(_) => {
                return match id(ModelId::parse)(value) {
                    Ok(model_id) => Some(Self { model_id, on: None }),
                    Err(reason) => {
                        noted.issues.push(FieldIssue { pointer: pointer.to_owned(), reason });
                        None
                    }
                };
            }
            other => {
                let reason =
                    format!("expected a model id or an object, found {}", type_name(other));
                noted.issues.push(FieldIssue { pointer: pointer.to_owned(), reason });
                return None;
            }
        };
        let mut reader = Reader::below(members, noted, pointer.to_owned());
        let model_id = reader.required("model_id", id(ModelId::parse));
        let has_classes = members.get("on").is_some_and(|on| !on.is_null());
        let on =
            reader.list("on", ErrorClass::ALL.len(), word(ErrorClass::parse, ErrorClass::expected));
        if has_classes && matches!(members.get("on"), Some(Value::Array(list)) if list.is_empty()) {
            reader.note("on", "must not be empty".to_owned());
        }
        reader.finish();
        let on = has_classes.then(|| on.into_iter().collect());
        Some(Self { model_id: model_id?, on })
    }
}

impl Serialize for Fallback {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(on) = &self.on else { return self.model_id.serialize(serializer) };
        let mut members = serializer.serialize_struct("Fallback", 2)?;
        members.serialize_field("model_id", &self.model_id)?;
        members.serialize_field("on", on)?;
        members.end()
    }
}

/// When a model is not asked any more for a while, because its vendor fails.
///
/// Five calls in a row are what `GET /v1/providers/{id}/health` takes for a vendor that is down. Ten seconds: a
/// vendor that is down gets six calls a minute instead of all, and one that is back serves ten seconds later.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct CircuitBreaker {
    /// So many calls in a row that the vendor fails open the circuit; 0: it never opens. 5 unless given.
    #[cfg_attr(not(target_family = "wasm"), schema(maximum = 1000))]
    pub failures: u64,
    /// Within so many milliseconds; a minute unless given.
    #[cfg_attr(not(target_family = "wasm"), schema(minimum = 1000, maximum = 3600000))]
    pub window_ms: u64,
    /// How long it is open before one call tries whether the vendor is back; ten seconds unless given.
    #[cfg_attr(not(target_family = "wasm"), schema(minimum = 2000, maximum = 600000))]
    pub open_ms: u64,
}

impl<'de> Deserialize<'de> for CircuitBreaker {
    /// Reads what we keep and tell ourselves, which a newer version may have written; callers are read by
    /// the reader of configs, which refuses what it does not know.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Kept {
            failures: Option<u64>,
            open_ms: Option<u64>,
            window_ms: Option<u64>,
        }
        let Kept { failures, open_ms, window_ms } = Kept::deserialize(deserializer)?;
        let usual = Self::default();
        Ok(Self {
            failures: failures.unwrap_or(usual.failures),
            open_ms: open_ms.unwrap_or(usual.open_ms),
            window_ms: window_ms.unwrap_or(usual.window_ms),
        })
    }
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self { failures: 5, open_ms: 10_000, window_ms: 60_000 }
    }
}

impl CircuitBreaker {
    /// One that never opens.
    #[must_use]
    pub fn off() -> Self {
        Self { failures: 0, ..Self::default() }
    }

    /// Whether it never opens.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.failures == 0
    }

    pub(super) fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let usual = Self::default();
        Self {
            failures: reader.optional("failures", bounded(0, 1_000)).unwrap_or(usual.failures),
            open_ms: reader
                .optional("open_ms", bounded(LEAST_OPEN_MS, MOST_OPEN_MS))
                .unwrap_or(usual.open_ms),
            window_ms: reader
                .optional("window_ms", bounded(1_000, 3_600_000))
                .unwrap_or(usual.window_ms),
        }
    }
}
