//! Replicate: predictions of a language model, ordered by `POST`, asked about by `GET`, stopped by
//! `POST …/cancel`.
//!
//! A prediction is `starting` when it is ordered, `processing` when it is first asked about, and then
//! `succeeded`, in the same steps in every run. With `Prefer: wait` one that is not slow comes back done.
//! Out of scope: webhooks (accepted and never called), files, and the prediction stream.
//! Follows <https://replicate.com/docs/reference/http>.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::answer::{Answer, Bounds, End};
use crate::endpoint::{CREATED_TEXT, Incoming, Plan, Reply};
use crate::faults::{self, Script};
use crate::models::{self, ModelKind};
use crate::schema::replicate::{INPUT, PREDICTION, VERSIONED};
use crate::schema::{self, Field};
use crate::{pydantic, tokens};

/// The version of the one model, which older clients name instead of the model.
const VERSION: &str = "5a6809ca6288247d06daf6365557e5e429063f32a21146b2a807c682652136b8";
const MODEL: &str = "meta/meta-llama-3-8b-instruct";

/// How many predictions are kept; the oldest go first.
const MOST_JOBS: usize = 1_000;

/// What a model that declines says.
const FLAGGED: &str =
    "The input or output was flagged as sensitive. Please try again with different inputs. (E005)";

/// The predictions that were ordered.
#[derive(Default)]
pub(crate) struct Jobs {
    kept: Mutex<VecDeque<Job>>,
}

struct Job {
    answer: Answer,
    canceled: bool,
    id: String,
    input: Map<String, Value>,
    input_tokens: u64,
    /// How it ends, if not well.
    error: Option<&'static str>,
    ordered: Instant,
    origin: String,
    /// How often it was asked about.
    polls: u32,
    prompt: String,
    slow: Duration,
}

