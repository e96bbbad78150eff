//! How operations fail: one response a status and envelope, shared by all operations.

use serde_json::{Value, json};

use super::{
    headers,
    operation::{Speaks, sorted},
    shape::reference,
};
use crate::http::error::Code;

/// Where the response of a status stands.
pub(super) fn reference_of(speaks: Speaks, status: u16, codes: &[&str]) -> Value {
    let codes: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
    json!({
        "$ref": format!("#/components/responses/{}", name(speaks, status)),
        "description": codes.join(", "),
    })
}

/// The name of the response of a status.
pub(super) fn name(speaks: Speaks, status: u16) -> String {
    let kind = match speaks {
        Speaks::Anthropic => "AnthropicError",
        Speaks::ElevenLabs => "ElevenLabsError",
        Speaks::Native => "Error",
        Speaks::NativeCall => "CallError",
        Speaks::OpenAi => "OpenAiError",
        Speaks::OpenAiOrAnthropic => "ModelsError",
    };
    format!("{kind}{status}")
}

/// What a failed call to a vendor tells, as far as it came.
const OF_CALLS: [&str; 9] = [
    "Idempotency-Replayed",
    "x-de-receipt",
    "x-de-model",
    "x-de-provider",
    "x-de-attempts",
    "x-de-cost-micros",
    "x-de-max-tokens",
    "Deprecation",
    "Sunset",
];

/// The response of a status.
pub(super) fn component(speaks: Speaks, status: u16) -> Value {
    let mut names = vec!["X-Request-ID", "x-de-trace-id", "Server-Timing", "x-should-retry"];
    match status {
        401 => names.push("WWW-Authenticate"),
        402 | 429 | 503 => names.push("Retry-After"),
        _ => {}
    }
    if matches!(speaks, Speaks::Anthropic | Speaks::ElevenLabs | Speaks::OpenAiOrAnthropic) {
        names.push("request-id");
    }
    let calls = [Speaks::Anthropic, Speaks::ElevenLabs, Speaks::NativeCall, Speaks::OpenAi];
    if calls.contains(&speaks) {
        names.extend(OF_CALLS);
        names.extend(headers::LIMITS);
        names.extend(headers::LEFT_OUT);
        if status == 409 {
            names.push("Retry-After");
        }
    }
    let schema = match speaks {
        Speaks::Anthropic => reference("AnthropicError"),
        Speaks::ElevenLabs => reference("ElevenLabsError"),
        Speaks::Native | Speaks::NativeCall => reference("Error"),
        Speaks::OpenAi => reference("OpenAiError"),
        Speaks::OpenAiOrAnthropic => json!({
            "anyOf": [reference("OpenAiError"), reference("AnthropicError")]
        }),
    };
    json!({
        "description": about(status),
        "headers": headers::of_answer(&names),
        "content": {"application/json": {"schema": schema}},
    })
}

fn about(status: u16) -> &'static str {
    match status {
        400 => "The request makes no sense; `details` say where.",
        401 => "The key is missing, unknown or over.",
        402 => "A budget is used up.",
        403 => "The key may not do this.",
        404 => "There is no such thing for this key.",
        409 => "It does not fit with what is there.",
        412 => "It has changed since it was read.",
        413 => "The body is too large.",
        416 => "The range is beyond the end.",
        415 => "The body is of a type that is not read.",
        422 => "The vendor refused what was asked.",
        429 => "Too much at once.",
        500 => "Our fault; the request id finds it in our log.",
        501 => "Designed and not built.",
        502 => "A vendor failed.",
        503 => "Something that is needed does not answer.",
        504 => "A vendor took too long.",
        _ => "It failed.",
    }
}

