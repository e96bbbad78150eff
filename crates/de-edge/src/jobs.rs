//! The job objects.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use de_core::{
    ids::JobId,
    jobs::{Order, View},
    ports::{Jobs, PortError},
};
use serde::de::DeserializeOwned;
use serde_json::json;
use worker::Env;

use crate::{
    bindings::JOBS,
    objects::{Ask, Body, Objects},
};

/// How long an object may take that is not asked to wait.
const DEADLINE: Duration = Duration::from_secs(5);
/// The longest that one watch lasts.
const LONGEST_WATCH: Duration = Duration::from_secs(30);

pub(crate) struct EdgeJobs(pub(crate) Arc<Env>);

impl EdgeJobs {
    async fn call<T: DeserializeOwned>(
        &self,
        job: &JobId,
        path: &'static str,
        body: String,
        deadline: Duration,
    ) -> Result<T, PortError> {
        let objects = Objects { binding: JOBS, env: &self.0, port: "jobs" };
        let body = Body::Json(body);
        objects.ask(Ask { body, deadline, name: job.as_str(), path }).await
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
