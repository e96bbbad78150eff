//! Reads the members of a JSON object one by one, and remembers everything that is wrong.

use serde_json::{Map, Value};

use crate::{
    json::type_name,
    protocols::FieldIssue,
    time::{Timestamp, UnixMillis},
};

/// What is wrong with a value that is read.
#[derive(Default)]
pub(super) struct Noted {
    /// Everything, in the order in which it was found.
    pub(super) issues: Vec<FieldIssue>,
    /// Whether members that nobody knows are no fault: a row may be of a newer version than its reader.
    pub(super) passes_unknown: bool,
}

/// One object on its way into a type. What is null counts as absent.
pub(super) struct Reader<'a> {
    noted: &'a mut Noted,
    known: Vec<&'static str>,
    members: &'a Map<String, Value>,
    pointer: String,
}

impl<'a> Reader<'a> {
    pub(super) fn new(members: &'a Map<String, Value>, noted: &'a mut Noted) -> Self {
        Self { noted, known: Vec::new(), members, pointer: String::new() }
    }

    /// An object that stands at `pointer`.
    pub(super) fn below(
        members: &'a Map<String, Value>,
        noted: &'a mut Noted,
        pointer: String,
    ) -> Self {
        Self { noted, known: Vec::new(), members, pointer }
    }

    /// Whether a member is there and null.
    pub(super) fn is_null(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(Value::is_null)
    }

    /// Whether a list is absent, or has nothing in it.
    pub(super) fn is_empty(&self, name: &str) -> bool {
        match self.members.get(name) {
            None | Some(Value::Null) => true,
            Some(Value::Array(items)) => items.is_empty(),
            Some(_) => false,
        }
    }

    /// Reads a list of what notes its own faults, by the place of each item; absent is empty.
    pub(super) fn items<T>(
        &mut self,
        name: &'static str,
        most: usize,
        read: impl Fn(&Value, &str, &mut Noted) -> Option<T>,
    ) -> Vec<T> {
        let items = match self.member(name) {
            None => return Vec::new(),
            Some(Value::Array(items)) if items.len() <= most => items,
            Some(Value::Array(items)) => {
                self.note(name, format!("has {} items; at most {most} are allowed", items.len()));
                return Vec::new();
            }
            Some(other) => {
                self.note(name, format!("expected a list, found {}", type_name(other)));
                return Vec::new();
            }
        };
        let place = |index: usize| format!("{}/{name}/{index}", self.pointer);
        let places: Vec<String> = (0..items.len()).map(place).collect();
        let read = |(item, place): (&Value, &String)| read(item, place, self.noted);
        items.iter().zip(&places).filter_map(read).collect()
    }

    /// Reads a member that must be there; `None` once an issue is noted.
    pub(super) fn required<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<T> {
        if self.member(name).is_none() {
            self.note(name, "is required".to_owned());
            return None;
        }
        self.optional(name, read)
    }

