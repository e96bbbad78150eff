//! Doubles for every port of `de-core`, and one test client for a router or a base URL.
//!
//! A double behaves like what it stands for, refusals included, and can be told to fail. Start with
//! [`platform::TestPlatform`]: it has all of them, the real schema, the seeds and a tenant with keys.

pub mod access;
pub mod background;
pub mod blobs;
pub mod brake;
pub mod cache;
pub mod claims;
pub mod client;
pub mod clock;
pub mod database;
pub mod entropy;
pub mod events;
pub mod fetch;
pub mod host;
pub mod jobs;
pub mod limiter;
pub mod log;
pub mod peers;
pub mod platform;
pub mod relay;
pub mod tenant;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, also after another test thread panicked with the lock: the state is a test's own.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
