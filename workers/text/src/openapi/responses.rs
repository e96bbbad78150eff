//! `POST /v1/responses` and what is kept of them, described: what we read ourselves. Whatever else a body or an
//! answer holds is relayed where the model's vendor speaks OpenAI's responses too.

use de_core::{
    auth::Scope,
    http::error::Code,
    openapi::{
        operation::{Answer, Operation, Speaks},
        shape::Shape,
    },
};
use http::Method;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{buys_or_finds, of_call_or_cache};

/// What is asked. Members that are not here are relayed, or named in `x-de-dropped`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the dialect reads")]
struct ResponseRequest {
    /// The model or an alias of it.
    model: String,
    /// What is said: text, or items (`message`, `function_call`, `function_call_output`, `reasoning`, …).
    input: Option<ResponseInput>,
    /// What the model shall do, before all that is said. Not taken over from the response before.
    instructions: Option<String>,
    /// The response that this one goes on from: one that is kept for the key's project.
    previous_response_id: Option<String>,
    /// Whether the response is kept, if the project keeps content: it is unless this is false.
    store: Option<bool>,
    /// Whether the answer comes as events.
    stream: Option<bool>,
    /// How the events are.
    stream_options: Option<Map<String, Value>>,
    /// The most tokens that the answer may have, thoughts included.
    #[schema(minimum = 1)]
    max_output_tokens: Option<u64>,
    /// How much chance there is in the answer.
    #[schema(minimum = 0, maximum = 2)]
    temperature: Option<f64>,
    /// Only the likeliest tokens that together are this likely.
    #[schema(minimum = 0, maximum = 1)]
    top_p: Option<f64>,
    /// How many alternatives are told beside each token.
    #[schema(minimum = 0)]
    top_logprobs: Option<u64>,
    /// What is told beside the usual: `message.output_text.logprobs`, `reasoning.encrypted_content`, …
    include: Option<Vec<String>>,
    /// How a model thinks that does: `effort`, `summary`.
    reasoning: Option<ResponseReasoning>,
    /// What form the answer has: `format`, `verbosity`.
    text: Option<ResponseText>,
    /// What the model may call.
    tools: Option<Vec<Map<String, Value>>>,
    /// Which of them it must, may or must not call: `none`, `auto`, `required`, or an object that names one.
    tool_choice: Option<Value>,
    /// Whether several tools may be called at once.
    parallel_tool_calls: Option<bool>,
    /// A prompt that OpenAI has saved: for its own models alone.
    prompt: Option<Map<String, Value>>,
    /// The caller's own mark for its end user.
    safety_identifier: Option<String>,
    /// The older name of `safety_identifier`.
    user: Option<String>,
    /// False: no call goes on without its caller here.
    background: Option<bool>,
}

/// What is said.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what the dialect reads")]
enum ResponseInput {
    /// Text of the user.
    Text(String),
    /// Items, each with its `type`; one without is a message.
    Items(Vec<Map<String, Value>>),
}

/// How a model thinks.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the dialect reads")]
struct ResponseReasoning {
    /// How hard: `low`, `medium`, `high`, …
    effort: Option<String>,
    /// Whether a summary of the thoughts is told, and how: `auto`, …
    summary: Option<String>,
}

/// What form the answer has.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the dialect reads")]
struct ResponseText {
    /// `{"type": "text"}`, `json_object`, or `json_schema` with a schema.
    format: Option<Map<String, Value>>,
    /// How much is said: `low`, `medium`, `high`.
    verbosity: Option<String>,
}

/// A response.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the dialect writes")]
struct ModelResponse {
    /// Its id.
    id: String,
    /// Always `response`.
    object: String,
    /// When it was made, in seconds since 1970.
    created_at: f64,
    /// How far it is: `completed`, `incomplete`, `failed`, …
    status: Option<String>,
    /// The model; as the vendor names it where the answer is relayed.
    model: String,
    /// What was said: items of type `message`, `function_call`, `reasoning`, …
    output: Vec<Map<String, Value>>,
    /// Why it is incomplete.
    incomplete_details: Option<Map<String, Value>>,
    /// Why it failed.
    error: Option<Map<String, Value>>,
    /// The response that it goes on from.
    previous_response_id: Option<String>,
    /// Whether it is kept here.
    store: Option<bool>,
    /// What was counted; null if the vendor did not say.
    usage: Option<ResponseUsage>,
}

