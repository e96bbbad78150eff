//! `POST /v1/embeddings`, described: what we read ourselves. Whatever else a body or an answer holds is relayed
//! where the model's vendor speaks OpenAI's protocol too.
//!
//! Follows <https://platform.openai.com/docs/api-reference/embeddings>.

use de_core::openapi::{
    operation::{Answer, Operation, Speaks},
    shape::Shape,
};
use http::Method;
use serde_json::json;
use utoipa::ToSchema;

use super::{buys, of_call};

/// A call for vectors in OpenAI's protocol. Null counts as absent.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct EmbeddingRequest {
    /// The model or an alias of it.
    model: String,
    /// What becomes vectors: a text, texts, token ids, or lists of them; at most 2,048, none of them empty.
    input: EmbeddingInput,
    /// How many numbers each vector shall have; without it as many as the model makes.
    #[schema(minimum = 1)]
    dimensions: Option<u64>,
    /// How the numbers are written.
    encoding_format: Option<EmbeddingEncoding>,
    /// The caller's own mark for its end user.
    user: Option<String>,
}

/// What becomes vectors.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what the handler reads")]
enum EmbeddingInput {
    /// One text.
    Text(String),
    /// Texts.
    Texts(Vec<String>),
    /// One text as ids of the model's tokens, at most 8,192.
    Tokens(Vec<u32>),
    /// Texts as ids of the model's tokens, at most 300,000 in all.
    TokenLists(Vec<Vec<u32>>),
}

/// How the numbers of a vector are written.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what the handler reads")]
enum EmbeddingEncoding {
    /// Base64 of 32-bit floats, the least significant byte first.
    Base64,
    /// A list of numbers; the usual.
    Float,
}

/// The vectors.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct EmbeddingList {
    /// Always `list`.
    object: String,
    /// One for each input.
    data: Vec<Embedding>,
    /// The model; as the vendor names it where the answer is relayed.
    model: String,
    /// What was counted; of vendors that do not say, an estimate.
    usage: EmbeddingUsage,
}

/// A vector.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct Embedding {
    /// Always `embedding`.
    object: String,
    /// Of which input, from 0.
    index: u64,
    /// Its numbers.
    embedding: EmbeddingVector,
}

/// The numbers of a vector.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what the handler writes")]
enum EmbeddingVector {
    /// As a list.
    Float(Vec<f32>),
    /// In base64.
    Base64(String),
}

/// What was counted, in tokens.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct EmbeddingUsage {
    /// Read.
    prompt_tokens: u64,
    /// All of them: the same.
    total_tokens: u64,
}

pub(super) fn operation() -> Operation {
    let create = Operation::new(
        Method::POST,
        "/v1/embeddings",
        "createEmbeddings",
        "Makes vectors of texts in OpenAI's protocol",
    )
    .notes(
        "Vectors of two models mean different things. A fallback serves only if it is the same model at another \
         provider, by its `upstream_model`; another one in `x-de-fallback` is refused, and one of the model's row \
         is passed over.",
    )
    .speaks(Speaks::OpenAi)
    .body(
        Shape::open::<EmbeddingRequest>(),
        json!({"model": "text-embedding-3-small", "input": ["Oslo", "Bergen"], "dimensions": 2}),
    )
    .answers(of_call(Answer::json(200, "The vectors.", Shape::open::<EmbeddingList>())));
    buys(create)
}
