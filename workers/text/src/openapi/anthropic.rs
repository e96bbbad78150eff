//! `POST /v1/messages`, described: what we read ourselves. Whatever else a body or an answer holds is relayed
//! where the model's vendor speaks Anthropic's protocol too.
//!
//! Follows <https://docs.anthropic.com/en/api/messages>.

use de_core::openapi::{
    operation::{Answer, Operation, Speaks},
    shape::Shape,
};
use http::Method;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{buys_or_finds, of_call_or_cache};

/// A call in Anthropic's protocol. Null counts as absent.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the dialect reads")]
struct MessageRequest {
    /// The model or an alias of it.
    model: String,
    /// The conversation so far.
    #[schema(min_items = 1)]
    messages: Vec<MessageTurn>,
    /// The most tokens that the answer may have; 0 only warms Anthropic's cache.
    #[schema(minimum = 0)]
    max_tokens: u64,
    /// What the model shall keep to: text, or a list of blocks of text.
    system: Option<MessageContent>,
    /// Whether the answer comes as events.
    stream: Option<bool>,
    /// How much chance there is in the answer.
    #[schema(minimum = 0, maximum = 1)]
    temperature: Option<f64>,
    /// Only the likeliest tokens that together are this likely.
    #[schema(minimum = 0, maximum = 1)]
    top_p: Option<f64>,
    /// Only this many of the likeliest tokens.
    #[schema(minimum = 0)]
    top_k: Option<u64>,
    /// Texts that end the answer.
    stop_sequences: Option<Vec<String>>,
    /// What the model may call.
    tools: Option<Vec<Map<String, Value>>>,
    /// Which of them it must, may or must not call: `auto`, `any`, `none`, or `tool` with its name.
    tool_choice: Option<Map<String, Value>>,
    /// How hard the model thinks (`effort`) and what form the answer must have (`format`).
    output_config: Option<Map<String, Value>>,
    /// `user_id`: the caller's own mark for its end user.
    metadata: Option<Map<String, Value>>,
}

/// One turn.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the dialect reads")]
pub(super) struct MessageTurn {
    /// Who speaks.
    role: MessageRole,
    /// What is said: text, or a list of blocks.
    content: MessageContent,
}

/// Who speaks.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what the dialect reads")]
enum MessageRole {
    /// The model.
    Assistant,
    /// Whoever made the program; newer models take it within the conversation.
    System,
    /// Whoever asks.
    User,
}

/// What is said.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what the dialect reads")]
pub(super) enum MessageContent {
    /// Text.
    Text(String),
    /// Blocks, each with its `type`.
    Blocks(Vec<Map<String, Value>>),
}

/// A whole answer.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the dialect writes")]
struct Message {
    /// Its id.
    id: String,
    /// Always `message`.
    r#type: String,
    /// Always `assistant`.
    role: String,
    /// The model; as the vendor names it where the answer is relayed.
    model: String,
    /// Blocks of `text`, `thinking`, `tool_use`, …
    content: Vec<MessageBlock>,
    /// Why it ended: `end_turn`, `max_tokens`, `stop_sequence`, `tool_use`, `refusal`, …
    #[schema(required)]
    stop_reason: Option<String>,
    /// The text that ended it, if one did.
    #[schema(required)]
    stop_sequence: Option<String>,
    /// Of a refusal: `type`, `category` and `explanation`; else null. Where the answer is relayed, as the vendor has it.
    stop_details: Option<Map<String, Value>>,
    /// What its code runs in, if its vendor has one.
    container: Option<Map<String, Value>>,
    /// What was counted, in tokens.
    usage: MessageUsage,
}

/// A piece of an answer. What else is in it goes by its type.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the dialect writes")]
struct MessageBlock {
    /// `text`, `thinking`, `tool_use`, …
    r#type: String,
}

/// What was counted, in tokens.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the dialect writes")]
struct MessageUsage {
    /// Read, not from a cache.
    input_tokens: u64,
    /// Made.
    output_tokens: u64,
    /// Written to the cache.
    cache_creation_input_tokens: Option<u64>,
    /// Read from the cache.
    cache_read_input_tokens: Option<u64>,
}

/// An event of a stream; its name stands in `type` too. One of the type `error` is a failure.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the dialect writes")]
struct MessageEvent {
    /// `message_start`, `content_block_start`, `content_block_delta`, `content_block_stop`, `message_delta`,
    /// `message_stop`, `ping` or `error`.
    r#type: String,
    /// Of events of a block: which one, from 0.
    #[schema(nullable = false)]
    index: Option<u32>,
    /// Of `error`: `type` and `message`.
    #[schema(nullable = false)]
    error: Option<Map<String, Value>>,
}

pub(super) fn operation() -> Operation {
    let answer = Answer::json(200, "The answer.", Shape::open::<Message>())
        .or_events(
            "Each event has a name, and JSON that repeats it as `type`; the last one is `message_stop`.",
            Shape::open::<MessageEvent>(),
        )
        .headers(&["request-id"]);
    let create = Operation::new(
        Method::POST,
        "/v1/messages",
        "createMessage",
        "Answers a conversation in Anthropic's protocol",
    )
    .notes(
        "The model may be of any vendor. What its vendor's protocol has no word for is refused, or left out and \
         named in `x-de-dropped`.",
    )
    .speaks(Speaks::Anthropic)
    .header("anthropic-version")
    .body(
        Shape::open::<MessageRequest>(),
        json!({
            "model": "claude-haiku-4-5",
            "max_tokens": 100,
            "messages": [{"role": "user", "content": "Name three rivers of Europe."}],
        }),
    )
    .answers(of_call_or_cache(answer));
    buys_or_finds(create)
}
