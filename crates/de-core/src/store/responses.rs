//! Turns of conversations, kept for `previous_response_id` and `item_reference`. They rest sealed; nothing here
//! opens them.

use serde::Deserialize;

use super::statement;
use crate::{ids::ProjectId, ports::Statement, time::UnixMillis};

/// A turn that is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewTurn<'a> {
    /// What the vault made of it, or of its beginning.
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
    /// All that rests of it, parts included.
    pub size_bytes: usize,
}

/// A turn as it rests, or a part of it. Those of one turn follow each other, in order.
#[derive(Clone, Debug, Deserialize)]
pub struct TurnRow {
    /// All that was looked for, in bytes as it rests, whether it is given or not.
    pub all_bytes: usize,
    /// Sealed; `None` where all of it is too large to be given.
    pub content: Option<String>,
    /// What the caller was told.
    pub id: String,
    /// Which part of the turn; 0 is its beginning.
    pub part: u32,
    /// The turn before it; of other parts than the first `None`.
    pub previous_id: Option<String>,
}

/// Keeps a turn. One that is there already stays: no turn ever changes, so that no chain has a loop.
#[must_use]
pub fn insert(turn: &NewTurn<'_>) -> Statement {
    statement(
        "INSERT INTO responses (project_id, id, previous_id, content, created_at, expires_at, size_bytes)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (project_id, id) DO NOTHING",
        [
            turn.project.as_str().into(),
            turn.id.into(),
            turn.previous_id.into(),
            turn.content.into(),
            turn.created_at.into(),
            turn.expires_at.into(),
            i64::try_from(turn.size_bytes).unwrap_or(i64::MAX).into(),
        ],
    )
}

/// The bytes of what the vault makes that no two turns share: version and nonce.
const MARK: usize = 20;

