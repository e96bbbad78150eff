//! `POST /v1/chat/completions`: OpenAI's protocol, to vendors of any.

use axum::response::Response;
use de_core::{
    caller::Tenant,
    http::{
        error::ApiError,
        extract::{Body, Incoming},
    },
    json::verbatim::Verbatim,
    ports::Platform,
    protocols::{
        Dialect,
        openai_chat::{OpenAiChatDialect, include_usage},
    },
};

use crate::{
    ask::{Ask, Route, Wire},
    run::run,
};

/// Completes a conversation, whole or as a stream.
pub(crate) async fn complete(
    platform: Platform,
    Tenant(caller): Tenant,
    incoming: Incoming,
    body: Body,
) -> Result<Response, ApiError> {
    let route = Route { operation: "POST /v1/chat/completions", read, wire: Wire::OpenAi };
    run(platform, caller, incoming, body, route).await
}

fn read(body: Verbatim) -> Result<Ask, ApiError> {
    let read = OpenAiChatDialect.call(&body.value()).map_err(|issues| ApiError::fields(&issues))?;
    let (model, call) = read;
    Ok(Ask {
        call,
        expected: None,
        include_usage: include_usage(&body.members()),
        instance_id: None,
        model: Some(model),
        project_id: None,
        raw: Some(body),
    })
}
