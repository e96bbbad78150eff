//! Bodies on their way past our code, and who counts them.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;

/// A body on its way past our code: the platform's own stream, hidden in a response extension.
///
/// On the host it holds a stream of bytes, so that a handler is tested as it is.
#[derive(Clone)]
pub struct Relay(pub Arc<dyn std::any::Any + Send + Sync>);

/// How long a relayed body may take.
#[derive(Clone, Copy, Debug)]
pub struct RelayDeadlines {
    /// Between two chunks; until the first one too.
    pub gap: Duration,
    /// Until the end.
    pub total: Duration,
}

/// Counts a relayed body, and ends it.
pub trait Meter: Send {
    /// Sees the next bytes.
    fn seen(&mut self, bytes: &Bytes);

    /// Whether it can still read what it sees. Once it cannot, no more is to pass: nobody would count it.
    fn reads(&self) -> bool {
        true
    }

    /// Learns how it ended; called exactly once. Returns what the client still has to be told, if
    /// it is there, and the work that is left (receipts).
    fn end(self: Box<Self>, how: RelayEnd) -> (Option<Bytes>, BoxFuture<'static, ()>);
}

/// How a relayed body ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RelayEnd {
    /// The vendor broke off.
    Broken,
    /// The client went away.
    ClientLeft,
    /// A deadline passed.
    TimedOut,
    /// The meter could read no more of it.
    Unreadable,
    /// The vendor closed its side in good order.
    Whole,
}
