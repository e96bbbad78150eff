//! What a text rests on: `annotations` of a part, of which `url_citation` is the one kind that others share.

use serde_json::{Value, json};

use super::super::{Malformed, answer::Answer, openai_chat::annotations::web};
use crate::chat::{Citation, CitedPlace};

/// Reads one annotation; `None` for kinds of the vendor's own.
pub(super) fn read(told: &Answer<'_>) -> Result<Option<Citation>, Malformed> {
    match told.string("type")? {
        Some("url_citation") => web(told),
        Some(_) | None => Ok(None),
    }
}

/// Writes one annotation. Where the vendor does not say which words rest on it, it is `text_length`
/// characters: all that was said so far. A citation of a document in the prompt has no form here.
pub(super) fn write(citation: &Citation, text_length: u64) -> Option<Value> {
    let CitedPlace::Web { mark: _, url } = &citation.place else { return None };
    let (start, end) = citation.span.unwrap_or((0, text_length));
    Some(json!({
        "type": "url_citation",
        "start_index": start,
        "end_index": end,
        "url": url,
        "title": citation.title.as_deref().unwrap_or_default(),
    }))
}
