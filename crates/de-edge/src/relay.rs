//! Zero-copy streams: the vendor's bytes go to the client by the platform, and we count a copy.
//!
//! The stream is split. One branch is piped into an `IdentityTransformStream`, whose readable side is
//! the answer; the pipe fails when the client leaves. The other is read here, in blocks: without
//! a minimum, since a minimum would hold the client's branch back too, and with pauses, since each
//! read costs as much as the relay of a chunk. A block that is full is followed by the next at once: whoever
//! pauses there falls behind a quick vendor, and its client waits for the end until we have seen it.
//!
//! While the vendor is silent nothing is written that could fail. Then the request's signal tells that the client has
//! left, and the stream ends at once: what outlives a client has 30 s on the platform, which is less than a vendor
//! may be silent. A client that only closes its side is told of by no runtime before a write fails, and counts as
//! there until then, so that its 30 s have not begun either.
//!
//! What was looked at before is of our branch alone: the client's holds it still, and the platform moves it
//! with the rest.
//!
//! A client that reads slowly does not hold our branch back: each branch takes from the vendor by itself, and
//! what the other one has not taken yet waits in the split. So a read of ours that gets nothing means that the
//! vendor has sent nothing, however full the client's pipe is.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use de_core::ports::{Meter, Relay, RelayDeadlines, RelayEnd, Signal};
use futures_util::{
    FutureExt,
    future::{Either, LocalBoxFuture, Shared, select},
};
use js_sys::{Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, Response, WritableStream};
use worker::{Delay, send::SendWrapper};

use crate::{
    background::Occasion,
    departure::EdgeDeparture,
    fetch::AbortOnDrop,
    streams::{self, ByteReader, IdentityTransformStream, View},
};

/// How long our branch rests between two reads, while the platform collects for it.
const PAUSE: Duration = Duration::from_millis(200);

/// After the pipe has failed: how long a read may take before we believe that the vendor is well and
/// the client is the one who left.
const DOUBT: Duration = Duration::from_millis(50);

/// How many blocks we still read in that doubt.
const DOUBTS: u32 = 16;

/// How long a client may take to fetch what the vendor has long sent.
const FLUSH: Duration = Duration::from_secs(300);

/// The runtime's stream inside a [`Relay`].
pub(crate) struct JsBody(pub(crate) SendWrapper<ReadableStream>);

impl JsBody {
    pub(crate) fn relay(stream: ReadableStream) -> Relay {
        Relay(Arc::new(Self(SendWrapper::new(stream))))
    }
}

/// What the pipe came to: whether all bytes went through.
type Piping = Shared<LocalBoxFuture<'static, bool>>;

/// Begins to relay, and returns the client's stream.
pub(crate) fn metered(
    occasion: &Occasion,
    branches: Option<(ReadableStream, ByteReader)>,
    abort: AbortOnDrop,
    deadlines: RelayDeadlines,
    meter: Box<dyn Meter>,
    departure: EdgeDeparture,
) -> Relay {
    let streams = branches.and_then(|(client, ours)| piped(&client, ours).ok());
    match streams {
        Some(streams) => {
            let client = JsBody::relay(streams.client.clone());
            occasion.wait_until(run(streams, abort, deadlines, meter, departure));
            client
        }
        None => {
            // A body that cannot be split is none, or one that was read before.
            let (tail, work) = meter.end(RelayEnd::Broken);
            occasion.wait_until(work);
            let tail = tail.unwrap_or_default();
            let response = Response::new_with_opt_str(Some(&String::from_utf8_lossy(&tail)));
            let body = response.ok().and_then(|response| response.body());
            body.map_or_else(|| Relay(Arc::new(())), JsBody::relay)
        }
    }
}

struct Streams {
    client: ReadableStream,
    ours: ByteReader,
    piping: Piping,
    writable: WritableStream,
}

/// The client's branch of a body and a reader of ours.
pub(crate) fn split(response: &Response) -> Option<(ReadableStream, ByteReader)> {
    let pair = response.body()?.tee();
    Some((pair.get(0).unchecked_into(), ByteReader::of(pair.get(1).unchecked_ref()).ok()?))
}

