//! Requests to the vendors, and their answers.

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method};
use url::Url;

use super::{Meter, PortError, Relay, RelayDeadlines};

/// HTTP to the vendors. It follows no redirect, and asks for no compression.
#[async_trait]
pub trait Fetch: Send + Sync {
    /// Sends; returns when the head of the answer is here. Dropping the future aborts the request.
    ///
    /// # Errors
    /// [`PortError::Failed`] if there was no answer: it may have been served all the same.
    /// [`PortError::Unsendable`] for a request that HTTP, or the platform, does not allow.
    async fn send(&self, request: Outbound) -> Result<Inbound, PortError>;
}

/// A request to a vendor, complete, key included.
pub struct Outbound {
    /// What is sent.
    pub body: Bytes,
    /// Not logged: the key is among them.
    pub headers: HeaderMap,
    /// GET, POST, …
    pub method: Method,
    /// Where to; already guarded.
    pub url: Url,
}

/// A vendor's answer: the head is here, the body still to come.
pub struct Inbound {
    /// The rest. Dropping it closes the connection.
    pub body: Box<dyn InboundBody>,
    /// Those of [`READ_HEADERS`] that the vendor sent.
    pub headers: HeaderMap,
    /// 100 to 599.
    pub status: u16,
}

/// The headers of a vendor's answer that anyone here reads; walking all of them costs more.
pub const READ_HEADERS: [&str; 12] = [
    "character-cost",
    "content-length",
    "content-type",
    "location",
    "request-id",
    "retry-after",
    "retry-after-ms",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-request-id",
    "x-should-retry",
];

/// The body of a vendor's answer.
#[async_trait]
pub trait InboundBody: Send {
    /// The next bytes as they come, `None` at the end.
    ///
    /// # Errors
    /// [`PortError::Failed`] if the connection broke.
    async fn chunk(&mut self) -> Result<Option<Bytes>, PortError>;

    /// Looks ahead: the next bytes that were not looked at yet, `None` at the end. Whatever else is done with
    /// the body begins with them all the same.
    ///
    /// Of a body that was looked at no more is kept than has come. A look that is given up may lose bytes:
    /// then drop the body.
    ///
    /// # Errors
    /// As [`InboundBody::chunk`], which tells it again.
    async fn ahead(&mut self) -> Result<Option<Bytes>, PortError>;

    /// All that is still to come, or `None` if that is more than `cap` bytes.
    ///
    /// # Errors
    /// As [`InboundBody::chunk`].
    async fn whole(mut self: Box<Self>, cap: usize) -> Result<Option<Bytes>, PortError> {
        let mut all = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if all.len() + chunk.len() > cap {
                return Ok(None);
            }
            all.extend_from_slice(&chunk);
        }
        Ok(Some(all.into()))
    }

    /// Hands the bytes to the client by the platform's own means, past our code and uncounted.
    fn pass(self: Box<Self>) -> Relay;

    /// Hands the bytes to the client by the platform's own means, past our code.
    ///
    /// `meter` sees a copy of them, some time later and in larger pieces.
    fn relay(self: Box<Self>, deadlines: RelayDeadlines, meter: Box<dyn Meter>) -> Relay;
}
