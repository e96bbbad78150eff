//! A whole answer, read to its end where it is asked for: while nothing of it has gone to the client, another model may
//! still serve, as it may before the first event of a stream.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use super::{
    answer::{ANSWER_CAP, body},
    deadlines::remaining,
    failure::{self, Failure},
    job::Job,
};
use crate::{
    books::Outlay, http::error::Code, json, model::Protocol, ports::Inbound, registry::Model,
    retry, secret::Secret, time::UnixMillis,
};

/// Members of answers that no failure has: what has one of them is an answer, whatever else it says.
const OF_ANSWERS: [&str; 6] = ["candidates", "choices", "content", "data", "id", "output"];

/// All of a vendor's good answer.
pub struct Gathered {
    /// What it says.
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
) -> Result<Gathered, (Failure, Outlay)> {
    let cap = job.gathers.unwrap_or(ANSWER_CAP);
    let (headers, status) = (inbound.headers.clone(), inbound.status);
    let bytes = body(job.line(), model, inbound, cap, remaining(job, model)).await;
    let now = job.platform.clock.now();
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(error) if error.code() == Code::ClientLeft => {
            return Err((Failure::final_one(error), Outlay::Spent));
        }
        Err(error) => {
            let is_its_fault = match error.code() {
                Code::ProviderError => true,
                Code::ProviderTimeout => {
                    failure::had_its_time(now, sent_at, model.deadlines().total_ms)
                }
                _ => false,
            };
            let failure = match is_its_fault {
                true => Failure::tripping(error),
                false => Failure::passing_on(error),
            };
            return Err((failure, Outlay::Unknown));
        }
    };
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
    Ok(Gathered { body: said, bytes, model: model.clone() })
}

/// Whether a body that came with a good status is a failure in its vendor's words: hosts that pass on what others
/// answer have no other status left. What a mapping reads says itself what is one.
fn is_failure(model: &Model, body: &Value) -> bool {
    let has = |name: &str| body.get(name).is_some_and(|member| !member.is_null());
    let is_read_by_mapping = model.config.protocol == Protocol::Mapped;
    !is_read_by_mapping && has("error") && !OF_ANSWERS.iter().any(|name| has(name))
}