/// Keeps a further part of a turn, `place` counted from 1. Nothing is kept where another turn was there already.
#[must_use]
pub fn insert_part(turn: &NewTurn<'_>, place: usize, content: &str) -> Statement {
    let mark: String = turn.content.chars().take(MARK).collect();
    statement(
        "INSERT INTO response_parts (project_id, response_id, place, content)
         SELECT project_id, id, CAST(?3 AS INTEGER), ?4 FROM responses
         WHERE project_id = ?1 AND id = ?2 AND substr(content, 1, length(?5)) = ?5
         ON CONFLICT (project_id, response_id, place) DO NOTHING",
        [
            turn.project.as_str().into(),
            turn.id.into(),
            i64::try_from(place).unwrap_or(i64::MAX).into(),
            content.into(),
            mark.into(),
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
/// if there is any, and more while all come to at most `cap` bytes as they rest. `ids` is a list in JSON.
/// [`TurnRow::all_bytes`] is the sum of all that have one, also of those that are not given.
///
/// `CROSS JOIN` keeps SQLite from going through all parts that the project has.
#[must_use]
pub fn with_items(project: &ProjectId, ids: &str, cap: usize, now: UnixMillis) -> Statement {
    statement(
        "WITH found (id, previous_id, created_at, size) AS (
           SELECT r.id, r.previous_id, r.created_at, coalesce(r.size_bytes, length(r.content))
           FROM responses AS r
           WHERE r.project_id = ?1 AND r.expires_at > CAST(?4 AS INTEGER) AND r.id IN (
             SELECT i.response_id FROM response_items AS i
             WHERE i.project_id = ?1 AND i.id IN (SELECT value FROM json_each(?2)))
         ), ranked (id, previous_id, created_at, size, upto, whole) AS (
           SELECT id, previous_id, created_at, size,
             sum(size) OVER (ORDER BY created_at DESC, id), sum(size) OVER ()
           FROM found
         ), given (id, previous_id, created_at, whole) AS (
           SELECT id, previous_id, created_at, whole FROM ranked
           WHERE upto <= CAST(?3 AS INTEGER) OR upto = size
         )
         SELECT g.created_at AS created_at, g.id AS id, g.previous_id AS previous_id, 0 AS part,
           r.content AS content, g.whole AS all_bytes
         FROM given AS g CROSS JOIN responses AS r ON r.project_id = ?1 AND r.id = g.id
         UNION ALL
         SELECT g.created_at, g.id, NULL, p.place, p.content, g.whole
         FROM given AS g CROSS JOIN response_parts AS p
           ON p.project_id = ?1 AND p.response_id = g.id
         ORDER BY created_at DESC, id, part",
        [
            project.as_str().into(),
            ids.into(),
            i64::try_from(cap).unwrap_or(i64::MAX).into(),
            now.into(),
        ],
    )
}

/// Finds a turn that is still kept: the [`TurnRow`]s of its parts, none if it is not there.
#[must_use]
pub fn find(project: &ProjectId, id: &str, now: UnixMillis) -> Statement {
    statement(
        "SELECT r.id AS id, r.previous_id AS previous_id, 0 AS part, r.content AS content,
           coalesce(r.size_bytes, length(r.content)) AS all_bytes
         FROM responses AS r
         WHERE r.project_id = ?1 AND r.id = ?2 AND r.expires_at > CAST(?3 AS INTEGER)
         UNION ALL
         SELECT r.id, NULL, p.place, p.content, r.size_bytes
         FROM responses AS r
         JOIN response_parts AS p ON p.project_id = r.project_id AND p.response_id = r.id
         WHERE r.project_id = ?1 AND r.id = ?2 AND r.expires_at > CAST(?3 AS INTEGER)
         ORDER BY part",
        [project.as_str().into(), id.into(), now.into()],
    )
}

/// Finds a turn with those before it, the oldest first: at most 1,000 turns, a [`TurnRow`] each part. Their contents
/// are given if they come to less than 24 MB in all, since an isolate has 128 for all of its calls: what they come to
/// is read first. Where a turn is missing, the chain ends: the first row still names one before it.
#[must_use]
pub fn chain(project: &ProjectId, id: &str, now: UnixMillis) -> Statement {
    statement(
        "WITH RECURSIVE found (id, previous_id, place, size) AS (
           SELECT id, previous_id, 0, coalesce(size_bytes, length(content)) FROM responses
           WHERE project_id = ?1 AND id = ?2 AND expires_at > CAST(?3 AS INTEGER)
           UNION ALL
           SELECT r.id, r.previous_id, f.place + 1, f.size + coalesce(r.size_bytes, length(r.content))
           FROM found AS f JOIN responses AS r ON r.project_id = ?1 AND r.id = f.previous_id
           WHERE f.place < 999 AND f.size < 24000000 AND r.expires_at > CAST(?3 AS INTEGER)
         ), whole (size) AS (SELECT max(size) FROM found)
         SELECT f.place AS place, f.id AS id, f.previous_id AS previous_id, 0 AS part,
           CASE WHEN w.size < 24000000 THEN r.content END AS content, w.size AS all_bytes
         FROM whole AS w CROSS JOIN found AS f
         CROSS JOIN responses AS r ON r.project_id = ?1 AND r.id = f.id
         UNION ALL
         SELECT f.place, f.id, NULL, p.place, p.content, w.size
         FROM whole AS w CROSS JOIN found AS f
         CROSS JOIN response_parts AS p ON p.project_id = ?1 AND p.response_id = f.id
         WHERE w.size < 24000000
         ORDER BY place DESC, part",
        [project.as_str().into(), id.into(), now.into()],
    )
}

/// Forgets a turn, with its parts: one row if it was there.
#[must_use]
pub fn delete(project: &ProjectId, id: &str, now: UnixMillis) -> Statement {
    statement(
        "DELETE FROM responses
         WHERE project_id = ?1 AND id = ?2 AND expires_at > CAST(?3 AS INTEGER)
         RETURNING 1 AS removed",
        [project.as_str().into(), id.into(), now.into()],
    )
}

/// A part of a turn that an older master key sealed.
#[derive(Clone, Debug, Deserialize)]
pub struct OldTurn {
    /// Sealed.
    pub content: String,
    /// Of which turn.
    pub id: String,
    /// As [`TurnRow::part`].
    pub part: u32,
    /// Whose it is.
    pub project_id: ProjectId,
}

/// The parts of turns that were sealed with an older master key than this one: at most 50 [`OldTurn`]s, and of
/// some 16 MB.
#[must_use]
pub fn older(newest: u32, now: UnixMillis) -> Statement {
    statement(
        "WITH found (project_id, id, part, expires_at, size) AS (
           SELECT r.project_id, r.id, 0, r.expires_at, length(r.content) FROM responses AS r
           WHERE r.expires_at > CAST(?1 AS INTEGER)
             AND CAST(substr(r.content, 2, instr(r.content, '.') - 2) AS INTEGER) < CAST(?2 AS INTEGER)
           UNION ALL
           SELECT r.project_id, r.id, p.place, r.expires_at, length(p.content)
           FROM response_parts AS p
           JOIN responses AS r ON r.project_id = p.project_id AND r.id = p.response_id
           WHERE r.expires_at > CAST(?1 AS INTEGER)
             AND CAST(substr(p.content, 2, instr(p.content, '.') - 2) AS INTEGER) < CAST(?2 AS INTEGER)
           ORDER BY 4, 1, 2, 3 LIMIT 50
         ), first (project_id, id, part, expires_at, upto) AS (
           SELECT project_id, id, part, expires_at,
             sum(size) OVER (ORDER BY expires_at, project_id, id, part)
           FROM found
         )
         SELECT f.project_id AS project_id, f.id AS id, f.part AS part,
           coalesce(p.content, r.content) AS content
         FROM first AS f
         JOIN responses AS r ON r.project_id = f.project_id AND r.id = f.id
         LEFT JOIN response_parts AS p
           ON p.project_id = f.project_id AND p.response_id = f.id AND p.place = f.part
         WHERE f.upto < 16000000
         ORDER BY f.expires_at, f.project_id, f.id, f.part",
        [now.into(), i64::from(newest).into()],
    )
}

