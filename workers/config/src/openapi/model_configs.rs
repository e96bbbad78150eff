//! `/v1/model-configs`, described.

use std::collections::BTreeSet;

use de_core::{
    http::error::Code,
    ids::{InstanceId, ModelId, OrganizationId, ProviderId},
    mapping::preview::Preview,
    model::{
        Capabilities, CircuitBreaker, Date, Modality, ModelConfig, OnUnsupported, Protocol,
        RateLimits, Routing, Status, Timeouts, routing::FallbackForm,
    },
    openapi::{
        document::Tag,
        operation::{Answer, Operation, Speaks},
        shape::Shape,
    },
    pricing::Pricing,
    time::Timestamp,
};
use http::Method;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{
    providers::of_organization,
    values::{Description, Name},
};
use crate::model_configs::{Imported, ModelVersion, Tested, WouldDeleteModel};

pub(super) const TAG: Tag =
    Tag { about: "Models, and how their vendors are spoken to.", name: "model-configs" };

/// A new model. What is null counts as absent, but for `circuit_breaker`.
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
    aliases: Option<BTreeSet<ModelId>>,
    /// What serves instead when it cannot, in this order.
    #[schema(max_items = 10)]
    fallbacks: Option<Vec<FallbackForm>>,
    /// When it is not asked any more for a while, because its vendor fails. Null: never.
    circuit_breaker: Option<CircuitBreaker>,
    /// Which models serve its calls, each for a part of them, and when two are asked at once.
    routing: Option<Routing>,
    /// How long its vendor may take.
    timeouts: Option<Timeouts>,
    /// What happens to an option of ours that the model does not honour; `reject` unless given.
    on_unsupported: Option<OnUnsupported>,
    /// What happens to an option that its mapping does not use, where the mapping has no word on it; `reject` unless
    /// given.
    unknown_options: Option<OnUnsupported>,
    /// Whether it may be called; `active` unless given.
    status: Option<Status>,
    /// Since when it is deprecated; set by itself with the status.
    deprecated_at: Option<Timestamp>,
    /// When the vendor ends it.
    deprecation_date: Option<Date>,
    /// Taken for the sake of exports, and counted anew.
    #[schema(minimum = 1)]
    version: Option<u64>,
}

/// Changes of a model. What was read of one may be sent back as it is.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what `ModelConfig::parse` reads")]
struct ModelConfigChanges {
    /// Who serves it.
    #[schema(nullable = false)]
    provider_id: Option<ProviderId>,
    /// For people.
    #[schema(nullable = false)]
    display_name: Option<Name>,
    /// How the vendor is spoken to.
    #[schema(nullable = false)]
    protocol: Option<Protocol>,
    /// What it can do. The whole is replaced.
    #[schema(nullable = false)]
    capabilities: Option<Capabilities>,
    /// For people.
    description: Option<Description>,
    /// The vendor's name of it; null: the model's id.
    #[schema(min_length = 1, max_length = 200)]
    upstream_model: Option<String>,
    /// How the vendor is called when the protocol is `mapped`, which needs one. The whole is replaced.
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
    /// What it costs. The whole is replaced.
    pricing: Option<Pricing>,
    /// How much of it an instance may use. The whole is replaced.
    rate_limits: Option<RateLimits>,
    /// Other names of it. The whole is replaced.
    #[schema(max_items = 20)]
    aliases: Option<BTreeSet<ModelId>>,
    /// What serves instead when it cannot, in this order. The whole is replaced.
    #[schema(max_items = 10)]
    fallbacks: Option<Vec<FallbackForm>>,
    /// When it is not asked any more for a while, because its vendor fails. The whole is replaced; null: never.
    circuit_breaker: Option<CircuitBreaker>,
    /// Which models serve its calls, each for a part of them, and when two are asked at once. The whole is replaced.
    routing: Option<Routing>,
    /// How long its vendor may take. The whole is replaced.
    timeouts: Option<Timeouts>,
    /// What happens to an option of ours that the model does not honour; null: `reject`.
    on_unsupported: Option<OnUnsupported>,
    /// What happens to an option that its mapping does not use, where the mapping has no word on it; null: `reject`.
    unknown_options: Option<OnUnsupported>,
    /// Whether it may be called; null: `active`.
    status: Option<Status>,
    /// Since when it is deprecated; set by itself with the status.
    deprecated_at: Option<Timestamp>,
    /// When the vendor ends it.
    deprecation_date: Option<Date>,
    /// May repeat what it is.
    model_id: Option<ModelId>,
    /// May repeat what it is.
    organization_id: Option<OrganizationId>,
    /// May repeat what it is.
    version: Option<u64>,
    /// May repeat what it is.
    created_at: Option<Timestamp>,
    /// May repeat what it is.
    updated_at: Option<Timestamp>,
}

