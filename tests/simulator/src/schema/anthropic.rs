//! The request of `POST /v1/messages`.
//!
//! Follows <https://docs.anthropic.com/en/api/messages>.

use crate::schema::{Field, Kind, OBJECT, TEXT, optional, required};

const MANY: usize = usize::MAX;
const FLAG: Kind = Kind::Bool;
const SAID: Kind = Kind::Text(1, MANY);

const CACHE: Kind =
    Kind::Tagged("type", &[("ephemeral", &[optional("ttl", Kind::Choice(&["5m", "1h"]))])]);

const TEXT_BLOCK: &[Field] = &[
    required("text", SAID),
    optional("cache_control", CACHE),
    optional("citations", Kind::List(&Kind::Any, 0, MANY)),
];

const IMAGE_SOURCE: Kind = Kind::Tagged(
    "type",
    &[
        (
            "base64",
            &[
                required(
                    "media_type",
                    Kind::Choice(&["image/jpeg", "image/png", "image/gif", "image/webp"]),
                ),
                required("data", SAID),
            ],
        ),
        ("url", &[required("url", SAID)]),
        ("file", &[required("file_id", SAID)]),
    ],
);

const IMAGE_BLOCK: &[Field] = &[required("source", IMAGE_SOURCE), optional("cache_control", CACHE)];

const DOCUMENT_SOURCE: Kind = Kind::Tagged(
    "type",
    &[
        (
            "base64",
            &[required("media_type", Kind::Choice(&["application/pdf"])), required("data", SAID)],
        ),
        ("text", &[required("media_type", Kind::Choice(&["text/plain"])), required("data", SAID)]),
        ("url", &[required("url", SAID)]),
        ("file", &[required("file_id", SAID)]),
        ("content", &[required("content", Kind::Any)]),
    ],
);

const DOCUMENT_BLOCK: &[Field] = &[
    required("source", DOCUMENT_SOURCE),
    optional("cache_control", CACHE),
    optional("citations", OBJECT),
    optional("context", TEXT),
    optional("title", TEXT),
];

const RESULT_BLOCK: Kind = Kind::Tagged(
    "type",
    &[("text", TEXT_BLOCK), ("image", IMAGE_BLOCK), ("document", DOCUMENT_BLOCK)],
);

const BLOCK: Kind = Kind::Tagged(
    "type",
    &[
        ("text", TEXT_BLOCK),
        ("image", IMAGE_BLOCK),
        ("document", DOCUMENT_BLOCK),
        (
            "tool_use",
            &[
                required("id", SAID),
                required("name", SAID),
                required("input", OBJECT),
                optional("cache_control", CACHE),
                // Who called: replies have it, and clients send it back.
                optional("caller", OBJECT),
            ],
        ),
        (
            "tool_result",
            &[
                required("tool_use_id", SAID),
                optional("content", Kind::Either(&[TEXT, Kind::List(&RESULT_BLOCK, 0, MANY)])),
                optional("is_error", FLAG),
                optional("cache_control", CACHE),
            ],
        ),
        ("thinking", &[required("thinking", TEXT), required("signature", TEXT)]),
        ("redacted_thinking", &[required("data", TEXT)]),
    ],
);

const CONTENT: Kind = Kind::Either(&[SAID, Kind::List(&BLOCK, 1, MANY)]);
const TURN: &[Field] = &[required("content", CONTENT)];

/// The roles of newer models; older ones do not know `system`, which is checked by the model.
const MESSAGE: Kind =
    Kind::Tagged("role", &[("user", TURN), ("assistant", TURN), ("system", TURN)]);

const SYSTEM: Kind =
    Kind::Either(&[TEXT, Kind::List(&Kind::Tagged("type", &[("text", TEXT_BLOCK)]), 0, MANY)]);

const TOOL: Kind = Kind::Object(&[
    required("name", Kind::Name(128)),
    required("input_schema", OBJECT),
    optional("type", Kind::Choice(&["custom"])),
    optional("description", TEXT),
    optional("strict", FLAG),
    optional("cache_control", CACHE),
    optional("eager_input_streaming", FLAG),
]);

const ONE_AT_A_TIME: Field = optional("disable_parallel_tool_use", FLAG);

const TOOL_CHOICE: Kind = Kind::Tagged(
    "type",
    &[
        ("auto", &[ONE_AT_A_TIME]),
        ("any", &[ONE_AT_A_TIME]),
        ("tool", &[required("name", SAID), ONE_AT_A_TIME]),
        ("none", &[]),
    ],
);

const DISPLAY: Field = optional("display", Kind::Choice(&["summarized", "omitted"]));

const THINKING: Kind = Kind::Tagged(
    "type",
    &[
        ("adaptive", &[DISPLAY]),
        ("enabled", &[required("budget_tokens", Kind::Integer(1_024, i64::MAX)), DISPLAY]),
        ("disabled", &[]),
        ("between_tools", &[DISPLAY]),
    ],
);

const OUTPUT: Kind = Kind::Object(&[
    optional("effort", Kind::Choice(&["low", "medium", "high", "xhigh", "max"])),
    optional("format", Kind::Tagged("type", &[("json_schema", &[required("schema", OBJECT)])])),
]);

const MODEL: Field = required("model", SAID);
const MESSAGES: Field = required("messages", Kind::List(&MESSAGE, 1, 100_000));
const SYSTEM_FIELD: Field = optional("system", SYSTEM);
const TOOLS: Field = optional("tools", Kind::List(&TOOL, 0, MANY));
const CHOICE: Field = optional("tool_choice", TOOL_CHOICE);
const THINKING_FIELD: Field = optional("thinking", THINKING);
const OUTPUT_FIELD: Field = optional("output_config", OUTPUT);

/// The members of a message request.
pub(crate) const MESSAGE_REQUEST: &[Field] = &[
    MODEL,
    required("max_tokens", Kind::Integer(0, i64::MAX)),
    MESSAGES,
    SYSTEM_FIELD,
    TOOLS,
    CHOICE,
    THINKING_FIELD,
    OUTPUT_FIELD,
    optional("cache_control", CACHE),
    optional("inference_geo", TEXT),
    optional("metadata", Kind::Object(&[optional("user_id", Kind::Text(0, 512))])),
    optional("service_tier", Kind::Choice(&["auto", "standard_only"])),
    optional("speed", Kind::Choice(&["standard", "fast"])),
    optional("stop_sequences", Kind::List(&SAID, 0, MANY)),
    optional("stream", FLAG),
    optional("temperature", Kind::Number(0.0, 1.0)),
    optional("top_k", Kind::Integer(0, i64::MAX)),
    optional("top_p", Kind::Number(0.0, 1.0)),
];

/// The members of a request to count tokens: no limit, nothing about the answer.
pub(crate) const COUNT_REQUEST: &[Field] =
    &[MODEL, MESSAGES, SYSTEM_FIELD, TOOLS, CHOICE, THINKING_FIELD, OUTPUT_FIELD];
