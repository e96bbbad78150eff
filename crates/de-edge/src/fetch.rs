//! HTTP to the vendors by the platform's `fetch`.

use std::collections::VecDeque;

use async_trait::async_trait;
use bytes::Bytes;
use de_core::ports::{
    Fetch, Inbound, InboundBody, Meter, Outbound, PortError, READ_HEADERS, Relay, RelayDeadlines,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, AbortSignal, Headers, ReadableStreamDefaultReader, Request, RequestInit,
    RequestRedirect, Response,
};
use worker::send::{SendFuture, SendWrapper};

use crate::{background::Occasion, blocks::Blocks, body, departure::EdgeDeparture, relay};

pub(crate) struct EdgeFetch {
    /// When the client of this request goes away.
    pub(crate) departure: EdgeDeparture,
    pub(crate) occasion: Occasion,
}

#[async_trait]
impl Fetch for EdgeFetch {
    async fn send(&self, request: Outbound) -> Result<Inbound, PortError> {
        let departure = self.departure.clone();
        let occasion = self.occasion.clone();
        SendFuture::new(async move {
            let abort = AbortOnDrop::new().map_err(failed)?;
            let request = build(&request, &abort).map_err(unsendable)?;
            let scope: web_sys::WorkerGlobalScope = js_sys::global().unchecked_into();
            let promise = scope.fetch_with_request(&request);
            let response: Response =
                JsFuture::from(promise).await.map_err(failed)?.unchecked_into();
            let headers = read_headers(&response.headers()).map_err(failed)?;
            let status = response.status();
            let body = EdgeBody(SendWrapper::new(Receiving {
                abort,
                ahead: VecDeque::new(),
                departure,
                occasion,
                reader: None,
                response,
            }));
            Ok(Inbound { body: Box::new(body), headers, status })
        })
        .await
    }
}

/// The body of an answer that is no vendor's.
pub(crate) fn body_of(
    response: Response,
    departure: EdgeDeparture,
    occasion: Occasion,
) -> Result<Box<dyn InboundBody>, PortError> {
    let abort = AbortOnDrop::new().map_err(failed)?;
    let ahead = VecDeque::new();
    let receiving = Receiving { abort, ahead, departure, occasion, reader: None, response };
    Ok(Box::new(EdgeBody(SendWrapper::new(receiving))))
}

fn build(request: &Outbound, abort: &AbortOnDrop) -> Result<Request, JsValue> {
    let headers = Headers::new()?;
    for (name, value) in &request.headers {
        let value = value.to_str().map_err(|_| JsValue::from_str("a header is not ASCII"))?;
        headers.append(name.as_str(), value)?;
    }
    // Compressed bytes could not be relayed as they are.
    headers.set("accept-encoding", "identity")?;
    let init = RequestInit::new();
    init.set_method(request.method.as_str());
    init.set_headers(&headers);
    init.set_redirect(RequestRedirect::Manual);
    init.set_signal(Some(&abort.signal()));
    if !request.body.is_empty() {
        init.set_body(&Uint8Array::from(request.body.as_ref()));
    }
    Request::new_with_str_and_init(request.url.as_str(), &init)
}

fn read_headers(headers: &Headers) -> Result<HeaderMap, JsValue> {
    let mut read = HeaderMap::new();
    for name in READ_HEADERS {
        let value = headers.get(name)?.and_then(|value| HeaderValue::from_str(&value).ok());
        if let Some(value) = value {
            read.insert(HeaderName::from_static(name), value);
        }
    }
    Ok(read)
}

fn unsendable(err: JsValue) -> PortError {
    PortError::Unsendable { port: "fetch", message: body::text(&err) }
}

fn failed(err: JsValue) -> PortError {
    PortError::Failed { port: "fetch", message: body::text(&err) }
}

/// Closes the connection when nobody wants the answer any more.
pub(crate) struct AbortOnDrop {
    armed: bool,
    controller: AbortController,
}

impl AbortOnDrop {
    pub(crate) fn new() -> Result<Self, JsValue> {
        AbortController::new().map(|controller| Self { armed: true, controller })
    }

    /// What the request has to hear.
    pub(crate) fn signal(&self) -> AbortSignal {
        self.controller.signal()
    }

    /// The answer is whole: there is nothing to close, and an abort costs an exception.
    pub(crate) fn disarm(&mut self) {
        self.armed = false;
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if self.armed {
            self.controller.abort();
        }
    }
}

struct EdgeBody(SendWrapper<Receiving>);