/// The envelopes, by name.
pub(super) fn envelopes(codes: &[Code]) -> [(String, Value); 5] {
    let lower: Vec<String> = sorted(codes).into_iter().map(str::to_ascii_lowercase).collect();
    let native = json!({
        "type": "object",
        "description": "What went wrong, in our own form.",
        "required": ["error", "error_code", "request_id"],
        "properties": {
            "error": {"type": "string", "description": "What happened, for a person."},
            "error_code": {
                "type": "string",
                "description": "What happened, for a program. New ones may come.",
                "enum": sorted(codes),
            },
            "request_id": {"type": "string", "description": "The id of the request."},
            "details": particulars(),
        },
    });
    let openai = json!({
        "type": "object",
        "description": "What went wrong, in OpenAI's form.",
        "required": ["error"],
        "properties": {"error": {
            "type": "object",
            "description": "The failure.",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string", "description": "What happened, for a person."},
                "type": {
                    "type": "string",
                    "description": "What kind of failure it is.",
                    "enum": [
                        "insufficient_quota", "invalid_request_error", "rate_limit_exceeded",
                        "server_error",
                    ],
                },
                "param": {
                    "type": ["string", "null"],
                    "description": "The first field that is wrong: `messages[0].role`.",
                },
                "code": {
                    "type": "string",
                    "description": "What happened, for a program: our own code in lower case. New ones may come.",
                    "enum": &lower,
                },
                "details": particulars(),
            },
        }},
    });
    let anthropic = json!({
        "type": "object",
        "description": "What went wrong, in Anthropic's form.",
        "required": ["type", "error", "request_id"],
        "properties": {
            "type": {"type": "string", "description": "Always `error`.", "enum": ["error"]},
            "error": {
                "type": "object",
                "description": "The failure.",
                "required": ["type", "message"],
                "properties": {
                    "type": {
                        "type": "string",
                        "description": "What kind of failure it is.",
                        "enum": [
                            "api_error", "authentication_error", "billing_error", "conflict_error",
                            "invalid_request_error", "not_found_error", "overloaded_error",
                            "permission_error", "rate_limit_error", "request_too_large",
                            "timeout_error",
                        ],
                    },
                    "message": {"type": "string", "description": "What happened, for a person."},
                    "details": particulars(),
                },
            },
            "request_id": {"type": "string", "description": "The id of the request."},
        },
    });
    let elevenlabs = json!({
        "type": "object",
        "description": "What went wrong, in ElevenLabs' form.",
        "required": ["detail"],
        "properties": {"detail": {
            "type": "object",
            "description": "The failure.",
            "required": ["type", "code", "status", "message", "request_id", "param"],
            "properties": {
                "type": {
                    "type": "string",
                    "description": "What kind of failure it is.",
                    "enum": [
                        "authentication_error", "authorization_error", "not_found_error",
                        "payment_error", "rate_limit_error", "server_error", "validation_error",
                    ],
                },
                "code": {
                    "type": "string",
                    "description": "What happened, for a program: our own code in lower case. New ones may come.",
                    "enum": &lower,
                },
                "status": {
                    "type": "string",
                    "description": "The same as `code`: older clients read this.",
                    "enum": &lower,
                },
                "message": {"type": "string", "description": "What happened, for a person."},
                "request_id": {"type": "string", "description": "The id of the request."},
                "param": {
                    "type": ["string", "null"],
                    "description": "The first field that is wrong: `voice_settings.style`.",
                },
                "details": particulars(),
            },
        }},
    });
    [
        ("AnthropicError".to_owned(), anthropic),
        ("ElevenLabsError".to_owned(), elevenlabs),
        ("Error".to_owned(), native),
        ("ErrorDetails".to_owned(), details()),
        ("OpenAiError".to_owned(), openai),
    ]
}

/// A reference that says what stands there.
fn described(schema: &str, about: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}"), "description": about})
}

fn particulars() -> Value {
    json!({"$ref": "#/components/schemas/ErrorDetails", "description": "Particulars, if there are any."})
}

