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
    Kind, Period,
    wire::{Denial, Need, Standing, Standings},
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

/// The answer to a call that needs so much, and that a limit stands in the way of.
#[must_use]
pub fn denied(context: &Context, denial: &Denial, need: Need) -> ApiError {
    tell(context, &denial.standing);
    refused(denial, need)
}

/// The failure of a try that needs so much, and that a limit stands in the way of. Another try may still be
/// made, so the headers go on telling what the call itself was told.
#[must_use]
pub fn refused(denial: &Denial, need: Need) -> ApiError {
    let refusal = &denial.refusal;
    if let Kind::Budget(period) = refusal.kind {
        return over_budget(denial, period, need);
    }
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

/// The answer to a call that a budget stands in the way of.
fn over_budget(denial: &Denial, period: Period, need: Need) -> ApiError {
    let refusal = &denial.refusal;
    let scope = refusal.scope.kind.name();
    let amount = dollars(refusal.limit);
    let each = match period {
        Period::Total => "in all".to_owned(),
        Period::Day | Period::Month | Period::Week => format!("a {}", period.name()),
    };
    let budget = format!("the budget of {amount} {each} for this {scope}");
    let message = match need.micros {
        None => format!(
            "this model has no price for what this call may use, so {budget} cannot be kept: save its pricing"
        ),
        Some(need) if need > refusal.limit => {
            format!("this call alone may cost {}, more than {budget}", dollars(need))
        }
        Some(need) => {
            format!("{budget} has no room for a call that may cost {}", dollars(need))
        }
    };
    let standing = denial.standing.budget.as_ref();
    let standing = standing.filter(|at| at.kind == refusal.kind && at.scope == refusal.scope);
    let error = ApiError::new(Code::BudgetExceeded, message)
        .with("scope", scope)
        .with("kind", refusal.kind.name())
        .with("limit_micros", refusal.limit)
        .with("need_micros", json!(need.micros))
        .with("remaining_micros", json!(standing.map(|standing| standing.remaining)))
        .with("reset", json!(refusal.retry_after_ms));
    match refusal.retry_after_ms {
        Some(wait) => error.retry_after(Duration::from_millis(wait.max(0).unsigned_abs())),
        None => error,
    }
    .for_good()
}

/// Micro-dollars for a person: `$0.05`, `$0.000015`.
fn dollars(micros: u64) -> String {
    let (whole, part) = (micros / 1_000_000, micros % 1_000_000);
    let digits = format!("{part:06}");
    let cents = digits.trim_end_matches('0');
    format!("${whole}.{cents:0<2}")
}

#[cfg(test)]
mod tests {
    use super::dollars;

    #[test]
    fn money_is_written_for_people() {
        let written = [0, 50_000, 15, 1_500_000, 100_000_000].map(dollars);
        assert_eq!(written, ["$0.00", "$0.05", "$0.000015", "$1.50", "$100.00"]);
    }
}
