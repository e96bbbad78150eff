//! What the core asks of the outside world. Workers answer in `de-edge`, tests in `de-testkit`.
//!
//! Every port is a small `dyn` trait. A double must behave like the real thing, refusals included.
//! Dropping a future of a port gives up on it: a [`Fetch`] in flight is aborted.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use url::Url;

use crate::{
    idempotency::{
        Token,
        wire::{Ask, End, Found, Reply, Sending},
    },
    ids::{InstanceId, JobId},
    jobs::{Order, View},
    limits::wire::{LeaseReply, LeaseRequest, SettleReply, SettleRequest, UsageReply},
    log::LogLine,
    time::UnixMillis,
};

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
    pub circuits: Arc<crate::circuits::Circuits>,
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
    pub memory: Arc<crate::snapshot::Memory>,
    /// The other workers.
    pub peers: Arc<dyn Peers>,
    /// What the operator configured.
    pub settings: Arc<Settings>,
    /// What this isolate was granted and may spend without asking.
    pub shares: Arc<crate::shares::Shares>,
}

/// The variables and secrets of a worker.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Whose log-ins at Cloudflare Access are taken; nobody's if absent.
    pub access: Option<crate::auth::access_token::AccessTeam>,
    /// Who is told of spans; nobody if absent.
    pub collector: Option<crate::otlp::Collector>,
    /// What makes the first superadmin, once; none if absent.
    pub bootstrap_token: Option<crate::secret::Secret>,
    /// What runs here, as the platform knows it.
    pub deployment: Option<Deployment>,
    /// The origins of our own pages, which may use sessions.
    pub interface_origins: Vec<String>,
    /// The ports on 127.0.0.1 that a provider may live on; none when deployed.
    pub loopback_ports: Vec<u16>,
    /// `DE_MASTER_KEY_V1`, …: what provider keys are sealed with, by version.
    pub master_keys: Vec<(u32, crate::secret::Secret)>,
    /// The origin of the front door, without a slash at the end.
    pub public_base: Option<String>,
    /// Which worker this is: its lines of the log say so.
    pub service: &'static str,
}

/// A version of a worker, as the platform keeps it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub struct Deployment {
    /// When it was uploaded: RFC 3339, in UTC.
    pub created_at: String,
    /// The platform's id of the version.
    pub id: String,
    /// What whoever uploaded it called it; `null` if nothing.
    pub tag: Option<String>,
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

/// A value bound into a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    /// 0 or 1.
    Bool(bool),
    /// Must be smaller than 2^53: the runtime hands numbers over as doubles.
    Int(i64),
    /// NULL.
    Null,
    /// TEXT.
    Text(String),
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Arg {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Arg {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<UnixMillis> for Arg {
    fn from(time: UnixMillis) -> Self {
        Self::Int(time.0)
    }
}

impl<T: Into<Arg>> From<Option<T>> for Arg {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One SQL statement with its values: `?1` is the first of `args`. At most 100 values.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Bound values.
    pub args: Vec<Arg>,
    /// The text, never built at run time.
    pub sql: &'static str,
}

/// One row: column name → JSON (numbers, text, null). Flags are 0 and 1.
pub type Row = serde_json::Map<String, Value>;

/// D1, or SQLite with the same schema.
#[async_trait]
pub trait Database: Send + Sync {
    /// Runs statements in one transaction, one round trip: all of them or none.
    ///
    /// Returns the rows of each, in order. Rows that a statement changed are not counted here: use
    /// `RETURNING`.
    ///
    /// # Errors
    /// [`PortError::Conflict`] on a uniqueness constraint, else [`PortError::Failed`].
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, PortError>;
}

/// Runs one statement and reads its rows as `T`.
///
/// # Errors
/// Those of [`Database::batch`]; [`PortError::Malformed`] if a row is not a `T`.
pub async fn rows<T: DeserializeOwned>(
    database: &dyn Database,
    statement: Statement,
) -> Result<Vec<T>, PortError> {
    let mut answers = database.batch(vec![statement]).await?;
    let rows = answers.pop().unwrap_or_default();
    rows.into_iter().map(row).collect()
}

/// Reads one row as `T`.
///
/// # Errors
/// [`PortError::Malformed`] if the row is not a `T`.
pub fn row<T: DeserializeOwned>(row: Row) -> Result<T, PortError> {
    serde_json::from_value(Value::Object(row))
        .map_err(|err| PortError::Malformed { port: "database", message: err.to_string() })
}

/// KV: text by key, up to a minute stale everywhere, at most about one write a second and key.
#[async_trait]
pub trait Cache: Send + Sync {
    /// The text, or `None` if absent or expired.
    ///
    /// # Errors
    /// [`PortError::Failed`]: worth a look at the truth instead.
    async fn get(&self, key: &str) -> Result<Option<String>, PortError>;

    /// Writes; a lifetime under 60 s is refused. Safe to repeat.
    ///
    /// # Errors
    /// [`PortError::Failed`].
    async fn put(&self, key: &str, value: String, lifetime: Duration) -> Result<(), PortError>;
}

/// R2: bytes by key. Keys are made by us.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Removes objects; those that are not there are no failure. At most 1,000 keys. Safe to repeat.
    ///
    /// # Errors
    /// [`PortError::Failed`]: some of them may be gone.
    async fn delete(&self, keys: &[String]) -> Result<(), PortError>;

    /// An object, or a part of it; `None` if absent.
    ///
    /// A range that the object does not reach is the caller's to prevent: its size is known by then.
    ///
    /// # Errors
    /// [`PortError::Failed`].
    async fn read(&self, key: &str, range: Option<BlobRange>) -> Result<Option<Blob>, PortError>;

    /// Size in bytes, or `None` if absent.
    ///
    /// # Errors
    /// [`PortError::Failed`].
    async fn size(&self, key: &str) -> Result<Option<u64>, PortError>;

    /// Begins an object of any length. It is there, whole, once its writer has finished; before that, and
    /// if the writer is dropped, there is none.
    ///
    /// # Errors
    /// [`PortError::Failed`].
    async fn writer(&self, key: &str, content_type: &str)
    -> Result<Box<dyn BlobWriter>, PortError>;
}

/// A part of an object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BlobRange {
    /// How many bytes, at least one.
    pub length: u64,
    /// Where it begins.
    pub offset: u64,
}

