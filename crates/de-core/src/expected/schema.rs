//! A part of JSON Schema (2020-12), and values held against it.
//!
//! A validator of all of it has regular expressions, addresses and five drafts in it, and weighs more than all
//! protocols of the worker together. So this is the part that schemas for models are written in; what is not
//! part of it is refused by name when the schema comes, rather than passed over.
//!
//! Follows <https://json-schema.org/draft/2020-12/json-schema-validation>.

use std::{cell::Cell, collections::BTreeSet};

use serde_json::{Map, Value};

use super::Fault;
use crate::{json::type_name, protocols::fields::below};

/// The largest schema, in bytes: it is sent along with each call.
const LARGEST: usize = 32 * 1024;
/// What a check may cost: schemas can refer to themselves, and a reply can be made for one.
const MOST: usize = 100_000 * STEP;
/// What it costs to hold a value against a schema. Two values that are compared cost one, as do [`BYTES`] of a text.
const STEP: usize = 16;
/// How many bytes of a text are read at the cost of one.
const BYTES: usize = 64;

const TOO_MANY_STEPS: &str = "the schema takes too many steps to check";

/// How deep schemas may refer to each other.
const DEEPEST: u32 = 256;

/// Says nothing of values, or is only a hint to readers.
const ANNOTATIONS: [&str; 12] = [
    "$comment",
    "$defs",
    "$id",
    "$schema",
    "default",
    "definitions",
    "deprecated",
    "description",
    "examples",
    "format",
    "readOnly",
    "title",
];
const COUNTS: [&str; 6] =
    ["maxItems", "maxLength", "maxProperties", "minItems", "minLength", "minProperties"];
const LISTS: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
const NUMBERS: [&str; 5] =
    ["exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"];
const SINGLE: [&str; 3] = ["additionalProperties", "items", "not"];
const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// A schema that can be checked here.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    source: Value,
}

impl Schema {
    /// Takes a schema.
    ///
    /// # Errors
    /// Everything in it that is not JSON Schema, or none of the part that is checked here, with its place.
    pub fn parse(source: &Value) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        if !source.is_object() {
            faults.push(fault("", format!("expected an object, got {}", type_name(source))));
        } else if source.to_string().len() > LARGEST {
            faults.push(fault("", format!("is larger than {LARGEST} bytes")));
        } else {
            learn(source, source, "", &mut faults);
        }
        if faults.is_empty() { Ok(Self { source: source.clone() }) } else { Err(faults) }
    }

    /// The schema as it came.
    #[must_use]
    pub fn source(&self) -> &Value {
        &self.source
    }

    /// Holds a value against it.
    ///
    /// # Errors
    /// The first place where it does not fit.
    pub fn check(&self, value: &Value) -> Result<(), Fault> {
        self.check_within(value, &Cell::new(0))
    }

    /// Holds one of several values against it. `spent` is what was spent on all of them.
    ///
    /// # Errors
    /// As [`Schema::check`].
    pub(super) fn check_within(&self, value: &Value, spent: &Cell<usize>) -> Result<(), Fault> {
        let check = Check { root: &self.source, spent };
        let fits = check.fits(&self.source, value, "", 0);
        // What is broken off fits neither a schema nor its opposite.
        check.spend(0, "").and(fits)
    }
}

fn fault(pointer: &str, reason: impl Into<String>) -> Fault {
    Fault { pointer: pointer.to_owned(), reason: reason.into() }
}

