//! Turns of conversations, kept for `previous_response_id` and `item_reference`. They rest sealed; nothing here
//! opens them.

use serde::Deserialize;

use super::statement;
use crate::{ids::ProjectId, ports::Statement, time::UnixMillis};

/// A turn that is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewTurn<'a> {
    /// What the vault made of it.
    pub content: &'a str,
    /// When it was said.
    pub created_at: UnixMillis,
    /// Until when it is kept.
    pub expires_at: UnixMillis,
    /// What the caller was told.
    pub id: &'a str,
    /// The turn before it.
    pub previous_id: Option<&'a str>,
    /// Whose it is.
    pub project: &'a ProjectId,
}

/// A turn as it rests.
#[derive(Clone, Debug, Deserialize)]
pub struct TurnRow {
    /// Sealed.
    pub content: String,
    /// What the caller was told.
    pub id: String,
    /// The turn before it.
    pub previous_id: Option<String>,
}

/// Keeps a turn. One that is there already stays: no turn ever changes, so that no chain has a loop.
#[must_use]
pub fn insert(turn: &NewTurn<'_>) -> Statement {
    statement(
        "INSERT INTO responses (project_id, id, previous_id, content, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (project_id, id) DO NOTHING",
        [
            turn.project.as_str().into(),
            turn.id.into(),
            turn.previous_id.into(),
            turn.content.into(),
            turn.created_at.into(),
            turn.expires_at.into(),
        ],
    )
}

/// Notes in which turn the items of an answer stand. `ids` is a list in JSON. The turn must be there.
#[must_use]
pub fn insert_items(project: &ProjectId, response_id: &str, ids: &str) -> Statement {
    statement(
        "INSERT INTO response_items (project_id, id, response_id)
         SELECT ?1, value, ?2 FROM json_each(?3) WHERE true
         ON CONFLICT (project_id, id, response_id) DO NOTHING",
        [project.as_str().into(), response_id.into(), ids.into()],
    )
}

/// Finds the turns that are still kept and whose answers have one of these items, the newest first: at least one
/// [`TurnRow`] if there is any, and more until they come to `cap` bytes as they rest. `ids` is a list in JSON.
#[must_use]
pub fn with_items(project: &ProjectId, ids: &str, cap: usize, now: UnixMillis) -> Statement {
    statement(
        "WITH found (id, created_at, size) AS (
           SELECT r.id, r.created_at, length(r.content) FROM responses AS r
           WHERE r.project_id = ?1 AND r.expires_at > CAST(?4 AS INTEGER) AND r.id IN (
             SELECT i.response_id FROM response_items AS i
             WHERE i.project_id = ?1 AND i.id IN (SELECT value FROM json_each(?2)))
         ), ranked (id, created_at, before) AS (
           SELECT id, created_at, sum(size) OVER (ORDER BY created_at DESC, id) - size FROM found
         )
         SELECT r.id, r.previous_id, r.content FROM ranked
         JOIN responses AS r ON r.project_id = ?1 AND r.id = ranked.id
         WHERE ranked.before < CAST(?3 AS INTEGER)
         ORDER BY ranked.created_at DESC, ranked.id",
        [
            project.as_str().into(),
            ids.into(),
            i64::try_from(cap).unwrap_or(i64::MAX).into(),
            now.into(),
        ],
    )
}

/// Finds a turn that is still kept: at most one [`TurnRow`].
#[must_use]
pub fn find(project: &ProjectId, id: &str, now: UnixMillis) -> Statement {
    statement(
        "SELECT id, previous_id, content FROM responses
         WHERE project_id = ?1 AND id = ?2 AND expires_at > CAST(?3 AS INTEGER)",
        [project.as_str().into(), id.into(), now.into()],
    )
}

/// Finds a turn with those before it, the oldest first: at most 1,000 [`TurnRow`]s, and of some 24 MB, since an
/// isolate has 128 for all of its calls. Where one is missing, the
/// chain ends: the first row still names one before it.
#[must_use]
pub fn chain(project: &ProjectId, id: &str, now: UnixMillis) -> Statement {
    statement(
        "WITH RECURSIVE found (id, previous_id, place, size) AS (
           SELECT id, previous_id, 0, length(content) FROM responses
           WHERE project_id = ?1 AND id = ?2 AND expires_at > CAST(?3 AS INTEGER)
           UNION ALL
           SELECT r.id, r.previous_id, f.place + 1, f.size + length(r.content) FROM found AS f
           JOIN responses AS r ON r.project_id = ?1 AND r.id = f.previous_id
           WHERE f.place < 999 AND f.size < 24000000 AND r.expires_at > CAST(?3 AS INTEGER)
         )
         SELECT r.id, r.previous_id, r.content FROM found AS f
         JOIN responses AS r ON r.project_id = ?1 AND r.id = f.id
         ORDER BY f.place DESC",
        [project.as_str().into(), id.into(), now.into()],
    )
}

/// Forgets a turn: one row if it was there.
#[must_use]
pub fn delete(project: &ProjectId, id: &str, now: UnixMillis) -> Statement {
    statement(
        "DELETE FROM responses
         WHERE project_id = ?1 AND id = ?2 AND expires_at > CAST(?3 AS INTEGER)
         RETURNING 1 AS removed",
        [project.as_str().into(), id.into(), now.into()],
    )
}

/// A turn that an older master key sealed.
#[derive(Clone, Debug, Deserialize)]
pub struct OldTurn {
    /// Sealed.
    pub content: String,
    /// Which.
    pub id: String,
    /// Whose it is.
    pub project_id: ProjectId,
}

/// The turns that were sealed with an older master key than this one: at most 50 [`OldTurn`]s, which may be
/// large.
#[must_use]
pub fn older(newest: u32, now: UnixMillis) -> Statement {
    statement(
        "SELECT r.project_id, r.id, r.content FROM responses AS r
         WHERE r.expires_at > ?1
           AND CAST(substr(r.content, 2, instr(r.content, '.') - 2) AS INTEGER) < CAST(?2 AS INTEGER)
         ORDER BY r.expires_at LIMIT 50",
        [now.into(), i64::from(newest).into()],
    )
}

/// Counts them: one row with `count`.
#[must_use]
pub fn count_older(newest: u32, now: UnixMillis) -> Statement {
    statement(
        "SELECT count(*) AS count FROM responses AS r
         WHERE r.expires_at > ?1
           AND CAST(substr(r.content, 2, instr(r.content, '.') - 2) AS INTEGER) < CAST(?2 AS INTEGER)",
        [now.into(), i64::from(newest).into()],
    )
}

/// Puts the same turn there as another master key sealed it: one row if it was done.
#[must_use]
pub fn reseal(old: &OldTurn, sealed: &str) -> Statement {
    statement(
        "UPDATE responses SET content = ?4
         WHERE project_id = ?1 AND id = ?2 AND content = ?3
         RETURNING id AS resealed",
        [
            old.project_id.as_str().into(),
            old.id.as_str().into(),
            old.content.as_str().into(),
            sealed.into(),
        ],
    )
}
