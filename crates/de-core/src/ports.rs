//! What the core asks of the outside world, a port a file. Workers answer in `de-edge`, tests in `de-testkit`, by
//! files of the same names.
//!
//! Every port is a small `dyn` trait. A double must behave like the real thing, refusals included.
//! Dropping a future of a port gives up on it: a [`Fetch`] in flight is aborted.

mod background;
mod blobs;
mod brake;
mod cache;
pub(crate) mod claims;
mod clock;
mod database;
mod departure;
mod entropy;
mod fetch;
mod jobs;
mod limiter;
mod log;
mod peers;
mod relay;
mod settings;

use std::sync::Arc;

pub use self::{
    background::Background,
    blobs::{Blob, BlobRange, BlobWriter, Blobs, Stored, put},
    brake::Brake,
    cache::Cache,
    claims::Claims,
    clock::Clock,
    database::{Arg, Database, Row, Statement, row, rows},
    departure::{Departure, Signal},
    entropy::{Entropy, random},
    fetch::{Fetch, Inbound, InboundBody, Outbound, READ_HEADERS},
    jobs::Jobs,
    limiter::{Limiter, Whose},
    log::Log,
    peers::{ASK_CAP, Peers},
    relay::{Meter, Relay, RelayDeadlines, RelayEnd},
    settings::{Deployment, Settings},
};
use crate::{books::Refusals, circuits::Circuits, shares::Shares, snapshot::Memory};

/// Everything that one request may touch.
#[derive(Clone)]
pub struct Platform {
    /// Answers that are kept to be given once more (KV, with the Cache API in front of it).
    pub answers: Arc<dyn Cache>,
    /// Work that outlives the answer.
    pub background: Arc<dyn Background>,
    /// Objects by key (R2).
    pub blobs: Arc<dyn Blobs>,
    /// What slows down those who try keys (rate-limit binding).
    pub brake: Arc<dyn Brake>,
    /// Copies that may be a minute old (KV).
    pub cache: Arc<dyn Cache>,
    /// Which models this isolate knows not to be asked for a while.
    pub circuits: Arc<Circuits>,
    /// One claim a key, caller and route.
    pub claims: Arc<dyn Claims>,
    /// What time it is, and waiting.
    pub clock: Arc<dyn Clock>,
    /// The truth (D1).
    pub database: Arc<dyn Database>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
    /// Calls to the vendors.
    pub fetch: Arc<dyn Fetch>,
    /// One object a job.
    pub jobs: Arc<dyn Jobs>,
    /// One Limiter an instance.
    pub limiter: Arc<dyn Limiter>,
    /// The log of the platform.
    pub log: Arc<dyn Log>,
    /// What this isolate has seen lately.
    pub memory: Arc<Memory>,
    /// The other workers.
    pub peers: Arc<dyn Peers>,
    /// The refused calls of this isolate's last minute.
    pub refusals: Arc<Refusals>,
    /// What the operator configured.
    pub settings: Arc<Settings>,
    /// What this isolate was granted and may spend without asking.
    pub shares: Arc<Shares>,
}

/// Why the outside world did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PortError {
    /// A uniqueness constraint: `table.column` as SQLite names it.
    #[error("{constraint} is taken")]
    Conflict {
        /// `table.column`, the first one if there are several.
        constraint: String,
    },
    /// It answered, and refused or failed.
    #[error("{port} failed: {message}")]
    Failed {
        /// Which port: `database`.
        port: &'static str,
        /// For the log only.
        message: String,
    },
    /// The answer is not what the protocol between us says.
    #[error("{port} answered in an unknown form: {message}")]
    Malformed {
        /// Which port.
        port: &'static str,
        /// For the log only.
        message: String,
    },
    /// No answer within the deadline.
    #[error("{port} did not answer in {after_ms} ms")]
    TimedOut {
        /// Which port.
        port: &'static str,
        /// The deadline.
        after_ms: u64,
    },
    /// What was to be sent cannot be: nothing has left, and the other side has no part in it.
    #[error("{port} cannot send this: {message}")]
    Unsendable {
        /// Which port.
        port: &'static str,
        /// For the log only.
        message: String,
    },
    /// This worker has no such binding.
    #[error("this worker has no binding for {port}")]
    Unbound {
        /// Which port.
        port: &'static str,
    },
}
