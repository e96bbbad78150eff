//! How large what is rendered is, and how much may still be.
//!
//! A filter's result is measured before it is made: what would be too large never takes memory, and
//! what is read again and again without being sent ends, too.

use core::fmt::{self, Write as _};

use base64::encoded_len;
use serde_json::Value;

use super::filter::{Filter, Hint, Maps, Resolved, row, scalar_text};
use super::render::{MAX_FILTERED, MAX_RENDERED, MAX_SPLICED, RenderError};

/// What data URLs begin with.
const DATA: &str = "data:";

/// How large a value is as JSON: what counts, and what is spliced in and does not.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Sized {
    pub(crate) counted: usize,
    pub(crate) spliced: usize,
}

impl Sized {
    /// Measures a value, about; escapes are not counted.
    pub(crate) fn of(value: &Value) -> Self {
        let mut size = Self::default();
        size.add(value);
        size
    }

    /// The same value where it is made of a file: all of it is spliced in.
    pub(crate) fn of_file(self) -> Self {
        Self { counted: 0, spliced: self.counted.saturating_add(self.spliced) }
    }

    fn of_text(length: usize, is_data_url: bool) -> Self {
        if is_data_url {
            Self { counted: 0, spliced: length }
        } else {
            Self { counted: length.saturating_add(2), spliced: 0 }
        }
    }

    fn add(&mut self, value: &Value) {
        match value {
            Value::Null | Value::Bool(_) => self.counted += 5,
            Value::Number(_) => self.counted += 8,
            Value::String(text) if text.starts_with(DATA) => self.spliced += text.len(),
            Value::String(text) => self.counted += text.len() + 2,
            Value::Array(items) => {
                self.counted += 2 + items.len();
                items.iter().for_each(|item| self.add(item));
            }
            Value::Object(members) => {
                self.counted += 2;
                for (name, member) in members {
                    self.counted += name.len() + 4;
                    self.add(member);
                }
            }
        }
    }
}

/// What a hint or a filter reads of a text, in bytes, and how large is what it makes of it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Work {
    pub(crate) read: usize,
    pub(crate) written: Sized,
}

impl Work {
    /// Of a hint. What `json` and `array` make is about as large as their text.
    pub(crate) fn of_hint(hint: Hint, value: &Resolved<'_>) -> Self {
        let Some(Value::String(text)) = value.json() else { return Self::default() };
        let written = match hint {
            Hint::Array => Sized::of_text(text.len(), false),
            // Which part of it is a data URL is known once it is read.
            Hint::Json => Sized::of_text(text.len(), text.contains("\"data:")),
            Hint::Bool | Hint::Float | Hint::Int | Hint::String => Sized::default(),
        };
        Self { read: text.len(), written }
    }

    /// Of a filter. Nothing is written where it refuses, or where there is no value.
    pub(crate) fn of_filter(filter: &Filter, value: &Resolved<'_>, maps: &Maps) -> Self {
        let value = match value {
            Resolved::File(file) => {
                let written = Sized::of_text(base64_length(file.data.len()), false).of_file();
                return match filter {
                    Filter::Base64 => Self { read: file.data.len(), written },
                    _ => Self::default(),
                };
            }
            Resolved::Json(value) => value.as_ref(),
        };
        let written = match (filter, value) {
            (Filter::Base64, Value::String(text)) => {
                Sized::of_text(base64_length(text.len()), false)
            }
            (Filter::First, Value::Array(items)) => {
                items.first().map(Sized::of).unwrap_or_default()
            }
            (Filter::Join { separator }, Value::Array(items)) => joined(items, separator),
            (Filter::Json, any) => Sized::of_text(json_length(any), false),
            (Filter::Lower, Value::String(text)) => {
                let head = text.get(..DATA.len());
                let is_data = head.is_some_and(|head| head.eq_ignore_ascii_case(DATA));
                Sized::of_text(cased_length(text, char::to_lowercase), is_data)
            }
            (Filter::Upper, Value::String(text)) => {
                Sized::of_text(cased_length(text, char::to_uppercase), false)
            }
            (Filter::Trim, Value::String(text)) => {
                let text = text.trim();
                Sized::of_text(text.len(), text.starts_with(DATA))
            }
            (Filter::Map { name }, value) => {
                let key = scalar_text(value);
                key.and_then(|key| row(maps, name, &key)).map(Sized::of).unwrap_or_default()
            }
            _ => Sized::default(),
        };
        Self { read: value.as_str().map_or(0, str::len), written }
    }

    fn bytes(self) -> usize {
        self.read.max(self.written.counted.saturating_add(self.written.spliced))
    }
}

