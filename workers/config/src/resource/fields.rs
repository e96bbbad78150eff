//! The fields of a body: those that are named change, null clears, and all that is wrong is told at once.

use de_core::{
    http::error::ApiError, ids::BadId, protocols::FieldIssue, store::Activity, time::UnixMillis,
};
use serde_json::{Map, Value};

/// The most entries that a list of a row may have.
const MOST_ENTRIES: usize = 100;

/// The members of a body that have not been read yet.
///
/// Each reader takes the place of the value: it stays as it is where the body does not name the field.
pub(crate) struct Fields {
    issues: Vec<FieldIssue>,
    known: Vec<&'static str>,
    rest: Map<String, Value>,
}

impl Fields {
    /// Begins to read a body.
    pub(crate) fn of(body: Map<String, Value>) -> Self {
        Self { issues: Vec::new(), known: Vec::new(), rest: body }
    }

    /// Whether the body names a field as null or an empty list.
    pub(crate) fn is_blank(&self, name: &str) -> bool {
        match self.rest.get(name) {
            Some(Value::Null) => true,
            Some(Value::Array(entries)) => entries.is_empty(),
            Some(_) | None => false,
        }
    }

    /// Complains, once, if the body has nothing for a field.
    pub(crate) fn require(&mut self, name: &str) {
        if self.rest.get(name).is_none_or(Value::is_null) {
            self.rest.shift_remove(name);
            self.wrong(name, "is required");
        }
    }

    /// Complains about a field.
    pub(crate) fn wrong(&mut self, name: &str, reason: &str) {
        let pointer = format!("/{name}");
        self.issues.push(FieldIssue { pointer, reason: reason.to_owned() });
    }

