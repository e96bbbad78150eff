//! `POST /synthesize`: our own protocol. A job, whose file is kept and linked to.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use de_core::{
    assets::link,
    auth::Scope,
    caller::{Caller, Tenant},
    calls::SpeechCall,
    http::{
        context::Context,
        error::ApiError,
        extract::{Body, Incoming},
    },
    ids::JobId,
    jobs::{Output, View, Work, front},
    model::Modality,
    ports::{Platform, random},
    protocols::native_speech::SynthesizeRequest,
    registry,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::books;

const OPERATION: &str = "POST /synthesize";

/// Speaks to a file, and waits for it; `Prefer: respond-async` does not wait.
pub(crate) async fn synthesize(
    State(platform): State<Platform>,
    Tenant(caller): Tenant,
    incoming: Incoming,
    body: Body,
) -> Result<Response, ApiError> {
    let size_bytes = body.size_bytes();
    let request = match read(&caller, &incoming, body) {
        Ok(request) => request,
        Err(error) => {
            // The purchase itself has its books in the job; what never becomes one has them here.
            let books = books::open(&platform, &caller, &incoming, OPERATION, size_bytes);
            return books::closed(&books, Err(error));
        }
    };
    let Incoming { context, headers, .. } = incoming;
    let call = request.call.clone();
    let asking = caller.clone();
    let purchase = front::Purchase {
        caller,
        context: &context,
        fallbacks: headers.get("x-de-fallback").and_then(|value| value.to_str().ok()),
        job_id: JobId::make(platform.clock.now(), random(&*platform.entropy)),
        model: request.model_id.as_deref(),
        notify: None,
        operation: OPERATION,
        platform: &platform,
        scope: Scope::Audio,
        size_bytes,
        work: Work::Speech(request.call),
    };
    if prefers_async(&headers) {
        let view = front::begin(purchase).await?;
        return Ok(accepted(&platform, &context, &view));
    }
    let view = front::buy(purchase).await?;
    let reply = told(&platform, &asking, &context, &call, &view).await?;
    Ok(Json(reply).into_response())
}

fn read(caller: &Caller, incoming: &Incoming, body: Body) -> Result<SynthesizeRequest, ApiError> {
    books::no_idempotency_key(incoming)?;
    let request = SynthesizeRequest::parse(&body.into_object()?)
        .map_err(|issues| ApiError::fields(&issues))?;
    caller.must_be(request.instance_id.as_deref(), request.project_id.as_deref())?;
    Ok(request)
}

/// RFC 7240: `Prefer: respond-async`, among other preferences.
fn prefers_async(headers: &HeaderMap) -> bool {
    let all = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut words = all.flat_map(|value| value.split([',', ';']));
    words.any(|word| word.trim().eq_ignore_ascii_case("respond-async"))
}

/// 202: the job, and where to look for it.
fn accepted(platform: &Platform, context: &Context, view: &View) -> Response {
    let base = platform.settings.public_base.as_deref().unwrap_or_default();
    let place = format!("{base}/v1/jobs/{}", view.id);
    let body = json!({
        "success": true,
        "job_id": view.id.as_str(),
        "status": view.status,
        "status_url": place,
        "request_id": context.request_id().as_str(),
        "timestamp": platform.clock.now().rfc3339(),
    });
    let mut response = (StatusCode::ACCEPTED, Json(body)).into_response();
    let headers = response.headers_mut();
    if let Ok(place) = HeaderValue::try_from(place) {
        headers.insert(header::LOCATION, place);
    }
    let applied = HeaderName::from_static("preference-applied");
    headers.insert(applied, HeaderValue::from_static("respond-async"));
    response
}

/// The file, and how it came to be.
async fn told(
    platform: &Platform,
    caller: &Caller,
    context: &Context,
    call: &SpeechCall,
    view: &View,
) -> Result<Value, ApiError> {
    let output = view.outputs.first().ok_or_else(|| {
        ApiError::internal("a job succeeded without a file").with("job_id", view.id.as_str())
    })?;
    let now = platform.clock.now();
    let link = link::make(&platform.settings, &output.asset_id, now, link::LIFE, None)
        .map_err(|err| ApiError::internal(err.to_string()))?;
    let voice = match &call.voice {
        Some(voice) => Some(voice.clone()),
        None => usual_voice(platform, caller, view).await,
    };
    let seconds = output.duration_ms.map(|ms| {
        #[expect(clippy::cast_precision_loss, reason = "a sound is shorter than 2^53 ms")]
        let ms = ms as f64;
        ms / 1_000.0
    });
    Ok(json!({
        "success": true,
        "audio_url": link.url,
        "duration_seconds": seconds,
        "metadata": {
            "provider": view.provider_id.as_ref().map(|id| id.as_str()),
            "voice_id": voice,
            "model_id": view.model_id.as_ref().map(|id| id.as_str()),
            "character_count": call.text.chars().count(),
            "generation_time_ms": now.since(context.started()),
            "format": format(call, output),
            "content_type": output.content_type,
            "size_bytes": output.size_bytes,
            "cost_micros": view.cost_micros.map(|cost| cost.0),
        },
        "asset_id": output.asset_id.as_str(),
        "job_id": view.id.as_str(),
        "request_id": context.request_id().as_str(),
        "timestamp": now.rfc3339(),
    }))
}

/// The voice that spoke where none was named.
async fn usual_voice(platform: &Platform, caller: &Caller, view: &View) -> Option<String> {
    let model = view.model_id.as_ref()?.as_str();
    let model = registry::resolve(platform, caller, model, Modality::Audio).await.ok()?;
    model.vendor.speech()?.usual_voice().map(str::to_owned)
}

/// The word that was asked for, else what the file is: `mp3`.
fn format<'a>(call: &'a SpeechCall, output: &'a Output) -> &'a str {
    if let Some(word) = &call.format {
        return word;
    }
    match output.content_type.as_str() {
        "audio/aac" => "aac",
        "audio/flac" => "flac",
        "audio/mpeg" => "mp3",
        "audio/ogg" => "opus",
        "audio/wav" => "wav",
        other => other,
    }
}
