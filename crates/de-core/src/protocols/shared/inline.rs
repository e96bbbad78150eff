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
        .then(|| Source::Inline { base64: base64.into(), media_type: media_type.to_owned() })
}

/// Reads a file as OpenAI's callers send it: an address with base64, or base64 alone, which is what its name says and
/// a PDF where that says nothing. `None` for an address of another kind.
pub(crate) fn file(data: &str, name: Option<&str>) -> Option<Source> {
    if data.starts_with("data:") {
        return inline(data);
    }
    let ending = name.and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending);
    let media_type = match ending.unwrap_or_default().to_ascii_lowercase().as_str() {
        "csv" => "text/csv",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "htm" | "html" => "text/html",
        "json" => "application/json",
        "md" => "text/markdown",
        "pptx" => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "text" | "txt" => "text/plain",
        "tsv" => "text/tab-separated-values",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xml" => "text/xml",
        _ => "application/pdf",
    };
    Some(Source::Inline { base64: data.into(), media_type: media_type.to_owned() })
}

/// Writes the address of a source.
pub(crate) fn url(source: &Source) -> String {
    match source {
        Source::Inline { base64, media_type } => format!("data:{media_type};base64,{base64}"),
        Source::Url(url) => url.clone(),
    }
}
