//! What ends when a person becomes more than they were: every key and log-in that they had.
//!
//! A key is worth what its holder may, at each call anew. One that an administrator made for somebody below them, and
//! kept the secret of, would be worth more than its keeper once that person is above them. Who made a key is no help:
//! whoever holds one makes others with it, which are on record as the person's own. So none of them goes on.

use de_core::{
    http::error::ApiError,
    ids::{ApiKeyId, SessionId, UserId},
    ports::{Platform, Statement, rows},
    store::{
        api_keys::{self, UnrevokedRow as KeyRow},
        sessions::{self, UnrevokedRow as LogInRow},
    },
    time::UnixMillis,
};
use serde_json::{Value, json};

use crate::resource::Change;

/// What a person has at the moment before they become more.
pub(super) struct Ended {
    keys: Vec<ApiKeyId>,
    log_ins: Vec<SessionId>,
    user: UserId,
}

impl Ended {
    /// Reads it.
    pub(super) async fn of(platform: &Platform, user: &UserId) -> Result<Self, ApiError> {
        let now = platform.clock.now();
        let keys: Vec<KeyRow> = rows(&*platform.database, api_keys::unrevoked(user)).await?;
        let log_ins: Vec<LogInRow> =
            rows(&*platform.database, sessions::unrevoked(user, now)).await?;
        Ok(Self {
            keys: keys.into_iter().map(|row| row.id).collect(),
            log_ins: log_ins.into_iter().map(|row| row.id).collect(),
            user: user.clone(),
        })
    }

    /// Names it in the trail of changes, beside what the person is now.
    pub(super) fn tell(&self, change: &mut Change) {
        if let Some(after) = change.after.as_mut().and_then(Value::as_object_mut) {
            after.insert("revoked_api_keys".to_owned(), json!(self.keys));
            after.insert("revoked_sessions".to_owned(), json!(self.log_ins));
        }
    }

    /// Ends it, in the batch of the change. That is overtaken if the person has got another key meanwhile. A log-in
    /// of the same moment ends with the key that made it.
    pub(super) fn statements(&self, event: &str, now: UnixMillis) -> [Statement; 3] {
        [
            api_keys::no_others(event, &self.user, &self.keys),
            api_keys::revoke_all(&self.user, now),
            sessions::revoke_all(&self.user, now),
        ]
    }
}
