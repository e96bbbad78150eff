//! What ends when a person becomes more than they were: every key and log-in that they had. And when they get another
//! address: every log-in.
//!
//! A key is worth what its holder may, at each call anew. One that an administrator made for somebody below them, and
//! kept the secret of, would be worth more than its keeper once that person is above them. Who made a key is no help:
//! whoever holds one makes others with it, which are on record as the person's own. So none of them goes on.

use de_core::{
    http::error::ApiError,
    ids::{ApiKeyId, SessionId, UserId},
    ports::{Platform, rows},
    store::{
        api_keys::{self, UnrevokedRow as KeyRow},
        sessions::{self, UnrevokedRow as LogInRow},
    },
    time::UnixMillis,
};
use serde_json::json;

use crate::resource::Consequence;

/// Ends it, in the batch of the change, and names it beside what the person is now. The change is overtaken if the
/// person has got another key meanwhile. A log-in of the same moment ends with the key that made it.
pub(super) async fn ends(platform: &Platform, user: &UserId) -> Result<Consequence, ApiError> {
    let now = platform.clock.now();
    let keys: Vec<KeyRow> = rows(&*platform.database, api_keys::unrevoked(user)).await?;
    let keys: Vec<ApiKeyId> = keys.into_iter().map(|row| row.id).collect();
    let log_ins = log_ins(platform, user, now).await?;
    let told = [("revoked_api_keys", json!(keys)), ("revoked_sessions", json!(log_ins))];
    let user = user.clone();
    let statements = move |event: &str| {
        vec![
            api_keys::no_others(event, &user, &keys),
            api_keys::revoke_all(&user, now),
            sessions::revoke_all(&user, now),
        ]
    };
    Ok(Consequence { statements: Some(Box::new(statements)), told: told.into() })
}

/// Ends the log-ins of a person whose address is another one now: somebody else may have begun them by the former one.
/// Keys go on, as no address is asked for with them.
pub(super) async fn ends_log_ins(
    platform: &Platform,
    user: &UserId,
) -> Result<Consequence, ApiError> {
    let now = platform.clock.now();
    let told = [("revoked_sessions", json!(log_ins(platform, user, now).await?))];
    let user = user.clone();
    let statements = move |_: &str| vec![sessions::revoke_all(&user, now)];
    Ok(Consequence { statements: Some(Box::new(statements)), told: told.into() })
}

async fn log_ins(
    platform: &Platform,
    user: &UserId,
    now: UnixMillis,
) -> Result<Vec<SessionId>, ApiError> {
    let found: Vec<LogInRow> = rows(&*platform.database, sessions::unrevoked(user, now)).await?;
    Ok(found.into_iter().map(|row| row.id).collect())
}