/// `POST /v1/models/{owner}/{name}/predictions`.
pub(crate) fn of_model(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    authenticate(incoming)?;
    let mut segments = incoming.path.split('/').skip(3);
    let model =
        format!("{}/{}", segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
    if models::find(incoming.vendor, ModelKind::Text, &model).is_none() {
        return Err(not_found());
    }
    order(incoming, PREDICTION)
}

/// `POST /v1/predictions`, with the version in the body.
pub(crate) fn of_version(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    authenticate(incoming)?;
    order(incoming, VERSIONED)
}

/// `GET /v1/predictions/{id}`.
pub(crate) fn get(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    authenticate(incoming)?;
    let id = id_of(incoming);
    let prompt = incoming.jobs.with(&id, |job| job.poll_faults()).ok_or_else(not_found)?;
    let jobs = Arc::clone(incoming.jobs);
    let answer = move |_: &Script| {
        let asked = |job: &mut Job| {
            job.polls += 1;
            Reply::json(200, &job.prediction())
        };
        jobs.with(&id, asked).unwrap_or_else(not_found)
    };
    Ok(Plan { prompt, stream: false, answer: Box::new(answer) })
}

/// `GET /v1/account`, which costs nothing and tells whose the key is.
///
/// Follows <https://replicate.com/docs/reference/http#account.get>.
pub(crate) fn account(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    authenticate(incoming)?;
    Ok(Plan::fixed(json!({
        "type": "organization",
        "username": "simulated",
        "name": "A simulated account",
        "github_url": "https://github.com/simulated",
    })))
}

/// `POST /v1/predictions/{id}/cancel`.
pub(crate) fn cancel(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    authenticate(incoming)?;
    let stop = |job: &mut Job| {
        job.canceled = job.state() == "starting" || job.state() == "processing";
        job.prediction()
    };
    incoming.jobs.with(&id_of(incoming), stop).map(Plan::fixed).ok_or_else(not_found)
}

/// The error of the `fail` fault.
pub(crate) fn failure(status: u16) -> Reply {
    let (title, detail) = match status {
        401 => ("Unauthenticated", "You did not pass a valid authentication token"),
        402 => ("Insufficient credit", "You have insufficient credit to run this model."),
        404 => ("Not found", "The requested resource could not be found."),
        422 => ("Input validation failed", "- input: prompt is required"),
        429 => ("Too many requests", "Request was throttled. Your rate limit resets soon."),
        500.. => ("Internal server error", "An error occurred while processing your request."),
        _ => ("Bad request", "The request is invalid."),
    };
    problem(status, title, detail)
}

/// RFC 7807, as all of its errors are.
fn problem(status: u16, title: &str, detail: &str) -> Reply {
    Reply::json(status, &json!({ "title": title, "detail": detail, "status": status }))
}

fn not_found() -> Reply {
    failure(404)
}

fn authenticate(incoming: &Incoming<'_>) -> Result<(), Reply> {
    let key = incoming.bearer().unwrap_or_default();
    if incoming.config.accepts(incoming.vendor, key) { Ok(()) } else { Err(failure(401)) }
}

/// The fourth segment: `/v1/predictions/{id}`.
fn id_of(incoming: &Incoming<'_>) -> String {
    incoming.path.split('/').nth(3).unwrap_or_default().to_owned()
}

fn order(incoming: &Incoming<'_>, fields: &[Field]) -> Result<Plan, Reply> {
    let invalid = |detail: &str| problem(422, "Input validation failed", detail);
    if !incoming.is_json() {
        return Err(problem(415, "Unsupported media type", "The body must be application/json."));
    }
    let value: Value = serde_json::from_slice(incoming.body)
        .map_err(|error| problem(400, "Bad request", &format!("Malformed JSON: {error}")))?;
    let Value::Object(body) = value else { return Err(invalid("- The body must be an object")) };
    let check = |object: &Map<String, Value>, fields: &[Field], place: &str| {
        schema::check(object, fields).map_err(|finding| {
            let (_, said) = pydantic::said(&finding.problem);
            invalid(&format!("- {place}{}: {said}", finding.dotted()))
        })
    };
    check(&body, fields, "")?;
    if body.get("version").is_some_and(|version| version != VERSION) {
        return Err(problem(422, "Invalid version or not permitted", "No such version."));
    }
    let input = body.get("input").and_then(Value::as_object).cloned().unwrap_or_default();
    check(&input, INPUT, "input.")?;
    let prompt = input.get("prompt").and_then(Value::as_str).unwrap_or_default().to_owned();
    let waits = incoming.header("prefer").is_some_and(|prefer| prefer.starts_with("wait"));
    let (id, origin) = (incoming.made_id("p"), incoming.origin());
    let jobs = Arc::clone(incoming.jobs);
    let said = prompt.clone();
    let answer = move |script: &Script| {
        let mut job = Job::new(id, origin, said, input, script);
        if waits && job.slow.is_zero() {
            job.polls = 2;
        }
        let reply = Reply::json(201, &job.prediction());
        jobs.keep(job);
        reply
    };
    Ok(Plan { prompt, stream: false, answer: Box::new(answer) })
}

impl Jobs {
    fn keep(&self, job: Job) {
        let mut kept = self.kept();
        if kept.len() >= MOST_JOBS {
            kept.pop_front();
        }
        kept.push_back(job);
    }

    fn with<T>(&self, id: &str, change: impl FnOnce(&mut Job) -> T) -> Option<T> {
        self.kept().iter_mut().find(|job| job.id == id).map(change)
    }

    /// A panic elsewhere leaves nothing half written here, so a poisoned lock is still good.
    fn kept(&self) -> MutexGuard<'_, VecDeque<Job>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Job {
    fn new(
        id: String,
        origin: String,
        prompt: String,
        input: Map<String, Value>,
        script: &Script,
    ) -> Self {
        let stop = input.get("stop_sequences").and_then(Value::as_str).unwrap_or_default();
        let stop: Vec<String> = stop.split(',').map(str::to_owned).collect();
        let max_tokens = input.get("max_tokens").and_then(Value::as_u64).or(Some(512));
        let answer = Answer::to(&prompt, script, &Bounds { json: None, max_tokens, stop: &stop });
        let system = input.get("system_prompt").and_then(Value::as_str).unwrap_or_default();
        let texts = [prompt.as_str(), system].into_iter().filter(|text| !text.is_empty());
        let counts = texts.map(|text| tokens::count_tokens(text) + tokens::MESSAGE_TOKENS);
        Self {
            answer,
            canceled: false,
            error: match (script.refuse, script.job_fail) {
                (true, _) => Some(FLAGGED),
                (false, true) => Some("CUDA out of memory"),
                (false, false) => None,
            },
            id,
            input_tokens: counts.sum(),
            input,
            ordered: Instant::now(),
            origin,
            polls: 0,
            prompt,
            slow: script.job_slow.unwrap_or_default(),
        }
    }

    /// The faults that meet who asks about it; the id keeps their counts apart from other jobs'.
    fn poll_faults(&self) -> String {
        format!("{} {}", faults::of_polls(&self.prompt), self.id)
    }

    fn state(&self) -> &'static str {
        if self.canceled {
            return "canceled";
        }
        match self.polls {
            0 => "starting",
            1 => "processing",
            _ if self.ordered.elapsed() < self.slow => "processing",
            _ if self.error.is_some() => "failed",
            _ => "succeeded",
        }
    }

    fn prediction(&self) -> Value {
        let state = self.state();
        let (done, ended) = (state == "succeeded", !matches!(state, "starting" | "processing"));
        let failed = self.error.filter(|_| state == "failed");
        let url = format!("{}/replicate/v1/predictions/{}", self.origin, self.id);
        let metrics = json!({
            "input_token_count": self.input_tokens,
            "output_token_count": self.answer.tokens(),
            "predict_time": 0.5,
        });
        let logs = match self.answer.end {
            End::Cut if done => "Stopped at max_tokens\n",
            _ => "",
        };
        json!({
            "id": self.id,
            "model": MODEL,
            "version": VERSION,
            "input": self.input,
            "logs": logs,
            "output": done.then(|| json!(self.answer.pieces)),
            "data_removed": false,
            "error": failed,
            "status": state,
            "created_at": CREATED_TEXT,
            "started_at": (state != "starting").then_some(CREATED_TEXT),
            "completed_at": ended.then_some(CREATED_TEXT),
            "metrics": if done { metrics } else { json!({}) },
            "urls": { "get": url, "cancel": format!("{url}/cancel") },
        })
    }
}
