//! Brings the results home: into our own store, as assets.

use std::sync::Arc;

use bytes::Bytes;

use super::Running;
use crate::{
    books::Outcome,
    http::error::{ApiError, Code},
    jobs::{Output, Pending, Record, Stage},
    ports::{InboundBody, Platform},
    registry::Model,
};

/// How often a result is fetched that may still come.
const TRIES: u32 = 6;

/// Why a result is not here.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub(super) struct Lost {
    /// Whether another try may help.
    for_now: bool,
    message: String,
    /// As a program may branch on it: `too_large`.
    reason: &'static str,
}

impl Lost {
    pub(super) fn not_base64() -> Self {
        Self {
            for_now: false,
            message: "a result is not the base64 that it should be".to_owned(),
            reason: "not_base64",
        }
    }

    pub(super) fn as_error(&self, model: &Model) -> ApiError {
        let name = &model.config.provider_id;
        let message = format!("what {name} made cannot be kept: {}", self.message);
        ApiError::new(Code::ProviderMalformed, message).with("reason", self.reason)
    }
}

/// What is needed to keep a result of a job.
pub(super) struct Bringing<'a> {
    platform: &'a Platform,
}

impl<'a> Bringing<'a> {
    pub(super) fn of(platform: &'a Platform, _record: &Record, _model: &Model) -> Self {
        Self { platform }
    }

    pub(super) async fn bytes(
        &self,
        _bytes: Bytes,
        _role: &str,
        _revised_prompt: Option<String>,
        _seed: Option<u64>,
    ) -> Result<Output, Lost> {
        let _ = self.platform;
        Err(Lost::not_base64())
    }

    pub(super) async fn stream(
        &self,
        _body: Box<dyn InboundBody>,
        _format: Option<&str>,
    ) -> Result<Output, Lost> {
        Err(Lost::not_base64())
    }

    async fn link(&self, _pending: &Pending) -> Result<Output, Lost> {
        Err(Lost::not_base64())
    }
}

impl Running<'_> {
    /// Fetches the next result.
    pub(super) async fn copy(&self, record: &mut Record) {
        let Stage::Copying { mut outputs, mut pending, mut notices } = record.stage.clone() else {
            return;
        };
        let model: Arc<Model> = match self.served(record).await {
            Ok(model) => model,
            Err(error) => return self.stumble(record, &error),
        };
        let mut last = None;
        if let Some(next) = pending.first().cloned() {
            let bringing = Bringing::of(self.platform, record, &model);
            match bringing.link(&next).await {
                Ok(output) => outputs.push(output),
                Err(lost) if lost.for_now && record.stumbles.saturating_add(1) < TRIES => {
                    return self.stumble(record, &lost.as_error(&model));
                }
                Err(lost) => {
                    notices.push(format!("{}: {lost}", next.role));
                    last = Some(lost);
                }
            }
            pending.remove(0);
        }
        let now = self.platform.clock.now();
        if !pending.is_empty() {
            record.to(Stage::Copying { outputs, pending, notices }, now);
            return;
        }
        let books = self.books(record, Some(model.clone()));
        // Without its film, a still of it is nothing.
        let is_whole =
            outputs.iter().any(|output| !["poster", "thumbnail"].contains(&&*output.role));
        if is_whole {
            self.end(record, &books, Stage::Succeeded { outputs, notices }, Outcome::Ok);
            return;
        }
        let error = match last {
            Some(lost) => lost.as_error(&model),
            None => {
                let message = format!("{} made nothing", model.config.provider_id);
                ApiError::new(Code::ProviderMalformed, message)
            }
        };
        self.fail(record, &books, &error);
    }
}
