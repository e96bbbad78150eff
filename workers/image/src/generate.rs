//! `POST /generate`: our own protocol.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    caller::Tenant,
    http::{
        context::Context,
        error::ApiError,
        extract::{Body, Incoming},
    },
    jobs::View,
    ports::Platform,
    protocols::native::image::ImageRequest,
};
use serde_json::{Value, json};

use crate::{
    buy::{Ask, Wire, entrance, serve},
    pictures::{self, Picture},
};

/// Makes pictures, keeps them, and answers with links; `Prefer: respond-async` does not wait.
pub(crate) async fn generate(
    platform: Platform,
    Tenant(caller): Tenant,
    incoming: Incoming,
    body: Body,
) -> Result<Response, ApiError> {
    let entrance = entrance("POST /generate").with_body(&body);
    serve(&platform, caller, &incoming, entrance, read(body)).await
}

/// Answers with what a job has made.
pub(crate) async fn answer(
    platform: &Platform,
    context: &Context,
    view: &View,
) -> Result<Response, ApiError> {
    let pictures = pictures::of(platform, view).await?;
    Ok(Json(reply(platform, context, view, &pictures)).into_response())
}

fn read(body: Body) -> Result<Ask, ApiError> {
    let request = ImageRequest::parse(&body.into_object()?);
    let request = request.map_err(|issues| ApiError::fields(&issues))?;
    Ok(Ask {
        call: request.call,
        instance_id: request.instance_id,
        model: request.model_id,
        project_id: request.project_id,
        wire: Wire::Native,
    })
}

/// `{success, image_url, images, r2_path, metadata, notices, job_id, request_id, timestamp}`.
fn reply(platform: &Platform, context: &Context, view: &View, pictures: &[Picture]) -> Value {
    let now = platform.clock.now();
    let first = pictures.first();
    let path = |picture: &Picture| format!("/assets/{}", picture.output.asset_id);
    json!({
        "success": true,
        "image_url": first.map(|picture| picture.link.url.as_str()),
        "images": pictures.iter().map(shown).collect::<Vec<_>>(),
        "r2_path": first.map(path),
        "metadata": {
            "provider": view.provider_id.as_ref().map(|id| id.as_str()),
            "model": view.model_id.as_ref().map(|id| id.as_str()),
            "dimensions": first.and_then(Picture::dimensions),
            "format": first.map(Picture::format),
            "generation_time_ms": now.since(context.started()),
            "cost_micros": view.cost_micros.map(|cost| cost.0),
        },
        "notices": view.notices,
        "job_id": view.id.as_str(),
        "request_id": context.request_id().as_str(),
        "timestamp": now.rfc3339(),
    })
}

fn shown(picture: &Picture) -> Value {
    let Picture { link, output, .. } = picture;
    json!({
        "url": link.url,
        "url_expires_at": link.expires_at.rfc3339(),
        "asset_id": output.asset_id.as_str(),
        "width": output.width,
        "height": output.height,
        "format": picture.format(),
        "content_type": output.content_type,
        "size_bytes": output.size_bytes,
        "revised_prompt": output.revised_prompt,
        "seed": output.seed,
    })
}
