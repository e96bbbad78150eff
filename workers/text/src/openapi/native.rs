//! `POST /text/generate` and `/text/generate/stream`, described.

use de_core::{
    http::error::Code,
    ids::{InstanceId, ProjectId},
    openapi::{
        operation::{Answer, Operation, Speaks},
        shape::Shape,
    },
    time::Timestamp,
};
use http::Method;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{buys_or_finds, of_call_or_cache};

/// A call in our own protocol. Fields that are not here are refused by name; null counts as absent.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what `GenerateRequest::parse` reads")]
pub(super) struct GenerateRequest {
    /// What is asked; instead of `messages`.
    #[schema(min_length = 1, pattern = "\\S")]
    prompt: Option<String>,
    /// The conversation so far, at least one message of a user; instead of `prompt`.
    #[schema(min_items = 1)]
    messages: Option<Vec<GenerateMessage>>,
    /// What the model shall keep to.
    system: Option<String>,
    /// The model or an alias of it; without one the instance's default for text serves.
    #[schema(min_length = 1, pattern = "\\S")]
    model_id: Option<String>,
    /// The same as `model_id`.
    #[schema(min_length = 1, pattern = "\\S")]
    model: Option<String>,
    /// Settings of the model.
    options: Option<GenerateOptions>,
    /// Whether the answer comes as events.
    stream: Option<bool>,
    /// Whether the answer has to be JSON, and which; not of a stream.
    expect_json: Option<ExpectJson>,
    /// May repeat the instance of the key.
    instance_id: Option<InstanceId>,
    /// May repeat the project of the key.
    project_id: Option<ProjectId>,
}

/// Whether an answer has to be JSON.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what `Expected::parse` reads")]
enum ExpectJson {
    /// Any object or list.
    Any(bool),
    /// JSON of this kind.
    Of(ExpectedJson),
}

/// Which JSON an answer has to be.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what `Expected::parse` reads")]
struct ExpectedJson {
    /// How often the model is asked again where its answer is not that; 1 unless given. Each time is a call to
    /// the vendor that is billed.
    #[schema(minimum = 0, maximum = 2)]
    retries: Option<u64>,
    /// JSON Schema, of at most 32 KiB; without one any object or list will do. Of the keywords those are checked
    /// that docs/api.md names; others are refused.
    schema: Option<Map<String, Value>>,
}

/// One message.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what `GenerateRequest::parse` reads")]
struct GenerateMessage {
    /// Who speaks.
    role: GenerateRole,
    /// What is said.
    content: String,
}

/// Who speaks.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what `GenerateRequest::parse` reads")]
enum GenerateRole {
    /// The model.
    Assistant,
    /// Whoever made the program.
    System,
    /// Whoever asks.
    User,
}

/// Settings of the model. What a model's vendor lacks is refused, unless the model's row says to leave it out.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what `GenerateRequest::parse` reads")]
struct GenerateOptions {
    /// The most tokens that the answer may have.
    #[schema(minimum = 1)]
    max_tokens: Option<u64>,
    /// How much chance there is in the answer, 0 to 2; some vendors take at most 1.
    #[schema(minimum = 0, maximum = 2)]
    temperature: Option<f64>,
    /// Only the likeliest tokens that together are this likely.
    #[schema(minimum = 0, maximum = 1)]
    top_p: Option<f64>,
    /// Only this many of the likeliest tokens.
    #[schema(minimum = 0)]
    top_k: Option<u64>,
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
    /// How hard a model thinks that does.
    reasoning_effort: Option<ReasoningEffort>,
}

