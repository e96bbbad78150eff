//! How probable each token was: `logprobsResult` of a candidate.

use serde_json::Value;

use super::super::{Malformed, answer::Answer};
use crate::chat::TokenLogprob;

/// Reads the tokens of a candidate, whole or a piece; none where none are told.
pub(super) fn read(candidate: &Answer<'_>) -> Result<Vec<TokenLogprob>, Malformed> {
    let Some(told) = candidate.object("logprobsResult")? else { return Ok(Vec::new()) };
    let mut others = told.objects("topCandidates")?.into_iter();
    let mut tokens = Vec::new();
    for chosen in told.objects("chosenCandidates")? {
        let mut read = token(&chosen)?;
        if let Some(others) = others.next() {
            read.top = others.objects("candidates")?.iter().map(token).collect::<Result<_, _>>()?;
        }
        tokens.push(read);
    }
    Ok(tokens)
}

fn token(told: &Answer<'_>) -> Result<TokenLogprob, Malformed> {
    Ok(TokenLogprob {
        bytes: None,
        logprob: told.value("logProbability").and_then(Value::as_f64).unwrap_or_default(),
        token: told.string_or_empty("token")?,
        top: Vec::new(),
    })
}
