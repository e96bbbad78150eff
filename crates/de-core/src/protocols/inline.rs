//! Bytes that stand in a request itself, as `data:` addresses (RFC 2397) with base64.

use crate::chat::Source;

/// Reads an address that a vendor may fetch, or that holds the bytes; `None` for any other text.
pub(crate) fn address(url: &str) -> Option<Source> {
    if url.starts_with("https://") || url.starts_with("http://") {
        return Some(Source::Url(url.to_owned()));
    }
    inline(url)
}

/// Reads a `data:` address with base64; `None` for any other text.
pub(crate) fn inline(url: &str) -> Option<Source> {
    let (media_type, base64) = url.strip_prefix("data:")?.split_once(";base64,")?;
    (!base64.is_empty())
        .then(|| Source::Inline { base64: base64.to_owned(), media_type: media_type.to_owned() })
}

/// Writes the address of a source.
pub(crate) fn url(source: &Source) -> String {
    match source {
        Source::Inline { base64, media_type } => format!("data:{media_type};base64,{base64}"),
        Source::Url(url) => url.clone(),
    }
}