    /// A field as it stands; `None` if it is not named.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.rest.shift_remove(name)
    }

    /// Text of 1 to `most` characters, that cannot be cleared.
    pub(crate) fn text(&mut self, name: &'static str, most: usize, place: &mut String) {
        let mut read = Some(place.clone());
        self.text_or_null(name, most, &mut read);
        match read {
            Some(text) => *place = text,
            None => self.wrong(name, "cannot be null"),
        }
    }

    /// Text of 1 to `most` characters, or null.
    pub(crate) fn text_or_null(
        &mut self,
        name: &'static str,
        most: usize,
        place: &mut Option<String>,
    ) {
        match self.take(name) {
            None => {}
            Some(Value::Null) => *place = None,
            Some(Value::String(text)) => {
                let length = text.chars().count();
                if text.trim().is_empty() {
                    self.wrong(name, "must not be empty");
                } else if length > most {
                    self.wrong(name, &format!("has {length} characters; at most {most} are taken"));
                } else if text.contains(char::is_control) && name != "description" {
                    self.wrong(name, "has a control character");
                } else {
                    *place = Some(text);
                }
            }
            Some(_) => self.wrong(name, "expected text"),
        }
    }

    /// One of some words; null brings back the first of them.
    pub(crate) fn word(&mut self, name: &'static str, words: &[&'static str], place: &mut String) {
        let usual = words.first().copied().unwrap_or_default();
        match self.take(name) {
            None => {}
            Some(Value::Null) => usual.clone_into(place),
            Some(Value::String(word)) if words.contains(&word.as_str()) => *place = word,
            Some(_) => self.wrong(name, &format!("expected {}", words.join(" or "))),
        }
    }

    /// One of some words, that cannot be cleared.
    pub(crate) fn choice(
        &mut self,
        name: &'static str,
        words: &[&'static str],
        place: &mut String,
    ) {
        if self.rest.get(name) == Some(&Value::Null) {
            self.take(name);
            return self.wrong(name, &format!("expected {}", words.join(" or ")));
        }
        self.word(name, words, place);
    }

    /// `status`.
    pub(crate) fn status(&mut self, place: &mut Activity) {
        let mut word = place.as_str().to_owned();
        self.word("status", &["active", "suspended"], &mut word);
        *place = Activity::parse(&word).unwrap_or(*place);
    }

    /// True or false; null is false.
    pub(crate) fn flag(&mut self, name: &'static str, place: &mut bool) {
        match self.take(name) {
            None => {}
            Some(Value::Null) => *place = false,
            Some(Value::Bool(flag)) => *place = flag,
            Some(_) => self.wrong(name, "expected true or false"),
        }
    }

    /// A whole number from 1 to `most`, or null.
    pub(crate) fn count_or_null(&mut self, name: &'static str, most: i64, place: &mut Option<i64>) {
        match self.take(name) {
            None => {}
            Some(Value::Null) => *place = None,
            Some(value) => match value.as_i64().filter(|count| (1..=most).contains(count)) {
                Some(count) => *place = Some(count),
                None => self.wrong(name, &format!("expected a whole number from 1 to {most}")),
            },
        }
    }

    /// A whole number from 0 to `most`, or null: 0 is a number.
    pub(crate) fn amount_or_null(
        &mut self,
        name: &'static str,
        most: u64,
        place: &mut Option<u64>,
    ) {
        match self.take(name) {
            None => {}
            Some(Value::Null) => *place = None,
            Some(value) => match value.as_u64().filter(|amount| *amount <= most) {
                Some(amount) => *place = Some(amount),
                None => self.wrong(name, &format!("expected a whole number from 0 to {most}")),
            },
        }
    }

    /// Whole seconds from 0 to `most`; 0 if the body does not name them.
    pub(crate) fn seconds(&mut self, name: &'static str, most: i64) -> i64 {
        let Some(value) = self.take(name).filter(|value| !value.is_null()) else { return 0 };
        value.as_i64().filter(|seconds| (0..=most).contains(seconds)).unwrap_or_else(|| {
            self.wrong(name, &format!("expected whole seconds from 0 to {most}"));
            0
        })
    }

    /// A time, or null.
    pub(crate) fn time_or_null(&mut self, name: &'static str, place: &mut Option<UnixMillis>) {
        match self.take(name) {
            None => {}
            Some(Value::Null) => *place = None,
            Some(value) => match value.as_str().and_then(UnixMillis::parse_rfc3339) {
                Some(time) => *place = Some(time),
                None => self.wrong(name, "expected a time: 2026-11-25T15:49:36.120Z"),
            },
        }
    }

    /// An id that is named; `None` if it is not, or is null.
    pub(crate) fn id<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, BadId>,
    ) -> Option<T> {
        match self.take(name)? {
            Value::Null => None,
            Value::String(text) => match parse(&text) {
                Ok(id) => Some(id),
                Err(err) => {
                    self.wrong(name, &err.to_string());
                    None
                }
            },
            _ => {
                self.wrong(name, "expected text");
                None
            }
        }
    }

    /// A list of texts that `parse` takes; null is an empty one.
    pub(crate) fn list<T: PartialEq>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
        place: &mut Vec<T>,
    ) {
        let mut read = Some(std::mem::take(place));
        self.list_or_null(name, parse, &mut read);
        *place = read.unwrap_or_default();
    }

    /// A list of texts that `parse` takes, or null.
    pub(crate) fn list_or_null<T: PartialEq>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
        place: &mut Option<Vec<T>>,
    ) {
        let entries = match self.take(name) {
            None => return,
            Some(Value::Null) => {
                *place = None;
                return;
            }
            Some(Value::Array(entries)) => entries,
            Some(_) => return self.wrong(name, "expected a list"),
        };
        if entries.len() > MOST_ENTRIES {
            return self.wrong(name, &format!("has more than {MOST_ENTRIES} entries"));
        }
        let mut read = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            match entry.as_str().ok_or_else(|| "expected text".to_owned()).and_then(&parse) {
                Ok(entry) if read.contains(&entry) => {
                    self.wrong(&format!("{name}/{index}"), "stands there twice");
                }
                Ok(entry) => read.push(entry),
                Err(reason) => self.wrong(&format!("{name}/{index}"), &reason),
            }
        }
        *place = Some(read);
    }

    /// Anything, left to others to read; null is nothing.
    pub(crate) fn any(&mut self, name: &'static str, place: &mut Option<Value>) {
        match self.take(name) {
            None => {}
            Some(value) => *place = Some(value).filter(|value| !value.is_null()),
        }
    }

    /// An object whose members `member` takes; null is an empty one.
    pub(crate) fn object<T: FromIterator<(String, V)>, V>(
        &mut self,
        name: &'static str,
        member: impl Fn(&str, &Value) -> Result<V, String>,
        place: &mut T,
    ) {
        let members = match self.take(name) {
            None => return,
            Some(Value::Null) => Map::new(),
            Some(Value::Object(members)) => members,
            Some(_) => return self.wrong(name, "expected an object"),
        };
        let mut read = Vec::new();
        for (key, value) in &members {
            match member(key, value) {
                Ok(value) => read.push((key.clone(), value)),
                Err(reason) => {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    self.wrong(&format!("{name}/{key}"), &reason);
                }
            }
        }
        *place = read.into_iter().collect();
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` with all that was wrong, and each field that nobody asked for.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        let issues = self.into_issues();
        if issues.is_empty() { Ok(()) } else { Err(ApiError::fields(&issues)) }
    }

    /// Ends the reading: all that was wrong, and each field that nobody asked for.
    pub(crate) fn into_issues(mut self) -> Vec<FieldIssue> {
        let reason = format!("cannot be set here; there are {}", self.known.join(", "));
        let rest: Vec<String> =
            std::mem::take(&mut self.rest).into_iter().map(|(name, _)| name).collect();
        for name in rest {
            let name = name.replace('~', "~0").replace('/', "~1");
            self.wrong(&name, &reason);
        }
        self.issues
    }
}

/// An origin as browsers write it: scheme, host, and a port that is not the usual one.
pub(crate) fn origin(text: &str) -> Result<String, String> {
    let parsed = url::Url::parse(text).map(|url| url.origin().ascii_serialization());
    match parsed {
        Ok(origin) if origin == text && origin != "null" => Ok(origin),
        Ok(_) | Err(_) => Err("expected an origin: https://app.example.com".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(body: Value) -> Fields {
        Fields::of(body.as_object().cloned().unwrap_or_default())
    }

    #[test]
    fn c31_what_is_not_named_stays_and_null_clears() {
        let mut read = fields(json!({"a": null, "b": 5, "d": null}));
        let (mut a, mut b, mut c, mut d) =
            (Some("x".to_owned()), Some(1), true, vec!["l".to_owned()]);
        read.text_or_null("a", 10, &mut a);
        read.count_or_null("b", 10, &mut b);
        read.flag("c", &mut c);
        read.list("d", |text| Ok(text.to_owned()), &mut d);
        assert!(read.finish().is_ok());
        assert_eq!((a, b, c, d), (None, Some(5), true, Vec::new()));
    }

    #[test]
    fn c31_everything_that_is_wrong_is_told_at_once_and_the_unknown_by_name() {
        let mut read =
            fields(json!({"name": null, "days": 0, "origins": ["https://a.b", "x", "https://a.b"],
            "models": {"text": 1}, "at": "soon", "typo": 1}));
        read.text("name", 10, &mut String::new());
        read.count_or_null("days", 10, &mut None);
        read.list("origins", origin, &mut Vec::new());
        let member = |_: &str, value: &Value| {
            value.as_str().map(str::to_owned).ok_or_else(|| "expected text".to_owned())
        };
        read.object("models", member, &mut Vec::new());
        read.time_or_null("at", &mut None);
        let error = read.finish().unwrap_err();
        let told = error.details()["fields"].as_array().cloned().unwrap_or_default();
        let told: Vec<&str> = told.iter().filter_map(|field| field["field"].as_str()).collect();
        assert_eq!(
            told,
            ["/name", "/days", "/origins/1", "/origins/2", "/models/text", "/at", "/typo"]
        );
    }

    #[test]
    fn an_origin_is_no_address() {
        for good in ["https://app.example.com", "http://127.0.0.1:8788"] {
            assert!(origin(good).is_ok(), "{good}");
        }
        for bad in ["https://a.b/", "https://a.b/x", "https://a.b:443", "*", "null", "file:///x"] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }
}
