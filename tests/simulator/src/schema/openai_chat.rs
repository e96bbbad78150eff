//! The request of `POST /chat/completions`, at OpenAI and at the hosts that speak it.
//!
//! Follows <https://platform.openai.com/docs/api-reference/chat/create>; the hosts' differences
//! are those of their own pages.

use crate::schema::{Field, Kind, OBJECT, TEXT, optional, required};

const ANY_TEXT: usize = usize::MAX;
const FLAG: Kind = Kind::Bool;
const TOKENS: Kind = Kind::Integer(1, i64::MAX);
const PENALTY: Kind = Kind::Number(-2.0, 2.0);
const NAME: Kind = Kind::Name(64);

const TEXT_PART: &[Field] = &[required("text", TEXT)];

const TEXT_OR_PARTS: Kind =
    Kind::Either(&[TEXT, Kind::List(&Kind::Tagged("type", &[("text", TEXT_PART)]), 1, ANY_TEXT)]);

const USER_PART: Kind = Kind::Tagged(
    "type",
    &[
        ("text", TEXT_PART),
        (
            "image_url",
            &[required(
                "image_url",
                Kind::Object(&[
                    required("url", Kind::Text(1, ANY_TEXT)),
                    optional("detail", Kind::Choice(&["auto", "low", "high", "original"])),
                ]),
            )],
        ),
        (
            "input_audio",
            &[required(
                "input_audio",
                Kind::Object(&[
                    required("data", TEXT),
                    required("format", Kind::Choice(&["wav", "mp3"])),
                ]),
            )],
        ),
        (
            "file",
            &[required(
                "file",
                Kind::Object(&[
                    optional("file_id", TEXT),
                    optional("file_data", TEXT),
                    optional("filename", TEXT),
                ]),
            )],
        ),
    ],
);

const ASSISTANT_PART: Kind =
    Kind::Tagged("type", &[("text", TEXT_PART), ("refusal", &[required("refusal", TEXT)])]);

const TOOL_CALL: Kind = Kind::Tagged(
    "type",
    &[(
        "function",
        &[
            required("id", TEXT),
            required(
                "function",
                Kind::Object(&[required("name", NAME), required("arguments", TEXT)]),
            ),
            // Streamed parts have it, and clients that join them send it back.
            optional("index", Kind::Integer(0, 4_096)),
        ],
    )],
);

const INSTRUCTION: &[Field] = &[required("content", TEXT_OR_PARTS), optional("name", TEXT)];

const MESSAGE: Kind = Kind::Tagged(
    "role",
    &[
        ("developer", INSTRUCTION),
        ("system", INSTRUCTION),
        (
            "user",
            &[
                required("content", Kind::Either(&[TEXT, Kind::List(&USER_PART, 1, ANY_TEXT)])),
                optional("name", TEXT),
            ],
        ),
        (
            "assistant",
            &[
                optional(
                    "content",
                    Kind::Either(&[TEXT, Kind::List(&ASSISTANT_PART, 1, ANY_TEXT)]),
                ),
                optional("refusal", TEXT),
                optional("name", TEXT),
                optional("annotations", Kind::List(&Kind::Any, 0, ANY_TEXT)),
                optional("audio", Kind::Object(&[required("id", TEXT)])),
                optional("tool_calls", Kind::List(&TOOL_CALL, 1, 128)),
                optional("function_call", OBJECT),
                // The hosts' own: thinking that must come back.
                optional("reasoning", TEXT),
                optional("reasoning_content", TEXT),
                optional("prefix", FLAG),
            ],
        ),
        (
            "tool",
            &[
                required("content", TEXT_OR_PARTS),
                required("tool_call_id", TEXT),
                optional("name", TEXT),
            ],
        ),
        ("function", &[optional("content", TEXT), required("name", TEXT)]),
    ],
);

const FUNCTION: &[Field] = &[
    required("name", NAME),
    optional("description", TEXT),
    optional("parameters", OBJECT),
    optional("strict", FLAG),
];

const TOOL: Kind = Kind::Tagged(
    "type",
    &[
        ("function", &[required("function", Kind::Object(FUNCTION))]),
        ("custom", &[required("custom", OBJECT)]),
    ],
);

const NAMED_CHOICE: Kind = Kind::Tagged(
    "type",
    &[
        ("function", &[required("function", Kind::Object(&[required("name", NAME)]))]),
        ("custom", &[required("custom", OBJECT)]),
        ("allowed_tools", &[required("allowed_tools", OBJECT)]),
    ],
);

const TOOL_CHOICE: Kind =
    Kind::Either(&[Kind::Choice(&["none", "auto", "required"]), NAMED_CHOICE]);

const RESPONSE_FORMAT: Kind = Kind::Tagged(
    "type",
    &[
        ("text", &[]),
        ("json_object", &[]),
        (
            "json_schema",
            &[required(
                "json_schema",
                Kind::Object(&[
                    required("name", NAME),
                    optional("description", TEXT),
                    optional("schema", OBJECT),
                    optional("strict", FLAG),
                ]),
            )],
        ),
    ],
);

const STREAM_OPTIONS: Kind =
    Kind::Object(&[optional("include_usage", FLAG), optional("include_obfuscation", FLAG)]);

const STOP: Kind = Kind::Either(&[TEXT, Kind::List(&TEXT, 0, 4)]);