/// Particulars; which of them are there goes by the code.
fn details() -> Value {
    let text = |about: &str| json!({"type": "string", "description": about});
    let whole = |about: &str| json!({"type": "integer", "description": about});
    // In two halves: one is too long for the macro.
    let mut properties = json!({
        "fields": {
            "type": "array",
            "description": "`VALIDATION_ERROR`, `MODEL_CAPABILITY`: each field that is wrong, or that the model cannot do, at most 100.",
            "items": {"anyOf": [
                {
                    "type": "object",
                    "description": "A field and its fault.",
                    "required": ["field", "reason"],
                    "properties": {
                        "field": text("A JSON Pointer into the body: `/messages/0/role`; of a query `?limit`."),
                        "reason": text("What is wrong with it, for a person."),
                    },
                },
                text("`CONFLICT`: a JSON Pointer to what something else has."),
            ]},
        },
        "line": whole("Of a body that is no JSON: the line of the fault, from 1."),
        "column": whole("The column of the fault, from 0."),
        "limit_bytes": whole("`BODY_TOO_LARGE`: how many bytes are taken."),
        "field": text("`CONFLICT`: a JSON Pointer to what another row has."),
        "below": {
            "type": "object",
            "description": "`CONFLICT`: how many of each kind are below what was not deleted.",
            "additionalProperties": {"type": "integer"},
        },
        "named_by": {
            "type": "object",
            "description": "`CONFLICT`: what names a model that was not deleted.",
            "additionalProperties": true,
        },
        "error": text("`CONFLICT`: why a model config cannot be read."),
        "reason": text("`PROVIDER_MALFORMED`: what cannot be read. `JSON_VALIDATION_FAILED`: what is wrong with the last answer. Of a file of a provider's: why it is not taken, \
            `broken`, `forbidden_address`, `not_media`, `status`, `timed_out` or `too_large`."),
        "models": {
            "type": "array",
            "description": "Of an import: what becomes of each model of the file.",
            "items": {"type": "object", "additionalProperties": true},
        },
        "providers": {
            "type": "array",
            "description": "Of an import: what becomes of each provider of the file.",
            "items": {"type": "object", "additionalProperties": true},
        },
        "why": {
            "type": "string",
            "description": "`OUTCOME_UNKNOWN` of an `Idempotency-Key`: what came of the call was `lost`, or its answer is \
                `too_large` to be kept.",
            "enum": ["lost", "too_large"],
        },
        "status": text("`CONFLICT`: how the job ended that was to be stopped."),
        "saved": {
            "type": "boolean",
            "description": "`LIMITER_UNAVAILABLE`: the change is saved, and not every limiter knows yet.",
        },
        "suspended": {
            "type": "boolean",
            "description": "`LIMITER_UNAVAILABLE` of a `DELETE` with all that is below: it is suspended, and not deleted yet.",
        },
        "scope": text("`FORBIDDEN`: the scope that the key lacks. `RATE_LIMIT_EXCEEDED`, `BUDGET_EXCEEDED`: whose limit it is."),
        "scopes": {
            "type": "array",
            "description": "`FORBIDDEN`: the scopes of which the key has none.",
            "items": {"type": "string"},
        },
    });
    let more = json!({
        "size_bytes": whole("`RANGE_NOT_SATISFIABLE`: how many bytes there are."),
        "kind": text("`RATE_LIMIT_EXCEEDED`, `BUDGET_EXCEEDED`: which limit."),
        "limit": whole("`RATE_LIMIT_EXCEEDED`: how much it allows."),
        "limit_micros": whole("`BUDGET_EXCEEDED`: how much it allows, in micro-dollars."),
        "need_micros": {
            "type": ["integer", "null"],
            "description": "`BUDGET_EXCEEDED`: the most that the call may cost; null: nobody can say, as a price is missing.",
        },
        "remaining_micros": {
            "type": ["integer", "null"],
            "description": "`BUDGET_EXCEEDED`: what is left of the budget, or null.",
        },
        "reset": {
            "type": ["integer", "null"],
            "description": "`RATE_LIMIT_EXCEEDED`, `BUDGET_EXCEEDED`: in how many milliseconds there is room; null: waiting does not help.",
        },
        "job_id": text("The job that the call was: it has failed, or it goes on and can be looked for."),
        "model": text("Which model it is about."),
        "provider": text("Which provider it is about."),
        "provider_status": whole("The status that the vendor answered."),
        "provider_code": text("The vendor's own code."),
        "provider_message": text("The vendor's own words, masked, at most 500 characters."),
        "attempts": {
            "type": "array",
            "description": "`ALL_PROVIDERS_FAILED`: the tries, in order.",
            "items": reference("Attempt"),
        },
        "last": text("`ALL_PROVIDERS_FAILED`: the code of the last try."),
        "pointer": text("`JSON_VALIDATION_FAILED`: a JSON Pointer into the value that was found; empty: all of it."),
        "text": text("`JSON_VALIDATION_FAILED`: how the last answer begins, at most 200 characters."),
        "tries": whole("`JSON_VALIDATION_FAILED`: how many answers were read."),
        "circuit": {
            "type": "object",
            "description": "`PROVIDER_UNAVAILABLE`: the model is not asked for a while, because its vendor has failed lately.",
            "required": ["class", "model_id", "provider_id", "retry_after_ms", "until"],
            "additionalProperties": false,
            "properties": {
                "class": described("ErrorClass", "How it has failed."),
                "model_id": described("ModelId", "The model."),
                "provider_id": described("ProviderId", "Its vendor."),
                "retry_after_ms": whole("How long yet, in milliseconds."),
                "until": described("Timestamp", "When it is asked again."),
            },
        },
    });
    if let (Value::Object(all), Value::Object(more)) = (&mut properties, more) {
        all.extend(more);
    }
    json!({
        "type": "object",
        "description": "Particulars of a failure. Which of them are there goes by its code.",
        "properties": properties,
    })
}
