//! The keys of a Cloudflare Access team: read from the team's own list, and kept for an hour.
//!
//! A token that names a key which is not among them may be signed with a new one: then the list is read anew,
//! at most once a minute, so that nobody makes us ask by inventing names.

use std::{
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{HeaderMap, Method};
use url::Url;

use super::access_token::{AccessTeam, KeySet};
use crate::{
    guard,
    http::error::{ApiError, Code},
    ports::{Outbound, Platform},
    time::UnixMillis,
};

/// How long a list is believed.
const KEPT_MS: i64 = 60 * 60 * 1_000;

/// How often the list is read for the sake of a key that is not on it.
const ASKED_EVERY_MS: i64 = 60 * 1_000;

/// How long a team whose list cannot be read is left alone.
const REST_MS: i64 = 10 * 1_000;

/// How long reading the list may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The largest list, in bytes.
const LARGEST: usize = 64 * 1024;

/// The keys that an isolate remembers: those of one team, as there is only one.
#[derive(Default)]
pub(crate) struct KeptKeys(Mutex<Kept>);

#[derive(Clone, Debug, Default)]
struct Kept {
    asked_at: Option<UnixMillis>,
    failed_at: Option<UnixMillis>,
    keys: Option<(Arc<KeySet>, UnixMillis)>,
}

/// What to do for a token.
#[derive(Debug)]
enum Next {
    /// Read the list.
    Ask,
    /// The list could not be read a moment ago.
    Rest,
    /// These are the keys; that of the token may be missing.
    Use(Arc<KeySet>),
}

impl Kept {
    fn next(&self, kid: &str, now: UnixMillis) -> Next {
        let within = |at: Option<UnixMillis>, span| at.is_some_and(|at| now < at.plus(span));
        match &self.keys {
            Some((keys, read_at)) if now < read_at.plus(KEPT_MS) => {
                let wait = keys.has(kid) || within(self.asked_at, ASKED_EVERY_MS);
                if wait { Next::Use(keys.clone()) } else { Next::Ask }
            }
            Some(_) | None if within(self.failed_at, REST_MS) => Next::Rest,
            Some(_) | None => Next::Ask,
        }
    }
}

/// The keys of the team, with that of the token among them if the team has it.
///
/// # Errors
/// `PROVIDER_UNAVAILABLE` if the list cannot be read.
pub async fn keys(
    platform: &Platform,
    team: &AccessTeam,
    kid: &str,
) -> Result<Arc<KeySet>, ApiError> {
    let kept = &platform.memory.access_keys.0;
    let now = platform.clock.now();
    let next = match kept.lock() {
        Ok(mut kept) => {
            let next = kept.next(kid, now);
            if matches!(next, Next::Ask) {
                kept.asked_at = Some(now);
            }
            next
        }
        Err(_) => Next::Ask,
    };
    let read = match next {
        Next::Use(keys) => return Ok(keys),
        Next::Rest => return Err(unavailable("it could not be read a moment ago".to_owned())),
        Next::Ask => read(platform, team).await,
    };
    if let Ok(mut kept) = kept.lock() {
        let now = platform.clock.now();
        match &read {
            Ok(keys) => {
                kept.failed_at = None;
                kept.keys = Some((keys.clone(), now));
            }
            Err(_) => kept.failed_at = Some(now),
        }
    }
    read.map_err(unavailable)
}

/// Reads the list; what went wrong is for the log.
async fn read(platform: &Platform, team: &AccessTeam) -> Result<Arc<KeySet>, String> {
    let url = format!("{}/cdn-cgi/access/certs", team.domain);
    let url = Url::parse(&url).map_err(|err| err.to_string())?;
    guard::check(&url, &platform.settings).map_err(|err| err.to_string())?;
    let request =
        Outbound { body: Bytes::new(), headers: HeaderMap::new(), method: Method::GET, url };
    let answer = async {
        let answer = platform.fetch.send(request).await.map_err(|err| err.to_string())?;
        if answer.status != 200 {
            return Err(format!("it answered {}", answer.status));
        }
        let body = answer.body.whole(LARGEST).await.map_err(|err| err.to_string())?;
        body.ok_or_else(|| "it is too large".to_owned())
    };
    let late = platform.clock.sleep(PATIENCE);
    let body = match select(pin!(answer), pin!(late)).await {
        Either::Left((body, _)) => body?,
        Either::Right(_) => return Err("it did not come in time".to_owned()),
    };
    KeySet::parse(&body).map(Arc::new).map_err(|err| err.to_string())
}

fn unavailable(cause: String) -> ApiError {
    let message = "the keys of Cloudflare Access cannot be read right now";
    let cause = format!("the list of the team's keys: {cause}");
    ApiError::new(Code::ProviderUnavailable, message)
        .retry_after(Duration::from_secs(10))
        .because(cause)
}
