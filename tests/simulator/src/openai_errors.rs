//! What OpenAI refuses, and how it says so; its hosts do it the same way, but for Mistral's 422.
//!
//! Follows <https://platform.openai.com/docs/guides/error-codes>.

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::config::Vendor;
use crate::endpoint::{CREATED, Incoming, Reply};
use crate::models::{Model, ModelKind};
use crate::schema::{self, Field, Finding, Problem};
use crate::{models, pydantic};

const INVALID: &str = "invalid_request_error";

/// Makes an error reply; all four members are always there.
pub(crate) fn refuse(status: u16, code: Option<&str>, param: Option<&str>, message: &str) -> Reply {
    error(status, INVALID, code, param, message)
}

/// Lets in whoever has the key.
pub(crate) fn authenticate(incoming: &Incoming<'_>) -> Result<(), Reply> {
    let refused = |message: &str| refuse(401, Some("invalid_api_key"), None, message);
    let key = incoming.bearer().filter(|key| !key.is_empty()).ok_or_else(|| {
        refused("You didn't provide an API key: send it as Authorization: Bearer YOUR_KEY.")
    })?;
    if incoming.config.accepts(incoming.vendor, key) {
        return Ok(());
    }
    let end: String = key.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
    Err(refused(&format!("Incorrect API key provided: ***{end}.")))
}

/// Reads the body as a JSON object.
pub(crate) fn object(incoming: &Incoming<'_>) -> Result<Map<String, Value>, Reply> {
    if !incoming.is_json() {
        let got = incoming.header("content-type").unwrap_or_default();
        let message = format!(
            "Unsupported content type: '{got}'. This API method only accepts 'application/json' requests."
        );
        return Err(refuse(400, Some("unsupported_content_type"), None, &message));
    }
    let value: Value = serde_json::from_slice(incoming.body).map_err(|error| {
        let message = format!("We could not parse the JSON body of your request: {error}.");
        refuse(400, None, None, &message)
    })?;
    match value {
        Value::Object(object) => Ok(object),
        other => {
            let message =
                format!("Invalid type for request body: expected an object, got {other}.");
            Err(refuse(400, Some("invalid_type"), None, &message))
        }
    }
}

/// Checks the members against their table.
pub(crate) fn check(
    incoming: &Incoming<'_>,
    object: &Map<String, Value>,
    fields: &[Field],
) -> Result<(), Reply> {
    schema::check(object, fields).map_err(|finding| match incoming.vendor {
        Vendor::Mistral => Reply::json(422, &pydantic::detail(&finding)),
        _ => misfit(&finding),
    })
}

/// Finds the model that the body names, unless it is unknown or gone.
pub(crate) fn model(
    incoming: &Incoming<'_>,
    kind: ModelKind,
    object: &Map<String, Value>,
) -> Result<&'static Model, Reply> {
    let id = object.get("model").and_then(Value::as_str).unwrap_or_default();
    let missing = |message: String| refuse(404, Some("model_not_found"), None, &message);
    let model = models::find(incoming.vendor, kind, id).ok_or_else(|| {
        missing(format!("The model `{id}` does not exist or you do not have access to it."))
    })?;
    if model.traits.retired && !incoming.config.accept_retired {
        return Err(missing(format!("The model `{id}` has been deprecated and is gone.")));
    }
    Ok(model)
}

/// The error of the `fail` fault.
pub(crate) fn failure(status: u16) -> Reply {
    let (kind, code, message) = match status {
        401 => (INVALID, Some("invalid_api_key"), "Incorrect API key provided: ***0000."),
        402 => ("insufficient_balance", Some("insufficient_balance"), "Insufficient balance."),
        403 => (INVALID, Some("unsupported_country_region_territory"), "Country not supported."),
        404 => (INVALID, Some("model_not_found"), "The model does not exist."),
        429 => {
            ("rate_limit_exceeded", Some("rate_limit_exceeded"), "Rate limit reached for requests.")
        }
        503 => ("server_error", Some("server_is_overloaded"), "The server is overloaded."),
        500.. => ("server_error", None, "The server had an error while processing your request."),
        _ => (INVALID, None, "The request is invalid."),
    };
    error(status, kind, code, None, message)
}

/// The error of the `fail:quota` fault: a 429 that no waiting mends.
pub(crate) fn out_of_money() -> Reply {
    let message = "You exceeded your current quota: check your plan and billing details.";
    error(429, "insufficient_quota", Some("credit_balance_exhausted"), None, message)
}

/// The error of the `fail:moderated` fault.
pub(crate) fn content_policy() -> Reply {
    let message = "Your request was rejected as a result of our safety system.";
    refuse(400, Some("content_policy_violation"), None, message)
}

/// The error of the `fail:too-long` fault.
pub(crate) fn too_long() -> Reply {
    let message = "This model's maximum context length is 128000 tokens. Please reduce the length of the messages.";
    refuse(400, Some("context_length_exceeded"), Some("messages"), message)
}

/// The error of the `fail:unsupported` fault.
pub(crate) fn unsupported() -> Reply {
    let message = "Unsupported parameter: 'temperature' is not supported with this model.";
    refuse(400, Some("unsupported_parameter"), Some("temperature"), message)
}

/// The error for a prompt of a picture that the safety system declines.
pub(crate) fn moderation_blocked() -> Reply {
    let message = "Your request was rejected by the safety system. safety_violations=[violence].";
    error(400, "image_generation_user_error", Some("moderation_blocked"), None, message)
}

