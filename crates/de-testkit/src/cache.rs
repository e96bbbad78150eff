//! KV in memory.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use de_core::{
    ports::{Cache, Clock, PortError},
    time::UnixMillis,
};

use crate::lock;

/// The shortest lifetime that KV takes.
const SHORTEST: Duration = Duration::from_secs(60);

/// Texts by key, gone when their time is over.
pub struct MemoryCache {
    clock: Arc<dyn Clock>,
    entries: Mutex<HashMap<String, (String, UnixMillis)>>,
    fails: AtomicBool,
}

impl MemoryCache {
    /// Empty.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, entries: Mutex::default(), fails: AtomicBool::new(false) }
    }

    /// Makes every call fail, or work again.
    pub fn set_failing(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    /// Everything in it, expired or not, sorted by key: for looking for what must not be there.
    #[must_use]
    pub fn entries(&self) -> Vec<(String, String)> {
        let entries = lock(&self.entries);
        let mut all: Vec<_> =
            entries.iter().map(|(key, (value, _))| (key.clone(), value.clone())).collect();
        all.sort();
        all
    }

    fn works(&self) -> Result<(), PortError> {
        if self.fails.load(Ordering::SeqCst) { Err(failed("told to fail")) } else { Ok(()) }
    }
}

#[async_trait]
impl Cache for MemoryCache {
    async fn get(&self, key: &str) -> Result<Option<String>, PortError> {
        self.works()?;
        let now = self.clock.now();
        let entries = lock(&self.entries);
        let alive = entries.get(key).filter(|(_, expires_at)| *expires_at > now);
        Ok(alive.map(|(value, _)| value.clone()))
    }

    async fn put(&self, key: &str, value: String, lifetime: Duration) -> Result<(), PortError> {
        self.works()?;
        if lifetime < SHORTEST {
            return Err(failed("expiration_ttl must be at least 60"));
        }
        let lifetime_ms = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
        let expires_at = self.clock.now().plus(lifetime_ms);
        lock(&self.entries).insert(key.to_owned(), (value, expires_at));
        Ok(())
    }
}

fn failed(message: &str) -> PortError {
    PortError::Failed { port: "cache", message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::FakeClock;

    #[tokio::test]
    async fn entries_expire_and_short_lives_are_refused() {
        let clock = Arc::new(FakeClock::at(UnixMillis(0)));
        let cache = MemoryCache::new(clock.clone());
        cache.put("k", "v".to_owned(), Duration::from_secs(60)).await.unwrap();
        assert_eq!(cache.get("k").await.unwrap().as_deref(), Some("v"));
        clock.advance(Duration::from_secs(60));
        assert_eq!(cache.get("k").await.unwrap(), None);
        assert!(cache.put("k", "v".to_owned(), Duration::from_secs(59)).await.is_err());
        cache.set_failing(true);
        assert!(cache.get("k").await.is_err());
    }
}
