//! `POST /v1/chat/completions`, described: what we read ourselves. Whatever else a body or an answer holds is
//! relayed where the model's vendor speaks OpenAI's protocol too.
//!
//! Follows <https://platform.openai.com/docs/api-reference/chat>.

use de_core::openapi::{
    operation::{Answer, Operation, Speaks},
    shape::Shape,
};
use http::Method;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{
    buys_or_finds,
    native::{FinishReason, Stop},
    of_call_or_cache,
};

/// A call in OpenAI's protocol. Null counts as absent.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the dialect reads")]
struct ChatCompletionRequest {
    /// The model or an alias of it.
    model: String,
    /// The conversation so far.
    #[schema(min_items = 1)]
    messages: Vec<ChatMessage>,
    /// Whether the answer comes as events.
    stream: Option<bool>,
    /// How the events are.
    stream_options: Option<ChatStreamOptions>,
    /// The most tokens that the answer may have.
    #[schema(minimum = 1)]
    max_completion_tokens: Option<u64>,
    /// The older name of `max_completion_tokens`; not beside it.
    #[schema(minimum = 1)]
    max_tokens: Option<u64>,
    /// How much chance there is in the answer.
    #[schema(minimum = 0, maximum = 2)]
    temperature: Option<f64>,
    /// Only the likeliest tokens that together are this likely.
    #[schema(minimum = 0, maximum = 1)]
    top_p: Option<f64>,
    /// How many answers.
    #[schema(minimum = 1, maximum = 128)]
    n: Option<u64>,
    /// Texts that end the answer: one, or a list of them.
    stop: Option<Stop>,
    /// For answers that can be had again.
    seed: Option<i64>,
    /// Against words that came often.
    #[schema(minimum = -2, maximum = 2)]
    frequency_penalty: Option<f64>,
    /// Against words that came at all.
    #[schema(minimum = -2, maximum = 2)]
    presence_penalty: Option<f64>,
    /// How hard a model thinks that does: `low`, `medium`, `high`, …
    reasoning_effort: Option<String>,
    /// What form the answer must have: `{"type": "json_object"}`, or `json_schema` with a schema.
    response_format: Option<Map<String, Value>>,
    /// What the model may call.
    tools: Option<Vec<Map<String, Value>>>,
    /// Which of them it must, may or must not call: `none`, `auto`, `required`, or an object that names one.
    tool_choice: Option<Value>,
    /// Whether several tools may be called at once.
    parallel_tool_calls: Option<bool>,
    /// The caller's own mark for its end user.
    safety_identifier: Option<String>,
    /// The older name of `safety_identifier`.
    user: Option<String>,
}

/// How the events of a stream are.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the dialect reads")]
struct ChatStreamOptions {
    /// Whether a last event tells the usage.
    include_usage: Option<bool>,
}

/// One message. What else belongs into it goes by its role.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the dialect reads")]
struct ChatMessage {
    /// Who speaks.
    role: ChatRole,
    /// What is said: text, or a list of parts (`text`, `image_url`, …).
    content: Option<ChatContent>,
    /// The tools that the model wanted called.
    tool_calls: Option<Vec<ChatToolCall>>,
    /// Of a tool's answer: which call it is to.
    tool_call_id: Option<String>,
    /// Words in which the model declined.
    refusal: Option<String>,
}

/// Who speaks; `function` is the form before tools, which only OpenAI's own models read.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what the dialect reads")]
enum ChatRole {
    /// The model.
    Assistant,
    /// Whoever made the program.
    Developer,
    /// A function.
    Function,
    /// The older name of `developer`.
    System,
    /// A tool.
    Tool,
    /// Whoever asks.
    User,
}

/// What is said.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what the dialect reads")]
enum ChatContent {
    /// Text.
    Text(String),
    /// Parts, each with its `type`.
    Parts(Vec<Map<String, Value>>),
}

