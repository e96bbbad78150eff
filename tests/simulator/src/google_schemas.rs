//! JSON schemas of answers and of functions, as Google takes them: whole ones, of which it holds to a part, but with
//! references as it wants them.
//!
//! Follows <https://ai.google.dev/api/generate-content#FIELDS.response_json_schema>.

use serde_json::{Map, Value};

use crate::endpoint::Reply;
use crate::google_errors::invalid;

/// Members whose value is data.
const DATA: [&str; 5] = ["const", "default", "enum", "example", "examples"];

/// Members whose members are schemas, each by a name.
const NAMED: [&str; 5] =
    ["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];

/// Checks every schema of a request.
pub(crate) fn check(body: &Map<String, Value>) -> Result<(), Reply> {
    let config = body.get("generationConfig");
    if let Some(schema) = config.and_then(|config| config.get("responseJsonSchema")) {
        node(schema, schema, "generation_config.response_json_schema")?;
    }
    let tools = body.get("tools").and_then(Value::as_array).into_iter().flatten();
    for (tool, declared) in tools.enumerate() {
        let all = declared.get("functionDeclarations").and_then(Value::as_array);
        for (place, declaration) in all.into_iter().flatten().enumerate() {
            if let Some(schema) = declaration.get("parametersJsonSchema") {
                let place = format!("tools[{tool}].function_declarations[{place}].parameters");
                node(schema, schema, &place)?;
            }
        }
    }
    Ok(())
}

fn node(root: &Value, schema: &Value, place: &str) -> Result<(), Reply> {
    let members = match schema {
        Value::Array(items) => return items.iter().try_for_each(|item| node(root, item, place)),
        Value::Object(members) => members,
        _ => return Ok(()),
    };
    if let Some(leads) = members.get("$ref") {
        if let Some(name) = members.keys().find(|name| !name.starts_with('$')) {
            return Err(invalid(&format!(
                "* GenerateContentRequest.{place}: $ref must stand alone, but {name} is set too."
            )));
        }
        let leads = leads.as_str().unwrap_or_default();
        let definition = leads.strip_prefix("#/$defs/").filter(|name| !name.contains('/'));
        let path = definition.and(leads.strip_prefix('#'));
        let is_there = path.is_some_and(|path| root.pointer(path).is_some());
        if leads != "#" && !is_there {
            return Err(invalid(&format!(
                "* GenerateContentRequest.{place}: reference to undefined schema at {leads}"
            )));
        }
    }
    for (name, value) in members.iter().filter(|(name, _)| !DATA.contains(&name.as_str())) {
        match value.as_object().filter(|_| NAMED.contains(&name.as_str())) {
            Some(all) => all.values().try_for_each(|schema| node(root, schema, place))?,
            None => node(root, value, place)?,
        }
    }
    Ok(())
}
