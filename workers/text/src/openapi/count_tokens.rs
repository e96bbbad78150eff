//! `POST /v1/messages/count_tokens`, described.
//!
//! Follows <https://docs.anthropic.com/en/api/messages-count-tokens>.

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

use super::anthropic::{MessageContent, MessageTurn};

/// A prompt in Anthropic's protocol: a call without its bound. Null counts as absent.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the dialect reads")]
struct CountTokensRequest {
    /// The model or an alias of it.
    model: String,
    /// The conversation so far.
    #[schema(min_items = 1)]
    messages: Vec<MessageTurn>,
    /// What the model shall keep to: text, or a list of blocks of text.
    system: Option<MessageContent>,
    /// What the model may call.
    tools: Option<Vec<Map<String, Value>>>,
    /// Which of them it must, may or must not call.
    tool_choice: Option<Map<String, Value>>,
    /// How hard the model thinks (`effort`) and what form the answer must have (`format`).
    output_config: Option<Map<String, Value>>,
}

/// How many tokens the prompt has.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct CountedTokens {
    /// As the vendor counts them; an estimate of ours where `x-de-estimated` says so.
    input_tokens: u64,
}

pub(super) fn operation() -> Operation {
    let answer = Answer::json(200, "The count.", Shape::open::<CountedTokens>());
    Operation::new(
        Method::POST,
        "/v1/messages/count_tokens",
        "countMessageTokens",
        "Counts the tokens of a prompt in Anthropic's protocol",
    )
    .notes(
        "A vendor of Anthropic's protocol is asked. For models of others the count is an estimate, of texts, tools \
         and pictures, and `x-de-estimated` is there; see docs/cost-estimates.md. Nothing is bought: limits count \
         the request and no tokens.",
    )
    .scope(Some(Scope::Text))
    .speaks(Speaks::Anthropic)
    .header("anthropic-version")
    .body(
        Shape::open::<CountTokensRequest>(),
        json!({
            "model": "claude-haiku-4-5",
            "messages": [{"role": "user", "content": "Name three rivers of Europe."}],
        }),
    )
    .asks_model()
    .fails(&[Code::BudgetExceeded, Code::ContentRefused, Code::NotImplemented])
    .answers(answer.left_out().headers(&[
        "request-id",
        "x-de-receipt",
        "x-de-model",
        "x-de-provider",
        "x-de-attempts",
        "x-de-estimated",
        "Deprecation",
        "Sunset",
    ]).limits())
}
