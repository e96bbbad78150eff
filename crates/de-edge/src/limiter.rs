//! The Limiter objects, by their stubs. A hung object must not hang a request: every call has a deadline.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use de_core::{
    ids::InstanceId,
    limits::{
        Epochs,
        wire::{LeaseReply, LeaseRequest, SettleReply, SettleRequest, UsageReply},
    },
    ports::{Limiter, PortError, Whose},
};
use futures_util::future::{Either, select};
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::JsValue;
use worker::{Delay, Env, Headers, Method, Request, RequestInit, send::SendFuture};

use crate::bindings::LIMITER;

const DEADLINE: Duration = Duration::from_secs(2);
/// The answer to a change of epochs comes when the last older lease has ended.
const REFRESH_DEADLINE: Duration = Duration::from_secs(5);

pub(crate) struct EdgeLimiter(pub(crate) Arc<Env>);

impl EdgeLimiter {
    async fn call<T: DeserializeOwned + Send>(
        &self,
        name: &str,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<T, PortError> {
        let deadline = if path == "/refresh" { REFRESH_DEADLINE } else { DEADLINE };
        let objects =
            self.0.durable_object(LIMITER).map_err(|_| PortError::Unbound { port: "limiter" })?;
        let name = name.to_owned();
        SendFuture::new(async move {
            let stub = objects.get_by_name(&name).map_err(failed)?;
            let mut init = RequestInit::new();
            init.with_method(method);
            if let Some(body) = body {
                let headers = Headers::new();
                headers.set("content-type", "application/json").map_err(failed)?;
                init.with_headers(headers).with_body(Some(JsValue::from_str(&body)));
            }
            let url = format!("http://limiter{path}");
            let request = Request::new_with_init(&url, &init).map_err(failed)?;
            let call = std::pin::pin!(async {
                #[cfg(feature = "faults")]
                crate::faults::pass("limiter").await?;
                let mut reply = stub.fetch_with_request(request).await.map_err(failed)?;
                let bytes = reply.bytes().await.map_err(failed)?;
                Ok::<_, PortError>((reply.status_code(), bytes))
            });
            match select(call, Delay::from(deadline)).await {
                Either::Left((Ok((200, bytes)), _)) => {
                    serde_json::from_slice(&bytes).map_err(|err| PortError::Malformed {
                        port: "limiter",
                        message: err.to_string(),
                    })
                }
                Either::Left((Ok((status, bytes)), _)) => {
                    let text = String::from_utf8_lossy(&bytes);
                    let message = format!("{path} answered {status}: {text}");
                    Err(PortError::Failed { port: "limiter", message })
                }
                Either::Left((Err(err), _)) => Err(err),
                Either::Right(_) => {
                    let after_ms = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
                    Err(PortError::TimedOut { port: "limiter", after_ms })
                }
            }
        })
        .await
    }
}

#[async_trait]
impl Limiter for EdgeLimiter {
    async fn epochs(&self, instance: &InstanceId) -> Result<Epochs, PortError> {
        self.call(instance.as_str(), Method::Get, "/epoch", None).await
    }

    async fn lease(
        &self,
        instance: &InstanceId,
        ask: LeaseRequest,
    ) -> Result<LeaseReply, PortError> {
        #[cfg(feature = "faults")]
        if let Some(granted) = crate::faults::granted(&ask) {
            return Ok(granted);
        }
        self.call(instance.as_str(), Method::Post, "/lease", Some(json(&ask)?)).await
    }

    async fn refresh(&self, instance: &InstanceId, epochs: Epochs) -> Result<(), PortError> {
        let _: serde_json::Value =
            self.call(instance.as_str(), Method::Post, "/refresh", Some(json(&epochs)?)).await?;
        Ok(())
    }

    async fn usage(&self, whose: Whose<'_>) -> Result<UsageReply, PortError> {
        self.call(name_of(whose), Method::Get, "/usage", None).await
    }

    async fn settle(
        &self,
        instance: &InstanceId,
        report: SettleRequest,
    ) -> Result<SettleReply, PortError> {
        #[cfg(feature = "faults")]
        if let Some(settled) = crate::faults::settled() {
            return Ok(settled);
        }
        self.call(instance.as_str(), Method::Post, "/settle", Some(json(&report)?)).await
    }
}

fn name_of(whose: Whose<'_>) -> &str {
    match whose {
        Whose::Instance(id) => id.as_str(),
        Whose::Organization(id) => id.as_str(),
    }
}

fn json(value: &impl Serialize) -> Result<String, PortError> {
    serde_json::to_string(value)
        .map_err(|err| PortError::Malformed { port: "limiter", message: err.to_string() })
}

fn failed(err: worker::Error) -> PortError {
    PortError::Failed { port: "limiter", message: err.to_string() }
}
