//! `GET /v1/capabilities`, described.

use std::collections::BTreeMap;

use de_core::{
    http::error::Code,
    ids::{ModelId, ProviderId},
    model::{Capabilities, OnUnsupported, Protocol, Status},
    openapi::{
        operation::{Answer, Operation},
        shape::Shape,
    },
    pricing::Pricing,
    protocols::options::CallOption,
};
use http::Method;
use utoipa::ToSchema;

/// What a model can do, and how it is reached.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct ModelCapabilities {
    /// The name that callers use.
    model_id: ModelId,
    /// For people.
    display_name: String,
    /// Who serves it.
    provider_id: ProviderId,
    /// Whether it may be called.
    status: Status,
    /// How its vendor is spoken to.
    protocol: Protocol,
    /// What it can do; a flag that is absent is not known.
    capabilities: Capabilities,
    /// The largest input in tokens; null if not known.
    #[schema(required)]
    context_window: Option<u64>,
    /// The largest output in tokens; null if not known.
    #[schema(required)]
    max_output_tokens: Option<u64>,
    /// The output bound in tokens that is sent where one is needed and the caller gave none; null if it is the
    /// instance's or ours.
    #[schema(required)]
    default_max_output_tokens: Option<u64>,
    /// What happens to settings that it cannot honour.
    on_unsupported: OnUnsupported,
    /// By which protocols of callers it is reached, and how.
    clients: BTreeMap<String, Road>,
    /// What a call for pictures can be told beside the prompt, as far as that is known of the vendor's protocol; null
    /// where the model makes none, or its mapping says it.
    #[schema(required)]
    options: Option<Vec<CallOption>>,
    /// What it costs; null: it has no price and cannot run under a budget.
    #[schema(required)]
    pricing: Option<Pricing>,
}

/// How a call reaches a model.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what the handler writes")]
enum Road {
    /// The caller's own body, since the vendor speaks its protocol.
    Relayed,
    /// Written anew in the vendor's protocol.
    Translated,
}

/// What models can do.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct CapabilityList {
    /// By id; all at once.
    data: Vec<ModelCapabilities>,
}

pub(super) fn operation() -> Operation {
    Operation::new(
        Method::GET,
        "/v1/capabilities",
        "listCapabilities",
        "Lists what the models of a key can do",
    )
    .scope(None)
    .notes("Those of `GET /v1/models`, and deprecated ones.")
    .query(
        "model",
        Shape::of::<ModelId>(),
        "Only this one, by its id or an alias, whatever it works in.",
    )
    .fails(&[Code::LimiterUnavailable, Code::ModelNotAllowed, Code::ModelNotFound])
    .answers(Answer::json(200, "What they can do.", Shape::of::<CapabilityList>()))
}
