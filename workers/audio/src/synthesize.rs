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
        once::Begun,
        prefer,
        turn::{self, Entrance},
    },
    ids::JobId,
    jobs::{Output, View, Work, claimed, front},
    model::Modality,
    ports::Platform,
    protocols::native_speech::SynthesizeRequest,
    registry,
};
use serde_json::{Value, json};

const OPERATION: &str = "POST /synthesize";

/// Speaks to a file, and waits for it; `Prefer: respond-async` does not wait.
///
/// The receipt is that of the job; what never becomes one has its own.
pub(crate) async fn synthesize(
    platform: Platform,
    Tenant(caller): Tenant,
    incoming: Incoming,
    body: Body,
) -> Result<Response, ApiError> {
    let size_bytes = body.size_bytes();
    let entrance = Entrance {
        digest: body.digest(),
        hold: turn::HOLD,
        modality: "audio",
        operation: OPERATION,
        scope: Scope::Audio,
        size_bytes,
        subject: "",
    };
    let ticket = match entrance.claim(&platform, &caller, &incoming).await? {
        Begun::Call(ticket) => ticket,
        Begun::Replayed(response) => return Ok(response),
    };
    let job_id = claimed::id(&platform, ticket.as_ref());
    let answered = match read(&caller, body) {
        Ok(request) => {
            let ordered = Ordered { job_id: job_id.clone(), request, size_bytes };
            buy(&platform, &caller, &incoming, ordered).await
        }
        Err(error) => {
            entrance.refuse(&platform, &caller, &incoming.context, &error);
            Err(error)
        }
    };
    let Some(ticket) = ticket else { return answered };
    claimed::end(&platform, &incoming.context, ticket, &job_id, answered).await
}

fn read(caller: &Caller, body: Body) -> Result<SynthesizeRequest, ApiError> {
    let request = SynthesizeRequest::parse(&body.into_object()?)
        .map_err(|issues| ApiError::fields(&issues))?;
    caller.must_be(request.instance_id.as_deref(), request.project_id.as_deref())?;
    Ok(request)
}

/// What is to be bought.
struct Ordered {
    job_id: JobId,
    request: SynthesizeRequest,
    size_bytes: usize,
}

async fn buy(
    platform: &Platform,
    caller: &Caller,
    incoming: &Incoming,
    ordered: Ordered,
) -> Result<Response, ApiError> {
    let Incoming { context, headers, .. } = incoming;
    let Ordered { job_id, request, size_bytes } = ordered;
    let call = request.call.clone();
    let purchase = front::Purchase {
        caller: caller.clone(),
        context,
        fallbacks: headers.get("x-de-fallback").and_then(|value| value.to_str().ok()),
        job_id,
        model: request.model_id.as_deref(),
        notify: None,
        operation: OPERATION,
        platform,
        scope: Scope::Audio,
        size_bytes,
        work: Work::Speech(request.call),
    };
    if prefer::respond_async(headers) {
        let view = front::begin(purchase).await?;
        return Ok(prefer::accepted(platform, context, &view));
    }
    let view = front::buy(purchase).await?;
    let reply = told(platform, caller, context, &call, &view).await?;
    Ok(Json(reply).into_response())
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
