//! Two schemas as one: what is valid under it is valid under both.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// What says nothing of values.
const ANNOTATIONS: [&str; 10] = [
    "$anchor",
    "$comment",
    "$id",
    "default",
    "deprecated",
    "description",
    "examples",
    "readOnly",
    "title",
    "writeOnly",
];

/// Whether a keyword says nothing of values.
pub(super) fn is_annotation(name: &str) -> bool {
    ANNOTATIONS.contains(&name)
}

/// Joins a keyword to a schema. Of two annotations the first stays.
///
/// # Errors
/// The value, or the part of it that cannot be said in the same schema.
pub(super) fn join(whole: &mut Map<String, Value>, name: &str, value: Value) -> Result<(), Value> {
    let Some(known) = whole.get_mut(name) else {
        whole.insert(name.to_owned(), value);
        return Ok(());
    };
    match (name, known, value) {
        (name, _, _) if is_annotation(name) => Ok(()),
        (_, known, value) if *known == value => Ok(()),
        ("required", Value::Array(known), Value::Array(more)) => {
            let names: BTreeSet<String> =
                known.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            known.extend(more.into_iter().filter(|name| match name {
                Value::String(name) => !names.contains(name),
                _ => true,
            }));
            Ok(())
        }
        ("properties", Value::Object(known), Value::Object(more)) => {
            let mut left = Map::new();
            for (name, schema) in more {
                match known.get(&name) {
                    None => {
                        known.insert(name, schema);
                    }
                    Some(same) if *same == schema => {}
                    Some(_) => {
                        left.insert(name, schema);
                    }
                }
            }
            if left.is_empty() { Ok(()) } else { Err(left.into()) }
        }
        (_, _, value) => Err(value),
    }
}

/// Adds a keyword to what is said in words, where there may be one of its name.
pub(super) fn put(words: &mut Map<String, Value>, name: &str, value: Value) {
    if !words.contains_key(name) {
        words.insert(name.to_owned(), value);
        return;
    }
    match (name, words.get_mut("allOf"), value) {
        ("allOf", Some(Value::Array(all)), Value::Array(more)) => all.extend(more),
        (_, Some(Value::Array(all)), value) => all.push(json!({name: value})),
        (_, _, value) => {
            words.insert("allOf".to_owned(), json!([{name: value}]));
        }
    }
}
