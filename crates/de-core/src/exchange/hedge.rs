//! A second model beside a first one that is slow: the first good answer counts, and the other is given up.
//!
//! Both may be billed, so the second has a share of its own in all scopes before anything is sent: where that is
//! refused there is none. What was given up stands in the receipt as an attempt of which nobody knows what it cost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::{Either, select};

use super::{
    Patience,
    answer::First,
    any_serves, any_would_serve,
    attempt::{self, Behind, makes_media},
    deadlines::remaining,
    failure::Failure,
    job::{BeforeSend, Job},
    shares::reserve_beside,
    shut,
};
use crate::{
    books::{Books, Served},
    http::error::{ApiError, Code},
    model::ErrorClass,
    protocols::{Draft, FieldIssue},
    receipt::OVERTAKEN,
    registry::Model,
    time::UnixMillis,
};

/// What the tries at a model came to, and those at the one that was asked beside it.
pub(super) struct Asked {
    /// The model that was asked beside it and failed as well.
    pub(super) beside: Option<(Arc<Model>, Failure)>,
    /// What of the request was left out for whoever answered.
    pub(super) dropped: Vec<FieldIssue>,
    /// Who answered, or else the first.
    pub(super) model: Arc<Model>,
    pub(super) result: Result<First, Failure>,
    pub(super) warns: bool,
}

/// All tries at one model. Where it has no answer in time and another one serves then, both are asked.
pub(super) async fn tries(
    job: &Job<'_>,
    model: &Arc<Model>,
    draft: Draft,
    rest: &[Arc<Model>],
    patience: Patience,
) -> Asked {
    let would_serve = any_would_serve(job, model, rest);
    let behind = Behind { is_last: rest.is_empty(), would_serve };
    let (dropped, warns) = (draft.dropped.clone(), draft.warns);
    let alone = |result| Asked { beside: None, dropped, model: model.clone(), result, warns };
    let Some(after) = wait(job, model, &draft, rest, patience) else {
        return alone(attempt::tries(job, model, draft, behind, patience).await);
    };
    let sending = Sending::of(job);
    let own = Job { before_send: sending.as_ref().map(|told| told as &dyn BeforeSend), ..*job };
    let mut first = Box::pin(attempt::tries(&own, model, draft, behind, patience));
    match select(&mut first, job.platform.clock.sleep(after)).await {
        Either::Left((result, _)) => return alone(result),
        Either::Right(_) => {}
    }
    // Who has to know before a vendor is sent anything does not know yet.
    let may_send = sending.as_ref().is_none_or(Sending::is_told);
    let other = if may_send { other(job, rest) } else { None };
    let (Some((other, draft)), Some(books)) = (other, job.books.beside()) else {
        return alone(first.await);
    };
    let second = Second { books, first: job.books, is_joined: false };
    let (left_out, warns_of_it) = (draft.dropped.clone(), draft.warns);
    let beside = Job { before_send: None, books: &second.books, ..*job };
    let running = Box::pin(async {
        reserve_beside(&beside, &other).await.ok()?;
        // What is known now may be newer.
        if shut(&beside, &other).is_some() {
            return None;
        }
        beside.books.trying(&other);
        let rest = rest.iter().filter(|model| model.config.model_id != other.config.model_id);
        let rest: Vec<Arc<Model>> = rest.cloned().collect();
        // The first one runs beside it.
        let would_serve = any_would_serve(job, &other, &rest);
        let behind = Behind { is_last: false, would_serve };
        Some(attempt::tries(&beside, &other, draft, behind, patience).await)
    });
    // What is given up is dropped, which closes its connection, before the books are told.
    let came = match select(first, running).await {
        Either::Left((Err(failure), running)) if failure.class.is_some() => match running.await {
            Some(Ok(answer)) => Came::Second(answer),
            Some(Err(theirs)) => Came::Neither(failure, theirs),
            None => Came::First(Err(failure)),
        },
        Either::Left((result, running)) => {
            drop(running);
            Came::First(result)
        }
        Either::Right((Some(Ok(answer)), first)) => {
            drop(first);
            job.books.gives_up(OVERTAKEN);
            Came::Second(answer)
        }
        Either::Right((theirs, first)) => match (first.await, theirs) {
            (Err(failure), Some(Err(theirs))) => Came::Neither(failure, theirs),
            (result, _) => Came::First(result),
        },
    };
    match came {
        Came::First(Ok(answer)) => {
            second.ends(OVERTAKEN, Served::First);
            alone(Ok(answer))
        }
        Came::First(Err(failure)) => {
            let has_left = failure.error.code() == Code::ClientLeft;
            let why = if has_left { Code::ClientLeft.as_str() } else { OVERTAKEN };
            second.ends(why, Served::Neither);
            alone(Err(failure))
        }
        Came::Neither(failure, theirs) => {
            second.ends(OVERTAKEN, Served::Neither);
            Asked { beside: Some((other, theirs)), ..alone(Err(failure)) }
        }
        Came::Second(answer) => {
            second.ends(OVERTAKEN, Served::Second);
            Asked {
                beside: None,
                dropped: left_out,
                model: other,
                result: Ok(answer),
                warns: warns_of_it,
            }
        }
    }
}

