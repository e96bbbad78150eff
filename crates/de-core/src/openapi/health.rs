//! `/health` and `/ready`, of the front door and of the workers behind it.

use std::collections::BTreeMap;

use http::Method;
use utoipa::ToSchema;

use super::{
    document::Tag,
    operation::{Answer, Operation},
    shape::Shape,
};

/// Their group.
pub const TAG: Tag = Tag { about: "Whether everything runs.", name: "health" };

/// A worker that runs.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `http::health` writes")]
struct Health {
    /// Always `healthy`.
    status: String,
    /// Which worker it is.
    service: String,
    /// Its version.
    version: String,
}

/// A worker and what it stands on.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `http::health` writes")]
struct Readiness {
    /// `ready` or `not_ready`.
    status: String,
    /// Which worker it is.
    service: String,
    /// Its version.
    version: String,
    /// What it is bound to: `database`, `cache`, `blobs`, `limiter`.
    parts: BTreeMap<String, ReadinessPart>,
}

/// One thing that a worker stands on.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `http::health` writes")]
struct ReadinessPart {
    /// Whether it answered.
    ok: bool,
    /// In how many milliseconds.
    duration_ms: i64,
}

/// The operations; `workers` are those behind the front door.
#[must_use]
pub fn operations(workers: &[&str]) -> Vec<Operation> {
    let health = |path, id, summary: &str| {
        let healthy = Answer::json(200, "It runs.", Shape::of::<Health>());
        Operation::new(Method::GET, path, id, summary).answers(healthy)
    };
    let ready = |path, id, summary: &str| {
        let readiness = |status, told| Answer::json(status, told, Shape::of::<Readiness>());
        Operation::new(Method::GET, path, id, summary)
            .answers(readiness(200, "All parts answer."))
            .answers(readiness(503, "A part does not answer."))
    };
    let of_worker = |operation: Operation| {
        operation.word("worker", workers, "Which worker of those behind it.")
    };
    let all = [
        health("/health", "getHealth", "Says that the front door runs"),
        ready("/ready", "getReadiness", "Asks every part that the front door stands on"),
        of_worker(health("/{worker}/health", "getWorkerHealth", "Says that a worker runs")),
        of_worker(ready(
            "/{worker}/ready",
            "getWorkerReadiness",
            "Asks every part that a worker stands on",
        )),
    ];
    all.into_iter().map(|operation| operation.tag(TAG.name).open()).collect()
}
