//! `waitUntil` on tokio.

use std::sync::Mutex;

use de_core::ports::Background;
use futures_util::future::BoxFuture;
use tokio::{runtime::Handle, task::JoinHandle};

use crate::lock;

/// Runs the work at once, on the runtime that the double was made on.
pub struct TokioBackground {
    runtime: Handle,
    running: Mutex<Vec<JoinHandle<()>>>,
}

impl TokioBackground {
    /// Takes the present runtime.
    ///
    /// # Panics
    /// Outside of a tokio runtime, as [`Handle::current`].
    #[must_use]
    pub fn new() -> Self {
        Self { runtime: Handle::current(), running: Mutex::default() }
    }

    /// Waits until all work is done, also what work has started meanwhile. Says how many ended by a
    /// panic.
    pub async fn join_all(&self) -> usize {
        let mut panicked = 0;
        loop {
            let running = std::mem::take(&mut *lock(&self.running));
            if running.is_empty() {
                return panicked;
            }
            for work in running {
                panicked += usize::from(work.await.is_err());
            }
        }
    }
}

impl Default for TokioBackground {
    fn default() -> Self {
        Self::new()
    }
}

impl Background for TokioBackground {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        lock(&self.running).push(self.runtime.spawn(work));
    }
}
