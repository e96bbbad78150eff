//! What is said of a document beside what it says itself.

use super::fields::Issues;
use crate::chat::{Document, DocumentSource};

/// Notes what a vendor is not told of a file: what the model shall know of it, and its name where `has_name` says that
/// the vendor's files have none. A text has both before it ([`Document::as_text`]).
pub(in super::super) fn untold(document: &Document, has_name: bool, issues: &mut Issues) {
    if !matches!(document.source, DocumentSource::File(_)) {
        return;
    }
    let is_said = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    if is_said(&document.context) {
        issues.hint("/messages/*/context", "this vendor is told nothing of a file but what it is");
    }
    if !has_name && is_said(&document.name) {
        issues.hint("/messages/*/title", "this vendor's files have no names");
    }
}
