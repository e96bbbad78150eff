//! What calls come to: read from `usage_sums`, and where that is behind from the rows themselves.
//!
//! A span is summed if none of its hours is marked. So a range is made of the longest spans that lie in it and
//! hold no mark, then of shorter ones where one does or an end of the range cuts it, and of rows for the
//! marked hours. All of it is read in one batch, so that nothing moves from one part to another meanwhile.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    columns::{added_up, counted, each_high_bucket, each_low_bucket, each_sum, summed_rows},
    rollups::{BLOCK_MS, DAY_MS, HOUR_MS},
    selection::{Selection, chosen, places},
};
use crate::{
    histogram::Histogram,
    ports::{Arg, PortError, Row, Statement, row},
    receipt::Usage,
    store::json_text,
    time::UnixMillis,
};

const MINUTE_MS: i64 = 60_000;

/// The most rows that an answer is made of; one more is read, which tells that there are too many.
pub const MOST_ROWS: usize = 10_000;

/// By what time calls are told apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// Days in UTC.
    Day,
    /// Five minutes, from the rows: see [`statements`].
    FiveMinutes,
    /// Hours.
    Hour,
    /// Minutes, from the rows.
    Minute,
    /// Months in UTC.
    Month,
    /// A quarter of an hour, from the rows.
    QuarterHour,
    /// Not at all.
    Whole,
}

impl Step {
    /// How long each is, in milliseconds; `None` where they have no one length.
    #[must_use]
    pub fn span_ms(self) -> Option<i64> {
        match self {
            Self::Day => Some(DAY_MS),
            Self::FiveMinutes => Some(5 * MINUTE_MS),
            Self::Hour => Some(HOUR_MS),
            Self::Minute => Some(MINUTE_MS),
            Self::QuarterHour => Some(15 * MINUTE_MS),
            Self::Month | Self::Whole => None,
        }
    }

    /// Whether sums of hours are too coarse for it.
    #[must_use]
    pub fn is_short(self) -> bool {
        self.span_ms().is_some_and(|span| span < HOUR_MS)
    }
}

/// By what else they are told apart.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "any of them may be asked for together")]
pub struct By {
    /// By key.
    pub api_key: bool,
    /// By how they failed.
    pub error_code: bool,
    /// By instance.
    pub instance: bool,
    /// By modality.
    pub modality: bool,
    /// By model.
    pub model: bool,
    /// By project.
    pub project: bool,
    /// By provider.
    pub provider: bool,
    /// By how they ended.
    pub status: bool,
}

/// What is to be summed.
#[derive(Clone, Copy, Debug)]
pub struct SumQuery<'a> {
    /// By what.
    pub by: By,
    /// Whether calls are summed one by one, as they are where the step is shorter than an hour.
    pub by_call: bool,
    /// From when, by `admitted_at`: a whole hour, unless calls are summed one by one.
    pub from: UnixMillis,
    /// Which calls.
    pub selection: &'a Selection,
    /// By what time.
    pub step: Step,
    /// Until when, that moment not included: the same.
    pub to: UnixMillis,
}

/// What a sum is of: `''` where it is of all, and where there is none.
#[derive(Clone, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
pub struct Group {
    /// When the step begins; 0 without steps.
    pub at: UnixMillis,
    /// The instance.
    pub instance_id: String,
    /// The project.
    pub project_id: String,
    /// The key.
    pub api_key_id: String,
    /// The model.
    pub model_id: String,
    /// The provider.
    pub provider_id: String,
    /// The modality.
    pub modality: String,
    /// How they ended.
    pub status: String,
    /// How they failed.
    pub error_code: String,
}

/// A sum.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Sums {
    /// Those that were answered from the response cache.
    pub cached: u64,
    /// Calls.
    pub calls: u64,
    /// Those that failed or were cut.
    pub errors: u64,
    /// Those whose counts are ours.
    pub estimated: u64,
    /// Those that cost something that has no price.
    pub unpriced: u64,
    /// What was used, by class.
    pub usage: Usage,
    /// What it cost, as far as it has a price.
    pub cost_micros: u64,
    /// How long they took, all together.
    pub latency_ms: u64,
    /// How long each took.
    pub latency: Histogram,
    /// How long until the first byte, all together.
    pub first_byte_ms: u64,
    /// The same of each that had one.
    pub first_byte: Histogram,
}

