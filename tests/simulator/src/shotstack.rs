//! Shotstack: renders, ordered by `POST /render`, asked about by `GET /render/{id}`; and `GET /templates`.
//!
//! Both environments, `/edit/v1` and `/edit/stage`, answer, each with its own renders. A render is
//! `queued` when it is ordered, then at each question one step further: `fetching`, `rendering`,
//! `saving`, `done`. With a callback it goes its way by itself, too, and calls when it has ended. Faults
//! are words in any text of the timeline. Sources are not fetched: their addresses must only be ones.
//! Out of scope: templates, probes, hosted copies, and the fault `refuse`, which has no form here.
//! Follows <https://shotstack.io/docs/api/>.

mod check;
mod render;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::callbacks;
use crate::endpoint::{Incoming, Plan, Reply};
use crate::faults::{Callback, Script};
use crate::query::Pairs;

use render::Order;
pub(crate) use render::Renders;

/// How long a render with a callback takes by itself, unless `job-slow` says otherwise.
const TAKES: Duration = Duration::from_millis(300);

/// When a callback that comes too early comes.
const EARLY: Duration = Duration::from_millis(20);

/// `POST /edit/{stage}/render`.
pub(crate) fn order(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    let stage = authenticate(incoming)?;
    let body = check::body(incoming)?;
    let (prompt, id, origin) = (check::texts(&body), uuid(incoming.id), incoming.origin());
    let callback = body.get("callback").and_then(Value::as_str).map(str::to_owned);
    let renders = Arc::clone(incoming.renders);
    let answer = move |script: &Script| {
        let order = Order { body, id: id.clone(), origin, stage };
        renders.keep(order.started(script));
        if let Some(url) = callback {
            tokio::spawn(call(renders, id.clone(), url, script.clone()));
        }
        let response = json!({ "message": "Render Successfully Queued", "id": id });
        Reply::json(201, &json!({ "success": true, "message": "Created", "response": response }))
    };
    Ok(Plan { prompt, stream: false, answer: Box::new(answer) })
}

/// `GET /edit/{stage}/render/{id}`.
pub(crate) fn get(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    let stage = authenticate(incoming)?;
    let query = Pairs::of(incoming);
    let told = query
        .only(&["data", "merged"])
        .and_then(|()| Ok(query.choice("data", &["true", "false"])? != Some("false")));
    let told = told.map_err(|wrong| {
        let message = format!("\"{}\" is not allowed", wrong.name());
        problem(400, "Bad Request", "ValidationError", &message)
    })?;
    let id = incoming.path.rsplit('/').next().unwrap_or_default().to_owned();
    let renders = Arc::clone(incoming.renders);
    let prompt =
        renders.with(&id, &stage, |render| render.poll_faults()).ok_or_else(|| failure(404))?;
    let answer = move |_: &Script| {
        let response = renders.with(&id, &stage, |render| render.asked(told));
        let reply = |response| json!({ "success": true, "message": "OK", "response": response });
        response.map_or_else(|| failure(404), |response| Reply::json(200, &reply(response)))
    };
    Ok(Plan { prompt, stream: false, answer: Box::new(answer) })
}

/// `GET /edit/{stage}/templates`: none, which costs nothing and shows whether a key is good.
pub(crate) fn templates(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    authenticate(incoming)?;
    let response = json!({ "owner": render::OWNER, "templates": [] });
    Ok(Plan::fixed(json!({ "success": true, "message": "OK", "response": response })))
}

/// The error of the `fail` fault.
pub(crate) fn failure(status: u16) -> Reply {
    match status {
        401 | 403 => Reply::json(status, &json!({ "message": "Forbidden" })),
        402 => problem(402, "Payment Required", "credit_error", "There are no credits left."),
        404 => problem(404, "Not Found", "NotFound", "There is no such resource."),
        429 => problem(429, "Too Many Requests", "rate_limit_error", "Too many requests."),
        500.. => Reply::json(status, &json!({ "message": "Internal server error" })),
        _ => problem(status, "Bad Request", "ValidationError", "The request is invalid."),
    }
}

fn problem(status: u16, title: &str, error: &str, message: &str) -> Reply {
    let response = json!({ "error": error, "message": message, "details": [] });
    Reply::json(status, &json!({ "success": false, "message": title, "response": response }))
}

/// Lets in whoever has the key; the environment that is meant.
fn authenticate(incoming: &Incoming<'_>) -> Result<String, Reply> {
    let key = incoming.header("x-api-key").unwrap_or_default();
    if !incoming.config.accepts(incoming.vendor, key) {
        return Err(failure(403));
    }
    let stage = incoming.path.split('/').nth(2).unwrap_or_default();
    if matches!(stage, "stage" | "v1") { Ok(stage.to_owned()) } else { Err(failure(404)) }
}

/// An id in the form of a UUID that counts up.
fn uuid(number: u64) -> String {
    format!("51000000-0000-4000-8000-{number:012x}")
}

/// Waits for the end of a render and calls, as truly as the faults let it.
async fn call(renders: Arc<Renders>, id: String, url: String, script: Script) {
    if script.callback == Some(Callback::Early) {
        tokio::time::sleep(EARLY).await;
        if let Some(early) = renders.any(&id, |render| render.callback(true)) {
            callbacks::post(&url, &early).await;
        }
        return;
    }
    tokio::time::sleep(script.job_slow.unwrap_or(TAKES)).await;
    let Some(done) = renders.any(&id, render::Render::end) else { return };
    let told = match script.callback {
        Some(Callback::Lies) => !done,
        _ => done,
    };
    let Some(mut body) = renders.any(&id, |render| render.callback(told)) else { return };
    match script.callback {
        Some(Callback::Never) => {}
        Some(Callback::Twice) => {
            callbacks::post(&url, &body).await;
            callbacks::post(&url, &body).await;
        }
        Some(Callback::Unknown) => {
            if let Some(id) = body.get_mut("id") {
                *id = json!(uuid(0));
            }
            callbacks::post(&url, &body).await;
        }
        Some(Callback::Early | Callback::Lies) | None => {
            callbacks::post(&url, &body).await;
            if told
                && done
                && let Some(copy) = renders.any(&id, |render| render.copied())
            {
                callbacks::post(&url, &copy).await;
            }
        }
    }
}
