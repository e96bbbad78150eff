//! `GET /health` says that the code runs; `GET /ready` asks every part that it stands on.

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::future::{Either, select};
use http::StatusCode;
use serde_json::{Map, Value, json};
use std::{future::Future, pin::pin, time::Duration};

use crate::{
    ids::InstanceId,
    ports::{Platform, PortError, Statement},
};

/// How long a part may take to answer a probe.
const PROBE: Duration = Duration::from_secs(2);

pub(super) fn routes(name: &'static str) -> Router<Platform> {
    Router::new()
        .route("/health", get(move || health(name)))
        .route("/ready", get(move |State(platform): State<Platform>| ready(name, platform)))
}

async fn health(name: &'static str) -> Json<Value> {
    Json(json!({"status": "healthy", "service": name, "version": env!("CARGO_PKG_VERSION")}))
}

/// 200 if all parts that this worker has answer, else 503; each with its time.
async fn ready(name: &'static str, platform: Platform) -> Response {
    let select_one = Statement { args: Vec::new(), sql: "SELECT 1 AS one" };
    let mut parts = Map::new();
    let mut ready = true;
    let mut note = |part: &str, probe: Option<(bool, i64)>| {
        let Some((ok, duration_ms)) = probe else { return };
        ready &= ok;
        parts.insert(part.to_owned(), json!({"ok": ok, "duration_ms": duration_ms}));
    };
    note("database", probe(&platform, platform.database.batch(vec![select_one])).await);
    note("cache", probe(&platform, platform.cache.get("ready")).await);
    note("blobs", probe(&platform, platform.blobs.size("ready")).await);
    // An object of its own, so that a probe never wakes a tenant's.
    if let Ok(instance) = InstanceId::parse("inst_ready") {
        note("limiter", probe(&platform, platform.limiter.epochs(&instance)).await);
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = if ready { "ready" } else { "not_ready" };
    let body = json!({
        "status": word,
        "service": name,
        "version": env!("CARGO_PKG_VERSION"),
        "parts": parts,
    });
    (status, Json(body)).into_response()
}

/// Whether a part answered, and in how many milliseconds; `None` if this worker has no such part.
async fn probe<T>(
    platform: &Platform,
    answer: impl Future<Output = Result<T, PortError>> + Send,
) -> Option<(bool, i64)> {
    let started = platform.clock.now();
    let late = platform.clock.sleep(PROBE);
    let ok = match select(pin!(answer), pin!(late)).await {
        Either::Left((Ok(_), _)) => true,
        Either::Left((Err(PortError::Unbound { .. }), _)) => return None,
        Either::Left((Err(_), _)) | Either::Right(_) => false,
    };
    Some((ok, platform.clock.now().since(started)))
}
