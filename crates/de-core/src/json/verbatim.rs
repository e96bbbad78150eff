//! A JSON object that is sent on: its text stays as it was written, but for the members that are changed.
//!
//! Values tell the same thing in many ways (`2.50`, `1e3`, `\u00e9`, a number beyond 2^64, blanks), and a tree of
//! them remembers none. So what is sent on is cut out of the text. The parser's own `RawValue` would do as well,
//! but where its feature is on, a key of that name within any other JSON that is read is taken for one.

use std::{borrow::Cow, ops::Range, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value};

use super::JsonError;

/// An object, its text, and what is to be changed in it. A copy shares both.
#[derive(Clone, Debug)]
pub struct Verbatim {
    edits: Vec<Edit>,
    members: Arc<Value>,
    text: Bytes,
}

/// What becomes of a member, by its name in the text; of one that is not there: what is added.
#[derive(Clone, Debug)]
struct Edit {
    name: String,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    /// It is called otherwise.
    Named(String),
    Removed,
    Value(Value),
}

impl Edit {
    /// Whether it calls a member so.
    fn is_named(&self, name: &str) -> bool {
        matches!(&self.what, What::Named(other) if other == name)
    }
}

/// Where a member stands in the text.
struct Place {
    /// With the blanks around it, between two commas or braces.
    all: Range<usize>,
    /// With its quotes.
    key: Range<usize>,
    name: String,
    value: Range<usize>,
}

impl Verbatim {
    /// Reads an object as [`object`](super::object) does.
    ///
    /// # Errors
    /// As there.
    pub fn parse(text: Bytes) -> Result<Self, JsonError> {
        let members = Arc::new(Value::Object(super::object(&text)?));
        Ok(Self { edits: Vec::new(), members, text })
    }

    /// A member as it is by now.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        let renamed = self.edits.iter().find(|edit| edit.is_named(name));
        if let Some(edit) = renamed {
            return self.members.get(&edit.name);
        }
        match self.edits.iter().find(|edit| edit.name == name).map(|edit| &edit.what) {
            None => self.members.get(name),
            Some(What::Named(_) | What::Removed) => None,
            Some(What::Value(value)) => Some(value),
        }
    }

    /// Sets a member; one that has this value already keeps its text. One that is new stands last.
    pub fn set(&mut self, name: &str, value: Value) {
        if self.get(name) != Some(&value) {
            self.edit(name, What::Value(value));
        }
    }

    /// Takes a member out.
    pub fn remove(&mut self, name: &str) {
        self.edit(name, What::Removed);
    }

    /// Calls a member otherwise, in its place and with the text of its value. One of the new name is no more.
    pub fn rename(&mut self, name: &str, other: &str) {
        let Some(value) = self.get(name).cloned() else { return };
        self.remove(other);
        let is_as_written =
            self.edits.iter().all(|edit| edit.name != name) && self.members.get(name).is_some();
        if is_as_written {
            self.edit(name, What::Named(other.to_owned()));
        } else {
            self.remove(name);
            self.edit(other, What::Value(value));
        }
    }

    fn edit(&mut self, name: &str, what: What) {
        for edit in self.edits.iter_mut().filter(|edit| edit.is_named(name)) {
            edit.what = What::Removed;
        }
        let at = self.edits.iter().position(|edit| edit.name == name);
        let before = at.map(|at| self.edits.remove(at).what);
        self.edits.push(Edit { name: name.to_owned(), what });
        // What was called so is called otherwise by now, and stays.
        if let (Some(What::Named(other)), Some(value)) = (before, self.members.get(name).cloned()) {
            self.edit(&other, What::Value(value));
        }
    }

    /// The object as it is by now.
    #[must_use]
    pub fn value(&self) -> Cow<'_, Value> {
        if self.edits.is_empty() {
            Cow::Borrowed(&self.members)
        } else {
            Cow::Owned(Value::Object(self.changed()))
        }
    }

    /// Its members as they are by now.
    #[must_use]
    pub fn members(&self) -> Cow<'_, Map<String, Value>> {
        match &*self.members {
            Value::Object(members) if self.edits.is_empty() => Cow::Borrowed(members),
            _ => Cow::Owned(self.changed()),
        }
    }

    /// Its members as they are by now, for whoever has no use for the text.
    #[must_use]
    pub fn into_members(self) -> Map<String, Value> {
        if !self.edits.is_empty() {
            return self.changed();
        }
        match Arc::unwrap_or_clone(self.members) {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    }

    /// The other members as they are by now, with a text of their own: for whoever sends nothing of it on, so that
    /// neither its text nor these members stay in memory.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Self {
        let written = self.members.as_object().into_iter().flat_map(Map::keys).map(String::as_str);
        let changed = self.edits.iter().flat_map(|edit| match &edit.what {
            What::Named(other) => [edit.name.as_str(), other],
            What::Removed | What::Value(_) => [edit.name.as_str(); 2],
        });
        let mut left = Map::new();
        for name in written.chain(changed).filter(|name| !names.contains(name)) {
            if let (false, Some(value)) = (left.contains_key(name), self.get(name)) {
                left.insert(name.to_owned(), value.clone());
            }
        }
        left.into()
    }

    fn changed(&self) -> Map<String, Value> {
        let mut members = self.members.as_object().cloned().unwrap_or_default();
        for edit in &self.edits {
            match &edit.what {
                What::Named(other) => {
                    let value = members.shift_remove(&edit.name);
                    members.extend(value.map(|value| (other.clone(), value)));
                }
                What::Removed => {
                    members.shift_remove(&edit.name);
                }
                What::Value(value) => {
                    members.insert(edit.name.clone(), value.clone());
                }
            }
        }
        members
    }

    /// The text: as it came, but for what was changed.
    #[must_use]
    pub fn text(&self) -> Bytes {
        if self.edits.is_empty() {
            return self.text.clone();
        }
        self.spliced().unwrap_or_else(|| Value::Object(self.changed()).to_string().into())
    }

    /// `None` if the text cannot be read after all, which it was once.
    fn spliced(&self) -> Option<Bytes> {
        let text = &*self.text;
        let (open, places, close) = places(text)?;
        let mut out = Vec::with_capacity(text.len().saturating_add(256));
        out.extend_from_slice(text.get(..=open)?);
        let begin = out.len();
        let mut part = |pieces: &[&[u8]]| {
            if out.len() > begin {
                out.push(b',');
            }
            pieces.iter().for_each(|piece| out.extend_from_slice(piece));
        };
        for place in &places {
            let Place { all, key, name, value } = place;
            let edit = self.edits.iter().find(|edit| edit.name == *name);
            match edit.map(|edit| &edit.what) {
                None => part(&[text.get(all.clone())?]),
                Some(What::Named(other)) => {
                    let other = Value::from(other.as_str()).to_string();
                    let (before, after) =
                        (text.get(all.start..key.start)?, text.get(key.end..all.end)?);
                    part(&[before, other.as_bytes(), after]);
                }
                Some(What::Removed) => {}
                Some(What::Value(new)) => {
                    let new = new.to_string();
                    let (before, after) =
                        (text.get(all.start..value.start)?, text.get(value.end..all.end)?);
                    part(&[before, new.as_bytes(), after]);
                }
            }
        }
        for edit in &self.edits {
            let What::Value(value) = &edit.what else { continue };
            if places.iter().all(|place| place.name != edit.name) {
                let name = Value::from(edit.name.as_str()).to_string();
                part(&[name.as_bytes(), b":", value.to_string().as_bytes()]);
            }
        }
        out.extend_from_slice(text.get(close..)?);
        Some(out.into())
    }
}

