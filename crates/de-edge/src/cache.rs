//! KV. Values are text: anything else goes through a serialiser that loses maps.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use de_core::ports::{Cache, PortError};
use worker::{Env, kv::KvStore, send::SendFuture};

use crate::bindings::CACHE;

pub(crate) struct EdgeCache(pub(crate) Arc<Env>);

impl EdgeCache {
    fn store(&self) -> Result<KvStore, PortError> {
        self.0.kv(CACHE).map_err(|_| PortError::Unbound { port: "cache" })
    }
}

#[async_trait]
impl Cache for EdgeCache {
    async fn get(&self, key: &str) -> Result<Option<String>, PortError> {
        #[cfg(feature = "faults")]
        SendFuture::new(crate::faults::pass("cache")).await?;
        let store = self.store()?;
        SendFuture::new(async { store.get(key).text().await.map_err(failed) }).await
    }

    async fn put(&self, key: &str, value: String, lifetime: Duration) -> Result<(), PortError> {
        #[cfg(feature = "faults")]
        SendFuture::new(crate::faults::pass("cache")).await?;
        let store = self.store()?;
        let put = store.put(key, value).map_err(failed)?.expiration_ttl(lifetime.as_secs());
        SendFuture::new(async { put.execute().await.map_err(failed) }).await
    }
}

fn failed(err: worker::kv::KvError) -> PortError {
    PortError::Failed { port: "cache", message: err.to_string() }
}
