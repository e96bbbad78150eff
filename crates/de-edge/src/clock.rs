//! The runtime's clock and timers.

use std::time::Duration;

use async_trait::async_trait;
use de_core::{ports::Clock, time::UnixMillis};
use futures_util::FutureExt;
use worker::{Delay, send::SendFuture};

/// What time it is. The platform's clock stands still while nothing is waited for.
#[must_use]
pub fn now() -> UnixMillis {
    // As a number: `worker::Date` makes an object of each look, and a call looks some thirty times.
    #[expect(clippy::cast_possible_truncation, reason = "whole milliseconds, below 2^53")]
    UnixMillis(js_sys::Date::now() as i64)
}

pub(crate) struct EdgeClock;

#[async_trait]
impl Clock for EdgeClock {
    fn now(&self) -> UnixMillis {
        now()
    }

    async fn sleep(&self, duration: Duration) {
        // A `Delay` wakes the first task that waited for it and no other; shared, it wakes the one that
        // waits now.
        SendFuture::new(Delay::from(duration).shared()).await;
    }
}
