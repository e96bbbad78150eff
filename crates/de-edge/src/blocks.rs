//! A vendor's events in blocks: as many at once as have come.
//!
//! A read hands over what one write of the vendor brought, mostly one event, and waking up our code for it
//! costs several times what we then do with it. So the stream is split. One branch is drained by the
//! platform alone: piped into an `IdentityTransformStream` and read there with a minimum, and nobody looks
//! at what came. The other branch collects meanwhile. It is read at once where events come one by one; in
//! a burst after a rest, with all that has come in it.
//!
//! A minimum on a branch itself would hold the other one back too. The drain moves on only while
//! somebody waits for the next block: so a slow client holds the vendor back, and not more than a view
//! lies in between.

use std::time::Duration;

use bytes::Bytes;
use de_core::ports::Clock;
use futures_util::{
    FutureExt,
    future::{Either, LocalBoxFuture, join, select},
};
use js_sys::{Object, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::ReadableStream;

use crate::{
    clock::EdgeClock,
    streams::{self, ByteReader, IdentityTransformStream},
};

/// Blocks that follow each other within this time, rests aside, are a burst.
const BURST_MS: i64 = 2;

/// How long a burst is left to itself at most. It begins with a millisecond, and a caller who is shown text
/// sees nothing of it.
const LONGEST_REST_MS: i64 = 8;

const VIEW_BYTES: u32 = 65_536;

/// The body of a vendor's answer.
pub(crate) struct Blocks {
    /// Moves on whenever a block is waited for, and never ends.
    drain: LocalBoxFuture<'static, ()>,
    /// When the last block came.
    last_ms: i64,
    ours: ByteReader,
    /// How long to rest before the next read; 0 where events come one by one.
    rest_ms: i64,
    view: Uint8Array,
}

impl Blocks {
    /// Splits a stream that nobody has read.
    pub(crate) fn of(stream: &ReadableStream) -> Result<Self, JsValue> {
        let pair = stream.tee();
        let through = IdentityTransformStream::new()?;
        let piped =
            streams::pipe(pair.get(0).unchecked_ref(), &through.writable(), &Object::new())?;
        let unseen = ByteReader::of(&through.readable())?;
        Ok(Self {
            drain: drain(JsFuture::from(piped), unseen).boxed_local(),
            last_ms: 0,
            ours: ByteReader::of(pair.get(1).unchecked_ref())?,
            rest_ms: 0,
            view: Uint8Array::new_with_length(VIEW_BYTES),
        })
    }

    /// The next block, or `None` at the end. A wait that is given up loses bytes.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, JsValue> {
        if let Ok(rest_ms @ 1..) = u64::try_from(self.rest_ms) {
            select(EdgeClock.sleep(Duration::from_millis(rest_ms)), &mut self.drain).await;
        }
        let read = JsFuture::from(self.ours.read(&self.view)?);
        let read = match select(read, &mut self.drain).await {
            Either::Left((read, _)) => read?,
            Either::Right(((), read)) => read.await?,
        };
        let Some(block) = streams::block(read) else { return Ok(None) };
        let bytes = Bytes::from(block.to_vec());
        // The old view is detached; its memory came back with the block.
        self.view = Uint8Array::new(&block.buffer());
        let now_ms = EdgeClock.now().0;
        let waited_ms = now_ms.saturating_sub(self.last_ms).saturating_sub(self.rest_ms);
        self.rest_ms = if waited_ms < BURST_MS {
            self.rest_ms.saturating_mul(2).clamp(1, LONGEST_REST_MS)
        } else {
            0
        };
        self.last_ms = now_ms;
        Ok(Some(bytes))
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        // Frees what the split still holds for us. What it resolves with is of no use any more.
        drop(self.ours.cancel());
    }
}

/// Takes all bytes of the other branch, so that the split goes on.
///
/// A failure of the pipe is one of the vendor's stream, which our own branch tells too.
async fn drain(piped: JsFuture, unseen: ByteReader) {
    let take = async move {
        let mut view = Uint8Array::new_with_length(VIEW_BYTES);
        while let Ok(filled) = unseen.fill(&view)
            && let Ok(filled) = JsFuture::from(filled).await
            && let Some(block) = streams::block(filled)
        {
            view = Uint8Array::new(&block.buffer());
        }
    };
    let _ = join(piped, take).await;
    std::future::pending().await
}
