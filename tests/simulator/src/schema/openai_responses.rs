//! The request of `POST /responses` at OpenAI.
//!
//! Items of the input are checked one by one, since an item without a `type` is a message.
//! Follows <https://platform.openai.com/docs/api-reference/responses/create>.

use crate::schema::{Field, Kind, OBJECT, TEXT, optional, required};

const ANY_MANY: usize = usize::MAX;
const FLAG: Kind = Kind::Bool;

const STATUS: Kind = Kind::Choice(&["in_progress", "completed", "incomplete"]);

const INPUT_TEXT: &[Field] = &[required("text", TEXT), optional("prompt_cache_breakpoint", OBJECT)];

const INPUT_IMAGE: &[Field] = &[
    optional("detail", Kind::Choice(&["auto", "low", "high", "original"])),
    optional("file_id", TEXT),
    optional("image_url", TEXT),
    optional("prompt_cache_breakpoint", OBJECT),
];

const INPUT_FILE: &[Field] = &[
    optional("detail", Kind::Choice(&["auto", "low", "high"])),
    optional("file_data", TEXT),
    optional("file_id", TEXT),
    optional("file_url", TEXT),
    optional("filename", TEXT),
    optional("prompt_cache_breakpoint", OBJECT),
];

const INPUT_PART: Kind = Kind::Tagged(
    "type",
    &[("input_text", INPUT_TEXT), ("input_image", INPUT_IMAGE), ("input_file", INPUT_FILE)],
);

const OUTPUT_PART: Kind = Kind::Tagged(
    "type",
    &[
        (
            "output_text",
            &[
                required("text", TEXT),
                optional("annotations", Kind::List(&OBJECT, 0, ANY_MANY)),
                optional("logprobs", Kind::List(&OBJECT, 0, ANY_MANY)),
            ],
        ),
        ("refusal", &[required("refusal", TEXT)]),
    ],
);

const SAID_TO_IT: &[Field] = &[
    optional("type", Kind::Choice(&["message"])),
    required("role", TEXT),
    required("content", Kind::Either(&[TEXT, Kind::List(&INPUT_PART, 0, ANY_MANY)])),
    optional("id", TEXT),
    optional("status", STATUS),
];

const SAID_BY_IT: &[Field] = &[
    optional("type", Kind::Choice(&["message"])),
    required("role", TEXT),
    required("content", Kind::Either(&[TEXT, Kind::List(&OUTPUT_PART, 0, ANY_MANY)])),
    optional("id", TEXT),
    optional("phase", Kind::Choice(&["commentary", "final_answer"])),
    optional("status", STATUS),
];

const FUNCTION_CALL: &[Field] = &[
    required("type", TEXT),
    required("arguments", TEXT),
    required("call_id", Kind::Text(1, 64)),
    required("name", Kind::Name(64)),
    optional("id", TEXT),
    optional("status", STATUS),
];

const FUNCTION_CALL_OUTPUT: &[Field] = &[
    required("type", TEXT),
    required("call_id", Kind::Text(1, 64)),
    required("output", Kind::Either(&[TEXT, Kind::List(&INPUT_PART, 0, ANY_MANY)])),
    optional("id", TEXT),
    optional("status", STATUS),
];

const REASONING: &[Field] = &[
    required("type", TEXT),
    required("id", TEXT),
    required(
        "summary",
        Kind::List(
            &Kind::Tagged("type", &[("summary_text", &[required("text", TEXT)])]),
            0,
            ANY_MANY,
        ),
    ),
    optional(
        "content",
        Kind::List(
            &Kind::Tagged("type", &[("reasoning_text", &[required("text", TEXT)])]),
            0,
            ANY_MANY,
        ),
    ),
    optional("encrypted_content", TEXT),
    optional("status", STATUS),
];

const REFERENCE: &[Field] = &[optional("type", TEXT), required("id", TEXT)];

/// The roles of messages.
pub(crate) const ROLES: &[&str] = &["assistant", "developer", "system", "user"];

/// The types of items that are looked into; others are the vendor's own tools, which are not simulated.
pub(crate) const ITEMS: &[&str] =
    &["message", "function_call", "function_call_output", "reasoning", "item_reference"];

/// The members of an item of this type, and of a message of this role.
pub(crate) fn item(kind: &str, role: &str) -> Option<&'static [Field]> {
    Some(match (kind, role) {
        ("message", "assistant") => SAID_BY_IT,
        ("message", _) => SAID_TO_IT,
        ("function_call", _) => FUNCTION_CALL,
        ("function_call_output", _) => FUNCTION_CALL_OUTPUT,
        ("item_reference", _) => REFERENCE,
        ("reasoning", _) => REASONING,
        _ => return None,
    })
}

