//! Calls to objects, by their stubs. A hung object must not hang a request: every call has a deadline.

use std::{pin::pin, time::Duration};

use bytes::Bytes;
use de_core::ports::PortError;
use futures_util::future::{Either, select};
use js_sys::Uint8Array;
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::JsValue;
use worker::{Delay, Env, Headers, Method, Request, RequestInit, send::SendFuture};

/// Objects of one class, and the port that they answer for.
pub(crate) struct Objects<'a> {
    pub(crate) binding: &'static str,
    pub(crate) env: &'a Env,
    pub(crate) port: &'static str,
}

/// What an object is asked.
pub(crate) struct Ask<'a> {
    pub(crate) body: Body,
    /// How long it may take, its answer's last byte included.
    pub(crate) deadline: Duration,
    /// Which of them.
    pub(crate) name: &'a str,
    pub(crate) path: &'a str,
}

/// What is sent: by `POST` if there is anything, else by `GET`.
pub(crate) enum Body {
    Bytes(Bytes),
    Json(String),
    Nothing,
}

impl Objects<'_> {
    /// What an object answers with 200.
    ///
    /// # Errors
    /// `Unbound` where the worker has no such objects, `TimedOut` at the deadline, `Failed` with any other answer and
    /// without one: whether it has done what it was asked is not known then.
    pub(crate) async fn call(&self, ask: Ask<'_>) -> Result<Bytes, PortError> {
        let (port, Ask { body, deadline, name, path }) = (self.port, ask);
        let objects =
            self.env.durable_object(self.binding).map_err(|_| PortError::Unbound { port })?;
        SendFuture::new(async move {
            let request = request(port, path, body).map_err(|err| self.failed(&err))?;
            let call = pin!(async {
                #[cfg(feature = "faults")]
                crate::faults::pass(port).await?;
                let answered = async {
                    let stub = objects.get_by_name(name)?;
                    let mut reply = stub.fetch_with_request(request).await?;
                    let bytes = reply.bytes().await?;
                    Ok((reply.status_code(), bytes))
                };
                answered.await.map_err(|err: worker::Error| self.failed(&err))
            });
            match select(call, Delay::from(deadline)).await {
                Either::Left((Ok((200, bytes)), _)) => Ok(bytes.into()),
                Either::Left((Ok((status, bytes)), _)) => {
                    let text = String::from_utf8_lossy(&bytes);
                    Err(self.failed(&format!("{path} answered {status}: {text}")))
                }
                Either::Left((Err(err), _)) => Err(err),
                Either::Right(_) => {
                    let after_ms = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
                    Err(PortError::TimedOut { port, after_ms })
                }
            }
        })
        .await
    }

    /// What an object answers, read.
    ///
    /// # Errors
    /// As [`Self::call`]; `Malformed` if it is no such JSON.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, ask: Ask<'_>) -> Result<T, PortError> {
        let bytes = self.call(ask).await?;
        serde_json::from_slice(&bytes).map_err(|err| self.malformed(&err))
    }

    /// A value as a body.
    ///
    /// # Errors
    /// `Malformed` if it is none that JSON knows.
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<Body, PortError> {
        serde_json::to_string(value).map(Body::Json).map_err(|err| self.malformed(&err))
    }

    pub(crate) fn malformed(&self, err: &serde_json::Error) -> PortError {
        PortError::Malformed { port: self.port, message: err.to_string() }
    }

    fn failed(&self, err: &impl ToString) -> PortError {
        PortError::Failed { port: self.port, message: err.to_string() }
    }
}

fn request(port: &str, path: &str, body: Body) -> worker::Result<Request> {
    let mut init = RequestInit::new();
    match body {
        Body::Bytes(bytes) => {
            let bytes = Uint8Array::from(&*bytes);
            init.with_method(Method::Post).with_body(Some(bytes.into()));
        }
        Body::Json(text) => {
            let headers = Headers::new();
            headers.set("content-type", "application/json")?;
            init.with_method(Method::Post).with_headers(headers);
            init.with_body(Some(JsValue::from_str(&text)));
        }
        Body::Nothing => {
            init.with_method(Method::Get);
        }
    }
    Request::new_with_init(&format!("http://{port}{path}"), &init)
}
