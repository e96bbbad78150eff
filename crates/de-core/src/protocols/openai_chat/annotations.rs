//! What an answer rests on: `annotations` of a message, of which `url_citation` is the one kind.
//!
//! A citation of a document in the prompt has no form here, and is left out.

use serde_json::{Value, json};

use super::super::{Malformed, answer::Answer};
use crate::chat::{Citation, CitedPlace};

/// Reads the citations of a message, whole or a piece.
pub(super) fn read(message: &Answer<'_>) -> Result<Vec<Citation>, Malformed> {
    let mut citations = Vec::new();
    for note in message.objects("annotations")? {
        if let Some(told) = note.object("url_citation")? {
            citations.extend(web(&told)?);
        }
    }
    Ok(citations)
}

/// Reads the citation of a page, whose members are the same in both of OpenAI's protocols.
pub(in super::super) fn web(told: &Answer<'_>) -> Result<Option<Citation>, Malformed> {
    let Some(url) = told.string("url")? else { return Ok(None) };
    Ok(Some(Citation {
        cited_text: None,
        place: CitedPlace::Web { mark: None, url: url.to_owned() },
        span: told.count("start_index").zip(told.count("end_index")),
        title: told.string("title")?.map(str::to_owned),
    }))
}

/// Writes one annotation. Where the vendor does not say which words rest on it, it is `text_length`
/// characters: all that was said so far.
pub(super) fn write(citation: &Citation, text_length: u64) -> Option<Value> {
    let CitedPlace::Web { mark: _, url } = &citation.place else { return None };
    let (start, end) = citation.span.unwrap_or((0, text_length));
    Some(json!({
        "type": "url_citation",
        "url_citation": {
            "url": url,
            "title": citation.title.as_deref().unwrap_or_default(),
            "start_index": start,
            "end_index": end,
        },
    }))
}
