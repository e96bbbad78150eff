//! A schema in the part of JSON Schema that a vendor takes, and what it says of the rest in words.

use serde_json::{Map, Value};

use crate::protocols::{Target, capable::SCHEMA, fields::Issues};

/// A schema that the vendor takes.
#[derive(Debug, PartialEq)]
pub(in crate::protocols) struct Fitted {
    /// The keywords that are said in words only, each once.
    pub(in crate::protocols) in_words: Vec<String>,
    /// The schema.
    pub(in crate::protocols) schema: Value,
}

impl Fitted {
    /// The schema of an answer. Who wants it followed to the letter decides by `on_unsupported` whether a part of it
    /// may be left to words.
    pub(in crate::protocols) fn of_answer(
        self,
        is_strict: bool,
        target: &Target,
        issues: &mut Issues,
    ) -> Value {
        let Self { in_words, schema } = self;
        if !in_words.is_empty() {
            let words = in_words.join(", ");
            let reason =
                format!("this model's vendor takes no {words}: the model reads it in words");
            if is_strict {
                issues.unsaid(SCHEMA, &reason, target);
            } else {
                issues.hint(SCHEMA, &reason);
            }
        }
        schema
    }
}

/// Says in a schema's description what its other members do not say.
pub(in crate::protocols) fn say(schema: &mut Map<String, Value>, words: Map<String, Value>) {
    if words.is_empty() {
        return;
    }
    let more = format!("It must be valid against {} too.", Value::Object(words));
    let text = match schema.get("description").and_then(Value::as_str) {
        Some(text) => format!("{text}\n\n{more}"),
        None => more,
    };
    schema.insert("description".to_owned(), text.into());
}

/// Notes a keyword that is said in words, once.
pub(in crate::protocols) fn leave(in_words: &mut Vec<String>, name: &str) {
    if !in_words.iter().any(|known| known == name) {
        in_words.push(name.to_owned());
    }
}