fn piped(client: &ReadableStream, ours: ByteReader) -> Result<Streams, JsValue> {
    let through = IdentityTransformStream::new()?;
    let writable = through.writable();
    // The end of the answer is ours to write: an error event, if the vendor breaks off.
    let options = Object::new();
    Reflect::set(&options, &"preventClose".into(), &true.into())?;
    Reflect::set(&options, &"preventAbort".into(), &true.into())?;
    let promise = streams::pipe(client, &writable, &options)?;
    let piping = JsFuture::from(promise).map(|end| end.is_ok()).boxed_local().shared();
    Ok(Streams { client: through.readable(), ours, piping, writable })
}

async fn run(
    streams: Streams,
    abort: AbortOnDrop,
    deadlines: RelayDeadlines,
    mut meter: Box<dyn Meter>,
    departure: EdgeDeparture,
) {
    let mut how = {
        let drained = std::pin::pin!(drain(&streams, deadlines, &mut *meter));
        match select(drained, departure.fired()).await {
            Either::Left((how, _)) => how,
            Either::Right(_) => RelayEnd::ClientLeft,
        }
    };
    if matches!(how, RelayEnd::TimedOut | RelayEnd::ClientLeft | RelayEnd::Unreadable) {
        drop(abort);
        // Frees the copies that the tee still holds for us; the connection is closed already.
        drop(streams.ours.cancel());
    } else if how == RelayEnd::Whole {
        // The client may be slower than we are.
        let flushed = match select(streams.piping.clone(), Delay::from(FLUSH)).await {
            Either::Left((flushed, _)) => flushed,
            Either::Right(_) => false,
        };
        if !flushed {
            how = RelayEnd::ClientLeft;
        }
    }
    let (tail, work) = meter.end(how);
    if how != RelayEnd::ClientLeft {
        // The writer is free only when the pipe has let go of it.
        select(streams.piping.clone(), Delay::from(Duration::from_secs(1))).await;
        // A client that left in this moment has no more to learn.
        drop(finish(&streams.writable, tail).await);
    }
    work.await;
}

/// Reads our branch to its end, and says how it ended.
///
/// A pipe that has failed does not tell whose fault it was: the vendor's stream may have broken, or the
/// client may have left. Our own branch tells: it breaks with the vendor, and only with the vendor.
async fn drain(streams: &Streams, deadlines: RelayDeadlines, meter: &mut dyn Meter) -> RelayEnd {
    let total = Delay::from(deadlines.total).shared();
    let mut view = View::new();
    let mut doubts = 0;
    loop {
        let Ok(promise) = streams.ours.read(&view) else { return RelayEnd::Broken };
        let mut read = JsFuture::from(promise);
        let mut doubting = streams.piping.peek() == Some(&false);
        let outcome = loop {
            let patience = if doubting { DOUBT } else { deadlines.gap };
            let limit = select(Delay::from(patience), total.clone());
            let failing = if doubting { never() } else { failing(streams.piping.clone()) };
            match select(&mut read, select(limit, failing)).await {
                Either::Left((outcome, _)) => break outcome,
                Either::Right((Either::Left(_), _)) if doubting => return RelayEnd::ClientLeft,
                Either::Right((Either::Left(_), _)) => return RelayEnd::TimedOut,
                Either::Right((Either::Right(_), _)) => doubting = true,
            }
        };
        let Ok(result) = outcome else { return RelayEnd::Broken };
        let Some(block) = streams::block(result) else { return RelayEnd::Whole };
        meter.seen(&Bytes::from(block.to_vec()));
        if !meter.reads() {
            return RelayEnd::Unreadable;
        }
        let full = view.take_back(&block);
        if !doubting {
            if full {
                continue;
            }
            select(Delay::from(PAUSE), streams.piping.clone()).await;
        } else if doubts < DOUBTS {
            doubts += 1;
        } else {
            return RelayEnd::ClientLeft;
        }
    }
}

/// Resolves when the pipe fails, and never when it does not.
fn failing(piping: Piping) -> LocalBoxFuture<'static, ()> {
    async move {
        if piping.await {
            std::future::pending::<()>().await;
        }
    }
    .boxed_local()
}

fn never() -> LocalBoxFuture<'static, ()> {
    std::future::pending().boxed_local()
}

/// Writes what the client still has to be told, and the end.
async fn finish(writable: &WritableStream, tail: Option<Bytes>) -> Result<(), JsValue> {
    let writer = writable.get_writer()?;
    if let Some(tail) = tail {
        JsFuture::from(writer.write_with_chunk(&Uint8Array::from(tail.as_ref()))).await?;
    }
    JsFuture::from(writer.close()).await?;
    Ok(())
}
