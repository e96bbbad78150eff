//! Kept answers: KV for all places, and in front of it the Cache API of the place that asks.
//!
//! KV remembers for up to a minute that a key was not there, so the place that has just kept an answer might go on
//! missing it; its own cache has it at once. A copy there lives for a minute, so that a newer answer from elsewhere is
//! not hidden for longer than KV would hide it.
//!
//! Nothing is kept there on `*.workers.dev`, and nobody says so: it is not asked where the front door has such a name,
//! or none. It is a cache of its own by name: what is in it is served under no address.
//! <https://developers.cloudflare.com/workers/runtime-apis/cache/>

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use de_core::ports::{Background, Cache, PortError, Settings};
use worker::{Headers, Response, send::SendFuture};

use crate::{background::EdgeBackground, cache::EdgeCache};

/// The name of the cache.
const NAME: &str = "answers";
/// How long the place keeps a copy.
const LIFE: Duration = Duration::from_secs(60);

pub(crate) struct EdgeAnswers {
    pub(crate) background: EdgeBackground,
    pub(crate) cache: EdgeCache,
    pub(crate) settings: Arc<Settings>,
}

impl EdgeAnswers {
    /// The address of a key in the cache of this place; `None` if that does not work.
    fn address(&self, key: &str) -> Option<String> {
        let base = self.settings.public_base.as_deref()?;
        let host = base.split_once("://")?.1;
        (!host.ends_with(".workers.dev")).then(|| format!("{base}/{key}"))
    }
}

#[async_trait]
impl Cache for EdgeAnswers {
    async fn get(&self, key: &str) -> Result<Option<String>, PortError> {
        let Some(address) = self.address(key) else { return self.cache.get(key).await };
        // What fails here is asked of KV.
        if let Ok(Some(text)) = SendFuture::new(near(&address)).await {
            return Ok(Some(text));
        }
        let found = self.cache.get(key).await?;
        if let Some(text) = found.clone() {
            let keep = SendFuture::new(async move { keep(&address, text, LIFE).await });
            self.background.spawn(Box::pin(async move { drop(keep.await) }));
        }
        Ok(found)
    }

    async fn put(&self, key: &str, value: String, lifetime: Duration) -> Result<(), PortError> {
        if let Some(address) = self.address(key) {
            let keep = keep(&address, value.clone(), lifetime.min(LIFE));
            // KV has it in any case.
            drop(SendFuture::new(keep).await);
        }
        self.cache.put(key, value, lifetime).await
    }
}

async fn near(address: &str) -> worker::Result<Option<String>> {
    let cache = worker::Cache::open(NAME.to_owned()).await;
    match cache.get(address, false).await? {
        Some(mut found) => found.text().await.map(Some),
        None => Ok(None),
    }
}

async fn keep(address: &str, text: String, lifetime: Duration) -> worker::Result<()> {
    let headers = Headers::new();
    headers.set("cache-control", &format!("max-age={}", lifetime.as_secs()))?;
    let response = Response::ok(text)?.with_headers(headers);
    worker::Cache::open(NAME.to_owned()).await.put(address, response).await
}
