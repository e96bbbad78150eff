//! The objects of jobs.

use std::time::Duration;

use async_trait::async_trait;

use super::PortError;
use crate::{
    ids::JobId,
    jobs::{Order, View},
};

/// The job objects: one a job. Every call has a deadline of its own.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Stores a new job, which then goes on by itself. Safe to repeat: a job that is there stays as it is,
    /// and is shown.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer: whether the job is stored is not known.
    async fn begin(&self, job: &JobId, order: &Order) -> Result<View, PortError>;

    /// Wants a job to end before its time, and shows it; `None` if there is none. What is over, or cannot
    /// be stopped any more, goes on as it would.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer: repeat it.
    async fn cancel(&self, job: &JobId) -> Result<Option<View>, PortError>;

    /// Makes a job look at once at what it waits for.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer: it looks in any case, a little later.
    async fn nudge(&self, job: &JobId) -> Result<(), PortError>;

    /// Shows a job as soon as it has changed since `revision`, at the latest after `patience`, of which
    /// half a minute is taken at most; `None` if there is none. With revision 0 it answers at once.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer: repeat it.
    async fn watch(
        &self,
        job: &JobId,
        revision: u64,
        patience: Duration,
    ) -> Result<Option<View>, PortError>;
}