/// An input for a saved model.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct PreviewInput {
    /// What a caller would say, in the names of our own protocol or of its mapping.
    input: Map<String, Value>,
    /// A payload mapping instead of the saved one.
    mapping: Option<Map<String, Value>>,
}

/// An input for a model that is not saved.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct PreviewConfig {
    /// The model config, as one would save it. What is wrong with it is told as issues.
    config: Map<String, Value>,
    /// What a caller would say, in the names of our own protocol or of its mapping.
    input: Map<String, Value>,
}

/// An input for one real call.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct TestInput {
    /// Whose key is used, and whose limits and money; the only one unless given.
    instance_id: Option<InstanceId>,
    /// What a caller would say, in the names of our own protocol or of its mapping; never a stream.
    input: Map<String, Value>,
}

/// Which version comes back.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct Rollback {
    /// An earlier version.
    #[schema(minimum = 1)]
    version: u64,
}

/// A file of models and providers. One model alone, and what the original project exported, is read too.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `bundle::read` reads")]
struct ModelConfigFile {
    /// Models, as exports have them.
    #[schema(max_items = 100)]
    models: Option<Vec<Map<String, Value>>>,
    /// Providers, as `POST /v1/providers` takes them, without `organization_id`.
    #[schema(max_items = 100)]
    providers: Option<Vec<Map<String, Value>>>,
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

/// A model whose current version cannot be called: shown with what is wrong with it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct UnreadableModelConfig {
    /// The name that callers use.
    model_id: ModelId,
    /// What is wrong with it.
    error: String,
    /// The version that serves instead, if any can: the newest one that can be called.
    serving_version: Option<u64>,
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
    let mut all = Vec::from(rows());
    all.extend(versions());
    all.extend(trials());
    all.extend(files());
    all
}

fn saved() -> Shape {
    Shape::of::<ModelConfig>().with::<Kept>("SavedModelConfig")
}

fn row() -> Shape {
    Shape::either([saved(), Shape::shown::<UnreadableModelConfig>()])
}

/// An operation on one model.
fn on_one(method: Method, below: &str, id: &'static str, summary: &str) -> Operation {
    let path = format!("/v1/model-configs/{{id}}{below}");
    let one = Operation::new(method, &path, id, summary)
        .id::<ModelId>("id", "Its id, each slash in it as `%2F`.")
        .fails(&[Code::ModelNotFound]);
    of_organization(one)
}

fn rows() -> [Operation; 5] {
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
    .notes("What it says of its provider, its fallbacks and its names is checked, and the examples of its mapping are run.")
    .once()
    .changes()
    .body(Shape::of::<NewModelConfig>(), example())
    .answers(
        Answer::json(201, "It is made.", saved())
            .headers(&["ETag", "Location", "Idempotency-Replayed"]),
    );
    let read = on_one(Method::GET, "", "getModelConfig", "Shows a model config")
        .answers(Answer::json(200, "As it is.", row()).headers(&["ETag"]));
    let update = on_one(Method::PATCH, "", "updateModelConfig", "Changes a model config")
        .notes("Fields that are named change; null clears one. The result is a new version, checked whole.")
        .guarded()
        .changes()
        .body(
            Shape::of::<ModelConfigChanges>(),
            json!({"display_name": "Example Mini 2", "rate_limits": {"rpm": 600}}),
        )
        .answers(Answer::json(200, "As it is now.", row()).headers(&["ETag"]));
    let flag = Shape::plain(json!({"type": "boolean", "default": false}));
    let delete = on_one(Method::DELETE, "", "deleteModelConfig", "Deletes a model config")
        .notes("Not while models fall back to it or instances have it as a default. Its versions stay.")
        .query("dry_run", flag, "Deletes nothing, and says what keeps it.")
        .guarded()
        .changes()
        .answers(Answer::empty(204, "It is gone."))
        .answers(Answer::json(200, "What would happen.", Shape::of::<WouldDeleteModel>()));
    [of_organization(list), create, read, update, delete]
}

fn example() -> Value {
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
    })
}

