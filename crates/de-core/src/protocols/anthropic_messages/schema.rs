//! JSON schemas in the part of JSON Schema that this vendor takes, for answers and for tools that are held to theirs.
//!
//! An object that says nothing of other members is closed: what the model writes then is valid under the open
//! schema too. What the vendor has no word for is said in words beside it, as its own SDKs do, and named.
//!
//! Follows <https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations>.

use serde_json::{Map, Value};

use crate::protocols::{
    fields::below,
    fitted::{self, Fitted},
    strict::is_of_objects,
};

/// The formats of texts that the vendor knows.
const FORMATS: [&str; 10] =
    ["date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uri", "uuid"];

/// Keywords that the vendor refuses, and without which more is valid.
const REFUSED: [&str; 22] = [
    "contains",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "if",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "prefixItems",
    "propertyNames",
    "then",
    "uniqueItems",
];

/// Keywords whose members are schemas, each by a name.
const NAMED: [&str; 5] =
    ["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];

/// What of regular expressions the vendor does not know: references back, looking around, bounds of words.
const REFUSED_IN_PATTERNS: [&str; 8] = ["(?=", "(?!", "(?<", "\\b", "\\B", "\\1", "\\2", "\\3"];

/// Writes a schema in the vendor's part of JSON Schema.
///
/// # Errors
/// Where it says what cannot be said so, nor be left to words, and what that is.
pub(super) fn fit(schema: &Value) -> Result<Fitted, String> {
    let mut walk = Walk { done: Vec::new(), in_words: Vec::new(), root: schema, trail: vec!["#"] };
    walk.no_circles(schema, false)?;
    let schema = walk.node(schema, "", false)?;
    Ok(Fitted { in_words: walk.in_words, schema })
}

struct Walk<'a> {
    done: Vec<&'a str>,
    in_words: Vec<String>,
    root: &'a Value,
    trail: Vec<&'a str>,
}

impl<'a> Walk<'a> {
    /// Follows every reference: the vendor takes none that lead back to where they stand. `has_names`: the members
    /// are schemas by names of the caller's, not a schema's own.
    fn no_circles(&mut self, value: &'a Value, has_names: bool) -> Result<(), String> {
        let members = match value {
            Value::Object(members) => members,
            Value::Array(items) => {
                return items.iter().try_for_each(|item| self.no_circles(item, false));
            }
            _ => return Ok(()),
        };
        if has_names {
            return members.values().try_for_each(|schema| self.no_circles(schema, false));
        }
        if let Some(place) = members.get("$ref").and_then(Value::as_str) {
            if self.trail.contains(&place) {
                return Err(format!("it refers to itself at {place}"));
            }
            if !self.done.contains(&place) {
                let there = place.strip_prefix('#').and_then(|place| self.root.pointer(place));
                let there =
                    there.ok_or_else(|| format!("it refers to {place}, which is not in it"))?;
                self.trail.push(place);
                self.no_circles(there, false)?;
                self.trail.pop();
                self.done.push(place);
            }
        }
        let mut schemas = members.iter().filter(|(name, _)| !is_data(name));
        schemas.try_for_each(|(name, value)| self.no_circles(value, NAMED.contains(&name.as_str())))
    }

