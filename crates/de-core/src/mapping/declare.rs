//! What a mapping declares about its variables: type, bounds, default.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Number, Value};

use super::issue::{Issues, MappingFault};
use super::members::Members;
use super::template::is_name;
use super::variables::{Datum, File, Rules, VariableError, same};
use crate::{json, model::OnUnsupported};

/// A declared type.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Array,
    Boolean,
    File,
    Integer,
    Number,
    Object,
    String,
}

/// What a mapping declares about one variable.
#[derive(Clone, Debug, Default)]
pub(crate) struct Declaration {
    pub(crate) kind: Option<Kind>,
    pub(crate) min: Option<Number>,
    pub(crate) max: Option<Number>,
    pub(crate) max_length: Option<usize>,
    pub(crate) one_of: Vec<Value>,
    pub(crate) required: bool,
}

impl Declaration {
    /// Checks a value and gives what the variable holds.
    pub(crate) fn admit(&self, name: &str, value: Value) -> Result<Datum, VariableError> {
        let wrong = |expected, value: &Value| VariableError::WrongType {
            name: name.to_owned(),
            expected,
            found: json::type_name(value),
        };
        let fits = match (self.kind, &value) {
            (None, _)
            | (Some(Kind::Array), Value::Array(_))
            | (Some(Kind::Boolean), Value::Bool(_))
            | (Some(Kind::Number), Value::Number(_))
            | (Some(Kind::Object), Value::Object(_))
            | (Some(Kind::String), Value::String(_)) => true,
            (Some(Kind::Integer), Value::Number(number)) => !number.is_f64(),
            (Some(Kind::File), _) => {
                let file = file_of(&value);
                let file = file.ok_or_else(|| wrong("a file as a base64 data URL", &value))?;
                self.check_length(name, file.data.len(), "bytes")?;
                return Ok(Datum::File(file));
            }
            _ => false,
        };
        if !fits {
            return Err(wrong(self.kind.map_or("a value", Kind::describe), &value));
        }
        match &value {
            Value::Number(number) => self.check_range(name, number)?,
            Value::String(text) => self.check_length(name, text.chars().count(), "characters")?,
            Value::Array(items) => self.check_length(name, items.len(), "entries")?,
            Value::Bool(_) | Value::Null | Value::Object(_) => {}
        }
        if !self.one_of.is_empty() && !self.one_of.iter().any(|one| same(one, &value)) {
            let allowed: Vec<String> = self.one_of.iter().map(Value::to_string).collect();
            let allowed = allowed.join(", ");
            return Err(VariableError::NotOneOf { name: name.to_owned(), allowed });
        }
        Ok(Datum::Json(value))
    }

    /// Checks a file that is no JSON.
    pub(crate) fn fits(&self, name: &str, file: &File) -> Result<(), VariableError> {
        match self.kind {
            None | Some(Kind::File) => self.check_length(name, file.data.len(), "bytes"),
            Some(kind) => Err(VariableError::WrongType {
                name: name.to_owned(),
                expected: kind.describe(),
                found: "a file",
            }),
        }
    }

    fn check_range(&self, name: &str, number: &Number) -> Result<(), VariableError> {
        let name = || name.to_owned();
        match (&self.min, &self.max) {
            (Some(min), _) if number.as_f64() < min.as_f64() => {
                Err(VariableError::BelowMin { name: name(), min: min.clone() })
            }
            (_, Some(max)) if number.as_f64() > max.as_f64() => {
                Err(VariableError::AboveMax { name: name(), max: max.clone() })
            }
            _ => Ok(()),
        }
    }

    fn check_length(
        &self,
        name: &str,
        length: usize,
        unit: &'static str,
    ) -> Result<(), VariableError> {
        match self.max_length {
            Some(max_length) if length > max_length => {
                Err(VariableError::TooLong { name: name.to_owned(), length, max_length, unit })
            }
            _ => Ok(()),
        }
    }
}

impl Kind {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "array" => Self::Array,
            "boolean" => Self::Boolean,
            "file" => Self::File,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "object" => Self::Object,
            "string" => Self::String,
            _ => return None,
        })
    }

    fn describe(self) -> &'static str {
        match self {
            Self::Array => "a list",
            Self::Boolean => "a boolean",
            Self::File => "a file",
            Self::Integer => "an integer",
            Self::Number => "a number",
            Self::Object => "an object",
            Self::String => "a string",
        }
    }
}

