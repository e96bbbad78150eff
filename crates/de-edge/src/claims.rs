//! The Claim objects, by their stubs. Every call has a deadline.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use de_core::{
    idempotency::{
        Token,
        wire::{Ask, End, Ending, Finishing, Found, Reply, Sending, Taken, framed, unframed},
    },
    ports::{Claims, PortError},
};
use futures_util::future::{Either, select};
use js_sys::Uint8Array;
use serde::{Serialize, de::DeserializeOwned};
use worker::{Delay, Env, Method, Request, RequestInit, send::SendFuture};

use crate::bindings::CLAIMS;

const DEADLINE: Duration = Duration::from_secs(2);
/// With some MiB on the way, and blobs behind it.
const REPLY_DEADLINE: Duration = Duration::from_secs(10);

pub(crate) struct EdgeClaims(pub(crate) Arc<Env>);

impl EdgeClaims {
    async fn call(
        &self,
        name: &str,
        path: &str,
        body: &[u8],
        deadline: Duration,
    ) -> Result<Bytes, PortError> {
        let objects =
            self.0.durable_object(CLAIMS).map_err(|_| PortError::Unbound { port: "claims" })?;
        let body = Uint8Array::from(body);
        SendFuture::new(async move {
            #[cfg(feature = "faults")]
            crate::faults::pass("claims").await?;
            let stub = objects.get_by_name(name).map_err(failed)?;
            let mut init = RequestInit::new();
            init.with_method(Method::Post).with_body(Some(body.into()));
            let request = Request::new_with_init(&format!("http://claims{path}"), &init);
            let request = request.map_err(failed)?;
            let call = std::pin::pin!(async {
                let mut reply = stub.fetch_with_request(request).await.map_err(failed)?;
                let bytes = reply.bytes().await.map_err(failed)?;
                Ok::<_, PortError>((reply.status_code(), bytes))
            });
            match select(call, Delay::from(deadline)).await {
                Either::Left((Ok((200, bytes)), _)) => Ok(bytes.into()),
                Either::Left((Ok((status, bytes)), _)) => {
                    let text = String::from_utf8_lossy(&bytes);
                    let message = format!("{path} answered {status}: {text}");
                    Err(PortError::Failed { port: "claims", message })
                }
                Either::Left((Err(err), _)) => Err(err),
                Either::Right(_) => {
                    let after_ms = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
                    Err(PortError::TimedOut { port: "claims", after_ms })
                }
            }
        })
        .await
    }
}

#[async_trait]
impl Claims for EdgeClaims {
    async fn claim(&self, name: &str, ask: Ask) -> Result<Found, PortError> {
        let all = self.call(name, "/claim", &to_json(&ask)?, REPLY_DEADLINE).await?;
        let (answer, body) = unframed(all).map_err(|err| malformed(&err))?;
        Ok(Found { answer, body })
    }

    async fn end(&self, name: &str, holder: Token, end: End) -> Result<(), PortError> {
        self.call(name, "/end", &to_json(&Ending { end, holder })?, DEADLINE).await?;
        Ok(())
    }

    async fn finish(&self, name: &str, holder: Token, reply: Reply) -> Result<bool, PortError> {
        let Reply { body, head } = reply;
        let all = framed(&Finishing { head, holder }, &body).map_err(|err| malformed(&err))?;
        from_json::<Taken>(&self.call(name, "/finish", &all, REPLY_DEADLINE).await?)
            .map(|told| told.taken)
    }

    async fn sent(&self, name: &str, sending: Sending) -> Result<bool, PortError> {
        from_json::<Taken>(&self.call(name, "/sent", &to_json(&sending)?, DEADLINE).await?)
            .map(|told| told.taken)
    }
}

fn to_json(value: &impl Serialize) -> Result<Vec<u8>, PortError> {
    serde_json::to_vec(value).map_err(|err| malformed(&err))
}

fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, PortError> {
    serde_json::from_slice(bytes).map_err(|err| malformed(&err))
}

fn malformed(err: &serde_json::Error) -> PortError {
    PortError::Malformed { port: "claims", message: err.to_string() }
}

fn failed(err: worker::Error) -> PortError {
    PortError::Failed { port: "claims", message: err.to_string() }
}
