//! How long a call may still take, and waits that end with that time, or when the client goes.

use std::{pin::pin, time::Duration};

use futures_util::future::{Either, select};

use super::{
    failure,
    job::{Job, Line},
};
use crate::{http::error::ApiError, ports::Departure, registry::Model, time::UnixMillis};

/// When the whole call must be over.
pub(super) fn deadline(job: &Job<'_>, model: &Model) -> UnixMillis {
    let total = i64::try_from(model.deadlines().total_ms).unwrap_or(i64::MAX);
    let by_row = job.context.started().plus(total);
    job.context.ends_at().map_or(by_row, |ends_at| ends_at.min(by_row))
}

/// What is left of the call's time for a model, in milliseconds; negative once it is over.
#[must_use]
pub fn left(job: &Job<'_>, model: &Model) -> i64 {
    deadline(job, model).since(job.platform.clock.now())
}

pub(super) fn remaining(job: &Job<'_>, model: &Model) -> Duration {
    let left = deadline(job, model).since(job.platform.clock.now());
    Duration::from_millis(u64::try_from(left).unwrap_or(0))
}

/// Waits before a repetition; a client that has gone ends it.
pub(super) async fn pause(job: &Job<'_>, wait: Duration) -> Result<(), ApiError> {
    match within(job.line(), wait, std::future::pending::<()>()).await {
        Err(Interrupted::ClientLeft) => Err(failure::client_left()),
        Err(Interrupted::TimedOut) | Ok(()) => Ok(()),
    }
}

/// Waits for an answer, but not past a deadline nor past the client's patience.
pub(super) async fn within<T>(
    line: Line<'_>,
    patience: Duration,
    answer: impl Future<Output = T> + Send,
) -> Result<T, Interrupted> {
    let late = line.platform.clock.sleep(patience);
    match select(pin!(answer), select(pin!(late), pin!(Departure::of(line.departure)))).await {
        Either::Left((answer, _)) => Ok(answer),
        Either::Right((Either::Left(_), _)) => Err(Interrupted::TimedOut),
        Either::Right((Either::Right(_), _)) => Err(Interrupted::ClientLeft),
    }
}

/// Why a wait ended without what was waited for.
pub(super) enum Interrupted {
    ClientLeft,
    TimedOut,
}
