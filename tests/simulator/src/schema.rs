//! A small schema language, as tables: what each vendor's documented request looks like.
//!
//! The tables say what is allowed; this module finds the first thing that is not. How that is said
//! is each vendor's own matter, so a finding is data. Unknown members are always a finding.

pub(crate) mod anthropic;
pub(crate) mod audio;
pub(crate) mod embeddings;
pub(crate) mod fal;
pub(crate) mod form;
pub(crate) mod google;
pub(crate) mod media;
pub(crate) mod openai_chat;
pub(crate) mod openai_responses;
pub(crate) mod replicate;
pub(crate) mod shotstack;

use std::fmt;

use serde_json::{Map, Value};

/// What a value must be.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Anything at all: what the vendor itself does not look into.
    Any,
    Bool,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// The first of these whose JSON type fits.
    Either(&'static [Kind]),
    /// A whole number between two, both included.
    Integer(i64, i64),
    /// A list with between so many entries.
    List(&'static Kind, usize, usize),
    /// An object with any names and at most so many of them.
    Map(&'static Kind, usize),
    /// A text of letters, digits, `_` and `-`, at most so long.
    Name(usize),
    /// A number between two, both included.
    Number(f64, f64),
    /// An object with these members and no others.
    Object(&'static [Field]),
    /// An object whose member of this name says which members it has.
    Tagged(&'static str, &'static [Variant]),
    /// A text with between so many characters.
    Text(usize, usize),
}

/// The members that an object has beside its tag, if the tag is this.
pub(crate) type Variant = (&'static str, &'static [Field]);

/// A member of an object.
#[derive(Debug)]
pub(crate) struct Field {
    kind: Kind,
    name: &'static str,
    required: bool,
}

/// A member that must be there and must not be null.
pub(crate) const fn required(name: &'static str, kind: Kind) -> Field {
    Field { kind, name, required: true }
}

/// A member that may be absent or null.
pub(crate) const fn optional(name: &'static str, kind: Kind) -> Field {
    Field { kind, name, required: false }
}

/// Any text.
pub(crate) const TEXT: Kind = Kind::Text(0, usize::MAX);

/// Any object.
pub(crate) const OBJECT: Kind = Kind::Map(&Kind::Any, usize::MAX);

/// The first thing that does not fit, and where it stands.
#[derive(Debug, PartialEq)]
pub(crate) struct Finding {
    pub(crate) path: Vec<Segment>,
    pub(crate) problem: Problem,
}

/// A step on the way to a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Segment {
    Index(usize),
    Key(String),
}

/// What does not fit.
#[derive(Debug, PartialEq)]
pub(crate) enum Problem {
    /// Not one of the texts that are allowed.
    Choice {
        allowed: Vec<&'static str>,
        got: String,
    },
    /// A list or object with too few or too many entries.
    Entries {
        got: usize,
        most: usize,
        least: usize,
    },
    /// A text that is too short or too long, in characters.
    Length {
        got: usize,
        most: usize,
        least: usize,
    },
    Missing,
    /// A text with characters that a name cannot have.
    Name {
        got: String,
    },
    /// A number outside its bounds.
    Range {
        got: String,
        integer: bool,
        most: f64,
        least: f64,
    },
    /// A value of another JSON type.
    Type {
        expected: Vec<&'static str>,
        got: &'static str,
    },
    Unknown,
}

impl Finding {
    /// Writes the path as `messages[0].role`.
    pub(crate) fn bracketed(&self) -> String {
        let mut text = String::new();
        for segment in &self.path {
            match segment {
                Segment::Index(index) => text.push_str(&format!("[{index}]")),
                Segment::Key(key) if text.is_empty() => text.push_str(key),
                Segment::Key(key) => text.push_str(&format!(".{key}")),
            }
        }
        text
    }

    /// Writes the path as `messages.0.role`.
    pub(crate) fn dotted(&self) -> String {
        self.path.iter().map(ToString::to_string).collect::<Vec<_>>().join(".")
    }

    fn at(segment: Segment, mut inner: Self) -> Self {
        inner.path.insert(0, segment);
        inner
    }

    const fn here(problem: Problem) -> Self {
        Self { path: Vec::new(), problem }
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "{index}"),
            Self::Key(key) => f.write_str(key),
        }
    }
}

/// Checks an object against its members: first what is missing, then what is there, in its order.
pub(crate) fn check(object: &Map<String, Value>, fields: &[Field]) -> Result<(), Finding> {
    members(object, fields, None)
}

