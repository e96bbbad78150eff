//! Bodies between JavaScript and axum.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use http_body::{Body, Frame};
use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, ReadableStreamDefaultReader, Request};
use worker::send::SendWrapper;

/// The body of an incoming request, untouched until someone reads it: what is only forwarded stays
/// with the platform.
///
/// A body of known length comes in one piece, any other chunk by chunk, so that its reader can cap it.
pub(crate) struct RequestBody(SendWrapper<State>);

enum State {
    Chunks(ReadableStreamDefaultReader),
    Done,
    Reading(LocalBoxFuture<'static, Result<JsValue, JsValue>>, Option<ReadableStreamDefaultReader>),
    Untouched(Request),
}

impl RequestBody {
    pub(crate) fn new(request: &Request) -> Self {
        Self(SendWrapper::new(State::Untouched(Clone::clone(request))))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        loop {
            let state = std::mem::replace(&mut *self.0, State::Done);
            match state {
                State::Done => return Poll::Ready(None),
                State::Untouched(request) => match begin(&request) {
                    Ok(next) => *self.0 = next,
                    Err(err) => return Poll::Ready(Some(Err(lost(&err)))),
                },
                State::Chunks(reader) => {
                    let promise = JsFuture::from(reader.read());
                    *self.0 = State::Reading(Box::pin(promise), Some(reader));
                }
                State::Reading(mut promise, reader) => {
                    let value = match promise.as_mut().poll(cx) {
                        Poll::Pending => {
                            *self.0 = State::Reading(promise, reader);
                            return Poll::Pending;
                        }
                        Poll::Ready(Err(err)) => return Poll::Ready(Some(Err(lost(&err)))),
                        Poll::Ready(Ok(value)) => value,
                    };
                    let Some(reader) = reader else {
                        let bytes = Bytes::from(Uint8Array::new(&value).to_vec());
                        let frame = (!bytes.is_empty()).then(|| Ok(Frame::data(bytes)));
                        return Poll::Ready(frame);
                    };
                    match piece(&value) {
                        Some(bytes) => {
                            *self.0 = State::Chunks(reader);
                            return Poll::Ready(Some(Ok(Frame::data(bytes))));
                        }
                        None => return Poll::Ready(None),
                    }
                }
            }
        }
    }
}

fn begin(request: &Request) -> Result<State, JsValue> {
    if request.headers().get("content-length")?.is_some() {
        let promise = JsFuture::from(request.array_buffer()?);
        return Ok(State::Reading(Box::pin(promise), None));
    }
    match request.body() {
        Some(stream) => Ok(State::Chunks(reader(&stream))),
        None => Ok(State::Done),
    }
}

/// A reader that hands chunks out as they are.
pub(crate) fn reader(stream: &ReadableStream) -> ReadableStreamDefaultReader {
    stream.get_reader().unchecked_into()
}

/// The bytes of `{done, value}`, or `None` at the end.
pub(crate) fn piece(result: &JsValue) -> Option<Bytes> {
    let member = |name: &str| js_sys::Reflect::get(result, &name.into()).unwrap_or_default();
    if member("done").is_truthy() {
        return None;
    }
    Some(Bytes::from(Uint8Array::new(&member("value")).to_vec()))
}

fn lost(err: &JsValue) -> std::io::Error {
    std::io::Error::other(text(err))
}

/// An exception as text.
pub(crate) fn text(err: &JsValue) -> String {
    match err.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => format!("{err:?}"),
    }
}
