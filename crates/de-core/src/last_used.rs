//! When keys and sessions were last used: noted off the answer's path, at most once a minute each.
//!
//! Each isolate remembers what it has noted, so most calls write nothing; the statement itself keeps several
//! isolates from writing more often.

use futures_util::FutureExt;

use crate::{
    auth::session::Times,
    ids::{ApiKeyId, InstanceId, ProviderId, SessionId},
    log::LogLine,
    ports::{Platform, Statement},
    store,
};

/// How often at most.
const EVERY_MS: i64 = 60 * 1_000;

/// Notes that a caller was let in with a key.
pub fn api_key(platform: &Platform, id: &ApiKeyId) {
    let now = platform.clock.now();
    if platform.memory.is_due(id.as_str(), now, EVERY_MS) {
        write(platform, store::api_keys::touch(id, now));
    }
}

/// Notes that a vendor's key was opened for a call.
pub fn provider_key(platform: &Platform, instance: &InstanceId, provider: &ProviderId) {
    let now = platform.clock.now();
    if platform.memory.is_due(&format!("{instance}/{provider}"), now, EVERY_MS) {
        write(platform, store::provider_keys::touch(instance, provider, now));
    }
}

/// Notes a call of a session, by which it stays alive.
pub fn session(platform: &Platform, id: &SessionId, times: Times) {
    let now = platform.clock.now();
    if times.are_stale(now) && platform.memory.is_due(id.as_str(), now, EVERY_MS) {
        write(platform, store::sessions::touch(id, now));
    }
}

/// Runs a statement off the answer's path. One that fails leaves a note for a minute later to write.
fn write(platform: &Platform, statement: Statement) {
    let worker = platform.clone();
    let work = async move {
        if let Err(err) = worker.database.batch(vec![statement]).await {
            let line = LogLine::warn("when a key or a session was last used could not be noted");
            worker.log.write(line.because(&err));
        }
    };
    platform.background.spawn(work.boxed());
}