impl Kind {
    /// Checks a value.
    fn check(&self, value: &Value) -> Result<(), Finding> {
        let problem = match (self, value) {
            (Self::Any, _) | (Self::Bool, Value::Bool(_)) => return Ok(()),
            (Self::Choice(allowed), Value::String(text)) => {
                if allowed.contains(&text.as_str()) {
                    return Ok(());
                }
                Problem::Choice { allowed: allowed.to_vec(), got: text.clone() }
            }
            (Self::Either(kinds), value) => {
                return match kinds.iter().find(|kind| kind.takes(value)) {
                    Some(kind) => kind.check(value),
                    None => Err(Finding::here(self.mismatch(value))),
                };
            }
            (Self::Integer(least, most), Value::Number(number)) => match number.as_i64() {
                Some(integer) if (*least..=*most).contains(&integer) => return Ok(()),
                None if number.is_f64() => self.mismatch(value),
                _ => Problem::Range {
                    got: number.to_string(),
                    integer: true,
                    least: *least as f64,
                    most: *most as f64,
                },
            },
            (Self::List(kind, least, most), Value::Array(entries)) => {
                return list(kind, *least, *most, entries);
            }
            (Self::Map(kind, most), Value::Object(entries)) => return map(kind, *most, entries),
            (Self::Name(most), Value::String(text)) => {
                let got = text.chars().count();
                if got == 0 || got > *most {
                    Problem::Length { got, least: 1, most: *most }
                } else if text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
                    return Ok(());
                } else {
                    Problem::Name { got: text.clone() }
                }
            }
            (Self::Number(least, most), Value::Number(number)) => match number.as_f64() {
                Some(float) if (*least..=*most).contains(&float) => return Ok(()),
                _ => Problem::Range {
                    got: number.to_string(),
                    integer: false,
                    least: *least,
                    most: *most,
                },
            },
            (Self::Object(fields), Value::Object(object)) => return members(object, fields, None),
            (Self::Tagged(tag, variants), Value::Object(object)) => {
                return tagged(tag, variants, object);
            }
            (Self::Text(least, most), Value::String(text)) => {
                let got = text.chars().count();
                if (*least..=*most).contains(&got) {
                    return Ok(());
                }
                Problem::Length { got, least: *least, most: *most }
            }
            (_, value) => self.mismatch(value),
        };
        Err(Finding::here(problem))
    }

    /// Whether the JSON type of the value is one that this kind can be.
    fn takes(&self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Bool => value.is_boolean(),
            Self::Choice(_) | Self::Name(_) | Self::Text(_, _) => value.is_string(),
            Self::Either(kinds) => kinds.iter().any(|kind| kind.takes(value)),
            Self::Integer(_, _) => value.is_i64() || value.is_u64(),
            Self::List(_, _, _) => value.is_array(),
            Self::Map(_, _) | Self::Object(_) | Self::Tagged(_, _) => value.is_object(),
            Self::Number(_, _) => value.is_number(),
        }
    }

    fn mismatch(&self, value: &Value) -> Problem {
        Problem::Type { expected: self.types(), got: type_of(value) }
    }

    fn types(&self) -> Vec<&'static str> {
        match self {
            Self::Any => vec!["value"],
            Self::Bool => vec!["boolean"],
            Self::Choice(_) | Self::Name(_) | Self::Text(_, _) => vec!["string"],
            Self::Either(kinds) => kinds.iter().flat_map(Self::types).collect(),
            Self::Integer(_, _) => vec!["integer"],
            Self::List(_, _, _) => vec!["array"],
            Self::Map(_, _) | Self::Object(_) | Self::Tagged(_, _) => vec!["object"],
            Self::Number(_, _) => vec!["decimal"],
        }
    }
}

/// Names the JSON type of a value; numbers are `integer` or `decimal`.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "array",
        Value::Bool(_) => "boolean",
        Value::Null => "null",
        Value::Number(number) if number.is_f64() => "decimal",
        Value::Number(_) => "integer",
        Value::Object(_) => "object",
        Value::String(_) => "string",
    }
}

