//! How `usage_sums` is kept true, and how rows go.
//!
//! A trigger marks the hour of every row that comes, in the transaction of the row. An hour is summed, its day and
//! its 32 days after it, and its mark goes, in one batch: a row is there before that, and counted, or comes after
//! it, and marks the hour anew. So an hour without a mark is summed from all its rows.
//!
//! Rows go once they are older than their instance keeps them, and their hour has no mark and was summed some days
//! ago: whoever delivers a row a second time does so by then, and it has to be known. First `pruned_before` moves
//! on, in the same batch: from then on the hour is never summed from rows again, as some of them may be gone. A row
//! that still comes for it is noted in `usage_late` by the trigger, added to the sums once, and stays as long.

use serde::{Deserialize, Serialize};

use super::columns::{
    added_up, counted, each_bucket, each_high_bucket, each_low_bucket, each_sum, ids, ids_of_rows,
    plain, raised, summed_rows,
};
use crate::{
    ids::InstanceId,
    ports::Statement,
    store::{json_arg, statement},
    time::UnixMillis,
};

/// An hour.
pub const HOUR_MS: i64 = 60 * 60 * 1_000;
/// A day in UTC.
pub const DAY_MS: i64 = 24 * HOUR_MS;
/// 32 days: what long ranges are read by.
pub const BLOCK_MS: i64 = 32 * DAY_MS;

/// How many marks one batch takes.
pub const MARKS_AT_ONCE: usize = 20;
/// How many rows that came late one batch adds.
pub const LATE_AT_ONCE: usize = 200;
/// How many rows one batch removes.
pub const PRUNED_AT_ONCE: usize = 500;

/// How long rows are kept where no instance says it, be it that it does not or that it is gone: in days.
pub const USUAL_RETENTION_DAYS: i64 = 365;
/// The least that rows are kept, whatever an instance says, both from their admission and from when they were
/// summed: longer than a Limiter repeats what it was told.
pub const LEAST_RETENTION_DAYS: i64 = 3;

/// An hour of an instance that got rows since it was summed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Mark {
    /// When it begins.
    pub hour: UnixMillis,
    /// Whose.
    pub instance_id: InstanceId,
}

/// Finds marks of hours before `before`, the oldest first, after another one: at most [`MARKS_AT_ONCE`]
/// [`Mark`]s.
#[must_use]
pub fn marks(before: UnixMillis, after: Option<&Mark>) -> Statement {
    statement(
        "SELECT hour, instance_id FROM usage_marks
         WHERE hour < CAST(?1 AS INTEGER) AND hour >= CAST(?2 AS INTEGER)
           AND (hour > CAST(?2 AS INTEGER) OR instance_id > ?3)
         ORDER BY hour, instance_id LIMIT 20",
        [
            before.into(),
            after.map_or(0, |mark| mark.hour.0).into(),
            after.map_or("", |mark| mark.instance_id.as_str()).into(),
        ],
    )
}

/// `hours`: the marked ones of `?1`. Who was faster has taken the mark, and with it the right to sum.
macro_rules! of_marks {
    () => {
        "WITH hours AS MATERIALIZED (
           SELECT m.instance_id, m.hour FROM json_each(?1) AS r CROSS JOIN usage_marks AS m
             ON m.instance_id = r.value ->> '$.instance_id' AND m.hour = r.value ->> '$.hour'
         ) "
    };
}

/// `hours`: those of rows that came late.
macro_rules! of_late {
    () => {
        concat!(
            "WITH ",
            waiting!(),
            ", hours AS MATERIALIZED (
               SELECT DISTINCT u.instance_id, u.admitted_at - u.admitted_at % 3600000 AS hour
               FROM waiting AS w CROSS JOIN usage_logs AS u ON u.receipt_id = w.receipt_id
             ) "
        )
    };
}

/// The same rows in each statement of a batch.
macro_rules! waiting {
    () => {
        "waiting AS MATERIALIZED (
           SELECT l.receipt_id FROM usage_late AS l WHERE l.added_at IS NULL
           ORDER BY l.receipt_id LIMIT 200
         )"
    };
}

macro_rules! insert {
    () => {
        concat!(
            "INSERT INTO usage_sums (instance_id, span_ms, at, ",
            ids!(""),
            ", ",
            each_sum!(plain),
            ", ",
            each_bucket!(plain),
            ") "
        )
    };
}

