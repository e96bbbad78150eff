//! The other workers: none, or routers in the same process.

use std::{
    collections::HashMap,
    sync::{Mutex, OnceLock},
};

use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, to_bytes},
};
use de_core::ports::{ASK_CAP, Departure, Peers, PortError};
use http::{Extensions, Request, Response};
use serde_json::Value;
use tower_service::Service;

use crate::{
    lock,
    relay::{unveil, veil},
};

/// A worker without service bindings.
pub struct NoPeers;

#[async_trait]
impl Peers for NoPeers {
    async fn ask(&self, _worker: &str, _path: &str) -> Result<(u16, Value), PortError> {
        Err(PortError::Unbound { port: "peers" })
    }

    async fn forward(
        &self,
        _worker: &str,
        _request: Request<Body>,
    ) -> Result<Response<Body>, PortError> {
        Err(PortError::Unbound { port: "peers" })
    }
}

/// Routers by the name of their worker. They are bound after they were made, since each has the
/// platform that holds this.
#[derive(Default)]
pub struct RouterPeers {
    failing: OnceLock<()>,
    routers: Mutex<HashMap<String, Router>>,
}

impl RouterPeers {
    /// Binds a worker.
    ///
    /// # Panics
    /// If none of that name is deployed.
    pub fn bind(&self, worker: &str, router: Router) {
        assert!(de_services::worker(worker).is_some(), "no worker is called {worker}");
        lock(&self.routers).insert(worker.to_owned(), router);
    }

    /// Makes every call fail from now on.
    pub fn fail(&self) {
        self.failing.get_or_init(|| ());
    }

    async fn call(
        &self,
        worker: &str,
        request: Request<Body>,
    ) -> Result<Response<Body>, PortError> {
        if self.failing.get().is_some() {
            return Err(PortError::Failed { port: "peers", message: "told to fail".to_owned() });
        }
        let router = lock(&self.routers).get(worker).cloned();
        let mut router = router.ok_or(PortError::Unbound { port: "peers" })?;
        // A router is always ready, and never fails.
        let Ok(answer) = router.call(request).await;
        Ok(answer)
    }
}

#[async_trait]
impl Peers for RouterPeers {
    async fn ask(&self, worker: &str, path: &str) -> Result<(u16, Value), PortError> {
        let malformed = |message: String| PortError::Malformed { port: "peers", message };
        let request = Request::get(format!("http://{worker}{path}")).body(Body::empty());
        let request = request.map_err(|err| malformed(err.to_string()))?;
        let answer = self.call(worker, request).await?;
        let status = answer.status().as_u16();
        let body = to_bytes(unveil(answer).into_body(), ASK_CAP).await;
        let body = body.map_err(|err| malformed(err.to_string()))?;
        let json = serde_json::from_slice(&body).map_err(|err| malformed(err.to_string()))?;
        Ok((status, json))
    }

    async fn forward(
        &self,
        worker: &str,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, PortError> {
        // What crosses a binding is a request, not what a router has noted in it; but a client that
        // leaves the front door leaves the worker behind it too.
        let departure = request.extensions_mut().remove::<Departure>();
        *request.extensions_mut() = Extensions::new();
        if let Some(departure) = departure {
            request.extensions_mut().insert(departure);
        }
        self.call(worker, request).await.map(veil)
    }
}
