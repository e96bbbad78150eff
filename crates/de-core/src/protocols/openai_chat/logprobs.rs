//! How probable each token was: `logprobs.content` of a choice.

use serde_json::{Map, Value, json};

use super::super::{Malformed, answer::Answer};
use crate::chat::TokenLogprob;

/// Reads the tokens of a choice, whole or a piece; none where none are told.
pub(super) fn read(choice: &Answer<'_>) -> Result<Vec<TokenLogprob>, Malformed> {
    match choice.object("logprobs")? {
        Some(told) => told.objects("content")?.iter().map(token).collect(),
        None => Ok(Vec::new()),
    }
}

/// Reads one token, of either of OpenAI's protocols.
pub(in super::super) fn token(told: &Answer<'_>) -> Result<TokenLogprob, Malformed> {
    let top = told.objects("top_logprobs")?;
    let bytes = told
        .value("bytes")
        .and_then(Value::as_array)
        .map(|bytes| bytes.iter().filter_map(|byte| u8::try_from(byte.as_u64()?).ok()).collect());
    Ok(TokenLogprob {
        bytes,
        logprob: told.value("logprob").and_then(Value::as_f64).unwrap_or_default(),
        token: told.string_or_empty("token")?,
        top: top.iter().map(token).collect::<Result<_, _>>()?,
    })
}

/// Writes `logprobs` of a choice.
pub(super) fn write(tokens: Option<&[TokenLogprob]>) -> Value {
    match tokens {
        Some(tokens) => json!({"content": list(tokens), "refusal": null}),
        None => Value::Null,
    }
}

/// Writes tokens with their alternatives.
pub(in super::super) fn list(tokens: &[TokenLogprob]) -> Value {
    let tokens = tokens.iter().map(|token| {
        let mut told = members(token);
        told.insert("top_logprobs".to_owned(), token.top.iter().map(members).collect());
        Value::Object(told)
    });
    tokens.collect()
}

fn members(token: &TokenLogprob) -> Map<String, Value> {
    let mut told = Map::new();
    told.insert("token".to_owned(), token.token.as_str().into());
    told.insert("logprob".to_owned(), token.logprob.into());
    told.insert("bytes".to_owned(), token.bytes.clone().into());
    told
}
