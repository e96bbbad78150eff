//! A model config: what a model is called, can do and costs, and how its vendor is spoken to.
//!
//! [`ModelConfig`] is what rows, exports, imports and seeds hold. It is read by [`ModelConfig::parse`]
//! alone, which names every fault at once. What a mapping says is read in `mapping`, and checked when a
//! config is saved.

pub mod check;
mod reader;
pub mod routing;
mod split;
mod words;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use self::reader::{Noted, Reader, count, flag, id, patience, text, time, word};
pub(crate) use self::words::words;
pub use self::{
    routing::{CircuitBreaker, Fallback},
    split::{Portion, Routing},
    words::{Date, ErrorClass, Modality, OnUnsupported, Protocol, Status, Sticky},
};
use crate::{
    ids::{ModelId, ProviderId},
    pricing::Pricing,
    protocols::FieldIssue,
    time::{Timestamp, UnixMillis},
};

/// One version of one model.
///
/// Its JSON has a member for each field that is not absent; in JSON, `null` is absent too.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub struct ModelConfig {
    /// The name that callers use.
    pub model_id: ModelId,
    /// Who serves it.
    pub provider_id: ProviderId,
    /// For people, at most 200 characters.
    pub display_name: String,
    /// For people, at most 2,000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How the vendor is spoken to.
    pub protocol: Protocol,
    /// The vendor's name of it; the model's id unless given.
    pub upstream_model: String,
    /// How the vendor is called when the protocol is `mapped`. Beside another protocol it is checked and
    /// kept, so that changing over is a change of one word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_mapping: Option<Value>,
    /// What it can do.
    pub capabilities: Capabilities,
    /// The largest input in tokens; absent if not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_window: Option<u64>,
    /// The largest output in tokens; absent if not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// The output bound in tokens that is sent where one is needed and the caller gave none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_max_output_tokens: Option<u64>,
    /// What it costs; absent: it has no price and cannot run under a budget.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pricing: Option<Pricing>,
    /// How much of it an instance may use, unless the instance's limits say otherwise.
    #[serde(skip_serializing_if = "RateLimits::is_unlimited")]
    pub rate_limits: RateLimits,
    /// Other names of it, at most 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<ModelId>,
    /// What serves instead when it cannot, in this order, at most 10.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(not(target_family = "wasm"), schema(value_type = Vec<routing::FallbackForm>))]
    pub fallbacks: Vec<Fallback>,
    /// When it is not asked any more for a while, because its vendor fails.
    #[serde(skip_serializing_if = "CircuitBreaker::is_usual")]
    pub circuit_breaker: CircuitBreaker,
    /// Which models serve its calls, each for a part of them, and when two are asked at once.
    #[serde(skip_serializing_if = "Routing::is_usual")]
    pub routing: Routing,
    /// How long its vendor may take.
    #[serde(skip_serializing_if = "Timeouts::is_default")]
    pub timeouts: Timeouts,
    /// What happens to an option of ours that the model does not honour.
    pub on_unsupported: OnUnsupported,
    /// What happens to an option that its mapping does not use.
    pub unknown_options: OnUnsupported,
    /// Whether it may be called.
    pub status: Status,
    /// Since when it is deprecated. Saving sets it when the status becomes that, and clears it when it
    /// becomes another; absent if not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecated_at: Option<Timestamp>,
    /// When the vendor ends it; absent if not announced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecation_date: Option<Date>,
    /// Counts the saved versions from 1. What is parsed without one is version 1.
    pub version: u64,
}

