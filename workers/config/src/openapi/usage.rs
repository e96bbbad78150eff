//! `/v1/usage`, described.

use de_core::{
    http::error::Code,
    ids::{ApiKeyId, InstanceId, ModelId, OrganizationId, ProjectId, ProviderId},
    openapi::{
        document::Tag,
        operation::{Answer, Operation},
        shape::Shape,
    },
};
use http::Method;
use serde_json::{Value, json};

use crate::usage::{
    asked::{INTERVALS, MODALITIES, PRECISIONS, STATUSES},
    row::UsageReport,
};

pub(super) const TAG: Tag = Tag { about: "What calls came to, summed.", name: "usage" };

pub(super) fn operations() -> Vec<Operation> {
    let table = "The same columns as the members of a row, by RFC 4180, with a line of names.";
    let report = || Answer::json(200, "The sums.", Shape::of::<UsageReport>()).or_csv(table);
    let read = Operation::new(Method::GET, "/v1/usage", "getUsage", "Sums calls")
        .notes(
            "By what `group_by` names; without it, in one row. Sums are exact at any time, and outlive the receipts \
             that they were made of. At most 31 days by the hour, 366 days by the day, ten years otherwise, and \
             10,000 rows. By what is shorter than an hour calls are summed one by one: at most 6 hours by the \
             minute, 24 by five minutes, 3 days by a quarter of an hour, and all of it in the last 3 days.",
        )
        .query(
            "group_by",
            Shape::plain(json!({"type": "string", "examples": ["day,model"]})),
            "Some of `minute`, `five_minutes`, `quarter_hour`, `hour`, `day`, `month`, `instance`, `project`, `key`, \
             `model`, `provider`, `modality`, `status`, `error_code`, with commas between: each once, and of the \
             first six one at most.",
        )
        .answers(report());
    let series =
        Operation::new(Method::GET, "/v1/usage/timeseries", "getUsageTimeseries", "Sums calls by time")
            .notes(
                "Each interval of the time asked for is there, with zeros where nothing happened. Limits are those \
                 of `GET /v1/usage`.",
            )
            .query(
                "interval",
                Shape::plain(json!({"type": "string", "enum": INTERVALS, "default": "day"})),
                "By what.",
            )
            .query(
                "group_by",
                Shape::plain(json!({"type": "string", "enum": ["instance", "project", "key", "model", "provider",
                    "modality", "status", "error_code"]})),
                "By what else.",
            )
            .answers(report());
    let exact = |operation: Operation| {
        operation.query(
            "precision",
            Shape::plain(json!({"type": "string", "enum": PRECISIONS, "default": "hour"})),
            "To what `from` and `to` are rounded. To the minute calls are summed one by one: at most 24 hours, in the \
             last 3 days.",
        )
    };
    [read, series].map(|operation| exact(as_table(times(selected(operation))))).into()
}

/// The filters of every question to the books.
pub(super) fn selected(operation: Operation) -> Operation {
    operation
        .query("organization_id", Shape::of::<OrganizationId>(), "Only those of this organization.")
        .query("instance_id", Shape::of::<InstanceId>(), "Only those on this instance.")
        .query("project_id", Shape::of::<ProjectId>(), "Only those of this project.")
        .query("api_key_id", Shape::of::<ApiKeyId>(), "Only those with this key.")
        .query("model_id", Shape::of::<ModelId>(), "Only those that this model served.")
        .query("provider_id", Shape::of::<ProviderId>(), "Only those that this provider served.")
        .query("modality", word(&MODALITIES), "Only those of this modality.")
        .query("status", word(&STATUSES), "Only those that ended so.")
        .query(
            "error_code",
            Shape::plain(json!({"type": "string", "pattern": "^[A-Z0-9_]{1,64}$"})),
            "Only those that failed so.",
        )
        .fails(&[Code::ValidationError])
}

/// `from` and `to`.
pub(super) fn times(operation: Operation) -> Operation {
    operation
        .query(
            "from",
            moment(),
            "From when, by when calls were admitted; a date is its first moment in UTC. Usage takes the whole hour, or the whole \
             interval where that is shorter.",
        )
        .query(
            "to",
            moment(),
            "Until when, that moment not included. Usage takes the whole hour that it lies in, or the interval.",
        )
}

/// `format`.
pub(super) fn as_table(operation: Operation) -> Operation {
    operation.query(
        "format",
        word(&["csv", "json"]),
        "`csv` for a table; so does the header `Accept: text/csv`.",
    )
}

fn moment() -> Shape {
    Shape::plain(json!({"type": "string", "examples": ["2026-11-25T00:00:00Z", "2026-11-25"]}))
}

fn word(words: &[&str]) -> Shape {
    let words: Vec<Value> = words.iter().map(|word| (*word).into()).collect();
    Shape::plain(json!({"type": "string", "enum": words}))
}
