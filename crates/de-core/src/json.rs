//! Strict JSON for what comes in from outside: request bodies, mappings, vendors' replies.
//!
//! Stricter than the parser alone, because a lenient reading lets two parts of the system see two
//! different requests: a key that stands twice is refused, nesting ends at [`MAX_DEPTH`], text must
//! be UTF-8 without lone surrogates, and a number that no finite `f64` can hold is an error.

use core::{
    cell::Cell,
    fmt::{self, Write as _},
};

pub mod verbatim;
pub mod width;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The deepest nesting that is read: lists and objects inside one another.
pub const MAX_DEPTH: usize = 64;

/// How many values a text may have: one of a few bytes a value must not fill an isolate's memory.
///
/// A value takes some fifty bytes there, a member of an object about a hundred: more than this an isolate could
/// not hold, whoever sent it. An event of a stream counts by itself.
pub const MAX_VALUES: usize = 500_000;

/// Characters of a doubled key that its error repeats, so that a body cannot fill the log.
const SHOWN_KEY: usize = 64;

/// Why a text is not JSON that we accept, and where.
///
/// The fault is the writer's: the same text fails again.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message} at line {line} column {column}")]
pub struct JsonError {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in bytes, counted from 1; 0 is the end of the line before.
    pub column: usize,
    /// What is wrong, in lower case and without the position.
    pub message: String,
}

/// Reads how many of something there are, as vendors count: a whole number below 2^53, also one that is written
/// as a float (`4160.0`). `None` for anything else, since no answer is lost over a count.
#[must_use]
pub fn count(value: &Value) -> Option<u64> {
    /// From here on an `f64` no longer tells neighbours apart, and no database holds the number.
    const END: u64 = 1 << 53;
    let Value::Number(number) = value else { return None };
    let whole = number.as_u64().or_else(|| {
        let float = number.as_f64()?;
        let is_whole = float.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&float);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked above"
        )]
        is_whole.then_some(float as u64)
    });
    whole.filter(|count| *count < END)
}

/// Parses one JSON value that fills `bytes`, white space aside, and has at most [`MAX_VALUES`] values in it.
///
/// # Errors
/// [`JsonError`] with the place of the first fault.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = value(&mut reader).map_err(|error| explain(&error))?;
    reader.end().map_err(|error| explain(&error))?;
    Ok(value)
}

/// Reads one value out of another format's reader, as strictly as [`parse`].
///
/// # Errors
/// Those of the reader.
pub fn value<'de, D: Deserializer<'de>>(reader: D) -> Result<Value, D::Error> {
    let left = Cell::new(MAX_VALUES);
    Strict { depth: 0, left: &left }.deserialize(reader)
}

/// Parses one JSON object, which is what every request body of ours is.
///
/// # Errors
/// [`JsonError`] as [`parse`] gives it, and one at line 1 where the value is of another type.
pub fn object(bytes: &[u8]) -> Result<Map<String, Value>, JsonError> {
    match parse(bytes)? {
        Value::Object(members) => Ok(members),
        other => Err(JsonError {
            line: 1,
            column: 1,
            message: format!("expected an object, found {}", type_name(&other)),
        }),
    }
}

/// Writes a value into a text of its size: a large one that grows would be in memory three times.
#[must_use]
pub fn text(value: &Value) -> String {
    let mut text = String::with_capacity(width_of(value));
    match write!(text, "{value}") {
        Ok(()) => text,
        // Writing into memory does not fail.
        Err(_) => value.to_string(),
    }
}

/// About how long a value is as text: not less, but for what has to be escaped.
fn width_of(value: &Value) -> usize {
    /// As long as no number is.
    const NUMBER: usize = 25;
    let text = |text: &str| text.len().saturating_add(3);
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => NUMBER,
        Value::String(value) => text(value),
        Value::Array(items) => {
            items.iter().map(width_of).fold(2, |sum, width| sum.saturating_add(width + 1))
        }
        Value::Object(members) => members.iter().fold(2, |sum, (name, value)| {
            sum.saturating_add(text(name)).saturating_add(width_of(value)).saturating_add(1)
        }),
    }
}

