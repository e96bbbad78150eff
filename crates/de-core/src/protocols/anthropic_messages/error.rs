//! Error bodies.

use serde_json::Value;

use super::super::VendorError;
use crate::json;

/// Codes and types that mean money, not pace.
const OUT_OF_MONEY: [&str; 3] =
    ["billing_error", "contract_spend_limit_reached", "enforced_spend_limit_reached"];

/// Reads an error body, whatever it is.
pub(super) fn read(status: u16, body: &[u8]) -> VendorError {
    let mut error = json::parse(body).map(|value| of(&value)).unwrap_or_default();
    error.out_of_money |= status == 402;
    error
}

/// Reads `{"type": "error", "error": {"type", "message", "details": {"error_code"}}}`.
pub(super) fn of(body: &Value) -> VendorError {
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let (code, kind) = (text("/error/details/error_code"), text("/error/type"));
    let money =
        |word: &Option<String>| word.as_deref().is_some_and(|word| OUT_OF_MONEY.contains(&word));
    VendorError {
        // More than 32 MB. What has more tokens than the model reads is an `invalid_request_error` like others.
        too_long: kind.as_deref() == Some("request_too_large"),
        unsupported: false,
        out_of_money: money(&code) || money(&kind),
        message: text("/error/message"),
        key_refused: false,
        refused: false,
        retry: false,
        code: code.or(kind),
    }
}

/// The `type` of an error in Anthropic's envelope, for a status that we answer with.
#[must_use]
pub fn error_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        504 => "timeout_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}
