//! The caller's side: the body of `POST /v1/embeddings`.

use serde_json::{Map, Value};

use super::super::{
    FieldIssue,
    fields::{Fields, Issues},
};
use crate::{
    calls::embedding::{EmbeddingCall, EmbeddingInput, Encoding},
    json::type_name,
};

/// The most inputs of one call.
const MOST_INPUTS: usize = 2_048;
/// The most tokens of one input.
const MOST_TOKENS: usize = 8_192;
/// The most tokens of all inputs together.
const MOST_TOKENS_IN_ALL: usize = 300_000;

/// What has a place in the canonical form.
const KNOWN: [&str; 5] = ["dimensions", "encoding_format", "input", "model", "user"];

/// A request, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OpenAiEmbeddingCall {
    /// In the canonical form.
    pub call: EmbeddingCall,
    /// The model or alias.
    pub model: String,
}

impl OpenAiEmbeddingCall {
    /// Reads a body. Members that we do not know are kept: they reach vendors that speak this protocol.
    ///
    /// How many tokens a text has only its vendor knows, so that only inputs that are token ids are held
    /// against the bounds of tokens here.
    ///
    /// # Errors
    /// Every issue found.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Vec<FieldIssue>> {
        let mut issues = Issues::default();
        let fields = Fields::root(body);
        let model = fields.required_string("model", &mut issues).unwrap_or_default().to_owned();
        let input = match fields.value("input") {
            Some(value) => input(value, &mut issues),
            None => {
                issues.add("/input", "required");
                EmbeddingInput::default()
            }
        };
        let dimensions = fields.count("dimensions", 1, &mut issues);
        let encoding = match fields.word("encoding_format", &["float", "base64"], &mut issues) {
            Some("base64") => Encoding::Base64,
            Some(_) | None => Encoding::Float,
        };
        let user = fields.string("user", &mut issues).map(str::to_owned);
        let extra = fields.others(&KNOWN);
        let call = EmbeddingCall { dimensions, encoding, extra, input, user };
        issues.or(Self { call, model })
    }
}

/// A text, texts, token ids, or lists of them: the first entry says which.
fn input(value: &Value, issues: &mut Issues) -> EmbeddingInput {
    match value {
        Value::String(text) => {
            let text = said("/input", text, issues);
            EmbeddingInput::Texts(vec![text])
        }
        Value::Array(entries) => {
            if entries.is_empty() {
                issues.add("/input", "must not be empty");
            }
            match entries.first() {
                Some(Value::Number(_)) => {
                    let ids = token_ids("/input", entries, issues);
                    EmbeddingInput::Tokens(vec![ids])
                }
                _ if entries.len() > MOST_INPUTS => {
                    let count = entries.len();
                    issues
                        .add("/input", format!("has {count} entries; there may be {MOST_INPUTS}"));
                    EmbeddingInput::default()
                }
                Some(Value::Array(_)) => EmbeddingInput::Tokens(lists(entries, issues)),
                Some(_) | None => EmbeddingInput::Texts(texts(entries, issues)),
            }
        }
        other => {
            issues.expected("/input", "a string or a list", other);
            EmbeddingInput::default()
        }
    }
}

fn texts(entries: &[Value], issues: &mut Issues) -> Vec<String> {
    let mut texts = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let pointer = format!("/input/{index}");
        match entry {
            Value::String(text) => texts.push(said(&pointer, text, issues)),
            other => issues.expected(pointer, "a string", other),
        }
    }
    texts
}

fn said(pointer: &str, text: &str, issues: &mut Issues) -> String {
    if text.is_empty() {
        issues.add(pointer, "must not be empty");
    }
    text.to_owned()
}

fn lists(entries: &[Value], issues: &mut Issues) -> Vec<Vec<u32>> {
    let mut lists = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let pointer = format!("/input/{index}");
        match entry {
            Value::Array(ids) => lists.push(token_ids(&pointer, ids, issues)),
            other => issues.expected(pointer, "a list of token ids", other),
        }
    }
    let all: usize = lists.iter().map(Vec::len).sum();
    if all > MOST_TOKENS_IN_ALL {
        let reason = format!("has {all} tokens; there may be {MOST_TOKENS_IN_ALL} in all");
        issues.add("/input", reason);
    }
    lists
}

/// The ids of one input. Of a list that holds anything else the first place is named.
fn token_ids(pointer: &str, entries: &[Value], issues: &mut Issues) -> Vec<u32> {
    if entries.is_empty() {
        issues.add(pointer, "must not be empty");
    }
    if entries.len() > MOST_TOKENS {
        let count = entries.len();
        issues.add(pointer, format!("has {count} tokens; there may be {MOST_TOKENS}"));
        return Vec::new();
    }
    let mut ids = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        match entry.as_u64().and_then(|id| u32::try_from(id).ok()) {
            Some(id) => ids.push(id),
            None => {
                let got = match entry {
                    Value::Number(number) => number.to_string(),
                    other => type_name(other).to_owned(),
                };
                issues.add(format!("{pointer}/{index}"), format!("expected a token id, got {got}"));
                break;
            }
        }
    }
    ids
}
