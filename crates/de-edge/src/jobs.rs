//! The job objects, by their stubs. A hung object must not hang a request: every call has a deadline.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use de_core::{
    ids::JobId,
    jobs::{Order, View},
    ports::{Jobs, PortError},
};
use futures_util::future::{Either, select};
use serde::de::DeserializeOwned;
use serde_json::json;
use wasm_bindgen::JsValue;
use worker::{Delay, Env, Headers, Method, Request, RequestInit, send::SendFuture};

use crate::bindings::JOBS;

/// How long an object may take that is not asked to wait.
const DEADLINE: Duration = Duration::from_secs(5);
/// The longest that one watch lasts.
const LONGEST_WATCH: Duration = Duration::from_secs(30);

pub(crate) struct EdgeJobs(pub(crate) Arc<Env>);

impl EdgeJobs {
    async fn call<T: DeserializeOwned + Send>(
        &self,
        job: &JobId,
        path: &'static str,
        body: String,
        deadline: Duration,
    ) -> Result<T, PortError> {
        let objects =
            self.0.durable_object(JOBS).map_err(|_| PortError::Unbound { port: "jobs" })?;
        SendFuture::new(async move {
            #[cfg(feature = "faults")]
            crate::faults::pass("jobs").await?;
            let stub = objects.get_by_name(job.as_str()).map_err(failed)?;
            let headers = Headers::new();
            headers.set("content-type", "application/json").map_err(failed)?;
            let mut init = RequestInit::new();
            init.with_method(Method::Post).with_headers(headers);
            init.with_body(Some(JsValue::from_str(&body)));
            let request =
                Request::new_with_init(&format!("http://job{path}"), &init).map_err(failed)?;
            let call = std::pin::pin!(async {
                let mut reply = stub.fetch_with_request(request).await.map_err(failed)?;
                let bytes = reply.bytes().await.map_err(failed)?;
                Ok::<_, PortError>((reply.status_code(), bytes))
            });
            match select(call, Delay::from(deadline)).await {
                Either::Left((Ok((200, bytes)), _)) => serde_json::from_slice(&bytes)
                    .map_err(|err| PortError::Malformed { port: "jobs", message: err.to_string() }),
                Either::Left((Ok((status, bytes)), _)) => {
                    let text = String::from_utf8_lossy(&bytes);
                    let message = format!("{path} answered {status}: {text}");
                    Err(PortError::Failed { port: "jobs", message })
                }
                Either::Left((Err(err), _)) => Err(err),
                Either::Right(_) => {
                    let after_ms = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
                    Err(PortError::TimedOut { port: "jobs", after_ms })
                }
            }
        })
        .await
    }
}

#[async_trait]
impl Jobs for EdgeJobs {
    async fn begin(&self, job: &JobId, order: &Order) -> Result<View, PortError> {
        let body = json!({"job_id": job, "order": order}).to_string();
        self.call(job, "/begin", body, DEADLINE).await
    }

    async fn cancel(&self, job: &JobId) -> Result<Option<View>, PortError> {
        self.call(job, "/cancel", "{}".to_owned(), DEADLINE).await
    }

    async fn nudge(&self, job: &JobId) -> Result<(), PortError> {
        let _: serde_json::Value = self.call(job, "/nudge", "{}".to_owned(), DEADLINE).await?;
        Ok(())
    }

    async fn watch(
        &self,
        job: &JobId,
        revision: u64,
        patience: Duration,
    ) -> Result<Option<View>, PortError> {
        let patience = patience.min(LONGEST_WATCH);
        let patience_ms = u64::try_from(patience.as_millis()).unwrap_or(0);
        let body = json!({"revision": revision, "patience_ms": patience_ms}).to_string();
        self.call(job, "/watch", body, patience.saturating_add(DEADLINE)).await
    }
}

fn failed(err: worker::Error) -> PortError {
    PortError::Failed { port: "jobs", message: err.to_string() }
}
