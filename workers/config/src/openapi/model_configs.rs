//! `/v1/model-configs`, described.

use de_core::{
    http::error::Code,
    ids::{ModelId, OrganizationId, ProviderId},
    model::{
        Capabilities, Modality, ModelConfig, OnUnsupported, Protocol, RateLimits, Status, Timeouts,
    },
    openapi::{
        document::Tag,
        operation::{Answer, Operation},
        shape::Shape,
    },
    pricing::Pricing,
    time::Timestamp,
};
use http::Method;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::values::{Description, Name};

pub(super) const TAG: Tag =
    Tag { about: "Models, and how their vendors are spoken to.", name: "model-configs" };

/// A new model. What is null counts as absent.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what `ModelConfig::parse` reads")]
struct NewModelConfig {
    /// The name that callers use.
    model_id: ModelId,
    /// Who serves it.
    provider_id: ProviderId,
    /// For people.
    display_name: Name,
    /// How the vendor is spoken to.
    protocol: Protocol,
    /// What it can do: at least one of `text`, `image`, `audio`, `video`, `embeddings`, `transcription`.
    capabilities: Capabilities,
    /// Whose it is: null is the shared catalogue for who operates the service, else one's own organization.
    organization_id: Option<OrganizationId>,
    /// For people.
    description: Option<Description>,
    /// The vendor's name of it; the model's id unless given.
    #[schema(min_length = 1, max_length = 200)]
    upstream_model: Option<String>,
    /// How the vendor is called when the protocol is `mapped`, which needs one.
    payload_mapping: Option<Map<String, Value>>,
    /// The largest input in tokens.
    #[schema(minimum = 1)]
    context_window: Option<u64>,
    /// The largest output in tokens.
    #[schema(minimum = 1)]
    max_output_tokens: Option<u64>,
    /// The output bound in tokens that is sent where one is needed and the caller gave none.
    #[schema(minimum = 1)]
    default_max_output_tokens: Option<u64>,
    /// What it costs; without it has no price and cannot run under a budget.
    pricing: Option<Pricing>,
    /// How much of it an instance may use, unless the instance's limits say otherwise.
    rate_limits: Option<RateLimits>,
    /// Other names of it.
    #[schema(max_items = 20)]
    aliases: Option<Vec<ModelId>>,
    /// What serves instead when it cannot, in this order.
    #[schema(max_items = 10)]
    fallbacks: Option<Vec<ModelId>>,
    /// How long its vendor may take.
    timeouts: Option<Timeouts>,
    /// What happens to an option of ours that the model does not honour; `refuse` unless given.
    on_unsupported: Option<OnUnsupported>,
    /// What happens to an option that its mapping does not use; `refuse` unless given.
    unknown_options: Option<OnUnsupported>,
    /// Whether it may be called; `active` unless given.
    status: Option<Status>,
    /// When the vendor ends it.
    #[schema(format = Date)]
    deprecation_date: Option<String>,
    /// Taken for the sake of exports, and counted anew.
    #[schema(minimum = 1)]
    version: Option<u64>,
}

/// A model as it is saved. Fields that say nothing are absent.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler adds to a model config")]
struct Kept {
    /// Whose it is; null: the shared catalogue.
    organization_id: Option<OrganizationId>,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

/// A model whose row cannot be read: shown with its error, and not called.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct UnreadableModelConfig {
    /// The name that callers use.
    model_id: ModelId,
    /// What is wrong with it.
    error: String,
    /// Whose it is; null: the shared catalogue.
    organization_id: Option<OrganizationId>,
    /// Counts the saved versions from 1.
    version: u64,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

pub(super) fn operations() -> Vec<Operation> {
    let saved = || Shape::of::<ModelConfig>().with::<Kept>("SavedModelConfig");
    let row = || Shape::either([saved(), Shape::shown::<UnreadableModelConfig>()]);
    let list =
        Operation::new(Method::GET, "/v1/model-configs", "listModelConfigs", "Lists model configs")
            .notes("By id: those of the shared catalogue, and one's own organization's.")
            .query("type", Shape::of::<Modality>(), "Only those that work in this.")
            .query("provider_id", Shape::of::<ProviderId>(), "Only those of this provider.")
            .query("status", Shape::of::<Status>(), "Only those that are so.")
            .paged()
            .answers(Answer::json(200, "A page.", row().page("ModelConfigList")));
    let create = Operation::new(
        Method::POST,
        "/v1/model-configs",
        "createModelConfig",
        "Makes a model config",
    )
    .notes("A mapping is parsed, and its examples are run. `Idempotency-Key` is refused.")
    .changes()
    .fails(&[Code::Conflict])
    .body(
        Shape::of::<NewModelConfig>(),
        json!({
            "model_id": "example-mini",
            "provider_id": "openai",
            "display_name": "Example Mini",
            "protocol": "openai-chat",
            "upstream_model": "gpt-4o-mini",
            "capabilities": {"text": true, "tools": true},
            "context_window": 128_000,
            "max_output_tokens": 16_384,
            "pricing": {
                "currency": "USD",
                "input_micros_per_million_tokens": 150_000,
                "output_micros_per_million_tokens": 600_000,
            },
            "aliases": ["mini"],
        }),
    )
    .answers(Answer::json(201, "It is made.", saved()).headers(&["Location"]));
    let read = Operation::new(
        Method::GET,
        "/v1/model-configs/{id}",
        "getModelConfig",
        "Shows a model config",
    )
    .id::<ModelId>("id", "Its id; a slash in it plain or as `%2F`.")
    .fails(&[Code::ModelNotFound])
    .answers(Answer::json(200, "As it is.", row()));
    vec![list, create, read]
}
