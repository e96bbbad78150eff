//! The other workers, by service bindings: a request goes on as it came, its body untouched; a question
//! of ours is answered in little.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use de_core::ports::{ASK_CAP, Peers, PortError};
use http::{HeaderName, HeaderValue};
use serde_json::Value;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Request, RequestInit, RequestRedirect, Response};
use worker::{
    Env,
    send::{SendFuture, SendWrapper},
};

use crate::{bindings, body, fetch::AbortOnDrop, relay::JsBody};

/// The runtime's own request, beside axum's.
#[derive(Clone)]
pub(crate) struct JsRequest(pub(crate) Arc<SendWrapper<Request>>);

pub(crate) struct EdgePeers(pub(crate) Arc<Env>);

impl EdgePeers {
    fn service(&self, worker: &str) -> Result<worker::Fetcher, PortError> {
        let unbound = |_| PortError::Unbound { port: "peers" };
        self.0.service(&bindings::service(worker)).map_err(unbound)
    }
}

#[async_trait]
impl Peers for EdgePeers {
    async fn ask(&self, worker: &str, path: &str) -> Result<(u16, Value), PortError> {
        let service = self.service(worker)?;
        // The host means nothing to a binding, but shows in the worker's own view of the request.
        let url = format!("http://{worker}{path}");
        SendFuture::new(async move {
            let mut abort = AbortOnDrop::new().map_err(failed)?;
            let init = RequestInit::new();
            init.set_redirect(RequestRedirect::Manual);
            init.set_signal(Some(&abort.signal()));
            let request = Request::new_with_str_and_init(&url, &init).map_err(failed)?;
            let answer = fetch(&service, &request).await.map_err(failed)?;
            let text = whole(&answer).await?;
            abort.disarm();
            let json = serde_json::from_slice(&text).map_err(|err| malformed(err.to_string()))?;
            Ok((answer.status(), json))
        })
        .await
    }

    async fn forward(
        &self,
        worker: &str,
        mut request: http::Request<Body>,
    ) -> Result<http::Response<Body>, PortError> {
        let service = self.service(worker)?;
        let original = request.extensions_mut().remove::<JsRequest>();
        let original = original.ok_or(PortError::Unbound { port: "peers" })?;
        SendFuture::new(async move {
            let onward = onward(&request, &original.0).map_err(failed)?;
            let answer = fetch(&service, &onward).await.map_err(failed)?;
            read(&answer).map_err(failed)
        })
        .await
    }
}

#[wasm_bindgen::prelude::wasm_bindgen]
extern "C" {
    type Fetcher;

    #[wasm_bindgen(method, catch)]
    fn fetch(this: &Fetcher, request: &Request) -> Result<js_sys::Promise, JsValue>;
}

async fn fetch(service: &worker::Fetcher, request: &Request) -> Result<Response, JsValue> {
    let fetcher: &Fetcher = AsRef::<JsValue>::as_ref(service).unchecked_ref();
    Ok(JsFuture::from(fetcher.fetch(request)?).await?.unchecked_into())
}

/// The original request under the new address and with the new headers.
fn onward(request: &http::Request<Body>, original: &Request) -> Result<Request, JsValue> {
    let headers = web_sys::Headers::new()?;
    for (name, value) in request.headers() {
        if let Ok(value) = value.to_str() {
            headers.append(name.as_str(), value)?;
        }
    }
    let init = RequestInit::new();
    init.set_method(&original.method());
    init.set_headers(&headers);
    init.set_redirect(RequestRedirect::Manual);
    init.set_signal(Some(&original.signal()));
    // A body that means nothing is no reason to fail: `fetch` takes none with these methods.
    let takes_body = !matches!(original.method().as_str(), "GET" | "HEAD");
    if let Some(body) = original.body().filter(|_| takes_body) {
        init.set_body(&body);
    }
    Request::new_with_str_and_init(&request.uri().to_string(), &init)
}

fn read(answer: &Response) -> Result<http::Response<Body>, JsValue> {
    let mut response = http::Response::new(Body::empty());
    *response.status_mut() =
        http::StatusCode::from_u16(answer.status()).unwrap_or(http::StatusCode::BAD_GATEWAY);
    for entry in answer.headers().entries() {
        let pair: js_sys::Array = entry?.unchecked_into();
        let (name, value) = (pair.get(0).as_string(), pair.get(1).as_string());
        let (Some(name), Some(value)) = (name, value) else { continue };
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value))
        {
            response.headers_mut().append(name, value);
        }
    }
    if let Some(stream) = answer.body() {
        response.extensions_mut().insert(JsBody::relay(stream));
    }
    Ok(response)
}

/// A small body.
async fn whole(answer: &Response) -> Result<Vec<u8>, PortError> {
    let mut all = Vec::new();
    let Some(stream) = answer.body() else { return Ok(all) };
    let reader = body::reader(&stream);
    while let Some(chunk) = body::piece(&JsFuture::from(reader.read()).await.map_err(failed)?) {
        if all.len() + chunk.len() > ASK_CAP {
            return Err(malformed(format!("it is longer than {ASK_CAP} bytes")));
        }
        all.extend_from_slice(&chunk);
    }
    Ok(all)
}

fn malformed(message: String) -> PortError {
    PortError::Malformed { port: "peers", message }
}

fn failed(err: JsValue) -> PortError {
    PortError::Failed { port: "peers", message: body::text(&err) }
}
