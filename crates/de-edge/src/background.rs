//! Work after the answer, by `waitUntil`.

use std::sync::Arc;

use de_core::ports::Background;
use futures_util::future::BoxFuture;
use worker::Context;

pub(crate) struct EdgeBackground(pub(crate) Arc<Context>);

impl Background for EdgeBackground {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        self.0.wait_until(work);
    }
}