struct Receiving {
    abort: AbortOnDrop,
    /// What was looked at, and is still to be given.
    ahead: VecDeque<Bytes>,
    departure: EdgeDeparture,
    occasion: Occasion,
    reader: Option<Reader>,
    response: Response,
}

/// How a body is read piece by piece.
enum Reader {
    /// Events, which are many and small, and what is looked at before it is known who reads it.
    Blocks(Blocks),
    /// Anything else, as it comes.
    Pieces(ReadableStreamDefaultReader),
}

impl Receiving {
    async fn ahead(&mut self) -> Result<Option<Bytes>, PortError> {
        if self.reader.is_none() {
            let Some(stream) = self.response.body() else { return Ok(None) };
            self.reader = Some(Reader::Blocks(Blocks::of(&stream).map_err(failed)?));
        }
        let bytes = match &mut self.reader {
            Some(Reader::Blocks(blocks)) => blocks.ahead().await.map_err(failed)?,
            Some(Reader::Pieces(reader)) => {
                body::piece(&JsFuture::from(reader.read()).await.map_err(failed)?)
            }
            None => None,
        };
        self.ahead.extend(bytes.clone());
        Ok(bytes)
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, PortError> {
        if let Some(bytes) = self.ahead.pop_front() {
            return Ok(Some(bytes));
        }
        if self.reader.is_none() {
            let Some(stream) = self.response.body() else { return Ok(None) };
            self.reader = Some(if self.is_events() {
                Reader::Blocks(Blocks::of(&stream).map_err(failed)?)
            } else {
                Reader::Pieces(body::reader(&stream))
            });
        }
        match &mut self.reader {
            Some(Reader::Blocks(blocks)) => blocks.next().await.map_err(failed),
            Some(Reader::Pieces(reader)) => {
                let result = JsFuture::from(reader.read()).await.map_err(failed)?;
                Ok(body::piece(&result))
            }
            None => Ok(None),
        }
    }

    fn is_events(&self) -> bool {
        let kind = self.response.headers().get("content-type").ok().flatten();
        kind.is_some_and(|kind| kind.trim_start().starts_with("text/event-stream"))
    }
}

#[async_trait]
impl InboundBody for EdgeBody {
    async fn ahead(&mut self) -> Result<Option<Bytes>, PortError> {
        SendFuture::new(self.0.ahead()).await
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, PortError> {
        SendFuture::new(self.0.chunk()).await
    }

    async fn whole(mut self: Box<Self>, cap: usize) -> Result<Option<Bytes>, PortError> {
        SendFuture::new(async move {
            let length = self.0.response.headers().get("content-length").ok().flatten();
            let known = length.and_then(|length| length.parse::<usize>().ok());
            if self.0.reader.is_none() && known.is_some_and(|length| length <= cap) {
                let promise = self.0.response.array_buffer().map_err(failed)?;
                let buffer = JsFuture::from(promise).await.map_err(failed)?;
                self.0.abort.disarm();
                return Ok(Some(Bytes::from(Uint8Array::new(&buffer).to_vec())));
            }
            let mut all = Vec::new();
            while let Some(chunk) = self.0.chunk().await? {
                if all.len() + chunk.len() > cap {
                    return Ok(None);
                }
                all.extend_from_slice(&chunk);
            }
            self.0.abort.disarm();
            Ok(Some(all.into()))
        })
        .await
    }

    fn pass(self: Box<Self>) -> Relay {
        // The connection is the stream's from now on: it closes when the stream is cancelled.
        let mut receiving = self.0.0;
        receiving.abort.disarm();
        let stream = match receiving.reader {
            Some(Reader::Blocks(blocks)) => blocks.into_branches().map(|(all, ours)| {
                // Frees what the split holds for us; the other branch goes on.
                drop(ours.cancel());
                all
            }),
            Some(Reader::Pieces(_)) => None,
            None => receiving.response.body(),
        };
        match stream {
            Some(stream) => relay::JsBody::relay(stream),
            None => Relay(std::sync::Arc::new(())),
        }
    }

    fn relay(self: Box<Self>, deadlines: RelayDeadlines, meter: Box<dyn Meter>) -> Relay {
        let Receiving { abort, ahead, departure, occasion, response, reader } = self.0.0;
        let branches = match reader {
            Some(Reader::Blocks(blocks)) => blocks.into_branches(),
            Some(Reader::Pieces(_)) => None,
            None => relay::split(&response),
        };
        let mut meter = meter;
        for bytes in &ahead {
            meter.seen(bytes);
        }
        relay::metered(&occasion, branches, abort, deadlines, meter, departure)
    }
}