fn versions() -> [Operation; 3] {
    let version = Shape::shown::<ModelVersion>;
    let list = on_one(
        Method::GET,
        "/versions",
        "listModelConfigVersions",
        "Lists the versions of a model config",
    )
    .notes("The newest first; those of one that was deleted too.")
    .paged()
    .answers(Answer::json(200, "A page.", version().page("ModelVersionList")));
    let number = Shape::plain(json!({"type": "integer", "minimum": 1}));
    let read = on_one(
        Method::GET,
        "/versions/{version}",
        "getModelConfigVersion",
        "Shows a version of a model config",
    )
    .path_part("version", number, "Which one, from 1.")
    .answers(Answer::json(200, "As it was saved.", version()));
    let roll_back = on_one(
        Method::POST,
        "/rollback",
        "rollBackModelConfig",
        "Saves an earlier version of a model config once more",
    )
    .notes("As the newest. It is checked against what is true today.")
    .guarded()
    .changes()
    .body(Shape::of::<Rollback>(), json!({"version": 1}))
    .answers(Answer::json(200, "As it is now.", row()).headers(&["ETag"]));
    [list, read, roll_back]
}

fn trials() -> [Operation; 3] {
    let previewed = || Answer::json(200, "What would be sent.", Shape::of::<Preview>());
    let input = json!({"prompt": "Name three rivers of Europe."});
    let preview =
        on_one(Method::POST, "/preview", "previewModelConfig", "Shows what a model would send")
            .notes("Nothing is sent. What is wrong is told beside it.")
            .body(Shape::of::<PreviewInput>(), json!({ "input": input }))
            .answers(previewed());
    let unsaved = Operation::new(
        Method::POST,
        "/v1/model-configs/preview",
        "previewUnsavedModelConfig",
        "Shows what a model would send that is not saved",
    )
    .notes("Nothing is sent. What is wrong is told beside it.")
    .body(Shape::of::<PreviewConfig>(), json!({"config": example(), "input": input}))
    .answers(previewed());
    let test = Operation::new(
        Method::POST,
        "/v1/model-configs/{id}/test",
        "testModelConfig",
        "Calls a model once",
    )
    .notes(
        "One real call with the instance's key, its limits, a receipt and its cost. The vendor's failure is an \
         answer, whose `ok` is false. `Idempotency-Key` is refused.",
    )
    .id::<ModelId>("id", "Its id, each slash in it as `%2F`.")
    .speaks(Speaks::NativeCall)
    .body(Shape::of::<TestInput>(), json!({"instance_id": "inst_dev", "input": input}))
    .fails(&[
        Code::BudgetExceeded,
        Code::LimiterUnavailable,
        Code::MissingApiKey,
        Code::ModelNotAllowed,
        Code::ModelNotFound,
        Code::NotImplemented,
        Code::ProviderUnavailable,
        Code::RateLimitExceeded,
    ])
    .answers(Answer::json(200, "What is to be seen of it.", Shape::shown::<Tested>()).headers(&[
        "x-de-receipt",
        "x-de-model",
        "x-de-provider",
        "x-de-attempts",
        "x-de-dropped",
    ]).limits());
    [preview, of_organization(unsaved), test]
}

fn files() -> [Operation; 2] {
    let export = on_one(Method::GET, "/export", "exportModelConfig", "Hands a model out as a file")
        .notes("In the form that an import reads.")
        .fails(&[Code::Conflict])
        .answers(Answer::json(200, "The file.", Shape::of::<NewModelConfig>()));
    let flag = Shape::plain(json!({"type": "boolean", "default": false}));
    let report = || Shape::shown::<Imported>();
    let import = Operation::new(
        Method::POST,
        "/v1/model-configs/import",
        "importModelConfigs",
        "Takes models in, and providers that are not there yet",
    )
    .notes("All of them or none. A model that is there becomes its next version.")
    .query("dry_run", flag, "Saves nothing, and says what would be saved.")
    .once()
    .changes()
    .body(
        Shape::open::<ModelConfigFile>(),
        json!({"models": [{
            "model_id": "example-nano",
            "provider_id": "openai",
            "display_name": "Example Nano",
            "protocol": "openai-chat",
            "upstream_model": "gpt-4.1-nano",
            "capabilities": {"text": true},
        }]}),
    )
    .answers(
        Answer::json(200, "There was nothing to save, or it was not to be.", report())
            .headers(&["Idempotency-Replayed"]),
    )
    .answers(Answer::json(201, "They are saved.", report()).headers(&[
        "ETag",
        "Location",
        "Idempotency-Replayed",
    ]));
    [export, of_organization(import)]
}