    /// Writes a schema. Within `allOf` no object can be closed: each part would forbid what the others name.
    fn node(&mut self, schema: &Value, at: &str, is_part: bool) -> Result<Value, String> {
        let Some(members) = schema.as_object() else { return Ok(schema.clone()) };
        let is_closed = closed(members, at, is_part)?;
        let mut fitted = Map::new();
        let mut words = Map::new();
        for (name, value) in members {
            let place = below(at, name);
            match (name.as_str(), value) {
                ("$defs" | "definitions" | "properties", Value::Object(all)) => {
                    let mut written = Map::new();
                    for (name, schema) in all {
                        let schema = self.node(schema, &below(&place, name), false)?;
                        written.insert(name.clone(), schema);
                    }
                    fitted.insert(name.clone(), written.into());
                }
                ("items", Value::Array(_)) => {
                    return Err(format!("{place} is a list of schemas"));
                }
                // Without the schemas of the first items, it would be that of all.
                ("items", _) if members.contains_key("prefixItems") => {
                    words.insert(name.clone(), value.clone());
                    self.leave(name);
                }
                ("items", _) => {
                    fitted.insert(name.clone(), self.node(value, &place, false)?);
                }
                ("anyOf", Value::Array(all)) => {
                    fitted.insert(name.clone(), self.nodes(all, &place, is_part)?);
                }
                ("oneOf", Value::Array(all)) if !members.contains_key("anyOf") => {
                    fitted.insert("anyOf".to_owned(), self.nodes(all, &place, is_part)?);
                    self.leave(name);
                }
                ("allOf", Value::Array(all)) => {
                    if all.iter().any(|part| part.get("$ref").is_some()) {
                        return Err(format!("{place} has a reference, which no part may be"));
                    }
                    let has_more = all.len() > 1 || members.contains_key("properties");
                    fitted.insert(name.clone(), self.nodes(all, &place, is_part || has_more)?);
                }
                ("enum", Value::Array(all)) => {
                    if all.iter().any(|value| value.is_array() || value.is_object()) {
                        return Err(format!("{place} has lists or objects"));
                    }
                    fitted.insert(name.clone(), value.clone());
                }
                _ if is_taken(name, value) => {
                    fitted.insert(name.clone(), value.clone());
                }
                _ => {
                    words.insert(name.clone(), value.clone());
                    self.leave(name);
                }
            }
        }
        if is_closed {
            fitted.insert("additionalProperties".to_owned(), Value::Bool(false));
        }
        fitted::say(&mut fitted, words);
        Ok(fitted.into())
    }

    fn nodes(&mut self, all: &[Value], at: &str, is_part: bool) -> Result<Value, String> {
        let nodes = all.iter().enumerate();
        nodes.map(|(place, schema)| self.node(schema, &format!("{at}/{place}"), is_part)).collect()
    }

    fn leave(&mut self, name: &str) {
        fitted::leave(&mut self.in_words, name);
    }
}

/// Whether a member's value is data, not a schema or schemas.
fn is_data(name: &str) -> bool {
    matches!(name, "const" | "default" | "enum" | "example" | "examples")
}

/// Whether the vendor takes a keyword with this value.
fn is_taken(name: &str, value: &Value) -> bool {
    match (name, value) {
        ("format", Value::String(format)) => FORMATS.contains(&format.as_str()),
        ("minItems", _) => matches!(value.as_u64(), Some(0 | 1)),
        ("oneOf", _) => false,
        ("pattern", Value::String(pattern)) => {
            REFUSED_IN_PATTERNS.iter().all(|refused| !pattern.contains(refused))
        }
        _ => !REFUSED.contains(&name),
    }
}

