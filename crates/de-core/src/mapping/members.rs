//! Reading the members of a mapping's objects, with a fault for each that does not fit.

use serde_json::{Map, Value};

use super::issue::{Issues, MappingFault, at};
use crate::json;

/// An object of the mapping and the place where it stands.
pub(crate) struct Members<'v> {
    pub(crate) map: &'v Map<String, Value>,
    pub(crate) pointer: String,
}

impl<'v> Members<'v> {
    /// Reads an object. `known` names its members, separated by `, `; others are faults.
    pub(crate) fn closed(
        value: &'v Value,
        pointer: &str,
        known: &'static str,
        issues: &mut Issues,
    ) -> Option<Self> {
        let members = Self::open(value, pointer, issues)?;
        for name in members.map.keys() {
            if !known.split(", ").any(|known| known == name) {
                issues.add(&at(pointer, name), MappingFault::UnknownMember { known });
            }
        }
        Some(members)
    }

    /// Reads an object whose member names are free.
    pub(crate) fn open(value: &'v Value, pointer: &str, issues: &mut Issues) -> Option<Self> {
        let map = expect(value, pointer, "an object", Value::as_object, issues)?;
        Some(Self { map, pointer: pointer.to_owned() })
    }

    pub(crate) fn at(&self, name: &str) -> String {
        at(&self.pointer, name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'v Value> {
        self.map.get(name)
    }

    /// Reads an optional member of one type.
    pub(crate) fn optional<T>(
        &self,
        name: &str,
        expected: &'static str,
        read: impl Fn(&'v Value) -> Option<T>,
        issues: &mut Issues,
    ) -> Option<T> {
        expect(self.get(name)?, &self.at(name), expected, read, issues)
    }

    pub(crate) fn text(&self, name: &str, issues: &mut Issues) -> Option<&'v str> {
        self.optional(name, "a string", Value::as_str, issues)
    }

    /// Reads an optional list of scalars as texts.
    pub(crate) fn texts(&self, name: &str, issues: &mut Issues) -> Vec<String> {
        let list = self.optional(name, "a list", Value::as_array, issues);
        let mut texts = Vec::new();
        for (index, value) in list.into_iter().flatten().enumerate() {
            match super::filter::scalar_text(value) {
                Some(text) => texts.push(text.into_owned()),
                None => issues.add(
                    &at(&self.at(name), index),
                    MappingFault::WrongType { expected: "text", found: json::type_name(value) },
                ),
            }
        }
        texts
    }
}

/// Reads a value of one type.
pub(crate) fn expect<'v, T>(
    value: &'v Value,
    pointer: &str,
    expected: &'static str,
    read: impl Fn(&'v Value) -> Option<T>,
    issues: &mut Issues,
) -> Option<T> {
    let found = read(value);
    if found.is_none() {
        let fault = MappingFault::WrongType { expected, found: json::type_name(value) };
        issues.add(pointer, fault);
    }
    found
}
