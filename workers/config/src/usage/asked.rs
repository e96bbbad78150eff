//! What someone asks the books.

use de_core::{
    http::{error::ApiError, extract::Incoming, routes::Allowed},
    ids::{ApiKeyId, InstanceId, ModelId, OrganizationId, ProjectId, ProviderId},
    protocols::FieldIssue,
    store::usage::{
        rollups::{DAY_MS, HOUR_MS, LEAST_RETENTION_DAYS},
        selection::{Reader, Selection},
        sums::{By, Step},
    },
    time::UnixMillis,
};
use http::{HeaderMap, header};

use crate::resource::Filters;

/// How calls end.
pub(crate) const STATUSES: [&str; 4] = ["cancelled", "cut", "failed", "ok"];
/// What calls are for.
pub(crate) const MODALITIES: [&str; 5] = ["audio", "image", "stock", "text", "video"];

/// How far back usage is read unless asked otherwise.
const USUAL_MS: i64 = 30 * DAY_MS;
const MINUTE_MS: i64 = 60 * 1_000;
/// The longest time by the minute, by five and by a quarter of an hour: all of it is read call by call.
const MINUTES_MS: i64 = 6 * HOUR_MS;
const FIVES_MS: i64 = DAY_MS;
const QUARTERS_MS: i64 = LEAST_RETENTION_DAYS * DAY_MS;
/// The longest time by the hour.
const HOURS_MS: i64 = 31 * DAY_MS;
/// The longest time by the day.
const DAYS_MS: i64 = 366 * DAY_MS;
/// The longest time otherwise.
const LONGEST_MS: i64 = 3_660 * DAY_MS;

/// By what rows are told apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Column {
    Day,
    ErrorCode,
    FiveMinutes,
    Hour,
    Instance,
    Key,
    Minute,
    Modality,
    Model,
    Month,
    Project,
    Provider,
    QuarterHour,
    Status,
}

const COLUMNS: [(&str, Column); 14] = [
    ("minute", Column::Minute),
    ("five_minutes", Column::FiveMinutes),
    ("quarter_hour", Column::QuarterHour),
    ("hour", Column::Hour),
    ("day", Column::Day),
    ("month", Column::Month),
    ("instance", Column::Instance),
    ("project", Column::Project),
    ("key", Column::Key),
    ("model", Column::Model),
    ("provider", Column::Provider),
    ("modality", Column::Modality),
    ("status", Column::Status),
    ("error_code", Column::ErrorCode),
];

/// The steps of time among them.
const STEPS: [(Column, Step); 6] = [
    (Column::Minute, Step::Minute),
    (Column::FiveMinutes, Step::FiveMinutes),
    (Column::QuarterHour, Step::QuarterHour),
    (Column::Hour, Step::Hour),
    (Column::Day, Step::Day),
    (Column::Month, Step::Month),
];

/// Those of them that all have one length.
pub(crate) const INTERVALS: [&str; 5] = ["day", "five_minutes", "hour", "minute", "quarter_hour"];

/// To what a time is rounded.
pub(crate) const PRECISIONS: [&str; 2] = ["hour", "minute"];

/// A question about usage.
pub(super) struct Asked {
    pub(super) by: By,
    /// Whether calls are summed one by one.
    pub(super) by_call: bool,
    pub(super) columns: Vec<Column>,
    /// A whole hour; where calls are summed one by one a whole minute, or a whole step.
    pub(super) from: UnixMillis,
    pub(super) is_csv: bool,
    pub(super) selection: Selection,
    pub(super) step: Step,
    /// The same.
    pub(super) to: UnixMillis,
}

impl Asked {
    /// Reads `group_by`, any of [`COLUMNS`].
    pub(super) fn of_groups(
        mut filters: Filters,
        allowed: &Allowed,
        incoming: &Incoming,
        now: UnixMillis,
    ) -> Result<Self, ApiError> {
        let columns = filters.one_of("group_by", columns, || {
            let words: Vec<&str> = COLUMNS.iter().map(|(word, _)| *word).collect();
            format!("some of {}, each once and one time at most", words.join(", "))
        });
        Self::of(filters, allowed, incoming, now, columns.unwrap_or_default())
    }

