//! What the simulated model says: the prompt again, cut and stopped as the caller asked.

use serde_json::{Map, Value, json};

use crate::faults::{Script, called_tools};
use crate::tokens;

/// Bytes of one delta of a big text, unless `chunks` says otherwise.
const BIG_PIECE: usize = 1_024;

/// What `split-utf8` puts before the answer: two, three and four bytes a character, and a joined one.
const MULTIBYTE: &str = "Grüße 🌊 — 你好 👩‍👧 ";

/// What the model says when it declines.
pub(crate) const REFUSAL: &str = "I'm sorry, but I can't help with that.";

/// What bounds an answer.
pub(crate) struct Bounds<'a> {
    /// The schema of an answer in JSON; null if any object will do; none for text.
    pub(crate) json: Option<&'a Value>,
    /// The most tokens; none if the caller named no limit.
    pub(crate) max_tokens: Option<u64>,
    /// Texts that end the answer and do not appear in it.
    pub(crate) stop: &'a [String],
}

/// An answer, in the parts in which it would be streamed.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Answer {
    pub(crate) end: End,
    pub(crate) pieces: Vec<String>,
}

/// Why an answer ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// The limit of tokens was met.
    Cut,
    /// All was said.
    Natural,
    /// This stop text would have come next.
    Stop(String),
}

/// Whether tools may, must or must not be called.
pub(crate) enum Demand {
    /// One must be called, whichever.
    Any,
    /// Those that the prompt names by `call:<name>` are called.
    Free,
    /// This one must be called.
    Named(String),
    Never,
}

impl Answer {
    /// Says the answer to a prompt.
    pub(crate) fn to(prompt: &str, script: &Script, bounds: &Bounds<'_>) -> Self {
        let pieces = pieces(prompt, script, bounds.json);
        let text = pieces.concat();
        let first = bounds.stop.iter().filter(|stop| !stop.is_empty());
        let first = first.filter_map(|stop| text.find(stop.as_str()).map(|at| (at, stop))).min();
        let (said, mut end) = match first {
            Some((at, stop)) => (text.get(..at).unwrap_or(&text), End::Stop(stop.clone())),
            None => (text.as_str(), End::Natural),
        };
        let kept = tokens::cut(said, bounds.max_tokens.unwrap_or(u64::MAX));
        if kept.len() < said.len() {
            end = End::Cut;
        }
        Self { end, pieces: clipped(pieces, kept.len()) }
    }

    /// The whole text.
    pub(crate) fn text(&self) -> String {
        self.pieces.concat()
    }

    /// What the text costs.
    pub(crate) fn tokens(&self) -> u64 {
        tokens::count_tokens(&self.text())
    }
}

/// Splits a text after so many bytes each, between characters.
pub(crate) fn pieces_of(text: &str, size: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    for character in text.chars() {
        if !piece.is_empty() && piece.len() + character.len_utf8() > size {
            pieces.push(std::mem::take(&mut piece));
        }
        piece.push(character);
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}

/// The tools that are called, in order.
pub(crate) fn chosen_tools(names: &[&str], prompt: &str, demand: &Demand) -> Vec<String> {
    let called: Vec<String> =
        called_tools(prompt).filter(|name| names.contains(name)).map(str::to_owned).collect();
    match demand {
        Demand::Any if called.is_empty() => {
            names.first().map(|&name| name.to_owned()).into_iter().collect()
        }
        Demand::Any | Demand::Free => called,
        Demand::Named(name) => vec![name.clone()],
        Demand::Never => Vec::new(),
    }
}

/// A value that fits a JSON schema as far as its types, constants and required members go; every
/// text in it is `text`.
fn sample(schema: &Value, text: &str) -> Value {
    if let Some(value) = schema.get("const") {
        return value.clone();
    }
    if let Some(value) = schema.get("enum").and_then(|values| values.get(0)) {
        return value.clone();
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("array") => json!([]),
        Some("boolean") => json!(true),
        Some("integer" | "number") => json!(1),
        Some("null") => Value::Null,
        Some("string") => json!(text),
        Some("object") => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let samples = properties.into_iter().flatten();
            samples.map(|(name, schema)| (name.clone(), sample(schema, text))).collect()
        }
        Some(_) | None => Value::Object(Map::from_iter([("answer".to_owned(), json!(text))])),
    }
}

fn pieces(prompt: &str, script: &Script, schema: Option<&Value>) -> Vec<String> {
    match (script.big, script.chunks) {
        (None, None) => {
            let start = if script.split_utf8 { MULTIBYTE } else { "" };
            let text = match prompt {
                "" => format!("{start}You said nothing."),
                said => format!("{start}You said: {said}"),
            };
            let text = schema.map_or(text.clone(), |schema| sample(schema, &text).to_string());
            text.split_inclusive(char::is_whitespace).map(str::to_owned).collect()
        }
        (None, Some(count)) => (1..=count).map(|number| format!("{number} ")).collect(),
        (Some(bytes), None) => pieces_of(&big(bytes), BIG_PIECE),
        (Some(bytes), Some(count)) => pieces_of(&big(bytes), bytes.div_ceil(count.max(1)).max(1)),
    }
}

fn big(bytes: usize) -> String {
    "0123456 ".chars().cycle().take(bytes).collect()
}

fn clipped(pieces: Vec<String>, length: usize) -> Vec<String> {
    let mut left = length;
    let mut kept = Vec::new();
    for mut piece in pieces {
        piece.truncate(left);
        if piece.is_empty() {
            break;
        }
        left -= piece.len();
        kept.push(piece);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::{Answer, Bounds, End, Script, Value, json, sample};

    fn check(prompt: &str, max_tokens: Option<u64>, stop: &[&str], text: &str, end: End) {
        let stop: Vec<String> = stop.iter().map(|&stop| stop.to_owned()).collect();
        let bounds = Bounds { json: None, max_tokens, stop: &stop };
        let answer = Answer::to(prompt, &Script::find(prompt), &bounds);
        assert_eq!((answer.text().as_str(), &answer.end), (text, &end));
    }

    #[test]
    fn an_answer_echoes_within_its_bounds() {
        check("Hi there", None, &[], "You said: Hi there", End::Natural);
        check("", None, &[], "You said nothing.", End::Natural);
        check("Hi there", Some(4), &[], "You said: Hi ", End::Cut);
        check("Hi there", Some(6), &[], "You said: Hi there", End::Natural);
        check("Hi there", None, &["said", "there"], "You ", End::Stop("said".to_owned()));
        check("Hi there", Some(1), &["there"], "You ", End::Cut);
        check("Hi", Some(0), &[], "", End::Cut);
    }

    #[test]
    fn a_schema_is_answered_with_a_fitting_value() {
        let schema = json!({ "type": "object", "properties": {
            "said": { "type": "string" }, "count": { "type": "integer" }, "kind": { "enum": ["a"] },
        }});
        let said = json!({ "said": "Hi", "count": 1, "kind": "a" });
        assert_eq!(sample(&schema, "Hi"), said);
        assert_eq!(sample(&Value::Null, "Hi"), json!({ "answer": "Hi" }));
    }

    #[test]
    fn faults_shape_the_text() {
        let bounds = Bounds { json: None, max_tokens: None, stop: &[] };
        let answer = |faults: &str| Answer::to(faults, &Script::find(faults), &bounds);
        assert_eq!(answer("chunks:200").pieces.len(), 200);
        assert_eq!(answer("big:100000").text().len(), 100_000);
        assert_eq!(answer("big:1000 chunks:10").pieces.len(), 10);
        assert!(answer("split-utf8").text().contains('🌊'));
    }
}
