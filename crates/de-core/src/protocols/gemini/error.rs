//! Google's error bodies: `{"error": {"code", "message", "status", "details": […]}}`, or a list with one.

use serde_json::Value;

use super::super::VendorError;
use crate::json;

/// Reasons of Google's that mean that it does not take our key; the status is 400 or 403.
const KEY_REFUSED: [&str; 4] =
    ["ACCESS_TOKEN_EXPIRED", "API_KEY_EXPIRED", "API_KEY_INVALID", "API_KEY_SERVICE_BLOCKED"];

/// Reads an error body, whatever it is. 402 is prepaid credit that is gone.
pub(super) fn read(status: u16, body: &[u8]) -> VendorError {
    let out_of_money = status == 402;
    let Ok(body) = json::parse(body) else {
        return VendorError { out_of_money, ..VendorError::default() };
    };
    let whole = body.get(0).unwrap_or(&body);
    let error = whole.get("error").unwrap_or(whole);
    let text = |value: &Value, name: &str| value.get(name)?.as_str().map(str::to_owned);
    let details = error.get("details").and_then(Value::as_array);
    let reason = details.into_iter().flatten().find_map(|detail| text(detail, "reason"));
    VendorError {
        key_refused: reason.as_deref().is_some_and(|reason| KEY_REFUSED.contains(&reason)),
        message: text(error, "message"),
        out_of_money,
        refused: false,
        retry: false,
        code: reason.or_else(|| text(error, "status")),
    }
}
