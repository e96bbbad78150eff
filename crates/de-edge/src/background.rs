//! Work after the answer, by `waitUntil`.

use std::{future::Future, sync::Arc};

use de_core::ports::Background;
use futures_util::future::BoxFuture;
use worker::{Context, ScheduleContext, send::SendWrapper};

/// What the runtime called us for, and goes on for: a request, or a time that has come.
#[derive(Clone)]
pub(crate) enum Occasion {
    /// `fetch`.
    Request(Arc<Context>),
    /// `scheduled`.
    Schedule(SendWrapper<ScheduleContext>),
}

impl Occasion {
    /// Keeps the runtime waiting for this work.
    pub(crate) fn wait_until(&self, work: impl Future<Output = ()> + 'static) {
        match self {
            Self::Request(context) => context.wait_until(work),
            Self::Schedule(context) => context.wait_until(work),
        }
    }
}

pub(crate) struct EdgeBackground(pub(crate) Occasion);

impl Background for EdgeBackground {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        self.0.wait_until(work);
    }
}
