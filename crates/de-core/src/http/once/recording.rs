//! A stream on its way to the client, of which a copy is kept.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::BodyDataStream;
use bytes::{Bytes, BytesMut};
use futures_channel::oneshot;
use futures_util::{Stream, StreamExt};

use super::held::Finale;
use crate::idempotency::{
    REPLY_CAP,
    wire::{End, Head, Reply},
};

/// The stream, and what has passed. Dropped before its end, it is lost.
pub(super) struct Recording {
    copy: BytesMut,
    /// Gone once it was told the end.
    ending: Option<oneshot::Sender<Finale>>,
    head: Head,
    is_too_large: bool,
    stream: Option<BodyDataStream>,
    unkept: Unkept,
}

/// What to say of a stream that cannot be kept.
#[derive(Clone, Copy)]
pub(super) struct Unkept {
    /// It broke off.
    pub(super) lost: End,
    /// It is longer than what is kept.
    pub(super) too_large: End,
}

impl Recording {
    pub(super) fn new(
        stream: BodyDataStream,
        head: Head,
        unkept: Unkept,
        ending: oneshot::Sender<Finale>,
    ) -> Self {
        Self {
            copy: BytesMut::new(),
            ending: Some(ending),
            head,
            is_too_large: false,
            stream: Some(stream),
            unkept,
        }
    }

    fn note(&mut self, bytes: &Bytes) {
        if self.is_too_large || self.copy.len() + bytes.len() > REPLY_CAP {
            self.is_too_large = true;
            self.copy = BytesMut::new();
        } else {
            self.copy.extend_from_slice(bytes);
        }
    }

    /// What there is to be kept.
    fn recorded(&mut self) -> Result<Reply, End> {
        if self.is_too_large {
            return Err(self.unkept.too_large);
        }
        let body = std::mem::take(&mut self.copy).freeze();
        Ok(Reply { body, head: self.head.clone() })
    }

    fn end(&mut self, told: Result<Reply, End>) {
        let Some(ending) = self.ending.take() else { return };
        let finale = match told {
            Ok(reply) => Finale::Reply { reply, tell: oneshot::channel().0 },
            Err(end) => Finale::End(end),
        };
        // The receiver waits in the background for as long as the runtime lives.
        drop(ending.send(finale));
    }
}

impl Stream for Recording {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(None) };
        let Poll::Ready(chunk) = stream.poll_next_unpin(cx) else { return Poll::Pending };
        match &chunk {
            Some(Ok(bytes)) => self.note(bytes),
            Some(Err(_)) => {
                let lost = self.unkept.lost;
                self.end(Err(lost));
            }
            None => {
                let told = self.recorded();
                self.end(told);
                self.stream = None;
            }
        }
        Poll::Ready(chunk)
    }
}

impl Drop for Recording {
    /// Its client has left in the middle: nobody reads what is still to come.
    fn drop(&mut self) {
        let lost = self.unkept.lost;
        self.end(Err(lost));
    }
}