/// Notes what in a schema cannot be checked.
fn learn(root: &Value, schema: &Value, at: &str, faults: &mut Vec<Fault>) {
    let members = match schema {
        Value::Bool(_) => return,
        Value::Object(members) => members,
        other => {
            let reason = format!("expected a schema, got {}", type_name(other));
            return faults.push(fault(at, reason));
        }
    };
    for (name, value) in members {
        let place = below(at, name);
        let mut wrong = |what: &str| {
            faults.push(fault(&place, format!("expected {what}, got {}", type_name(value))));
        };
        match name.as_str() {
            "$defs" | "definitions" | "properties" => match value {
                Value::Object(schemas) => {
                    for (name, schema) in schemas {
                        learn(root, schema, &below(&place, name), faults);
                    }
                }
                _ => wrong("an object"),
            },
            "$ref" => match value.as_str().map(|text| target(root, text)) {
                Some(Some(_)) => {}
                Some(None) => faults.push(fault(&place, "leads to no place in this schema")),
                None => wrong("a string"),
            },
            "const" => {}
            "enum" if value.is_array() => {}
            "enum" => wrong("a list"),
            "required" => {
                let is_name = |name: &Value| name.is_string();
                if !value.as_array().is_some_and(|names| names.iter().all(is_name)) {
                    wrong("a list of strings");
                }
            }
            "type" => {
                let known = |word: &Value| word.as_str().is_some_and(|word| TYPES.contains(&word));
                let words = value.as_array().map_or(core::slice::from_ref(value), Vec::as_slice);
                if words.is_empty() || !words.iter().all(known) {
                    faults.push(fault(&place, format!("expected of {}", TYPES.join(", "))));
                }
            }
            "uniqueItems" if value.is_boolean() => {}
            "uniqueItems" => wrong("a boolean"),
            name if SINGLE.contains(&name) => learn(root, value, &place, faults),
            name if LISTS.contains(&name) => match value.as_array() {
                Some(schemas) => {
                    for (index, schema) in schemas.iter().enumerate() {
                        learn(root, schema, &format!("{place}/{index}"), faults);
                    }
                }
                None => wrong("a list of schemas"),
            },
            name if COUNTS.contains(&name) && value.as_u64().is_none() => wrong("a count"),
            "multipleOf" if value.as_f64().is_none_or(|number| number <= 0.0) => {
                wrong("a number above 0");
            }
            name if NUMBERS.contains(&name) && !value.is_number() => wrong("a number"),
            name if COUNTS.contains(&name) || NUMBERS.contains(&name) => {}
            name if ANNOTATIONS.contains(&name) => {}
            _ => faults.push(fault(&place, "is a keyword that is not checked here; leave it out")),
        }
    }
}

/// The schema that a reference of ours leads to: `#`, `#/$defs/a`.
fn target<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    root.pointer(reference.strip_prefix('#')?)
}

struct Check<'a> {
    root: &'a Value,
    spent: &'a Cell<usize>,
}

impl<'a> Check<'a> {
    fn fits(&self, schema: &'a Value, value: &Value, at: &str, depth: u32) -> Result<(), Fault> {
        self.spend(STEP.saturating_add(at.len() / BYTES), at)?;
        if depth > DEEPEST {
            return Err(fault(at, TOO_MANY_STEPS));
        }
        let members = match schema {
            Value::Bool(false) => return Err(fault(at, "nothing may stand here")),
            Value::Object(members) => members,
            _ => return Ok(()),
        };
        let deeper = depth.saturating_add(1);
        if let Some(reference) = members.get("$ref").and_then(Value::as_str)
            && let Some(schema) = target(self.root, reference)
        {
            self.spend(reference.len() / BYTES, at)?;
            self.fits(schema, value, at, deeper)?;
        }
        self.is_one_of(members, value, at)?;
        match value {
            Value::Array(items) => self.list(members, items, at, deeper)?,
            Value::Number(number) => within(members, number.as_f64().unwrap_or(f64::NAN), at)?,
            Value::Object(found) => self.object(members, found, at, deeper)?,
            Value::String(text)
                if members.contains_key("minLength") || members.contains_key("maxLength") =>
            {
                self.spend(text.len() / BYTES, at)?;
                counted(members, "Length", text.chars().count(), "characters", at)?;
            }
            Value::Bool(_) | Value::Null | Value::String(_) => {}
        }
        self.combined(members, value, at, deeper)
    }

    fn spend(&self, cost: usize, at: &str) -> Result<(), Fault> {
        self.spent.set(self.spent.get().saturating_add(cost));
        if self.spent.get() > MOST { Err(fault(at, TOO_MANY_STEPS)) } else { Ok(()) }
    }