/// Names the JSON type of a value, with its article, as error messages put it.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Takes the position out of the parser's message: it stands in fields of its own.
fn explain(error: &serde_json::Error) -> JsonError {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let message = match text.strip_suffix(&format!(" at line {line} column {column}")) {
        Some(message) => message.to_owned(),
        None => text,
    };
    JsonError { line, column, message }
}

/// One value at a known depth.
#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    left: &'a Cell<usize>,
}

impl Strict<'_> {
    /// Counts one more value.
    fn count<E: serde::de::Error>(self) -> Result<(), E> {
        let left = self.left.get().checked_sub(1);
        let left = left.ok_or_else(|| E::custom(format_args!("more than {MAX_VALUES} values")))?;
        self.left.set(left);
        Ok(())
    }

    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom(format_args!("nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(Self { depth: self.depth + 1, left: self.left })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("number out of range"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            if object.contains_key(&key) {
                let shown: String = key.chars().take(SHOWN_KEY).collect();
                return Err(A::Error::custom(format_args!("duplicate key {shown:?}")));
            }
            let value = members.next_value_seed(inner)?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn refused(text: &str, line: usize, message: &str) {
        let error = parse(text.as_bytes()).unwrap_err();
        assert_eq!((error.line, error.message.as_str()), (line, message), "{text}");
        assert!(error.column <= text.len());
    }

    #[test]
    fn values_of_every_type_are_read() {
        let text = r#" {"a": [1, -2, 0.5, "x\u00e9", true, null], "b": {}} "#;
        let expected = json!({"a": [1, -2, 0.5, "xé", true, null], "b": {}});
        assert_eq!(parse(text.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn what_is_not_strict_json_is_refused_with_its_place() {
        refused("{\"a\":1,\n\"a\":2}", 2, "duplicate key \"a\"");
        refused("[1e999]", 1, "number out of range");
        refused("[NaN]", 1, "expected value");
        refused("[1,]", 1, "trailing comma");
        refused("{} {}", 1, "trailing characters");
        refused("", 1, "EOF while parsing a value");
        refused(r#"["\ud800"]"#, 1, "unexpected end of hex escape");
        refused("\u{feff}{}", 1, "expected value");
    }

    #[test]
    fn s17_values_are_counted() {
        let body = |count: usize| format!(r#"{{"a":[{}0]}}"#, "0,".repeat(count - 3));
        assert!(object(body(MAX_VALUES).as_bytes()).is_ok());
        let too_many = body(MAX_VALUES + 1);
        let error = object(too_many.as_bytes()).unwrap_err();
        assert_eq!(error.message, format!("more than {MAX_VALUES} values"));
        assert_eq!(parse(too_many.as_bytes()), Err(error));
    }

    #[test]
    fn invalid_utf8_is_refused() {
        assert!(parse(b"\"\xff\"").unwrap_err().message.contains("unicode"));
        assert!(parse(b"{\"\xc3\x28\":1}").is_err());
    }

    #[test]
    fn nesting_ends_at_64_levels() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        refused(&nested(MAX_DEPTH + 1), 1, "nested deeper than 64 levels");
    }

    #[test]
    fn a_value_is_written_into_a_text_of_its_size() {
        let value =
            json!({"a": ["x".repeat(10_000), -1.5e-300, u64::MAX, null, true], "b": {}, "": []});
        let told = text(&value);
        assert_eq!(told, value.to_string());
        assert!(told.len() <= width_of(&value));
        let escaped = json!("\n".repeat(100));
        assert_eq!(text(&escaped), escaped.to_string());
    }

    #[test]
    fn a_body_must_be_an_object() {
        assert_eq!(object(b"{\"a\":1}").unwrap().len(), 1);
        assert_eq!(object(b"null").unwrap_err().message, "expected an object, found null");
        assert_eq!(object(b"[]").unwrap_err().message, "expected an object, found a list");
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }

        #[test]
        fn what_the_plain_parser_refuses_is_refused(text in r#"[\[\]{},:"a0-9.e ntrue-]{0,24}"#) {
            if let Ok(value) = parse(text.as_bytes()) {
                prop_assert_eq!(Some(value), serde_json::from_str(&text).ok());
            }
        }
    }
}
