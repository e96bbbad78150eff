//! Headers, each described once.

use serde_json::{Value, json};

/// A header of answers: its name, whether it is always there where an operation names it, what it says.
struct Header {
    about: &'static str,
    always: bool,
    example: &'static str,
    name: &'static str,
}

const fn always(name: &'static str, example: &'static str, about: &'static str) -> Header {
    Header { about, always: true, example, name }
}

const fn maybe(name: &'static str, example: &'static str, about: &'static str) -> Header {
    Header { about, always: false, example, name }
}

/// Headers of answers.
const ANSWERED: [Header; 35] = [
    maybe("Age", "42", "How many seconds ago an answer of the response cache was made."),
    maybe("Allow", "GET,HEAD", "The methods that the path takes."),
    always("Cache-Control", "public, max-age=300", "How long a copy may be kept."),
    maybe("Deprecation", "@1795608000", "Since when the model is deprecated (RFC 9745)."),
    always("ETag", "\"1795608000000\"", "The state of what is answered; conditions name it again."),
    maybe("Idempotency-Replayed", "true", "There if the answer is one that was given before."),
    always("Location", "/v1/projects/proj_dev", "Where the new row is."),
    maybe("Preference-Applied", "respond-async", "There if `Prefer` was heeded."),
    maybe("RateLimit", "\"requests_per_minute\";r=59;t=60", "How the tightest limits stand."),
    maybe("RateLimit-Policy", "\"requests_per_minute\";q=60;w=60", "What the tightest limits are."),
    maybe("Retry-After", "60", "After how many seconds another try makes sense."),
    maybe(
        "Server-Timing",
        "auth;dur=1, limit;dur=2, upstream;dur=300",
        "What took how many milliseconds.",
    ),
    maybe(
        "Sunset",
        "Thu, 14 Jan 2027 00:00:00 GMT",
        "Until when the model can be called (RFC 8594).",
    ),
    always("WWW-Authenticate", "Bearer", "How to prove who calls."),
    always(
        "X-Request-ID",
        "019ab0c7-d3f8-7c1e-9a4b-2c6d8e0f1a2b",
        "The id of the request: yours if it is one, else ours.",
    ),
    maybe("x-de-attempts", "1", "How often vendors were asked."),
    maybe("x-de-cache", "miss", "What the response cache came to: `hit`, `miss` or `off`."),
    maybe("x-de-cost-micros", "42", "What the call cost, in micro-dollars."),
    maybe(
        "x-de-dropped",
        "logit_bias, messages/*/name",
        "What of the request was left out, by its place: the vendor, the model or its mapping has no word for it.",
    ),
    maybe("x-de-estimated", "true", "There if the count is an estimate of ours."),
    maybe(
        "x-de-max-tokens",
        "4096",
        "The output bound that was sent because a limit counts tokens.",
    ),
    maybe("x-de-model", "gpt-4o-mini", "The model that answered."),
    maybe("x-de-provider", "openai", "Its provider."),
    maybe("x-de-receipt", "rcpt_019ab0c7d3f87c1e9a4b2c6d8e0f1a2b", "The receipt of the call."),
    always(
        "x-de-trace-id",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "The trace that the request belongs to: that of your `traceparent`, else one that begins with it.",
    ),
    maybe(
        "x-de-warnings",
        "seed: this model's vendor has no such setting",
        "Why members were left out, where the call or the model's row wants that told (`warn`); and `store`, where a \
         response is too large to be kept.",
    ),
    maybe(
        "x-ratelimit-limit-requests",
        "60",
        "How many requests the tightest limit of them allows.",
    ),
    maybe(
        "x-ratelimit-limit-tokens",
        "90000",
        "How many tokens the tightest limit of them allows.",
    ),
    maybe("x-ratelimit-remaining-requests", "59", "How many requests are left of it."),
    maybe("x-ratelimit-remaining-tokens", "89991", "How many tokens are left of it."),
    maybe(
        "x-ratelimit-reset-requests",
        "850ms",
        "In how many milliseconds all of them are free again.",
    ),
    maybe(
        "x-ratelimit-reset-tokens",
        "850ms",
        "In how many milliseconds all of them are free again.",
    ),
    maybe("x-should-retry", "false", "False: the same request would fail again."),
    maybe(
        "request-id",
        "019ab0c7-d3f8-7c1e-9a4b-2c6d8e0f1a2b",
        "As X-Request-ID, where Anthropic's clients look for it.",
    ),
    maybe(
        "Set-Cookie",
        "__Host-de_session=…; Path=/; Secure; HttpOnly; SameSite=Strict",
        "The session.",
    ),
];

/// How the tightest limits stand, in both forms.
pub(super) const LIMITS: [&str; 8] = [
    "RateLimit",
    "RateLimit-Policy",
    "x-ratelimit-limit-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset-tokens",
];

