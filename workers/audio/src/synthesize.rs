//! `POST /synthesize`: our own protocol. A job, whose file is kept and linked to.

use axum::{
    Json,
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
        prefer,
        turn::Entrance,
    },
    jobs::{
        Output, View, Work,
        claimed::{Claim, Claimed},
        front,
    },
    model::Modality,
    ports::Platform,
    protocols::native::speech::SynthesizeRequest,
    registry,
};
use serde_json::{Value, json};

/// Speaks to a file, and waits for it; `Prefer: respond-async` does not wait.
///
/// The receipt is that of the job; what never becomes one has its own.
pub(crate) async fn synthesize(
    platform: Platform,
    Tenant(caller): Tenant,
    incoming: Incoming,
    body: Body,
) -> Result<Response, ApiError> {
    let entrance = Entrance::new("POST /synthesize", "audio", Scope::Audio).with_body(&body);
    let claimed = match Claimed::begin(&platform, &caller, &incoming, entrance).await? {
        Claim::Mine(claimed) => claimed,
        Claim::Replayed(response) => return Ok(response),
    };
    let answered = match read(&caller, body) {
        Ok(request) => buy(&claimed, &caller, request).await,
        Err(error) => {
            claimed.refuse(&caller, &error);
            Err(error)
        }
    };
    claimed.end(answered).await
}

fn read(caller: &Caller, body: Body) -> Result<SynthesizeRequest, ApiError> {
    let request = SynthesizeRequest::parse(&body.into_object()?)
        .map_err(|issues| ApiError::fields(&issues))?;
    caller.must_be(request.instance_id.as_deref(), request.project_id.as_deref())?;
    Ok(request)
}

async fn buy(
    claimed: &Claimed<'_>,
    caller: &Caller,
    request: SynthesizeRequest,
) -> Result<Response, ApiError> {
    let (platform, Incoming { context, headers, .. }) = (claimed.platform, claimed.incoming);
    let SynthesizeRequest { call, model_id, .. } = request;
    let work = Work::Speech(call.clone());
    let purchase = claimed.purchase(caller.clone(), model_id.as_deref(), work);
    if prefer::respond_async(headers) {
        let view = front::begin(purchase).await?;
        return Ok(prefer::accepted(platform, context, &view));
    }
    let view = front::buy(purchase).await?;
    let reply = shown(platform, caller, context, &call, &view).await?;
    Ok(Json(reply).into_response())
}

/// The file, and how it came to be.
async fn shown(
    platform: &Platform,
    caller: &Caller,
    context: &Context,
    call: &SpeechCall,
    view: &View,
) -> Result<Value, ApiError> {
    let lost = |why: String| ApiError::internal(why).with("job_id", view.id.as_str());
    let output = view.outputs.first();
    let output = output.ok_or_else(|| lost("a job succeeded without a file".to_owned()))?;
    let now = platform.clock.now();
    let ends_at = output.expires_at.map(|at| at.0);
    let link = link::make(&platform.settings, &output.asset_id, now, link::LIFE, ends_at)
        .map_err(|err| lost(err.to_string()))?;
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
