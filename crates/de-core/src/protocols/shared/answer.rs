//! Reads members of a vendor's answer and says where it is not as documented.
//!
//! Lenient about what is absent, null or unknown, since answers are paid for; strict about types, but for
//! counts: one that is none counts as absent.

use serde_json::{Map, Value};

use crate::{
    json::{self, type_name},
    protocols::{Malformed, fields::below},
};

/// An object of the answer and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Answer<'a> {
    members: &'a Map<String, Value>,
    pointer: String,
}

impl<'a> Answer<'a> {
    /// Takes the whole answer.
    pub(crate) fn whole(value: &'a Value) -> Result<Self, Malformed> {
        Self::of(String::new(), value)
    }

    fn of(pointer: String, value: &'a Value) -> Result<Self, Malformed> {
        match value {
            Value::Object(members) => Ok(Self { members, pointer }),
            other => Err(wrong(pointer, "an object", other)),
        }
    }

    /// A member of any type; `None` if absent or null.
    pub(crate) fn value(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// The pointer of a member.
    pub(crate) fn at(&self, name: &str) -> String {
        below(&self.pointer, name)
    }

    /// A fault of a member.
    pub(crate) fn fault(&self, name: &str, reason: &str) -> Malformed {
        Malformed { pointer: self.at(name), reason: reason.to_owned() }
    }

    fn typed<T>(
        &self,
        name: &str,
        what: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Malformed> {
        let Some(value) = self.value(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| wrong(self.at(name), what, value))
    }

    /// A text.
    pub(crate) fn string(&self, name: &str) -> Result<Option<&'a str>, Malformed> {
        self.typed(name, "a string", Value::as_str)
    }

    /// A word that is good to know, and that no answer is lost over: `None` if it is anything else.
    pub(crate) fn word(&self, name: &str) -> Option<&'a str> {
        self.value(name).and_then(Value::as_str).filter(|word| !word.is_empty())
    }

    /// A text, empty if absent.
    pub(crate) fn string_or_empty(&self, name: &str) -> Result<String, Malformed> {
        Ok(self.string(name)?.unwrap_or_default().to_owned())
    }

    /// A count, which no answer is lost over: `None` if it is anything else.
    pub(crate) fn count(&self, name: &str) -> Option<u64> {
        self.value(name).and_then(json::count)
    }

    /// An object of counts, which no answer is lost over: `None` if it is anything else.
    pub(crate) fn counts(&self, name: &str) -> Option<Self> {
        self.value(name).and_then(|value| Self::of(self.at(name), value).ok())
    }

    /// A place in a list; `absent` if it is not told.
    pub(crate) fn index(&self, name: &str, absent: u32) -> Result<u32, Malformed> {
        let index = self.typed(name, "an index", |value| {
            value.as_u64().and_then(|index| u32::try_from(index).ok())
        })?;
        Ok(index.unwrap_or(absent))
    }

    /// An object.
    pub(crate) fn object(&self, name: &str) -> Result<Option<Self>, Malformed> {
        self.value(name).map(|value| Self::of(self.at(name), value)).transpose()
    }

    /// A list of objects, empty if absent.
    pub(crate) fn objects(&self, name: &str) -> Result<Vec<Self>, Malformed> {
        let items = self.typed(name, "a list", Value::as_array)?;
        let at = self.at(name);
        let items = items.map(Vec::as_slice).unwrap_or_default().iter().enumerate();
        items.map(|(index, item)| Self::of(format!("{at}/{index}"), item)).collect()
    }
}

fn wrong(pointer: String, what: &str, got: &Value) -> Malformed {
    Malformed { pointer, reason: format!("expected {what}, got {}", type_name(got)) }
}
