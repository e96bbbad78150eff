//! The other workers.

use async_trait::async_trait;
use serde_json::Value;

use super::PortError;

/// The other workers, reached without the public internet.
#[async_trait]
pub trait Peers: Send + Sync {
    /// Asks a worker a small question, `GET` of a path, and returns the status and the JSON of its
    /// answer, of at most [`ASK_CAP`] bytes.
    ///
    /// Safe to repeat. It waits for ever; whoever does not want to drops the future.
    ///
    /// # Errors
    /// [`PortError::Unbound`] for a worker that is not bound, [`PortError::Malformed`] for an answer that
    /// is too large or no JSON, else [`PortError::Failed`].
    async fn ask(&self, worker: &str, path: &str) -> Result<(u16, Value), PortError>;

    /// Sends a whole HTTP request on to a worker (`text`, `image`, …) and hands its answer back.
    ///
    /// The answer's body is a [`super::Relay`].
    ///
    /// # Errors
    /// [`PortError::Unbound`] for a worker that is not bound, else [`PortError::Failed`].
    async fn forward(
        &self,
        worker: &str,
        request: http::Request<axum::body::Body>,
    ) -> Result<http::Response<axum::body::Body>, PortError>;
}

/// The longest answer that [`Peers::ask`] reads, in bytes.
pub const ASK_CAP: usize = 64 * 1024;
