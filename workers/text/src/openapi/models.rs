//! `GET /v1/models`, described.

use de_core::{
    http::error::Code,
    ids::ModelId,
    model::{Date, Status},
    openapi::{
        operation::{Answer, Operation, Speaks},
        shape::Shape,
    },
    time::Timestamp,
};
use http::Method;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// A model in OpenAI's form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct Model {
    /// The name that callers use.
    id: ModelId,
    /// Always `model`.
    object: String,
    /// When it was added, in seconds since 1970.
    created: i64,
    /// Its provider.
    owned_by: String,
    /// When its vendor ends it; null if that is not announced.
    #[schema(required)]
    shutdown_date: Option<Date>,
    /// There if it is not simply active.
    #[schema(nullable = false)]
    status: Option<Status>,
}

/// The models in OpenAI's form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct ModelList {
    /// Always `list`.
    object: String,
    /// By id.
    data: Vec<Model>,
}

/// A model in Anthropic's form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct AnthropicModel {
    /// Always `model`.
    r#type: String,
    /// The name that callers use.
    id: ModelId,
    /// For people.
    display_name: String,
    /// When it was added.
    created_at: Timestamp,
    /// `active` or `deprecated`.
    lifecycle: String,
    /// Since when it is deprecated; null if it is not, or that is not known.
    #[schema(required)]
    deprecated_at: Option<Timestamp>,
    /// When its vendor ends it; null if it is not deprecated, or that is not announced.
    #[schema(required)]
    retires_at: Option<Timestamp>,
    /// The largest input in tokens; null if not known.
    #[schema(required)]
    max_input_tokens: Option<u64>,
    /// The largest output in tokens; null if not known.
    #[schema(required)]
    max_tokens: Option<u64>,
    /// Always null: `GET /v1/capabilities` tells them.
    #[schema(required)]
    capabilities: Option<Map<String, Value>>,
    /// Always null.
    #[schema(required)]
    line: Option<String>,
    /// There if it is not simply active.
    #[schema(nullable = false)]
    status: Option<Status>,
}

/// The models in Anthropic's form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct AnthropicModelList {
    /// By id.
    data: Vec<AnthropicModel>,
    /// The first id; null if there is none.
    #[schema(required)]
    first_id: Option<ModelId>,
    /// Whether more lie beyond this page, in the direction that was asked for.
    has_more: bool,
    /// The last id; null if there is none.
    #[schema(required)]
    last_id: Option<ModelId>,
}

pub(super) fn operations() -> Vec<Operation> {
    let asks = |operation: Operation| {
        operation
            .speaks(Speaks::OpenAiOrAnthropic)
            .scope(None)
            .notes("In OpenAI's form; in Anthropic's for who sends `anthropic-version`.")
            .header("anthropic-version")
            .fails(&[Code::LimiterUnavailable])
    };
    let told = |what: &str, openai, anthropic| {
        Answer::json(200, what, Shape::either([openai, anthropic])).headers(&["request-id"])
    };
    let lists = (Shape::of::<ModelList>(), Shape::of::<AnthropicModelList>());
    let deprecated = Shape::plain(json!({"type": "string", "enum": ["deprecated"]}));
    let limit = Shape::plain(json!({"type": "integer", "minimum": 1, "maximum": 1_000}));
    let stage =
        Shape::plain(json!({"type": "string", "enum": ["active", "deprecated", "retired"]}));
    let list =
        Operation::new(Method::GET, "/v1/models", "listModels", "Lists what the key may call")
            .query("include", deprecated, "Lists deprecated ones too.")
            .query("limit", limit, "In Anthropic's form: how many, 20 unless given.")
            .query("after_id", Shape::of::<ModelId>(), "In Anthropic's form: those behind this id.")
            .query(
                "before_id",
                Shape::of::<ModelId>(),
                "In Anthropic's form: those before this id.",
            )
            .query("lifecycle", stage, "In Anthropic's form: only those of this stage.")
            .answers(told("The models.", lists.0, lists.1));
    let one = (Shape::of::<Model>(), Shape::of::<AnthropicModel>());
    let read = Operation::new(Method::GET, "/v1/models/{id}", "getModel", "Shows a model")
        .id::<ModelId>("id", "Its id or an alias; a slash in it plain or as `%2F`.")
        .fails(&[Code::ModelNotAllowed, Code::ModelNotFound])
        .answers(told("The model.", one.0, one.1));
    [list, read].map(asks).into()
}
