//! What Google refuses, and how it says so: `{"error": {code, message, status, details}}`.
//!
//! Follows <https://ai.google.dev/gemini-api/docs/troubleshooting> and <https://google.aip.dev/193>.

use serde_json::{Value, json};

use crate::endpoint::{Incoming, Reply};
use crate::schema::{Finding, Problem};

const ERROR_INFO: &str = "type.googleapis.com/google.rpc.ErrorInfo";
const BAD_REQUEST: &str = "type.googleapis.com/google.rpc.BadRequest";
const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// Lets in whoever has the key, in `x-goog-api-key`. The vendor also takes `?key=`, which ends up in logs:
/// here it does not count.
pub(crate) fn authenticate(incoming: &Incoming<'_>) -> Result<(), Reply> {
    let key = incoming.header("x-goog-api-key").unwrap_or_default();
    if key.is_empty() {
        let message = "Method doesn't allow unregistered callers. Please use an API key.";
        return Err(error(403, message, &[]));
    }
    if incoming.config.accepts(incoming.vendor, key) {
        return Ok(());
    }
    let info = json!({
        "@type": ERROR_INFO,
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": { "service": "generativelanguage.googleapis.com" },
    });
    // Not a 401: the vendor calls a wrong key an invalid argument.
    Err(error(400, "API key not valid. Please pass a valid API key.", &[info]))
}

/// A 400 that the request itself has earned.
pub(crate) fn invalid(message: &str) -> Reply {
    error(400, message, &[])
}

/// The error for what does not fit the tables.
pub(crate) fn misfit(finding: &Finding) -> Reply {
    let place = finding.bracketed();
    let message = match &finding.problem {
        Problem::Choice { got, .. } => format!("Invalid value at '{place}' (TYPE_ENUM), \"{got}\""),
        Problem::Entries { .. } | Problem::Length { .. } | Problem::Name { .. } => {
            format!("* GenerateContentRequest.{place}: wrong number of entries or characters")
        }
        Problem::Missing => format!("* GenerateContentRequest.{place}: {place} is not specified"),
        Problem::Range { got, least, most, .. } => {
            format!("* GenerateContentRequest.{place}: {got} is not from {least} to {most}")
        }
        Problem::Type { expected, .. } => {
            format!("Invalid value at '{place}' (expected {})", expected.join(" or "))
        }
        Problem::Unknown => {
            let (above, name) = place.rsplit_once('.').unwrap_or(("", &place));
            format!(
                "Invalid JSON payload received. Unknown name \"{name}\" at '{above}': Cannot find field."
            )
        }
    };
    let violations = json!([{ "field": place, "description": message }]);
    error(400, &message, &[json!({ "@type": BAD_REQUEST, "fieldViolations": violations })])
}

/// The 404 for a model that is not there, or cannot do this.
pub(crate) fn no_such_model(model: &str, method: &str) -> Reply {
    let message = format!(
        "models/{model} is not found for API version v1beta, or is not supported for {method}."
    );
    error(404, &message, &[])
}

/// The error of the `fail` fault. When to come back stands in the body; there is no header for it.
pub(crate) fn failure(status: u16, retry_after: Option<u32>) -> Reply {
    let message = match status {
        402 => "Your prepaid credits are used up.",
        403 => "Permission denied.",
        404 => "Requested entity was not found.",
        429 => "You exceeded your current quota, please check your plan and billing details.",
        503 => "The model is overloaded. Please try again later.",
        500.. => "An internal error has occurred.",
        _ => "Request contains an invalid argument.",
    };
    let retry = retry_after.map(|s| json!({ "@type": RETRY_INFO, "retryDelay": format!("{s}s") }));
    error(status, message, retry.as_slice())
}

/// The error of the `fail:place` fault: not a 403, as others have it, but a 400 with a status of its own.
pub(crate) fn not_served_here() -> Reply {
    written(400, "FAILED_PRECONDITION", "User location is not supported for the API use.", &[])
}

/// The error inside a stream that began well: the same object, as an event.
pub(crate) fn error_event() -> String {
    let error = json!({
        "code": 503,
        "message": "The model is overloaded. Please try again later.",
        "status": "UNAVAILABLE",
    });
    format!("data: {}\n\n", json!({ "error": error }))
}

/// Writes an error with the status that its number has.
fn error(code: u16, message: &str, details: &[Value]) -> Reply {
    let status = match code {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        402 | 429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        500.. => "INTERNAL",
        _ => "FAILED_PRECONDITION",
    };
    written(code, status, message, details)
}

/// Writes an error; `details` is absent if there are none.
fn written(code: u16, status: &str, message: &str, details: &[Value]) -> Reply {
    let mut error = json!({ "code": code, "message": message, "status": status });
    if let (false, Some(error)) = (details.is_empty(), error.as_object_mut()) {
        error.insert("details".to_owned(), json!(details));
    }
    Reply::json(code, &json!({ "error": error }))
}