fn members(
    object: &Map<String, Value>,
    fields: &[Field],
    tag: Option<&str>,
) -> Result<(), Finding> {
    let at = |name: &str, finding| Finding::at(Segment::Key(name.to_owned()), finding);
    for field in fields {
        if field.required && !object.contains_key(field.name) {
            return Err(at(field.name, Finding::here(Problem::Missing)));
        }
    }
    for (name, value) in object {
        if tag == Some(name) {
            continue;
        }
        let Some(field) = fields.iter().find(|field| field.name == name) else {
            return Err(at(name, Finding::here(Problem::Unknown)));
        };
        if value.is_null() && !field.required {
            continue;
        }
        field.kind.check(value).map_err(|finding| at(name, finding))?;
    }
    Ok(())
}

fn tagged(tag: &str, variants: &[Variant], object: &Map<String, Value>) -> Result<(), Finding> {
    let at = |problem| Finding::at(Segment::Key(tag.to_owned()), Finding::here(problem));
    let value = object.get(tag).ok_or_else(|| at(Problem::Missing))?;
    let Some(text) = value.as_str() else {
        return Err(at(Problem::Type { expected: vec!["string"], got: type_of(value) }));
    };
    let Some((_, fields)) = variants.iter().find(|(name, _)| *name == text) else {
        let allowed = variants.iter().map(|(name, _)| *name).collect();
        return Err(at(Problem::Choice { allowed, got: text.to_owned() }));
    };
    members(object, fields, Some(tag))
}

fn list(kind: &Kind, least: usize, most: usize, entries: &[Value]) -> Result<(), Finding> {
    let got = entries.len();
    if !(least..=most).contains(&got) {
        return Err(Finding::here(Problem::Entries { got, least, most }));
    }
    for (index, entry) in entries.iter().enumerate() {
        kind.check(entry).map_err(|finding| Finding::at(Segment::Index(index), finding))?;
    }
    Ok(())
}

fn map(kind: &Kind, most: usize, entries: &Map<String, Value>) -> Result<(), Finding> {
    let got = entries.len();
    if got > most {
        return Err(Finding::here(Problem::Entries { got, least: 0, most }));
    }
    for (name, entry) in entries {
        let at = |finding| Finding::at(Segment::Key(name.clone()), finding);
        kind.check(entry).map_err(at)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Field, Kind, Problem, TEXT, check, optional, required};

    const FIELDS: &[Field] = &[
        required("model", TEXT),
        optional("count", Kind::Integer(1, 8)),
        optional("stop", Kind::Either(&[TEXT, Kind::List(&TEXT, 0, 2)])),
        optional("heat", Kind::Number(0.0, 2.0)),
        optional(
            "turns",
            Kind::List(&Kind::Tagged("role", &[("user", &[required("say", TEXT)])]), 1, 9),
        ),
    ];

    fn finding(body: Value) -> Option<(String, String)> {
        let found = check(body.as_object().unwrap(), FIELDS).err()?;
        let name = format!("{:?}", found.problem);
        Some((found.bracketed(), name.split([' ', '(']).next().unwrap().to_owned()))
    }

    #[test]
    fn the_first_misfit_is_found_with_its_place() {
        for (body, expected) in [
            (json!({"model": "m", "heat": 0, "count": null}), None),
            (json!({}), Some(("model", "Missing"))),
            (json!({"model": null}), Some(("model", "Type"))),
            (json!({"model": "m", "x": 1}), Some(("x", "Unknown"))),
            (json!({"model": "m", "count": 9}), Some(("count", "Range"))),
            (json!({"model": "m", "count": 1.5}), Some(("count", "Type"))),
            (json!({"model": "m", "heat": "1"}), Some(("heat", "Type"))),
            (json!({"model": "m", "stop": ["a", "b", "c"]}), Some(("stop", "Entries"))),
            (json!({"model": "m", "stop": ["a", 1]}), Some(("stop[1]", "Type"))),
            (json!({"model": "m", "turns": [{"role": "x"}]}), Some(("turns[0].role", "Choice"))),
            (json!({"model": "m", "turns": [{"role": "user"}]}), Some(("turns[0].say", "Missing"))),
        ] {
            let expected = expected.map(|(path, name)| (path.to_owned(), name.to_owned()));
            assert_eq!(finding(body.clone()), expected, "{body}");
        }
    }

    #[test]
    fn either_names_all_types_it_takes() {
        let found =
            check(json!({"model": "m", "stop": 1}).as_object().unwrap(), FIELDS).unwrap_err();
        let expected = vec!["string", "array"];
        assert_eq!(found.problem, Problem::Type { expected, got: "integer" });
    }
}