/// A tool that the model wants called.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the dialect writes")]
struct ChatToolCall {
    /// The vendor's id for it.
    id: String,
    /// `function`.
    #[schema(nullable = false)]
    r#type: Option<String>,
    /// The tool and what it is called with.
    #[schema(nullable = false)]
    function: Option<ChatFunctionCall>,
}

/// A tool and what it is called with.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the dialect writes")]
struct ChatFunctionCall {
    /// The tool.
    name: String,
    /// JSON text, as the model wrote it: it need not be valid.
    arguments: String,
}

/// A whole answer.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the dialect writes")]
struct ChatCompletion {
    /// Its id.
    id: String,
    /// Always `chat.completion`.
    object: String,
    /// When it was made, in seconds since 1970.
    created: i64,
    /// The model; as the vendor names it where the answer is relayed.
    model: String,
    /// The answers.
    choices: Vec<ChatChoice>,
    /// What was counted; absent if the vendor did not say.
    usage: Option<ChatUsage>,
}

/// One of the answers.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the dialect writes")]
struct ChatChoice {
    /// Which, from 0.
    index: u32,
    /// What was said.
    message: ChatAnswer,
    /// Why it ended.
    finish_reason: FinishReason,
}

/// What the model said.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the dialect writes")]
struct ChatAnswer {
    /// Always `assistant`.
    role: String,
    /// Text; null if there is none.
    content: Option<String>,
    /// Words in which the model declined.
    refusal: Option<String>,
    /// What it thought, if its vendor shows that.
    reasoning_content: Option<String>,
    /// The tools that it wants called.
    tool_calls: Option<Vec<ChatToolCall>>,
}

/// What was counted, in tokens.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the dialect writes")]
struct ChatUsage {
    /// Read, from caches too.
    prompt_tokens: u64,
    /// Made.
    completion_tokens: u64,
    /// All of them.
    total_tokens: u64,
}

/// An event of a stream, or a failure; after the last one comes `[DONE]`, after a failure nothing.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what the dialect writes")]
enum ChatCompletionEvent {
    /// A piece.
    Chunk(ChatCompletionChunk),
    /// A failure.
    Failure(ChatCompletionFailure),
}

/// A piece of an answer.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the dialect writes")]
struct ChatCompletionChunk {
    /// The same in all pieces.
    id: String,
    /// Always `chat.completion.chunk`.
    object: String,
    /// When the answer was begun, in seconds since 1970.
    created: i64,
    /// The model; as the vendor names it where the answer is relayed.
    model: String,
    /// More of the answers; none in the piece that tells the usage.
    choices: Vec<ChatChunkChoice>,
    /// What was counted: in the last piece, if the caller asked for it.
    usage: Option<ChatUsage>,
}

/// More of one of the answers.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the dialect writes")]
struct ChatChunkChoice {
    /// Which, from 0.
    index: u32,
    /// What is added to it.
    delta: Map<String, Value>,
    /// Why it ended, in its last piece.
    finish_reason: Option<FinishReason>,
}

/// A failure inside a stream.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the dialect writes")]
struct ChatCompletionFailure {
    /// `message`, `type`, `param` and `code`.
    error: Map<String, Value>,
}

pub(super) fn operation() -> Operation {
    let answer = Answer::json(200, "The answer.", Shape::open::<ChatCompletion>()).or_events(
        "Each event is JSON; the last one is `[DONE]`.",
        Shape::open::<ChatCompletionEvent>(),
    );
    let complete = Operation::new(
        Method::POST,
        "/v1/chat/completions",
        "createChatCompletion",
        "Answers a conversation in OpenAI's protocol",
    )
    .notes(
        "The model may be of any vendor. What its vendor's protocol has no word for is refused, or left out and \
         named in `x-de-dropped`.",
    )
    .speaks(Speaks::OpenAi)
    .body(
        Shape::open::<ChatCompletionRequest>(),
        json!({
            "model": "gpt-4o-mini",
            "messages": [{"role": "user", "content": "Name three rivers of Europe."}],
            "max_completion_tokens": 100,
        }),
    )
    .answers(of_call_or_cache(answer));
    buys_or_finds(complete)
}
