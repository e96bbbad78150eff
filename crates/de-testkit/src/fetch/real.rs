//! HTTP for real, for running the routers in process against a simulator on loopback.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use de_core::ports::{
    Background, Fetch, Inbound, InboundBody, Meter, Outbound, PortError, Relay, RelayDeadlines,
};

use crate::relay::{self, Ahead};

/// Plain HTTP by reqwest: no TLS, no redirects, no compression, no proxy.
pub struct ReqwestFetch {
    background: Arc<dyn Background>,
    client: reqwest::Client,
}

impl ReqwestFetch {
    /// A client of its own.
    ///
    /// # Errors
    /// What reqwest says.
    pub fn new(background: Arc<dyn Background>) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { background, client })
    }
}

#[async_trait]
impl Fetch for ReqwestFetch {
    async fn send(&self, request: Outbound) -> Result<Inbound, PortError> {
        let Outbound { body, headers, method, url } = request;
        let request = self.client.request(method, url).headers(headers).body(body).build();
        let request = request.map_err(|error| PortError::Unsendable {
            port: "fetch",
            message: error.without_url().to_string(),
        })?;
        let response = self.client.execute(request).await.map_err(failed)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let ahead = Ahead::default();
        let body = RealBody { ahead, background: self.background.clone(), response };
        Ok(Inbound { body: Box::new(body), headers, status })
    }
}

struct RealBody {
    ahead: Ahead,
    background: Arc<dyn Background>,
    response: reqwest::Response,
}

#[async_trait]
impl InboundBody for RealBody {
    async fn ahead(&mut self) -> Result<Option<Bytes>, PortError> {
        let bytes = self.response.chunk().await.map_err(failed)?;
        Ok(self.ahead.looked(bytes))
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, PortError> {
        match self.ahead.given() {
            Some(bytes) => Ok(Some(bytes)),
            None => self.response.chunk().await.map_err(failed),
        }
    }

    fn pass(self: Box<Self>) -> Relay {
        relay::pass(self)
    }

    fn relay(self: Box<Self>, deadlines: RelayDeadlines, meter: Box<dyn Meter>) -> Relay {
        let background = self.background.clone();
        relay::relay(self, deadlines, meter, background)
    }
}

/// Without the URL, as a key may stand in its query.
fn failed(error: reqwest::Error) -> PortError {
    PortError::Failed { port: "fetch", message: error.without_url().to_string() }
}
