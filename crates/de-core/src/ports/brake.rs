//! What slows down those who try keys.

use async_trait::async_trait;

/// Slows down whoever tries keys. A brake, not a promise: it counts a location of the platform at a
/// time, and not at once.
#[async_trait]
pub trait Brake: Send + Sync {
    /// Counts one failed log-in of this address and says whether it is still under the limit.
    ///
    /// A brake that is absent or does not answer says yes. Not safe to repeat: each call counts.
    async fn allows(&self, address: &str) -> bool;
}
