//! `POST /v1/messages/count_tokens`: how many tokens a prompt has, in Anthropic's protocol.
//!
//! A vendor of that protocol is asked, which costs nothing; for models of others the count is our own estimate,
//! and `x-de-estimated` says so. Either way nothing is bought: limits count the request and no tokens, the
//! receipt has none, and no other model stands in, as it would count otherwise.

use std::sync::Arc;

use axum::{
    body::Body as ResponseBody,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use de_core::{
    admission::{Wanted, admit},
    auth::Scope,
    books::{Asked, Books, Outcome},
    caller::{Caller, Tenant},
    exchange::{self, Answer, Job},
    http::{
        error::{ApiError, Code},
        extract::{Body, Incoming},
    },
    json,
    limits::wire::Need,
    model::{Modality, Protocol},
    ports::Platform,
    prompt,
    protocols::{CountingVendor, Dialect, anthropic_messages::AnthropicMessagesDialect},
    receipt::Usage,
    registry::Model,
    split::Splitting,
};
use http::{HeaderName, HeaderValue, header};
use serde_json::{Map, Value, json};

use crate::run::makes_text;

const OPERATION: &str = "POST /v1/messages/count_tokens";

/// What a question takes of the limits.
const NEED: Need = Need { micros: Some(0), requests: 1, slots: 1, tokens: 0 };

/// Counts the tokens of a prompt.
pub(crate) async fn count(
    platform: Platform,
    Tenant(caller): Tenant,
    incoming: Incoming,
    body: Body,
) -> Result<Response, ApiError> {
    let what = Asked { modality: "text", operation: OPERATION, size_bytes: body.size_bytes() };
    let books = Books::open(&platform, &incoming.context, &caller, what);
    let counted = answer(&platform, caller, incoming, body, &books).await;
    books.absolved();
    match &counted {
        Ok(body) => {
            books.counted(&Usage::default());
            books.sent(body.len());
            books.close(Outcome::Ok, 200);
        }
        Err(error) => books.fail(error),
    }
    let content_type = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    counted.map(|body| ([content_type], ResponseBody::from(body)).into_response())
}

async fn answer(
    platform: &Platform,
    caller: Caller,
    incoming: Incoming,
    body: Body,
    books: &Books,
) -> Result<Bytes, ApiError> {
    let Incoming { context, departure, headers } = incoming;
    let caller = caller.entitled(platform, Scope::Text).await?;
    let raw = body.into_verbatim()?;
    let (name, call) = AnthropicMessagesDialect
        .call(&bounded(raw.members().into_owned()))
        .map_err(|issues| ApiError::fields(&issues))?;
    books.asked(Some(&name), false, 0);
    let wanted = Wanted {
        at_hand: None,
        deadline_ms: &|model| model.deadlines().total_ms,
        // None, rather than those of the model's row.
        fallbacks: Some(""),
        modality: Modality::Text,
        model: Some(&name),
        need: &|_, _| NEED,
        pooled: true,
        scope: Scope::Text,
        serves: &makes_text,
        // Others would count otherwise.
        splitting: Splitting::none(),
    };
    let admitted = admit(platform, &context, books, caller, &wanted).await?;
    let model = admitted.models.first();
    let model = model.ok_or_else(|| ApiError::internal("an admitted call has no model"))?.clone();
    let Some(vendor) = counts(&model) else {
        let config = &model.config;
        context.tell(HeaderName::from_static("x-de-estimated"), "true");
        context.tell(HeaderName::from_static("x-de-model"), config.model_id.as_str());
        context.tell(HeaderName::from_static("x-de-provider"), config.provider_id.as_str());
        return Ok(Bytes::from(json!({"input_tokens": prompt::tokens(&call)}).to_string()));
    };
    let draft = |model: &Model| Ok(vendor.relay(raw.clone(), &headers, &model.target(0)));
    let job = Job {
        before_send: None,
        books,
        context: &context,
        departure: departure.as_ref(),
        draft: &draft,
        holder: (&admitted.caller).into(),
        models: std::slice::from_ref(&model),
        need: admitted.need,
        platform,
        routes: &admitted.routes,
        streamed: false,
    };
    let Answer::Opened(opened) = exchange::open(&job).await? else {
        return Err(ApiError::internal("a vendor that counts was polled"));
    };
    let bytes = exchange::whole(&job, opened).await?;
    let read = json::parse(&bytes).map_err(|err| err.to_string());
    let read = read.and_then(|body| vendor.reply(&body).map_err(|err| err.to_string()));
    read.map_err(|reason| {
        let message = format!("{} sent an answer that cannot be read", model.config.provider_id);
        ApiError::new(Code::ProviderMalformed, message).because(reason)
    })?;
    Ok(bytes)
}

/// The vendor that takes the question as it came, if the model's does.
fn counts(model: &Arc<Model>) -> Option<&dyn CountingVendor> {
    let same = model.config.protocol == Protocol::AnthropicMessages;
    model.vendor.counting().filter(|_| same)
}

/// The body as one that asks for an answer, which has to be bounded.
fn bounded(mut body: Map<String, Value>) -> Value {
    body.entry("max_tokens").or_insert(Value::from(1));
    Value::Object(body)
}