/// What became of two tries.
enum Came {
    /// The first one's result counts.
    First(Result<First, Failure>),
    /// Both failed.
    Neither(Failure, Failure),
    /// The second one answered.
    Second(First),
}

/// How long the first try of a call may have no answer before another model is asked too; `None`: for as long as
/// it takes. What makes media is billed by what it has made, and an order goes on by itself.
fn wait(
    job: &Job<'_>,
    model: &Model,
    draft: &Draft,
    rest: &[Arc<Model>],
    patience: Patience,
) -> Option<Duration> {
    let is_whole = patience == Patience::ToTheEnd && draft.polling.is_none();
    let has_other = any_serves(job, rest, ErrorClass::Timeout);
    let may = has_other && is_whole && job.books.tries() == 0 && !makes_media(model);
    job.routes.hedge_after.filter(|_| may)
}

/// The first of the others that serves where one is late, with what it would be sent.
fn other(job: &Job<'_>, rest: &[Arc<Model>]) -> Option<(Arc<Model>, Draft)> {
    rest.iter().find_map(|model| {
        let serves = job.routes.serves(&model.config.model_id, ErrorClass::Timeout);
        if !serves
            || makes_media(model)
            || remaining(job, model).is_zero()
            || shut(job, model).is_some()
        {
            return None;
        }
        let draft = (job.draft)(model).ok().filter(|draft| draft.polling.is_none())?;
        Some((model.clone(), draft))
    })
}

/// The place of the second try in the books. It comes to the call's own whatever happens.
struct Second<'a> {
    books: Books,
    first: &'a Books,
    is_joined: bool,
}

impl Second<'_> {
    fn ends(mut self, why: &str, served: Served) {
        self.join(why, served);
    }

    fn join(&mut self, why: &str, served: Served) {
        self.books.gives_up(why);
        self.first.join(&self.books, served);
        self.is_joined = true;
    }
}

impl Drop for Second<'_> {
    fn drop(&mut self) {
        if !self.is_joined {
            // Nobody waits for either: first the call's own, while its shares stand alone.
            let why = Code::ClientLeft.as_str();
            self.first.gives_up(why);
            self.join(why, Served::Neither);
        }
    }
}

/// Passes on that a vendor is sent something, and remembers it.
struct Sending<'a> {
    is_told: AtomicBool,
    next: &'a dyn BeforeSend,
}

impl<'a> Sending<'a> {
    fn of(job: &Job<'a>) -> Option<Self> {
        job.before_send.map(|next| Self { is_told: AtomicBool::new(false), next })
    }

    fn is_told(&self) -> bool {
        self.is_told.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl BeforeSend for Sending<'_> {
    async fn sending(&self, until: UnixMillis) -> Result<(), ApiError> {
        self.next.sending(until).await?;
        self.is_told.store(true, Ordering::Relaxed);
        Ok(())
    }
}
