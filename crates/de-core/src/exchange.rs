//! The one loop that speaks to vendors: reserves, sends, keeps deadlines, retries, falls back.
//!
//! Errors are told apart by status and by the vendor's own code, never by words in a message. A vendor's
//! fault is never shown as the caller's: its 401 is our 502.

mod answer;
mod attempt;
mod deadlines;
mod dropped;
mod failure;
mod first;
pub mod follow;
mod gathered;
mod hedge;
mod job;
pub mod key_test;
pub mod lookup;
pub(crate) mod outbound;
pub mod relay;
pub mod routes;
mod shares;
pub mod sound;
pub mod translate;
mod upstream;

use std::{sync::Arc, time::Duration};

use http::HeaderName;

pub use self::{
    answer::{ANSWER_CAP, Answer, First, Opened, Ordered, Polled, whole, whole_up_to},
    deadlines::left,
    dropped::LeftOut,
    failure::unreadable,
    gathered::Gathered,
    job::{BeforeSend, Gathers, Holder, Job},
    shares::{limiter_unavailable, model_scopes, reserve_another},
};
use self::{deadlines::remaining, failure::Failure, shares::reserve};
pub(crate) use self::{
    failure::{had_its_time, without_queries},
    shares::has_no_budget,
};
use crate::{
    books::{Outlay, Share},
    circuit::known::Refused,
    circuits,
    http::error::{ApiError, Code},
    ids::ModelId,
    model::ErrorClass,
    registry::Model,
};

/// Sends until a vendor answers well: retries what is safe to repeat, polls where the vendor takes an
/// order first, then goes down the fallbacks.
///
/// # Errors
/// What the last try came to; where fallbacks were tried too, `ALL_PROVIDERS_FAILED` with one entry an
/// attempt.
pub async fn open(job: &Job<'_>) -> Result<Answer, ApiError> {
    let (first, left_out) = run(job, Patience::ToTheEnd).await?;
    left_out.tell(job.context);
    match first {
        First::Answer(answer) => Ok(answer),
        First::Ordered(_) => Err(ApiError::internal("an order was not followed to its end")),
    }
}

/// As [`open`], for what no vendor takes as an order.
///
/// # Errors
/// As [`open`]; `INTERNAL_ERROR` if one has taken it as an order, and was polled.
pub async fn open_at_once(job: &Job<'_>) -> Result<Opened, ApiError> {
    match open(job).await? {
        Answer::Opened(opened) => Ok(opened),
        Answer::Gathered(_) => Err(ApiError::internal("an answer was read that was to be opened")),
        Answer::Polled(_) => Err(ApiError::internal("a vendor that answers at once was polled")),
    }
}

/// As [`open`], for what is [read at once](Job::gathers).
///
/// # Errors
/// As [`open`]; `INTERNAL_ERROR` if it is not read at once, or if a vendor has taken it as an order.
pub async fn gathered(job: &Job<'_>) -> Result<Gathered, ApiError> {
    match open(job).await? {
        Answer::Gathered(gathered) => Ok(gathered),
        Answer::Opened(_) => Err(ApiError::internal("an answer was opened that was to be read")),
        Answer::Polled(_) => Err(ApiError::internal("a vendor that answers at once was polled")),
    }
}

/// As [`open`], but an order that a vendor has taken is left to whoever asks about it later, and what was left out of
/// the request is returned: no answer has headers for it.
///
/// # Errors
/// As [`open`].
pub async fn order(job: &Job<'_>) -> Result<(First, LeftOut), ApiError> {
    run(job, Patience::FirstAnswer).await
}

/// How long an order is followed.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Patience {
    FirstAnswer,
    ToTheEnd,
}

