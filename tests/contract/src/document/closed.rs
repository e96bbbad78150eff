//! Schemas that stand alone and take nothing that they do not name.
//!
//! The document leaves its objects open: a new member breaks no client. For us it is a member that nobody
//! described.

use serde_json::{Map, Value};

use super::catalogue::Catalogue;

/// More than any schema of ours nests.
const DEEPEST: usize = 40;

/// The schema with all that it refers to, and every object of it closed that is not said to be open.
///
/// # Panics
/// If it refers to itself.
#[must_use]
pub fn closed(catalogue: &Catalogue, schema: &Value) -> Value {
    close(catalogue, schema, DEEPEST)
}

fn close(catalogue: &Catalogue, schema: &Value, left: usize) -> Value {
    assert!(left > 0, "a schema refers to itself: {schema}");
    let deeper = |schema: &Value| close(catalogue, schema, left - 1);
    let Value::Object(members) = schema else { return schema.clone() };
    if members.contains_key("$ref") {
        return deeper(catalogue.resolve(schema));
    }
    let mut closed = Map::new();
    for (name, value) in members {
        let value = match (name.as_str(), value) {
            ("properties", Value::Object(properties)) => Value::Object(
                properties.iter().map(|(name, schema)| (name.clone(), deeper(schema))).collect(),
            ),
            ("anyOf" | "oneOf", Value::Array(any)) => any.iter().map(deeper).collect(),
            ("items" | "additionalProperties", schema) => deeper(schema),
            ("example" | "examples" | "description", _) => continue,
            (_, value) => value.clone(),
        };
        closed.insert(name.clone(), value);
    }
    if closed.contains_key("properties") && !closed.contains_key("additionalProperties") {
        closed.insert("additionalProperties".to_owned(), false.into());
    }
    Value::Object(closed)
}
