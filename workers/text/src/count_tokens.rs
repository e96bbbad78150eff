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
    admission::{Wanted, anyone},
    auth::Scope,
    books::Outcome,
    caller::{Caller, Tenant},
    exchange::{self, Job},
    http::{
        error::ApiError,
        extract::{Body, Incoming},
        turn::Turn,
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

use crate::run::{entrance, makes_text};

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
    let turn = entrance(OPERATION, &body).take_without_key(&platform, &caller, &incoming);
    let counted = answer(&turn, caller, body).await;
    let books = &turn.books;
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

async fn answer(turn: &Turn<'_>, caller: Caller, body: Body) -> Result<Bytes, ApiError> {
    let (books, platform) = (&turn.books, turn.platform);
    let Incoming { context, headers, .. } = turn.incoming;
    let caller = caller.entitled(platform, Scope::Text).await?;
    let raw = body.into_verbatim()?;
    let (name, call) = AnthropicMessagesDialect
        .call(&bounded(raw.members().into_owned()))
        .map_err(|issues| ApiError::fields(&issues))?;
    books.asked(Some(&name), false, 0);
    let wanted = Wanted {
        apart: true,
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
        stands_in: anyone,
        splitting: Splitting::none(),
    };
    let admitted = turn.admit(caller, &wanted).await?;
    let model = admitted.models.first();
    let model = model.ok_or_else(|| ApiError::internal("an admitted call has no model"))?.clone();
    let Some(vendor) = counts(&model) else {
        let config = &model.config;
        context.tell(HeaderName::from_static("x-de-estimated"), "true");
        context.tell(HeaderName::from_static("x-de-model"), config.model_id.as_str());
        context.tell(HeaderName::from_static("x-de-provider"), config.provider_id.as_str());
        return Ok(Bytes::from(json!({"input_tokens": prompt::tokens(&call)}).to_string()));
    };
    let draft = |model: &Model| Ok(vendor.relay(raw.clone(), headers, &model.target(0)));
    let job = Job { models: std::slice::from_ref(&model), ..turn.job(&admitted, &draft) };
    let opened = exchange::open_at_once(&job).await?;
    let bytes = exchange::whole(&job, opened).await?;
    let read = json::parse(&bytes).map_err(|err| err.to_string());
    let read = read.and_then(|body| vendor.reply(&body).map_err(|err| err.to_string()));
    read.map_err(|reason| exchange::unreadable(&model, reason))?;
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