/// Parses `variables`, `defaults` and `unknown_options`.
pub(crate) fn rules(root: &Members<'_>, issues: &mut Issues) -> Rules {
    let mut rules = Rules::default();
    if let Some(value) = root.get("variables")
        && let Some(members) = Members::open(value, &root.at("variables"), issues)
    {
        for (name, value) in members.map {
            let pointer = members.at(name);
            if !is_name(name) || matches!(name.as_str(), "api_key" | "index" | "item") {
                issues.add(&pointer, MappingFault::Name { name: name.clone() });
            }
            if let Some(declaration) = declaration(value, &pointer, issues) {
                rules.declared.insert(canonical(name), declaration);
            }
        }
    }
    if let Some(value) = root.get("defaults")
        && let Some(members) = Members::open(value, &root.at("defaults"), issues)
    {
        for (name, value) in members.map {
            let pointer = members.at(name);
            if !is_name(name) || matches!(name.as_str(), "api_key" | "index" | "item") {
                issues.add(&pointer, MappingFault::Name { name: name.clone() });
            } else if !value.is_null() {
                let name = canonical(name);
                let plain = Declaration::default();
                let declaration = rules.declared.get(&name).unwrap_or(&plain);
                match declaration.admit(&name, value.clone()) {
                    Ok(datum) => drop(rules.defaults.insert(name, datum)),
                    Err(error) => issues.add(&pointer, error),
                }
            }
        }
    }
    const ALLOWED: &str = "reject, warn, drop";
    if let Some(word) = root.text("unknown_options", issues) {
        rules.unknown_options = OnUnsupported::of_row(word);
        if rules.unknown_options.is_none() {
            let fault = MappingFault::NotOneOf { found: word.to_owned(), allowed: ALLOWED };
            issues.add(&root.at("unknown_options"), fault);
        }
    }
    rules
}

/// `prompt` is another spelling of `user_prompt`, here as in a template.
fn canonical(name: &str) -> String {
    if name == "prompt" { "user_prompt" } else { name }.to_owned()
}

fn declaration(value: &Value, pointer: &str, issues: &mut Issues) -> Option<Declaration> {
    const KNOWN: &str = "type, min, max, max_length, enum, required, description";
    const TYPES: &str = "string, number, integer, boolean, array, object, file";
    let members = Members::closed(value, pointer, KNOWN, issues)?;
    let kind = members.text("type", issues).and_then(|text| {
        let kind = Kind::parse(text);
        if kind.is_none() {
            let fault = MappingFault::NotOneOf { found: text.to_owned(), allowed: TYPES };
            issues.add(&members.at("type"), fault);
        }
        kind
    });
    members.text("description", issues);
    let number = |name, issues: &mut Issues| {
        members.optional(name, "a number", |value| value.as_number().cloned(), issues)
    };
    let (min, max) = (number("min", issues), number("max", issues));
    if let (Some(min), Some(max)) = (&min, &max)
        && min.as_f64() > max.as_f64()
    {
        let fault = MappingFault::Declaration { reason: "min is above max" };
        issues.add(&members.at("min"), fault);
    }
    let max_length = members.optional("max_length", "a whole number", Value::as_u64, issues);
    let one_of = members.optional("enum", "a list", Value::as_array, issues);
    if one_of.is_some_and(Vec::is_empty) {
        let fault = MappingFault::Declaration { reason: "an empty enum admits nothing" };
        issues.add(&members.at("enum"), fault);
    }
    Some(Declaration {
        kind,
        min,
        max,
        max_length: max_length.map(|length| usize::try_from(length).unwrap_or(usize::MAX)),
        one_of: one_of.cloned().unwrap_or_default(),
        required: members.optional("required", "a boolean", Value::as_bool, issues) == Some(true),
    })
}

/// Reads `data:image/png;base64,…`, or `{"data": base64, "content_type", "filename"}`.
fn file_of(value: &Value) -> Option<File> {
    let (data, content_type, filename) = match value {
        Value::String(url) => {
            let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
            (data, head.strip_suffix(";base64")?, None)
        }
        Value::Object(members) => (
            members.get("data")?.as_str()?,
            members.get("content_type")?.as_str()?,
            members.get("filename").and_then(Value::as_str),
        ),
        Value::Array(_) | Value::Bool(_) | Value::Null | Value::Number(_) => return None,
    };
    let sane =
        content_type.contains('/') && content_type.bytes().all(|byte| byte.is_ascii_graphic());
    sane.then(|| {
        Some(File {
            content_type: content_type.to_owned(),
            data: STANDARD.decode(data).ok()?.into(),
            filename: filename.map(str::to_owned),
        })
    })?
}