/// Removes the sums of the spans of `?2` milliseconds that hold one of `hours`.
macro_rules! forget {
    ($hours:ident) => {
        concat!(
            $hours!(),
            "DELETE FROM usage_sums WHERE (instance_id, span_ms, at) IN (
               SELECT h.instance_id, CAST(?2 AS INTEGER), h.hour - h.hour % CAST(?2 AS INTEGER)
               FROM hours AS h)"
        )
    };
}

/// Sums these spans from those of `?3` milliseconds.
macro_rules! sum_again {
    ($hours:ident) => {
        concat!(
            $hours!(),
            ", spans AS MATERIALIZED (
               SELECT DISTINCT h.instance_id, h.hour - h.hour % CAST(?2 AS INTEGER) AS at FROM hours AS h
             ) ",
            insert!(),
            "SELECT s.instance_id, CAST(?2 AS INTEGER), d.at, ", ids!("s."), ", ",
            each_sum!(added_up), ", ", each_bucket!(added_up),
            " FROM spans AS d CROSS JOIN usage_sums AS s
                ON s.instance_id = d.instance_id AND s.span_ms = CAST(?3 AS INTEGER)
                AND s.at >= d.at AND s.at < d.at + CAST(?2 AS INTEGER)
              GROUP BY 1, 3, 4, 5, 6, 7, 8, 9, 10"
        )
    };
}

/// Sums these hours from all their rows, and the longer spans that hold them: one batch. Brings, from its last
/// statement, a row for each mark that went.
#[must_use]
pub fn sum_up(marks: &[Mark], now: UnixMillis) -> Vec<Statement> {
    let hours = json_arg(marks);
    let of_rows = concat!(
        of_marks!(),
        insert!(),
        "SELECT u.instance_id, 3600000, h.hour, ",
        ids_of_rows!(),
        ", ",
        summed_rows!(),
        ", ",
        each_bucket!(counted),
        " FROM hours AS h CROSS JOIN usage_logs AS u
            ON u.instance_id = h.instance_id AND u.admitted_at >= h.hour
            AND u.admitted_at < h.hour + 3600000
          GROUP BY 1, 3, 4, 5, 6, 7, 8, 9, 10"
    );
    let mut all = vec![
        statement(forget!(of_marks), [hours.clone(), HOUR_MS.into()]),
        statement(of_rows, [hours.clone()]),
    ];
    for (span_ms, shorter_ms) in [(DAY_MS, HOUR_MS), (BLOCK_MS, DAY_MS)] {
        all.push(statement(forget!(of_marks), [hours.clone(), span_ms.into()]));
        let args = [hours.clone(), span_ms.into(), shorter_ms.into()];
        all.push(statement(sum_again!(of_marks), args));
    }
    let hold = concat!(
        of_marks!(),
        "INSERT INTO usage_holds (instance_id, hour, until)
         SELECT h.instance_id, h.hour, CAST(?2 AS INTEGER) FROM hours AS h WHERE true
         ON CONFLICT (instance_id, hour) DO UPDATE SET until = excluded.until"
    );
    let until = now.plus(LEAST_RETENTION_DAYS * DAY_MS);
    all.push(statement(hold, [hours.clone(), until.into()]));
    let clear = concat!(
        of_marks!(),
        "DELETE FROM usage_marks WHERE (instance_id, hour) IN (
           SELECT h.instance_id, h.hour FROM hours AS h)
         RETURNING 1 AS summed"
    );
    all.push(statement(clear, [hours]));
    all
}

