//! What of a request was left out, told in the answer's headers: `x-de-dropped`, `x-de-warnings`.

use http::HeaderName;

use crate::{http::context::Context, protocols::FieldIssue};

/// The most left-out members that are named, and the most characters of each.
const NAMED: usize = 50;
const NAME_CAP: usize = 60;
/// The most characters of the reason for leaving something out that a caller sees.
const REASON_CAP: usize = 120;

/// Names what of the caller's request was left out. What a header cannot hold is escaped, lest one such
/// name hide all others.
pub(super) fn tell(context: &Context, dropped: &[FieldIssue], warns: bool) {
    if dropped.is_empty() {
        return;
    }
    let shown = |text: &str, cap: usize| -> String {
        text.chars().take(cap).flat_map(char::escape_default).collect()
    };
    let name = |issue: &FieldIssue| shown(issue.pointer.trim_start_matches('/'), NAME_CAP);
    let names: Vec<String> = dropped.iter().take(NAMED).map(name).collect();
    let names = names.join(", ");
    context.tell(HeaderName::from_static("x-de-dropped"), &names);
    if warns {
        let why =
            |issue: &FieldIssue| format!("{}: {}", name(issue), shown(&issue.reason, REASON_CAP));
        let why: Vec<String> = dropped.iter().take(NAMED).map(why).collect();
        context.tell(HeaderName::from_static("x-de-warnings"), &why.join("; "));
        context.note(|line| line.dropped = Some(dropped.len()));
    }
}
