//! `POST /generate` answers when done, `POST /generate/stream` as it goes: our own protocol.

use axum::{extract::State, response::Response};
use de_core::{
    caller::Tenant,
    http::{
        error::ApiError,
        extract::{Body, Incoming},
    },
    ports::Platform,
    protocols::native::GenerateRequest,
};
use serde_json::{Map, Value};

use crate::{
    ask::{Ask, Route, Wire},
    run::run,
};

/// Runs one call to its end, unless the body says `"stream": true`.
pub(crate) async fn generate(
    State(platform): State<Platform>,
    Tenant(caller): Tenant,
    incoming: Incoming,
    body: Body,
) -> Result<Response, ApiError> {
    let route = Route { operation: "POST /generate", read, wire: Wire::Native };
    run(platform, caller, incoming, body, route).await
}

/// Streams one call.
pub(crate) async fn stream(
    State(platform): State<Platform>,
    Tenant(caller): Tenant,
    incoming: Incoming,
    body: Body,
) -> Result<Response, ApiError> {
    let streamed = |body| {
        read(body).map(|mut ask| {
            ask.call.stream = true;
            ask
        })
    };
    let route = Route { operation: "POST /generate/stream", read: streamed, wire: Wire::Native };
    run(platform, caller, incoming, body, route).await
}

fn read(body: Map<String, Value>) -> Result<Ask, ApiError> {
    let request =
        GenerateRequest::parse(&Value::Object(body)).map_err(|issues| ApiError::fields(&issues))?;
    Ok(Ask {
        call: request.call,
        include_usage: true,
        instance_id: request.instance_id,
        model: request.model_id,
        project_id: request.project_id,
        raw: None,
    })
}
