//! Work after the answer.

use futures_util::future::BoxFuture;

/// Work that goes on after the answer, at most 30 s (`waitUntil`).
pub trait Background: Send + Sync {
    /// Starts it.
    fn spawn(&self, work: BoxFuture<'static, ()>);
}
