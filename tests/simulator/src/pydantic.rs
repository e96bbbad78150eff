//! How services written with pydantic say what does not fit: Anthropic in one line, ElevenLabs and
//! Mistral as FastAPI's list.

use serde_json::{Value, json};

use crate::schema::{Finding, Problem, Segment};

/// FastAPI's 422: `{"detail": [{"type", "loc", "msg"}]}`.
pub(crate) fn detail(finding: &Finding) -> Value {
    let mut place = vec![json!("body")];
    place.extend(finding.path.iter().map(|segment| match segment {
        Segment::Index(index) => json!(index),
        Segment::Key(key) => json!(key),
    }));
    let (kind, message) = said(&finding.problem);
    json!({ "detail": [{ "type": kind, "loc": place, "msg": message }] })
}

/// The kind of the error and its message.
pub(crate) fn said(problem: &Problem) -> (&'static str, String) {
    match problem {
        Problem::Choice { allowed, .. } => {
            ("literal_error", format!("Input should be {}", listed(allowed)))
        }
        Problem::Entries { got, least, .. } if got < least => (
            "too_short",
            format!("List should have at least {least} item after validation, not {got}"),
        ),
        Problem::Entries { got, most, .. } => (
            "too_long",
            format!("List should have at most {most} items after validation, not {got}"),
        ),
        Problem::Length { got, least, .. } if got < least => {
            ("string_too_short", format!("String should have at least {least} character"))
        }
        Problem::Length { most, .. } => {
            ("string_too_long", format!("String should have at most {most} characters"))
        }
        Problem::Missing => ("missing", "Field required".to_owned()),
        Problem::Name { .. } => {
            ("string_pattern_mismatch", "String should match pattern '^[a-zA-Z0-9_-]+$'".to_owned())
        }
        Problem::Range { got, least, .. } if got.starts_with('-') || below(got, *least) => {
            ("greater_than_equal", format!("Input should be greater than or equal to {least}"))
        }
        Problem::Range { most, .. } => {
            ("less_than_equal", format!("Input should be less than or equal to {most}"))
        }
        Problem::Type { expected, .. } => type_error(expected.first().copied().unwrap_or("value")),
        Problem::Unknown => ("extra_forbidden", "Extra inputs are not permitted".to_owned()),
    }
}

fn type_error(expected: &str) -> (&'static str, String) {
    let (kind, message) = match expected {
        "array" => ("list_type", "Input should be a valid list"),
        "boolean" => ("bool_type", "Input should be a valid boolean"),
        "decimal" => ("float_type", "Input should be a valid number"),
        "integer" => ("int_type", "Input should be a valid integer"),
        "object" => ("dict_type", "Input should be a valid dictionary"),
        _ => ("string_type", "Input should be a valid string"),
    };
    (kind, message.to_owned())
}

fn below(got: &str, least: f64) -> bool {
    got.parse::<f64>().is_ok_and(|got| got < least)
}

/// `'a', 'b' or 'c'`.
fn listed(allowed: &[&str]) -> String {
    let quoted: Vec<String> = allowed.iter().map(|text| format!("'{text}'")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}
