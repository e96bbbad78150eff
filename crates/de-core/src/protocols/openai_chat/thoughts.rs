//! Thoughts with their seals, kept by callers of this protocol from turn to turn.
//!
//! OpenAI's chat has no place for them. `reasoning_content` is DeepSeek's, for the text alone;
//! `reasoning_details` is OpenRouter's, with what a vendor wants back:
//! <https://openrouter.ai/docs/use-cases/reasoning-tokens#preserving-reasoning-blocks>. What is written here has the
//! name of its maker before it: so it is told from what such a host wrote itself, and of two vendors that speak one
//! protocol the right one gets it back.

use serde_json::{Map, Value};

use super::super::fields::{Fields, Issues};
use crate::{
    chat::{Part, Seal},
    model::Protocol,
};

/// Which vendor's seal an entry has, by its `format`.
const FORMATS: [(&str, Protocol); 3] = [
    ("anthropic-claude-v1", Protocol::AnthropicMessages),
    ("google-gemini-v1", Protocol::Gemini),
    ("openai-responses-v1", Protocol::OpenaiResponses),
];

const DETAILS: &str = "reasoning_details";

/// One entry of `reasoning_details`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Detail<'a> {
    /// A seal alone: on a thought that was hidden, or on the call of that id.
    Encrypted { call: Option<&'a str>, seal: &'a Seal },
    /// A thought.
    Text { seal: Option<&'a Seal>, text: &'a str },
}

/// Reads the thoughts of an assistant's turn, and the seals of its calls by their ids.
pub(super) fn read(turn: &Fields<'_>, issues: &mut Issues) -> (Vec<Part>, Vec<(String, Seal)>) {
    let text = turn.string("reasoning_content", issues);
    let (mut parts, mut seals) = (Vec::new(), Vec::new());
    for entry in turn.objects(DETAILS, issues) {
        let maker = entry.string("format", issues).and_then(maker_of);
        let seal = |name: &str, issues: &mut Issues| {
            let data = entry.string(name, issues).filter(|data| !data.is_empty())?;
            Seal::of_mark(data).or_else(|| Some(Seal::of(maker?, data.to_owned())))
        };
        match entry.string("type", issues) {
            Some("reasoning.text") => {
                let text = entry.string("text", issues).unwrap_or_default().to_owned();
                parts.push(Part::Thinking { seal: seal("signature", issues), text });
            }
            Some("reasoning.summary") => {
                let text = entry.string("summary", issues).unwrap_or_default().to_owned();
                parts.push(Part::Thinking { seal: None, text });
            }
            Some("reasoning.encrypted") => {
                let Some(seal) = seal("data", issues) else { continue };
                match entry.string("id", issues) {
                    Some(id) if is_call(turn, id) => seals.push((id.to_owned(), seal)),
                    Some(_) | None => parts.push(Part::Sealed(seal)),
                }
            }
            // Kinds are added without notice.
            Some(_) | None => {}
        }
    }
    if parts.is_empty()
        && let Some(text) = text.filter(|text| !text.is_empty())
    {
        parts.push(Part::Thinking { seal: None, text: text.to_owned() });
    }
    (parts, seals)
}

fn is_call(turn: &Fields<'_>, id: &str) -> bool {
    let calls = turn.value("tool_calls").and_then(Value::as_array);
    calls.is_some_and(|calls| {
        calls.iter().any(|call| call.get("id").and_then(Value::as_str) == Some(id))
    })
}

/// Writes one entry, as callers send it back, of what a model of `provider` sealed.
pub(super) fn entry(index: usize, detail: &Detail<'_>, provider: &str) -> Value {
    let mut entry = Map::new();
    let mut set = |name: &str, value: &str| {
        entry.insert(name.to_owned(), Value::from(value));
    };
    let seal = match *detail {
        Detail::Encrypted { call, seal } => {
            set("type", "reasoning.encrypted");
            if let Some(call) = call {
                set("id", call);
            }
            set("data", &seal.marked(provider));
            Some(seal)
        }
        Detail::Text { seal, text } => {
            set("type", "reasoning.text");
            set("text", text);
            if let Some(seal) = seal {
                set("signature", &seal.marked(provider));
            }
            seal
        }
    };
    if let Some(format) = seal.and_then(|seal| format_of(seal.maker)) {
        set("format", format);
    }
    entry.insert("index".to_owned(), index.into());
    Value::Object(entry)
}

/// The turns without the entries that our own answers told: their seals are another vendor's, since none that
/// speaks this protocol has any that we tell. `None` if there are none of these.
pub(super) fn without_marked(messages: &Value) -> Option<Value> {
    let details = |turn: &Value| turn.get(DETAILS).and_then(Value::as_array).cloned();
    let has_marked = |turn: &Value| {
        let details = turn.get(DETAILS).and_then(Value::as_array);
        details.is_some_and(|details| details.iter().any(is_marked))
    };
    let turns = messages.as_array().filter(|turns| turns.iter().any(has_marked))?;
    let mut turns = turns.clone();
    for turn in turns.iter_mut().filter(|turn| has_marked(turn)) {
        let (Some(mut details), Some(turn)) = (details(turn), turn.as_object_mut()) else {
            continue;
        };
        details.retain(|entry| !is_marked(entry));
        if details.is_empty() {
            turn.shift_remove(DETAILS);
        } else {
            turn.insert(DETAILS.to_owned(), details.into());
        }
    }
    Some(turns.into())
}

fn is_marked(entry: &Value) -> bool {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    [text("data"), text("signature")]
        .into_iter()
        .flatten()
        .any(|text| Seal::of_mark(text).is_some())
}

fn maker_of(format: &str) -> Option<Protocol> {
    FORMATS.iter().find(|(word, _)| *word == format).map(|(_, maker)| *maker)
}

fn format_of(maker: Protocol) -> Option<&'static str> {
    FORMATS.iter().find(|(_, protocol)| *protocol == maker).map(|(word, _)| *word)
}
