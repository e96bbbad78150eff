//! Bodies that our code writes piece by piece: filtered and translated streams, a job's events.
//!
//! They leave by a pipe of the platform's own, which it reads without asking JavaScript. A stream of JavaScript's,
//! which `worker` would make of a body, is asked for each piece by a promise, and each by a task of its own.

use std::pin::pin;

use axum::body::Body;
use de_core::ports::Signal;
use futures_util::future::{Either, select};
use http_body_util::BodyExt;
use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, WritableStreamDefaultWriter};

use crate::{background::Occasion, departure::EdgeDeparture, streams::IdentityTransformStream};

/// Begins to write, and returns what the client reads. A body of which nobody wants more is dropped.
///
/// # Errors
/// An exception of the runtime's.
pub(crate) fn stream(
    occasion: &Occasion,
    departure: EdgeDeparture,
    body: Body,
) -> Result<ReadableStream, JsValue> {
    let through = IdentityTransformStream::new()?;
    let writer = through.writable().get_writer()?;
    occasion.wait_until(write(writer, departure, body));
    Ok(through.readable())
}

async fn write(writer: WritableStreamDefaultWriter, departure: EdgeDeparture, mut body: Body) {
    let mut left = pin!(departure.fired());
    loop {
        let frame = match select(pin!(body.frame()), &mut left).await {
            Either::Left((frame, _)) => frame,
            Either::Right(_) => return,
        };
        let bytes = match frame {
            None => {
                // A client that left in this moment has no more to learn.
                drop(JsFuture::from(writer.close()).await);
                return;
            }
            Some(Err(err)) => {
                // The connection breaks: what came is not all.
                let reason = JsValue::from_str(&err.to_string());
                drop(JsFuture::from(writer.abort_with_reason(&reason)).await);
                return;
            }
            // Trailers, which HTTP/1.1 clients rarely read, nobody writes.
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
        };
        if bytes.is_empty() {
            continue;
        }
        // Done when the platform has taken it: a client that reads slowly holds the vendor back.
        let written = JsFuture::from(writer.write_with_chunk(&Uint8Array::from(bytes.as_ref())));
        match select(written, &mut left).await {
            Either::Left((Ok(_), _)) => {}
            Either::Left((Err(_), _)) | Either::Right(_) => return,
        }
    }
}
