//! Forms as objects, so that their fields are checked with the same tables as JSON.

use serde_json::{Map, Value};

use crate::multipart::Part;

/// Which fields are not texts.
pub(crate) struct Types {
    pub(crate) flags: &'static [&'static str],
    /// Fields that may come several times.
    pub(crate) lists: &'static [&'static str],
    pub(crate) numbers: &'static [&'static str],
}

/// All plain fields; numbers and flags that cannot be read stay texts, which the tables refuse. The
/// second of two fields of a name makes a list of a text, which they refuse as well.
pub(crate) fn object(parts: &[Part], types: &Types) -> Map<String, Value> {
    let mut object = Map::new();
    for part in parts.iter().filter(|part| part.file_name.is_none()) {
        let name = part.name.as_str();
        let text = part.text().unwrap_or("\u{FFFD}");
        let value = if types.numbers.contains(&name) {
            number(text).unwrap_or_else(|| Value::from(text))
        } else if types.flags.contains(&name) && matches!(text, "true" | "false") {
            Value::from(text == "true")
        } else {
            Value::from(text)
        };
        match object.get_mut(name) {
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
            None if types.lists.contains(&name) => {
                object.insert(name.to_owned(), Value::Array(vec![value]));
            }
            None => {
                object.insert(name.to_owned(), value);
            }
        }
    }
    object
}

/// The texts of a list, in a row.
pub(crate) fn listed(object: &Map<String, Value>, name: &str) -> String {
    let texts = object.get(name).and_then(Value::as_array).into_iter().flatten();
    texts.filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
}

fn number(text: &str) -> Option<Value> {
    let integer = text.parse::<i64>().ok().map(Value::from);
    integer.or_else(|| text.parse::<f64>().ok().map(Value::from).filter(Value::is_number))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Part, Types, object};

    #[test]
    fn fields_have_their_types() {
        let part = |(name, text): (&str, &'static str)| Part {
            bytes: text.into(),
            content_type: String::new(),
            file_name: None,
            name: name.to_owned(),
        };
        let fields =
            [("n", "2"), ("t", "0.5"), ("n2", "x"), ("on", "true"), ("a[]", "1"), ("a[]", "2")];
        let types = Types { flags: &["on"], lists: &["a[]"], numbers: &["n", "n2", "t"] };
        let made = object(&fields.map(part), &types);
        let expected = json!({ "n": 2, "t": 0.5, "n2": "x", "on": true, "a[]": ["1", "2"] });
        assert_eq!(Value::Object(made), expected);
    }
}
