//! fal: requests to `fal-ai/flux/dev` in its queue, submitted by `POST`, asked about by `GET`, taken back by
//! `PUT …/cancel`.
//!
//! A request is `IN_QUEUE` when it is submitted, `IN_PROGRESS` when its status is first asked for, and then
//! `COMPLETED`, in the same steps in every run; one that failed is `COMPLETED`, too. Input that does not
//! fit is refused at once. Its URLs lie under `fal-ai/flux`, without the rest of the model's path.
//! Out of scope: webhooks (`fal_webhook` is taken and never called), streams of states, other models.
//! Follows <https://docs.fal.ai/model-apis/model-endpoints/queue>.

mod run;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

use crate::endpoint::{Incoming, Plan, Reply};
use crate::fal::run::Run;
use crate::faults::Script;
use crate::models::{self, ModelKind};
use crate::schema::fal::FLUX;
use crate::{pydantic, schema};

/// How many requests are kept; the oldest go first.
const MOST_RUNS: usize = 1_000;

/// The requests that were submitted.
#[derive(Default)]
pub(crate) struct Queue {
    kept: Mutex<VecDeque<Run>>,
}

/// `POST /{owner}/{app}/{path}`.
pub(crate) fn submit(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    authenticate(incoming)?;
    let id = incoming.path.trim_start_matches('/');
    if models::find(incoming.vendor, ModelKind::Image, id).is_none() {
        let message = format!("Application '{id}' not found");
        return Err(Reply::json(404, &json!({ "detail": message })));
    }
    let webhook = |pair: &&str| pair.is_empty() || pair.starts_with("fal_webhook=");
    if let Some(pair) = incoming.query.split('&').find(|pair| !webhook(pair)) {
        return Err(misplaced("query", pair.split('=').next().unwrap_or_default()));
    }
    if !matches!(incoming.header("x-fal-queue-priority"), None | Some("normal" | "low")) {
        return Err(misplaced("header", "x-fal-queue-priority"));
    }
    let timeout = incoming.header("x-fal-request-timeout");
    if timeout.is_some_and(|text| !text.parse::<f64>().is_ok_and(|seconds| seconds > 0.0)) {
        return Err(misplaced("header", "x-fal-request-timeout"));
    }
    let body = object(incoming)?;
    let app = id.split('/').take(2).collect::<Vec<_>>().join("/");
    let (id, origin) = (incoming.made_id("f"), incoming.origin());
    let prompt = body.get("prompt").and_then(Value::as_str).unwrap_or_default().to_owned();
    let queue = Arc::clone(incoming.queue);
    let answer = move |script: &Script| {
        let run = Run::new(app, id, origin, &body, script);
        let reply = Reply::json(200, &run.head("IN_QUEUE"));
        queue.keep(run);
        reply
    };
    Ok(Plan { prompt, stream: false, answer: Box::new(answer) })
}

/// `GET /{owner}/{app}/requests/{id}/status`.
pub(crate) fn status(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    let logs = match incoming.query {
        "" | "logs=0" => false,
        "logs=1" => true,
        query => return Err(misplaced("query", query.split('=').next().unwrap_or_default())),
    };
    asked(incoming, move |run| {
        run.polls += 1;
        run.status(logs)
    })
}

/// `GET /{owner}/{app}/requests/{id}`.
pub(crate) fn response(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    asked(incoming, |run| run.response())
}

/// `PUT /{owner}/{app}/requests/{id}/cancel`.
pub(crate) fn cancel(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    authenticate(incoming)?;
    let missing = || Reply::json(404, &json!({ "status": "NOT_FOUND" }));
    let reply = incoming.queue.with(incoming, Run::cancel).ok_or_else(missing)?;
    Ok(Plan { prompt: String::new(), stream: false, answer: Box::new(move |_| reply) })
}

/// The error of the `fail` fault.
pub(crate) fn failure(status: u16) -> Reply {
    let (detail, kind) = match status {
        401 => ("Authentication is required to access this application.", None),
        402 => ("The account has no balance left.", None),
        403 => ("User is locked. Reason: Exhausted balance.", None),
        404 => ("Not Found", None),
        422 => ("The input is invalid.", Some("bad_request")),
        429 => ("Too many requests in progress.", None),
        503 => ("No runner is available.", Some("runner_scheduling_failure")),
        504 => ("Request timed out", Some("request_timeout")),
        500.. => ("Internal Server Error", Some("internal_error")),
        _ => ("Bad Request", Some("bad_request")),
    };
    problem(status, detail, kind)
}