/// An object that is read.
pub struct Blob {
    /// Its bytes, or those of the range.
    pub body: Box<dyn InboundBody>,
    /// Its whole size in bytes, whatever the range.
    pub size_bytes: u64,
}

/// An object on its way in. It keeps a few MiB in memory at most, however long the object is.
#[async_trait]
pub trait BlobWriter: Send {
    /// Takes back what was written: there will be no object.
    async fn abort(self: Box<Self>);

    /// Makes the object.
    ///
    /// # Errors
    /// [`PortError::Failed`]: there is no object, or there is one that nobody was told of.
    async fn finish(self: Box<Self>) -> Result<Stored, PortError>;

    /// Adds bytes.
    ///
    /// # Errors
    /// [`PortError::Failed`]: abort it.
    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError>;
}

/// An object that was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stored {
    /// Of all its bytes.
    pub sha256: [u8; 32],
    /// How many there are.
    pub size_bytes: u64,
}

/// Writes bytes that are at hand as one object.
///
/// # Errors
/// Those of [`Blobs::writer`] and [`BlobWriter`].
pub async fn put(
    blobs: &dyn Blobs,
    key: &str,
    content_type: &str,
    bytes: Bytes,
) -> Result<Stored, PortError> {
    let mut writer = blobs.writer(key, content_type).await?;
    if let Err(err) = writer.write(bytes).await {
        writer.abort().await;
        return Err(err);
    }
    writer.finish().await
}

/// Slows down whoever tries keys. A brake, not a promise: it counts a location of the platform at a
/// time, and not at once.
#[async_trait]
pub trait Brake: Send + Sync {
    /// Counts one failed log-in of this address and says whether it is still under the limit.
    ///
    /// A brake that is absent or does not answer says yes. Not safe to repeat: each call counts.
    async fn allows(&self, address: &str) -> bool;
}

/// A request to a vendor, complete, key included.
pub struct Outbound {
    /// What is sent.
    pub body: Bytes,
    /// Not logged: the key is among them.
    pub headers: HeaderMap,
    /// GET, POST, …
    pub method: Method,
    /// Where to; already guarded.
    pub url: Url,
}

/// A vendor's answer: the head is here, the body still to come.
pub struct Inbound {
    /// The rest. Dropping it closes the connection.
    pub body: Box<dyn InboundBody>,
    /// Those of [`READ_HEADERS`] that the vendor sent.
    pub headers: HeaderMap,
    /// 100 to 599.
    pub status: u16,
}