impl Sums {
    /// Adds another one.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.cached, other.cached),
            (&mut self.calls, other.calls),
            (&mut self.errors, other.errors),
            (&mut self.estimated, other.estimated),
            (&mut self.unpriced, other.unpriced),
            (&mut self.cost_micros, other.cost_micros),
            (&mut self.latency_ms, other.latency_ms),
            (&mut self.first_byte_ms, other.first_byte_ms),
        ] {
            *sum = sum.saturating_add(more);
        }
        self.usage = self.usage.plus(other.usage);
        self.latency.add(&other.latency);
        self.first_byte.add(&other.first_byte);
    }
}

/// A row as it is read.
#[derive(Deserialize)]
struct SumRow {
    #[serde(flatten)]
    group: Group,
    #[serde(flatten)]
    usage: Usage,
    calls: u64,
    cost_micros: u64,
    errors: u64,
    cached: u64,
    estimated: u64,
    first_byte_ms: u64,
    latency_ms: u64,
    unpriced: u64,
    #[serde(deserialize_with = "json_text")]
    latency_low: Vec<u64>,
    #[serde(deserialize_with = "json_text")]
    latency_high: Vec<u64>,
    #[serde(deserialize_with = "json_text")]
    first_byte_low: Vec<u64>,
    #[serde(deserialize_with = "json_text")]
    first_byte_high: Vec<u64>,
}

