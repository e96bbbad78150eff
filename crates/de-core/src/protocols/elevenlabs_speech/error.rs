//! ElevenLabs' error bodies: `detail` is an object with `code`, an older one with `status` alone, or
//! FastAPI's list.

use serde_json::Value;

use super::super::VendorError;
use crate::json;

/// Words that mean money, not pace.
const OUT_OF_MONEY: [&str; 2] = ["insufficient_credits", "quota_exceeded"];

/// Words that mean: later.
const BUSY: [&str; 4] = [
    "concurrent_limit_exceeded",
    "rate_limit_exceeded",
    "system_busy",
    "too_many_concurrent_requests",
];

/// Reads an error body, whatever it is. `code` counts before `status`.
pub(crate) fn read(body: &[u8]) -> VendorError {
    json::parse(body).map(|body| of(&body)).unwrap_or_default()
}

fn of(body: &Value) -> VendorError {
    let Some(detail) = body.get("detail") else { return VendorError::default() };
    let word = |value: &Value, name: &str| {
        let word = value.get(name).and_then(Value::as_str);
        word.filter(|word| !word.is_empty()).map(str::to_owned)
    };
    let (code, message) = match detail {
        Value::Array(list) => {
            let first = list.first();
            let code = first.and_then(|first| word(first, "type"));
            (code, first.and_then(|first| word(first, "msg")).map(|told| at(first, &told)))
        }
        Value::String(text) => (None, Some(text.clone())),
        other => (word(other, "code").or_else(|| word(other, "status")), word(other, "message")),
    };
    let is = |words: &[&str]| code.as_deref().is_some_and(|code| words.contains(&code));
    VendorError {
        message,
        out_of_money: is(&OUT_OF_MONEY),
        retry: is(&BUSY),
        code,
        ..VendorError::default()
    }
}

/// What FastAPI says, with the place: `body.text: Field required`.
fn at(issue: Option<&Value>, told: &str) -> String {
    let steps = issue.and_then(|issue| issue.get("loc")).and_then(Value::as_array);
    let steps: Vec<String> = steps
        .into_iter()
        .flatten()
        .map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned))
        .collect();
    if steps.is_empty() { told.to_owned() } else { format!("{}: {told}", steps.join(".")) }
}

/// The `type` of an error in ElevenLabs' envelope, for a status that we answer with.
#[must_use]
pub fn error_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "payment_error",
        403 => "authorization_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "validation_error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, code: Option<&str>, message: Option<&str>) -> VendorError {
        let told = read(body.as_bytes());
        assert_eq!((told.code.as_deref(), told.message.as_deref()), (code, message), "{body}");
        told
    }

    #[test]
    fn all_forms_are_read() {
        let busy = check(
            r#"{"detail": {"type": "rate_limit_error", "code": "concurrent_limit_exceeded",
                "message": "Too many.", "status": "too_many_concurrent_requests"}}"#,
            Some("concurrent_limit_exceeded"),
            Some("Too many."),
        );
        assert!(busy.retry && !busy.out_of_money);
        let old = r#"{"detail": {"status": "quota_exceeded", "message": "No credits."}}"#;
        assert!(check(old, Some("quota_exceeded"), Some("No credits.")).out_of_money);
        check(
            r#"{"detail": [{"loc": ["body", "text"], "msg": "Field required", "type": "missing"}]}"#,
            Some("missing"),
            Some("body.text: Field required"),
        );
        check(r#"{"detail": "Not found"}"#, None, Some("Not found"));
        for nothing in ["", "[]", "<html>", r#"{"detail": 7}"#, r#"{"detail": []}"#] {
            check(nothing, None, None);
        }
    }
}
