//! Reads members of a request and collects every fault with its place, so that a caller mends all at once.
//!
//! `null` counts as absent, as both OpenAI's and Anthropic's clients send it for what was left open.

use core::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::{
    chat::{CacheTtl, ChatCall, OwnWord, Weight},
    json::type_name,
    model::OnUnsupported,
    protocols::Draft,
    protocols::{FieldIssue, Target, capable::LOST_THOUGHTS},
};

/// Why a model that always thinks is not told not to.
pub(crate) const ALWAYS_THINKS: &str = "this model always thinks: low is the least";

/// What was found wrong so far, and what was left out.
#[derive(Debug, Default)]
pub(crate) struct Issues {
    dropped: Vec<FieldIssue>,
    found: Vec<FieldIssue>,
}

impl Issues {
    /// Begins with what only a relay could have carried.
    pub(crate) fn for_vendor(call: &ChatCall, target: &Target) -> Self {
        let mut issues = Self::default();
        for word in &call.own_words {
            let (pointer, reason) = (&word.issue.pointer, &word.issue.reason);
            match word.weight {
                Weight::Essential => issues.add(pointer, reason),
                Weight::Hint => issues.hint(pointer, reason),
                Weight::Setting => issues.unsaid(pointer, reason, target),
            }
        }
        issues
    }

    /// Notes a setting that the vendor lacks, unless the model config says to leave such out.
    pub(crate) fn unsupported(&mut self, pointer: &str, target: &Target) {
        self.unsaid(pointer, "this model's vendor has no such setting", target);
    }

    /// Notes a value that the vendor has no word for, and why, unless the model config says to leave such out.
    pub(crate) fn unsaid(&mut self, pointer: &str, reason: &str, target: &Target) {
        match target.on_unsupported {
            OnUnsupported::Drop | OnUnsupported::Warn => self.hint(pointer, reason),
            OnUnsupported::Reject => self.add(pointer, reason),
        }
    }

    /// Notes something that is left out whatever the model config says: the answer is the same without it.
    pub(crate) fn hint(&mut self, pointer: &str, reason: &str) {
        if !self.dropped.iter().any(|issue| issue.pointer == pointer) {
            self.dropped
                .push(FieldIssue { pointer: pointer.to_owned(), reason: reason.to_owned() });
        }
    }

    /// Notes thoughts of earlier turns that a vendor does not get back.
    pub(crate) fn lost_thoughts(&mut self) {
        self.hint(LOST_THOUGHTS, "a thought goes back only to the vendor that sealed it");
    }

    /// Notes citations of earlier turns that a vendor does not get back.
    pub(crate) fn lost_citations(&mut self) {
        self.hint("/messages/*/citations", "this vendor takes no such citations back");
    }

    /// Notes marks of a caller's cache, at a vendor that caches what is repeated without being told.
    pub(crate) fn no_cache_marks(&mut self) {
        self.hint("/cache_control", "this vendor caches prompts without marks");
    }

    /// Notes one of the settings that OpenAI's protocols share and that this vendor lacks.
    pub(crate) fn own_setting(&mut self, name: &str, target: &Target) {
        let pointer = format!("/{name}");
        // The others say where and how the call is kept and served, not what is answered.
        match name {
            "verbosity" => self.unsupported(&pointer, target),
            _ => self.hint(&pointer, "only OpenAI has such a setting"),
        }
    }

    /// Notes what is left out for a model that takes no sampling parameters, whatever its row says of
    /// unsupported settings: callers send them by habit.
    pub(crate) fn no_sampling(&mut self, call: &ChatCall) {
        let given = [
            ("/temperature", call.temperature.is_some()),
            ("/top_p", call.top_p.is_some()),
            ("/top_k", call.top_k.is_some()),
            ("/frequency_penalty", call.frequency_penalty.is_some()),
            ("/presence_penalty", call.presence_penalty.is_some()),
        ];
        for (pointer, _) in given.into_iter().filter(|(_, given)| *given) {
            self.hint(pointer, "this model takes no sampling parameters");
        }
    }

    /// Notes that a model that takes no sampling parameters tells no probabilities either, if they are asked for.
    pub(crate) fn no_logprobs(&mut self, call: &ChatCall, target: &Target) {
        if call.logprobs.is_some() {
            self.unsaid("/logprobs", "this model tells no probabilities of tokens", target);
        }
    }

    /// Notes a fault.
    pub(crate) fn add(&mut self, pointer: impl Into<String>, reason: impl Into<String>) {
        self.found.push(FieldIssue { pointer: pointer.into(), reason: reason.into() });
    }

    /// Notes that something else was expected.
    pub(crate) fn expected(&mut self, pointer: impl Into<String>, what: &str, got: &Value) {
        self.add(pointer, format!("expected {what}, got {}", type_name(got)));
    }

    /// Gives `value`, unless there were faults.
    pub(crate) fn or<T>(self, value: T) -> Result<T, Vec<FieldIssue>> {
        if self.found.is_empty() { Ok(value) } else { Err(self.found) }
    }