/// Whether a schema has to be closed.
///
/// # Errors
/// It is of objects that have members of any name.
fn closed(members: &Map<String, Value>, at: &str, is_part: bool) -> Result<bool, String> {
    let has = |name: &str| members.contains_key(name);
    let place = if at.is_empty() { "it" } else { at };
    let open = || Err(format!("{place} is of objects with members of any name"));
    if has("patternProperties") {
        return open();
    }
    match members.get("additionalProperties") {
        Some(Value::Bool(false)) => Ok(false),
        Some(_) => open(),
        None if !is_of_objects(members) => Ok(false),
        None if !has("properties") => open(),
        None if is_part || ["$ref", "allOf", "anyOf", "oneOf"].into_iter().any(has) => Err(
            format!("{place} is of objects in parts that do not say additionalProperties: false"),
        ),
        None => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fitted(schema: Value) -> (Value, String) {
        let Fitted { in_words, schema } = fit(&schema).unwrap();
        (schema, in_words.join(" "))
    }

    #[test]
    fn objects_that_say_nothing_of_it_are_closed() {
        let open = json!({"type": "object", "properties": {
            "a": {"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"]},
            "c": {"type": "array", "items": {"$ref": "#/$defs/d"}, "minItems": 1},
            "e": {"anyOf": [{"type": ["object", "null"], "properties": {}}, {"const": {"f": 1}}]},
        }, "$defs": {"d": {"properties": {"g": {"enum": ["h", null]}}}}});
        let closed = json!({"type": "object", "properties": {
            "a": {"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"],
                "additionalProperties": false},
            "c": {"type": "array", "items": {"$ref": "#/$defs/d"}, "minItems": 1},
            "e": {"anyOf": [{"type": ["object", "null"], "properties": {}, "additionalProperties": false},
                {"const": {"f": 1}}]},
        }, "$defs": {"d": {"properties": {"g": {"enum": ["h", null]}}, "additionalProperties": false}},
        "additionalProperties": false});
        assert_eq!(fitted(open), (closed.clone(), String::new()));
        assert_eq!(fitted(closed.clone()).0, closed, "what fits stays");
    }

    #[test]
    fn what_the_vendor_has_no_word_for_is_said_in_words() {
        let (schema, in_words) = fitted(json!({
            "description": "A list.", "type": "array", "maxItems": 3, "minItems": 2,
            "items": {"type": "string", "format": "regex", "pattern": "^a$"},
        }));
        let written = json!({
            "description": "A list.\n\nIt must be valid against {\"maxItems\":3,\"minItems\":2} too.",
            "type": "array",
            "items": {"type": "string", "pattern": "^a$",
                "description": "It must be valid against {\"format\":\"regex\"} too."},
        });
        assert_eq!((schema, in_words.as_str()), (written, "maxItems minItems format"));
        for (keywords, lost) in [
            (json!({"type": "integer", "minimum": 1}), "minimum"),
            (json!({"type": "string", "pattern": "a(?=b)"}), "pattern"),
            (json!({"type": "string", "format": "date", "maxLength": 3}), "maxLength"),
            (json!({"oneOf": [{"type": "string"}, {"type": "null"}]}), "oneOf"),
            (json!({"prefixItems": [{"type": "string"}], "items": false}), "prefixItems items"),
        ] {
            assert_eq!(fitted(keywords).1, lost);
        }
        let one = fitted(json!({"oneOf": [{"type": "string"}]})).0;
        assert_eq!(one, json!({"anyOf": [{"type": "string"}]}));
    }

    #[test]
    fn what_cannot_be_said_is_named_with_its_place() {
        let named = json!({"type": "object", "properties": {"a": {}}});
        for (schema, why) in [
            (json!({"type": "object"}), "it is of objects with members of any name"),
            (
                json!({"type": "array", "items": {"type": "object", "additionalProperties": {"type": "string"}}}),
                "/items is of objects with members of any name",
            ),
            (
                json!({"additionalProperties": true, "properties": {"a": {}}, "type": "object"}),
                "it is of objects with members of any name",
            ),
            (
                json!({"allOf": [named, named]}),
                "/allOf/0 is of objects in parts that do not say additionalProperties: false",
            ),
            (
                json!({"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}),
                "it refers to itself at #/$defs/a",
            ),
            (json!({"properties": {"a": {"$ref": "#"}}}), "it refers to itself at #"),
            (json!({"properties": {"default": {"$ref": "#"}}}), "it refers to itself at #"),
            (json!({"items": [{"type": "string"}]}), "/items is a list of schemas"),
            (
                json!({"$ref": "https://example.org/a"}),
                "it refers to https://example.org/a, which is not in it",
            ),
            (json!({"enum": [{"a": 1}]}), "/enum has lists or objects"),
            (
                json!({"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"type": "string"}}}),
                "/allOf has a reference, which no part may be",
            ),
        ] {
            assert_eq!(fit(&schema), Err(why.to_owned()), "{schema}");
        }
    }
}
