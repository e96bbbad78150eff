//! Type hints and filters: what may happen to a value on its way into a request.
//!
//! The set is closed on purpose. A mapping that needs more needs a protocol in code.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value};

use super::render::RenderError;
use super::template::TemplateFault;
use super::variables::File;
use crate::json;

/// Lookup tables: name → row → value; the row `*` is the default.
pub(crate) type Maps = std::collections::BTreeMap<String, Map<String, Value>>;

/// Rows that an error lists at most.
const SHOWN_ROWS: usize = 20;

/// A conversion that succeeds or refuses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Hint {
    Array,
    Bool,
    Float,
    Int,
    Json,
    String,
}

impl Hint {
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateFault> {
        Ok(match text {
            "array" => Self::Array,
            "bool" => Self::Bool,
            "float" => Self::Float,
            "int" => Self::Int,
            "json" => Self::Json,
            "string" => Self::String,
            _ => return Err(TemplateFault::UnknownHint { hint: text.to_owned() }),
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Array => "array",
            Self::Bool => "bool",
            Self::Float => "float",
            Self::Int => "int",
            Self::Json => "json",
            Self::String => "string",
        }
    }
}

/// One of the filters.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    Base64,
    First,
    Join { separator: String },
    Json,
    Lower,
    Map { name: String },
    Trim,
    Upper,
}

impl Filter {
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateFault> {
        let (name, argument) = match text.split_once(':') {
            Some((name, argument)) => (name, Some(argument)),
            None => (text, None),
        };
        Ok(match (name, argument) {
            ("base64", None) => Self::Base64,
            ("first", None) => Self::First,
            ("join", Some(separator)) => Self::Join { separator: separator.to_owned() },
            ("json", None) => Self::Json,
            ("lower", None) => Self::Lower,
            ("map", Some(map)) if !map.is_empty() => Self::Map { name: map.to_owned() },
            ("trim", None) => Self::Trim,
            ("upper", None) => Self::Upper,
            _ => return Err(TemplateFault::UnknownFilter { filter: text.to_owned() }),
        })
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::First => "first",
            Self::Join { .. } => "join",
            Self::Json => "json",
            Self::Lower => "lower",
            Self::Map { .. } => "map",
            Self::Trim => "trim",
            Self::Upper => "upper",
        }
    }
}

/// A value on its way: JSON, borrowed where it can be, or a file.
#[derive(Clone, Debug)]
pub(crate) enum Resolved<'a> {
    File(&'a File),
    Json(Cow<'a, Value>),
}

impl<'a> Resolved<'a> {
    fn type_name(&self) -> &'static str {
        match self {
            Self::File(_) => "a file",
            Self::Json(value) => json::type_name(value),
        }
    }

    /// Converts as a hint says. A value of the wanted type stays as it is.
    pub(crate) fn convert(self, hint: Hint, name: &str) -> Result<Self, RenderError> {
        let refused = RenderError::Conversion {
            name: name.to_owned(),
            hint: hint.name(),
            found: self.type_name(),
        };
        let Self::Json(value) = self else { return Err(refused) };
        let converted = match (hint, value.as_ref()) {
            (Hint::Array, Value::Array(_))
            | (Hint::Bool, Value::Bool(_))
            | (Hint::Float, Value::Number(_))
            | (Hint::String, Value::String(_)) => return Ok(Self::Json(value)),
            (Hint::Json, Value::String(text)) => json::parse(text.as_bytes()).ok(),
            (Hint::Json, _) => return Ok(Self::Json(value)),
            (Hint::Array, Value::String(text)) => Some(Value::Array(
                text.split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(Value::from)
                    .collect(),
            )),
            (Hint::Bool, Value::String(text)) => text.trim().parse().ok().map(Value::Bool),
            (Hint::Float, Value::String(text)) => {
                text.trim().parse().ok().and_then(Number::from_f64).map(Value::Number)
            }
            (Hint::Int, Value::Number(number)) => integer(number).map(Value::Number),
            (Hint::Int, Value::String(text)) => {
                let text = text.trim();
                let unsigned = || text.parse::<u64>().map(Value::from).ok();
                text.parse::<i64>().map(Value::from).ok().or_else(unsigned)
            }
            (Hint::String, Value::Bool(_) | Value::Number(_)) => {
                Some(Value::String(value.to_string()))
            }
            _ => None,
        };
        converted.map(|value| Self::Json(Cow::Owned(value))).ok_or(refused)
    }

    /// Applies one filter. `None` where the result is no value: the first of an empty list.
    pub(crate) fn filter(
        self,
        filter: &Filter,
        name: &str,
        maps: &Maps,
    ) -> Result<Option<Self>, RenderError> {
        let refused = RenderError::Filter {
            name: name.to_owned(),
            filter: filter.name(),
            found: self.type_name(),
        };
        let value = match (self, filter) {
            (Self::File(file), Filter::Base64) => {
                return Ok(Some(Self::Json(Cow::Owned(STANDARD.encode(&file.data).into()))));
            }
            (Self::File(_), _) => return Err(refused),
            (Self::Json(value), _) => value,
        };
        let filtered = match (filter, value.as_ref()) {
            (Filter::Base64, Value::String(text)) => Value::String(STANDARD.encode(text)),
            (Filter::First, Value::Array(items)) => match items.first() {
                Some(Value::Null) | None => return Ok(None),
                Some(first) => first.clone(),
            },
            (Filter::Join { separator }, Value::Array(items)) => {
                let texts: Option<Vec<_>> = items.iter().map(scalar_text).collect();
                Value::String(texts.ok_or(refused)?.join(separator))
            }
            (Filter::Json, any) => Value::String(any.to_string()),
            (Filter::Lower, Value::String(text)) => Value::String(text.to_lowercase()),
            (Filter::Upper, Value::String(text)) => Value::String(text.to_uppercase()),
            (Filter::Trim, Value::String(text)) => Value::String(text.trim().to_owned()),
            (Filter::Map { name: map }, value) => {
                let key = scalar_text(value).ok_or(refused)?;
                match look_up(maps, map, &key, name)? {
                    Value::Null => return Ok(None),
                    row => row.clone(),
                }
            }
            _ => return Err(refused),
        };
        Ok(Some(Self::Json(Cow::Owned(filtered))))
    }
}

