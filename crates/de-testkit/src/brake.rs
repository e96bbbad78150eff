//! The brake on failed log-ins, in memory.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use de_core::ports::{Brake, Clock};

use crate::lock;

/// More than any test fails to log in.
const PLENTY: u32 = 10_000;
const MINUTE_MS: i64 = 60_000;

/// Counts by address and minute of the clock, as the binding does where it runs locally.
pub struct MemoryBrake {
    clock: Arc<dyn Clock>,
    /// The minute, and what was counted in it.
    counts: Mutex<(i64, HashMap<String, u32>)>,
    limit: AtomicU32,
}

impl MemoryBrake {
    /// A brake that nobody notices.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, counts: Mutex::default(), limit: AtomicU32::new(PLENTY) }
    }

    /// Allows so many failed log-ins an address and minute from now on.
    pub fn set_limit(&self, limit: u32) {
        self.limit.store(limit, Ordering::SeqCst);
    }

    /// How many failed log-ins of an address were counted in the present minute.
    #[must_use]
    pub fn count(&self, address: &str) -> u32 {
        let minute = self.minute();
        let counts = lock(&self.counts);
        let (of, counted) = &*counts;
        counted.get(address).filter(|_| *of == minute).copied().unwrap_or_default()
    }

    fn minute(&self) -> i64 {
        self.clock.now().0.div_euclid(MINUTE_MS)
    }
}

#[async_trait]
impl Brake for MemoryBrake {
    async fn allows(&self, address: &str) -> bool {
        let minute = self.minute();
        let mut counts = lock(&self.counts);
        if counts.0 != minute {
            *counts = (minute, HashMap::new());
        }
        let count = counts.1.entry(address.to_owned()).or_default();
        // What is refused is not counted: the binding's window does not grow by it.
        let allows = *count < self.limit.load(Ordering::SeqCst);
        *count += u32::from(allows);
        allows
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use de_core::time::UnixMillis;

    use super::*;
    use crate::clock::FakeClock;

    #[tokio::test]
    async fn an_address_has_so_many_a_minute() {
        let clock = Arc::new(FakeClock::at(UnixMillis(MINUTE_MS * 5)));
        let brake = MemoryBrake::new(clock.clone());
        brake.set_limit(2);
        assert!(brake.allows("203.0.113.7").await);
        assert!(brake.allows("203.0.113.7").await);
        assert!(!brake.allows("203.0.113.7").await);
        assert_eq!(brake.count("203.0.113.7"), 2);
        assert!(brake.allows("203.0.113.8").await, "another address has its own");
        clock.advance(Duration::from_secs(60));
        assert_eq!(brake.count("203.0.113.7"), 0);
        assert!(brake.allows("203.0.113.7").await, "a new minute");
    }
}
