//! A whole answer, read to its end where it is asked for: while nothing of it has gone to the client, another model may
//! still serve, as it may before the first event of a stream.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::Value;

use super::{
    answer::{ANSWER_CAP, body},
    deadlines::remaining,
    failure::{self, Failure},
    job::{Gathers, Job},
};
use crate::{
    books::Outlay, http::error::Code, json, model::Protocol, ports::Inbound, registry::Model,
    retry, secret::Secret, time::UnixMillis,
};

/// Members of answers that no failure has: what has one of them is an answer, whatever else it says.
const OF_ANSWERS: [&str; 5] = ["candidates", "choices", "content", "data", "output"];

/// The least time that a body has to come, once its head is here.
const LEAST: Duration = Duration::from_secs(1);

/// The largest body that is looked at where it is not taken apart: failures are short.
const LOOKED_AT: usize = 64 * 1024;

/// All of a vendor's good answer.
pub struct Gathered {
    /// What it says; null where it is not [taken apart](super::Gathers::parses).
    pub body: Value,
    /// The same as it came.
    pub bytes: Bytes,
    /// Who gave it.
    pub model: Arc<Model>,
}

/// Reads the whole answer to what was asked for at `sent_at`, and looks whether it is one.
///
/// # Errors
/// The failure, and what the vendor may bill for it: nothing where it says itself that it has failed.
pub(super) async fn gather(
    job: &Job<'_>,
    model: &Arc<Model>,
    inbound: Inbound,
    key: &Secret,
    sent_at: UnixMillis,
    would_serve: bool,
) -> Result<Gathered, (Failure, Outlay)> {
    let Gathers { cap, parses } = job.gathers.unwrap_or(Gathers { cap: ANSWER_CAP, parses: true });
    let (headers, status) = (inbound.headers.clone(), inbound.status);
    // Head and body share one wait: a fallback that waits has to have time left.
    let deadlines = model.deadlines();
    let due_ms = if would_serve { deadlines.first_byte_ms } else { deadlines.total_ms };
    let waited = job.platform.clock.now().since(sent_at);
    let left = due_ms.saturating_sub(u64::try_from(waited).unwrap_or(0));
    let left = Duration::from_millis(left).max(LEAST).min(remaining(job, model));
    let bytes = body(job.line(), model, inbound, cap, left).await;
    let now = job.platform.clock.now();
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(error) if error.code() == Code::ClientLeft => {
            return Err((Failure::final_one(error), Outlay::Spent));
        }
        Err(error) => {
            let is_its_fault = match error.code() {
                Code::ProviderError => true,
                Code::ProviderTimeout => failure::had_its_time(now, sent_at, due_ms),
                _ => false,
            };
            let failure = match is_its_fault {
                true => Failure::tripping(error),
                false => Failure::passing_on(error),
            };
            return Err((failure, Outlay::Unknown));
        }
    };
    if !parses && bytes.len() > LOOKED_AT {
        return Ok(Gathered { body: Value::Null, bytes, model: model.clone() });
    }
    let said = match json::parse(&bytes) {
        Ok(said) => said,
        Err(err) => {
            let error = failure::unreadable(model, err.to_string());
            return Err((Failure::passing_on(error), Outlay::Unknown));
        }
    };
    if is_failure(model, &said) {
        let told = model.vendor.error(status, &bytes).without(key);
        let asked = retry::asked(&headers, now).or_else(|| model.vendor.asked(&bytes));
        return Err((failure::told_at_once(model, status, told, asked), Outlay::Nothing));
    }
    let body = if parses { said } else { Value::Null };
    Ok(Gathered { body, bytes, model: model.clone() })
}

/// Whether a body that came with a good status is a failure in its vendor's words: hosts that pass on what others
/// answer have no other status left. What a mapping reads says itself what is one.
fn is_failure(model: &Model, body: &Value) -> bool {
    let has = |name: &str| body.get(name).is_some_and(|member| !member.is_null());
    let is_read_by_mapping = model.config.protocol == Protocol::Mapped;
    !is_read_by_mapping && has("error") && !OF_ANSWERS.iter().any(|name| has(name))
}