/// The row of a map, or its default row.
pub(crate) fn row<'a>(maps: &'a Maps, map: &str, key: &str) -> Option<&'a Value> {
    maps.get(map).and_then(|rows| rows.get(key).or_else(|| rows.get("*")))
}

fn look_up<'a>(maps: &'a Maps, map: &str, key: &str, name: &str) -> Result<&'a Value, RenderError> {
    row(maps, map, key).ok_or_else(|| RenderError::NoRow {
        name: name.to_owned(),
        map: map.to_owned(),
        value: key.chars().take(64).collect(),
        rows: maps
            .get(map)
            .into_iter()
            .flat_map(|rows| rows.keys().take(SHOWN_ROWS).cloned())
            .collect::<Vec<_>>()
            .join(", "),
    })
}

/// The text of a string, number or boolean; `None` for everything else.
pub(crate) fn scalar_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Bool(_) | Value::Number(_) => Some(Cow::Owned(value.to_string())),
        Value::Array(_) | Value::Null | Value::Object(_) => None,
    }
}

/// A number without a fraction, as an integer where it is exact.
fn integer(number: &Number) -> Option<Number> {
    if number.is_i64() || number.is_u64() {
        return Some(number.clone());
    }
    let float = number.as_f64()?;
    // Above 2^53 an f64 no longer tells neighbours apart.
    let exact = float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "checked: whole and below 2^53")]
    exact.then(|| Number::from(float as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn convert(value: Value, hint: &str) -> Option<Value> {
        let resolved = Resolved::Json(Cow::Owned(value));
        match resolved.convert(Hint::parse(hint).unwrap(), "x").ok()? {
            Resolved::Json(value) => Some(value.into_owned()),
            Resolved::File(_) => None,
        }
    }

    #[test]
    fn hints_convert_or_refuse() {
        assert_eq!(convert(json!("50"), "int"), Some(json!(50)));
        assert_eq!(convert(json!(50.0), "int"), Some(json!(50)));
        assert_eq!(convert(json!(50.5), "int"), None);
        assert_eq!(convert(json!("5x"), "int"), None);
        assert_eq!(convert(json!(true), "int"), None);
        assert_eq!(convert(json!("0.5"), "float"), Some(json!(0.5)));
        assert_eq!(convert(json!("nan"), "float"), None);
        assert_eq!(convert(json!("false"), "bool"), Some(json!(false)));
        assert_eq!(convert(json!("yes"), "bool"), None);
        assert_eq!(convert(json!(7), "string"), Some(json!("7")));
        assert_eq!(convert(json!([7]), "string"), None);
        assert_eq!(convert(json!("a, b,"), "array"), Some(json!(["a", "b"])));
        assert_eq!(convert(json!("{\"a\":1}"), "json"), Some(json!({"a": 1})));
        assert_eq!(convert(json!("{"), "json"), None);
    }

    fn filter(value: Value, text: &str) -> Result<Option<Value>, RenderError> {
        let rows = json!({"1:1": "SQUARE", "2": 2, "*": null});
        let strict = json!({"a": 1, "b": 2});
        let maps: Maps = [("sizes", rows), ("strict", strict)]
            .map(|(name, rows)| (name.to_owned(), rows.as_object().unwrap().clone()))
            .into();
        let resolved = Resolved::Json(Cow::Owned(value));
        Ok(resolved.filter(&Filter::parse(text).unwrap(), "x", &maps)?.map(|out| match out {
            Resolved::Json(value) => value.into_owned(),
            Resolved::File(_) => Value::Null,
        }))
    }

    #[test]
    fn filters_are_a_closed_set() {
        assert_eq!(filter(json!("Ab"), "lower"), Ok(Some(json!("ab"))));
        assert_eq!(filter(json!("Ab"), "upper"), Ok(Some(json!("AB"))));
        assert_eq!(filter(json!(" a "), "trim"), Ok(Some(json!("a"))));
        assert_eq!(filter(json!([1, "a"]), "json"), Ok(Some(json!("[1,\"a\"]"))));
        assert_eq!(filter(json!("hi"), "base64"), Ok(Some(json!("aGk="))));
        assert_eq!(filter(json!(["a", "b"]), "first"), Ok(Some(json!("a"))));
        assert_eq!(filter(json!([]), "first"), Ok(None));
        assert_eq!(filter(json!(["a", 1]), "join:,"), Ok(Some(json!("a,1"))));
        assert!(filter(json!(1), "lower").is_err());
        assert!(filter(json!([[1]]), "join:,").is_err());
    }

    #[test]
    fn a_map_has_rows_a_default_row_and_refuses_the_rest() {
        assert_eq!(filter(json!("1:1"), "map:sizes"), Ok(Some(json!("SQUARE"))));
        assert_eq!(filter(json!(2), "map:sizes"), Ok(Some(json!(2))));
        assert_eq!(filter(json!("9:9"), "map:sizes"), Ok(None));
        let error = filter(json!("c"), "map:strict").unwrap_err();
        assert_eq!(error.to_string(), "\"c\" is not a value of x; strict knows a, b");
    }
}