macro_rules! capabilities {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// What a model can do; absent is "not known", which is not "no".
        #[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
        #[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
        #[serde(default, deny_unknown_fields)]
        pub struct Capabilities {
            $($(#[$doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $name: Option<bool>,)+
        }

        impl Capabilities {
            fn read(reader: &mut Reader<'_>) -> Self {
                Self { $($name: reader.optional(stringify!($name), flag),)+ }
            }
        }
    };
}

capabilities! {
    /// Makes text.
    text,
    /// Makes pictures.
    image,
    /// Makes sound.
    audio,
    /// Makes moving pictures.
    video,
    /// Makes vectors of text.
    embeddings,
    /// Makes text of sound.
    transcription,
    /// Reads pictures.
    vision,
    /// Calls tools.
    tools,
    /// Keeps to a JSON schema.
    structured_output,
    /// Makes any JSON on demand.
    json_mode,
    /// Thinks before it answers.
    reasoning,
    /// Can be told how many tokens to think, at Anthropic.
    reasoning_budget,
    /// Can be told how hard to think, at Anthropic; one that cannot is told a budget.
    reasoning_effort,
    /// Takes `temperature`, `top_p` and kin.
    sampling_params,
    /// Goes on from a beginning of its answer.
    prefill,
    /// Can be told to call a tool.
    forced_tool_use,
    /// Thinks always.
    thinking_always_on,
    /// Has a cache of prompts.
    prompt_caching,
    /// Reads sound.
    audio_input,
    /// Reads PDF.
    pdf_input,
    /// Wants its own thoughts of earlier turns back, as `reasoning_content`.
    reasoning_input,
    /// Answers piece by piece.
    streaming,
    /// Takes a system prompt.
    system_prompt,
}

impl Capabilities {
    /// What it works in: embeddings count as text, transcription as audio.
    #[must_use]
    pub fn modalities(&self) -> Vec<Modality> {
        let has = |flags: &[Option<bool>]| flags.contains(&Some(true));
        let all = [
            (Modality::Text, has(&[self.text, self.embeddings])),
            (Modality::Image, has(&[self.image])),
            (Modality::Audio, has(&[self.audio, self.transcription])),
            (Modality::Video, has(&[self.video])),
        ];
        all.into_iter().filter_map(|(modality, can)| can.then_some(modality)).collect()
    }
}

/// How much of a model an instance may use. 0 allows nothing, absent is unlimited.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RateLimits {
    /// Calls that run at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrent_requests: Option<u64>,
    /// Calls in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpm: Option<u64>,
    /// Tokens in a minute, read and made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm: Option<u64>,
}

impl RateLimits {
    fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }
}

/// How long a vendor may take, in milliseconds; absent is ours to choose.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// Between two pieces of a streamed answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub between_chunks_ms: Option<u64>,
    /// Until the answer begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_byte_ms: Option<u64>,
    /// Until the answer ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_ms: Option<u64>,
}

/// How long a vendor may take, each decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Deadlines {
    /// Between two pieces of a streamed answer.
    pub between_chunks_ms: u64,
    /// Until the answer begins.
    pub first_byte_ms: u64,
    /// Until the answer ends.
    pub total_ms: u64,
}