const EFFORTS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/// The members that OpenAI takes.
pub(crate) const OPENAI: &[Field] = &[
    required("model", TEXT),
    required("messages", Kind::List(&MESSAGE, 1, ANY_TEXT)),
    optional("audio", OBJECT),
    optional("frequency_penalty", PENALTY),
    optional("function_call", Kind::Either(&[TEXT, OBJECT])),
    optional("functions", Kind::List(&Kind::Object(FUNCTION), 1, 128)),
    optional("logit_bias", Kind::Map(&Kind::Number(-100.0, 100.0), ANY_TEXT)),
    optional("logprobs", FLAG),
    optional("max_completion_tokens", TOKENS),
    optional("max_tokens", TOKENS),
    optional("metadata", Kind::Map(&Kind::Text(0, 512), 16)),
    optional("modalities", Kind::List(&Kind::Choice(&["text", "audio"]), 1, 2)),
    optional("moderation", OBJECT),
    optional("n", Kind::Integer(1, 128)),
    optional("parallel_tool_calls", FLAG),
    optional("prediction", OBJECT),
    optional("presence_penalty", PENALTY),
    optional("prompt_cache_key", TEXT),
    optional("prompt_cache_options", OBJECT),
    optional("prompt_cache_retention", TEXT),
    optional("reasoning_effort", Kind::Choice(EFFORTS)),
    optional("response_format", RESPONSE_FORMAT),
    optional("safety_identifier", Kind::Text(0, 64)),
    optional("seed", Kind::Integer(i64::MIN, i64::MAX)),
    optional(
        "service_tier",
        Kind::Choice(&["auto", "default", "flex", "scale", "priority", "fast"]),
    ),
    optional("stop", STOP),
    optional("store", FLAG),
    optional("stream", FLAG),
    optional("stream_options", STREAM_OPTIONS),
    optional("temperature", Kind::Number(0.0, 2.0)),
    optional("tool_choice", TOOL_CHOICE),
    optional("tools", Kind::List(&TOOL, 1, 128)),
    optional("top_logprobs", Kind::Integer(0, 20)),
    optional("top_p", Kind::Number(0.0, 1.0)),
    optional("user", Kind::Text(0, 64)),
    optional("verbosity", Kind::Choice(&["low", "medium", "high"])),
    optional("web_search_options", OBJECT),
];

/// The members that Mistral takes: other names for two, and a refusal of those of OpenAI.
pub(crate) const MISTRAL: &[Field] = &[
    required("model", TEXT),
    required("messages", Kind::List(&MESSAGE, 1, ANY_TEXT)),
    optional("frequency_penalty", PENALTY),
    optional("max_tokens", TOKENS),
    optional("metadata", OBJECT),
    optional("n", Kind::Integer(1, 128)),
    optional("parallel_tool_calls", FLAG),
    optional("prediction", OBJECT),
    optional("presence_penalty", PENALTY),
    optional("prompt_mode", Kind::Choice(&["reasoning"])),
    optional("random_seed", Kind::Integer(0, i64::MAX)),
    optional("reasoning_effort", Kind::Choice(EFFORTS)),
    optional("response_format", RESPONSE_FORMAT),
    optional("safe_prompt", FLAG),
    optional("stop", STOP),
    optional("stream", FLAG),
    // Not on Mistral's page, and not known to be refused.
    optional("stream_options", STREAM_OPTIONS),
    optional("temperature", Kind::Number(0.0, 1.5)),
    optional(
        "tool_choice",
        Kind::Either(&[Kind::Choice(&["none", "auto", "any", "required"]), NAMED_CHOICE]),
    ),
    optional("tools", Kind::List(&TOOL, 1, 128)),
    optional("top_p", Kind::Number(0.0, 1.0)),
];

/// What the remaining hosts take beside OpenAI's members; they pass over what they do not use.
pub(crate) const OTHERS: &[Field] = &[
    required("model", TEXT),
    required("messages", Kind::List(&MESSAGE, 1, ANY_TEXT)),
    optional("frequency_penalty", PENALTY),
    optional("logit_bias", Kind::Map(&Kind::Number(-100.0, 100.0), ANY_TEXT)),
    optional("logprobs", Kind::Either(&[FLAG, Kind::Integer(0, 20)])),
    optional("max_completion_tokens", TOKENS),
    optional("max_tokens", TOKENS),
    optional("metadata", OBJECT),
    optional("n", Kind::Integer(1, 128)),
    optional("parallel_tool_calls", FLAG),
    optional("presence_penalty", PENALTY),
    optional("reasoning_effort", Kind::Choice(EFFORTS)),
    optional("reasoning_format", Kind::Choice(&["hidden", "raw", "parsed"])),
    optional("repetition_penalty", Kind::Number(0.0, 10.0)),
    optional("response_format", RESPONSE_FORMAT),
    optional("seed", Kind::Integer(i64::MIN, i64::MAX)),
    optional("service_tier", TEXT),
    optional("stop", Kind::Either(&[TEXT, Kind::List(&TEXT, 0, 16)])),
    optional("stream", FLAG),
    optional("stream_options", STREAM_OPTIONS),
    optional("temperature", Kind::Number(0.0, 2.0)),
    optional("thinking", OBJECT),
    optional("tool_choice", TOOL_CHOICE),
    optional("tools", Kind::List(&TOOL, 1, 128)),
    optional("top_k", Kind::Integer(0, 1_000)),
    optional("top_logprobs", Kind::Integer(0, 20)),
    optional("top_p", Kind::Number(0.0, 1.0)),
    optional("user", TEXT),
];
