//! The vendor's answer: `{"data": [{"index", "embedding"}], "usage"}`, read in place.

use std::{borrow::Cow, fmt};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};

use super::super::{Malformed, borrowed};
use crate::{
    calls::embedding::{EmbeddingCall, EmbeddingReply, Encoding},
    receipt::Usage,
};

#[derive(Deserialize)]
struct Whole<'a> {
    #[serde(borrow)]
    data: Vec<Item<'a>>,
    #[serde(default, deserialize_with = "borrowed::lenient")]
    usage: Option<Counted>,
}

#[derive(Deserialize)]
struct Counted {
    #[serde(default, deserialize_with = "borrowed::count")]
    prompt_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    embedding: Vector<'a>,
    #[serde(default)]
    index: Option<usize>,
}

/// A vector as it is written.
enum Vector<'a> {
    Base64(Cow<'a, str>),
    Numbers(Vec<f32>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Vector<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reading;

        impl<'de> Visitor<'de> for Reading {
            type Value = Vector<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of numbers, or base64")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Vector<'de>, E> {
                Ok(Vector::Base64(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Vector<'de>, E> {
                Ok(Vector::Base64(Cow::Owned(text.to_owned())))
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut items: S) -> Result<Vector<'de>, S::Error> {
                let mut numbers = Vec::new();
                while let Some(number) = items.next_element()? {
                    numbers.push(number);
                }
                Ok(Vector::Numbers(numbers))
            }
        }

        from.deserialize_any(Reading)
    }
}

impl Vector<'_> {
    fn encoding(&self) -> Encoding {
        match self {
            Self::Base64(_) => Encoding::Base64,
            Self::Numbers(_) => Encoding::Float,
        }
    }

    /// Its numbers; `None` if it holds something else.
    fn numbers(self) -> Option<Vec<f32>> {
        match self {
            Self::Base64(text) => {
                let bytes = STANDARD.decode(text.as_bytes()).ok()?;
                let (whole, rest) = bytes.as_chunks::<4>();
                if !rest.is_empty() {
                    return None;
                }
                Some(whole.iter().map(|number| f32::from_le_bytes(*number)).collect())
            }
            Self::Numbers(numbers) => Some(numbers),
        }
    }
}

/// Reads an answer.
pub(super) fn read(call: &EmbeddingCall, body: &[u8]) -> Result<EmbeddingReply, Malformed> {
    let Whole { data, usage } = borrowed::read(body)?;
    let wrong = |pointer: String, reason: &str| Malformed { pointer, reason: reason.to_owned() };
    if data.len() != call.input.len() {
        let reason = format!("expected {} vectors, got {}", call.input.len(), data.len());
        return Err(Malformed { pointer: "/data".to_owned(), reason });
    }
    let usage = usage.and_then(|usage| usage.prompt_tokens).map(|input_tokens| Usage {
        input_tokens,
        requests: 1,
        ..Usage::default()
    });
    if data.iter().all(|item| item.embedding.encoding() == call.encoding) {
        return Ok(EmbeddingReply { usage, vectors: None });
    }
    let mut vectors: Vec<Option<Vec<f32>>> = vec![None; data.len()];
    for (place, Item { embedding, index }) in data.into_iter().enumerate() {
        let at = |name: &str| format!("/data/{place}/{name}");
        let vector = embedding.numbers();
        let vector = vector.ok_or_else(|| wrong(at("embedding"), "holds no vector"))?;
        match vectors.get_mut(index.unwrap_or(place)) {
            Some(free @ None) => *free = Some(vector),
            Some(Some(_)) => return Err(wrong(at("index"), "stands there twice")),
            None => return Err(wrong(at("index"), "is the place of no input")),
        }
    }
    let vectors: Vec<Vec<f32>> = vectors.into_iter().flatten().collect();
    super::super::one_length(&vectors)?;
    Ok(EmbeddingReply { usage, vectors: Some(vectors) })
}