/// The headers of a vendor's answer that anyone here reads; walking all of them costs more.
pub const READ_HEADERS: [&str; 12] = [
    "character-cost",
    "content-length",
    "content-type",
    "location",
    "request-id",
    "retry-after",
    "retry-after-ms",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-request-id",
    "x-should-retry",
];

/// HTTP to the vendors. It follows no redirect, and asks for no compression.
#[async_trait]
pub trait Fetch: Send + Sync {
    /// Sends; returns when the head of the answer is here. Dropping the future aborts the request.
    ///
    /// # Errors
    /// [`PortError::Failed`] if there was no answer: it may have been served all the same.
    /// [`PortError::Unsendable`] for a request that HTTP, or the platform, does not allow.
    async fn send(&self, request: Outbound) -> Result<Inbound, PortError>;
}

/// The body of a vendor's answer.
#[async_trait]
pub trait InboundBody: Send {
    /// The next bytes as they come, `None` at the end.
    ///
    /// # Errors
    /// [`PortError::Failed`] if the connection broke.
    async fn chunk(&mut self) -> Result<Option<Bytes>, PortError>;

    /// Looks ahead: the next bytes that were not looked at yet, `None` at the end. Whatever else is done with
    /// the body begins with them all the same.
    ///
    /// Of a body that was looked at no more is kept than has come. A look that is given up may lose bytes:
    /// then drop the body.
    ///
    /// # Errors
    /// As [`InboundBody::chunk`], which tells it again.
    async fn ahead(&mut self) -> Result<Option<Bytes>, PortError>;

    /// All that is still to come, or `None` if that is more than `cap` bytes.
    ///
    /// # Errors
    /// As [`InboundBody::chunk`].
    async fn whole(mut self: Box<Self>, cap: usize) -> Result<Option<Bytes>, PortError> {
        let mut all = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if all.len() + chunk.len() > cap {
                return Ok(None);
            }
            all.extend_from_slice(&chunk);
        }
        Ok(Some(all.into()))
    }

    /// Hands the bytes to the client by the platform's own means, past our code and uncounted.
    fn pass(self: Box<Self>) -> Relay;

    /// Hands the bytes to the client by the platform's own means, past our code.
    ///
    /// `meter` sees a copy of them, some time later and in larger pieces.
    fn relay(self: Box<Self>, deadlines: RelayDeadlines, meter: Box<dyn Meter>) -> Relay;
}

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

/// A body on its way past our code: the platform's own stream, hidden in a response extension.
///
/// On the host it holds a stream of bytes, so that a handler is tested as it is.
#[derive(Clone)]
pub struct Relay(pub Arc<dyn std::any::Any + Send + Sync>);

/// The wall clock. On Workers it stands still while code runs and moves on I/O.
#[async_trait]
pub trait Clock: Send + Sync {
    /// What time it is.
    fn now(&self) -> UnixMillis;

    /// Waits.
    async fn sleep(&self, duration: Duration);
}

/// Random bytes, fit for keys.
pub trait Entropy: Send + Sync {
    /// Fills the buffer.
    fn fill(&self, bytes: &mut [u8]);
}

/// Takes random bytes as an array.
pub fn random<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

