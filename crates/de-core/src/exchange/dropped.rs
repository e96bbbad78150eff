//! What of a request was left out, as answers tell it: in the headers `x-de-dropped` and `x-de-warnings`, and
//! of a job in its members `dropped` and `warnings`.

use std::collections::BTreeSet;

use http::HeaderName;
use serde::{Deserialize, Serialize};

use crate::{http::context::Context, protocols::FieldIssue};

/// The most left-out members that are named, and the most bytes of each: clients take 16 KiB of headers in all.
const NAMED: usize = 50;
const NAME_CAP: usize = 60;
/// The most bytes of the reason for leaving something out that a caller sees.
const REASON_CAP: usize = 120;

/// What of a request was left out, in the words of an answer. It is short enough to be kept.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct LeftOut {
    /// Where each stood, at most 50 of them: `seed`, `options/style`.
    #[serde(default)]
    pub dropped: Vec<String>,
    /// Why, for a person, as `seed: …`; empty unless somebody wants to be warned.
    #[serde(default)]
    pub warnings: Vec<String>,
}

impl LeftOut {
    /// Says it of a request's members, of those that stand alike once; `warns` if the reasons are told too, of which a
    /// member may have several. What a header cannot hold is escaped, lest one such name hide all others.
    #[must_use]
    pub fn of(dropped: &[FieldIssue], warns: bool) -> Self {
        let name = |issue: &FieldIssue| shown(issue.pointer.trim_start_matches('/'), NAME_CAP);
        let reason =
            |issue: &FieldIssue| format!("{}: {}", name(issue), shown(&issue.reason, REASON_CAP));
        let mut places = BTreeSet::new();
        let new = dropped.iter().filter(|issue| places.insert(&issue.pointer));
        let names = new.take(NAMED).map(name).collect();
        let mut reasons = BTreeSet::new();
        let new = dropped.iter().filter(|_| warns);
        let new = new.filter(|issue| reasons.insert((&issue.pointer, &issue.reason)));
        Self { dropped: names, warnings: new.take(NAMED).map(reason).collect() }
    }

    /// Whether nothing was left out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.dropped.is_empty()
    }

    /// Tells it in the answer's headers; and their number in the log, where somebody wants to be warned.
    pub fn tell(&self, context: &Context) {
        if self.is_empty() {
            return;
        }
        context.tell(HeaderName::from_static("x-de-dropped"), &self.dropped.join(", "));
        if !self.warnings.is_empty() {
            let name = HeaderName::from_static("x-de-warnings");
            context.tell(name, &self.warnings.join("; "));
            context.note(|line| line.dropped = Some(self.dropped.len()));
        }
    }
}

/// So many bytes of a text, with what a header cannot hold escaped.
fn shown(text: &str, cap: usize) -> String {
    let mut shown = String::new();
    for letter in text.chars() {
        let before = shown.len();
        match letter {
            '\\' => shown.push_str("\\\\"),
            ' '..='~' => shown.push(letter),
            _ => shown.extend(letter.escape_default()),
        }
        if shown.len() > cap {
            shown.truncate(before);
            break;
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issue(pointer: &str) -> FieldIssue {
        FieldIssue { pointer: pointer.to_owned(), reason: "this vendor has none".to_owned() }
    }

    #[test]
    fn each_place_is_named_once_and_reasons_where_they_are_wanted() {
        let issues = [issue("/seed"), issue("/options/style"), issue("/seed")];
        let told = LeftOut::of(&issues, false);
        assert_eq!(told.dropped, ["seed", "options/style"]);
        assert!(told.warnings.is_empty());
        let told = LeftOut::of(&issues, true);
        let reasons = ["seed: this vendor has none", "options/style: this vendor has none"];
        assert_eq!(told.warnings, reasons);
        assert!(LeftOut::of(&[], true).is_empty());
        let other = FieldIssue { reason: "videos have none".to_owned(), ..issue("/seed") };
        let told = LeftOut::of(&[issue("/seed"), other, issue("/seed")], true);
        assert_eq!(told.dropped, ["seed"]);
        assert_eq!(told.warnings, ["seed: this vendor has none", "seed: videos have none"]);
    }

    #[test]
    fn names_are_few_short_and_plain() {
        let many: Vec<FieldIssue> = (0..60).map(|n| issue(&format!("/{n}"))).collect();
        let told = LeftOut::of(&many, true);
        assert_eq!((told.dropped.len(), told.warnings.len()), (50, 50));
        let odd =
            [issue("/é\n\\"), issue("/it's"), issue(&"x".repeat(99)), issue(&"語".repeat(60))];
        let told = LeftOut::of(&odd, false);
        let escaped = "\\u{8a9e}".repeat(7);
        let expected = ["\\u{e9}\\n\\\\", "it's", &"x".repeat(60), &escaped];
        assert_eq!(told.dropped, expected);
    }

    /// Records of jobs hold it, and outlive a deploy.
    #[test]
    fn it_is_kept_by_these_names() {
        let kept = serde_json::to_value(LeftOut::of(&[issue("/seed")], true)).unwrap();
        let expected = serde_json::json!({
            "dropped": ["seed"], "warnings": ["seed: this vendor has none"]
        });
        assert_eq!(kept, expected);
        assert!(serde_json::from_str::<LeftOut>("{}").unwrap().is_empty());
    }
}
