//! The caller's side: the answer to `POST /v1/embeddings`.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{Serialize, Serializer};

use crate::calls::embedding::Encoding;

#[derive(Serialize)]
struct Whole<'a> {
    object: &'static str,
    data: Vec<Item<'a>>,
    model: &'a str,
    usage: Counted,
}

#[derive(Serialize)]
struct Item<'a> {
    object: &'static str,
    index: usize,
    embedding: Written<'a>,
}

#[derive(Serialize)]
struct Counted {
    prompt_tokens: u64,
    total_tokens: u64,
}

struct Written<'a> {
    encoding: Encoding,
    numbers: &'a [f32],
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.encoding {
            Encoding::Base64 => {
                let bytes: Vec<u8> =
                    self.numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
                serializer.serialize_str(&STANDARD.encode(bytes))
            }
            Encoding::Float => serializer.collect_seq(self.numbers),
        }
    }
}

/// Writes vectors as OpenAI's clients read them; `tokens` are those of all inputs.
#[must_use]
pub fn write(vectors: &[Vec<f32>], encoding: Encoding, model: &str, tokens: u64) -> Bytes {
    let items = vectors.iter().enumerate().map(|(index, numbers)| Item {
        embedding: Written { encoding, numbers },
        index,
        object: "embedding",
    });
    let whole = Whole {
        data: items.collect(),
        model,
        object: "list",
        usage: Counted { prompt_tokens: tokens, total_tokens: tokens },
    };
    // Keys are strings and numbers finite, so this cannot fail.
    Bytes::from(serde_json::to_vec(&whole).unwrap_or_default())
}
