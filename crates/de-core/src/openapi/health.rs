//! `/health` and `/ready`, of the front door and of the workers behind it.

use http::Method;

use super::{
    document::Tag,
    operation::{Answer, Operation},
    shape::Shape,
};
use crate::http::health::{Health, Readiness};

/// Their group.
pub const TAG: Tag = Tag { about: "Whether everything runs.", name: "health" };

/// The operations; `workers` are those behind the front door.
#[must_use]
pub fn operations(workers: &[&str]) -> Vec<Operation> {
    let health = |path, id, summary: &str| {
        let healthy = Answer::json(200, "It runs.", Shape::shown::<Health>());
        Operation::new(Method::GET, path, id, summary).answers(healthy)
    };
    let ready = |path, id, summary: &str| {
        let readiness = |status, told| Answer::json(status, told, Shape::shown::<Readiness>());
        Operation::new(Method::GET, path, id, summary)
            .answers(readiness(200, "All parts answer."))
            .answers(readiness(503, "A part does not answer."))
    };
    let of_worker =
        |operation: Operation| operation.word("worker", workers, "Which of those behind it.");
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
