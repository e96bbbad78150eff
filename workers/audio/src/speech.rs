//! `POST /v1/audio/speech`: OpenAI's protocol, to vendors of any.

use axum::response::Response;
use de_core::{
    caller::Tenant,
    http::{
        error::ApiError,
        extract::{Body, Incoming},
    },
    ports::Platform,
    protocols::{FieldIssue, openai_speech::OpenAiSpeechCall},
};
use serde_json::{Map, Value};

use crate::{
    ask::{Ask, Route, Wire},
    speak::speak,
};

/// Speaks: sound as it is made, or OpenAI's events.
pub(crate) async fn create(
    platform: Platform,
    Tenant(caller): Tenant,
    incoming: Incoming,
    body: Body,
) -> Result<Response, ApiError> {
    let operation = "POST /v1/audio/speech";
    let route = Route { operation, read, subject: String::new(), wire: Wire::OpenAi };
    speak(platform, caller, incoming, body, route).await
}

fn read(raw: Map<String, Value>) -> Result<Ask, Vec<FieldIssue>> {
    let OpenAiSpeechCall { call, extra, in_events, model } = OpenAiSpeechCall::parse(&raw)?;
    Ok(Ask { call, extra, in_events, model, raw })
}
