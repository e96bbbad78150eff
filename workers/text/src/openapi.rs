//! Text generation, described: one call in four protocols, at the paths of the front door.

mod anthropic;
mod capabilities;
mod count_tokens;
mod embeddings;
mod models;
mod native;
mod openai;
mod responses;

use de_core::openapi::{
    document::{Document, Tag},
    operation::{Answer, Operation},
};

/// The operations and where the worker itself has them; the front door has a name in front of some.
///
/// Each is `METHOD /path` on the worker's own host. Tests hold it against the router.
pub const ROUTES: [(&str, &str); 13] = [
    ("POST /generate", "POST /text/generate"),
    ("POST /generate/stream", "POST /text/generate/stream"),
    ("POST /v1/chat/completions", "POST /v1/chat/completions"),
    ("POST /v1/embeddings", "POST /v1/embeddings"),
    ("POST /v1/messages", "POST /v1/messages"),
    ("POST /v1/messages/count_tokens", "POST /v1/messages/count_tokens"),
    ("POST /v1/responses", "POST /v1/responses"),
    ("GET /v1/responses/{id}", "GET /v1/responses/{id}"),
    ("DELETE /v1/responses/{id}", "DELETE /v1/responses/{id}"),
    ("GET /v1/responses/{id}/input_items", "GET /v1/responses/{id}/input_items"),
    ("GET /v1/capabilities", "GET /v1/capabilities"),
    ("GET /v1/models", "GET /v1/models"),
    ("GET /v1/models/{id}", "GET /v1/models/{id}"),
];

const TEXT: Tag = Tag {
    about: "Text of models of any vendor, in our own protocol, OpenAI's or Anthropic's.",
    name: "text",
};
const MODELS: Tag = Tag { about: "What a key may call.", name: "models" };

/// Adds the operations of the text worker.
pub fn describe(document: &mut Document) {
    let mut text = native::operations();
    text.extend([
        openai::operation(),
        embeddings::operation(),
        anthropic::operation(),
        count_tokens::operation(),
    ]);
    text.extend(responses::operations());
    let tagged = |tag: Tag, operations: Vec<Operation>| {
        operations.into_iter().map(|operation| operation.tag(tag.name)).collect()
    };
    document.add(&[TEXT], tagged(TEXT, text));
    let mut catalogue = models::operations();
    catalogue.push(capabilities::operation());
    document.add(&[MODELS], tagged(MODELS, catalogue));
}

/// What a call brings along, whatever protocol it speaks.
fn buys(operation: Operation) -> Operation {
    let operation = operation.scope(Some(de_core::auth::Scope::Text)).bought_once();
    let operation = operation.header("x-de-fallback").header("x-de-on-unsupported");
    operation.header("x-de-session").buys_of_model()
}

/// The same of a call that the response cache may answer.
fn buys_or_finds(operation: Operation) -> Operation {
    buys(operation.header("x-de-cache"))
}

/// An answer to a call, with what its headers tell.
fn of_call(answer: Answer) -> Answer {
    answer.of_call().left_out().headers(&["Idempotency-Replayed", "x-de-max-tokens"])
}

/// The same where the response cache may have answered.
fn of_call_or_cache(answer: Answer) -> Answer {
    of_call(answer).headers(&["x-de-cache", "Age"])
}