    /// Writes what a value has in common with those that are the [same](Check::same), and with no other. Each value in
    /// it costs as much as a schema.
    fn mark(&self, value: &Value, mark: &mut String, at: &str) -> Result<(), Fault> {
        self.spend(STEP, at)?;
        match value {
            Value::Array(items) => {
                mark.push('[');
                for item in items {
                    self.mark(item, mark, at)?;
                    mark.push(',');
                }
                mark.push(']');
            }
            Value::Number(number) => {
                // Zero has no sign here, and 1 is 1.0.
                let float = number.as_f64().unwrap_or(f64::NAN) + 0.0;
                mark.push_str(&format!("{float:?}"));
            }
            Value::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                members.sort_unstable_by_key(|(name, _)| *name);
                mark.push('{');
                for (name, member) in members {
                    mark.push_str(&format!("{name:?}:"));
                    self.mark(member, mark, at)?;
                    mark.push(',');
                }
                mark.push('}');
            }
            Value::String(text) => {
                self.spend(text.len() / BYTES, at)?;
                mark.push_str(&format!("{text:?}"));
            }
            Value::Bool(_) | Value::Null => mark.push_str(&value.to_string()),
        }
        Ok(())
    }

    fn list(
        &self,
        schema: &'a Map<String, Value>,
        items: &[Value],
        at: &str,
        depth: u32,
    ) -> Result<(), Fault> {
        counted(schema, "Items", items.len(), "entries", at)?;
        if schema.get("uniqueItems") == Some(&Value::Bool(true)) {
            let mut seen = BTreeSet::new();
            for (index, item) in items.iter().enumerate() {
                let mut mark = String::new();
                self.mark(item, &mut mark, at)?;
                if !seen.insert(mark) {
                    return Err(fault(&format!("{at}/{index}"), "stands in the list twice"));
                }
            }
        }
        let first = schema.get("prefixItems").and_then(Value::as_array);
        let first = first.map(Vec::as_slice).unwrap_or_default();
        let rest = schema.get("items");
        self.spend(items.len() / STEP, at)?;
        for (index, item) in items.iter().enumerate() {
            if let Some(schema) = first.get(index).or(rest) {
                self.fits(schema, item, &format!("{at}/{index}"), depth)?;
            }
        }
        Ok(())
    }

    fn object(
        &self,
        schema: &'a Map<String, Value>,
        found: &Map<String, Value>,
        at: &str,
        depth: u32,
    ) -> Result<(), Fault> {
        counted(schema, "Properties", found.len(), "members", at)?;
        let required = schema.get("required").and_then(Value::as_array);
        self.spend(required.map_or(0, Vec::len).saturating_add(found.len()), at)?;
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if !found.contains_key(name) {
                return Err(fault(&below(at, name), "is required"));
            }
        }
        let known = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties");
        for (name, value) in found {
            let place = below(at, name);
            match (known.and_then(|known| known.get(name)), others) {
                (Some(schema), _) => self.fits(schema, value, &place, depth)?,
                (None, Some(Value::Bool(false))) => {
                    return Err(fault(&place, "is none of the members that may be there"));
                }
                (None, Some(schema)) => self.fits(schema, value, &place, depth)?,
                (None, None) => {}
            }
        }
        Ok(())
    }

    /// `type`, `const`, `enum`.
    fn is_one_of(&self, schema: &Map<String, Value>, value: &Value, at: &str) -> Result<(), Fault> {
        if let Some(types) = schema.get("type") {
            let words = types.as_array().map_or(core::slice::from_ref(types), Vec::as_slice);
            self.spend(words.len(), at)?;
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            if !words.iter().any(|word| is_a(value, word)) {
                let reason = format!("expected {}, got {}", words.join(" or "), type_name(value));
                return Err(fault(at, reason));
            }
        }
        if schema.get("const").is_some_and(|wanted| !self.same(wanted, value)) {
            return Err(fault(at, "is not the value of const"));
        }
        let allowed = schema.get("enum").and_then(Value::as_array);
        match allowed.filter(|allowed| !allowed.iter().any(|one| self.same(one, value))) {
            Some(allowed) => {
                let words: Vec<String> = allowed.iter().take(20).map(Value::to_string).collect();
                let words = words.join(", ");
                self.spend(words.len() / BYTES, at)?;
                Err(fault(at, format!("expected one of {words}")))
            }
            None => Ok(()),
        }
    }

    /// Whether two values are the same: 1 and 1.0 are. What that costs is looked at by the next that spends: a schema
    /// is small.
    fn same(&self, one: &Value, other: &Value) -> bool {
        let texts = match (one, other) {
            (Value::String(one), Value::String(other)) if one.len() == other.len() => one.len(),
            _ => 0,
        };
        self.spent.set(self.spent.get().saturating_add(1).saturating_add(texts / BYTES));
        match (one, other) {
            (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
            (Value::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.same(a, b))
            }
            (Value::Object(a), Value::Object(b)) => {
                let has = |(name, value): (&String, &Value)| {
                    b.get(name).is_some_and(|other| self.same(value, other))
                };
                a.len() == b.len() && a.iter().all(has)
            }
            _ => one == other,
        }
    }

    /// `allOf`, `anyOf`, `oneOf`, `not`.
    fn combined(
        &self,
        schema: &'a Map<String, Value>,
        value: &Value,
        at: &str,
        depth: u32,
    ) -> Result<(), Fault> {
        let list = |name: &str| schema.get(name).and_then(Value::as_array);
        for schema in list("allOf").into_iter().flatten() {
            self.fits(schema, value, at, depth)?;
        }
        if let Some(schemas) = list("anyOf") {
            let mut first = None;
            let fits = schemas.iter().any(|schema| {
                let fits = self.fits(schema, value, at, depth);
                fits.map_err(|fault| first.get_or_insert(fault).reason.len()).is_ok()
            });
            if !fits {
                let nothing = || fault(at, "fits none of the schemas of anyOf");
                return Err(first.unwrap_or_else(nothing));
            }
        }
        if let Some(schemas) = list("oneOf") {
            let fitting = schemas.iter().filter(|one| self.fits(one, value, at, depth).is_ok());
            let count = fitting.count();
            if count != 1 {
                return Err(fault(at, format!("fits {count} of the schemas of oneOf, not one")));
            }
        }
        match schema.get("not") {
            Some(schema) if self.fits(schema, value, at, depth).is_ok() => {
                Err(fault(at, "fits what it must not be"))
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn is_a(value: &Value, word: &str) -> bool {
    match value {
        Value::Array(_) => word == "array",
        Value::Bool(_) => word == "boolean",
        Value::Null => word == "null",
        Value::Number(number) => {
            let is_whole = || number.as_f64().is_some_and(|number| number.fract() == 0.0);
            word == "number" || (word == "integer" && is_whole())
        }
        Value::Object(_) => word == "object",
        Value::String(_) => word == "string",
    }
}

/// `minimum` and its kin.
fn within(schema: &Map<String, Value>, number: f64, at: &str) -> Result<(), Fault> {
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    let broken = [
        ("minimum", "at least", bound("minimum").filter(|least| number < *least)),
        ("maximum", "at most", bound("maximum").filter(|most| number > *most)),
        ("above", "more than", bound("exclusiveMinimum").filter(|least| number <= *least)),
        ("below", "less than", bound("exclusiveMaximum").filter(|most| number >= *most)),
        (
            "multiple",
            "a multiple of",
            bound("multipleOf").filter(|step| {
                let times = number / step;
                (times - times.round()).abs() > 1e-9
            }),
        ),
    ];
    match broken.into_iter().find_map(|(_, words, bound)| Some((words, bound?))) {
        Some((words, bound)) => Err(fault(at, format!("must be {words} {bound}"))),
        None => Ok(()),
    }
}

/// `minItems` and `maxItems`, `minLength` and `maxLength`, `minProperties` and `maxProperties`.
fn counted(
    schema: &Map<String, Value>,
    what: &str,
    count: usize,
    units: &str,
    at: &str,
) -> Result<(), Fault> {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    let bound = |end: &str| schema.get(&format!("{end}{what}")).and_then(Value::as_u64);
    if let Some(least) = bound("min").filter(|least| count < *least) {
        return Err(fault(at, format!("has {count} {units}, and must have at least {least}")));
    }
    if let Some(most) = bound("max").filter(|most| count > *most) {
        return Err(fault(at, format!("has {count} {units}, and may have at most {most}")));
    }
    Ok(())
}
