//! What a call brings along when a vendor is to be asked.

use std::sync::Arc;

use async_trait::async_trait;

use super::routes::Routes;
use crate::{
    books::Books,
    caller::Caller,
    http::{context::Context, error::ApiError},
    ids::InstanceId,
    limits::wire::Need,
    ports::{Departure, Platform},
    protocols::Draft,
    registry::Model,
    time::UnixMillis,
    trace::Trace,
};

/// One call to be made, with everything that it may use.
pub struct Job<'a> {
    /// Who has to know before a vendor is sent anything that it may bill.
    pub before_send: Option<&'a dyn BeforeSend>,
    /// Its place in the books.
    pub books: &'a Books,
    /// Its request.
    pub context: &'a Context,
    /// When the client goes away.
    pub departure: Option<&'a Departure>,
    /// Writes the request for one of the models.
    pub draft: &'a (dyn Fn(&Model) -> Result<Draft, ApiError> + Send + Sync),
    /// Where a whole answer is read where it is asked for, so that a fallback serves in place of one that cannot be
    /// read; absent: its reader reads it.
    pub gathers: Option<Gathers>,
    /// Whose keys and limits it goes by.
    pub holder: Holder<'a>,
    /// The model that was asked for, then its fallbacks.
    pub models: &'a [Arc<Model>],
    /// What one try is reserved for.
    pub need: Need,
    /// The outside world.
    pub platform: &'a Platform,
    /// After which failures the fallbacks serve.
    pub routes: &'a Routes,
    /// Whether the answer is read as a stream: its head comes early, and it has begun with its first event.
    pub streamed: bool,
}

/// How a whole answer is read that is JSON.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Gathers {
    /// The largest one, in bytes.
    pub cap: usize,
    /// Whether all of it is taken apart. Vectors are not: they have more values than a tree of JSON may, and their reader
    /// reads them in place.
    pub parses: bool,
}

/// Someone who has to know before money can be spent.
#[async_trait]
pub trait BeforeSend: Send + Sync {
    /// Learns that a vendor is sent something next; called once a call, before the first try. The call is
    /// over at `until`.
    ///
    /// # Errors
    /// What the caller is told: then nothing is sent.
    async fn sending(&self, until: UnixMillis) -> Result<(), ApiError>;
}

/// Whose keys and limits a call goes by.
#[derive(Clone, Copy)]
pub struct Holder<'a> {
    /// Whether its calls go on when the Limiter does not answer.
    pub goes_on_without_limiter: bool,
    /// The instance.
    pub instance: &'a InstanceId,
}

impl<'a> From<&'a Caller> for Holder<'a> {
    fn from(caller: &'a Caller) -> Self {
        let goes_on_without_limiter = caller.goes_on_without_limiter();
        Self { goes_on_without_limiter, instance: caller.instance_id() }
    }
}

/// What every request to a vendor needs.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) departure: Option<&'a Departure>,
    pub(super) instance: &'a InstanceId,
    pub(super) platform: &'a Platform,
    pub(super) trace: &'a Trace,
}

impl<'a> Job<'a> {
    pub(super) fn line(&self) -> Line<'a> {
        let Self { context, departure, holder, platform, .. } = *self;
        Line { departure, instance: holder.instance, platform, trace: context.trace() }
    }
}
