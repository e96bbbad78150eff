//! What is over and may go: removed in batches, by the minute.

use super::statement;
use crate::{ports::Statement, time::UnixMillis};

/// The most rows that one statement here removes: a batch that D1 runs in one go.
pub const AT_ONCE: usize = 500;

/// Removes log-ins whose time is over at `now`: one row a log-in, at most [`AT_ONCE`].
///
/// One that was withdrawn stays until then, so that it can be told from one that never was.
#[must_use]
pub fn expired_sessions(now: UnixMillis) -> Statement {
    statement(
        "DELETE FROM sessions WHERE digest IN (
           SELECT digest FROM sessions WHERE expires_at <= CAST(?1 AS INTEGER) ORDER BY expires_at
           LIMIT 500)
         RETURNING 1 AS removed",
        [now.into()],
    )
}

/// Removes answers kept for an `Idempotency-Key` whose time is over at `now`: one row an answer, at most
/// [`AT_ONCE`].
#[must_use]
pub fn expired_replies(now: UnixMillis) -> Statement {
    statement(
        "DELETE FROM idempotency WHERE (holder, route, key_digest) IN (
           SELECT holder, route, key_digest FROM idempotency
           WHERE expires_at <= CAST(?1 AS INTEGER) ORDER BY expires_at LIMIT 500)
         RETURNING 1 AS removed",
        [now.into()],
    )
}

/// Removes turns of conversations whose time is over at `now`: one row a turn, at most [`AT_ONCE`].
#[must_use]
pub fn expired_turns(now: UnixMillis) -> Statement {
    statement(
        "DELETE FROM responses WHERE (project_id, id) IN (
           SELECT project_id, id FROM responses
           WHERE expires_at <= CAST(?1 AS INTEGER) ORDER BY expires_at LIMIT 500)
         RETURNING 1 AS removed",
        [now.into()],
    )
}

/// How long what webhooks were told is kept: 30 days, in milliseconds.
const DELIVERIES_KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// Removes what webhooks were told more than 30 days before `now`, with its tries: one row a delivery, at most
/// [`AT_ONCE`].
#[must_use]
pub fn old_deliveries(now: UnixMillis) -> Statement {
    statement(
        "DELETE FROM webhook_deliveries WHERE id IN (
           SELECT id FROM webhook_deliveries WHERE created_at <= CAST(?1 AS INTEGER) ORDER BY created_at
           LIMIT 500)
         RETURNING 1 AS removed",
        [now.plus(-DELIVERIES_KEPT_MS).into()],
    )
}