/// Headers of every reply: the request that it is about.
pub(crate) fn reply_headers(incoming: &Incoming<'_>) -> Vec<(&'static str, String)> {
    let id = id_of(incoming).map_or_else(|| incoming.made_id("f"), str::to_owned);
    vec![("x-fal-request-id", id)]
}

fn problem(status: u16, detail: &str, kind: Option<&str>) -> Reply {
    let Some(kind) = kind else { return Reply::json(status, &json!({ "detail": detail })) };
    let mut reply = Reply::json(status, &json!({ "detail": detail, "error_type": kind }));
    reply.headers.push(("x-fal-error-type", kind.to_owned()));
    reply
}

fn misplaced(place: &str, name: &str) -> Reply {
    let entry =
        json!({ "loc": [place, name], "msg": "Input is not permitted", "type": "value_error" });
    Reply::json(422, &json!({ "detail": [entry] }))
}

fn authenticate(incoming: &Incoming<'_>) -> Result<(), Reply> {
    let key = incoming.header("authorization").and_then(|value| value.strip_prefix("Key "));
    let key = key.unwrap_or_default().trim();
    if incoming.config.accepts(incoming.vendor, key) { Ok(()) } else { Err(failure(401)) }
}

fn object(incoming: &Incoming<'_>) -> Result<Map<String, Value>, Reply> {
    let unreadable = |message: &str| {
        let entry = json!({ "loc": ["body"], "msg": message, "type": "json_invalid" });
        Reply::json(422, &json!({ "detail": [entry] }))
    };
    if !incoming.is_json() {
        return Err(unreadable("Input should be a valid dictionary"));
    }
    let value: Value = serde_json::from_slice(incoming.body)
        .map_err(|error| unreadable(&format!("JSON decode error: {error}")))?;
    let Value::Object(object) = value else {
        return Err(unreadable("Input should be a valid dictionary"));
    };
    schema::check(&object, FLUX)
        .map_err(|finding| Reply::json(422, &pydantic::detail(&finding)))?;
    Ok(object)
}

/// The id of `/{owner}/{app}/requests/{id}`.
fn id_of<'a>(incoming: &Incoming<'a>) -> Option<&'a str> {
    let mut segments = incoming.path.split('/').skip(3);
    segments.next().filter(|segment| *segment == "requests").and_then(|_| segments.next())
}

/// Answers about a request, under the faults that its prompt means for whoever asks.
fn asked(
    incoming: &Incoming<'_>,
    say: impl FnOnce(&mut Run) -> Reply + Send + 'static,
) -> Result<Plan, Reply> {
    authenticate(incoming)?;
    let missing = || failure(404);
    let (id, prompt) = incoming
        .queue
        .with(incoming, |run| (run.id.clone(), run.poll_faults()))
        .ok_or_else(missing)?;
    let queue = Arc::clone(incoming.queue);
    let answer = move |_: &Script| queue.find(&id, say).unwrap_or_else(missing);
    Ok(Plan { prompt, stream: false, answer: Box::new(answer) })
}

impl Queue {
    fn keep(&self, run: Run) {
        let mut kept = self.kept();
        if kept.len() >= MOST_RUNS {
            kept.pop_front();
        }
        kept.push_back(run);
    }

    /// Finds the request that a path names; its app must be the right one, without a sub-path.
    fn with<T>(&self, incoming: &Incoming<'_>, change: impl FnOnce(&mut Run) -> T) -> Option<T> {
        let id = id_of(incoming)?;
        let app = incoming.path.trim_start_matches('/').split_once("/requests/")?.0;
        self.kept().iter_mut().find(|run| run.id == id && run.app == app).map(change)
    }

    fn find<T>(&self, id: &str, change: impl FnOnce(&mut Run) -> T) -> Option<T> {
        self.kept().iter_mut().find(|run| run.id == id).map(change)
    }

    /// A panic elsewhere leaves nothing half written here, so a poisoned lock is still good.
    fn kept(&self) -> MutexGuard<'_, VecDeque<Run>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
