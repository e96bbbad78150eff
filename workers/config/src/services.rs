//! `/v1/services`: what is deployed, its version, and whether it is ready. The services page reads this.

use std::{collections::BTreeMap, pin::pin, time::Duration};

use axum::Json;
use de_core::{
    http::{
        error::ApiError,
        health::{Part, Readiness, ReadyStatus, readiness},
    },
    ports::{Deployment, Platform, PortError},
    store::pages::Page,
    time::Timestamp,
};
use de_services::{Reach, WORKERS, Worker};
use futures_util::future::{Either, join_all, select};
use serde::Serialize;

use crate::resource::Filters;

/// How long a worker may take to say whether it is ready; it gives its own parts two seconds.
const DEADLINE: Duration = Duration::from_secs(3);

/// A worker, as it was found just now.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct Service {
    /// What it does, in a sentence.
    about: &'static str,
    /// When it was asked.
    checked_at: Timestamp,
    /// What runs, as the platform knows it; `null` where it does not say, or nobody answered.
    deployment: Option<Deployment>,
    /// How long its answer took, in milliseconds, as seen from the front door; `null` if there was nobody
    /// to ask.
    duration_ms: Option<i64>,
    /// Its name: that of its script without `de-`.
    name: &'static str,
    /// What it stands on, by name, each with its own time. Empty if it did not answer.
    parts: BTreeMap<String, Part>,
    /// What the front door forwards to it, each path with all below: its own name first. Empty for the front
    /// door, which answers all else itself, and for one that nobody calls.
    paths: Vec<String>,
    /// How it was found.
    status: ServiceStatus,
    /// What people call it.
    title: &'static str,
    /// Where it is called, behind the front door; `null` for one that nobody calls, or where the front
    /// door does not know its own address.
    url: Option<String>,
    /// The version of its code; `null` if it did not answer.
    version: Option<String>,
}

/// How a worker was found.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum ServiceStatus {
    /// The front door has no binding for it.
    NotDeployed,
    /// It answered that something it stands on does not work, or what nobody understands.
    NotReady,
    /// All that it stands on works.
    Ready,
    /// It did not answer within three seconds.
    Unreachable,
}

/// Asks all of them at once. There are no filters, and one page.
pub(crate) async fn list(
    platform: Platform,
    filters: Filters,
) -> Result<Json<Page<Service>>, ApiError> {
    filters.finish()?;
    Ok(Json(services(&platform).await))
}

/// All that are deployed with this one, always in the same order: there is one page.
async fn services(platform: &Platform) -> Page<Service> {
    let data = join_all(WORKERS.iter().map(|worker| ask(platform, worker))).await;
    Page { data, next_cursor: None }
}

async fn ask(platform: &Platform, worker: &'static Worker) -> Service {
    let started = platform.clock.now();
    let (status, found) = match answer(platform, worker).await {
        Ok(found) if found.status == ReadyStatus::Ready => (ServiceStatus::Ready, Some(found)),
        Ok(found) => (ServiceStatus::NotReady, Some(found)),
        Err(PortError::Unbound { .. }) => (ServiceStatus::NotDeployed, None),
        Err(PortError::Malformed { .. }) => (ServiceStatus::NotReady, None),
        Err(_) => (ServiceStatus::Unreachable, None),
    };
    let duration_ms = platform.clock.now().since(started);
    let (deployment, parts, version) = match found {
        Some(found) => (found.deployment, found.parts, Some(found.version)),
        None => (None, BTreeMap::new(), None),
    };
    Service {
        about: worker.about,
        checked_at: started.into(),
        deployment,
        duration_ms: (status != ServiceStatus::NotDeployed).then_some(duration_ms),
        name: worker.name,
        parts,
        paths: paths(worker),
        status,
        title: worker.title,
        url: url(platform, worker),
        version,
    }
}

async fn answer(platform: &Platform, worker: &Worker) -> Result<Readiness, PortError> {
    if worker.is_front_door() {
        return Ok(readiness(worker.name, platform).await);
    }
    let late = platform.clock.sleep(DEADLINE);
    match select(platform.peers.ask(worker.name, "/ready"), pin!(late)).await {
        // 200 and 503 have the same body, which says it again.
        Either::Left((answer, _)) => serde_json::from_value(answer?.1)
            .map_err(|err| PortError::Malformed { port: "peers", message: err.to_string() }),
        Either::Right(_) => Err(PortError::TimedOut { port: "peers", after_ms: 3_000 }),
    }
}

