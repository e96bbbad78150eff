//! Holds an edit against its tables, and tells every fault with its place.

use serde_json::{Map, Value};
use url::Url;

use super::{
    MOST_ISSUES,
    merge::Merge,
    near::nearest,
    schema::{EDIT, Field, Kind, LONGEST_SECONDS, MOST_CLIPS, TRANSITIONS},
};
use crate::{
    guard,
    json::type_name,
    ports::Settings,
    protocols::{FieldIssue, fields::below},
};

/// How long a text is told in a fault.
const SHOWN: usize = 60;

/// Checks an edit.
pub(super) fn edit(edit: &Map<String, Value>, settings: &Settings, issues: &mut Vec<FieldIssue>) {
    let mut check = Check { issues, merge: Merge::of(edit), settings };
    check.members("", edit, EDIT, None);
    let clips = |track: &Value| track.get("clips").and_then(Value::as_array).map_or(0, Vec::len);
    let tracks = edit.get("timeline").and_then(|timeline| timeline.get("tracks"));
    let count: usize = tracks.and_then(Value::as_array).into_iter().flatten().map(clips).sum();
    if count > MOST_CLIPS {
        let found = format!("expected at most {MOST_CLIPS} clips in all tracks, found {count}");
        check.note("/timeline/tracks", found);
    }
}

/// A member that there is none of.
pub(super) fn unknown<'a>(
    pointer: &str,
    name: &str,
    allowed: impl Iterator<Item = &'a str> + Clone,
) -> FieldIssue {
    let meant = nearest(name, allowed.clone());
    let allowed = allowed.collect::<Vec<_>>().join(", ");
    let reason = match meant {
        Some(word) => format!("unknown; did you mean {word}? there are {allowed}"),
        None => format!("unknown; there are {allowed}"),
    };
    FieldIssue { pointer: pointer.to_owned(), reason }
}

/// A value that is another than was expected.
pub(super) fn expected(pointer: &str, what: &str, found: &Value) -> FieldIssue {
    let reason = format!("expected {what}, found {}", shown(found));
    FieldIssue { pointer: pointer.to_owned(), reason }
}

struct Check<'a> {
    issues: &'a mut Vec<FieldIssue>,
    merge: Merge<'a>,
    settings: &'a Settings,
}

