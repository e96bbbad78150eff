//! What a mapping's placeholders stand for: values of ours, the caller's options, defaults.
//!
//! A caller's options can set only variables that the mapping uses or declares, and never one of
//! ours: otherwise `options.user_prompt` would replace the prompt that was checked and logged.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde_json::{Map, Number, Value, json};

use super::declare::Declaration;
use crate::model::OnUnsupported;

/// The names that options never set.
pub const RESERVED: [&str; 13] = [
    "api_key",
    "index",
    "item",
    "job_id",
    "messages",
    "model",
    "prompt",
    "request_id",
    "stream",
    "system",
    "user",
    "user_prompt",
    "user_text",
];

/// The values of ours for one call. What is absent has no value, unless the mapping has a default.
#[derive(Clone, Debug, Default)]
pub struct Reserved {
    /// Files that came with the call, by the variable that each is.
    pub files: Vec<(&'static str, File)>,
    /// The id of the job that the call belongs to.
    pub job_id: Option<String>,
    /// The conversation, in the form in which the vendor wants it.
    pub messages: Option<Value>,
    /// The vendor's name of the model.
    pub model: Option<String>,
    /// The id of the request.
    pub request_id: Option<String>,
    /// Whether the reply is to be streamed.
    pub stream: Option<bool>,
    /// The system prompt.
    pub system: Option<String>,
    /// The caller's word for its end user.
    pub user: Option<String>,
    /// The prompt; stands in for `user_text` where that is absent.
    pub user_prompt: Option<String>,
    /// The text to speak; stands in for `user_prompt` where that is absent.
    pub user_text: Option<String>,
}

/// A file to send: bytes with a type, and a name where one is known.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// Its media type.
    pub content_type: String,
    /// Its bytes.
    pub data: Bytes,
    /// Its name.
    pub filename: Option<String>,
}

/// What one variable holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Datum {
    File(File),
    Json(Value),
}

/// The variables of one call, by name. None of them is null.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variables {
    values: BTreeMap<String, Datum>,
}

impl Variables {
    /// Whether the variable has this value.
    pub fn is(&self, name: &str, expected: &Value) -> bool {
        matches!(self.values.get(name), Some(Datum::Json(value)) if value == expected)
    }

    /// Shows what each variable became. Of a file: its type, name and size in bytes.
    pub fn to_value(&self) -> Map<String, Value> {
        let show = |(name, datum): (&String, &Datum)| {
            let shown = match datum {
                Datum::Json(value) => value.clone(),
                Datum::File(file) => json!({
                    "content_type": file.content_type,
                    "filename": file.filename,
                    "size_bytes": file.data.len(),
                }),
            };
            (name.clone(), shown)
        };
        self.values.iter().map(show).collect()
    }

    /// Those of these names alone.
    pub(crate) fn only(&self, names: &BTreeSet<String>) -> Self {
        let kept = self.values.iter().filter(|(name, _)| names.contains(*name));
        Self { values: kept.map(|(name, datum)| (name.clone(), datum.clone())).collect() }
    }

    /// Sets one of our own.
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.values.insert(name.to_owned(), Datum::Json(value));
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Datum> {
        self.values.get(name)
    }
}

/// What the caller should be told, although the call goes on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Notice {
    /// An option that this model does not know was left out.
    DroppedOption {
        /// Its name.
        name: String,
    },
}

/// Why a value cannot be used. The caller's fault; the same value fails again.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum VariableError {
    /// Above the declared maximum.
    #[error("{name} is at most {max}")]
    AboveMax {
        /// The variable.
        name: String,
        /// The bound.
        max: Number,
    },
    /// Below the declared minimum.
    #[error("{name} is at least {min}")]
    BelowMin {
        /// The variable.
        name: String,
        /// The bound.
        min: Number,
    },
    /// A required variable has no value.
    #[error("{name} is required")]
    Missing {
        /// The variable.
        name: String,
    },
    /// None of the declared values.
    #[error("{name} is one of {allowed}")]
    NotOneOf {
        /// The variable.
        name: String,
        /// The values, as JSON.
        allowed: String,
    },
    /// An option with a name of ours.
    #[error("{name} is reserved and cannot be set by options")]
    Reserved {
        /// The option.
        name: String,
    },
    /// Longer than declared: characters of a text, entries of a list, bytes of a file.
    #[error("{name} has {length} {unit}, at most {max_length} are allowed")]
    TooLong {
        /// The variable.
        name: String,
        /// How long it is.
        length: usize,
        /// The bound.
        max_length: usize,
        /// What is counted.
        unit: &'static str,
    },
    /// An option that the mapping neither uses nor declares.
    #[error("this model has no option {name:?}; known: {known}")]
    Unknown {
        /// The option.
        name: String,
        /// The options that it has.
        known: String,
    },
    /// Not of the declared type.
    #[error("{name} is {expected}, not {found}")]
    WrongType {
        /// The variable.
        name: String,
        /// The declared type.
        expected: &'static str,
        /// The type of the value.
        found: &'static str,
    },
}

