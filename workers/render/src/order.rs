//! `POST /render`: a film is ordered, and its render can be asked about at once.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use de_core::{
    auth::Scope,
    books::{Arrival, Asked, Books, CLIENT_LEFT, Outcome, Outlay},
    caller::{Caller, Tenant},
    http::{
        error::{ApiError, Code},
        extract::{Body, Incoming},
        once::{self, Begun, Question, Ticket},
    },
    ids::JobId,
    jobs::{View, Work, front},
    ports::{Platform, random},
    render::RenderRequest,
    secret::Secret,
    webhooks::Callback,
};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

const OPERATION: &str = "POST /render";

/// The largest edit, in bytes as it came: an order has to fit into its job's record.
const CAP: usize = 512 * 1024;

/// How long a request has its claim for itself. One that takes over later makes the same job.
const HOLD: Duration = Duration::from_secs(60);

/// Orders a film, once for each `Idempotency-Key`. Every authenticated call leaves exactly one receipt: the
/// job's, or one of its own if it never becomes one.
pub(crate) async fn create(
    State(platform): State<Platform>,
    Tenant(caller): Tenant,
    incoming: Incoming,
    body: Body,
) -> Result<Response, ApiError> {
    let size_bytes = body.size_bytes();
    let question = Question {
        digest: body.digest(),
        hold: HOLD,
        route: OPERATION,
        scope: Scope::Render,
        subject: "",
    };
    let ticket = match once::begin(&platform, &caller, &incoming, question).await {
        Ok(Begun::Replayed(response)) => return Ok(response),
        Ok(Begun::Call(ticket)) => ticket,
        Err(refusal) => {
            close(&platform, &caller, &incoming, size_bytes, &refusal);
            return Err(refusal);
        }
    };
    // Under a claim, whoever makes the job makes the same one.
    let job_id = match &ticket {
        Some(ticket) => JobId::make(ticket.token().made_at(), ticket.token().random()),
        None => JobId::make(platform.clock.now(), random(&*platform.entropy)),
    };
    let answered = match read(&platform, &caller, body) {
        Ok(request) => order(&platform, caller, &incoming, size_bytes, request, job_id).await,
        Err(error) => {
            close(&platform, &caller, &incoming, size_bytes, &error);
            Err(error)
        }
    };
    let Some(ticket) = ticket else { return answered };
    match &answered {
        Ok(_) => ticket.end(&incoming.context, answered, Outlay::Spent).await,
        // Whether the job is stored is not known. Who asks again makes the same one.
        Err(error) if error.details().contains_key("job_id") => {
            Ticket::leave(ticket);
            answered
        }
        Err(_) => ticket.end(&incoming.context, answered, Outlay::Nothing).await,
    }
}

fn read(platform: &Platform, caller: &Caller, body: Body) -> Result<RenderRequest, ApiError> {
    if body.size_bytes() > CAP {
        let message = format!("an edit has at most {} KiB", CAP / 1_024);
        return Err(ApiError::new(Code::BodyTooLarge, message).with("limit_bytes", CAP));
    }
    let request = RenderRequest::parse(body.into_object()?, &platform.settings)
        .map_err(|issues| ApiError::fields(&issues))?;
    caller.must_be(request.instance_id.as_deref(), request.project_id.as_deref())?;
    Ok(request)
}

async fn order(
    platform: &Platform,
    caller: Caller,
    incoming: &Incoming,
    size_bytes: usize,
    request: RenderRequest,
    job_id: JobId,
) -> Result<Response, ApiError> {
    let RenderRequest { call, callback_url, model_id, .. } = request;
    let output = call.edit.get("output").and_then(Value::as_object).cloned().unwrap_or_default();
    // A job that was made before has a secret of its own, which was told then.
    let is_new = platform.jobs.watch(&job_id, 0, Duration::ZERO).await?.is_none();
    let (notify, secret) = match callback_url {
        Some(url) => {
            let organization = caller.organization_id();
            let made = Callback::make(&platform.settings, &*platform.entropy, organization, url)?;
            (Some(made.0), Some(made.1).filter(|_| is_new))
        }
        None => (None, None),
    };
    let headers = &incoming.headers;
    let purchase = front::Purchase {
        caller,
        context: &incoming.context,
        fallbacks: headers.get("x-de-fallback").and_then(|value| value.to_str().ok()),
        job_id,
        model: model_id.as_deref(),
        notify,
        operation: OPERATION,
        platform,
        scope: Scope::Render,
        size_bytes,
        work: Work::Render(call),
    };
    let view = front::begin(purchase).await?;
    Ok(accepted(platform, incoming, &view, &output, secret.as_ref()))
}

/// 202, and where to ask for the render.
fn accepted(
    platform: &Platform,
    incoming: &Incoming,
    view: &View,
    output: &Map<String, Value>,
    secret: Option<&Secret>,
) -> Response {
    let base = platform.settings.public_base.as_deref().unwrap_or_default();
    let place = format!("{base}/render/render/{}", view.id);
    let body = json!({
        "success": true,
        "render_id": view.id.as_str(),
        "job_id": view.id.as_str(),
        "status": crate::renders::status(view),
        "status_url": place,
        "callback_secret": secret.map(Secret::expose),
        "metadata": {
            "provider": view.provider_id.as_ref().map(|id| id.as_str()),
            "model": view.model_id.as_ref().map(|id| id.as_str()),
            "format": output.get("format"),
            "resolution": output.get("resolution").or_else(|| output.get("size")),
        },
        "request_id": incoming.context.request_id().as_str(),
        "timestamp": platform.clock.now().rfc3339(),
    });
    let mut response = (StatusCode::ACCEPTED, Json(body)).into_response();
    if let Ok(place) = HeaderValue::try_from(place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

/// Writes a call into the books that never became a job.
fn close(
    platform: &Platform,
    caller: &Caller,
    incoming: &Incoming,
    size_bytes: usize,
    error: &ApiError,
) {
    let what = Asked { modality: "video", operation: OPERATION, size_bytes };
    let arrival = Arrival::of(platform, &incoming.context, caller, what);
    let books = Books::open(platform, arrival, incoming.context.started());
    match error.code() {
        Code::ClientLeft => books.close(Outcome::Cancelled, CLIENT_LEFT),
        code => books.close(Outcome::Failed(code), code.status().as_u16()),
    }
}
