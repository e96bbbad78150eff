//! Which voices there are: `GET /voices` in our form, `/v1/voices` and `/v2/voices` as ElevenLabs has them.
//!
//! They are those of the instance's own account at ElevenLabs, asked with its key. It costs nothing.

use std::time::Duration;

use axum::{
    Json,
    body::Body,
    extract::Query,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use de_core::{
    auth::Scope,
    caller::{Caller, Tenant},
    exchange::lookup::{self, Access},
    http::{
        context::Context,
        error::{ApiError, Code},
        extract::Incoming,
    },
    ids::ProviderId,
    json,
    ports::Platform,
    protocols::{FieldIssue, elevenlabs_speech::ElevenLabsSpeechVendor},
};
use http::HeaderValue;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::speak::head;

/// The provider whose voices can be listed.
const PROVIDER: &str = "elevenlabs";

/// How long a list is kept.
const LIFETIME: Duration = Duration::from_secs(600);

/// The longest value of a parameter, in bytes.
const LONGEST: usize = 200;

/// What of a voice we show.
const SHOWN: [&str; 8] = [
    "voice_id",
    "name",
    "category",
    "description",
    "labels",
    "preview_url",
    "high_quality_base_model_ids",
    "verified_languages",
];

/// Parameters of the first version.
/// Follows <https://elevenlabs.io/docs/api-reference/voices/get-all>.
const FIRST: [&str; 1] = ["show_legacy"];

/// Parameters of the second version.
/// Follows <https://elevenlabs.io/docs/api-reference/voices/search>.
const SECOND: [&str; 16] = [
    "accent",
    "age",
    "category",
    "collection_id",
    "fine_tuning_state",
    "gender",
    "include_total_count",
    "language",
    "next_page_token",
    "page_size",
    "search",
    "sort",
    "sort_direction",
    "use_cases",
    "voice_ids",
    "voice_type",
];

/// All of them, in our form. At most ten minutes old.
pub(crate) async fn native(
    platform: Platform,
    Tenant(caller): Tenant,
    Query(query): Query<Vec<(String, String)>>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    check(&query, &[])?;
    let (caller, access) = allowed(&platform, caller).await?;
    let place = place(&caller, &access);
    // A copy that cannot be had is none.
    let copy = platform.cache.get(&place).await.ok().flatten();
    let kept = copy.and_then(|text| serde_json::from_str::<Vec<Value>>(&text).ok());
    let voices = match kept {
        Some(voices) => voices,
        None => {
            let body = ask(&platform, &incoming.context, &access, "/v1/voices", &[]).await?;
            let voices = shown(&body)?;
            let text = Value::from(voices.clone()).to_string();
            if let Err(err) = platform.cache.put(&place, text, LIFETIME).await {
                incoming.context.note(|line| line.cause = Some(err.to_string()));
            }
            voices
        }
    };
    let context = &incoming.context;
    let body = json!({
        "success": true,
        "voices": voices,
        "request_id": context.request_id().as_str(),
        "timestamp": platform.clock.now().rfc3339(),
    });
    Ok(Json(body).into_response())
}

/// ElevenLabs' first version: all of them.
pub(crate) async fn first(
    platform: Platform,
    Tenant(caller): Tenant,
    Query(query): Query<Vec<(String, String)>>,
    context: Context,
) -> Result<Response, ApiError> {
    relayed((&platform, &context), caller, "/v1/voices", query, &FIRST).await
}

/// ElevenLabs' second version: searched, sorted, in pages.
pub(crate) async fn second(
    platform: Platform,
    Tenant(caller): Tenant,
    Query(query): Query<Vec<(String, String)>>,
    context: Context,
) -> Result<Response, ApiError> {
    relayed((&platform, &context), caller, "/v2/voices", query, &SECOND).await
}

async fn relayed(
    (platform, context): (&Platform, &Context),
    caller: Caller,
    path: &str,
    query: Vec<(String, String)>,
    known: &[&str],
) -> Result<Response, ApiError> {
    check(&query, known)?;
    let (_, access) = allowed(platform, caller).await?;
    let body = ask(platform, context, &access, path, &query).await?;
    object(&body)?;
    Ok(head(HeaderValue::from_static("application/json"), Body::from(body)))
}

/// Refuses parameters that the vendor does not have.
fn check(query: &[(String, String)], known: &[&str]) -> Result<(), ApiError> {
    let mut issues = Vec::new();
    for (name, value) in query {
        let reason = if !known.contains(&name.as_str()) && known.is_empty() {
            "unknown; there are none".to_owned()
        } else if !known.contains(&name.as_str()) {
            format!("unknown; there are {}", known.join(", "))
        } else if value.len() > LONGEST {
            format!("is longer than {LONGEST} bytes")
        } else {
            continue;
        };
        let name: String = name.chars().take(60).collect();
        issues.push(FieldIssue { pointer: format!("?{name}"), reason });
    }
    if issues.is_empty() { Ok(()) } else { Err(ApiError::fields(&issues)) }
}

/// The caller, if their key holds now and has the scope, and their instance's way to the provider.
///
/// Nothing is reserved here, so the Limiter is asked whether the copy of the key still holds.
async fn allowed(platform: &Platform, caller: Caller) -> Result<(Caller, Access), ApiError> {
    let caller = caller.current(platform).await?;
    caller.require(Scope::Audio)?;
    let provider =
        ProviderId::parse(PROVIDER).map_err(|err| ApiError::internal(err.to_string()))?;
    let access = lookup::access(platform, &caller, &provider).await?;
    Ok((caller, access))
}

async fn ask(
    platform: &Platform,
    context: &Context,
    access: &Access,
    path: &str,
    query: &[(String, String)],
) -> Result<Bytes, ApiError> {
    lookup::ask(platform, context, access, path, query, &ElevenLabsSpeechVendor).await
}

/// Where a copy is kept: one an instance, provider and key, as each account has voices of its own.
fn place(caller: &Caller, access: &Access) -> String {
    let digest = Sha256::digest(access.sealed.as_bytes());
    let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("voices:1:{}:{PROVIDER}:{digest}", caller.instance_id())
}

/// The list in our form: flat, with what we know of each.
fn shown(body: &[u8]) -> Result<Vec<Value>, ApiError> {
    let body = object(body)?;
    let Some(Value::Array(voices)) = body.get("voices") else {
        return Err(unreadable("there is no list of voices".to_owned()));
    };
    let one = |voice: &Value| {
        let voice = voice.as_object()?;
        voice.get("voice_id").filter(|id| id.is_string())?;
        let known = SHOWN.iter().filter_map(|name| {
            let value = voice.get(*name)?;
            Some(((*name).to_owned(), value.clone()))
        });
        let mut shown: Map<String, Value> = known.collect();
        shown.insert("provider".to_owned(), PROVIDER.into());
        Some(Value::Object(shown))
    };
    Ok(voices.iter().filter_map(one).collect())
}

fn object(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    json::object(body).map_err(|err| unreadable(err.to_string()))
}

fn unreadable(reason: String) -> ApiError {
    let message = format!("{PROVIDER} sent an answer that cannot be read");
    ApiError::new(Code::ProviderMalformed, message).because(reason)
}