/// Work that goes on after the answer, at most 30 s (`waitUntil`).
pub trait Background: Send + Sync {
    /// Starts it.
    fn spawn(&self, work: BoxFuture<'static, ()>);
}

/// Whose Limiter object.
#[derive(Clone, Copy, Debug)]
pub enum Whose<'a> {
    /// That of an instance.
    Instance(&'a InstanceId),
    /// That of an organization, above those of its instances.
    Organization(&'a crate::ids::OrganizationId),
}

/// The Limiter objects: one an instance. Every call has a deadline of its own.
#[async_trait]
pub trait Limiter: Send + Sync {
    /// The epochs that the instance's object knows. One round trip.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer.
    async fn epochs(&self, instance: &InstanceId) -> Result<crate::limits::Epochs, PortError>;

    /// Asks for a share. Repeating a call with the same lease id changes nothing.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer: whether the share was debited is not known.
    async fn lease(
        &self,
        instance: &InstanceId,
        ask: LeaseRequest,
    ) -> Result<LeaseReply, PortError>;

    /// Makes the object forget its policy and read it anew, not older than `epochs`. Safe to repeat.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer.
    async fn refresh(
        &self,
        instance: &InstanceId,
        epochs: crate::limits::Epochs,
    ) -> Result<(), PortError>;

    /// Every limit of an object, and what is used of it. One round trip.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer.
    async fn usage(&self, whose: Whose<'_>) -> Result<UsageReply, PortError>;

    /// Reports what was spent, with receipts. Safe to repeat.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer: repeat it.
    async fn settle(
        &self,
        instance: &InstanceId,
        report: SettleRequest,
    ) -> Result<SettleReply, PortError>;
}

/// The objects that keep claims on `Idempotency-Key`s, each by a name of ours. Every call has a deadline
/// of its own, and is safe to repeat.
#[async_trait]
pub trait Claims: Send + Sync {
    /// Asks for a claim. One round trip, and one to the blobs where a long reply is found.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer: whether the asker holds the claim is not known.
    async fn claim(&self, name: &str, ask: Ask) -> Result<Found, PortError>;

    /// Tells that a holder is done, without a reply that is kept.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer: repeat it.
    async fn end(&self, name: &str, holder: Token, end: End) -> Result<(), PortError>;

    /// Hands over the reply, of at most [`crate::idempotency::REPLY_CAP`] bytes. `false` if the claim is not
    /// this holder's any more.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer: repeat it.
    async fn finish(&self, name: &str, holder: Token, reply: Reply) -> Result<bool, PortError>;

    /// Tells that something that may be billed is sent next. `false`: the claim is not this holder's, and
    /// nothing may be sent.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer: nothing may be sent, and whether the claim says so is not
    /// known.
    async fn sent(&self, name: &str, sending: Sending) -> Result<bool, PortError>;
}

/// The job objects: one a job. Every call has a deadline of its own.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Stores a new job, which then goes on by itself. Safe to repeat: a job that is there stays as it is,
    /// and is shown.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer: whether the job is stored is not known.
    async fn begin(&self, job: &JobId, order: &Order) -> Result<View, PortError>;

    /// Wants a job to end before its time, and shows it; `None` if there is none. What is over, or cannot
    /// be stopped any more, goes on as it would.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer: repeat it.
    async fn cancel(&self, job: &JobId) -> Result<Option<View>, PortError>;

    /// Makes a job look at once at what it waits for.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer: it looks in any case, a little later.
    async fn nudge(&self, job: &JobId) -> Result<(), PortError>;

    /// Shows a job as soon as it has changed since `revision`, at the latest after `patience`, of which
    /// half a minute is taken at most; `None` if there is none. With revision 0 it answers at once.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer: repeat it.
    async fn watch(
        &self,
        job: &JobId,
        revision: u64,
        patience: Duration,
    ) -> Result<Option<View>, PortError>;
}

/// Lines for the operator.
pub trait Log: Send + Sync {
    /// Writes one line, with the time, the worker and its version.
    fn write(&self, line: LogLine);
}

/// The longest answer that [`Peers::ask`] reads, in bytes.
pub const ASK_CAP: usize = 64 * 1024;

/// The other workers, reached without the public internet.
#[async_trait]
pub trait Peers: Send + Sync {
    /// Asks a worker a small question, `GET` of a path, and returns the status and the JSON of its
    /// answer, of at most [`ASK_CAP`] bytes.
    ///
    /// Safe to repeat. It waits for ever; whoever does not want to drops the future.
    ///
    /// # Errors
    /// [`PortError::Unbound`] for a worker that is not bound, [`PortError::Malformed`] for an answer that
    /// is too large or no JSON, else [`PortError::Failed`].
    async fn ask(&self, worker: &str, path: &str) -> Result<(u16, Value), PortError>;

    /// Sends a whole HTTP request on to a worker (`text`, `image`, …) and hands its answer back.
    ///
    /// The answer's body is a [`Relay`].
    ///
    /// # Errors
    /// [`PortError::Unbound`] for a worker that is not bound, else [`PortError::Failed`].
    async fn forward(
        &self,
        worker: &str,
        request: http::Request<axum::body::Body>,
    ) -> Result<http::Response<axum::body::Body>, PortError>;
}

/// Tells when the client has gone, before the answer has begun. A request extension.
#[derive(Clone)]
pub struct Departure(pub Arc<dyn Signal>);

/// Something that happens at most once.
#[async_trait]
pub trait Signal: Send + Sync {
    /// Waits until it happens; for ever, if it does not.
    async fn fired(&self);
}