    /// What was found wrong, and what was left out.
    pub(crate) fn parts(self) -> (Vec<FieldIssue>, Vec<FieldIssue>) {
        (self.found, self.dropped)
    }

    /// Gives what was left out, unless there were faults.
    pub(crate) fn left_out(self) -> Result<Vec<FieldIssue>, Vec<FieldIssue>> {
        if self.found.is_empty() { Ok(self.dropped) } else { Err(self.found) }
    }

    /// Gives the request with what was left out of it, unless there were faults.
    pub(crate) fn written(self, draft: Draft) -> Result<Draft, Vec<FieldIssue>> {
        Ok(Draft { dropped: self.left_out()?, ..draft })
    }
}

/// Reads `cache_control`, the mark that Anthropic's callers set and those of other protocols at gateways.
///
/// A lifetime that is not known here is the vendor's to judge where it is relayed; elsewhere the mark goes with
/// the usual one.
pub(crate) fn cache_ttl(
    item: &Fields<'_>,
    call: &mut ChatCall,
    issues: &mut Issues,
) -> Option<CacheTtl> {
    let mark = item.object("cache_control", issues)?;
    mark.hint_others(&["ttl", "type"], call);
    match mark.string("ttl", issues) {
        Some("1h") => return Some(CacheTtl::OneHour),
        Some("5m") | None => {}
        Some(_) => unknown_word(call, mark.at("ttl"), "5m, 1h", Weight::Hint),
    }
    Some(CacheTtl::FiveMinutes)
}

/// A cache mark on a part: OpenAI's own, or Anthropic's, which callers of gateways set in OpenAI's protocols too.
pub(crate) fn cache_mark(
    part: &Fields<'_>,
    call: &mut ChatCall,
    issues: &mut Issues,
) -> Option<CacheTtl> {
    let own = part.object("prompt_cache_breakpoint", issues).map(|mark| {
        match mark.string("ttl", issues) {
            Some("12h") => CacheTtl::OneHour,
            Some(_) | None => CacheTtl::FiveMinutes,
        }
    });
    own.or_else(|| cache_ttl(part, call, issues))
}

/// The most words that only a caller's protocol knows and that are noted of one call: a body may hold any number
/// of them, and no answer names more.
const MOST_NOTED: usize = 100;

/// Notes members that have no place in a call, once for all that stand alike: `/messages/*/name`. The answer is
/// the same without them, or nobody knows better.
fn hint_member(call: &mut ChatCall, pointer: &str) {
    let is_place = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts = pointer.split('/').map(|part| if is_place(part) { "*" } else { part });
    let pointer = parts.collect::<Vec<_>>().join("/");
    note_hint(call, &pointer, "this model's vendor speaks another protocol");
}

/// Notes something that has no place in a call, and without which its answer is the same.
pub(crate) fn note_hint(call: &mut ChatCall, pointer: &str, reason: &str) {
    let words = &mut call.own_words;
    if words.len() < MOST_NOTED && words.iter().all(|word| word.issue.pointer != pointer) {
        let issue = FieldIssue { pointer: pointer.to_owned(), reason: reason.to_owned() };
        words.push(OwnWord { issue, weight: Weight::Hint });
    }
}

/// Notes a word out of a set that is known to grow. Only a relay can carry it: there its vendor judges it.
pub(crate) fn unknown_word(call: &mut ChatCall, pointer: String, known: &str, weight: Weight) {
    let reason = format!("expected one of {known}");
    call.own_words.push(OwnWord { issue: FieldIssue { pointer, reason }, weight });
}

/// Writes the pointer of a member.
pub(crate) fn below(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// An object of the request and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    members: &'a Map<String, Value>,
    pointer: String,
}

impl<'a> Fields<'a> {
    /// Takes a whole body.
    pub(crate) fn root(members: &'a Map<String, Value>) -> Self {
        Self { members, pointer: String::new() }
    }

    /// Takes a value that must be an object; `None` is noted.
    pub(crate) fn of(
        pointer: impl Into<String>,
        value: &'a Value,
        issues: &mut Issues,
    ) -> Option<Self> {
        let pointer = pointer.into();
        match value {
            Value::Object(members) => Some(Self { members, pointer }),
            other => {
                issues.expected(pointer, "an object", other);
                None
            }
        }
    }

    /// Takes an object that is one already.
    pub(crate) fn in_object(pointer: &str, members: &'a Map<String, Value>) -> Self {
        Self { members, pointer: pointer.to_owned() }
    }

