//! `/v1/services`: what is deployed, its version, and whether it is ready. The services page reads this.

use std::{collections::BTreeMap, pin::pin, time::Duration};

use axum::{Json, extract::State};
use de_core::{
    http::{
        error::ApiError,
        health::{Part, Readiness, ReadyStatus, readiness},
    },
    ports::{Deployment, Platform, PortError},
    store::pages::Page,
    time::Timestamp,
};
use futures_util::future::{Either, join_all, select};
use serde::Serialize;

use crate::resource::Filters;

/// All workers, in the order of the list.
const WORKERS: [&str; 7] =
    ["config", "text", "image", "audio", "stock-media", "render", "rate-limiter"];

/// How long a worker may take to say whether it is ready; it gives its own parts two seconds.
const DEADLINE: Duration = Duration::from_secs(3);

/// A worker, as it was found just now.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct Service {
    /// When it was asked.
    checked_at: Timestamp,
    /// What runs, as the platform knows it; `null` where it does not say, or nobody answered.
    deployment: Option<Deployment>,
    /// How long its answer took, in milliseconds, as seen from the front door; `null` if there was nobody
    /// to ask.
    duration_ms: Option<i64>,
    /// Its name: `config`, `text`, `image`, `audio`, `stock-media`, `render` or `rate-limiter`.
    name: &'static str,
    /// What it stands on, by name, each with its own time. Empty if it did not answer.
    parts: BTreeMap<String, Part>,
    /// How it was found.
    status: ServiceStatus,
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
    State(platform): State<Platform>,
    filters: Filters,
) -> Result<Json<Page<Service>>, ApiError> {
    filters.finish()?;
    Ok(Json(services(&platform).await))
}

/// All seven, always in the same order: there is one page.
async fn services(platform: &Platform) -> Page<Service> {
    let data = join_all(WORKERS.map(|name| ask(platform, name))).await;
    Page { data, next_cursor: None }
}

async fn ask(platform: &Platform, name: &'static str) -> Service {
    let started = platform.clock.now();
    let (status, found) = match answer(platform, name).await {
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
        checked_at: started.into(),
        deployment,
        duration_ms: (status != ServiceStatus::NotDeployed).then_some(duration_ms),
        name,
        parts,
        status,
        url: url(platform, name),
        version,
    }
}

async fn answer(platform: &Platform, name: &str) -> Result<Readiness, PortError> {
    if name == "config" {
        return Ok(readiness(name, platform).await);
    }
    let late = platform.clock.sleep(DEADLINE);
    match select(platform.peers.ask(name, "/ready"), pin!(late)).await {
        // 200 and 503 have the same body, which says it again.
        Either::Left((answer, _)) => serde_json::from_value(answer?.1)
            .map_err(|err| PortError::Malformed { port: "peers", message: err.to_string() }),
        Either::Right(_) => Err(PortError::TimedOut { port: "peers", after_ms: 3_000 }),
    }
}

fn url(platform: &Platform, name: &str) -> Option<String> {
    let base = platform.settings.public_base.as_ref()?;
    match name {
        "config" => Some(base.clone()),
        "rate-limiter" => None,
        name => Some(format!("{base}/{name}")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

    use std::{future::pending, sync::Arc};

    use axum::{Router, routing::get};
    use de_core::{http::unbuilt, ports::Settings};
    use de_testkit::{peers::RouterPeers, platform::TestPlatform};
    use serde_json::{Value, json};

    use super::*;

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
        peers.bind("text", unbuilt("text", deployed));
        peers.bind("image", Router::new().route("/ready", get(async || pending::<()>().await)));
        peers.bind("audio", unbuilt("audio", broken.platform.clone()));
        peers.bind("stock-media", Router::new().route("/ready", get(async move || long)));
        peers.bind("rate-limiter", unbuilt("rate-limiter", made.another_isolate()));
        serde_json::to_value(services(&made.platform).await).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn each_worker_is_found_as_it_is_and_in_time() {
        let found = found().await;
        assert_eq!(found["next_cursor"], Value::Null);
        let data = found["data"].as_array().unwrap();
        let seen: Vec<_> = data
            .iter()
            .map(|service| {
                let word = |name: &str| service[name].as_str().unwrap_or("-").to_owned();
                (word("name"), word("status"), service["duration_ms"].as_i64(), word("url"))
            })
            .collect();
        let expected = [
            ("config", "ready", Some(0), "https://gateway.example"),
            ("text", "ready", Some(0), "https://gateway.example/text"),
            ("image", "unreachable", Some(3_000), "https://gateway.example/image"),
            ("audio", "not_ready", Some(0), "https://gateway.example/audio"),
            ("stock-media", "not_ready", Some(0), "https://gateway.example/stock-media"),
            ("render", "not_deployed", None, "https://gateway.example/render"),
            ("rate-limiter", "ready", Some(0), "-"),
        ];
        let owned = |(name, status, duration, url): (&str, &str, Option<i64>, &str)| {
            (name.to_owned(), status.to_owned(), duration, url.to_owned())
        };
        assert_eq!(seen, expected.map(owned));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_known_of_a_worker_is_what_it_said() {
        let found = found().await;
        let text = &found["data"][1];
        assert_eq!(text["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(
            text["deployment"],
            json!({"created_at": "2026-11-25T12:00:00.000Z", "id": "018f", "tag": null})
        );
        assert!(text["checked_at"].as_str().unwrap().starts_with("2026-11-25T12:00:00."));
        assert_eq!(found["data"][0]["deployment"], Value::Null);
        let audio = &found["data"][3];
        assert_eq!(audio["parts"]["database"], json!({"ok": true, "duration_ms": 0}));
        assert_eq!(audio["parts"]["limiter"], json!({"ok": false, "duration_ms": 0}));
        for silent in [2, 4, 5] {
            let silent = &found["data"][silent];
            assert_eq!((&silent["parts"], &silent["version"]), (&json!({}), &Value::Null));
        }
    }
}
