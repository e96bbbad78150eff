//! JSON schemas in the part of JSON Schema that this vendor takes, for answers and for the arguments of functions.
//!
//! References lead into `$defs` alone, and nothing may stand beside one: what did is joined with what it refers to,
//! within bounds, since a small schema could grow without end. So is what `allOf` joins. What the vendor has no word
//! for, and would pass over, is said in words beside it, and named.
//!
//! Out of scope: members that are required and lead back to where they stand, which the vendor refuses too.
//!
//! Follows <https://ai.google.dev/api/generate-content#FIELDS.response_json_schema>.

mod join;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use self::join::{is_annotation, join, put};
use crate::protocols::{
    fields::below,
    fitted::{self, Fitted},
};

/// Keywords that say what is valid and that the vendor does not hold to.
const NOT_HELD: [&str; 25] = [
    "additionalItems",
    "contains",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "if",
    "maxContains",
    "maxLength",
    "maxProperties",
    "minContains",
    "minLength",
    "minProperties",
    "multipleOf",
    "not",
    "pattern",
    "patternProperties",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
    "$dynamicRef",
];

/// What a copy of what is referred to leaves behind: there may be one of a name.
const ONLY_ONCE: [&str; 4] = ["$anchor", "$defs", "$id", "definitions"];

/// How much a schema may grow by copies of what it refers to, in about bytes.
const MOST_COPIED: usize = 64 * 1024;

/// How deep copies may stand in one another and in the schema.
const DEEPEST_COPY: usize = 32;

/// How many parts are joined in one.
const MOST_PARTS: usize = 64;

/// Writes a schema in the vendor's part of JSON Schema.
pub(super) fn fit(schema: &Value) -> Fitted {
    let mut walk = Walk {
        depth: 0,
        in_words: Vec::new(),
        left: MOST_COPIED,
        moved: Vec::new(),
        names: BTreeMap::new(),
        named: 0,
        root: schema,
        trail: Vec::new(),
    };
    let mut written = walk.node(schema.clone());
    let definitions = walk.definitions();
    if let (false, Some(members)) = (definitions.is_empty(), written.as_object_mut()) {
        members.insert("$defs".to_owned(), definitions.into());
    }
    Fitted { in_words: walk.in_words, schema: written }
}

struct Walk<'a> {
    depth: usize,
    in_words: Vec<String>,
    /// How much may still be copied.
    left: usize,
    /// Places that are referred to and are no definitions, each with the name of the one that it becomes.
    moved: Vec<(String, String)>,
    /// The names of these, by place.
    names: BTreeMap<String, String>,
    /// How many names were given so far.
    named: usize,
    root: &'a Value,
    /// The places whose copies, or definitions, are being written.
    trail: Vec<String>,
}

impl<'a> Walk<'a> {
    /// Writes a schema. It is taken apart and not copied: what stands deep would be copied once for each level above.
    fn node(&mut self, schema: Value) -> Value {
        let members = match schema {
            Value::Object(members) => members,
            Value::Bool(true) => return json!({}),
            Value::Bool(false) => {
                self.leave("false");
                return json!({"description": "There is no such value."});
            }
            // No schema: for the vendor to judge.
            other => return other,
        };
        self.depth = self.depth.saturating_add(1);
        let trail = self.trail.len();
        let refers_alone =
            members.keys().all(|name| name.starts_with('$') || name == "definitions");
        let joins =
            members.contains_key("allOf") || (members.contains_key("$ref") && !refers_alone);
        let written = if joins {
            let (members, words) = self.joined(members);
            self.members(members, words)
        } else {
            self.members(members, Map::new())
        };
        self.trail.truncate(trail);
        self.depth = self.depth.saturating_sub(1);
        written
    }

    /// One schema of a schema, what it refers to, and its parts; and what of these cannot be said in one.
    fn joined(&mut self, members: Map<String, Value>) -> (Map<String, Value>, Map<String, Value>) {
        let (mut whole, mut words) = (Map::new(), Map::new());
        let (mut refers, mut parts) = (Vec::new(), 0_usize);
        let mut waiting = vec![members];
        while let Some(mut part) = waiting.pop() {
            parts = parts.saturating_add(1);
            let mut next = Vec::new();
            if let Some(place) = part.shift_remove("$ref") {
                let place_of = place.as_str().filter(|_| parts <= MOST_PARTS);
                match place_of.and_then(|place| self.copied(place)) {
                    Some(copy) => next.push(copy),
                    None => refers.push(place),
                }
            }
            match part.shift_remove("allOf") {
                Some(Value::Array(all)) if parts.saturating_add(all.len()) <= MOST_PARTS => {
                    for part in all {
                        match part {
                            Value::Object(part) => next.push(part),
                            Value::Bool(true) => {}
                            other => self.put("allOf", json!([other]), &mut words),
                        }
                    }
                }
                Some(other) => self.put("allOf", other, &mut words),
                None => {}
            }
            for (name, value) in part.into_iter().filter(|(name, _)| !is_passed_over(name)) {
                if let Err(value) = join(&mut whole, &name, value) {
                    self.put(&name, value, &mut words);
                }
            }
            waiting.extend(next.into_iter().rev());
        }
        let is_bare = words.is_empty() && whole.keys().all(|name| is_annotation(name));
        match (refers.len(), refers.pop()) {
            // Nothing may stand beside it, and nothing of this is missed.
            (1, Some(place)) if is_bare => {
                whole = Map::from_iter([("$ref".to_owned(), place)]);
            }
            (_, last) => {
                for place in refers.into_iter().chain(last) {
                    self.put("$ref", place, &mut words);
                }
            }
        }
        (whole, words)
    }

