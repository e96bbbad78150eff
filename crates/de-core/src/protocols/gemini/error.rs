//! Google's error bodies: `{"error": {"code", "message", "status", "details": […]}}`, or a list with one.

use std::time::Duration;

use serde_json::Value;

use super::super::VendorError;
use crate::json;

/// Reasons of Google's that mean that it does not take our key; the status is 400 or 403.
const KEY_REFUSED: [&str; 4] =
    ["ACCESS_TOKEN_EXPIRED", "API_KEY_EXPIRED", "API_KEY_INVALID", "API_KEY_SERVICE_BLOCKED"];

/// The status of a 400 that says that Google serves no project from where the call comes, or none without
/// billing there: <https://ai.google.dev/gemini-api/docs/troubleshooting>. Whatever is asked, it would say so.
const NOT_SERVED: &str = "FAILED_PRECONDITION";

/// Reads an error body, whatever it is. 402 is prepaid credit that is gone.
pub(super) fn read(status: u16, body: &[u8]) -> VendorError {
    let mut error = json::parse(body).map(|body| of(&body)).unwrap_or_default();
    error.out_of_money |= status == 402;
    error
}

/// Reads how long the vendor wants us to wait, which it has no header for: `{"@type":
/// "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17s"}` among the details.
pub(super) fn asked(body: &[u8]) -> Option<Duration> {
    let body = json::parse(body).ok()?;
    let whole = body.get(0).unwrap_or(&body);
    let details = whole.get("error")?.get("details")?.as_array()?;
    let delay = details.iter().find_map(|detail| detail.get("retryDelay")?.as_str())?;
    let seconds = delay.strip_suffix('s')?.parse::<f64>().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// Reads the failure that an event of a stream tells instead of an answer; `None` if it tells none.
pub(super) fn of_event(body: &Value) -> Option<VendorError> {
    let whole = body.get(0).unwrap_or(body);
    whole.get("error").filter(|error| !error.is_null()).map(|_| of(body))
}

fn of(body: &Value) -> VendorError {
    let whole = body.get(0).unwrap_or(body);
    let error = whole.get("error").unwrap_or(whole);
    let text = |value: &Value, name: &str| value.get(name)?.as_str().map(str::to_owned);
    let details = error.get("details").and_then(Value::as_array);
    let reason = details.into_iter().flatten().find_map(|detail| text(detail, "reason"));
    let status = text(error, "status");
    let number = error.get("code").and_then(Value::as_u64);
    VendorError {
        key_refused: reason.as_deref().is_some_and(|reason| KEY_REFUSED.contains(&reason))
            || (number == Some(400) && status.as_deref() == Some(NOT_SERVED)),
        message: text(error, "message"),
        out_of_money: number == Some(402),
        refused: false,
        retry: false,
        too_long: false,
        unsupported: false,
        code: reason.or(status),
    }
}
