//! The client, and that it has gone.

use std::sync::Arc;

use async_trait::async_trait;

/// Tells when the client has gone, before the answer has begun or while it is relayed. A request extension.
#[derive(Clone)]
pub struct Departure(pub Arc<dyn Signal>);

impl Departure {
    /// Waits until the client has gone; for ever, where the host cannot tell.
    pub(crate) async fn of(departure: Option<&Self>) {
        match departure {
            Some(Self(signal)) => signal.fired().await,
            None => std::future::pending().await,
        }
    }
}

/// Something that happens at most once.
#[async_trait]
pub trait Signal: Send + Sync {
    /// Waits until it happens; for ever, if it does not.
    async fn fired(&self);
}