    /// Reads a member that may be absent.
    pub(super) fn optional<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<T> {
        match read(self.member(name)?) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.note(name, reason);
                None
            }
        }
    }

    /// Reads a list; absent is empty. What is wrong with an item is noted under its index.
    pub(super) fn list<T: PartialEq>(
        &mut self,
        name: &'static str,
        most: usize,
        read: impl Fn(&Value) -> Result<T, String>,
    ) -> Vec<T> {
        let items = match self.member(name) {
            None => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(other) => {
                self.note(name, format!("expected a list, found {}", type_name(other)));
                return Vec::new();
            }
        };
        if items.len() > most {
            self.note(name, format!("has {} items; at most {most} are allowed", items.len()));
            return Vec::new();
        }
        let mut list = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match read(item) {
                Ok(value) if list.contains(&value) => {
                    self.note(&format!("{name}/{index}"), "stands here twice".to_owned());
                }
                Ok(value) => list.push(value),
                Err(reason) => self.note(&format!("{name}/{index}"), reason),
            }
        }
        list
    }

    /// Reads an object; absent is an empty one.
    pub(super) fn object<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Reader<'_>) -> T,
    ) -> T {
        let empty = Map::new();
        let members = match self.member(name) {
            None => &empty,
            Some(Value::Object(members)) => members,
            Some(other) => {
                self.note(name, format!("expected an object, found {}", type_name(other)));
                &empty
            }
        };
        let pointer = format!("{}/{name}", self.pointer);
        let mut inner = Reader { noted: self.noted, known: Vec::new(), members, pointer };
        let value = read(&mut inner);
        inner.finish();
        value
    }

    /// Notes what is wrong with a member.
    pub(super) fn note(&mut self, name: &str, reason: String) {
        let pointer = format!("{}/{name}", self.pointer);
        self.noted.issues.push(FieldIssue { pointer, reason });
    }

    /// Notes every member that nothing asked for, where that is a fault.
    pub(super) fn finish(self) {
        if self.noted.passes_unknown {
            return;
        }
        let known = self.known.join(", ");
        for name in self.members.keys().filter(|name| !self.known.contains(&name.as_str())) {
            let name = name.replace('~', "~0").replace('/', "~1");
            let pointer = format!("{}/{name}", self.pointer);
            let reason = format!("is unknown; there are {known}");
            self.noted.issues.push(FieldIssue { pointer, reason });
        }
    }

    fn member(&mut self, name: &'static str) -> Option<&'a Value> {
        if !self.known.contains(&name) {
            self.known.push(name);
        }
        self.members.get(name).filter(|value| !value.is_null())
    }
}

/// Reads a text of 1 to `most` characters.
pub(super) fn text(most: usize) -> impl Fn(&Value) -> Result<String, String> {
    move |value| {
        let text = string(value)?;
        match text.chars().count() {
            0 => Err("must not be empty".to_owned()),
            length if length > most => Err(format!("has {length} characters; at most {most}")),
            _ => Ok(text.to_owned()),
        }
    }
}

/// Reads a boolean.
pub(super) fn flag(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("expected a boolean, found {}", type_name(value)))
}

/// Reads a whole number that is not smaller than `least`.
pub(super) fn count(least: u64) -> impl Fn(&Value) -> Result<u64, String> {
    // What is larger would not survive the way through JavaScript.
    const MOST: u64 = (1 << 53) - 1;
    move |value| match value.as_u64() {
        Some(number) if (least..=MOST).contains(&number) => Ok(number),
        Some(_) | None => Err(format!("expected a whole number of at least {least}")),
    }
}

/// Reads a whole number within bounds.
pub(super) fn bounded(least: u64, most: u64) -> impl Fn(&Value) -> Result<u64, String> {
    move |value| match value.as_u64() {
        Some(number) if (least..=most).contains(&number) => Ok(number),
        Some(_) | None => Err(format!("expected a whole number from {least} to {most}")),
    }
}

/// Reads a time in milliseconds, 1 to an hour: more than that the runtime's timers and the Limiter's
/// memory of a lease do not hold.
pub(super) fn patience() -> impl Fn(&Value) -> Result<u64, String> {
    const MOST: u64 = 3_600_000;
    move |value| match value.as_u64() {
        Some(number) if (1..=MOST).contains(&number) => Ok(number),
        Some(_) | None => Err(format!("expected milliseconds from 1 to {MOST}")),
    }
}

/// Reads a point in time.
pub(super) fn time(value: &Value) -> Result<Timestamp, String> {
    let time = UnixMillis::parse_rfc3339(string(value)?);
    time.map(Timestamp).ok_or_else(|| "expected a time like 2026-11-25T15:49:36Z".to_owned())
}

/// Reads a text that `parse` takes, else says what was expected.
pub(super) fn word<T>(
    parse: impl Fn(&str) -> Option<T>,
    expected: impl Fn() -> String,
) -> impl Fn(&Value) -> Result<T, String> {
    move |value| parse(string(value)?).ok_or_else(|| format!("expected {}", expected()))
}

/// Reads an identifier.
pub(super) fn id<T>(
    parse: impl Fn(&str) -> Result<T, crate::ids::BadId>,
) -> impl Fn(&Value) -> Result<T, String> {
    move |value| parse(string(value)?).map_err(|err| err.to_string())
}

fn string(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("expected a string, found {}", type_name(value)))
}
