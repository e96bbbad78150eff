//! Server-sent events of a mapped model: rules that each look at one event's data.

use serde::Serialize;
use serde_json::Value;

use super::failure::MappedError;
use super::filter::scalar_text;
use super::path::Path;
use super::reply::{ReplyError, Source, count};
use super::variables::same;
use crate::json;

/// How a stream is read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    pub(crate) done: Option<Done>,
    pub(crate) rules: Vec<Rule>,
}

/// What ends a stream.
#[derive(Clone, Debug)]
pub(crate) enum Done {
    /// Data that is exactly this.
    Data(String),
    /// An event that meets a condition.
    When(When),
}

/// What is read from events that meet a condition, or from all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rule {
    pub(crate) delta: Option<Source>,
    /// Read the event by `error_mapping`.
    pub(crate) error: bool,
    pub(crate) finish: Option<Source>,
    pub(crate) usage: Vec<(UsageField, Source)>,
    pub(crate) when: Option<When>,
}

/// A condition: the path finds something, and one of the values, if any are named.
#[derive(Clone, Debug)]
pub(crate) struct When {
    pub(crate) equals: Vec<Value>,
    pub(crate) path: Path,
}

/// The counts that a stream may tell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum UsageField {
    Cached,
    Input,
    Output,
    Total,
}

/// Counts as events tell them, one by one or together: each replaces what an earlier event said, none is added.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct MappedUsage {
    /// Input tokens, cached ones included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Output tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Input tokens that the vendor's cache served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_tokens: Option<u64>,
    /// Tokens in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_used: Option<u64>,
}

/// What one event says.
#[derive(Clone, Debug, PartialEq)]
pub enum MappedDelta {
    /// The stream ends here, well.
    Done,
    /// The stream ends here, badly.
    Error(MappedError),
    /// Why generation ended, in the vendor's word or the mapping's.
    Finish(String),
    /// The next piece of text, never empty.
    Text(String),
    /// Counts so far.
    Usage(MappedUsage),
}

impl MappedUsage {
    /// Takes over the counts that a later event tells.
    pub fn overlay(&mut self, later: Self) {
        self.input_tokens = later.input_tokens.or(self.input_tokens);
        self.output_tokens = later.output_tokens.or(self.output_tokens);
        self.cached_tokens = later.cached_tokens.or(self.cached_tokens);
        self.tokens_used = later.tokens_used.or(self.tokens_used);
    }
}

impl UsageField {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "cached_tokens" => Self::Cached,
            "input_tokens" => Self::Input,
            "output_tokens" => Self::Output,
            "tokens_used" => Self::Total,
            _ => return None,
        })
    }
}

impl When {
    /// Whether a value meets the condition.
    pub(crate) fn holds(&self, event: &Value) -> bool {
        let found = self.path.find(event);
        if self.equals.is_empty() {
            return !found.is_empty();
        }
        found.iter().any(|value| self.equals.iter().any(|equal| same(equal, value)))
    }
}

impl Stream {
    /// Reads the data of one event.
    pub(crate) fn read(
        &self,
        data: &str,
        error_of: impl Fn(&Value) -> MappedError,
    ) -> Result<Vec<MappedDelta>, ReplyError> {
        if matches!(&self.done, Some(Done::Data(done)) if done == data.trim()) {
            return Ok(vec![MappedDelta::Done]);
        }
        let event = json::parse(data.as_bytes());
        let event = event.map_err(|source| ReplyError::EventNotJson { source })?;
        let mut deltas = Vec::new();
        for rule in &self.rules {
            if rule.when.as_ref().is_none_or(|when| when.holds(&event)) {
                rule.read(&event, &error_of, &mut deltas)?;
            }
        }
        if matches!(&self.done, Some(Done::When(when)) if when.holds(&event)) {
            deltas.push(MappedDelta::Done);
        }
        Ok(deltas)
    }
}

impl Rule {
    fn read(
        &self,
        event: &Value,
        error_of: impl Fn(&Value) -> MappedError,
        deltas: &mut Vec<MappedDelta>,
    ) -> Result<(), ReplyError> {
        if let Some(source) = &self.delta {
            let mut text = String::new();
            for value in source.find(&[], event) {
                let piece = scalar_text(&value).ok_or(ReplyError::WrongType {
                    field: "delta",
                    expected: "text",
                    found: json::type_name(&value),
                })?;
                text.push_str(&piece);
            }
            if !text.is_empty() {
                deltas.push(MappedDelta::Text(text));
            }
        }
        let mut usage = MappedUsage::default();
        for (field, source) in &self.usage {
            let found = source.find(&[], event);
            if !found.is_empty() {
                let place = match field {
                    UsageField::Cached => &mut usage.cached_tokens,
                    UsageField::Input => &mut usage.input_tokens,
                    UsageField::Output => &mut usage.output_tokens,
                    UsageField::Total => &mut usage.tokens_used,
                };
                *place = count(&found);
            }
        }
        if usage != MappedUsage::default() {
            deltas.push(MappedDelta::Usage(usage));
        }
        let finish = self.finish.as_ref().and_then(|source| {
            let found = source.find(&[], event);
            found.first().and_then(|value| scalar_text(value)).map(|text| text.into_owned())
        });
        deltas.extend(finish.map(MappedDelta::Finish));
        if self.error {
            deltas.push(MappedDelta::Error(error_of(event)));
        }
        Ok(())
    }
}