impl VariableError {
    /// The variable that the error is about.
    pub fn name(&self) -> &str {
        match self {
            Self::AboveMax { name, .. }
            | Self::BelowMin { name, .. }
            | Self::Missing { name }
            | Self::NotOneOf { name, .. }
            | Self::Reserved { name }
            | Self::TooLong { name, .. }
            | Self::Unknown { name, .. }
            | Self::WrongType { name, .. } => name,
        }
    }
}

/// Everything that decides which values a call's variables get.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) declared: BTreeMap<String, Declaration>,
    /// Admitted already, when the mapping was parsed.
    pub(crate) defaults: BTreeMap<String, Datum>,
    /// What becomes of options that are not known, where the mapping says it.
    pub(crate) unknown_options: Option<OnUnsupported>,
    pub(crate) used: BTreeSet<String>,
}

impl Rules {
    fn knows(&self, name: &str) -> bool {
        self.used.contains(name) || self.declared.contains_key(name)
    }

    fn admit(&self, name: &str, value: Value) -> Result<Datum, VariableError> {
        match self.declared.get(name) {
            Some(declaration) => declaration.admit(name, value),
            None => Ok(Datum::Json(value)),
        }
    }

    /// Gathers the variables of one call. A JSON null is no value: the default holds.
    pub(crate) fn gather(
        &self,
        reserved: Reserved,
        options: &Map<String, Value>,
        unknown: OnUnsupported,
    ) -> Result<(Variables, Vec<Notice>), Vec<VariableError>> {
        let mut values = BTreeMap::new();
        let mut notices = Vec::new();
        let mut errors = Vec::new();
        for (name, value) in options {
            if RESERVED.contains(&name.as_str()) {
                errors.push(VariableError::Reserved { name: name.clone() });
            } else if !self.knows(name) {
                match unknown {
                    OnUnsupported::Drop | OnUnsupported::Warn => {
                        notices.push(Notice::DroppedOption { name: name.clone() });
                    }
                    OnUnsupported::Reject => {
                        let known = self.known();
                        errors.push(VariableError::Unknown { name: name.clone(), known });
                    }
                }
            } else if !value.is_null() {
                match self.admit(name, value.clone()) {
                    Ok(datum) => drop(values.insert(name.clone(), datum)),
                    Err(error) => errors.push(error),
                }
            }
        }
        let mut reserved = reserved;
        for (name, file) in std::mem::take(&mut reserved.files) {
            match self.declared.get(name).map_or(Ok(()), |declared| declared.fits(name, &file)) {
                Ok(()) => drop(values.insert(name.to_owned(), Datum::File(file))),
                Err(error) => errors.push(error),
            }
        }
        for (name, value) in reserved.into_values() {
            if self.knows(name) {
                match self.admit(name, value) {
                    Ok(datum) => drop(values.insert(name.to_owned(), datum)),
                    Err(error) => errors.push(error),
                }
            }
        }
        for (name, datum) in &self.defaults {
            if !values.contains_key(name) {
                values.insert(name.clone(), datum.clone());
            }
        }
        for (name, declaration) in &self.declared {
            let refused = errors.iter().any(|error| error.name() == name);
            if declaration.required && !refused && !values.contains_key(name) {
                errors.push(VariableError::Missing { name: name.clone() });
            }
        }
        if errors.is_empty() { Ok((Variables { values }, notices)) } else { Err(errors) }
    }

    fn known(&self) -> String {
        let names: BTreeSet<&str> = self
            .used
            .iter()
            .chain(self.declared.keys())
            .map(String::as_str)
            .filter(|name| !RESERVED.contains(name))
            .collect();
        names.into_iter().collect::<Vec<_>>().join(", ")
    }
}

impl Reserved {
    fn into_values(self) -> impl Iterator<Item = (&'static str, Value)> {
        let prompt = self.user_prompt.clone().or_else(|| self.user_text.clone());
        let text = self.user_text.or(self.user_prompt);
        [
            ("job_id", self.job_id.map(Value::String)),
            ("messages", self.messages),
            ("model", self.model.map(Value::String)),
            ("request_id", self.request_id.map(Value::String)),
            ("stream", self.stream.map(Value::Bool)),
            ("system", self.system.map(Value::String)),
            ("user", self.user.map(Value::String)),
            ("user_prompt", prompt.map(Value::String)),
            ("user_text", text.map(Value::String)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .filter(|(_, value)| !value.is_null())
    }
}

/// Whether two values are the same JSON: `1` and `1.0` are.
pub(crate) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left == right || left.as_f64() == right.as_f64()
        }
        _ => left == right,
    }
}
