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
    tell: Option<oneshot::Sender<Bytes>>,
}

impl Recording {
    pub(super) fn new(
        stream: BodyDataStream,
        books: Arc<Books>,
        tell: oneshot::Sender<Bytes>,
    ) -> Self {
        Self { books, copy: BytesMut::new(), stream, tell: Some(tell) }
    }

    fn note(&mut self, bytes: &Bytes) {
        if self.copy.len() + bytes.len() > LARGEST {
            self.tell = None;
            self.copy = BytesMut::new();
        } else if self.tell.is_some() {
            self.copy.extend_from_slice(bytes);
        }
    }

    fn end(&mut self) {
        let Some(tell) = self.tell.take() else { return };
        if self.books.is_repeatable() {
            // The receiver waits in the background for as long as the runtime lives.
            drop(tell.send(std::mem::take(&mut self.copy).freeze()));
        }
    }
}

impl Stream for Recording {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Poll::Ready(chunk) = self.stream.poll_next_unpin(cx) else { return Poll::Pending };
        match &chunk {
            Some(Ok(bytes)) => self.note(bytes),
            Some(Err(_)) => self.tell = None,
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
