//! The Limiter objects.

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
use serde::{Serialize, de::DeserializeOwned};
use worker::Env;

use crate::{
    bindings::LIMITER,
    objects::{Ask, Body, Objects},
};

const DEADLINE: Duration = Duration::from_secs(2);
/// The answer to a change of epochs comes when the last older lease has ended.
const REFRESH_DEADLINE: Duration = Duration::from_secs(5);

pub(crate) struct EdgeLimiter(pub(crate) Arc<Env>);

impl EdgeLimiter {
    fn objects(&self) -> Objects<'_> {
        Objects { binding: LIMITER, env: &self.0, port: "limiter" }
    }

    /// What one of them says when nothing is sent to it.
    async fn told<T: DeserializeOwned>(&self, name: &str, path: &str) -> Result<T, PortError> {
        let (body, deadline) = (Body::Nothing, DEADLINE);
        self.objects().ask(Ask { body, deadline, name, path }).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        instance: &InstanceId,
        path: &str,
        value: &(impl Serialize + Sync),
        deadline: Duration,
    ) -> Result<T, PortError> {
        let objects = self.objects();
        let body = objects.json(value)?;
        objects.ask(Ask { body, deadline, name: instance.as_str(), path }).await
    }
}

#[async_trait]
impl Limiter for EdgeLimiter {
    async fn epochs(&self, instance: &InstanceId) -> Result<Epochs, PortError> {
        self.told(instance.as_str(), "/epoch").await
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
        self.call(instance, "/lease", &ask, DEADLINE).await
    }

    async fn refresh(&self, instance: &InstanceId, epochs: Epochs) -> Result<(), PortError> {
        let _: serde_json::Value =
            self.call(instance, "/refresh", &epochs, REFRESH_DEADLINE).await?;
        Ok(())
    }

    async fn usage(&self, whose: Whose<'_>) -> Result<UsageReply, PortError> {
        self.told(name_of(whose), "/usage").await
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
        self.call(instance, "/settle", &report, DEADLINE).await
    }
}

fn name_of(whose: Whose<'_>) -> &str {
    match whose {
        Whose::Instance(id) => id.as_str(),
        Whose::Organization(id) => id.as_str(),
    }
}
