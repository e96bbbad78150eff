//! Answers that tell what happens as it happens, to readers that come again where they left off.
//!
//! Follows <https://html.spec.whatwg.org/multipage/server-sent-events.html>.

use std::convert::Infallible;

use async_trait::async_trait;
use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, header};

/// A comment: nothing has come, and the line lives.
pub const WAITING: &str = ": waiting\n\n";

/// One reader, and how far it is.
#[async_trait]
pub trait Telling: Send + Sized + 'static {
    /// The next piece of the stream, and who goes on; `None` at its end. It may wait, for as long as a line
    /// may be silent.
    async fn next(self) -> Option<(String, Option<Self>)>;
}

/// The answer that a reader gets.
#[must_use]
pub fn events<T: Telling>(telling: T) -> Response {
    let pieces = stream::unfold(Some(telling), async |telling| {
        let (text, telling) = telling?.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(text)), telling))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    response
}