const TOOL: Kind = Kind::Tagged(
    "type",
    &[
        (
            "function",
            &[
                required("name", Kind::Name(64)),
                optional("description", TEXT),
                optional("parameters", OBJECT),
                optional("strict", FLAG),
            ],
        ),
        (
            "web_search",
            &[
                optional("filters", OBJECT),
                optional("search_context_size", TEXT),
                optional("user_location", OBJECT),
            ],
        ),
    ],
);

const TOOL_CHOICE: Kind = Kind::Either(&[
    Kind::Choice(&["none", "auto", "required"]),
    Kind::Tagged(
        "type",
        &[
            ("function", &[required("name", Kind::Name(64))]),
            (
                "allowed_tools",
                &[
                    required("mode", Kind::Choice(&["auto", "required"])),
                    required("tools", Kind::List(&OBJECT, 1, 128)),
                ],
            ),
            ("web_search", &[]),
        ],
    ),
]);

const FORMAT: Kind = Kind::Tagged(
    "type",
    &[
        ("text", &[]),
        ("json_object", &[]),
        (
            "json_schema",
            &[
                required("name", Kind::Name(64)),
                required("schema", OBJECT),
                optional("description", TEXT),
                optional("strict", FLAG),
            ],
        ),
    ],
);

const REASONING_SETTINGS: Kind = Kind::Object(&[
    optional("context", Kind::Choice(&["auto", "current_turn", "all_turns"])),
    optional("effort", Kind::Choice(&["none", "minimal", "low", "medium", "high", "xhigh", "max"])),
    optional("generate_summary", Kind::Choice(&["auto", "concise", "detailed"])),
    optional("mode", Kind::Choice(&["standard", "pro"])),
    optional("summary", Kind::Choice(&["auto", "concise", "detailed"])),
]);

const INCLUDES: Kind = Kind::Choice(&[
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "file_search_call.results",
    "message.input_image.image_url",
    "message.output_text.logprobs",
    "reasoning.encrypted_content",
    "web_search_call.action.sources",
    "web_search_call.results",
]);

/// The members that OpenAI takes.
pub(crate) const RESPONSES: &[Field] = &[
    required("model", TEXT),
    required("input", Kind::Either(&[TEXT, Kind::List(&OBJECT, 1, ANY_MANY)])),
    optional("background", FLAG),
    optional("conversation", Kind::Either(&[TEXT, Kind::Object(&[required("id", TEXT)])])),
    optional("include", Kind::List(&INCLUDES, 0, 16)),
    optional("instructions", TEXT),
    optional("max_output_tokens", Kind::Integer(16, i64::MAX)),
    optional("max_tool_calls", Kind::Integer(1, i64::MAX)),
    optional("metadata", Kind::Map(&Kind::Text(0, 512), 16)),
    optional("moderation", OBJECT),
    optional("parallel_tool_calls", FLAG),
    optional("previous_response_id", TEXT),
    optional(
        "prompt",
        Kind::Object(&[
            required("id", TEXT),
            optional("variables", OBJECT),
            optional("version", TEXT),
        ]),
    ),
    optional("prompt_cache_key", TEXT),
    optional("prompt_cache_options", OBJECT),
    optional("prompt_cache_retention", Kind::Choice(&["in_memory", "24h"])),
    optional("reasoning", REASONING_SETTINGS),
    optional("safety_identifier", Kind::Text(0, 64)),
    optional(
        "service_tier",
        Kind::Choice(&["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"]),
    ),
    optional("store", FLAG),
    optional("stream", FLAG),
    optional("stream_options", Kind::Object(&[optional("include_obfuscation", FLAG)])),
    optional("temperature", Kind::Number(0.0, 2.0)),
    optional(
        "text",
        Kind::Object(&[
            optional("format", FORMAT),
            optional("verbosity", Kind::Choice(&["low", "medium", "high"])),
        ]),
    ),
    optional("tool_choice", TOOL_CHOICE),
    optional("tools", Kind::List(&TOOL, 0, 128)),
    optional("top_logprobs", Kind::Integer(0, 20)),
    optional("top_p", Kind::Number(0.0, 1.0)),
    optional("truncation", Kind::Choice(&["auto", "disabled"])),
    optional("user", Kind::Text(0, 64)),
];
