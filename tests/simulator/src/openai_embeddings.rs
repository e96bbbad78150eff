//! `POST /embeddings` at OpenAI and Mistral.
//!
//! Follows <https://platform.openai.com/docs/api-reference/embeddings/create>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::config::Vendor;
use crate::endpoint::{Incoming, Plan, Reply};
use crate::models::ModelKind;
use crate::openai_errors::{self, refuse};
use crate::schema::embeddings::{MISTRAL, OPENAI};
use crate::tokens::count_tokens;
use crate::vectors;

/// The most inputs, the most tokens of one, and of all.
const MOST_INPUTS: usize = 2_048;
const MOST_TOKENS: u64 = 8_192;
const MOST_TOKENS_IN_ALL: u64 = 300_000;

/// One input, as it was sent.
enum Input {
    Text(String),
    Tokens(Vec<u64>),
}

impl Input {
    fn tokens(&self) -> u64 {
        match self {
            Self::Text(text) => count_tokens(text),
            Self::Tokens(ids) => ids.len() as u64,
        }
    }

    /// What its vector is made of.
    fn words(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Tokens(ids) => format!("{ids:?}"),
        }
    }
}

/// `POST /v1/embeddings`.
pub(crate) fn embeddings(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    openai_errors::authenticate(incoming)?;
    let body = openai_errors::object(incoming)?;
    let is_mistral = incoming.vendor == Vendor::Mistral;
    openai_errors::check(incoming, &body, if is_mistral { MISTRAL } else { OPENAI })?;
    let model = openai_errors::model(incoming, ModelKind::Embedding, &body)?;
    let inputs = inputs(&body)?;
    let tokens = bounded(&inputs)?;
    let most = vectors::length(model.id);
    let wanted =
        ["dimensions", "output_dimension"].iter().find_map(|name| body.get(*name)?.as_u64());
    let length = wanted.and_then(|length| usize::try_from(length).ok()).unwrap_or(most);
    if length > most {
        let message =
            format!("Invalid 'dimensions': {length} is more than the {most} of this model.");
        return Err(refuse(400, Some("integer_above_max_value"), Some("dimensions"), &message));
    }
    let in_base64 = body.get("encoding_format").is_some_and(|format| format == "base64");
    let data: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(index, input)| {
            let vector = vectors::vector(model.id, &input.words(), length);
            let written = if in_base64 { base64(&vector) } else { json!(vector) };
            json!({ "object": "embedding", "index": index, "embedding": written })
        })
        .collect();
    let usage = if is_mistral {
        json!({ "prompt_tokens": tokens, "total_tokens": tokens, "completion_tokens": 0 })
    } else {
        json!({ "prompt_tokens": tokens, "total_tokens": tokens })
    };
    let mut answer =
        json!({ "object": "list", "data": data, "model": model.snapshot, "usage": usage });
    if let (true, Some(answer)) = (is_mistral, answer.as_object_mut()) {
        answer.insert("id".to_owned(), json!(incoming.made_id("emb_")));
    }
    let texts = inputs.iter().filter_map(|input| match input {
        Input::Text(text) => Some(text.as_str()),
        Input::Tokens(_) => None,
    });
    Ok(Plan {
        prompt: texts.collect::<Vec<_>>().join(" "),
        stream: false,
        answer: Box::new(move |_| Reply::json(200, &answer)),
    })
}

/// The inputs; all of one kind.
fn inputs(body: &Map<String, Value>) -> Result<Vec<Input>, Reply> {
    let ids = |ids: &[Value]| -> Option<Vec<u64>> { ids.iter().map(Value::as_u64).collect() };
    let invalid = || {
        let message = "Invalid 'input': all of its entries must be of one kind.";
        refuse(400, None, Some("input"), message)
    };
    match body.get("input") {
        Some(Value::String(text)) => Ok(vec![Input::Text(text.clone())]),
        Some(Value::Array(entries)) if entries.first().is_some_and(Value::is_number) => {
            Ok(vec![Input::Tokens(ids(entries).ok_or_else(invalid)?)])
        }
        Some(Value::Array(entries)) => {
            let is_text = entries.first().is_some_and(Value::is_string);
            let read = entries.iter().map(|entry| match entry {
                Value::String(text) if is_text => Ok(Input::Text(text.clone())),
                Value::Array(list) if !is_text => ids(list).map(Input::Tokens).ok_or_else(invalid),
                _ => Err(invalid()),
            });
            read.collect()
        }
        _ => Err(invalid()),
    }
}

/// The tokens of all inputs, if they are not too many.
fn bounded(inputs: &[Input]) -> Result<u64, Reply> {
    if inputs.len() > MOST_INPUTS {
        let message = format!("Invalid 'input': at most {MOST_INPUTS} inputs may be sent.");
        return Err(refuse(400, Some("array_above_max_length"), Some("input"), &message));
    }
    if let Some(long) = inputs.iter().map(Input::tokens).find(|tokens| *tokens > MOST_TOKENS) {
        let message = format!(
            "This model's maximum context length is {MOST_TOKENS} tokens, however you requested {long} tokens."
        );
        return Err(refuse(400, Some("context_length_exceeded"), Some("input"), &message));
    }
    let all: u64 = inputs.iter().map(Input::tokens).sum();
    if all > MOST_TOKENS_IN_ALL {
        let message = format!(
            "Invalid 'input': maximum request size is {MOST_TOKENS_IN_ALL} tokens per request."
        );
        return Err(refuse(400, Some("max_tokens_per_request"), Some("input"), &message));
    }
    Ok(all)
}

fn base64(vector: &[f32]) -> Value {
    let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
    Value::from(STANDARD.encode(bytes))
}
