//! A stream on its way to the client, of which a copy is kept if it comes to a good end.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::BodyDataStream;
use bytes::{Bytes, BytesMut};
use futures_channel::oneshot;
use futures_util::{Stream, StreamExt};

use super::LARGEST;
use crate::books::Books;

/// The stream, and what has passed.
pub(super) struct Recording {
    books: Arc<Books>,
    copy: BytesMut,
    stream: BodyDataStream,
    /// Gone once it is clear that nothing is kept, or what.
    tell: Option<oneshot::Sender<Passed>>,
}

/// What has passed. Nothing is told of an answer whose client left.
pub(super) enum Passed {
    /// An answer that is never kept.
    Unkept,
    /// One that is.
    Whole(Bytes),
}

impl Recording {
    pub(super) fn new(
        stream: BodyDataStream,
        books: Arc<Books>,
        tell: oneshot::Sender<Passed>,
    ) -> Self {
        Self { books, copy: BytesMut::new(), stream, tell: Some(tell) }
    }

    fn note(&mut self, bytes: &Bytes) {
        if self.copy.len() + bytes.len() > LARGEST {
            self.tell(Passed::Unkept);
            self.copy = BytesMut::new();
        } else if self.tell.is_some() {
            self.copy.extend_from_slice(bytes);
        }
    }

    fn end(&mut self) {
        let copy = std::mem::take(&mut self.copy);
        if self.books.is_repeatable() {
            self.tell(Passed::Whole(copy.freeze()));
        } else if self.books.is_closed_and_not_left() {
            self.tell(Passed::Unkept);
        }
        self.tell = None;
    }

    fn tell(&mut self, passed: Passed) {
        if let Some(tell) = self.tell.take() {
            // The receiver waits in the background for as long as the runtime lives.
            drop(tell.send(passed));
        }
    }
}

impl Stream for Recording {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Poll::Ready(chunk) = self.stream.poll_next_unpin(cx) else { return Poll::Pending };
        match &chunk {
            Some(Ok(bytes)) => self.note(bytes),
            Some(Err(_)) => self.tell(Passed::Unkept),
            None => self.end(),
        }
        Poll::Ready(chunk)
    }
}

impl Drop for Recording {
    /// Its client may leave after the last event without waiting for the end of the connection. The books are closed
    /// with the piece that holds it, so a copy of a call that is closed well is whole.
    fn drop(&mut self) {
        self.end();
    }
}
