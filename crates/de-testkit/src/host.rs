//! A router on loopback, as an edge would serve it: relays become bodies, and a handler goes on when its
//! client has left, but is told.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use axum::{Router, body::Body};
use de_core::ports::{Departure, Signal};
use http::{Request, Response, StatusCode};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};
use tower_service::Service;

use crate::relay::unveil;

/// A server that ends when this is dropped.
pub struct Host {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Host {
    /// Serves on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// If there is none.
    pub async fn serve(router: Router) -> io::Result<Self> {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        Self::serve_on(listener, router)
    }

    /// Serves on a listener.
    ///
    /// # Errors
    /// If it has no address.
    pub fn serve_on(listener: TcpListener, router: Router) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let edge = Router::new().fallback(move |request: Request<Body>| {
            let router = router.clone();
            async move { handle(router, request).await }
        });
        let serving = tokio::spawn(async move {
            // It ends by being aborted; an error of one connection does not end it.
            if let Err(error) = axum::serve(listener, edge).await {
                eprintln!("the test host stopped: {error}");
            }
        });
        Ok(Self { address, serving })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Runs a request as an edge does. Dropping the future is the client leaving before the head: the
/// handler is told by its [`Departure`], and runs on.
///
/// A handler that panics is a 500 without a body, as when an isolate dies.
pub async fn handle(mut router: Router, mut request: Request<Body>) -> Response<Body> {
    let left = Arc::new(Left::default());
    request.extensions_mut().insert(Departure(left.clone()));
    let mut leaving = Leaving(Some(left));
    let handling = tokio::spawn(async move {
        let Ok(answer) = router.call(request).await;
        answer
    });
    let answer = handling.await;
    // The head is here: from now on the body's own end tells.
    leaving.0 = None;
    match answer {
        Ok(answer) => unveil(answer),
        Err(_) => {
            let mut died = Response::new(Body::empty());
            *died.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            died
        }
    }
}

/// Whether the client has left.
#[derive(Default)]
struct Left {
    fired: AtomicBool,
    wake: Notify,
}

#[async_trait]
impl Signal for Left {
    async fn fired(&self) {
        loop {
            // Made before the look, so that what fires in between is not missed.
            let woken = self.wake.notified();
            if self.fired.load(Ordering::SeqCst) {
                return;
            }
            woken.await;
        }
    }
}

struct Leaving(Option<Arc<Left>>);

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(left) = self.0.take() {
            left.fired.store(true, Ordering::SeqCst);
            left.wake.notify_waiters();
        }
    }
}