    /// Reads `interval`, and of `group_by` one thing that is no time.
    pub(super) fn of_intervals(
        mut filters: Filters,
        allowed: &Allowed,
        incoming: &Incoming,
        now: UnixMillis,
    ) -> Result<Self, ApiError> {
        let interval = filters.word("interval", &INTERVALS).and_then(column);
        let interval = interval.unwrap_or(Column::Day);
        let is_time = |column: Column| STEPS.iter().any(|(step, _)| *step == column);
        let one = |text: &str| column(text).filter(|column| !is_time(*column));
        let group = filters.one_of("group_by", one, || {
            let words = COLUMNS.iter().filter(|(_, column)| !is_time(*column));
            let words: Vec<&str> = words.map(|(word, _)| *word).collect();
            format!("one of {}", words.join(", "))
        });
        let columns = std::iter::once(interval).chain(group).collect();
        Self::of(filters, allowed, incoming, now, columns)
    }

    fn of(
        mut filters: Filters,
        allowed: &Allowed,
        incoming: &Incoming,
        now: UnixMillis,
        columns: Vec<Column>,
    ) -> Result<Self, ApiError> {
        let selection = selection(&mut filters, allowed)?;
        let from = filters.one_of("from", time, expected_time);
        let to = filters.one_of("to", time, expected_time);
        let is_exact = filters.word("precision", &PRECISIONS) == Some("minute");
        let is_csv = wants_csv(&mut filters, &incoming.headers);
        filters.finish()?;
        let has = |column: Column| columns.contains(&column);
        let found = STEPS.iter().find(|(column, _)| has(*column));
        let step = found.map_or(Step::Whole, |(_, step)| *step);
        let by_call = is_exact || step.is_short();
        let (from, to) = range(from, to, now, step, by_call)?;
        let by = By {
            api_key: has(Column::Key),
            error_code: has(Column::ErrorCode),
            instance: has(Column::Instance),
            modality: has(Column::Modality),
            model: has(Column::Model),
            project: has(Column::Project),
            provider: has(Column::Provider),
            status: has(Column::Status),
        };
        Ok(Self { by, by_call, columns, from, is_csv, selection, step, to })
    }
}

fn column(word: &str) -> Option<Column> {
    COLUMNS.iter().find(|(known, _)| *known == word).map(|(_, column)| *column)
}

/// `day,model`.
fn columns(text: &str) -> Option<Vec<Column>> {
    let mut all = Vec::new();
    for word in text.split(',') {
        let column = column(word.trim())?;
        if all.contains(&column) {
            return None;
        }
        all.push(column);
    }
    let times = all.iter().filter(|column| STEPS.iter().any(|(step, _)| step == *column)).count();
    (times <= 1).then_some(all)
}

