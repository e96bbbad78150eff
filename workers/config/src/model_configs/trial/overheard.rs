//! Listens to what a vendor answers, while the exchange reads it: the way there is the usual one.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use de_core::ports::{
    Fetch, Inbound, InboundBody, Meter, Outbound, PortError, Relay, RelayDeadlines,
};

/// The most of an answer that is kept.
const MOST_KEPT: usize = 64 * 1024;

/// The network, overheard.
pub(super) struct Overheard {
    inner: Arc<dyn Fetch>,
    last: Arc<Mutex<Option<Heard>>>,
}

/// What a vendor answered last.
#[derive(Clone, Default)]
pub(super) struct Heard {
    /// The beginning of its body.
    pub(super) body: Vec<u8>,
    /// Its media type.
    pub(super) content_type: Option<String>,
    /// 100 to 599.
    pub(super) status: u16,
    /// How long its body was, as far as it was read.
    pub(super) size_bytes: usize,
}

impl Overheard {
    pub(super) fn new(inner: Arc<dyn Fetch>) -> Self {
        Self { inner, last: Arc::default() }
    }

    /// What came last; nothing if no vendor has answered.
    pub(super) fn last(&self) -> Option<Heard> {
        self.last.lock().ok()?.clone()
    }
}

#[async_trait]
impl Fetch for Overheard {
    async fn send(&self, request: Outbound) -> Result<Inbound, PortError> {
        let inbound = self.inner.send(request).await?;
        let content_type = inbound.headers.get(http::header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).map(str::to_owned);
        if let Ok(mut last) = self.last.lock() {
            *last = Some(Heard { content_type, status: inbound.status, ..Heard::default() });
        }
        let body = Listened { inner: inbound.body, last: self.last.clone() };
        Ok(Inbound { body: Box::new(body), ..inbound })
    }
}

struct Listened {
    inner: Box<dyn InboundBody>,
    last: Arc<Mutex<Option<Heard>>>,
}

#[async_trait]
impl InboundBody for Listened {
    async fn ahead(&mut self) -> Result<Option<Bytes>, PortError> {
        self.inner.ahead().await
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, PortError> {
        let chunk = self.inner.chunk().await?;
        if let Some(bytes) = &chunk {
            hear(&self.last, bytes);
        }
        Ok(chunk)
    }

    async fn whole(self: Box<Self>, cap: usize) -> Result<Option<Bytes>, PortError> {
        let whole = self.inner.whole(cap).await?;
        if let Some(bytes) = &whole {
            hear(&self.last, bytes);
        }
        Ok(whole)
    }

    fn pass(self: Box<Self>) -> Relay {
        self.inner.pass()
    }

    fn relay(self: Box<Self>, deadlines: RelayDeadlines, meter: Box<dyn Meter>) -> Relay {
        self.inner.relay(deadlines, meter)
    }
}

fn hear(last: &Mutex<Option<Heard>>, bytes: &Bytes) {
    if let Ok(mut last) = last.lock()
        && let Some(heard) = last.as_mut()
    {
        let left = MOST_KEPT.saturating_sub(heard.body.len());
        heard.body.extend(bytes.iter().take(left));
        heard.size_bytes = heard.size_bytes.saturating_add(bytes.len());
    }
}
