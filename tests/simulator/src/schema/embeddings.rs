//! What calls for vectors take: at OpenAI, at Mistral and at Google.

use crate::schema::{Field, Kind, TEXT, optional, required};

/// A text that says something.
const SAID: Kind = Kind::Text(1, usize::MAX);

/// The id of a token.
const TOKEN: Kind = Kind::Integer(0, u32::MAX as i64);

/// The most inputs of one call.
const MOST: usize = 2_048;

const ENCODING: Field = optional("encoding_format", Kind::Choice(&["float", "base64"]));

/// `POST /embeddings` at OpenAI.
/// Follows <https://platform.openai.com/docs/api-reference/embeddings/create>.
pub(crate) const OPENAI: &[Field] = &[
    required(
        "input",
        Kind::Either(&[
            SAID,
            // A list of token ids may be longer than one of inputs: its own bound is that of tokens.
            Kind::List(
                &Kind::Either(&[SAID, TOKEN, Kind::List(&TOKEN, 1, usize::MAX)]),
                1,
                usize::MAX,
            ),
        ]),
    ),
    required("model", TEXT),
    optional("dimensions", Kind::Integer(1, i32::MAX as i64)),
    ENCODING,
    optional("user", TEXT),
];

/// `POST /embeddings` at Mistral. Follows <https://docs.mistral.ai/api/#tag/embeddings>.
pub(crate) const MISTRAL: &[Field] = &[
    required("input", Kind::Either(&[SAID, Kind::List(&SAID, 1, MOST)])),
    required("model", TEXT),
    ENCODING,
    optional("metadata", Kind::Map(&Kind::Any, 16)),
    optional("output_dimension", Kind::Integer(1, 3_072)),
    optional("output_dtype", Kind::Choice(&["float", "int8", "uint8", "binary", "ubinary"])),
];

/// `POST /v1beta/models/{model}:batchEmbedContents` at Google.
/// Follows <https://ai.google.dev/api/embeddings#method:-models.batchembedcontents>.
pub(crate) const GOOGLE: &[Field] = &[required(
    "requests",
    Kind::List(
        &Kind::Object(&[
            required(
                "content",
                Kind::Object(&[
                    required(
                        "parts",
                        Kind::List(&Kind::Object(&[required("text", SAID)]), 1, usize::MAX),
                    ),
                    optional("role", TEXT),
                ]),
            ),
            required("model", TEXT),
            optional("outputDimensionality", Kind::Integer(1, 3_072)),
            optional("taskType", TEXT),
            optional("title", TEXT),
        ]),
        1,
        usize::MAX,
    ),
)];
