//! The part of JSON Schema that OpenAI takes where an answer or a call is held to its schema: `strict`.
//!
//! Follows <https://platform.openai.com/docs/guides/structured-outputs#supported-schemas>.

use serde_json::Value;

/// What is never permitted, and what was not in the beginning and is in no list since.
const NOT_PERMITTED: &[&str] = &[
    "allOf",
    "contains",
    "default",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "if",
    "maxLength",
    "maxProperties",
    "minLength",
    "minProperties",
    "not",
    "oneOf",
    "patternProperties",
    "propertyNames",
    "then",
    "unevaluatedProperties",
    "uniqueItems",
];

/// Checks a schema; the error is what the vendor says of it.
pub(crate) fn check(schema: &Value) -> Result<(), String> {
    let kind = schema.get("type").unwrap_or(&Value::Null);
    if kind != "object" || schema.get("anyOf").is_some() {
        return Err(format!(
            "schema must be a JSON Schema of 'type: \"object\"', got 'type: {kind}'."
        ));
    }
    node(schema, &[])
}

fn node(schema: &Value, context: &[&str]) -> Result<(), String> {
    let Some(members) = schema.as_object() else { return Ok(()) };
    let told = || {
        let quoted: Vec<String> = context.iter().map(|name| format!("'{name}'")).collect();
        format!("In context=({})", quoted.join(", "))
    };
    if let Some(name) = members.keys().find(|name| NOT_PERMITTED.contains(&name.as_str())) {
        return Err(format!("{}, '{name}' is not permitted.", told()));
    }
    let kinds = schema.get("type").cloned().unwrap_or_default();
    let is_object = kinds == "object"
        || kinds.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "object"));
    if is_object && members.get("additionalProperties") != Some(&Value::Bool(false)) {
        return Err(format!(
            "{}, 'additionalProperties' is required to be supplied and to be false.",
            told()
        ));
    }
    let properties = members.get("properties").and_then(Value::as_object);
    let required = members.get("required").and_then(Value::as_array);
    let required = required.map_or(&[][..], Vec::as_slice);
    let mut names = properties.into_iter().flat_map(|all| all.keys());
    if let Some(name) = names.find(|name| !required.iter().any(|one| one == name.as_str())) {
        return Err(format!(
            "{}, 'required' is required to be supplied and to be an array including every key in \
            properties. Missing '{name}'.",
            told()
        ));
    }
    let below = |names: &[&str], schema: &Value| node(schema, &[context, names].concat());
    for group in ["$defs", "definitions", "properties"] {
        let all = members.get(group).and_then(Value::as_object);
        for (name, schema) in all.into_iter().flatten() {
            below(&[group, name], schema)?;
        }
    }
    for schema in members.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
        below(&["anyOf"], schema)?;
    }
    members.get("items").map_or(Ok(()), |schema| below(&["items"], schema))
}
