//! `POST /v1/chat/completions`: OpenAI's protocol, to vendors of any.

use axum::{extract::State, response::Response};
use de_core::{
    caller::Tenant,
    http::{
        error::ApiError,
        extract::{Body, Incoming},
    },
    ports::Platform,
    protocols::{
        Dialect,
        openai_chat::{OpenAiChatDialect, include_usage},
    },
};
use serde_json::{Map, Value};

use crate::{
    ask::{Ask, Route, Wire},
    run::run,
};

/// Completes a conversation, whole or as a stream.
pub(crate) async fn complete(
    State(platform): State<Platform>,
    Tenant(caller): Tenant,
    incoming: Incoming,
    body: Body,
) -> Result<Response, ApiError> {
    let route = Route { operation: "POST /v1/chat/completions", read, wire: Wire::OpenAi };
    run(platform, caller, incoming, body, route).await
}

fn read(body: Map<String, Value>) -> Result<Ask, ApiError> {
    let body = Value::Object(body);
    let read = OpenAiChatDialect.call(&body).map_err(|issues| ApiError::fields(&issues))?;
    let (model, call) = read;
    let raw = into_object(body);
    Ok(Ask {
        call,
        expected: None,
        include_usage: raw.as_ref().is_some_and(include_usage),
        instance_id: None,
        model: Some(model),
        project_id: None,
        raw,
    })
}

pub(crate) fn into_object(body: Value) -> Option<Map<String, Value>> {
    match body {
        Value::Object(members) => Some(members),
        _ => None,
    }
}