/// Texts that end the answer.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what `GenerateRequest::parse` reads")]
pub(super) enum Stop {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

/// How hard a model thinks.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what `GenerateRequest::parse` reads")]
enum ReasoningEffort {
    /// Not at all.
    None,
    /// Hardly.
    Minimal,
    /// A little.
    Low,
    /// Some.
    Medium,
    /// Hard.
    High,
    /// Harder.
    Xhigh,
    /// As hard as it can.
    Max,
}

/// A whole answer.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `Reply::native` writes")]
struct Generated {
    /// Always true: a failure has another form.
    success: bool,
    /// What the model said.
    text: String,
    /// The value that was expected: any JSON; there if `expect_json` asked for it.
    #[schema(nullable = false)]
    json: Option<Value>,
    /// How it came about.
    metadata: GeneratedMetadata,
    /// The id of the request.
    request_id: String,
    /// When it was answered.
    timestamp: Timestamp,
}

/// How an answer came about.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `Reply::native` writes")]
struct GeneratedMetadata {
    /// Who served it.
    provider: String,
    /// The model that answered.
    model: String,
    /// Tokens read and made.
    tokens_used: u64,
    /// Tokens read.
    input_tokens: u64,
    /// Tokens made.
    output_tokens: u64,
    /// Why it ended.
    finish_reason: FinishReason,
    /// What it cost in micro-dollars; null if it has no price.
    #[schema(required)]
    cost_micros: Option<i64>,
    /// How long it took.
    generation_time_ms: i64,
    /// Tools that the model wants called; absent if it wants none.
    #[schema(nullable = false)]
    tool_calls: Option<Vec<GeneratedToolCall>>,
    /// How the value came about; there if `expect_json` asked for one.
    #[schema(nullable = false)]
    json_qa: Option<GeneratedJson>,
}

/// How a value came about.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `expect::answer` writes")]
struct GeneratedJson {
    /// How often the model was asked.
    attempts: u64,
    /// Whether fences, prose or small faults were taken away.
    repaired: bool,
    /// Whether it was held against a schema.
    validated: bool,
}

/// A tool that the model wants called.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `Reply::native` writes")]
struct GeneratedToolCall {
    /// The vendor's id for it.
    id: String,
    /// The tool.
    name: String,
    /// JSON text, as the model wrote it: it need not be valid.
    arguments: String,
}

/// Why an answer ended.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what `finish_word` writes")]
pub(super) enum FinishReason {
    /// Refused for safety.
    ContentFilter,
    /// The bound of output or context was met.
    Length,
    /// The model was done.
    Stop,
    /// It wants tools called.
    ToolCalls,
}

/// An event of a stream: a piece of text, the end, or, under the name `error`, a failure.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what `NativeStream` writes")]
enum GeneratedEvent {
    /// A piece.
    Piece(GeneratedPiece),
    /// The end.
    End(GeneratedEnd),
    /// A failure; nothing follows it.
    Failure(GeneratedFailure),
}

/// A piece of text.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `NativeStream` writes")]
struct GeneratedPiece {
    /// More text.
    text: String,
    /// False: more comes.
    done: bool,
    /// The id of the request.
    request_id: String,
}

/// The end of a stream.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `NativeStream` writes")]
struct GeneratedEnd {
    /// Empty.
    text: String,
    /// True: nothing follows.
    done: bool,
    /// Why it ended.
    finish_reason: FinishReason,
    /// What the vendor counted; null if it did not say.
    #[schema(required)]
    usage: Option<GeneratedUsage>,
    /// The id of the request.
    request_id: String,
}

/// Tokens by class.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `native::usage` writes")]
struct GeneratedUsage {
    /// Read, not from a cache.
    input_tokens: u64,
    /// Read from the vendor's cache.
    cached_input_tokens: u64,
    /// Written to the vendor's cache.
    cache_write_tokens: u64,
    /// Made.
    output_tokens: u64,
    /// The part of them that was thought.
    reasoning_tokens: u64,
    /// All of them.
    total_tokens: u64,
}

/// A failure inside a stream.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `NativeStream` writes")]
struct GeneratedFailure {
    /// What happened, for a person.
    error: String,
    /// What happened, for a program.
    error_code: String,
    /// True: nothing follows.
    done: bool,
    /// The id of the request.
    request_id: String,
}

pub(super) fn operations() -> Vec<Operation> {
    let events =
        "Each event is JSON: pieces, then one with `done`. One named `error` is a failure.";
    let event = Shape::of::<GeneratedEvent>;
    let example = json!({
        "model_id": "gpt-4o-mini",
        "prompt": "Name three rivers of Europe.",
        "options": {"max_tokens": 100, "temperature": 0},
    });
    let generate = Operation::new(
        Method::POST,
        "/text/generate",
        "generateText",
        "Answers a prompt or a conversation",
    )
    .notes(
        "In our own protocol; as events if the body says `\"stream\": true`. With `expect_json` the answer has the \
         value beside its text; where the model does not write one, the call fails, and is billed all the same.",
    )
    .fails(&[Code::JsonValidationFailed])
    .body(Shape::of::<GenerateRequest>(), example.clone())
    .answers(of_call_or_cache(
        Answer::json(200, "The answer.", Shape::of::<Generated>()).or_events(events, event()),
    ));
    let stream = Operation::new(
        Method::POST,
        "/text/generate/stream",
        "streamText",
        "Answers a prompt or a conversation as events",
    )
    .body(Shape::of::<GenerateRequest>(), example)
    .answers(of_call_or_cache(Answer::empty(200, "The answer.").or_events(events, event())));
    [generate, stream].map(|one| buys_or_finds(one.speaks(Speaks::NativeCall))).into()
}
