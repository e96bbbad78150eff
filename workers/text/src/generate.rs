//! `POST /generate` answers when done, `POST /generate/stream` as it goes: our own protocol.

use axum::response::Response;
use de_core::{
    caller::Tenant,
    http::{
        error::ApiError,
        extract::{Body, Incoming},
    },
    json::verbatim::Verbatim,
    ports::Platform,
    protocols::{FieldIssue, native::GenerateRequest},
};

use crate::{
    ask::{Ask, Route, Wire},
    expect,
    run::run,
};

/// Runs one call to its end, unless the body says `"stream": true`.
pub(crate) async fn generate(
    platform: Platform,
    Tenant(caller): Tenant,
    incoming: Incoming,
    body: Body,
) -> Result<Response, ApiError> {
    let route = Route { operation: "POST /generate", read, wire: Wire::Native };
    run(platform, caller, incoming, body, route).await
}

/// Streams one call.
pub(crate) async fn stream(
    platform: Platform,
    Tenant(caller): Tenant,
    incoming: Incoming,
    body: Body,
) -> Result<Response, ApiError> {
    let streamed = |body| {
        let mut request = parsed(body)?;
        request.call.stream = true;
        asked(request)
    };
    let route = Route { operation: "POST /generate/stream", read: streamed, wire: Wire::Native };
    run(platform, caller, incoming, body, route).await
}

fn read(body: Verbatim) -> Result<Ask, ApiError> {
    asked(parsed(body)?)
}

fn parsed(body: Verbatim) -> Result<GenerateRequest, ApiError> {
    GenerateRequest::parse(&body.value()).map_err(|issues| ApiError::fields(&issues))
}

fn asked(request: GenerateRequest) -> Result<Ask, ApiError> {
    if request.call.stream && request.expected.is_some() {
        let reason = "a stream is not checked before it is sent; ask for a whole answer".to_owned();
        let pointer = "/expect_json".to_owned();
        return Err(ApiError::fields(&[FieldIssue { pointer, reason }]));
    }
    let mut ask = Ask {
        call: request.call,
        expected: request.expected,
        include_usage: true,
        instance_id: request.instance_id,
        model: request.model_id,
        project_id: request.project_id,
        raw: None,
    };
    expect::prepare(&mut ask);
    Ok(ask)
}
