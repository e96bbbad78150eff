//! The Claim objects.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use de_core::{
    idempotency::{
        Token,
        wire::{Ask, End, Ending, Finishing, Found, Reply, Sending, Taken, framed, unframed},
    },
    ports::{Claims, PortError},
};
use worker::Env;

use crate::{
    bindings::CLAIMS,
    objects::{self, Body, Objects},
};

const DEADLINE: Duration = Duration::from_secs(2);
/// With some MiB on the way, and blobs behind it.
const REPLY_DEADLINE: Duration = Duration::from_secs(10);

pub(crate) struct EdgeClaims(pub(crate) Arc<Env>);

impl EdgeClaims {
    fn objects(&self) -> Objects<'_> {
        Objects { binding: CLAIMS, env: &self.0, port: "claims" }
    }
}

#[async_trait]
impl Claims for EdgeClaims {
    async fn claim(&self, name: &str, ask: Ask) -> Result<Found, PortError> {
        let objects = self.objects();
        let (body, deadline) = (objects.json(&ask)?, REPLY_DEADLINE);
        let all = objects.call(objects::Ask { body, deadline, name, path: "/claim" }).await?;
        let (answer, body) = unframed(all).map_err(|err| objects.malformed(&err))?;
        Ok(Found { answer, body })
    }

    async fn end(&self, name: &str, holder: Token, end: End) -> Result<(), PortError> {
        let objects = self.objects();
        let (body, deadline) = (objects.json(&Ending { end, holder })?, DEADLINE);
        objects.call(objects::Ask { body, deadline, name, path: "/end" }).await?;
        Ok(())
    }

    async fn finish(&self, name: &str, holder: Token, reply: Reply) -> Result<bool, PortError> {
        let objects = self.objects();
        let Reply { body, head } = reply;
        let all = framed(&Finishing { head, holder }, &body);
        let body = Body::Bytes(all.map_err(|err| objects.malformed(&err))?);
        let deadline = REPLY_DEADLINE;
        let told: Taken =
            objects.ask(objects::Ask { body, deadline, name, path: "/finish" }).await?;
        Ok(told.taken)
    }

    async fn sent(&self, name: &str, sending: Sending) -> Result<bool, PortError> {
        let objects = self.objects();
        let (body, deadline) = (objects.json(&sending)?, DEADLINE);
        let told: Taken = objects.ask(objects::Ask { body, deadline, name, path: "/sent" }).await?;
        Ok(told.taken)
    }
}
