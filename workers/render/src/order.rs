//! `POST /render`: a film is ordered, and its render can be asked about at once.

use std::time::Duration;

use axum::{
    Json,
    body::to_bytes,
    response::{IntoResponse, Response},
};
use de_core::{
    auth::Scope,
    caller::{Caller, Tenant},
    http::{
        error::{ApiError, Code},
        extract::{Body, Incoming},
        turn::Entrance,
    },
    jobs::{
        View, Work,
        claimed::{Claim, Claimed},
        front::{self, Purchase},
    },
    ports::Platform,
    render::RenderRequest,
    secret::Secret,
    webhooks::Callback,
};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

/// The largest edit, in bytes as it came: an order has to fit into its job's record.
const CAP: usize = 512 * 1024;

/// How long a request has its claim for itself. One that takes over later makes the same job.
const HOLD: Duration = Duration::from_secs(60);

/// Orders a film, once for each `Idempotency-Key`. Every authenticated call leaves exactly one receipt: the
/// job's, or one of its own if it never becomes one.
pub(crate) async fn create(
    platform: Platform,
    Tenant(caller): Tenant,
    incoming: Incoming,
    body: Body,
) -> Result<Response, ApiError> {
    let entrance = Entrance::new("POST /render", "video", Scope::Render).with_body(&body);
    let entrance = Entrance { hold: HOLD, ..entrance };
    let claimed = match Claimed::begin(&platform, &caller, &incoming, entrance).await? {
        Claim::Mine(claimed) => claimed,
        Claim::Replayed(response) => return Ok(with_secret(&platform, response).await),
    };
    let answered = match read(&platform, &caller, body).await {
        Ok((entitled, request)) => order(&claimed, entitled, request).await,
        Err(error) => {
            claimed.refuse(&caller, &error);
            Err(error)
        }
    };
    let answered = claimed.end_begun(answered).await?;
    Ok(with_secret(&platform, answered).await)
}

/// Reads the order, for whoever may give one.
async fn read(
    platform: &Platform,
    caller: &Caller,
    body: Body,
) -> Result<(Caller, RenderRequest), ApiError> {
    let caller = caller.clone().entitled(platform, Scope::Render).await?;
    if body.size_bytes() > CAP {
        let message = format!("an edit has at most {} KiB", CAP / 1_024);
        return Err(ApiError::new(Code::BodyTooLarge, message).with("limit_bytes", CAP));
    }
    let request = RenderRequest::parse(body.into_object()?, &platform.settings)
        .map_err(|issues| ApiError::fields(&issues))?;
    caller.must_be(request.instance_id.as_deref(), request.project_id.as_deref())?;
    Ok((caller, request))
}

async fn order(
    claimed: &Claimed<'_>,
    caller: Caller,
    request: RenderRequest,
) -> Result<Response, ApiError> {
    let Claimed { incoming, job_id, platform, .. } = claimed;
    let RenderRequest { call, callback_url, model_id, .. } = request;
    let output = call.edit.get("output").and_then(Value::as_object).cloned().unwrap_or_default();
    let made = callback_url
        .map(|url| Callback::make(platform, caller.organization_id(), job_id.as_str(), url));
    let (notify, secret_version) = match made.transpose() {
        Ok(made) => made.unzip(),
        Err(err) => {
            let error = ApiError::from(err);
            claimed.refuse(&caller, &error);
            return Err(error);
        }
    };
    let purchase = claimed.purchase(caller, model_id.as_deref(), Work::Render(call));
    let view = front::begin(Purchase { notify, ..purchase }).await?;
    Ok(accepted(platform, incoming, &view, &output, secret_version))
}

/// 202, and where to ask for the render. In place of the callback's secret, the version of the key that it is
/// derived from: so the answer may rest.
fn accepted(
    platform: &Platform,
    incoming: &Incoming,
    view: &View,
    output: &Map<String, Value>,
    secret_version: Option<u32>,
) -> Response {
    let base = platform.settings.public_base.as_deref().unwrap_or_default();
    let place = format!("{base}/render/render/{}", view.id);
    let body = json!({
        "success": true,
        "render_id": view.id.as_str(),
        "job_id": view.id.as_str(),
        "status": crate::renders::status(view),
        "status_url": place,
        "callback_secret": secret_version,
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

/// Puts the callback's secret into an answer of [`accepted`], new or kept.
async fn with_secret(platform: &Platform, response: Response) -> Response {
    if response.status() != StatusCode::ACCEPTED {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // One that was kept is in memory, and as short as we made it.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let Some(told) = reveal(platform, &body) else { return (parts, body).into_response() };
    parts.headers.remove(header::CONTENT_LENGTH);
    (parts, told).into_response()
}

fn reveal(platform: &Platform, body: &[u8]) -> Option<String> {
    let mut told: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let version = told.get("callback_secret")?.as_u64()?.try_into().ok()?;
    let job = told.get("job_id")?.as_str()?;
    // A key that is gone leaves nothing to tell.
    let secret = Callback::secret(&platform.settings, version, job).ok();
    told.insert("callback_secret".to_owned(), secret.as_ref().map(Secret::expose).into());
    serde_json::to_string(&told).ok()
}