/// Writes the text of an object that has none yet.
impl From<Map<String, Value>> for Verbatim {
    fn from(members: Map<String, Value>) -> Self {
        let members = Value::Object(members);
        let text = members.to_string().into();
        Self { edits: Vec::new(), members: Arc::new(members), text }
    }
}

/// The place of the brace that opens the object, of its members, and of the brace that closes it.
fn places(text: &[u8]) -> Option<(usize, Vec<Place>, usize)> {
    let open = after_blanks(text, 0);
    (*text.get(open)? == b'{').then_some(())?;
    let mut from = open.checked_add(1)?;
    let mut places = Vec::new();
    let first = after_blanks(text, from);
    if *text.get(first)? == b'}' {
        return Some((open, places, first));
    }
    loop {
        let begin = after_blanks(text, from);
        let (name, end) = read::<String>(text, begin)?;
        let key = begin..end;
        let colon = after_blanks(text, end);
        (*text.get(colon)? == b':').then_some(())?;
        let begin = after_blanks(text, colon.checked_add(1)?);
        let (IgnoredAny, end) = read(text, begin)?;
        let stop = after_blanks(text, end);
        places.push(Place { all: from..stop, key, name, value: begin..end });
        match *text.get(stop)? {
            b',' => from = stop.checked_add(1)?,
            b'}' => return Some((open, places, stop)),
            _ => return None,
        }
    }
}

/// Reads the value that begins at `at`, and says where it ends.
fn read<'de, T: Deserialize<'de>>(text: &'de [u8], at: usize) -> Option<(T, usize)> {
    let mut values = serde_json::Deserializer::from_slice(text.get(at..)?).into_iter::<T>();
    let value = values.next()?.ok()?;
    Some((value, at.checked_add(values.byte_offset())?))
}

