//! JSON that an answer in text shall be: `expect_json` of our own protocol.
//!
//! Models wrap it in fences and prose, and write it as people do: with comments, with a comma too many. What
//! has one meaning is found and mended; what has not, such as an answer that broke off, is a fault, since a
//! value that was made up is worse than none.

mod find;
mod schema;

use std::cell::Cell;

use serde_json::Value;

use self::find::Candidate;
pub use self::schema::Schema;
use crate::{chat::ResponseFormat, json::type_name, protocols::FieldIssue};

/// How often it is asked again, unless the caller says.
const RETRIES: u64 = 1;
/// How often it may be asked again.
const MOST_RETRIES: u64 = 2;

/// What is expected of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// How often it is asked again where it is not that, 0 to 2.
    pub retries: u64,
    /// What it must follow; absent: any object or list.
    pub schema: Option<Schema>,
}

/// A value that was found in an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Whether it was more than found: fences, prose or small faults were taken away.
    pub is_repaired: bool,
    /// The value.
    pub value: Value,
}

/// Why an answer is not what was expected.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// Where in the value, as a JSON Pointer; empty for all of it.
    pub pointer: String,
    /// What is wrong there, for a person and for the model.
    pub reason: String,
}

impl Expected {
    /// Reads `expect_json`: `true`, or `{"schema", "retries"}`. `None` for `false`.
    ///
    /// # Errors
    /// Every issue found, with its place in the body.
    pub fn parse(value: &Value) -> Result<Option<Self>, Vec<FieldIssue>> {
        let issue = |place: &str, reason: String| FieldIssue {
            pointer: format!("/expect_json{place}"),
            reason,
        };
        let members = match value {
            Value::Bool(false) => return Ok(None),
            Value::Bool(true) => return Ok(Some(Self { retries: RETRIES, schema: None })),
            Value::Object(members) => members,
            other => {
                let reason = format!("expected a boolean or an object, got {}", type_name(other));
                return Err(vec![issue("", reason)]);
            }
        };
        let mut issues = Vec::new();
        let mut expected = Self { retries: RETRIES, schema: None };
        for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
            match name.as_str() {
                "retries" => match value.as_u64().filter(|retries| *retries <= MOST_RETRIES) {
                    Some(retries) => expected.retries = retries,
                    None => issues.push(issue(
                        "/retries",
                        format!("expected a number from 0 to {MOST_RETRIES}"),
                    )),
                },
                "schema" => {
                    match Schema::parse(value) {
                        Ok(schema) => expected.schema = Some(schema),
                        Err(faults) => issues.extend(faults.into_iter().map(|fault| {
                            issue(&format!("/schema{}", fault.pointer), fault.reason)
                        })),
                    }
                }
                other => {
                    let place = crate::protocols::fields::below("", other);
                    issues.push(issue(&place, "unknown; there are retries, schema".to_owned()));
                }
            }
        }
        if issues.is_empty() { Ok(Some(expected)) } else { Err(issues) }
    }

    /// How a vendor that has such modes is asked for it. OpenAI wants a name.
    #[must_use]
    pub fn format(&self) -> ResponseFormat {
        match &self.schema {
            Some(schema) => ResponseFormat::JsonSchema {
                name: "answer".to_owned(),
                schema: schema.source().clone(),
                strict: None,
            },
            None => ResponseFormat::JsonObject,
        }
    }

    /// How the model is asked for it in words: not all vendors have such modes, and OpenAI's demands the word.
    #[must_use]
    pub fn instruction(&self) -> String {
        let alone = "Answer with JSON alone: one value, without prose and without a code fence.";
        match &self.schema {
            Some(schema) => {
                format!("{alone} It must be valid against this JSON Schema: {}", schema.source())
            }
            None => format!("{alone} It must be an object or a list."),
        }
    }

    /// How the model is told what was wrong with its answer.
    #[must_use]
    pub fn complaint(&self, fault: &Fault) -> String {
        let Fault { pointer, reason } = fault;
        let place = if pointer.is_empty() { String::new() } else { format!(" At {pointer}:") };
        format!(
            "That was not the JSON that is needed.{place} {reason}. Answer again, with the JSON alone."
        )
    }

    /// Finds the value in a text.
    ///
    /// # Errors
    /// What is wrong with the likeliest piece of the text.
    pub fn read(&self, text: &str) -> Result<Found, Fault> {
        let (mut first, spent) = (None, Cell::new(0));
        for Candidate { is_whole, value } in find::candidates(text) {
            let checked = match &self.schema {
                Some(schema) => schema.check_within(&value, &spent),
                None if value.is_object() || value.is_array() => Ok(()),
                None => {
                    let reason = format!("expected an object or a list, got {}", type_name(&value));
                    Err(Fault { pointer: String::new(), reason })
                }
            };
            match checked {
                Ok(()) => return Ok(Found { is_repaired: !is_whole, value }),
                Err(fault) => {
                    first.get_or_insert(fault);
                }
            }
        }
        Err(first.unwrap_or_else(|| Fault {
            pointer: String::new(),
            reason: "there is no JSON in it that can be read".to_owned(),
        }))
    }
}

#[cfg(test)]
mod tests;