/// What of a request was left out, and why.
pub(super) const LEFT_OUT: [&str; 2] = ["x-de-dropped", "x-de-warnings"];

/// The named headers of an answer, as references.
pub(super) fn of_answer(names: &[&str]) -> Value {
    let one =
        |name: &&str| ((*name).to_owned(), json!({"$ref": format!("#/components/headers/{name}")}));
    Value::Object(names.iter().map(one).collect())
}

/// The description of a header of answers; `None` if nobody described it.
pub(super) fn component(name: &str) -> Option<Value> {
    let header = ANSWERED.iter().find(|header| header.name == name)?;
    let mut described = json!({
        "description": header.about,
        "schema": {"type": "string"},
        "example": header.example,
    });
    if let (true, Some(members)) = (header.always, described.as_object_mut()) {
        members.insert("required".to_owned(), true.into());
    }
    Some(described)
}

/// A header of requests that several operations take, and how it is named among the parameters.
pub(super) fn parameter(name: &str) -> Option<Value> {
    let (example, schema, about) = match name {
        "Idempotency-Key" => (
            "order-4711",
            json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\t -~]+$"}),
            "Any text, for a day: the same question with it is answered once more and not done again.",
        ),
        "If-Match" => (
            "*",
            json!({"type": "string"}),
            "The `ETag` that was read: if the row has changed since, nothing is done and 412 answered.",
        ),
        "If-None-Match" => (
            "\"1795608000000\"",
            json!({"type": "string"}),
            "The `ETag` that was read: if it is still that, 304 is answered, without a body.",
        ),
        "Last-Event-ID" => (
            "rcpt_019ab0c7d3f87c1e9a4b2c6d8e0f1a2b",
            json!({"type": "string"}),
            "The id of the last event that was read: it goes on after that.",
        ),
        "Prefer" => (
            "respond-async",
            json!({"type": "string"}),
            "`respond-async`: 202 with a job at once, and the call goes on.",
        ),
        "X-Instance-ID" => (
            "inst_dev",
            json!({"$ref": "#/components/schemas/InstanceId"}),
            "The instance that a person's key acts for. A project's key names its own.",
        ),
        "X-Request-ID" => (
            "019ab0c7-d3f8-7c1e-9a4b-2c6d8e0f1a2b",
            json!({"type": "string"}),
            "An id for this request, which the answer repeats: 1 to 128 of `A-Z a-z 0-9 . _ -`. Any other text is \
             replaced.",
        ),
        "anthropic-version" => (
            "2023-06-01",
            json!({"type": "string"}),
            "The version of Anthropic's protocol; where both are spoken, its presence chooses Anthropic's form.",
        ),
        "traceparent" => (
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            json!({"type": "string"}),
            "Your place in a trace, as W3C Trace Context has it: the request goes on in it. One that is not well-formed \
             is replaced.",
        ),
        "tracestate" => (
            "congo=t61rcWkgMzE",
            json!({"type": "string"}),
            "What other systems noted in the trace: it goes from worker to worker, and to no vendor.",
        ),
        "x-de-cache" => (
            "3600",
            json!({"type": "string", "pattern": "^(off|refresh|[1-9][0-9]{1,6})$"}),
            "For how many seconds (60 to 2592000) the answer is kept, and how old one may be that was; `refresh`: \
             only a new one will do; `off`: the response cache has nothing to do with the call.",
        ),
        "x-de-fallback" => (
            "gpt-4o-mini",
            json!({"type": "string"}),
            "Models to try when the first fails, with commas, at most five: they come before those of the \
             model's config. `; only` at the end leaves those of the config out, an empty value all: then nobody serves \
             instead.",
        ),
        "x-de-on-unsupported" => (
            "drop",
            json!({"$ref": "#/components/schemas/OnUnsupported"}),
            "What happens to what the vendor cannot be told: `reject`: 400 with its place; `drop`: it is left out, and \
             `x-de-dropped` names it; `warn`: `x-de-warnings` says why, too. It goes before what the model's row and \
             its mapping say.",
        ),
        "x-de-session" => (
            "chat-1f0a",
            json!({"type": "string"}),
            "The conversation that the call belongs to: where several models share the calls of one, calls of the same \
             conversation may be sent to the same of them.",
        ),
        _ => return None,
    };
    Some(json!({
        "name": name,
        "in": "header",
        "description": about,
        "schema": schema,
        "example": example,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_stand_once() {
        for (index, header) in ANSWERED.iter().enumerate() {
            let twin = ANSWERED[..index].iter().find(|known| known.name == header.name);
            assert!(twin.is_none(), "{}", header.name);
        }
    }
}
