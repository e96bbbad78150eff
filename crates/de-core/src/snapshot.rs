//! What a key and a model mean right now: isolate memory, then KV, then D1.
//!
//! Nothing here expires by waiting. A snapshot carries the epochs of the moment when it was read; the
//! Limiter, which every paid call asks, refuses old ones, and then the snapshot is read anew. Where an
//! instance goes on without its Limiter, the database is asked in its place. So a copy may be old, but
//! it cannot be used when it is.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{Either, select},
};

use crate::{
    auth::access_keys::KeptKeys,
    ids::{InstanceId, OrganizationId},
    limits::Epochs,
    log::LogLine,
    model::Status,
    ports::{Platform, PortError, Row, Statement, row},
    registry::Model,
    response_cache::flight::Waiting,
    store::{self, access::AccessRow, epochs::EpochsRow, models::ResolvedRow},
    time::UnixMillis,
};

/// How long a copy stays in KV.
const LIFETIME: Duration = Duration::from_secs(3_600);

/// How long the cache may take, before the database is asked instead.
pub(crate) const CACHE_PATIENCE: Duration = Duration::from_millis(500);

/// How long a cache that was late is not asked: a call reads several copies, and is not to wait for
/// each of them.
const CACHE_REST_MS: i64 = 10_000;

/// How many snapshots of each kind an isolate remembers, at most.
const REMEMBERED: usize = 2_000;

/// The pause of something that was late.
#[derive(Debug, Default)]
pub(crate) struct Rest(AtomicI64);

impl Rest {
    /// Begins it.
    pub(crate) fn begin(&self, now: UnixMillis) {
        self.0.store(now.0.saturating_add(CACHE_REST_MS), Ordering::Relaxed);
    }

    /// Whether it lasts, so that nobody asks.
    pub(crate) fn lasts(&self, now: UnixMillis) -> bool {
        now.0 < self.0.load(Ordering::Relaxed)
    }
}

/// What this isolate has read lately.
#[derive(Default)]
pub struct Memory {
    access: Mutex<Recent<Arc<AccessRow>>>,
    /// When the response cache is asked again; past unless it was late.
    pub(crate) answers_rest: Rest,
    /// Of the Cloudflare Access team.
    pub(crate) access_keys: KeptKeys,
    /// When the copies in the cache are asked for again; past unless they were late.
    pub(crate) copies_rest: Rest,
    /// When the objects where equal calls meet are asked again; past unless one failed or was late.
    pub(crate) flights_rest: Rest,
    /// Until when log-ins from a place are refused.
    held: Mutex<Recent<UnixMillis>>,
    models: Mutex<Recent<Arc<Model>>>,
    /// When keys were last noted as used.
    noted: Mutex<Recent<UnixMillis>>,
    /// How many calls wait for the answer of an equal one.
    pub(crate) waiting: Waiting,
}

impl Memory {
    /// Refuses log-ins from a place until then.
    pub(crate) fn hold(&self, place: String, until: UnixMillis) {
        remember(&self.held, place, until);
    }

    /// Whether log-ins from there are refused.
    pub(crate) fn is_held(&self, place: &str, now: UnixMillis) -> bool {
        recall(&self.held, place).is_some_and(|until| now < until)
    }

    /// Whether this isolate has not noted `what` for `every_ms`; from then on it has.
    pub(crate) fn is_due(&self, what: &str, now: UnixMillis, every_ms: i64) -> bool {
        let noted = recall(&self.noted, what);
        let due = noted.is_none_or(|at| now >= at.plus(every_ms));
        if due {
            remember(&self.noted, what.to_owned(), now);
        }
        due
    }
}

/// A bounded map that forgets what was not asked for lately: two generations, of which the older goes
/// when the younger is full.
struct Recent<T> {
    old: BTreeMap<String, T>,
    young: BTreeMap<String, T>,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { old: BTreeMap::new(), young: BTreeMap::new() }
    }
}

impl<T: Clone> Recent<T> {
    fn find(&mut self, key: &str) -> Option<T> {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let value = self.old.remove(key)?;
        self.insert(key.to_owned(), value.clone());
        Some(value)
    }