fn url(platform: &Platform, worker: &Worker) -> Option<String> {
    let base = platform.settings.public_base.as_ref()?;
    match worker.reach {
        Reach::Called { .. } => Some(format!("{base}/{}", worker.name)),
        Reach::FrontDoor { .. } => Some(base.clone()),
        Reach::Inside => None,
    }
}

fn paths(worker: &Worker) -> Vec<String> {
    match worker.reach {
        Reach::Called { paths, .. } => {
            let native = [format!("/{}", worker.name)].into_iter();
            native.chain(paths.iter().map(|path| (*path).to_owned())).collect()
        }
        Reach::FrontDoor { .. } | Reach::Inside => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

    use std::{future::pending, sync::Arc};

    use axum::{Router, routing::get};
    use de_core::{http::service, ports::Settings};
    use de_testkit::{peers::RouterPeers, platform::TestPlatform};
    use serde_json::{Value, json};

    use super::*;

    /// A worker without routes of its own.
    fn bare(name: &'static str, platform: Platform) -> Router {
        service(name, platform, |routes| routes)
    }

    /// A front door in front of a worker of each kind, and none called `render`.
    async fn found() -> Value {
        let peers = Arc::new(RouterPeers::default());
        let front = "https://gateway.example".to_owned();
        let made =
            TestPlatform::builder().peers(peers.clone()).public_base(front).build().await.unwrap();
        let broken = TestPlatform::new().await.unwrap();
        broken.limiter.set_failing(true);
        let deployment = Deployment {
            created_at: "2026-11-25T12:00:00.000Z".to_owned(),
            id: "018f".to_owned(),
            tag: None,
        };
        let settings = Settings { deployment: Some(deployment), ..Settings::default() };
        let deployed = Platform { settings: Arc::new(settings), ..made.platform.clone() };
        let long = "x".repeat(70_000);
        peers.bind("text", bare("text", deployed));
        peers.bind("image", Router::new().route("/ready", get(async || pending::<()>().await)));
        peers.bind("audio", bare("audio", broken.platform.clone()));
        peers.bind("stock-media", Router::new().route("/ready", get(async move || long)));
        peers.bind("rate-limiter", bare("rate-limiter", made.another_isolate()));
        serde_json::to_value(services(&made.platform).await).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn each_worker_is_found_as_it_is_and_in_time() {
        let found = found().await;
        assert_eq!(found["next_cursor"], Value::Null);
        let data = found["data"].as_array().unwrap();
        assert_eq!(data.len(), WORKERS.len());
        for (service, worker) in data.iter().zip(WORKERS) {
            let (status, duration_ms) = match worker.name {
                "config" | "rate-limiter" | "text" => ("ready", json!(0)),
                "image" => ("unreachable", json!(3_000)),
                "audio" | "stock-media" => ("not_ready", json!(0)),
                _ => ("not_deployed", Value::Null),
            };
            let url = match worker.name {
                "config" => json!("https://gateway.example"),
                "rate-limiter" => Value::Null,
                name => json!(format!("https://gateway.example/{name}")),
            };
            assert_eq!(service["name"], worker.name);
            assert_eq!(service["status"], status, "{service}");
            assert_eq!(service["duration_ms"], duration_ms, "{service}");
            assert_eq!(service["url"], url, "{service}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_known_of_a_worker_is_what_it_said() {
        let found = found().await;
        let called = |name: &str| {
            let data = found["data"].as_array().unwrap().iter();
            data.clone().find(|service| service["name"] == name).unwrap()
        };
        let text = called("text");
        assert_eq!(text["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(
            text["deployment"],
            json!({"created_at": "2026-11-25T12:00:00.000Z", "id": "018f", "tag": null})
        );
        assert!(text["checked_at"].as_str().unwrap().starts_with("2026-11-25T12:00:00."));
        assert_eq!(called("config")["deployment"], Value::Null);
        assert_eq!((&text["title"], &text["paths"][0]), (&json!("Text"), &json!("/text")));
        assert!(text["paths"].as_array().unwrap().contains(&json!("/v1/chat")), "{text}");
        assert!(called("config")["about"].as_str().unwrap().contains("control plane"));
        for nowhere in ["config", "rate-limiter"] {
            assert_eq!(called(nowhere)["paths"], json!([]));
        }
        let audio = called("audio");
        assert_eq!(audio["parts"]["database"], json!({"ok": true, "duration_ms": 0}));
        assert_eq!(audio["parts"]["limiter"], json!({"ok": false, "duration_ms": 0}));
        for silent in ["image", "render", "stock-media"].map(called) {
            assert_eq!((&silent["parts"], &silent["version"]), (&json!({}), &Value::Null));
        }
    }
}
