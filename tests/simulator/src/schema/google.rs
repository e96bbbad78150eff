//! What `generateContent` of Gemini takes.
//!
//! Follows <https://ai.google.dev/api/generate-content>. Names are in camelCase alone, where the vendor
//! also takes snake_case.

use crate::schema::{Field, Kind, OBJECT, TEXT, optional, required};

const MANY: usize = usize::MAX;

const PART: Kind = Kind::Object(&[
    optional("fileData", OBJECT),
    optional("functionCall", OBJECT),
    optional("functionResponse", OBJECT),
    optional("inlineData", Kind::Object(&[required("data", TEXT), required("mimeType", TEXT)])),
    optional("text", TEXT),
    optional("thought", Kind::Bool),
    optional("thoughtSignature", TEXT),
]);

const PARTS: Field = required("parts", Kind::List(&PART, 1, MANY));

const BLOB: Kind = Kind::Object(&[
    required("data", TEXT),
    optional("displayName", TEXT),
    required("mimeType", TEXT),
]);

/// A name of a function: what more the vendor asks of it is checked with the declarations.
const FUNCTION: Kind = Kind::Text(1, 64);

/// A part of a turn with a model that says text. That just one kind is there is checked elsewhere.
const SAID: Kind = Kind::Object(&[
    optional(
        "fileData",
        Kind::Object(&[required("fileUri", Kind::Text(1, MANY)), optional("mimeType", TEXT)]),
    ),
    optional(
        "functionCall",
        Kind::Object(&[optional("args", OBJECT), optional("id", TEXT), required("name", FUNCTION)]),
    ),
    optional(
        "functionResponse",
        Kind::Object(&[
            optional("id", TEXT),
            required("name", FUNCTION),
            optional("parts", Kind::List(&Kind::Object(&[required("inlineData", BLOB)]), 0, MANY)),
            required("response", OBJECT),
        ]),
    ),
    optional("inlineData", BLOB),
    optional("text", TEXT),
    optional("thought", Kind::Bool),
    optional("thoughtSignature", TEXT),
]);

const SAID_PARTS: Field = required("parts", Kind::List(&SAID, 1, MANY));

const TURNS: Field = required(
    "contents",
    Kind::List(
        &Kind::Object(&[SAID_PARTS, optional("role", Kind::Choice(&["user", "model"]))]),
        1,
        MANY,
    ),
);

const SYSTEM: Field =
    optional("systemInstruction", Kind::Object(&[SAID_PARTS, optional("role", TEXT)]));

const DECLARATION: Kind = Kind::Object(&[
    optional("description", TEXT),
    required("name", FUNCTION),
    optional("parameters", OBJECT),
    optional("parametersJsonSchema", Kind::Any),
    optional("response", OBJECT),
    optional("responseJsonSchema", Kind::Any),
]);

const TOOLS: Field = optional(
    "tools",
    Kind::List(
        &Kind::Object(&[
            optional("functionDeclarations", Kind::List(&DECLARATION, 0, 512)),
            optional("googleSearch", OBJECT),
        ]),
        0,
        MANY,
    ),
);

const TOOL_CONFIG: Field = optional(
    "toolConfig",
    Kind::Object(&[optional(
        "functionCallingConfig",
        Kind::Object(&[
            optional("allowedFunctionNames", Kind::List(&FUNCTION, 0, MANY)),
            optional("mode", Kind::Choice(&["AUTO", "ANY", "NONE", "VALIDATED"])),
        ]),
    )]),
);

const SAFETY: Kind = Kind::Object(&[
    required(
        "category",
        Kind::Choice(&[
            "HARM_CATEGORY_CIVIC_INTEGRITY",
            "HARM_CATEGORY_DANGEROUS_CONTENT",
            "HARM_CATEGORY_HARASSMENT",
            "HARM_CATEGORY_HATE_SPEECH",
            "HARM_CATEGORY_SEXUALLY_EXPLICIT",
        ]),
    ),
    required(
        "threshold",
        Kind::Choice(&[
            "BLOCK_LOW_AND_ABOVE",
            "BLOCK_MEDIUM_AND_ABOVE",
            "BLOCK_NONE",
            "BLOCK_ONLY_HIGH",
            "HARM_BLOCK_THRESHOLD_UNSPECIFIED",
            "OFF",
        ]),
    ),
]);