    fn members(&mut self, members: Map<String, Value>, mut words: Map<String, Value>) -> Value {
        let mut fitted = Map::new();
        let (mut one, mut choice) = (None, None);
        for (name, value) in members {
            match (name.as_str(), value) {
                (name, _) if is_passed_over(name) => {}
                ("$ref", Value::String(place)) => match self.reference(&place) {
                    Some(place) => {
                        fitted.insert(name, place.into());
                    }
                    None => self.put(&name, place.into(), &mut words),
                },
                ("properties", Value::Object(all)) => {
                    let all = all.into_iter().map(|(name, schema)| (name, self.node(schema)));
                    let all = all.collect::<Map<_, _>>();
                    fitted.insert(name, all.into());
                }
                ("anyOf" | "oneOf" | "prefixItems", Value::Array(all)) => {
                    fitted.insert(name, self.nodes(all));
                }
                // As older drafts say it.
                ("items", Value::Array(all)) => {
                    fitted.insert("prefixItems".to_owned(), self.nodes(all));
                }
                ("items", value @ Value::Bool(false)) => self.put(&name, value, &mut words),
                ("additionalProperties", value @ Value::Bool(_)) => {
                    fitted.insert(name, value);
                }
                ("additionalProperties" | "items", value) => {
                    fitted.insert(name, self.node(value));
                }
                ("const", value) => one = Some(value),
                ("enum", value) => choice = Some(value),
                (word, value) if NOT_HELD.contains(&word) => self.put(&name, value, &mut words),
                (_, value) => {
                    fitted.insert(name, value);
                }
            }
        }
        match (one, choice) {
            (Some(one), _) => self.choice("const", &[one], &mut fitted, &mut words),
            (None, Some(Value::Array(all))) => self.choice("enum", &all, &mut fitted, &mut words),
            (None, Some(other)) => {
                fitted.insert("enum".to_owned(), other);
            }
            (None, None) => {}
        }
        if !fitted.contains_key("$ref") {
            fitted::say(&mut fitted, words);
        }
        fitted.into()
    }

    fn nodes(&mut self, all: Vec<Value>) -> Value {
        all.into_iter().map(|schema| self.node(schema)).collect()
    }

    /// Writes a choice of values. The vendor takes texts and numbers; null is a type.
    fn choice(
        &mut self,
        name: &str,
        all: &[Value],
        fitted: &mut Map<String, Value>,
        words: &mut Map<String, Value>,
    ) {
        let (nulls, said): (Vec<&Value>, Vec<&Value>) = all.iter().partition(|one| one.is_null());
        let is_held = !all.is_empty() && said.iter().all(|one| one.is_string() || one.is_number());
        let is_split = !nulls.is_empty() && !said.is_empty();
        if !is_held || (is_split && (fitted.contains_key("anyOf") || fitted.contains_key("oneOf")))
        {
            let value =
                if name == "const" { all.first().cloned() } else { Some(all.to_vec().into()) };
            return self.put(name, value.unwrap_or_default(), words);
        }
        if said.is_empty() {
            fitted.insert("type".to_owned(), "null".into());
            return;
        }
        let kind = fitted.shift_remove("type").and_then(|kind| without_null(kind, is_split));
        let kind = kind.or_else(|| kind_of(&said));
        let mut choice = Map::new();
        if let Some(kind) = kind {
            choice.insert("type".to_owned(), kind);
        }
        choice.insert("enum".to_owned(), said.into_iter().cloned().collect());
        if is_split {
            fitted.insert("anyOf".to_owned(), json!([choice, {"type": "null"}]));
        } else {
            fitted.extend(choice);
        }
    }

    /// The definitions of the root, and what else is referred to.
    fn definitions(&mut self) -> Map<String, Value> {
        let mut written = Map::new();
        for group in ["$defs", "definitions"] {
            let all = self.root.get(group).and_then(Value::as_object);
            for (name, schema) in all.into_iter().flatten() {
                if group == "$defs" || self.target(&below("#/$defs", name)).is_none() {
                    let place = below(&format!("#/{group}"), name);
                    written.insert(name.clone(), self.definition(place, schema));
                }
            }
        }
        let mut done = 0;
        while let Some((place, name)) = self.moved.get(done).cloned() {
            if let Some(schema) = self.target(&place) {
                written.insert(name, self.definition(place, schema));
            }
            done = done.saturating_add(1);
        }
        written
    }