/// Whole hours, or where calls are summed one by one whole minutes or steps, within what one question may ask.
fn range(
    from: Option<UnixMillis>,
    to: Option<UnixMillis>,
    now: UnixMillis,
    step: Step,
    by_call: bool,
) -> Result<(UnixMillis, UnixMillis), ApiError> {
    let wrong = |name: &str, reason: String| {
        Err(ApiError::fields(&[FieldIssue { pointer: format!("?{name}"), reason }]))
    };
    let grain = match step.span_ms() {
        Some(span) if step.is_short() => span,
        _ if by_call => MINUTE_MS,
        _ => HOUR_MS,
    };
    let whole = |time: UnixMillis| time.0 - time.0.rem_euclid(grain);
    let (most, by, words) = match step {
        Step::Minute => (MINUTES_MS, " by the minute", "6 hours"),
        Step::FiveMinutes => (FIVES_MS, " by five minutes", "24 hours"),
        Step::QuarterHour => (QUARTERS_MS, " by a quarter of an hour", "3 days"),
        _ if by_call => (FIVES_MS, " to the minute", "24 hours"),
        Step::Hour => (HOURS_MS, " by the hour", "31 days"),
        Step::Day => (DAYS_MS, " by the day", "366 days"),
        Step::Month | Step::Whole => (LONGEST_MS, "", "3660 days"),
    };
    let end = match to {
        // Of an hour that has begun, all.
        Some(to) => whole(to.plus(grain - 1)),
        None => whole(now) + grain,
    };
    let begin = from.map_or(end - USUAL_MS.min(most), whole).max(0);
    let is_empty = from.zip(to).is_some_and(|(from, to)| from >= to);
    if is_empty || begin >= end {
        return wrong("from", "must be before `to`".to_owned());
    }
    // A step more, as both ends are rounded.
    if end - begin > most + grain {
        return wrong("to", format!("must be at most {words} after `from`{by}"));
    }
    // Before that, some of the rows may be gone.
    if by_call && begin < now.0 - QUARTERS_MS - grain {
        return wrong(
            "from",
            format!("must be in the last 3 days{by}; ask by the hour before that"),
        );
    }
    Ok((UnixMillis(begin), UnixMillis(end)))
}

/// A time: RFC 3339, or a date for its first moment in UTC.
pub(crate) fn time(text: &str) -> Option<UnixMillis> {
    let read = UnixMillis::parse_rfc3339(text)
        .or_else(|| UnixMillis::parse_rfc3339(&format!("{text}T00:00:00Z")));
    // Before 1970 there is nothing, and after the year 9999 no RFC 3339.
    read.filter(|time| (0..253_402_300_800_000).contains(&time.0))
}

/// What [`time`] takes, for a message to a person.
pub(crate) fn expected_time() -> String {
    "a time as RFC 3339 has it, or a date".to_owned()
}

/// Whether a table is wanted: by `?format=csv`, or by a header that names it and no JSON.
pub(crate) fn wants_csv(filters: &mut Filters, headers: &HeaderMap) -> bool {
    let format = filters.word("format", &["csv", "json"]);
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let named = |kind: &str| accept.is_some_and(|accept| accept.contains(kind));
    match format {
        Some(format) => format == "csv",
        None => named("text/csv") && !named("application/json"),
    }
}

/// Reads the filters that every question to the books takes.
pub(crate) fn selection(filters: &mut Filters, allowed: &Allowed) -> Result<Selection, ApiError> {
    let code = |text: &str| {
        let all = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        let is_code = !text.is_empty() && text.len() <= 64 && text.bytes().all(all);
        is_code.then(|| text.to_owned())
    };
    Ok(Selection {
        api_key: filters.id("api_key_id", ApiKeyId::parse),
        error_code: filters.one_of("error_code", code, || "a code of ours: A-Z 0-9 _".to_owned()),
        instance: filters.id("instance_id", InstanceId::parse),
        modality: filters.word("modality", &MODALITIES),
        model: filters.id("model_id", ModelId::parse),
        organization: filters.id("organization_id", OrganizationId::parse),
        project: filters.id("project_id", ProjectId::parse),
        provider: filters.id("provider_id", ProviderId::parse),
        reader: reader(allowed)?,
        status: filters.word("status", &STATUSES),
    })
}

/// Whose eyes the books are for.
pub(crate) fn reader(allowed: &Allowed) -> Result<Reader, ApiError> {
    let caller = allowed.caller();
    let key = caller.key();
    match (&key.user_id, &key.instance_id, &key.project_id) {
        _ if caller.is_superadmin() => Ok(Reader::Everything),
        (Some(user), _, _) => {
            Ok(Reader::Person { organization: allowed.administers().cloned(), user: user.clone() })
        }
        (None, Some(instance), Some(project)) => {
            Ok(Reader::Program { instance: instance.clone(), project: project.clone() })
        }
        (None, _, _) => Err(ApiError::internal("a key of nobody")),
    }
}
