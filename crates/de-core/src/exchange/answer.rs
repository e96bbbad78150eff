//! What a vendor answers, and how the whole of it is read: of a good answer, and of a refusal.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use super::{
    deadlines::{Interrupted, remaining, within},
    failure::{self, Failure},
    gathered::Gathered,
    job::{Job, Line},
};
use crate::{
    circuits,
    http::error::{ApiError, Code},
    mapping::{
        poll::{Polling, Wait},
        reply::MappedReply,
    },
    ports::Inbound,
    registry::Model,
    retry,
    secret::Secret,
};

/// The largest whole answer that we take from a vendor, unless its reader can hold more.
pub const ANSWER_CAP: usize = 32 * 1024 * 1024;
/// The largest error body, and how long we wait for it.
pub(super) const ERROR_CAP: usize = 64 * 1024;
const ERROR_WAIT: Duration = Duration::from_secs(5);

/// A vendor's good answer, whose body is still to come. Where it is read as a stream, it has begun: its first
/// event is here, to be read.
pub struct Opened {
    /// The answer.
    pub inbound: Inbound,
    /// Who gave it.
    pub model: Arc<Model>,
}

/// A vendor's good answer.
pub enum Answer {
    /// All of it is here, as its vendor sent it.
    Gathered(Gathered),
    /// Its head is here.
    Opened(Opened),
    /// All of it is here: the vendor was polled until its job was done.
    Polled(Polled),
}

/// What a job came to.
pub struct Polled {
    /// Who gave it.
    pub model: Arc<Model>,
    /// The result.
    pub reply: Box<MappedReply>,
}

/// What a vendor answered first.
pub enum First {
    /// It has begun, or done, what was asked for.
    Answer(Answer),
    /// It has taken an order, and is to be asked how that goes.
    Ordered(Box<Ordered>),
}

/// An order that a vendor has taken.
pub struct Ordered {
    /// Who took it.
    pub model: Arc<Model>,
    /// The order, to be asked about.
    pub polling: Polling,
    /// When, and with what.
    pub wait: Wait,
}

impl Answer {
    /// Who gave it.
    #[must_use]
    pub fn model(&self) -> &Arc<Model> {
        match self {
            Self::Gathered(gathered) => &gathered.model,
            Self::Opened(opened) => &opened.model,
            Self::Polled(polled) => &polled.model,
        }
    }
}

/// Reads the whole body, of at most [`ANSWER_CAP`], within the call's total deadline.
///
/// # Errors
/// `PROVIDER_TIMEOUT`, `PROVIDER_ERROR` if the connection broke, `PROVIDER_MALFORMED` if it is too
/// large.
pub async fn whole(job: &Job<'_>, opened: Opened) -> Result<Bytes, ApiError> {
    whole_up_to(job, opened, ANSWER_CAP).await
}

/// As [`whole`], of at most `cap` bytes: what the reader of the answer can hold.
///
/// # Errors
/// As [`whole`].
pub async fn whole_up_to(job: &Job<'_>, opened: Opened, cap: usize) -> Result<Bytes, ApiError> {
    let Opened { inbound, model, .. } = opened;
    let body = body(job.line(), &model, inbound, cap, remaining(job, &model)).await;
    job.context.answered(job.platform.clock.now());
    if let Err(error) = &body
        && !job.books.is_apart()
        && matches!(error.code(), Code::ProviderError | Code::ProviderTimeout)
    {
        let class = failure::class_of(error.code());
        let began = job.books.trying_since();
        let now = job.platform.clock.now();
        let due = model.deadlines().total_ms;
        if error.code() == Code::ProviderError || failure::had_its_time(now, began, due) {
            let failure = circuits::Failure { asked: None, began, class };
            circuits::failed(job.platform, job.holder.instance, &model, failure);
        }
    }
    body
}

pub(super) async fn body(
    line: Line<'_>,
    model: &Model,
    inbound: Inbound,
    cap: usize,
    left: Duration,
) -> Result<Bytes, ApiError> {
    let name = &model.config.provider_id;
    match within(line, left, inbound.body.whole(cap)).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => {
            Err(ApiError::new(Code::ProviderMalformed, format!("{name} sent too large an answer")))
        }
        Ok(Err(err)) => {
            let message = format!("{name} broke off in the middle of its answer");
            // It was made and is billed.
            Err(ApiError::new(Code::ProviderError, message).because(err.to_string()).for_good())
        }
        Err(Interrupted::TimedOut) => Err(failure::timed_out(model, "finish its answer")),
        Err(Interrupted::ClientLeft) => Err(failure::client_left()),
    }
}

/// Reads what the vendor says of its refusal.
pub(super) async fn refused(
    line: Line<'_>,
    model: &Model,
    inbound: Inbound,
    key: &Secret,
) -> Failure {
    let Inbound { body, headers, status } = inbound;
    let body = match within(line, ERROR_WAIT, body.whole(ERROR_CAP)).await {
        Ok(Ok(Some(body))) => body,
        // The status alone says enough.
        Ok(Ok(None) | Err(_)) | Err(_) => Bytes::new(),
    };
    let now = line.platform.clock.now();
    let asked = retry::asked(&headers, now).or_else(|| model.vendor.asked(&body)).or_else(|| {
        // Vendors of stock media tell it by the limits that they are at.
        let stock = model.vendor.stock().filter(|_| status == 429)?;
        let until = stock.rates(&headers, now).used_up_until()?;
        Some(Duration::from_millis(u64::try_from(until.since(now)).unwrap_or(0)))
    });
    let told = model.vendor.error(status, &body).without(key);
    let word = headers.get("x-should-retry").and_then(|word| word.to_str().ok());
    let mut failure = failure::refused(model, status, told, asked);
    match word {
        Some("true") => failure.repeatable = true,
        Some("false") => failure.repeatable = false,
        Some(_) | None => {}
    }
    failure
}
