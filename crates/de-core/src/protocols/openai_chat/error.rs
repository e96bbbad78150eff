//! Error bodies, of OpenAI and of the hosts that speak its protocol in their own way.

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::{StreamFailure, VendorError};
use crate::{json, sse};

/// Codes and types of OpenAI that mean money, not pace.
const OUT_OF_MONEY: [&str; 6] = [
    "billing_hard_limit_reached",
    "credit_balance_exhausted",
    "insufficient_quota",
    "organization_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "project_spend_limit_exceeded",
];

/// Codes of OpenAI that mean refused for safety.
const REFUSED: [&str; 3] = ["content_filter", "content_policy_violation", "moderation_blocked"];

/// Codes that mean that the request does not fit into the model: of OpenAI, of Groq, and of vLLM's kin.
const TOO_LONG: [&str; 3] =
    ["context_length_exceeded", "request_too_large", "max_context_length_exceeded"];

/// Codes of OpenAI that mean that this model does not do what was asked for, and another one may.
const UNSUPPORTED: [&str; 4] = [
    "unsupported_image_media_type",
    "unsupported_model",
    "unsupported_parameter",
    "unsupported_value",
];

/// Reads an error body, whatever it is. 402 is money too: DeepSeek, Together.
pub(crate) fn read(status: u16, body: &[u8]) -> VendorError {
    let mut error = json::parse(body).map(|value| of(&value)).unwrap_or_default();
    error.out_of_money |= status == 402;
    error
}

/// Reads `{"error": {…}}`, `{"error": "…"}`, `{"message": …}`, `{"detail": …}`, or a list with one of them.
pub(super) fn of(body: &Value) -> VendorError {
    let body = body.get(0).unwrap_or(body);
    let error = body.get("error").filter(|error| !error.is_null()).unwrap_or(body);
    let word = |name: &str| error.get(name).and_then(word);
    let (code, kind) = (word("code"), word("type"));
    let money =
        |word: &Option<String>| word.as_deref().is_some_and(|word| OUT_OF_MONEY.contains(&word));
    let message =
        [Some(error), error.get("message"), error.get("detail"), error.pointer("/detail/0/msg")];
    VendorError {
        out_of_money: money(&code) || money(&kind),
        message: message.into_iter().flatten().find_map(Value::as_str).map(str::to_owned),
        key_refused: false,
        refused: code.as_deref().is_some_and(|code| REFUSED.contains(&code)),
        retry: false,
        too_long: code.as_deref().is_some_and(|code| TOO_LONG.contains(&code)),
        unsupported: code.as_deref().is_some_and(|code| UNSUPPORTED.contains(&code)),
        code: code.or(kind),
    }
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

/// The `type` of an error in OpenAI's envelope, for a status that we answer with.
#[must_use]
pub fn error_type(status: u16) -> &'static str {
    match status {
        402 => "insufficient_quota",
        429 => "rate_limit_exceeded",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

/// A failure inside a stream, as an event without a name. OpenAI's clients raise an error at `data: {"error": …}` and
/// read no further.
pub(in crate::protocols) fn error_event(failure: &StreamFailure) -> Bytes {
    let error = json!({"error": {
        "message": failure.message,
        "type": error_type(failure.status),
        "param": null,
        "code": failure.code.to_ascii_lowercase(),
    }});
    Bytes::from(sse::encode(None, &error.to_string()))
}
