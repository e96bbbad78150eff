//! The part of JSON Schema that the vendor takes: of answers, and of tools whose calls are held to theirs.
//!
//! Follows <https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations>.

use serde_json::{Map, Value};

use super::Request;

const FORMATS: &[&str] =
    &["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

const NOT_SUPPORTED: &[&str] = &[
    "contains",
    "dependentRequired",
    "dependentSchemas",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "if",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "patternProperties",
    "prefixItems",
    "propertyNames",
    "uniqueItems",
];

/// Every schema that the vendor compiles is one that it can.
pub(super) fn are_of_the_vendors_part(request: &Request<'_>) -> Result<(), String> {
    let format = request.body.get("output_config").and_then(|output| output.get("format"));
    if let Some(schema) = format.and_then(|format| format.get("schema")) {
        check(schema).map_err(|why| format!("output_config.format.schema: {why}"))?;
    }
    let tools = request.body.get("tools").and_then(Value::as_array);
    for (place, tool) in tools.into_iter().flatten().enumerate() {
        let is_strict = tool.get("strict").and_then(Value::as_bool) == Some(true);
        if let Some(schema) = tool.get("input_schema").filter(|_| is_strict) {
            check(schema).map_err(|why| format!("tools.{place}.custom.input_schema: {why}"))?;
        }
    }
    Ok(())
}

fn check(schema: &Value) -> Result<(), String> {
    no_circles(schema, schema, &mut vec!["#".to_owned()])?;
    node(schema)
}

fn no_circles(root: &Value, value: &Value, trail: &mut Vec<String>) -> Result<(), String> {
    let members = match value {
        Value::Array(items) => {
            return items.iter().try_for_each(|item| no_circles(root, item, trail));
        }
        Value::Object(members) => members,
        _ => return Ok(()),
    };
    if let Some(place) = members.get("$ref").and_then(Value::as_str) {
        if trail.iter().any(|known| known == place) {
            return Err(format!(
                "Circular reference detected in schema definitions: {place} -> {place}. \
                Self-referencing or mutually-referencing definitions are not supported."
            ));
        }
        let there = place.strip_prefix('#').and_then(|place| root.pointer(place));
        let there = there.ok_or_else(|| format!("$ref '{place}' is not supported"))?;
        trail.push(place.to_owned());
        no_circles(root, there, trail)?;
        trail.pop();
    }
    members.values().try_for_each(|value| no_circles(root, value, trail))
}

fn node(schema: &Value) -> Result<(), String> {
    let Some(members) = schema.as_object() else { return Ok(()) };
    let kind = members.get("type").cloned().unwrap_or_default();
    let is = |wanted: &str| {
        kind == wanted || kind.as_array().is_some_and(|kinds| kinds.iter().any(|one| one == wanted))
    };
    if is("object") {
        closed(members)?;
    }
    if let Some(name) = members.keys().find(|name| NOT_SUPPORTED.contains(&name.as_str())) {
        let kind = kind.as_str().unwrap_or("schema");
        return Err(format!("For '{kind}' type, property '{name}' is not supported"));
    }
    if members.get("minItems").is_some_and(|least| *least != 0 && *least != 1) {
        return Err(
            "For 'array' type, 'minItems' values other than 0 or 1 are not supported".to_owned()
        );
    }
    let format = members.get("format").and_then(Value::as_str);
    if let Some(format) = format.filter(|format| !FORMATS.contains(format)) {
        return Err(format!("For 'string' type, format '{format}' is not supported"));
    }
    let list = |name: &str| members.get(name).and_then(Value::as_array).into_iter().flatten();
    if list("enum").any(|value| value.is_array() || value.is_object()) {
        return Err("Complex types within enums are not supported".to_owned());
    }
    if list("allOf").any(|part| part.get("$ref").is_some()) {
        return Err("'allOf' with '$ref' is not supported".to_owned());
    }
    for group in ["$defs", "definitions", "properties"] {
        let all = members.get(group).and_then(Value::as_object);
        all.into_iter().flat_map(Map::values).try_for_each(node)?;
    }
    list("anyOf").chain(list("allOf")).try_for_each(node)?;
    members.get("items").map_or(Ok(()), node)
}

fn closed(members: &Map<String, Value>) -> Result<(), String> {
    match members.get("additionalProperties") {
        Some(Value::Bool(false)) => Ok(()),
        None => {
            Err("For 'object' type, 'additionalProperties' must be explicitly set to false"
                .to_owned())
        }
        Some(other) => Err(format!(
            "For 'object' type, 'additionalProperties: {other}' is not supported. Please set \
            'additionalProperties' to false"
        )),
    }
}
