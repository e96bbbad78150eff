//! R2.

use std::sync::Arc;

use async_trait::async_trait;
use de_core::ports::{Blobs, PortError};
use worker::{Env, send::SendFuture};

use crate::bindings::ASSETS;

pub(crate) struct EdgeBlobs(pub(crate) Arc<Env>);

#[async_trait]
impl Blobs for EdgeBlobs {
    async fn size(&self, key: &str) -> Result<Option<u64>, PortError> {
        let bucket = self.0.bucket(ASSETS).map_err(|_| PortError::Unbound { port: "blobs" })?;
        let head = SendFuture::new(async { bucket.head(key).await }).await;
        let failed =
            |err: worker::Error| PortError::Failed { port: "blobs", message: err.to_string() };
        Ok(head.map_err(failed)?.map(|object| object.size()))
    }
}
