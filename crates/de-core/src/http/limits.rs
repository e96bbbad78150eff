//! Limits in headers: `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers), and
//! OpenAI's `x-ratelimit-*`.

use std::time::Duration;

use http::HeaderName;
use serde_json::json;

use super::{
    context::Context,
    error::{ApiError, Code},
};
use crate::limits::{
    Kind,
    wire::{Denial, Standing, Standings},
};

/// Tells how the tightest limits stand, on success and on failure.
pub fn tell(context: &Context, standings: &Standings) {
    let mut policies = Vec::new();
    let mut states = Vec::new();
    let both = [("requests", &standings.requests), ("tokens", &standings.tokens)];
    for (what, standing) in both {
        let Some(standing) = standing else { continue };
        let seconds = standing.reset_ms.max(0).unsigned_abs().div_ceil(1_000);
        let mut policy = format!("\"{}\";q={}", standing.kind.name(), standing.limit);
        if let Some(span) = standing.kind.span() {
            policy.push_str(&format!(";w={}", span.length_ms() / 1_000));
        }
        policies.push(policy);
        states.push(format!("\"{}\";r={};t={seconds}", standing.kind.name(), standing.remaining));
        openai(context, what, standing);
    }
    if !policies.is_empty() {
        let name = HeaderName::from_static;
        context.tell(name("ratelimit-policy"), &policies.join(", "));
        context.tell(name("ratelimit"), &states.join(", "));
    }
}

fn openai(context: &Context, what: &str, standing: &Standing) {
    let values = [
        ("limit", standing.limit.to_string()),
        ("remaining", standing.remaining.to_string()),
        ("reset", format!("{}ms", standing.reset_ms.max(0))),
    ];
    for (part, value) in values {
        if let Ok(name) = HeaderName::try_from(format!("x-ratelimit-{part}-{what}")) {
            context.tell(name, &value);
        }
    }
}

/// The answer to a call that a limit stands in the way of.
#[must_use]
pub fn denied(context: &Context, denial: &Denial) -> ApiError {
    tell(context, &denial.standing);
    let refusal = &denial.refusal;
    let scope = refusal.scope.kind.name();
    let what = match refusal.kind {
        Kind::Concurrent => format!("{} calls at once", refusal.limit),
        kind => format!("{} {}", refusal.limit, kind.name().replace('_', " ")),
    };
    let message = match refusal.retry_after_ms {
        Some(_) => format!("the limit of {what} for this {scope} is used up"),
        None => format!("this call alone may need more than the limit of {what} for this {scope}"),
    };
    let error = ApiError::new(Code::RateLimitExceeded, message);
    let error = error
        .with("scope", scope)
        .with("kind", refusal.kind.name())
        .with("limit", refusal.limit)
        .with("reset", json!(refusal.retry_after_ms));
    match refusal.retry_after_ms {
        Some(wait) => error.retry_after(Duration::from_millis(wait.max(0).unsigned_abs())),
        // Waiting does not help, but a 429 has to say something.
        None => error.retry_after(Duration::from_secs(60)).for_good(),
    }
}