/// Counts them: one row with `count`.
#[must_use]
pub fn count_older(newest: u32, now: UnixMillis) -> Statement {
    statement(
        "SELECT (
             SELECT count(*) FROM responses AS r
             WHERE r.expires_at > CAST(?1 AS INTEGER)
               AND CAST(substr(r.content, 2, instr(r.content, '.') - 2) AS INTEGER)
                 < CAST(?2 AS INTEGER)
           ) + (
             SELECT count(*) FROM response_parts AS p
             JOIN responses AS r ON r.project_id = p.project_id AND r.id = p.response_id
             WHERE r.expires_at > CAST(?1 AS INTEGER)
               AND CAST(substr(p.content, 2, instr(p.content, '.') - 2) AS INTEGER)
                 < CAST(?2 AS INTEGER)
           ) AS count",
        [now.into(), i64::from(newest).into()],
    )
}

/// Puts the same part there as another master key sealed it: one row if it was done.
#[must_use]
pub fn reseal(old: &OldTurn, sealed: &str) -> Statement {
    let sql = if old.part == 0 {
        "UPDATE responses SET content = ?4
         WHERE project_id = ?1 AND id = ?2 AND content = ?3 AND CAST(?5 AS INTEGER) = 0
         RETURNING id AS resealed"
    } else {
        "UPDATE response_parts SET content = ?4
         WHERE project_id = ?1 AND response_id = ?2 AND content = ?3 AND place = CAST(?5 AS INTEGER)
         RETURNING response_id AS resealed"
    };
    statement(
        sql,
        [
            old.project_id.as_str().into(),
            old.id.as_str().into(),
            old.content.as_str().into(),
            sealed.into(),
            i64::from(old.part).into(),
        ],
    )
}
