//! `/v1/usage`: what calls came to, summed by what the caller asks.

pub(crate) mod asked;
pub(crate) mod csv;
pub(crate) mod row;

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    http::{
        error::{ApiError, Code},
        extract::Incoming,
        routes::Allowed,
    },
    ports::Platform,
    protocols::FieldIssue,
    store::usage::{
        rollups::DAY_MS,
        sums::{self, Group, MOST_ROWS, SumQuery, Sums},
    },
    time::UnixMillis,
};

use self::{
    asked::Asked,
    csv::Csv,
    row::{UsageReport, UsageRow},
};
use crate::resource::Filters;

/// Sums calls, by what `group_by` names; without it, in one row.
pub(crate) async fn read(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    filters: Filters,
) -> Result<Response, ApiError> {
    let asked = Asked::of_groups(filters, &allowed, &incoming, platform.clock.now())?;
    let mut sums = summed(&platform, &asked).await?;
    if asked.columns.is_empty() && sums.is_empty() {
        sums.insert(Group::default(), Sums::default());
    }
    answer(&asked, &sums)
}

/// Sums calls by the minute, hour or day, perhaps by one more thing: each of them is there, also where nothing happened.
pub(crate) async fn timeseries(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    filters: Filters,
) -> Result<Response, ApiError> {
    let asked = Asked::of_intervals(filters, &allowed, &incoming, platform.clock.now())?;
    let mut sums = summed(&platform, &asked).await?;
    let mut series: BTreeSet<Group> =
        sums.keys().map(|group| Group { at: UnixMillis::default(), ..group.clone() }).collect();
    if asked.columns.len() == 1 {
        series.insert(Group::default());
    }
    let step = asked.step.span_ms().unwrap_or(DAY_MS);
    let first = asked.from.0 - asked.from.0.rem_euclid(step);
    let intervals = usize::try_from((asked.to.0 - first + step - 1) / step).unwrap_or(usize::MAX);
    if intervals.saturating_mul(series.len()) > MOST_ROWS {
        return Err(too_many());
    }
    for group in &series {
        let mut at = first;
        while at < asked.to.0 {
            sums.entry(Group { at: UnixMillis(at), ..group.clone() }).or_default();
            at += step;
        }
    }
    answer(&asked, &sums)
}

async fn summed(platform: &Platform, asked: &Asked) -> Result<BTreeMap<Group, Sums>, ApiError> {
    let Asked { by, by_call, from, step, to, ref selection, .. } = *asked;
    let query = SumQuery { by, by_call, from, selection, step, to };
    let answers = platform.database.batch(sums::statements(&query)).await?;
    let is_cut = answers.iter().any(|rows| rows.len() > MOST_ROWS);
    let sums = sums::read(answers)?;
    if is_cut || sums.len() > MOST_ROWS { Err(too_many()) } else { Ok(sums) }
}

fn too_many() -> ApiError {
    let reason =
        format!("gives more than {MOST_ROWS} rows; ask for a shorter time, or for less of it");
    ApiError::fields(&[FieldIssue { pointer: "?group_by".to_owned(), reason }])
}

fn answer(asked: &Asked, sums: &BTreeMap<Group, Sums>) -> Result<Response, ApiError> {
    let rows = sums.iter().map(|(group, sums)| UsageRow::of(&asked.columns, group, sums));
    if !asked.is_csv {
        let report =
            UsageReport { from: asked.from.into(), to: asked.to.into(), data: rows.collect() };
        return Ok(Json(report).into_response());
    }
    let members = |row: &UsageRow| match serde_json::to_value(row) {
        Ok(serde_json::Value::Object(members)) => Ok(members),
        Ok(_) | Err(_) => Err(ApiError::new(Code::InternalError, "a row of usage is no object")),
    };
    let head = UsageRow::of(&asked.columns, &Group::default(), &Sums::default());
    let mut csv = Csv::default();
    csv.line(members(&head)?.keys().map(|name| name.as_str().into()));
    for row in rows {
        csv.line(members(&row)?.into_iter().map(|(_, value)| value));
    }
    Ok(csv.response("usage.csv"))
}