const CONFIG: Kind = Kind::Object(&[
    optional("candidateCount", Kind::Integer(1, 8)),
    optional("frequencyPenalty", Kind::Number(-2.0, 2.0)),
    optional(
        "imageConfig",
        Kind::Object(&[
            optional(
                "aspectRatio",
                Kind::Choice(&[
                    "1:1", "1:4", "1:8", "2:3", "3:2", "3:4", "4:1", "4:3", "4:5", "5:4", "8:1",
                    "9:16", "16:9", "21:9",
                ]),
            ),
            optional("imageSize", Kind::Choice(&["512", "1K", "2K", "4K"])),
        ]),
    ),
    optional("maxOutputTokens", Kind::Integer(1, i32::MAX as i64)),
    optional("presencePenalty", Kind::Number(-2.0, 2.0)),
    optional("responseMimeType", Kind::Choice(&["text/plain"])),
    optional("responseModalities", Kind::List(&Kind::Choice(&["TEXT", "IMAGE", "AUDIO"]), 0, 3)),
    optional("seed", Kind::Integer(i32::MIN as i64, i32::MAX as i64)),
    optional("stopSequences", Kind::List(&TEXT, 0, 5)),
    optional("temperature", Kind::Number(0.0, 2.0)),
    optional(
        "thinkingConfig",
        Kind::Object(&[
            optional("includeThoughts", Kind::Bool),
            optional("thinkingBudget", Kind::Integer(-1, 32_768)),
            optional("thinkingLevel", Kind::Choice(&["MINIMAL", "LOW", "MEDIUM", "HIGH"])),
        ]),
    ),
    optional("topK", Kind::Integer(1, i32::MAX as i64)),
    optional("topP", Kind::Number(0.0, 1.0)),
]);

const TEXT_CONFIG: Kind = Kind::Object(&[
    optional("candidateCount", Kind::Integer(1, 8)),
    optional("frequencyPenalty", Kind::Number(-2.0, 2.0)),
    optional("logprobs", Kind::Integer(0, 20)),
    optional("maxOutputTokens", Kind::Integer(1, i32::MAX as i64)),
    optional(
        "mediaResolution",
        Kind::Choice(&["MEDIA_RESOLUTION_HIGH", "MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM"]),
    ),
    optional("presencePenalty", Kind::Number(-2.0, 2.0)),
    optional("responseJsonSchema", Kind::Any),
    optional("responseLogprobs", Kind::Bool),
    optional("responseMimeType", Kind::Choice(&["application/json", "text/plain", "text/x.enum"])),
    optional("responseModalities", Kind::List(&Kind::Choice(&["TEXT", "IMAGE", "AUDIO"]), 0, 3)),
    optional("responseSchema", OBJECT),
    optional("seed", Kind::Integer(i32::MIN as i64, i32::MAX as i64)),
    optional("stopSequences", Kind::List(&Kind::Text(1, MANY), 0, 5)),
    optional("temperature", Kind::Number(0.0, 2.0)),
    optional(
        "thinkingConfig",
        Kind::Object(&[
            optional("includeThoughts", Kind::Bool),
            optional("thinkingBudget", Kind::Integer(-1, 32_768)),
            optional("thinkingLevel", Kind::Choice(&["MINIMAL", "LOW", "MEDIUM", "HIGH"])),
        ]),
    ),
    optional("topK", Kind::Integer(1, i32::MAX as i64)),
    optional("topP", Kind::Number(0.0, 1.0)),
]);

/// `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent` with a model that says text.
pub(crate) const GENERATE_TEXT: &[Field] = &[
    TURNS,
    optional("cachedContent", TEXT),
    optional("generationConfig", TEXT_CONFIG),
    optional("safetySettings", Kind::List(&SAFETY, 0, MANY)),
    SYSTEM,
    TOOL_CONFIG,
    TOOLS,
];

/// `POST /v1beta/models/{model}:countTokens`: the turns alone, or a whole request in
/// `generateContentRequest`.
pub(crate) const COUNT_TOKENS: &[Field] = &[
    optional("contents", Kind::List(&OBJECT, 1, MANY)),
    optional("generateContentRequest", OBJECT),
];

/// `POST /v1beta/models/{model}:generateContent` with a model that makes pictures.
pub(crate) const GENERATE: &[Field] = &[
    required(
        "contents",
        Kind::List(
            &Kind::Object(&[PARTS, optional("role", Kind::Choice(&["user", "model"]))]),
            1,
            MANY,
        ),
    ),
    optional("generationConfig", CONFIG),
    optional("safetySettings", Kind::List(&SAFETY, 0, MANY)),
    optional("systemInstruction", Kind::Object(&[PARTS, optional("role", TEXT)])),
    optional("tools", Kind::List(&Kind::Object(&[optional("googleSearch", OBJECT)]), 0, MANY)),
];
