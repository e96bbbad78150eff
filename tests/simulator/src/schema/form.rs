//! Reads forms by the same tables as JSON.

use serde_json::{Map, Value};

use crate::schema::{Field, Kind};

/// Reads the texts of a form into the object that they stand for, to be checked like any other.
///
/// A text that is no number or no `true` or `false` stays a text, where one of these is wanted. Lists
/// come as several members of a name, with or without `[]` behind it; objects as JSON.
pub(crate) fn of_form<'a>(
    texts: impl Iterator<Item = (&'a str, &'a str)>,
    fields: &[Field],
) -> Map<String, Value> {
    let mut object = Map::new();
    for (name, text) in texts {
        let plain = name.strip_suffix("[]").unwrap_or(name);
        let lists = |field: &&Field| field.name == plain && matches!(field.kind, Kind::List(..));
        if let Some(Field { kind: Kind::List(kind, _, _), .. }) = fields.iter().find(lists) {
            let list = object.entry(plain).or_insert_with(|| Value::Array(Vec::new()));
            if let Some(list) = list.as_array_mut() {
                list.push(kind.of_text(text));
            }
            continue;
        }
        let field = fields.iter().find(|field| field.name == name);
        let value = field.map_or_else(|| Value::from(text), |field| field.kind.of_text(text));
        object.insert(name.to_owned(), value);
    }
    object
}

/// The texts of a list, in a row: what is looked for faults in.
pub(crate) fn listed(object: &Map<String, Value>, name: &str) -> String {
    let texts = object.get(name).and_then(Value::as_array).into_iter().flatten();
    texts.filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
}

impl Kind {
    /// What a text of a form stands for.
    fn of_text(&self, text: &str) -> Value {
        let read = match self {
            Self::Bool
            | Self::Integer(_, _)
            | Self::Map(_, _)
            | Self::Number(_, _)
            | Self::Object(_)
            | Self::Tagged(_, _) => serde_json::from_str(text).ok(),
            _ => None,
        };
        read.filter(|value| self.takes(value)).unwrap_or_else(|| Value::from(text))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::of_form;
    use crate::schema::{Field, Kind, TEXT, optional};

    #[test]
    fn a_form_is_read_by_its_table() {
        const FORM: &[Field] = &[
            optional("codes", Kind::List(&TEXT, 0, 9)),
            optional("count", Kind::Integer(1, 8)),
            optional("name", TEXT),
            optional("stream", Kind::Bool),
        ];
        for (texts, object) in [
            (vec![("count", "3"), ("name", "3")], json!({ "count": 3, "name": "3" })),
            (vec![("count", "three"), ("stream", "1")], json!({ "count": "three", "stream": "1" })),
            (vec![("codes", "a"), ("codes[]", "b")], json!({ "codes": ["a", "b"] })),
            (vec![("other", "1"), ("stream", "true")], json!({ "other": "1", "stream": true })),
        ] {
            assert_eq!(Value::Object(of_form(texts.into_iter(), FORM)), object);
        }
    }
}