/// The error inside a stream that began with 200, after so many events.
///
/// Responses have one of their own: <https://platform.openai.com/docs/api-reference/responses-streaming/error>.
pub(crate) fn error_event(incoming: &Incoming<'_>, sent: usize) -> String {
    if incoming.path == "/v1/responses" {
        let error = json!({
            "type": "error",
            "sequence_number": sent,
            "code": "server_error",
            "message": "The server had an error while processing your request.",
            "param": null,
        });
        return format!("event: error\ndata: {error}\n\n");
    }
    let error = json!({ "error": {
        "message": "The server had an error while processing your request.",
        "type": "server_error", "param": null, "code": null,
    }});
    format!("data: {error}\n\n")
}

/// The error for a path or a method that is not served.
pub(crate) fn no_such_path(method: &str, path: &str) -> Reply {
    let status = StatusCode::NOT_FOUND.as_u16();
    refuse(status, Some("unknown_url"), None, &format!("Invalid URL ({method} {path})"))
}

/// Headers of every reply.
pub(crate) fn reply_headers(incoming: &Incoming<'_>) -> Vec<(&'static str, String)> {
    vec![
        ("x-request-id", incoming.made_id("req_")),
        ("openai-processing-ms", "5".to_owned()),
        ("openai-version", "2020-10-01".to_owned()),
        ("x-ratelimit-limit-requests", "10000".to_owned()),
        ("x-ratelimit-limit-tokens", "2000000".to_owned()),
        ("x-ratelimit-remaining-requests", "9999".to_owned()),
        ("x-ratelimit-remaining-tokens", "1999000".to_owned()),
        ("x-ratelimit-reset-requests", "6ms".to_owned()),
        ("x-ratelimit-reset-tokens", "30ms".to_owned()),
    ]
}

/// `GET /models`.
pub(crate) fn model_list(incoming: &Incoming<'_>) -> Value {
    let models: Vec<Value> = models::listed(incoming.vendor)
        .map(|model| {
            json!({ "id": model.id, "object": "model", "created": CREATED, "owned_by": "system" })
        })
        .collect();
    json!({ "object": "list", "data": models })
}

fn error(status: u16, kind: &str, code: Option<&str>, param: Option<&str>, message: &str) -> Reply {
    let error = json!({ "message": message, "type": kind, "param": param, "code": code });
    Reply::json(status, &json!({ "error": error }))
}

/// The error for the first thing that does not fit.
pub(crate) fn misfit(finding: &Finding) -> Reply {
    let place = finding.bracketed();
    let (code, message) = match &finding.problem {
        Problem::Choice { allowed, got } => {
            let allowed: Vec<String> = allowed.iter().map(|text| format!("'{text}'")).collect();
            let allowed = allowed.join(", ");
            ("invalid_value", format!("Invalid value: '{got}'. Supported values are: {allowed}."))
        }
        Problem::Entries { got: 0, least, .. } => {
            let wanted = format!("Expected an array with minimum length {least}");
            ("empty_array", format!("Invalid '{place}': empty array. {wanted}."))
        }
        Problem::Entries { got, least, .. } if got < least => (
            "array_below_min_length",
            format!("Invalid '{place}': array too short. Expected at least {least}, got {got}."),
        ),
        Problem::Entries { got, most, .. } => (
            "array_above_max_length",
            format!("Invalid '{place}': array too long. Expected at most {most}, got {got}."),
        ),
        Problem::Length { got, least, .. } if got < least => (
            "string_below_min_length",
            format!("Invalid '{place}': string too short. Expected at least {least}, got {got}."),
        ),
        Problem::Length { got, most, .. } => (
            "string_above_max_length",
            format!("Invalid '{place}': string too long. Expected at most {most}, got {got}."),
        ),
        Problem::Missing => {
            ("missing_required_parameter", format!("Missing required parameter: '{place}'."))
        }
        Problem::Name { got } => (
            "invalid_value",
            format!("Invalid '{place}': '{got}' does not match '^[a-zA-Z0-9_-]+$'."),
        ),
        Problem::Range { got, integer, least, most } => {
            let number = if *integer { "integer" } else { "decimal" };
            out_of_range(&place, got, number, *least, *most)
        }
        Problem::Type { expected, got } => {
            let expected: Vec<String> = expected.iter().map(|name| with_article(name)).collect();
            let (expected, got) = (expected.join(" or "), with_article(got));
            let message =
                format!("Invalid type for '{place}': expected {expected}, but got {got} instead.");
            ("invalid_type", message)
        }
        Problem::Unknown => ("unknown_parameter", format!("Unknown parameter: '{place}'.")),
    };
    refuse(400, Some(code), Some(&place), &message)
}

fn out_of_range(
    place: &str,
    got: &str,
    number: &str,
    least: f64,
    most: f64,
) -> (&'static str, String) {
    let low = got.parse::<f64>().is_ok_and(|got| got < least);
    let code = match (number, low) {
        ("integer", true) => "integer_below_min_value",
        ("integer", false) => "integer_above_max_value",
        (_, true) => "decimal_below_min_value",
        (_, false) => "decimal_above_max_value",
    };
    let (side, bound) = if low {
        ("below minimum", format!(">= {least}"))
    } else {
        ("above maximum", format!("<= {most}"))
    };
    let message = format!(
        "Invalid '{place}': {number} {side} value. Expected a value {bound}, but got {got} instead."
    );
    (code, message)
}

fn with_article(name: &str) -> String {
    match name {
        "null" => name.to_owned(),
        "array" | "integer" | "object" => format!("an {name}"),
        other => format!("a {other}"),
    }
}
