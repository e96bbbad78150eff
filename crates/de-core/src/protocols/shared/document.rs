//! What is said of a document beside what it says itself.

use super::fields::Issues;
use crate::chat::{Document, DocumentSource};

/// Notes what a vendor is not told of a file: what the model shall know of it. A text has that before it
/// ([`Document::as_text`]). The name of a file is not noted where a vendor's files have none: OpenAI's clients have to
/// send one, whether it means something or not.
pub(in super::super) fn untold(document: &Document, issues: &mut Issues) {
    let is_said = document.context.as_ref().is_some_and(|context| !context.is_empty());
    if is_said && matches!(document.source, DocumentSource::File(_)) {
        issues.hint("/messages/*/context", "this vendor is told nothing of a file but what it is");
    }
}
