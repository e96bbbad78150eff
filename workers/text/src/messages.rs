//! `POST /v1/messages`: Anthropic's protocol, to vendors of any.

use axum::response::Response;
use de_core::{
    caller::Tenant,
    http::{
        error::ApiError,
        extract::{Body, Incoming},
    },
    json::verbatim::Verbatim,
    ports::Platform,
    protocols::{Dialect, anthropic_messages::AnthropicMessagesDialect},
};

use crate::{
    ask::{Ask, Route, Wire},
    run::run,
};

/// Answers a conversation, whole or as a stream.
pub(crate) async fn create(
    platform: Platform,
    Tenant(caller): Tenant,
    incoming: Incoming,
    body: Body,
) -> Result<Response, ApiError> {
    let route = Route { operation: "POST /v1/messages", read, wire: Wire::Anthropic };
    run(platform, caller, incoming, body, route).await
}

fn read(body: Verbatim) -> Result<Ask, ApiError> {
    let read =
        AnthropicMessagesDialect.call(&body.value()).map_err(|issues| ApiError::fields(&issues))?;
    let (model, call) = read;
    Ok(Ask {
        call,
        expected: None,
        include_usage: true,
        instance_id: None,
        model: Some(model),
        project_id: None,
        raw: Some(body),
    })
}