    fn definition(&mut self, place: String, schema: &Value) -> Value {
        self.trail = vec![place];
        let written = self.node(schema.clone());
        self.trail.clear();
        written
    }

    /// Where a reference leads in what is written; `None` if it leads nowhere in this schema.
    fn reference(&mut self, place: &str) -> Option<String> {
        // An anchor is the vendor's to find.
        if place.starts_with('#') && !place.starts_with("#/") {
            return Some(place.to_owned());
        }
        let target = self.target(place)?;
        for group in ["#/$defs/", "#/definitions/"] {
            let Some(name) = place.strip_prefix(group).filter(|name| !name.contains('/')) else {
                continue;
            };
            let definition = format!("#/$defs/{name}");
            if place == definition || self.target(&definition).is_none() {
                return Some(definition);
            }
        }
        if let Some(name) = self.names.get(place) {
            return Some(format!("#/$defs/{name}"));
        }
        if !self.affords(target) {
            return None;
        }
        let is_free = |name: &String| {
            let groups = ["$defs", "definitions"].into_iter();
            groups.filter_map(|group| self.root.get(group)).all(|all| all.get(name).is_none())
        };
        let names = (self.named..).map(|number| (number, format!("part_{number}")));
        let (number, name) = names.into_iter().find(|(_, name)| is_free(name))?;
        self.named = number.saturating_add(1);
        let definition = format!("#/$defs/{name}");
        self.names.insert(place.to_owned(), name.clone());
        self.moved.push((place.to_owned(), name));
        Some(definition)
    }

    fn target(&self, place: &str) -> Option<&'a Value> {
        self.root.pointer(place.strip_prefix('#')?)
    }

    /// A copy of what is referred to, to be joined with what stands beside the reference; `None` where it would
    /// hold itself, or there was enough.
    fn copied(&mut self, place: &str) -> Option<Map<String, Value>> {
        if self.depth > DEEPEST_COPY
            || place == "#"
            || self.trail.iter().any(|known| known == place)
        {
            return None;
        }
        let target = self.target(place)?;
        let members = target.as_object()?;
        if !self.affords(target) {
            return None;
        }
        self.trail.push(place.to_owned());
        let copy = members.iter().filter(|(name, _)| !ONLY_ONCE.contains(&name.as_str()));
        Some(copy.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// Takes a copy out of what is left, or all of it where that is too little.
    fn affords(&mut self, value: &Value) -> bool {
        let left = weighed(value, self.left);
        self.left = left.unwrap_or(0);
        left.is_some()
    }

    fn put(&mut self, name: &str, value: Value, words: &mut Map<String, Value>) {
        put(words, name, value);
        self.leave(name);
    }

    fn leave(&mut self, name: &str) {
        fitted::leave(&mut self.in_words, name);
    }
}

/// What is not written where it stands: definitions stand behind all else at the root, and what leads to those
/// elsewhere leads to copies.
fn is_passed_over(name: &str) -> bool {
    matches!(name, "$comment" | "$defs" | "$schema" | "definitions")
}

/// What is left after a value was copied; `None` if it is too little.
fn weighed(value: &Value, left: usize) -> Option<usize> {
    let left = left.checked_sub(8)?;
    match value {
        Value::Array(items) => items.iter().try_fold(left, |left, item| weighed(item, left)),
        Value::Object(members) => members
            .iter()
            .try_fold(left, |left, (name, value)| weighed(value, left.checked_sub(name.len())?)),
        Value::String(text) => left.checked_sub(text.len()),
        Value::Bool(_) | Value::Null | Value::Number(_) => Some(left),
    }
}

/// The types of a choice that stands beside null.
fn without_null(kind: Value, is_split: bool) -> Option<Value> {
    match kind {
        Value::Array(kinds) if is_split => {
            let mut kinds: Vec<Value> = kinds.into_iter().filter(|kind| kind != "null").collect();
            if kinds.len() == 1 { kinds.pop() } else { Some(kinds.into()) }
        }
        kind => Some(kind),
    }
}

/// The type that all values have, if they have one.
fn kind_of(values: &[&Value]) -> Option<Value> {
    let all = |is: fn(&Value) -> bool| values.iter().all(|value| is(value));
    let kind = if all(Value::is_string) {
        "string"
    } else if all(|value| value.is_i64() || value.is_u64()) {
        "integer"
    } else if all(Value::is_number) {
        "number"
    } else {
        return None;
    };
    Some(kind.into())
}

#[cfg(test)]
mod tests;