fn base64_length(bytes: usize) -> usize {
    encoded_len(bytes, true).unwrap_or(usize::MAX)
}

fn cased_length<I: Iterator<Item = char>>(text: &str, case: fn(char) -> I) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.chars().flat_map(case).map(char::len_utf8).sum()
}

fn joined(items: &[Value], separator: &str) -> Sized {
    let texts = items.iter().filter_map(scalar_text).map(|text| text.len());
    let between = separator.len().saturating_mul(items.len().saturating_sub(1));
    let length = texts.fold(between, usize::saturating_add);
    let mut head = String::new();
    for (index, text) in items.iter().filter_map(scalar_text).enumerate() {
        let between = if index == 0 { "" } else { separator };
        head.extend(between.chars().chain(text.chars()).take(DATA.len()));
        if head.len() >= DATA.len() {
            break;
        }
    }
    Sized::of_text(length, head.starts_with(DATA))
}

/// How long a value is as JSON, escapes counted.
fn json_length(value: &Value) -> usize {
    struct Length(usize);

    impl fmt::Write for Length {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 = self.0.saturating_add(text.len());
            Ok(())
        }
    }

    let mut length = Length(0);
    // Nothing is written anywhere, so nothing fails.
    write!(length, "{value}").map_or(usize::MAX, |()| length.0)
}

/// What may still be rendered.
#[derive(Debug)]
pub(crate) struct Budget {
    counted: usize,
    filtered: usize,
    spliced: usize,
}

impl Budget {
    pub(crate) fn whole() -> Self {
        Self { counted: MAX_RENDERED, filtered: MAX_FILTERED, spliced: MAX_SPLICED }
    }

    pub(crate) fn take(&mut self, size: Sized) -> Result<(), RenderError> {
        let left = self.after(size)?;
        (self.counted, self.spliced) = left;
        Ok(())
    }

    pub(crate) fn take_bytes(&mut self, counted: usize) -> Result<(), RenderError> {
        self.take(Sized { counted, spliced: 0 })
    }

    /// Lets a hint or a filter work. What it writes must fit by itself; whether it is sent is not known yet, so
    /// nothing of it is taken.
    pub(crate) fn filter(&mut self, work: Work) -> Result<(), RenderError> {
        self.after(work.written)?;
        let left = self.filtered.checked_sub(work.bytes());
        self.filtered = left.ok_or(RenderError::TooMuchFiltered { limit: MAX_FILTERED })?;
        Ok(())
    }

    fn after(&self, size: Sized) -> Result<(usize, usize), RenderError> {
        let counted = self.counted.checked_sub(size.counted);
        let counted = counted.ok_or(RenderError::TooLarge { limit: MAX_RENDERED })?;
        let spliced = self.spliced.checked_sub(size.spliced);
        Ok((counted, spliced.ok_or(RenderError::SplicedTooLarge { limit: MAX_SPLICED })?))
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;
    use crate::mapping::variables::File;

    /// The rows of the property below.
    fn maps() -> Maps {
        let rows: Map<String, Value> =
            json!({"1": [1, "x"], "*": {"a": "data:,"}}).as_object().unwrap().clone();
        [("m".to_owned(), rows)].into()
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "(data:|DATA:| data:)[a-zΣßİΐ\"\\\\ ]{0,9}".prop_map(Value::from),
        ];
        let list = proptest::collection::vec(scalar.clone(), 0..4).prop_map(Value::from);
        prop_oneof![scalar, list]
    }

    proptest! {
        #[test]
        fn what_a_filter_writes_is_known_before(
            value in any_value(),
            filter in prop_oneof![
                Just("base64"), Just("first"), Just("join:"), Just("join:é,"), Just("json"),
                Just("lower"), Just("map:m"), Just("trim"), Just("upper"),
            ],
        ) {
            let filter = Filter::parse(filter).unwrap();
            let value = Resolved::Json(Cow::Owned(value));
            let work = Work::of_filter(&filter, &value, &maps());
            if let Ok(Some(Resolved::Json(made))) = value.filter(&filter, "x", &maps()) {
                prop_assert_eq!(work.written, Sized::of(&made));
            }
        }
    }

    #[test]
    fn a_files_base64_is_known_before() {
        let data = vec![1_u8; 100].into();
        let file = File { content_type: "image/png".into(), data, filename: None };
        let work = Work::of_filter(&Filter::Base64, &Resolved::File(&file), &maps());
        assert_eq!(work, Work { read: 100, written: Sized { counted: 0, spliced: 138 } });
    }
}
