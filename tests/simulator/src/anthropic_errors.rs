//! What Anthropic refuses, and how it says so.
//!
//! Follows <https://docs.anthropic.com/en/api/errors>.

use serde_json::{Map, Value, json};

use crate::endpoint::{CREATED_TEXT, Incoming, Reply};
use crate::schema::{self, Field};
use crate::{models, pydantic};

/// The versions that clients send; under the newest, sampling parameters are refused.
const VERSIONS: [&str; 3] = ["2023-01-01", "2023-06-01", NO_SAMPLING_VERSION];

/// The version that has no temperature and no kin of it.
pub(crate) const NO_SAMPLING_VERSION: &str = "2026-10-21";

/// Makes an error reply; the type follows from the status.
pub(crate) fn refuse(incoming: &Incoming<'_>, status: u16, message: &str) -> Reply {
    error(incoming, status, &json!({ "type": kind(status), "message": message }))
}

/// The error of the `fail:quota` fault: a 429 that no waiting mends.
pub(crate) fn out_of_money(incoming: &Incoming<'_>) -> Reply {
    let details = json!({ "error_code": "enforced_spend_limit_reached" });
    let message = "Your organization has reached its spend limit.";
    let inner = json!({ "type": kind(429), "message": message, "details": details });
    error(incoming, 429, &inner)
}

/// Lets in whoever has the key, in either header, and names a version that exists.
pub(crate) fn authenticate(incoming: &Incoming<'_>) -> Result<(), Reply> {
    let key = incoming.header("x-api-key").or_else(|| incoming.bearer());
    let Some(key) = key.filter(|key| !key.is_empty()) else {
        return Err(refuse(incoming, 401, "x-api-key header is required"));
    };
    if !incoming.config.accepts(incoming.vendor, key) {
        return Err(refuse(incoming, 401, "invalid x-api-key"));
    }
    match incoming.header("anthropic-version") {
        None => Err(refuse(incoming, 400, "anthropic-version: header is required")),
        Some(version) if VERSIONS.contains(&version) => Ok(()),
        Some(version) => {
            let message = format!("anthropic-version: \"{version}\" is not a valid version");
            Err(refuse(incoming, 400, &message))
        }
    }
}

/// Reads the body as a JSON object that fits the table.
pub(crate) fn object(
    incoming: &Incoming<'_>,
    fields: &[Field],
) -> Result<Map<String, Value>, Reply> {
    if !incoming.is_json() {
        let message = "Content-Type: must be application/json";
        return Err(refuse(incoming, 400, message));
    }
    let value: Value = serde_json::from_slice(incoming.body).map_err(|error| {
        refuse(incoming, 400, &format!("The request body is not valid JSON: {error}"))
    })?;
    let Value::Object(object) = value else {
        return Err(refuse(incoming, 400, "Input should be a valid dictionary"));
    };
    match schema::check(&object, fields) {
        Ok(()) => Ok(object),
        Err(finding) => {
            let (_, said) = pydantic::said(&finding.problem);
            Err(refuse(incoming, 400, &format!("{}: {said}", finding.dotted())))
        }
    }
}

/// The error of the `fail` fault.
pub(crate) fn failure(incoming: &Incoming<'_>, status: u16) -> Reply {
    let message = match status {
        401 => "invalid x-api-key",
        404 => "model: not found",
        429 => "This request would exceed your rate limit.",
        500 => "Internal server error",
        529 => "Overloaded",
        _ => "The request failed.",
    };
    refuse(incoming, status, message)
}

/// The error inside a stream that began with 200.
pub(crate) fn error_event(incoming: &Incoming<'_>) -> String {
    let error = json!({
        "type": "error",
        "error": { "type": "overloaded_error", "message": "Overloaded" },
        "request_id": incoming.made_id("req_"),
    });
    format!("event: error\ndata: {error}\n\n")
}

/// Headers of every reply.
pub(crate) fn reply_headers(incoming: &Incoming<'_>) -> Vec<(&'static str, String)> {
    let reset = CREATED_TEXT.to_owned();
    vec![
        ("request-id", incoming.made_id("req_")),
        ("anthropic-organization-id", "00000000-0000-4000-8000-000000000001".to_owned()),
        ("anthropic-ratelimit-requests-limit", "4000".to_owned()),
        ("anthropic-ratelimit-requests-remaining", "3999".to_owned()),
        ("anthropic-ratelimit-requests-reset", reset.clone()),
        ("anthropic-ratelimit-tokens-limit", "480000".to_owned()),
        ("anthropic-ratelimit-tokens-remaining", "479000".to_owned()),
        ("anthropic-ratelimit-tokens-reset", reset.clone()),
        ("anthropic-ratelimit-input-tokens-limit", "400000".to_owned()),
        ("anthropic-ratelimit-input-tokens-remaining", "399000".to_owned()),
        ("anthropic-ratelimit-input-tokens-reset", reset.clone()),
        ("anthropic-ratelimit-output-tokens-limit", "80000".to_owned()),
        ("anthropic-ratelimit-output-tokens-remaining", "80000".to_owned()),
        ("anthropic-ratelimit-output-tokens-reset", reset),
    ]
}

/// `GET /v1/models`.
pub(crate) fn model_list(incoming: &Incoming<'_>) -> Value {
    let models: Vec<Value> = models::listed(incoming.vendor)
        .map(|model| {
            json!({
                "type": "model",
                "id": model.id,
                "display_name": model.id,
                "created_at": CREATED_TEXT,
                "lifecycle": "active",
                "retires_at": null,
                "max_tokens": model.max_output,
            })
        })
        .collect();
    let id = |model: Option<&Value>| model.and_then(|model| model.get("id")).cloned();
    json!({
        "first_id": id(models.first()),
        "last_id": id(models.last()),
        "has_more": false,
        "data": models,
    })
}

fn error(incoming: &Incoming<'_>, status: u16, error: &Value) -> Reply {
    let request_id = incoming.made_id("req_");
    Reply::json(status, &json!({ "type": "error", "error": error, "request_id": request_id }))
}

const fn kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}
