//! The runtime's clock and timers.

use std::time::Duration;

use async_trait::async_trait;
use de_core::{ports::Clock, time::UnixMillis};
use futures_util::FutureExt;
use worker::{Date, Delay, send::SendFuture};

pub(crate) struct EdgeClock;

#[async_trait]
impl Clock for EdgeClock {
    fn now(&self) -> UnixMillis {
        UnixMillis(i64::try_from(Date::now().as_millis()).unwrap_or(i64::MAX))
    }

    async fn sleep(&self, duration: Duration) {
        // A `Delay` wakes the first task that waited for it and no other; shared, it wakes the one that
        // waits now.
        SendFuture::new(Delay::from(duration).shared()).await;
    }
}