async fn run(job: &Job<'_>, patience: Patience) -> Result<(First, LeftOut), ApiError> {
    job.context.asks(job.platform.clock.now());
    let mut failed = Failed::default();
    for (index, model) in job.models.iter().enumerate() {
        let rest = job.models.get(index + 1..).unwrap_or_default();
        if failed.beside.as_ref() == Some(&model.config.model_id) {
            continue;
        }
        match failed.class {
            // What this one does not serve after, a later one may.
            Some(class) if !job.routes.serves(&model.config.model_id, class) => continue,
            Some(_) => failed.were_others = true,
            None => {}
        }
        let is_fallback = index > 0;
        let draft = match (job.draft)(model) {
            Ok(draft) => draft,
            // A fallback that cannot say this request is none: what went wrong before stands.
            Err(_) if failed.last.is_some() => continue,
            Err(error) => {
                if !any_serves(job, rest, ErrorClass::Unsupported) {
                    return Err(error);
                }
                failed.with(error, ErrorClass::Unsupported);
                continue;
            }
        };
        if let Some(refused) = shut(job, model) {
            let error = circuits::error(job.platform.clock.now(), model, refused);
            failed.with(error, refused.class);
            continue;
        }
        if remaining(job, model).is_zero() {
            // A later one may have more time.
            if failed.last.is_none() {
                failed.with(failure::not_sent(model), ErrorClass::Timeout);
            }
            continue;
        }
        if is_fallback {
            let share = Share::Fallback(model.config.model_id.clone());
            if let Err(error) = reserve(job, model, share).await {
                failed.may_help |= error.may_repeat();
                failed.last.get_or_insert(error);
                continue;
            }
            // What is known now may be newer.
            if let Some(refused) = shut(job, model) {
                let error = circuits::error(job.platform.clock.now(), model, refused);
                failed.with(error, refused.class);
                continue;
            }
        }
        job.books.trying(model);
        let asked = hedge::tries(job, model, draft, rest, patience).await;
        match asked.result {
            Ok(answer) => {
                announce(job, &asked.model);
                return Ok((answer, LeftOut::of(&asked.dropped, asked.warns)));
            }
            Err(Failure { class: Some(class), error, .. })
                if class.is_usual() || any_serves(job, rest, class) =>
            {
                failed.billed |= job.books.outlay() != Outlay::Nothing;
                failed.with(error, class);
            }
            Err(failure) => return Err(failure.error),
        }
        if let Some((other, failure)) = asked.beside {
            failed.beside(job, &other, failure)?;
        }
    }
    failed.sum_up(job)
}

/// What the tries of a call came to, so far.
#[derive(Default)]
struct Failed {
    /// Who was asked beside the first one, and failed too.
    beside: Option<ModelId>,
    /// Whether one may have been billed: asked again, the call would pass all of them again.
    billed: bool,
    /// What kind of failure the last one was.
    class: Option<ErrorClass>,
    last: Option<ApiError>,
    /// Whether the same call may be served if it is asked again.
    may_help: bool,
    /// Whether other models were to serve.
    were_others: bool,
}

impl Failed {
    fn with(&mut self, error: ApiError, class: ErrorClass) {
        self.may_help |= class.is_usual() && error.may_repeat();
        self.class = Some(class);
        self.last = Some(error);
    }

    /// Adds the failure of a model that was asked beside the one before.
    fn beside(&mut self, job: &Job<'_>, model: &Model, failure: Failure) -> Result<(), ApiError> {
        self.were_others = true;
        self.beside = Some(model.config.model_id.clone());
        let Failure { class: Some(class), error, .. } = failure else { return Err(failure.error) };
        self.billed |= job.books.outlay() != Outlay::Nothing;
        self.with(error, class);
        Ok(())
    }

    fn sum_up<T>(self, job: &Job<'_>) -> Result<T, ApiError> {
        let last = self.last.unwrap_or_else(nothing_tried);
        // Where nobody was asked, what kept the first from being asked is all there is to tell.
        if !self.were_others || job.books.tries() == 0 {
            return Err(last);
        }
        let message = format!("every model failed; the last one: {}", last.message());
        let all = ApiError::new(Code::AllProvidersFailed, message);
        let all = if self.billed || !self.may_help { all.for_good() } else { all };
        Err(all.with("attempts", job.books.attempts()).with("last", last.code().as_str()))
    }
}

/// Whether one of these models serves after a failure.
fn any_serves(job: &Job<'_>, models: &[Arc<Model>], class: ErrorClass) -> bool {
    models.iter().any(|model| job.routes.serves(&model.config.model_id, class))
}

/// Whether one of these models would be asked if a model were late with its first byte: its circuit is not open, and
/// it has time left then.
fn any_would_serve(job: &Job<'_>, late: &Model, models: &[Arc<Model>]) -> bool {
    let wait = Duration::from_millis(late.deadlines().first_byte_ms);
    models.iter().any(|model| {
        job.routes.serves(&model.config.model_id, ErrorClass::Timeout)
            && remaining(job, model) > wait
            && shut(job, model).is_none()
    })
}

/// Why a model is not asked, unless this call is the probe of its circuit.
fn shut(job: &Job<'_>, model: &Model) -> Option<Refused> {
    if job.routes.past_circuits || job.books.holds_probe(&model.config.model_id) {
        return None;
    }
    circuits::refused(job.platform, job.holder.instance, model)
}

fn nothing_tried() -> ApiError {
    ApiError::internal("a call had no model to try")
}

/// Says in the answer's headers who gave it.
fn announce(job: &Job<'_>, model: &Model) {
    let config = &model.config;
    job.context.tell(HeaderName::from_static("x-de-model"), config.model_id.as_str());
    job.context.tell(HeaderName::from_static("x-de-provider"), config.provider_id.as_str());
    let tries = job.books.tries().to_string();
    job.context.tell(HeaderName::from_static("x-de-attempts"), &tries);
}