impl Timeouts {
    /// Fills in what is absent; nothing takes longer than the whole.
    #[must_use]
    pub fn deadlines(&self) -> Deadlines {
        let total_ms = self.total_ms.unwrap_or(600_000);
        Deadlines {
            // A vendor that thinks in silence shows that it lives: OpenAI's responses each 30 s. A client
            // that leaves meanwhile ends its call, for the platform tells (`de-edge/src/relay.rs`).
            between_chunks_ms: self.between_chunks_ms.unwrap_or(60_000).min(total_ms),
            first_byte_ms: self.first_byte_ms.unwrap_or(120_000).min(total_ms),
            total_ms,
        }
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether a model may be called, and for how long yet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Standing {
    /// As [`ModelConfig::deprecated_at`].
    pub deprecated_at: Option<Timestamp>,
    /// As [`ModelConfig::deprecation_date`].
    pub deprecation_date: Option<Date>,
    /// Whether it may be called.
    pub status: Status,
}

impl Standing {
    /// What a config says of it, whatever else is wrong with that: a status that is none may not be
    /// called, a time that is none is not known.
    #[must_use]
    pub fn read(config: &Value) -> Self {
        let text = |name: &str| config.get(name).and_then(Value::as_str);
        let status = match config.get("status") {
            None | Some(Value::Null) => Some(Status::Active),
            Some(_) => text("status").and_then(Status::parse),
        };
        Self {
            deprecated_at: config.get("deprecated_at").and_then(|at| time(at).ok()),
            deprecation_date: text("deprecation_date").and_then(Date::parse),
            status: status.unwrap_or(Status::Disabled),
        }
    }
}

impl ModelConfig {
    /// Reads the JSON form.
    ///
    /// # Errors
    /// Everything that is wrong, each with a JSON Pointer; unknown members too. The writer's fault.
    pub fn parse(value: &Value) -> Result<Self, Vec<FieldIssue>> {
        Self::parse_with(value, Noted::default())
    }

    /// Reads what a row holds: as [`ModelConfig::parse`], but members that nobody knows are passed over. A
    /// newer version may have saved them, and its models go on with what this one knows of them. What a
    /// price or a mapping says is read strictly all the same.
    ///
    /// # Errors
    /// Everything that is wrong with what is known.
    pub fn of_row(value: &Value) -> Result<Self, Vec<FieldIssue>> {
        Self::parse_with(value, Noted { passes_unknown: true, ..Noted::default() })
    }

    fn parse_with(value: &Value, mut noted: Noted) -> Result<Self, Vec<FieldIssue>> {
        let Value::Object(members) = value else {
            let reason = format!("expected an object, found {}", crate::json::type_name(value));
            return Err(vec![FieldIssue { pointer: String::new(), reason }]);
        };
        match read(members, &mut noted) {
            Some(config) if noted.issues.is_empty() => Ok(config),
            Some(_) | None => Err(noted.issues),
        }
    }

    /// The JSON form, version included.
    #[must_use]
    pub fn to_json(&self) -> Value {
        // Every key is a string and every number finite, so this cannot fail.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The JSON text that rows hold: the version has a column of its own.
    #[must_use]
    pub fn to_row(&self) -> String {
        let mut json = self.to_json();
        if let Value::Object(members) = &mut json {
            members.shift_remove("version");
        }
        json.to_string()
    }

    /// The same as it is saved over `before`, the config that holds until `now`.
    #[must_use]
    pub fn after(mut self, before: &Self, now: UnixMillis) -> Self {
        if self.status != Status::Deprecated {
            self.deprecated_at = None;
        } else if self.deprecated_at.is_none() {
            let is_new = before.status != Status::Deprecated;
            self.deprecated_at = if is_new { Some(now.into()) } else { before.deprecated_at };
        }
        self
    }

    /// The same with that standing.
    #[must_use]
    pub fn standing(mut self, standing: Standing) -> Self {
        let Standing { deprecated_at, deprecation_date, status } = standing;
        (self.deprecated_at, self.deprecation_date) = (deprecated_at, deprecation_date);
        self.status = status;
        self
    }

    /// Since when callers are to be warned of it: of a deprecated one, and if it is known.
    ///
    /// What is not known to have been deprecated earlier is so when it ends.
    #[must_use]
    pub fn deprecated_since(&self) -> Option<UnixMillis> {
        if self.status != Status::Deprecated {
            return None;
        }
        let ends = self.deprecation_date.map(Date::begins_at);
        self.deprecated_at.map(|time| time.0).or(ends)
    }

    /// What it works in, at least one.
    #[must_use]
    pub fn modalities(&self) -> Vec<Modality> {
        self.capabilities.modalities()
    }

    /// Whether it works in `modality`.
    #[must_use]
    pub fn works_in(&self, modality: Modality) -> bool {
        self.modalities().contains(&modality)
    }

    /// Whether its protocol is built for anything that it works in.
    #[must_use]
    pub fn is_built(&self) -> bool {
        self.modalities().into_iter().any(|modality| self.protocol.is_built_for(modality))
    }

    /// The output bound in tokens for a call that gives none: the model's, else the instance's, else
    /// 4,096, and never more than the model can make.
    #[must_use]
    pub fn output_bound(&self, of_instance: Option<u64>) -> u64 {
        let bound = self.default_max_output_tokens.or(of_instance).unwrap_or(4_096);
        bound.min(self.max_output_tokens.unwrap_or(u64::MAX))
    }
}

impl<'de> Deserialize<'de> for ModelConfig {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        Self::parse(&value).map_err(|issues| serde::de::Error::custom(in_one_line(&issues)))
    }
}

/// The issues as one line, for logs and errors that hold text.
#[must_use]
pub fn in_one_line(issues: &[FieldIssue]) -> String {
    let told: Vec<String> =
        issues.iter().map(|issue| format!("{} {}", issue.pointer, issue.reason)).collect();
    told.join("; ")
}

/// Reads all members; `None` only where an issue was noted.
fn read(members: &Map<String, Value>, noted: &mut Noted) -> Option<ModelConfig> {
    let mut reader = Reader::new(members, noted);
    let model_id = reader.required("model_id", id(ModelId::parse));
    let provider_id = reader.required("provider_id", id(ProviderId::parse));
    let display_name = reader.required("display_name", text(200));
    let description = reader.optional("description", text(2_000));
    let protocol = reader.required("protocol", word(Protocol::parse, Protocol::expected));
    let upstream_model = reader.optional("upstream_model", text(200));
    let payload_mapping = reader.optional("payload_mapping", |value| Ok(value.clone()));
    let capabilities = reader.object("capabilities", Capabilities::read);
    let context_window = reader.optional("context_window", count(1));
    let max_output_tokens = reader.optional("max_output_tokens", count(1));
    let default_max_output_tokens = reader.optional("default_max_output_tokens", count(1));
    let pricing =
        reader.optional("pricing", |value| Pricing::import(value).map_err(|err| err.to_string()));
    let rate_limits = reader.object("rate_limits", |reader| RateLimits {
        concurrent_requests: reader.optional("concurrent_requests", count(0)),
        rpm: reader.optional("rpm", count(0)),
        tpm: reader.optional("tpm", count(0)),
    });
    let aliases = reader.list("aliases", 20, id(ModelId::parse));
    let fallbacks = reader.items("fallbacks", 10, Fallback::read);
    // Of all members this one tells null from absent: there is a usual one, and a word for none.
    let is_off = reader.is_null("circuit_breaker");
    let circuit_breaker = reader.object("circuit_breaker", CircuitBreaker::read);
    let circuit_breaker = if is_off { CircuitBreaker::off() } else { circuit_breaker };
    let routing = reader.object("routing", Routing::read);
    let timeouts = reader.object("timeouts", |reader| Timeouts {
        between_chunks_ms: reader.optional("between_chunks_ms", patience()),
        first_byte_ms: reader.optional("first_byte_ms", patience()),
        total_ms: reader.optional("total_ms", patience()),
    });
    let unsupported = || word(OnUnsupported::of_row, OnUnsupported::expected);
    let on_unsupported = reader.optional("on_unsupported", unsupported());
    let unknown_options = reader.optional("unknown_options", unsupported());
    let status = reader.optional("status", word(Status::parse, Status::expected));
    let deprecation_date = reader
        .optional("deprecation_date", word(Date::parse, || "a date like 2027-01-14".to_owned()));
    let deprecated_at = reader.optional("deprecated_at", time);
    let version = reader.optional("version", count(1));

    if capabilities.modalities().is_empty() {
        reader.note(
            "capabilities",
            "at least one of text, image, audio, video, embeddings, transcription must be true"
                .to_owned(),
        );
    }
    if protocol == Some(Protocol::Mapped) && payload_mapping.is_none() {
        reader.note("payload_mapping", "is required when protocol is mapped".to_owned());
    }
    if let (Some(most), Some(usual)) = (max_output_tokens, default_max_output_tokens)
        && usual > most
    {
        reader.note("default_max_output_tokens", format!("is over max_output_tokens, {most}"));
    }
    let fallback_ids: Vec<ModelId> =
        fallbacks.iter().map(|fallback| fallback.model_id.clone()).collect();
    for (name, list) in [("aliases", &aliases), ("fallbacks", &fallback_ids)] {
        if let Some(index) = list.iter().position(|other| Some(other) == model_id.as_ref()) {
            reader.note(&format!("{name}/{index}"), "is the model itself".to_owned());
        }
    }
    for (index, id) in fallback_ids.iter().enumerate() {
        if fallback_ids.iter().take(index).any(|other| other == id) {
            reader.note(&format!("fallbacks/{index}"), "stands here twice".to_owned());
        }
    }
    reader.finish();

    let model_id = model_id?;
    Some(ModelConfig {
        upstream_model: upstream_model.unwrap_or_else(|| model_id.to_string()),
        model_id,
        provider_id: provider_id?,
        display_name: display_name?,
        description,
        protocol: protocol?,
        payload_mapping,
        capabilities,
        context_window,
        max_output_tokens,
        default_max_output_tokens,
        pricing,
        rate_limits,
        aliases,
        fallbacks,
        circuit_breaker,
        routing,
        timeouts,
        on_unsupported: on_unsupported.unwrap_or(OnUnsupported::Reject),
        unknown_options: unknown_options.unwrap_or(OnUnsupported::Reject),
        status: status.unwrap_or(Status::Active),
        deprecated_at,
        deprecation_date,
        version: version.unwrap_or(1),
    })
}

#[cfg(test)]
mod tests;
