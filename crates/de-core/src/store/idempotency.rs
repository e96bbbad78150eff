//! Answers kept for a caller's `Idempotency-Key`. They rest sealed; nothing here opens them.

use serde::Deserialize;

use super::statement;
use crate::{ports::Statement, time::UnixMillis};

/// Whose answer to what.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// The key or person that asks.
    pub holder: String,
    /// SHA-256 of the caller's `Idempotency-Key`, in hex.
    pub key_digest: String,
    /// The operation and where: `POST /v1/projects`.
    pub route: String,
}

/// An answer that was given.
#[derive(Clone, Debug, Deserialize)]
pub struct KeptReply {
    /// SHA-256 of the body that it answers, in hex.
    pub body_digest: String,
    /// What the vault made of it.
    pub reply: String,
}

/// Finds an answer that may still be given: at most one [`KeptReply`].
#[must_use]
pub fn find(place: &Place, now: UnixMillis) -> Statement {
    statement(
        "SELECT body_digest, reply FROM idempotency
         WHERE holder = ?1 AND route = ?2 AND key_digest = ?3 AND expires_at > CAST(?4 AS INTEGER)",
        [
            place.holder.as_str().into(),
            place.route.as_str().into(),
            place.key_digest.as_str().into(),
            now.into(),
        ],
    )
}

/// Forgets an answer whose time is over, so that its place is free.
#[must_use]
pub fn expire(place: &Place, now: UnixMillis) -> Statement {
    statement(
        "DELETE FROM idempotency
         WHERE holder = ?1 AND route = ?2 AND key_digest = ?3 AND expires_at <= CAST(?4 AS INTEGER)",
        [
            place.holder.as_str().into(),
            place.route.as_str().into(),
            place.key_digest.as_str().into(),
            now.into(),
        ],
    )
}

/// Keeps an answer, in the batch of what it tells of. A conflict says `idempotency.holder`: the same was
/// asked for twice at once, and the other batch was first.
#[must_use]
pub fn insert(
    place: &Place,
    body_digest: &str,
    reply: &str,
    now: UnixMillis,
    expires_at: UnixMillis,
) -> Statement {
    statement(
        "INSERT INTO idempotency (holder, route, key_digest, body_digest, reply, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        [
            place.holder.as_str().into(),
            place.route.as_str().into(),
            place.key_digest.as_str().into(),
            body_digest.into(),
            reply.into(),
            now.into(),
            expires_at.into(),
        ],
    )
}

/// An answer that an older master key sealed.
#[derive(Clone, Debug, Deserialize)]
pub struct OldReply {
    /// Who asked.
    pub holder: String,
    /// The digest of their key.
    pub key_digest: String,
    /// The answer, sealed.
    pub reply: String,
    /// What they asked for.
    pub route: String,
}

/// The kept answers that were sealed with an older master key than this one: at most 1,000 [`OldReply`]s.
#[must_use]
pub fn older(newest: u32, now: UnixMillis) -> Statement {
    statement(
        "SELECT i.holder, i.route, i.key_digest, i.reply FROM idempotency AS i
         WHERE i.expires_at > ?1
           AND CAST(substr(i.reply, 2, instr(i.reply, '.') - 2) AS INTEGER) < CAST(?2 AS INTEGER)
         ORDER BY i.expires_at LIMIT 1000",
        [now.into(), i64::from(newest).into()],
    )
}

/// Counts them: one row with `count`.
#[must_use]
pub fn count_older(newest: u32, now: UnixMillis) -> Statement {
    statement(
        "SELECT count(*) AS count FROM idempotency AS i
         WHERE i.expires_at > ?1
           AND CAST(substr(i.reply, 2, instr(i.reply, '.') - 2) AS INTEGER) < CAST(?2 AS INTEGER)",
        [now.into(), i64::from(newest).into()],
    )
}

/// Puts the same answer there as another master key sealed it: one row if it was done.
#[must_use]
pub fn reseal(old: &OldReply, sealed: &str) -> Statement {
    statement(
        "UPDATE idempotency SET reply = ?5
         WHERE holder = ?1 AND route = ?2 AND key_digest = ?3 AND reply = ?4
         RETURNING route AS resealed",
        [
            old.holder.as_str().into(),
            old.route.as_str().into(),
            old.key_digest.as_str().into(),
            old.reply.as_str().into(),
            sealed.into(),
        ],
    )
}
