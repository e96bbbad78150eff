//! Waiting with a deadline, and words that no other test uses.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

use tokio::time::{Instant, sleep};

/// The longest that a test waits for something that must come.
pub const DEADLINE: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(25);

/// Asks again and again until there is an answer.
///
/// # Panics
/// After [`DEADLINE`], naming what did not come.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(started.elapsed() < DEADLINE, "waited {DEADLINE:?} in vain for {what}");
        sleep(PAUSE).await;
    }
}

/// A word that begins so and that nobody has used before.
#[must_use]
pub fn unique(beginning: &str) -> String {
    // The standard library seeds each of these from the system's entropy.
    let random = RandomState::new().build_hasher().finish();
    format!("{beginning}-{random:016x}")
}
