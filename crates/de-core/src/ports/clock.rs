//! Time.

use std::time::Duration;

use async_trait::async_trait;

use crate::time::UnixMillis;

/// The wall clock. On Workers it stands still while code runs and moves on I/O.
#[async_trait]
pub trait Clock: Send + Sync {
    /// What time it is.
    fn now(&self) -> UnixMillis;

    /// Waits.
    async fn sleep(&self, duration: Duration);
}
