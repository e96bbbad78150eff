//! `GET /health` says that the code runs; `GET /ready` asks every part that it stands on.

use std::{collections::BTreeMap, future::Future, pin::pin, time::Duration};

use axum::{
    Json, Router,
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::future::{Either, join4, select};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{BadId, InstanceId},
    ports::{Deployment, Platform, PortError, Statement},
};

/// How long a part may take to answer a probe. All are asked at once.
const PROBE: Duration = Duration::from_secs(2);

/// The version of all workers: they are released together.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What `GET /health` answers.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub struct Health {
    /// What runs, as the platform knows it; `null` where it does not say.
    pub deployment: Option<Deployment>,
    /// Which worker.
    pub service: &'static str,
    /// Always `healthy`: what is not healthy does not answer.
    pub status: &'static str,
    /// The version of the code.
    pub version: &'static str,
}

/// What `GET /ready` answers: 200 if all is well, else 503.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub struct Readiness {
    /// What runs, as the platform knows it; `null` where it does not say.
    #[serde(default)]
    pub deployment: Option<Deployment>,
    /// What it stands on, by name: `blobs`, `cache`, `database`, `limiter`. One that this worker does not
    /// have is not among them.
    pub parts: BTreeMap<String, Part>,
    /// Which worker.
    pub service: String,
    /// Whether all parts answered.
    pub status: ReadyStatus,
    /// The version of the code.
    pub version: String,
}

/// Whether a worker can do its work.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReadyStatus {
    /// Some part did not answer.
    NotReady,
    /// All parts answered.
    Ready,
}

/// How a part answered a probe.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub struct Part {
    /// How long that took, in milliseconds; at most 2,000, then it is given up.
    pub duration_ms: i64,
    /// Whether it answered, and without an error.
    pub ok: bool,
}

pub(super) fn routes(name: &'static str) -> Router {
    let health = move |platform: Platform| health(name, platform);
    let ready = move |platform: Platform| ready(name, platform);
    Router::new().route("/health", get(health)).route("/ready", get(ready))
}

async fn health(name: &'static str, platform: Platform) -> Json<Health> {
    let deployment = platform.settings.deployment.clone();
    Json(Health { deployment, service: name, status: "healthy", version: VERSION })
}

async fn ready(name: &'static str, platform: Platform) -> Response {
    let readiness = readiness(name, &platform).await;
    let status = match readiness.status {
        ReadyStatus::NotReady => StatusCode::SERVICE_UNAVAILABLE,
        ReadyStatus::Ready => StatusCode::OK,
    };
    (status, Json(readiness)).into_response()
}

/// Asks every part that this worker has, all at once; in two seconds at most.
pub async fn readiness(name: &str, platform: &Platform) -> Readiness {
    let select_one = Statement { args: Vec::new(), sql: "SELECT 1 AS one" };
    // An object of its own, so that a probe never wakes a tenant's.
    let limiter = async {
        let failed = |err: BadId| PortError::Failed { port: "limiter", message: err.to_string() };
        platform.limiter.epochs(&InstanceId::parse("inst_ready").map_err(failed)?).await
    };
    let (database, cache, blobs, limiter) = join4(
        probe(platform, platform.database.batch(vec![select_one])),
        probe(platform, platform.cache.get("ready")),
        probe(platform, platform.blobs.size("ready")),
        probe(platform, limiter),
    )
    .await;
    let asked = [("blobs", blobs), ("cache", cache), ("database", database), ("limiter", limiter)];
    let parts: BTreeMap<_, _> =
        asked.into_iter().filter_map(|(name, part)| Some((name.to_owned(), part?))).collect();
    let all_well = parts.values().all(|part| part.ok);
    Readiness {
        deployment: platform.settings.deployment.clone(),
        parts,
        service: name.to_owned(),
        status: if all_well { ReadyStatus::Ready } else { ReadyStatus::NotReady },
        version: VERSION.to_owned(),
    }
}

/// How a part answered; `None` if this worker has no such part.
async fn probe<T>(
    platform: &Platform,
    answer: impl Future<Output = Result<T, PortError>> + Send,
) -> Option<Part> {
    let started = platform.clock.now();
    let late = platform.clock.sleep(PROBE);
    let ok = match select(pin!(answer), pin!(late)).await {
        Either::Left((Ok(_), _)) => true,
        Either::Left((Err(PortError::Unbound { .. }), _)) => return None,
        Either::Left((Err(_), _)) | Either::Right(_) => false,
    };
    Some(Part { duration_ms: platform.clock.now().since(started), ok })
}