    /// The names of the members that are not null, in the caller's order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> {
        let given = self.members.iter().filter(|(_, value)| !value.is_null());
        given.map(|(name, _)| name.as_str())
    }

    /// The pointer of a member.
    pub(crate) fn at(&self, name: &str) -> String {
        below(&self.pointer, name)
    }

    /// The pointer of the object itself.
    pub(crate) fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Whether a member is there and not null.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// A member of any type.
    pub(crate) fn value(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// Notes a required member that is absent.
    pub(crate) fn require(&self, name: &str, issues: &mut Issues) {
        if !self.has(name) {
            issues.add(self.at(name), "required");
        }
    }

    /// Notes every member that is not among `known`.
    pub(crate) fn refuse_unknown(&self, known: &[&str], issues: &mut Issues) {
        for name in self.members.keys().filter(|name| !known.contains(&name.as_str())) {
            issues.add(self.at(name), format!("unknown; there are {}", known.join(", ")));
        }
    }

    fn typed<T>(
        &self,
        name: &str,
        what: &str,
        issues: &mut Issues,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.value(name)?;
        let read = read(value);
        if read.is_none() {
            issues.expected(self.at(name), what, value);
        }
        read
    }

    /// A text.
    pub(crate) fn string(&self, name: &str, issues: &mut Issues) -> Option<&'a str> {
        self.typed(name, "a string", issues, Value::as_str)
    }

    /// A text that must be there.
    pub(crate) fn required_string(&self, name: &str, issues: &mut Issues) -> Option<&'a str> {
        self.require(name, issues);
        self.string(name, issues)
    }

    /// A text out of a closed set.
    pub(crate) fn word(&self, name: &str, words: &[&str], issues: &mut Issues) -> Option<&'a str> {
        let word = self.string(name, issues)?;
        if words.contains(&word) {
            return Some(word);
        }
        issues.add(self.at(name), format!("expected one of {}", words.join(", ")));
        None
    }

    /// A truth value.
    pub(crate) fn boolean(&self, name: &str, issues: &mut Issues) -> Option<bool> {
        self.typed(name, "a boolean", issues, Value::as_bool)
    }

    /// A number within bounds.
    pub(crate) fn number(
        &self,
        name: &str,
        range: RangeInclusive<f64>,
        issues: &mut Issues,
    ) -> Option<f64> {
        let what = format!("a number from {} to {}", range.start(), range.end());
        self.numeric(name, &what, issues, |value| {
            value.as_f64().filter(|number| range.contains(number))
        })
    }

    /// A whole number of at least `least`.
    pub(crate) fn count(&self, name: &str, least: u64, issues: &mut Issues) -> Option<u64> {
        let what = format!("a whole number of at least {least}");
        self.numeric(name, &what, issues, |value| value.as_u64().filter(|number| *number >= least))
    }

    /// A whole number of either sign.
    pub(crate) fn integer(&self, name: &str, issues: &mut Issues) -> Option<i64> {
        self.numeric(name, "a whole number", issues, Value::as_i64)
    }

    /// A number that may be of the right type and still wrong: then the message repeats it.
    fn numeric<T>(
        &self,
        name: &str,
        what: &str,
        issues: &mut Issues,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Option<T> {
        match self.value(name)? {
            Value::Number(wrong) => {
                let number = self.value(name).and_then(read);
                if number.is_none() {
                    issues.add(self.at(name), format!("expected {what}, got {wrong}"));
                }
                number
            }
            other => {
                issues.expected(self.at(name), what, other);
                None
            }
        }
    }

    /// A list.
    pub(crate) fn list(&self, name: &str, issues: &mut Issues) -> Option<&'a [Value]> {
        self.typed(name, "a list", issues, |value| value.as_array().map(Vec::as_slice))
    }

    /// A list's objects, each with its place. What is no object is noted and left out.
    pub(crate) fn objects(&self, name: &str, issues: &mut Issues) -> Vec<Fields<'a>> {
        let items = self.list(name, issues).unwrap_or_default();
        let at = self.at(name);
        let objects = items.iter().enumerate();
        objects
            .filter_map(|(index, item)| Fields::of(format!("{at}/{index}"), item, issues))
            .collect()
    }

    /// An object.
    pub(crate) fn object(&self, name: &str, issues: &mut Issues) -> Option<Fields<'a>> {
        self.value(name).and_then(|value| Fields::of(self.at(name), value, issues))
    }

    /// A text, or a list of texts.
    pub(crate) fn strings(&self, name: &str, issues: &mut Issues) -> Vec<String> {
        match self.value(name) {
            None => Vec::new(),
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(items)) => {
                let mut strings = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    match item.as_str() {
                        Some(text) => strings.push(text.to_owned()),
                        None => {
                            issues.expected(format!("{}/{index}", self.at(name)), "a string", item)
                        }
                    }
                }
                strings
            }
            Some(other) => {
                issues.expected(self.at(name), "a string or a list of strings", other);
                Vec::new()
            }
        }
    }

    /// Notes the members that are not among `known`, which only a relay carries. Empty lists say nothing.
    pub(crate) fn hint_others(&self, known: &[&str], call: &mut ChatCall) {
        let says = |value: &Value| {
            !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty())
        };
        for (name, _) in self.members.iter().filter(|(_, value)| says(value)) {
            if !known.contains(&name.as_str()) {
                hint_member(call, &self.at(name));
            }
        }
    }

    /// Members that are not among `known`, copied.
    pub(crate) fn others(&self, known: &[&str]) -> Map<String, Value> {
        let others = self.members.iter().filter(|(name, _)| !known.contains(&name.as_str()));
        others.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}
