//! Which models serve the calls of a model, each for a part of them, and when two are asked at once.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    reader::{Noted, Reader, bounded, id, word},
    words::Sticky,
};
use crate::{ids::ModelId, json::type_name, protocols::FieldIssue};

/// How many models may share a model's calls.
const MEMBERS: usize = 16;
/// The largest weight.
const MOST_WEIGHT: u64 = 1_000;
/// The shortest wait before a second model is asked, in milliseconds, and the longest.
const HEDGE_MS: (u64, u64) = (10, 600_000);

/// Where the calls of a model go.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Routing {
    /// After so many milliseconds without an answer the next model is asked as well, and the first good
    /// answer counts. Both may be billed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_family = "wasm"), schema(minimum = 10, maximum = 600000))]
    pub hedge_after_ms: Option<u64>,
    /// Models that serve the calls, each for its part of them; the model's own vendor has a part only if the
    /// model stands here itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(not(target_family = "wasm"), schema(max_items = 16))]
    pub split: Vec<Portion>,
    /// What the calls have in common that go to the same one of `split`; absent: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Sticky>,
}

/// One of the models that share calls.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Portion {
    /// The model, by id or alias.
    pub model_id: ModelId,
    /// Its part of the sum of all weights; 0: it is not asked.
    #[cfg_attr(not(target_family = "wasm"), schema(maximum = 1000))]
    pub weight: u64,
}

impl Routing {
    pub(super) fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// After how long without an answer another model is asked as well.
    #[must_use]
    pub fn hedge_after(&self) -> Option<Duration> {
        self.hedge_after_ms.map(Duration::from_millis)
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let (least, most) = HEDGE_MS;
        let routing = Self {
            hedge_after_ms: reader.optional("hedge_after_ms", bounded(least, most)),
            split: reader.items("split", MEMBERS, Portion::read),
            sticky: reader.optional("sticky", word(Sticky::parse, Sticky::expected)),
        };
        let ids = routing.split.iter().map(|portion| &portion.model_id);
        for (index, id) in ids.clone().enumerate() {
            if ids.clone().take(index).any(|other| other == id) {
                reader.note(&format!("split/{index}/model_id"), "stands here twice".to_owned());
            }
        }
        let has_weight = routing.split.iter().any(|portion| portion.weight > 0);
        if !routing.split.is_empty() && !has_weight {
            reader.note("split", "at least one weight must be over 0".to_owned());
        }
        if routing.sticky.is_some() && reader.is_empty("split") {
            reader.note("sticky", "needs a split".to_owned());
        }
        routing
    }
}

impl Portion {
    /// Reads the JSON form of one of a list, whose place is `pointer`.
    fn read(value: &Value, pointer: &str, noted: &mut Noted) -> Option<Self> {
        let Value::Object(members) = value else {
            let reason = format!("expected an object, found {}", type_name(value));
            noted.issues.push(FieldIssue { pointer: pointer.to_owned(), reason });
            return None;
        };
        let mut reader = Reader::below(members, noted, pointer.to_owned());
        let model_id = reader.required("model_id", id(ModelId::parse));
        let weight = reader.required("weight", bounded(0, MOST_WEIGHT));
        reader.finish();
        Some(Self { model_id: model_id?, weight: weight? })
    }
}
