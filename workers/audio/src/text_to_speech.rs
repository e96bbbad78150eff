//! `POST /v1/text-to-speech/{voice_id}` and `…/stream`: ElevenLabs' protocol, to vendors of any.

use axum::{extract::Query, response::Response};
use de_core::{
    caller::{Caller, Tenant},
    http::{
        error::ApiError,
        extract::{Body, Incoming, PathText},
    },
    ports::Platform,
    protocols::elevenlabs_speech::{ElevenLabsSpeechCall, MODEL},
};
use serde_json::{Map, Value};

use crate::{
    ask::{Ask, Route, Wire},
    speak::speak,
};

/// Speaks, by the vendor's call for a whole file.
pub(crate) async fn convert(
    platform: Platform,
    Tenant(caller): Tenant,
    PathText(voice): PathText,
    Query(query): Query<Vec<(String, String)>>,
    incoming: Incoming,
    body: Body,
) -> Result<Response, ApiError> {
    let asked = Asked { query, streamed: false, voice };
    run(platform, caller, incoming, body, asked).await
}

/// Speaks, by the vendor's call for a stream.
pub(crate) async fn stream(
    platform: Platform,
    Tenant(caller): Tenant,
    PathText(voice): PathText,
    Query(query): Query<Vec<(String, String)>>,
    incoming: Incoming,
    body: Body,
) -> Result<Response, ApiError> {
    let asked = Asked { query, streamed: true, voice };
    run(platform, caller, incoming, body, asked).await
}

/// What stands in the address.
struct Asked {
    query: Vec<(String, String)>,
    streamed: bool,
    voice: String,
}

async fn run(
    platform: Platform,
    caller: Caller,
    incoming: Incoming,
    body: Body,
    asked: Asked,
) -> Result<Response, ApiError> {
    let operation = match asked.streamed {
        false => "POST /v1/text-to-speech/{voice_id}",
        true => "POST /v1/text-to-speech/{voice_id}/stream",
    };
    let subject = format!("{} {:?}", asked.voice, asked.query);
    let read = move |raw: Map<String, Value>| {
        let read = ElevenLabsSpeechCall::parse(&asked.voice, &asked.query, &raw)?;
        let ElevenLabsSpeechCall { mut call, extra, model } = read;
        call.streamed = asked.streamed;
        let model = model.unwrap_or_else(|| MODEL.to_owned());
        Ok(Ask { call, extra, in_events: false, model, raw })
    };
    let route = Route { operation, read, subject, wire: Wire::ElevenLabs };
    speak(platform, caller, incoming, body, route).await
}