    fn insert(&mut self, key: String, value: T) {
        if self.young.len() >= REMEMBERED / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

fn recall<T: Clone>(memory: &Mutex<Recent<T>>, key: &str) -> Option<T> {
    memory.lock().ok()?.find(key)
}

fn remember<T: Clone>(memory: &Mutex<Recent<T>>, key: String, value: T) {
    if let Ok(mut memory) = memory.lock() {
        memory.insert(key, value);
    }
}

/// What a key means; `None` if there is no such key. Expired and revoked keys are found too.
///
/// A copy older than `floor` is not used.
///
/// # Errors
/// [`PortError`] if the database does not answer.
pub async fn access(
    platform: &Platform,
    digest: &str,
    floor: Epochs,
) -> Result<Option<Arc<AccessRow>>, PortError> {
    let known = recall(&platform.memory.access, digest);
    if let Some(known) = known.filter(|known| !known.epochs().older_than(floor)) {
        return Ok(Some(known));
    }
    let key = format!("v1/access/{digest}");
    let copy = cached(platform, &key).await.and_then(|copy| row::<AccessRow>(copy).ok());
    let found = match copy.filter(|copy| !copy.epochs().older_than(floor)) {
        Some(copy) => copy,
        None => return access_anew(platform, digest).await,
    };
    let found = Arc::new(found);
    remember(&platform.memory.access, digest.to_owned(), found.clone());
    Ok(Some(found))
}

/// What a key means at this moment, from the database, in place of all copies that this isolate and KV
/// have.
///
/// # Errors
/// [`PortError`] if the database does not answer.
pub async fn access_anew(
    platform: &Platform,
    digest: &str,
) -> Result<Option<Arc<AccessRow>>, PortError> {
    let mut answers = platform.database.batch(vec![store::access::by_digest(digest)]).await?;
    let Some(read) = answers.pop().and_then(|mut rows| rows.pop()) else { return Ok(None) };
    keep(platform, format!("v1/access/{digest}"), &read);
    let found = Arc::new(row::<AccessRow>(read)?);
    remember(&platform.memory.access, digest.to_owned(), found.clone());
    Ok(Some(found))
}

/// What a key means at this moment, from the database: for keys of persons, and for the control plane,
/// where no Limiter is asked whether a copy still holds.
///
/// # Errors
/// [`PortError`] if the database does not answer.
pub async fn access_now(
    platform: &Platform,
    digest: &str,
) -> Result<Option<Arc<AccessRow>>, PortError> {
    let mut answers = platform.database.batch(vec![store::access::by_digest(digest)]).await?;
    let found = answers.pop().and_then(|mut rows| rows.pop());
    found.map(|found| row::<AccessRow>(found).map(Arc::new)).transpose()
}

/// What a model's name means.
pub enum Named {
    /// A row of which no version can be called.
    Broken {
        /// What is wrong with the current one, for the log.
        cause: String,
        /// Whether it may be called, once it can.
        status: Status,
    },
    /// A model.
    Model(Arc<Model>),
    /// Nothing.
    Nothing,
}

/// What a model's name means for an instance.
///
/// A copy older than `floor` is not used. Where the current version of the row cannot be compiled, the
/// newest one that can be serves, and the log says so; but whether the model may be called is what the
/// current one says.
///
/// # Errors
/// [`PortError`] if the database does not answer; [`PortError::Malformed`] if the row is none.
pub async fn model(
    platform: &Platform,
    organization: &OrganizationId,
    instance: &InstanceId,
    name: &str,
    floor: Epochs,
) -> Result<Named, PortError> {
    let place = format!("{instance}/{name}");
    let known = recall(&platform.memory.models, &place);
    if let Some(known) = known.filter(|known| !known.epochs.older_than(floor)) {
        return Ok(Named::Model(known));
    }
    let key = format!("v1/model/{place}");
    let copy = cached(platform, &key).await;
    let copy = copy.and_then(|copy| resolved(copy).ok()).filter(|(_, at)| !at.older_than(floor));
    let (found, epochs) = match copy {
        Some(copy) => copy,
        None => {
            let statements = vec![
                store::epochs::of_instance(instance),
                store::models::resolve(name, Some(organization), Some(instance)),
            ];
            let mut answers = platform.database.batch(statements).await?;
            let read = answers.pop().and_then(|mut rows| rows.pop());
            let epochs = answers.pop().and_then(|mut rows| rows.pop());
            let (Some(mut read), Some(epochs)) = (read, epochs) else { return Ok(Named::Nothing) };
            read.extend(epochs);
            keep(platform, key, &read);
            resolved(read)?
        }
    };
    let row = found.model.clone();
    let model = match Model::compile(found, epochs) {
        Ok(model) => model,
        Err(cause) => {
            let owner = row.organization_id.as_ref();
            let versions =
                store::models::resolve_versions(&row.model_id, owner, organization, instance);
            let standing = row.standing();
            let Some(mut good) = last_good(platform, versions, epochs).await? else {
                return Ok(Named::Broken { cause, status: standing.status });
            };
            good.config = good.config.standing(standing);
            tell_of_bad_row(platform, &good, cause);
            good
        }
    };
    let model = Arc::new(model);
    remember(&platform.memory.models, place, model.clone());
    Ok(Named::Model(model))
}

/// The newest of these versions that can be compiled.
async fn last_good(
    platform: &Platform,
    versions: Statement,
    epochs: Epochs,
) -> Result<Option<Model>, PortError> {
    let mut answers = platform.database.batch(vec![versions]).await?;
    let versions = answers.pop().unwrap_or_default().into_iter();
    let mut compiled = versions.filter_map(|version| {
        row::<ResolvedRow>(version).ok().and_then(|version| Model::compile(version, epochs).ok())
    });
    Ok(compiled.next())
}

/// Once an isolate and epoch: what is remembered is not compiled again.
fn tell_of_bad_row(platform: &Platform, served: &Model, cause: String) {
    let line = LogLine::error("a model's row cannot be used; an earlier version serves");
    platform.log.write(LogLine {
        cause: Some(cause),
        model_id: Some(served.config.model_id.as_str().to_owned()),
        ..line.with("served_version", served.config.version)
    });
}

fn resolved(read: Row) -> Result<(ResolvedRow, Epochs), PortError> {
    let epochs: EpochsRow = row(read.clone())?;
    Ok((row(read)?, epochs.into()))
}

/// A copy in KV. A cache that fails is a cache that is empty.
async fn cached(platform: &Platform, key: &str) -> Option<Row> {
    if platform.memory.copies_rest.lasts(platform.clock.now()) {
        return None;
    }
    let late = platform.clock.sleep(CACHE_PATIENCE);
    match select(platform.cache.get(key), pin!(late)).await {
        Either::Left((Ok(text), _)) => serde_json::from_str(&text?).ok(),
        Either::Left((Err(err), _)) => {
            complain(platform, &err);
            None
        }
        Either::Right(_) => {
            platform.memory.copies_rest.begin(platform.clock.now());
            None
        }
    }
}

/// Puts a copy into KV, off the answer's path.
fn keep(platform: &Platform, key: String, read: &Row) {
    let text = serde_json::Value::Object(read.clone()).to_string();
    let worker = platform.clone();
    let work = async move {
        if let Err(err) = worker.cache.put(&key, text, LIFETIME).await {
            complain(&worker, &err);
        }
    };
    platform.background.spawn(work.boxed());
}

fn complain(platform: &Platform, err: &PortError) {
    if matches!(err, PortError::Unbound { .. }) {
        return;
    }
    let line = LogLine::warn("the cache did not answer; the database did its work");
    platform.log.write(line.because(err));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s17_memory_is_bounded_and_keeps_what_is_used() {
        let mut recent = Recent::default();
        for n in 0..10 * REMEMBERED {
            recent.insert(format!("k{n}"), n);
            assert_eq!(recent.find("k0"), Some(0), "after {n}");
        }
        assert!(recent.young.len() + recent.old.len() <= REMEMBERED);
        assert_eq!(recent.find("k1"), None);
    }
}