/// What a row is of: the first nine columns.
macro_rules! group {
    ($t:literal, $at:literal) => {
        concat!(
            "SELECT CASE CAST(?17 AS INTEGER) WHEN 0 THEN 0
               WHEN -1 THEN unixepoch(",
            $at,
            " / 1000, 'unixepoch', 'start of month') * 1000
               ELSE ",
            $at,
            " - ",
            $at,
            " % CAST(?17 AS INTEGER) END AS at,
             iif(?18, ",
            $t,
            ".instance_id, '') AS instance_id,
             iif(?19, coalesce(",
            $t,
            ".project_id, ''), '') AS project_id,
             iif(?20, coalesce(",
            $t,
            ".api_key_id, ''), '') AS api_key_id,
             iif(?21, coalesce(",
            $t,
            ".model_id, ''), '') AS model_id,
             iif(?22, coalesce(",
            $t,
            ".provider_id, ''), '') AS provider_id,
             iif(?23, ",
            $t,
            ".modality, '') AS modality, iif(?24, ",
            $t,
            ".status, '') AS status,
             iif(?25, coalesce(",
            $t,
            ".error_code, ''), '') AS error_code, "
        )
    };
}

/// The same with what `usage_sums AS s` has of it.
macro_rules! of_sums {
    () => {
        concat!(
            group!("s", "s.at"),
            "coalesce(sum(iif(s.status IN ('cut', 'failed'), s.calls, 0)), 0) AS errors, ",
            each_sum!(added_up),
            ", json_array(",
            each_low_bucket!(added_up, "latency"),
            ") AS latency_low,
             json_array(",
            each_high_bucket!(added_up, "latency"),
            ") AS latency_high,
             json_array(",
            each_low_bucket!(added_up, "first_byte"),
            ") AS first_byte_low,
             json_array(",
            each_high_bucket!(added_up, "first_byte"),
            ") AS first_byte_high "
        )
    };
}

/// The same with what `usage_logs AS u` has of it.
macro_rules! of_rows {
    () => {
        concat!(
            group!("u", "u.admitted_at"),
            "coalesce(sum(u.calls * (u.status IN ('cut', 'failed'))), 0) AS errors, ",
            summed_rows!(),
            ", json_array(",
            each_low_bucket!(counted, "latency"),
            ") AS latency_low,
             json_array(",
            each_high_bucket!(counted, "latency"),
            ") AS latency_high,
             json_array(",
            each_low_bucket!(counted, "first_byte"),
            ") AS first_byte_low,
             json_array(",
            each_high_bucket!(counted, "first_byte"),
            ") AS first_byte_high "
        )
    };
}

/// No hour of a span is marked.
macro_rules! closed {
    () => {
        " WHERE NOT EXISTS (
            SELECT 1 FROM usage_marks AS m
            WHERE m.instance_id = s.instance_id AND m.hour >= s.at
              AND m.hour < s.at + CAST(?26 AS INTEGER)) AND "
    };
}

macro_rules! grouped {
    () => {
        " GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9 LIMIT 10001"
    };
}

/// The statements of one batch, for [`read`].
///
/// Calls are summed one by one, from the rows themselves, only as far back as all of them are there, and of a time that
/// is not too long: [`super::rollups::LEAST_RETENTION_DAYS`]. Begin and end may be any moment then.
#[must_use]
pub fn statements(query: &SumQuery<'_>) -> Vec<Statement> {
    if query.by_call {
        return vec![from_rows(query)];
    }
    let mut all = match query.step {
        Step::FiveMinutes | Step::Minute | Step::QuarterHour => return vec![from_rows(query)],
        Step::Hour => vec![longest(query, HOUR_MS)],
        Step::Day | Step::Month => vec![longest(query, DAY_MS), within(query, HOUR_MS, DAY_MS)],
        Step::Whole => vec![
            longest(query, BLOCK_MS),
            within(query, DAY_MS, BLOCK_MS),
            within(query, HOUR_MS, DAY_MS),
        ],
    };
    all.push(marked(query));
    all.push(late(query));
    all
}

/// The spans of this length that are summed.
fn longest(query: &SumQuery<'_>, span_ms: i64) -> Statement {
    let mut args = args(query);
    args.push(span_ms.into());
    let sql = concat!(
        places!(),
        of_sums!(),
        "FROM places AS p CROSS JOIN usage_sums AS s
           ON s.instance_id = p.instance_id AND s.span_ms = CAST(?26 AS INTEGER)
           AND s.at >= CAST(?15 AS INTEGER) AND s.at <= CAST(?16 AS INTEGER) - CAST(?26 AS INTEGER)",
        closed!(),
        chosen!("s"),
        grouped!()
    );
    Statement { args, sql }
}

/// The spans of this length that are summed, in longer ones that are not, or not all in the range.
fn within(query: &SumQuery<'_>, span_ms: i64, longer_ms: i64) -> Statement {
    let mut args = args(query);
    args.extend([span_ms.into(), longer_ms.into()]);
    let sql = concat!(
        places!(),
        ", opened AS MATERIALIZED (
           SELECT p.instance_id, m.hour - m.hour % CAST(?27 AS INTEGER) AS at
           FROM places AS p CROSS JOIN usage_marks AS m
             ON m.instance_id = p.instance_id
             AND m.hour >= CAST(?15 AS INTEGER) - CAST(?15 AS INTEGER) % CAST(?27 AS INTEGER)
             AND m.hour < CAST(?16 AS INTEGER) + CAST(?27 AS INTEGER)
           UNION SELECT p.instance_id, CAST(?15 AS INTEGER) - CAST(?15 AS INTEGER) % CAST(?27 AS INTEGER)
           FROM places AS p WHERE CAST(?15 AS INTEGER) % CAST(?27 AS INTEGER) > 0
           UNION SELECT p.instance_id, CAST(?16 AS INTEGER) - CAST(?16 AS INTEGER) % CAST(?27 AS INTEGER)
           FROM places AS p WHERE CAST(?16 AS INTEGER) % CAST(?27 AS INTEGER) > 0
         ) ",
        of_sums!(),
        "FROM opened AS o CROSS JOIN usage_sums AS s
           ON s.instance_id = o.instance_id AND s.span_ms = CAST(?26 AS INTEGER)
           AND s.at >= max(o.at, CAST(?15 AS INTEGER))
           AND s.at <= min(o.at + CAST(?27 AS INTEGER), CAST(?16 AS INTEGER)) - CAST(?26 AS INTEGER)",
        closed!(),
        chosen!("s"),
        grouped!()
    );
    Statement { args, sql }
}

/// All of it from the rows.
fn from_rows(query: &SumQuery<'_>) -> Statement {
    let sql = concat!(
        places!(),
        of_rows!(),
        "FROM places AS p CROSS JOIN usage_logs AS u
           ON u.instance_id = p.instance_id AND u.admitted_at >= CAST(?15 AS INTEGER)
           AND u.admitted_at < CAST(?16 AS INTEGER)
         WHERE ",
        chosen!("u"),
        grouped!()
    );
    Statement { args: args(query), sql }
}

/// The hours that are marked, from their rows.
fn marked(query: &SumQuery<'_>) -> Statement {
    let sql = concat!(
        places!(),
        of_rows!(),
        "FROM places AS p CROSS JOIN usage_marks AS m
           ON m.instance_id = p.instance_id AND m.hour >= CAST(?15 AS INTEGER)
           AND m.hour < CAST(?16 AS INTEGER)
         CROSS JOIN usage_logs AS u
           ON u.instance_id = m.instance_id AND u.admitted_at >= m.hour
           AND u.admitted_at < m.hour + 3600000
         WHERE ",
        chosen!("u"),
        grouped!()
    );
    Statement { args: args(query), sql }
}

/// Rows that came too late for their hour, and are not added to it yet.
fn late(query: &SumQuery<'_>) -> Statement {
    let sql = concat!(
        places!(),
        of_rows!(),
        "FROM usage_late AS l CROSS JOIN usage_logs AS u ON u.receipt_id = l.receipt_id
         WHERE l.added_at IS NULL AND u.instance_id IN (SELECT instance_id FROM places)
           AND u.admitted_at >= CAST(?15 AS INTEGER) AND u.admitted_at < CAST(?16 AS INTEGER) AND ",
        chosen!("u"),
        grouped!()
    );
    Statement { args: args(query), sql }
}

/// `?1` to `?25`.
fn args(query: &SumQuery<'_>) -> Vec<Arg> {
    let SumQuery { by, from, selection, step, to, .. } = *query;
    let step: i64 = match step {
        Step::Month => -1,
        step => step.span_ms().unwrap_or(0),
    };
    let mut args = selection.args();
    args.extend([from.into(), to.into(), step.into()]);
    let flags = [
        by.instance,
        by.project,
        by.api_key,
        by.model,
        by.provider,
        by.modality,
        by.status,
        by.error_code,
    ];
    args.extend(flags.map(Arg::from));
    args
}

/// Puts together what the statements brought, by group, in order.
///
/// More than [`MOST_ROWS`] are too many to tell from all: whoever asked has to ask for less.
///
/// # Errors
/// [`PortError::Malformed`] if a row is none.
pub fn read(answers: Vec<Vec<Row>>) -> Result<BTreeMap<Group, Sums>, PortError> {
    let mut all: BTreeMap<Group, Sums> = BTreeMap::new();
    for columns in answers.into_iter().flatten() {
        let read: SumRow = row(columns)?;
        let histogram = |low: &[u64], high: &[u64]| {
            Histogram::of(&[low, high].concat()).ok_or_else(|| PortError::Malformed {
                port: "database",
                message: "usage_sums: a histogram of another length".to_owned(),
            })
        };
        let sums = Sums {
            calls: read.calls,
            errors: read.errors,
            estimated: read.estimated,
            cached: read.cached,
            unpriced: read.unpriced,
            usage: read.usage,
            cost_micros: read.cost_micros,
            latency_ms: read.latency_ms,
            latency: histogram(&read.latency_low, &read.latency_high)?,
            first_byte_ms: read.first_byte_ms,
            first_byte: histogram(&read.first_byte_low, &read.first_byte_high)?,
        };
        all.entry(read.group).or_default().add(&sums);
    }
    Ok(all)
}
