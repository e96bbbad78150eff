//! Failures that are told inside an answer: `response.error`, and the event `error`.
//!
//! The body of a refused request is that of OpenAI's chat.

use serde_json::Value;

use super::super::VendorError;

/// Words that are money, not pace, are the same as elsewhere.
const OUT_OF_MONEY: [&str; 2] = ["billing_hard_limit_reached", "insufficient_quota"];

/// Codes of a response that failed for safety.
const REFUSED: [&str; 4] = [
    "bio_policy",
    "content_filter",
    "image_content_policy_violation",
    "misalignment_policy_violation",
];

/// Reads `{code, message}`: `error` of a response that failed, or an event `error`, in which hosts nest it.
pub(super) fn of(error: &Value) -> VendorError {
    let error = error.get("error").filter(|inner| inner.is_object()).unwrap_or(error);
    let text = |name: &str| {
        let text = error.get(name).and_then(Value::as_str);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let code = text("code");
    let is_in = |words: &[&str]| code.as_deref().is_some_and(|code| words.contains(&code));
    VendorError {
        out_of_money: is_in(&OUT_OF_MONEY),
        refused: is_in(&REFUSED),
        message: text("message"),
        code,
        ..VendorError::default()
    }
}
