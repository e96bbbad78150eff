//! A body in small pieces, which ends when too much of it came that was of no use.
//!
//! The parser takes all that is ready before it looks at any of it, and keeps what it can make nothing of. So a
//! body that is there at once is handed over in pieces, with a pause after each.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use axum::body::BodyDataStream;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use super::IDLE_CAP;

/// What is handed over at once, in bytes.
const PIECE: usize = 64 * 1024;

/// How many bytes came since something was made of them.
#[derive(Clone, Default)]
pub(super) struct Idle(Arc<AtomicUsize>);

impl Idle {
    /// Something was made of what came.
    pub(super) fn over(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Whether the body has ended for that.
    pub(super) fn is_too_long(&self) -> bool {
        self.0.load(Ordering::Relaxed) > IDLE_CAP
    }
}

/// The body.
pub(super) struct Paced {
    idle: Idle,
    left: Bytes,
    rests: bool,
    stream: BodyDataStream,
}

impl Paced {
    pub(super) fn new(stream: BodyDataStream, idle: Idle) -> Self {
        Self { idle, left: Bytes::new(), rests: false, stream }
    }
}

impl Stream for Paced {
    type Item = Result<Bytes, io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.rests) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        while self.left.is_empty() {
            match self.stream.poll_next_unpin(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(err))) => {
                    return Poll::Ready(Some(Err(io::Error::other(err))));
                }
                Poll::Ready(Some(Ok(bytes))) => self.left = bytes,
            }
        }
        let length = self.left.len().min(PIECE);
        let piece = self.left.split_to(length);
        self.rests = true;
        self.idle.0.fetch_add(length, Ordering::Relaxed);
        if self.idle.is_too_long() {
            return Poll::Ready(Some(Err(io::Error::other("too much of it is no part"))));
        }
        Poll::Ready(Some(Ok(piece)))
    }
}
