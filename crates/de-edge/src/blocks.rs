//! A vendor's events in blocks: as many at once as have come.
//!
//! A read hands over what one write of the vendor brought, mostly one event, and waking up our code for it
//! costs several times what we then do with it. So the stream is split. One branch is drained by the
//! platform alone: piped into an `IdentityTransformStream` and read there with a minimum, and nobody looks
//! at what came. The other branch collects meanwhile. It is read at once where events come one by one; in
//! a burst after a rest, with all that has come in it.
//!
//! A minimum on a branch itself would hold the other one back too. The drain moves on only while
//! somebody waits for the next block, and stands while it is far ahead of us: so a slow client, and
//! a reader of ours who is slower than the vendor, hold the vendor back.
//!
//! The split is there before the drain: until a block is waited for, whoever only looks ahead may still have
//! the other branch, whole, for a client.

use std::{cell::Cell, future::poll_fn, rc::Rc, task::Poll, time::Duration};

use bytes::Bytes;
use de_core::ports::Clock;
use futures_util::{
    FutureExt,
    future::{Either, LocalBoxFuture, join, select},
};
use js_sys::Object;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::ReadableStream;

use crate::{
    clock::EdgeClock,
    streams::{self, ByteReader, IdentityTransformStream, View},
};

/// Blocks that follow each other within this time, rests aside, are a burst.
const BURST_MS: i64 = 2;

/// How long a burst is left to itself at most. It begins with a millisecond, and a caller who is shown text
/// sees nothing of it.
const LONGEST_REST_MS: i64 = 8;

/// How far the drain may be ahead of our branch. What lies in between waits in the isolate's memory.
const AHEAD_BYTES: u64 = 262_144;

/// The body of a vendor's answer.
pub(crate) struct Blocks {
    /// Moves on whenever a block is waited for, and never ends. Absent until then.
    drain: Option<LocalBoxFuture<'static, ()>>,
    /// When the last block came.
    last_ms: i64,
    /// Gone with the other branch.
    ours: Option<ByteReader>,
    /// The other branch, until it is drained.
    other: Option<ReadableStream>,
    /// How long to rest before the next read; 0 where events come one by one.
    rest_ms: i64,
    /// How many bytes each branch has given.
    taken: Rc<Taken>,
    view: View,
}

#[derive(Default)]
struct Taken {
    drained: Cell<u64>,
    ours: Cell<u64>,
}

impl Taken {
    fn is_far_ahead(&self) -> bool {
        self.drained.get().saturating_sub(self.ours.get()) > AHEAD_BYTES
    }
}

fn add(to: &Cell<u64>, bytes: u32) {
    to.set(to.get().saturating_add(bytes.into()));
}

impl Blocks {
    /// Splits a stream that nobody has read.
    pub(crate) fn of(stream: &ReadableStream) -> Result<Self, JsValue> {
        let pair = stream.tee();
        Ok(Self {
            drain: None,
            last_ms: 0,
            ours: Some(ByteReader::of(pair.get(1).unchecked_ref())?),
            other: Some(pair.get(0).unchecked_into()),
            rest_ms: 0,
            taken: Rc::default(),
            view: View::new(),
        })
    }

    /// The next block, or `None` at the end, without touching the other branch. A wait that is given up loses
    /// bytes.
    pub(crate) async fn ahead(&mut self) -> Result<Option<Bytes>, JsValue> {
        let Some(ours) = &self.ours else { return Ok(None) };
        let read = JsFuture::from(ours.read(&self.view)?).await?;
        Ok(self.read(read).map(|(bytes, _)| bytes))
    }

    /// Both branches: the other one, which holds all bytes, and the reader of our own, which goes on where it
    /// is. `None` if the other one is being drained.
    pub(crate) fn into_branches(mut self) -> Option<(ReadableStream, ByteReader)> {
        let other = self.other.take()?;
        Some((other, self.ours.take()?))
    }

    /// The next block, or `None` at the end. A wait that is given up loses bytes.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, JsValue> {
        if let Some(other) = self.other.take() {
            let through = IdentityTransformStream::new()?;
            let piped = streams::pipe(&other, &through.writable(), &Object::new())?;
            let unseen = ByteReader::of(&through.readable())?;
            self.drain =
                Some(drain(JsFuture::from(piped), unseen, self.taken.clone()).boxed_local());
        }
        let (Some(drain), Some(ours)) = (&mut self.drain, &self.ours) else { return Ok(None) };
        if let Ok(rest_ms @ 1..) = u64::try_from(self.rest_ms) {
            select(EdgeClock.sleep(Duration::from_millis(rest_ms)), &mut *drain).await;
        }
        let read = JsFuture::from(ours.read(&self.view)?);
        let read = match select(read, drain).await {
            Either::Left((read, _)) => read?,
            Either::Right(((), read)) => read.await?,
        };
        let Some((bytes, full)) = self.read(read) else { return Ok(None) };
        let now_ms = EdgeClock.now().0;
        let waited_ms = now_ms.saturating_sub(self.last_ms).saturating_sub(self.rest_ms);
        self.rest_ms = if full {
            // More than this is there already.
            0
        } else if waited_ms < BURST_MS {
            self.rest_ms.saturating_mul(2).clamp(1, LONGEST_REST_MS)
        } else {
            0
        };
        self.last_ms = now_ms;
        Ok(Some(bytes))
    }

    /// The bytes of a read, and whether it took all that it could.
    fn read(&mut self, read: JsValue) -> Option<(Bytes, bool)> {
        let block = streams::block(read)?;
        let bytes = Bytes::from(block.to_vec());
        add(&self.taken.ours, block.byte_length());
        Some((bytes, self.view.take_back(&block)))
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        // Frees what the split still holds for us. What it resolves with is of no use any more.
        if let Some(ours) = &self.ours {
            drop(ours.cancel());
        }
    }
}

/// Takes all bytes of the other branch, so that the split goes on.
///
/// A failure of the pipe is one of the vendor's stream, which our own branch tells too.
async fn drain(piped: JsFuture, unseen: ByteReader, taken: Rc<Taken>) {
    let take = async move {
        let mut view = View::new();
        while let Ok(filled) = unseen.fill(&view)
            && let Ok(filled) = JsFuture::from(filled).await
            && let Some(block) = streams::block(filled)
        {
            add(&taken.drained, block.byte_length());
            view.take_back(&block);
            // Nobody wakes it: whoever waits for the next block asks again.
            poll_fn(|_| if taken.is_far_ahead() { Poll::Pending } else { Poll::Ready(()) }).await;
        }
    };
    let _ = join(piped, take).await;
    std::future::pending().await
}
