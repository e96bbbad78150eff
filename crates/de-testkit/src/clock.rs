//! A clock that stands still until it is moved, or runs with tokio's.

use std::{sync::Mutex, time::Duration};

use async_trait::async_trait;
use de_core::{ports::Clock, time::UnixMillis};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use crate::lock;

/// A clock for tests.
pub struct FakeClock {
    how: How,
}

enum How {
    /// Moves when told; who sleeps wakes when it has moved far enough.
    Still(watch::Sender<UnixMillis>),
    /// Moves with tokio's clock, which tests can pause.
    Flowing { base: Mutex<UnixMillis>, since: Instant },
}

impl FakeClock {
    /// A clock that stands at `now` until it is moved.
    #[must_use]
    pub fn at(now: UnixMillis) -> Self {
        Self { how: How::Still(watch::Sender::new(now)) }
    }

    /// A clock that starts at `now` and runs as tokio's does.
    #[must_use]
    pub fn flowing(now: UnixMillis) -> Self {
        Self { how: How::Flowing { base: Mutex::new(now), since: Instant::now() } }
    }

    /// Moves it forward.
    pub fn advance(&self, duration: Duration) {
        match &self.how {
            How::Still(now) => now.send_modify(|now| *now = now.plus(millis(duration))),
            How::Flowing { base, .. } => {
                let mut base = lock(base);
                *base = base.plus(millis(duration));
            }
        }
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> UnixMillis {
        match &self.how {
            How::Still(now) => *now.borrow(),
            How::Flowing { base, since } => lock(base).plus(millis(since.elapsed())),
        }
    }

    async fn sleep(&self, duration: Duration) {
        match &self.how {
            How::Still(now) => {
                let mut watched = now.subscribe();
                let until = watched.borrow().plus(millis(duration));
                // It fails only when the clock is gone, and then nobody moves it any more.
                if watched.wait_for(|now| *now >= until).await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
            How::Flowing { .. } => sleep(duration).await,
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn sleep_ends_when_the_clock_was_moved_far_enough() {
        let clock = FakeClock::at(UnixMillis(1_000));
        let mut slept = clock.sleep(Duration::from_millis(500));
        assert!((&mut slept).now_or_never().is_none());
        clock.advance(Duration::from_millis(499));
        assert!((&mut slept).now_or_never().is_none());
        clock.advance(Duration::from_millis(1));
        assert!((&mut slept).now_or_never().is_some());
        assert_eq!(clock.now(), UnixMillis(1_500));
    }

    #[tokio::test(start_paused = true)]
    async fn a_flowing_clock_follows_tokio() {
        let clock = FakeClock::flowing(UnixMillis(0));
        clock.sleep(Duration::from_secs(9)).await;
        assert_eq!(clock.now(), UnixMillis(9_000));
    }
}