/// What was counted, in tokens.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the dialect writes")]
struct ResponseUsage {
    /// Read, from caches too.
    input_tokens: u64,
    /// Of them, those of caches: `cached_tokens`, `cache_write_tokens`.
    input_tokens_details: Map<String, Value>,
    /// Made.
    output_tokens: u64,
    /// Of them, those of thoughts: `reasoning_tokens`.
    output_tokens_details: Map<String, Value>,
    /// All of them.
    total_tokens: u64,
}

/// An event of a stream: `response.created`, `response.output_text.delta`, … The last one is
/// `response.completed`, `response.incomplete`, `response.failed` or `error`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the dialect writes")]
struct ResponseEvent {
    /// What it tells.
    r#type: String,
    /// Which event, from 0.
    sequence_number: u64,
}

/// A response that was forgotten.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct DeletedResponse {
    /// Its id.
    id: String,
    /// Always `response`.
    object: String,
    /// Always true.
    deleted: bool,
}

/// Items of a response's input.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct ResponseItemList {
    /// Always `list`.
    object: String,
    /// The items.
    data: Vec<Map<String, Value>>,
    /// The first one's id; null if there is none.
    #[schema(required)]
    first_id: Option<String>,
    /// The last one's id; null if there is none.
    #[schema(required)]
    last_id: Option<String>,
    /// Whether others follow.
    has_more: bool,
}

const ID: &str = "The id of a response that is kept for the key's project.";

fn create() -> Operation {
    let answer = Answer::json(200, "The answer.", Shape::open::<ModelResponse>()).or_events(
        "Each event is JSON, and is named by its `type`.",
        Shape::open::<ResponseEvent>(),
    );
    let create = Operation::new(
        Method::POST,
        "/v1/responses",
        "createResponse",
        "Answers a conversation in OpenAI's newer protocol",
    )
    .notes(
        "The model may be of any vendor. What its vendor's protocol has no word for is refused, or left out and \
         named in `x-de-dropped`. Vendors store nothing: where the key's project keeps content, responses are kept \
         here for 30 days.",
    )
    .speaks(Speaks::OpenAi)
    .body(
        Shape::open::<ResponseRequest>(),
        json!({
            "model": "gpt-4o-mini",
            "input": "Name three rivers of Europe.",
            "max_output_tokens": 100,
        }),
    )
    .fails(&[Code::NotFound])
    .answers(of_call_or_cache(answer));
    buys_or_finds(create)
}

pub(super) fn operations() -> Vec<Operation> {
    let kept = |operation: Operation| {
        let operation = operation.speaks(Speaks::OpenAi).scope(Some(Scope::Text));
        operation.fails(&[Code::LimiterUnavailable, Code::NotFound])
    };
    let text = || Shape::plain(json!({"type": "string"}));
    let get = Operation::new(
        Method::GET,
        "/v1/responses/{id}",
        "getResponse",
        "Shows a response that is kept",
    )
    .path_part("id", text(), ID)
    .query("stream", Shape::plain(json!({"type": "boolean"})), "False: it is given whole.")
    .fails(&[Code::NotImplemented])
    .answers(Answer::json(
        200,
        "The response, as it was given.",
        Shape::open::<ModelResponse>(),
    ));
    let delete = Operation::new(
        Method::DELETE,
        "/v1/responses/{id}",
        "deleteResponse",
        "Forgets a response that is kept",
    )
    .path_part("id", text(), ID)
    .answers(Answer::json(200, "It is forgotten.", Shape::of::<DeletedResponse>()));
    let items = Operation::new(
        Method::GET,
        "/v1/responses/{id}/input_items",
        "listResponseInputItems",
        "Lists what was asked in a response that is kept",
    )
    .path_part("id", text(), ID)
    .query("after", text(), "The item before the first one.")
    .query(
        "limit",
        Shape::plain(json!({"type": "integer", "minimum": 1, "maximum": 100, "default": 20})),
        "How many at most.",
    )
    .query(
        "order",
        Shape::plain(json!({"type": "string", "enum": ["asc", "desc"], "default": "desc"})),
        "The last item first, or the first one.",
    )
    .answers(Answer::json(200, "The items.", Shape::of::<ResponseItemList>()));
    std::iter::once(create()).chain([get, delete, items].map(kept)).collect()
}
