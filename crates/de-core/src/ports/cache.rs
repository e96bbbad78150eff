//! Copies that may be a minute old.

use std::time::Duration;

use async_trait::async_trait;

use super::PortError;

/// KV: text by key, up to a minute stale everywhere, at most about one write a second and key.
#[async_trait]
pub trait Cache: Send + Sync {
    /// The text, or `None` if absent or expired.
    ///
    /// # Errors
    /// [`PortError::Failed`]: worth a look at the truth instead.
    async fn get(&self, key: &str) -> Result<Option<String>, PortError>;

    /// Writes; a lifetime under 60 s is refused. Safe to repeat.
    ///
    /// # Errors
    /// [`PortError::Failed`].
    async fn put(&self, key: &str, value: String, lifetime: Duration) -> Result<(), PortError>;
}