impl Check<'_> {
    fn note(&mut self, pointer: &str, reason: String) {
        self.issues.push(FieldIssue { pointer: pointer.to_owned(), reason });
    }

    fn misfit(&mut self, pointer: &str, what: &str, found: &Value) {
        self.issues.push(expected(pointer, what, found));
    }

    /// Checks an object; `tag` is a member that has been looked at already.
    fn members(
        &mut self,
        pointer: &str,
        found: &Map<String, Value>,
        fields: &[Field],
        tag: Option<&'static str>,
    ) {
        for (name, value) in found {
            if self.issues.len() >= MOST_ISSUES {
                return;
            }
            let place = below(pointer, name);
            match fields.iter().find(|field| field.name == name) {
                Some(field) => self.value(&place, value, &field.kind),
                None if tag == Some(name) => {}
                None => {
                    let names = fields.iter().map(|field| field.name);
                    self.issues.push(unknown(&place, name, tag.into_iter().chain(names)));
                }
            }
        }
        for field in fields.iter().filter(|field| field.is_required) {
            if !found.contains_key(field.name) {
                self.note(&below(pointer, field.name), "is missing".to_owned());
            }
        }
    }

    fn value(&mut self, place: &str, value: &Value, kind: &Kind) {
        if self.issues.len() >= MOST_ISSUES {
            return;
        }
        // What may be any text is any text with others in it.
        let text = value.as_str().filter(|_| !matches!(kind, Kind::Any)).unwrap_or_default();
        let filled = match self.merge.fill(text) {
            Ok(filled) => filled,
            Err(fault) => return self.note(place, fault.to_string()),
        };
        // Whatever `merge` fills in is the vendor's to check.
        let is_open = filled.contains("{{") || filled != text;
        match (kind, value) {
            (Kind::Address, Value::String(_)) => self.address(place, &filled),
            (Kind::Address, _) => self.misfit(place, "a public https address", value),
            (Kind::Any, Value::Array(_) | Value::Object(_)) => {
                self.misfit(place, "a text, a number or a boolean", value);
            }
            (Kind::Any | Kind::Bool, Value::Bool(_)) | (Kind::Any, _) => {}
            (Kind::Course(_, _), Value::Array(steps)) => self.course(place, steps),
            (Kind::List(each, least, most), Value::Array(entries)) => {
                if !(*least..=*most).contains(&entries.len()) {
                    let found = entries.len();
                    self.note(place, format!("expected {least} to {most} entries, found {found}"));
                }
                for (index, entry) in entries.iter().enumerate().take(*most) {
                    self.value(&format!("{place}/{index}"), entry, each);
                }
            }
            (Kind::List(_, _, _), _) => self.misfit(place, "a list", value),
            (Kind::Object(fields), Value::Object(members)) => {
                self.members(place, members, fields, None);
            }
            (Kind::Tagged(kinds), Value::Object(members)) => self.tagged(place, members, kinds),
            (Kind::Free, Value::Object(_)) => {}
            (Kind::Free | Kind::Object(_) | Kind::Tagged(_), _) => {
                self.misfit(place, "an object", value);
            }
            (Kind::Text(most), Value::String(text)) => {
                let count = text.chars().count();
                if count > *most {
                    self.note(place, format!("expected at most {most} characters, found {count}"));
                }
            }
            (Kind::Text(_), _) => self.misfit(place, "a text", value),
            // A placeholder may stand for any word or number.
            _ if is_open => {}
            (Kind::Bool, _) => self.misfit(place, "true or false", value),
            (Kind::Choice(words), _) => self.choice(place, value, words),
            (Kind::Course(least, most), _) => {
                let what = format!("a number from {least} to {most}, or a list of such steps");
                self.number(place, value, *least, *most, &what);
            }
            (Kind::Integer(least, most), _) => {
                let what = format!("a whole number from {least} to {most}");
                self.number(place, value, *least, *most, &what);
                if value.as_f64().is_some_and(|number| number.fract() != 0.0) {
                    self.misfit(place, &what, value);
                }
            }
            (Kind::Number(least, most), _) => {
                self.number(
                    place,
                    value,
                    *least,
                    *most,
                    &format!("a number from {least} to {most}"),
                );
            }
            (Kind::Rate(rates), _) => {
                if !value.as_f64().is_some_and(|rate| rates.contains(&rate)) {
                    let known: Vec<String> = rates.iter().map(ToString::to_string).collect();
                    self.misfit(place, &format!("one of {}", known.join(", ")), value);
                }
            }
            (Kind::Seconds(words), Value::String(word)) if words.contains(&word.as_str()) => {}
            (Kind::Seconds(words), _) => {
                let what = format!("seconds, from 0 to {LONGEST_SECONDS}");
                let what = words.iter().fold(what, |what, word| format!("{what}, or {word}"));
                self.number(place, value, 0.0, LONGEST_SECONDS, &what);
            }
            (Kind::Transition, _) => self.transition(place, value),
        }
    }

    fn number(&mut self, place: &str, value: &Value, least: f64, most: f64, what: &str) {
        if !value.as_f64().is_some_and(|number| (least..=most).contains(&number)) {
            self.misfit(place, what, value);
        }
    }

    fn choice(&mut self, place: &str, value: &Value, words: &[&'static str]) {
        match value.as_str() {
            Some(word) if words.contains(&word) => {}
            word => {
                let meant = word.and_then(|word| nearest(word, words.iter().copied()));
                let meant =
                    meant.map_or_else(String::new, |word| format!("; did you mean {word}?"));
                let what = format!("one of {}", words.join(", "));
                self.note(place, format!("expected {what}, found {}{meant}", shown(value)));
            }
        }
    }

    fn transition(&mut self, place: &str, value: &Value) {
        let word = value.as_str().unwrap_or_default();
        let bare = word.strip_suffix("Slow").or_else(|| word.strip_suffix("Fast"));
        let has_pace =
            |word: &str| TRANSITIONS.contains(&word) && !["none", "zoom"].contains(&word);
        if !TRANSITIONS.contains(&word) && !bare.is_some_and(has_pace) {
            self.choice(place, value, TRANSITIONS);
        }
    }

    fn course(&mut self, place: &str, steps: &[Value]) {
        if !(1..=100).contains(&steps.len()) {
            self.note(place, format!("expected 1 to 100 steps, found {}", steps.len()));
        }
        for (index, step) in steps.iter().enumerate().take(100) {
            if !step.is_object() {
                self.misfit(&format!("{place}/{index}"), "a step as an object", step);
            }
        }
    }

    fn tagged(
        &mut self,
        place: &str,
        members: &Map<String, Value>,
        kinds: &[(&'static str, &'static [Field])],
    ) {
        let at = format!("{place}/type");
        let Some(tag) = members.get("type") else {
            let words: Vec<&str> = kinds.iter().map(|(word, _)| *word).collect();
            return self.note(&at, format!("is missing: one of {}", words.join(", ")));
        };
        match kinds.iter().find(|(word, _)| tag.as_str() == Some(word)) {
            Some((_, fields)) => self.members(place, members, fields, Some("type")),
            None => {
                let words: Vec<&'static str> = kinds.iter().map(|(word, _)| *word).collect();
                self.choice(&at, tag, &words);
            }
        }
    }

    /// The vendor fetches it, with what `merge` fills in: it must be there for anyone. Another clip is named by its
    /// alias.
    fn address(&mut self, place: &str, meant: &str) {
        if meant.contains("{{") || meant.starts_with("alias://") {
            return;
        }
        let checked = Url::parse(meant).map_err(|_| guard::Refusal::NotUrl);
        match checked.and_then(|url| guard::check(&url, self.settings)) {
            // An asset of ours is as good as any.
            Ok(()) | Err(guard::Refusal::Own { .. }) => {}
            Err(refusal) => {
                let found = shown(&Value::from(meant));
                let reason = format!("expected a public https address, found {found}: {refusal}");
                self.note(place, reason);
            }
        }
    }
}

/// A value as a fault tells it: its type, or the beginning of its text.
fn shown(value: &Value) -> String {
    match value {
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) if text.chars().count() > SHOWN => {
            let cut: String = text.chars().take(SHOWN).collect();
            format!("{cut:?}…")
        }
        Value::String(text) => format!("{text:?}"),
        other => type_name(other).to_owned(),
    }
}
