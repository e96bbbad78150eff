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

/// What all parts of a schema say together.
fn merged(catalogue: &Catalogue, members: &Map<String, Value>) -> Map<String, Value> {
    let mut merged = members.clone();
    for part in
        merged.shift_remove("allOf").and_then(|all| all.as_array().cloned()).into_iter().flatten()
    {
        let part = catalogue.resolve(&part).as_object().cloned().unwrap_or_default();
        for (name, value) in self::merged(catalogue, &part) {
            match (merged.get_mut(&name), value) {
                (Some(Value::Object(here)), Value::Object(there)) => here.extend(there),
                (Some(Value::Array(here)), Value::Array(there)) => here.extend(there),
                (Some(_), _) => {}
                (None, value) => {
                    merged.insert(name, value);
                }
            }
        }
    }
    merged
}

fn close(catalogue: &Catalogue, schema: &Value, left: usize) -> Value {
    assert!(left > 0, "a schema refers to itself: {schema}");
    let deeper = |schema: &Value| close(catalogue, schema, left - 1);
    let Value::Object(members) = schema else { return schema.clone() };
    if members.contains_key("$ref") {
        return deeper(catalogue.resolve(schema));
    }
    let merged = merged(catalogue, members);
    let mut closed = Map::new();
    for (name, value) in &merged {
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