/// Adds rows that came for hours that were pruned: one batch. Brings, from its last statement, a row for each, at
/// most [`LATE_AT_ONCE`].
#[must_use]
pub fn add_late(now: UnixMillis) -> Vec<Statement> {
    let add = concat!(
        "WITH ",
        waiting!(),
        " ",
        insert!(),
        "SELECT u.instance_id, 3600000, u.admitted_at - u.admitted_at % 3600000, ",
        ids_of_rows!(),
        ", ",
        summed_rows!(),
        ", ",
        each_bucket!(counted),
        " FROM waiting AS w CROSS JOIN usage_logs AS u ON u.receipt_id = w.receipt_id WHERE true
          GROUP BY 1, 3, 4, 5, 6, 7, 8, 9, 10
          ON CONFLICT (instance_id, span_ms, at, ",
        ids!(""),
        ") DO UPDATE SET ",
        each_sum!(raised),
        ", ",
        each_bucket!(raised)
    );
    let mut all = vec![statement(add, [])];
    for (span_ms, shorter_ms) in [(DAY_MS, HOUR_MS), (BLOCK_MS, DAY_MS)] {
        // `?1` is the list of marks in the other use.
        let none = || json_arg::<[Mark]>(&[]);
        all.push(statement(forget!(of_late), [none(), span_ms.into()]));
        all.push(statement(sum_again!(of_late), [none(), span_ms.into(), shorter_ms.into()]));
    }
    let note = concat!(
        "WITH ",
        waiting!(),
        " UPDATE usage_late SET added_at = CAST(?1 AS INTEGER)
          WHERE receipt_id IN (SELECT w.receipt_id FROM waiting AS w)
          RETURNING 1 AS added"
    );
    all.push(statement(note, [now.into()]));
    all
}

/// Removes rows that are older than their instance keeps them, and whose hour is summed: one batch. Brings, from
/// its last statement, a row for each, at most [`PRUNED_AT_ONCE`].
#[must_use]
pub fn prune(now: UnixMillis) -> [Statement; 4] {
    let settled = now.plus(-LEAST_RETENTION_DAYS * DAY_MS);
    let release = statement(
        "DELETE FROM usage_holds WHERE (instance_id, hour) IN (
           SELECT h.instance_id, h.hour FROM usage_holds AS h WHERE h.until <= CAST(?1 AS INTEGER)
           ORDER BY h.until LIMIT 500)",
        [now.into()],
    );
    let close = statement(
        "WITH kept AS (
           SELECT i.instance_id, i.pruned_before,
             CAST(?1 AS INTEGER) - max(coalesce(n.retention_days, CAST(?2 AS INTEGER)), CAST(?3 AS INTEGER))
               * 86400000 AS since,
             (SELECT min(m.hour) FROM usage_marks AS m WHERE m.instance_id = i.instance_id) AS marked,
             (SELECT min(h.hour) FROM usage_holds AS h WHERE h.instance_id = i.instance_id) AS held
           FROM usage_instances AS i LEFT JOIN instances AS n ON n.id = i.instance_id
           WHERE i.instance_id > ''
         )
         UPDATE usage_instances SET pruned_before = over.before FROM (
           SELECT k.instance_id, min(k.since - k.since % 3600000, coalesce(k.marked, k.since),
             coalesce(k.held, k.since)) AS before
           FROM kept AS k
           WHERE EXISTS (
             SELECT 1 FROM usage_logs AS u
             WHERE u.instance_id = k.instance_id AND u.admitted_at >= k.pruned_before
               AND u.admitted_at < k.since - k.since % 3600000)
         ) AS over
         WHERE usage_instances.instance_id = over.instance_id
           AND usage_instances.pruned_before < over.before",
        [now.into(), USUAL_RETENTION_DAYS.into(), LEAST_RETENTION_DAYS.into()],
    );
    let remove = statement(
        "DELETE FROM usage_logs WHERE receipt_id IN (
           SELECT u.receipt_id FROM usage_instances AS i
           CROSS JOIN usage_logs AS u ON u.instance_id = i.instance_id AND u.admitted_at < i.pruned_before
           LEFT JOIN usage_late AS l ON l.receipt_id = u.receipt_id
           WHERE i.instance_id > '' AND (l.receipt_id IS NULL OR l.added_at <= CAST(?1 AS INTEGER))
           LIMIT 500)
         RETURNING 1 AS removed",
        [settled.into()],
    );
    let forget = statement(
        "DELETE FROM usage_late WHERE receipt_id IN (
           SELECT l.receipt_id FROM usage_late AS l
           WHERE l.added_at <= CAST(?1 AS INTEGER) AND NOT EXISTS (
             SELECT 1 FROM usage_logs AS u WHERE u.receipt_id = l.receipt_id)
           LIMIT 500)",
        [settled.into()],
    );
    [release, close, forget, remove]
}