fn after_blanks(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t'));
    at.saturating_add(blanks.count())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const TEXT: &str = "\n{ \"a\" : 2.50 ,\"b\\u0021\":[1e3, {\"x\":123456789012345678901234567890}],\t\"c\":\"\\u00e9\\/\"\r\n} ";

    fn of(text: &str) -> Verbatim {
        Verbatim::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap()
    }

    #[track_caller]
    fn check(text: &str, change: impl FnOnce(&mut Verbatim), expected: &str) {
        let mut object = of(text);
        change(&mut object);
        assert_eq!(object.text(), expected);
        let read: Value = serde_json::from_str(expected).unwrap();
        assert_eq!(
            (&*object.value(), &Value::Object(object.members().into_owned())),
            (&read, &read)
        );
        assert_eq!(Value::Object(object.into_members()), read);
    }

    #[test]
    fn what_is_not_changed_stays_as_it_was_written() {
        check(TEXT, |_| {}, TEXT);
        check(TEXT, |it| it.set("a", json!(2.5)), TEXT);
        check(TEXT, |it| it.set("a", json!(1)), &TEXT.replace("2.50", "1"));
        check(
            TEXT,
            |it| it.set("b!", json!(null)),
            &TEXT.replace("[1e3, {\"x\":123456789012345678901234567890}]", "null"),
        );
        check(TEXT, |it| it.set("d", json!("\n")), &TEXT.replace("\r\n} ", "\r\n,\"d\":\"\\n\"} "));
        check(TEXT, |it| it.remove("a"), &TEXT.replace(" \"a\" : 2.50 ,", ""));
        check(TEXT, |it| it.remove("c"), &TEXT.replace(",\t\"c\":\"\\u00e9\\/\"\r\n", ""));
        check(TEXT, |it| it.remove("d"), TEXT);
        check(TEXT, |it| it.rename("a", "é"), &TEXT.replace("\"a\"", "\"é\""));
        check("{}", |it| it.set("a", json!(1)), "{\"a\":1}");
        check(" { } ", |it| it.set("a", json!(1)), " {\"a\":1} ");
        check("{\"a\":1}", |it| it.remove("a"), "{}");
    }

    #[test]
    fn changes_follow_one_another() {
        let two = "{\"a\":2.50,\"b\":3}";
        check(two, |it| it.rename("a", "b"), "{\"b\":2.50}");
        check(two, |it| it.rename("c", "b"), two);
        let twice = |it: &mut Verbatim| {
            it.set("a", json!(1));
            it.set("a", json!(4));
            it.rename("a", "c");
        };
        check(two, twice, "{\"b\":3,\"c\":4}");
        let renamed = |it: &mut Verbatim| {
            it.rename("a", "c");
            assert_eq!((it.get("a"), it.get("c")), (None, Some(&json!(2.5))));
            it.set("c", json!(5));
        };
        check(two, renamed, "{\"b\":3,\"c\":5}");
        let again = |it: &mut Verbatim| {
            it.rename("a", "c");
            it.set("a", json!(5));
        };
        check(two, again, "{\"a\":5,\"b\":3,\"c\":2.5}");
        let back = |it: &mut Verbatim| {
            it.remove("b");
            assert_eq!(it.get("b"), None);
            it.set("b", json!(6));
        };
        check(two, back, "{\"a\":2.50,\"b\":6}");
    }

    #[test]
    fn what_is_left_without_some_members_is_what_they_are_by_now() {
        let mut object = of("{\"a\":2.50,\"b\":[1],\"c\":3,\"d\":4}");
        object.rename("a", "e");
        object.set("c", json!(5));
        object.set("f", json!(6));
        object.remove("d");
        let left = object.without(&["b", "f"]);
        let expected = json!({"c": 5, "e": 2.5});
        assert_eq!(*left.value(), expected);
        assert_eq!(super::super::parse(&left.text()).unwrap(), expected);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["[]", "{\"a\":1,\"a\":2}", "{\"a\":{\"b\":1,\"b\":2}}", "{}x", ""] {
            assert!(Verbatim::parse(Bytes::copy_from_slice(text.as_bytes())).is_err(), "{text}");
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-c\"\\\\,:{}é]{0,2}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_text_says_what_the_value_says(
            members in prop::collection::btree_map("[a-c\"\\\\,]{0,2}", value(), 0..4),
            pretty: bool,
            changes in prop::collection::vec((0_u8..3, "[a-c]{0,2}", "[a-c]{0,2}", value()), 0..5),
        ) {
            let members = Value::Object(members.into_iter().collect());
            let text = if pretty { format!("{members:#}") } else { members.to_string() };
            let mut object = of(&text);
            for (kind, name, other, value) in changes {
                match kind {
                    0 => object.set(&name, value),
                    1 => object.remove(&name),
                    _ if name == other => {}
                    _ => object.rename(&name, &other),
                }
                let told = super::super::parse(&object.text()).unwrap();
                prop_assert_eq!(&told, &*object.value());
                for name in ["a", "b", "c", "aa"] {
                    prop_assert_eq!(object.get(name), told.get(name));
                }
            }
        }
    }
}
