//! Schemas that OpenAI and the hosts that speak as it does hold an answer to: `strict`.
//!
//! They take less of JSON Schema then than they take otherwise, and less than others: every member of an object must
//! be required. A schema that they would refuse goes without the word, which is named: the model still reads it.
//!
//! Follows <https://platform.openai.com/docs/guides/structured-outputs#supported-schemas>.

use std::{borrow::Cow, collections::BTreeSet};

use serde_json::{Map, Value};

use crate::{
    chat::{ResponseFormat, Tool},
    protocols::{capable::STRICT, fields::Issues},
};

const KEYWORDS: [&str; 23] = [
    "$defs",
    "$ref",
    "$schema",
    "additionalProperties",
    "anyOf",
    "const",
    "definitions",
    "description",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "items",
    "maxItems",
    "maximum",
    "minItems",
    "minimum",
    "multipleOf",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
];

const FORMATS: [&str; 9] =
    ["date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid"];

const WHY: &str = "this model's vendor holds no answer to a schema such as this: all members must be \
    required, objects closed, and some words are not taken";

/// The format as the vendor takes it.
pub(in crate::protocols) fn format<'a>(
    format: &'a ResponseFormat,
    issues: &mut Issues,
) -> Cow<'a, ResponseFormat> {
    let ResponseFormat::JsonSchema { name, schema, strict: Some(true) } = format else {
        return Cow::Borrowed(format);
    };
    if fits(schema) {
        return Cow::Borrowed(format);
    }
    issues.hint(STRICT, WHY);
    let (name, schema) = (name.clone(), schema.clone());
    Cow::Owned(ResponseFormat::JsonSchema { name, schema, strict: Some(false) })
}

/// The tool as the vendor takes it.
pub(in crate::protocols) fn tool<'a>(tool: &'a Tool, issues: &mut Issues) -> Cow<'a, Tool> {
    if tool.strict != Some(true) || fits(&tool.parameters) {
        return Cow::Borrowed(tool);
    }
    issues.hint("/tools/*/strict", WHY);
    Cow::Owned(Tool { strict: Some(false), ..tool.clone() })
}

/// Whether the vendor holds answers to a schema: one of objects, at its root.
fn fits(schema: &Value) -> bool {
    let is_object = schema.get("type").and_then(Value::as_str) == Some("object");
    is_object && schema.get("anyOf").is_none() && node(schema)
}

fn node(schema: &Value) -> bool {
    let Some(members) = schema.as_object() else { return false };
    is_closed(members)
        && members.iter().all(|(name, value)| match (name.as_str(), value) {
            ("$defs" | "definitions" | "properties", Value::Object(all)) => all.values().all(node),
            ("anyOf", Value::Array(all)) => all.iter().all(node),
            ("format", Value::String(format)) => FORMATS.contains(&format.as_str()),
            ("items", schema) => node(schema),
            _ => KEYWORDS.contains(&name.as_str()),
        })
}

/// Whether a schema is one of objects, by its type or, without one, by what it says of members.
pub(in crate::protocols) fn is_of_objects(members: &Map<String, Value>) -> bool {
    match members.get("type") {
        Some(Value::String(kind)) => kind == "object",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        _ => members.contains_key("properties"),
    }
}

/// Whether a schema of objects says that they have the members that it names, and no other.
fn is_closed(members: &Map<String, Value>) -> bool {
    if !is_of_objects(members) {
        return true;
    }
    let properties = members.get("properties").and_then(Value::as_object);
    let required = members.get("required").and_then(Value::as_array);
    let required: BTreeSet<&str> =
        required.into_iter().flatten().filter_map(Value::as_str).collect();
    let mut names = properties.into_iter().flat_map(Map::keys);
    members.get("additionalProperties") == Some(&Value::Bool(false))
        && names.all(|name| required.contains(name.as_str()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_is_strict_where_all_is_required_and_closed() {
        let member = json!({"type": "object", "properties": {"b": {"type": ["string", "null"]}},
            "required": ["b"], "additionalProperties": false});
        let of = |name: &str, schema: Value| json!({"type": "object", "properties": {name: schema}, "required": ["a"], "additionalProperties": false});
        for (schema, expected) in [
            (of("a", member.clone()), true),
            (of("b", member.clone()), false),
            (of("a", json!({"type": "object", "properties": {}})), false),
            (of("a", json!({"type": "array", "items": {"type": "object"}})), false),
            (of("a", json!({"anyOf": [member, {"type": "null"}]})), true),
            (of("a", json!({"allOf": [{"type": "string"}]})), false),
            (of("a", json!({"type": "integer", "minimum": 1})), true),
            (of("a", json!({"type": "string", "format": "uri"})), false),
            (of("a", json!({"type": "string", "default": "x"})), false),
            (of("a", json!({"$ref": "#"})), true),
            (json!({"type": "object", "additionalProperties": false}), true),
            (json!({"type": "array", "items": {"type": "string"}}), false),
            (json!({"type": "object"}), false),
            (Value::Null, false),
        ] {
            assert_eq!(fits(&schema), expected, "{schema}");
        }
    }
}
