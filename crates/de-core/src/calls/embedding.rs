//! Texts that shall become vectors.

use serde_json::{Map, Value};

use crate::receipt::Usage;

/// A call for vectors, one for each input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EmbeddingCall {
    /// How many numbers each vector shall have, at least 1; absent: as many as the model makes.
    pub dimensions: Option<u64>,
    /// How the caller wants the vectors written.
    pub encoding: Encoding,
    /// Members of the caller's own protocol that have no place here, by name.
    pub extra: Map<String, Value>,
    /// What becomes vectors.
    pub input: EmbeddingInput,
    /// The caller's own mark for its end user.
    pub user: Option<String>,
}

/// How the numbers of a vector are written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Encoding {
    /// Base64 of 32-bit floats, the least significant byte first.
    Base64,
    /// A list of numbers.
    #[default]
    Float,
}

impl Encoding {
    /// OpenAI's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::Float => "float",
        }
    }
}

/// What becomes vectors.
#[derive(Clone, Debug, PartialEq)]
pub enum EmbeddingInput {
    /// Texts, none of them empty.
    Texts(Vec<String>),
    /// Texts as ids of the model's own tokens, none of them empty.
    Tokens(Vec<Vec<u32>>),
}

impl Default for EmbeddingInput {
    fn default() -> Self {
        Self::Texts(Vec::new())
    }
}

impl EmbeddingInput {
    /// How many vectors are asked for.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.len(),
            Self::Tokens(lists) => lists.len(),
        }
    }

    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a vendor made of an [`EmbeddingCall`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EmbeddingReply {
    /// What the vendor counted; `None` if it did not say.
    pub usage: Option<Usage>,
    /// The vectors in the order of the inputs, all of one length; `None` where the vendor's answer is itself
    /// what the caller asked for.
    pub vectors: Option<Vec<Vec<f32>>>,
}
