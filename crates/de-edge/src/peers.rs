//! The other workers, by service bindings: a request goes on as it came, its body untouched.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use de_core::ports::{Peers, PortError};
use http::{HeaderName, HeaderValue};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Request, RequestInit, RequestRedirect, Response};
use worker::{
    Env,
    send::{SendFuture, SendWrapper},
};

use crate::{bindings, body, relay::JsBody};

/// The runtime's own request, beside axum's.
#[derive(Clone)]
pub(crate) struct JsRequest(pub(crate) Arc<SendWrapper<Request>>);

pub(crate) struct EdgePeers(pub(crate) Arc<Env>);

#[async_trait]
impl Peers for EdgePeers {
    async fn forward(
        &self,
        worker: &str,
        mut request: http::Request<Body>,
    ) -> Result<http::Response<Body>, PortError> {
        let unbound = |_| PortError::Unbound { port: "peers" };
        let service = self.0.service(&bindings::service(worker)).map_err(unbound)?;
        let original = request.extensions_mut().remove::<JsRequest>();
        let original = original.ok_or(PortError::Unbound { port: "peers" })?;
        SendFuture::new(async move {
            let onward = onward(&request, &original.0).map_err(failed)?;
            let fetcher: &Fetcher = AsRef::<JsValue>::as_ref(&service).unchecked_ref();
            let promise = fetcher.fetch(&onward).map_err(failed)?;
            let answer: Response = JsFuture::from(promise).await.map_err(failed)?.unchecked_into();
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

fn failed(err: JsValue) -> PortError {
    PortError::Failed { port: "peers", message: body::text(&err) }
}
