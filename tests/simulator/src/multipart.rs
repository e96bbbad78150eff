//! Reads `multipart/form-data`, whole: the forms of requests that bring files.
//!
//! Follows <https://www.rfc-editor.org/rfc/rfc7578>. Out of scope: nested parts and transfer encodings,
//! which that page deprecates.

use bytes::Bytes;

/// One part of a form.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Part {
    pub(crate) bytes: Bytes,
    /// What the part says its bytes are; empty if it says nothing.
    pub(crate) content_type: String,
    /// The name of the file; absent for a plain value.
    pub(crate) file_name: Option<String>,
    pub(crate) name: String,
}

/// Why a body is no form.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum FormError {
    #[error("the content type is not multipart/form-data with a boundary")]
    Boundary,
    #[error("the form does not end with its boundary")]
    Cut,
    #[error("a part has no name")]
    Name,
}

impl Part {
    /// The value as text; absent if it is not UTF-8.
    pub(crate) fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok()
    }
}

/// Whether a `Content-Type` is that of a form.
pub(crate) fn is_form(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("multipart/form-data")
}

/// Reads all parts in their order.
///
/// # Errors
/// `Boundary` for another `Content-Type`, `Cut` for a body that does not begin or end as a form,
/// `Name` for a part without one.
pub(crate) fn parts(content_type: &str, body: &[u8]) -> Result<Vec<Part>, FormError> {
    let boundary = parameter(content_type, "boundary").filter(|_| is_form(content_type));
    let boundary = boundary.filter(|text| !text.is_empty()).ok_or(FormError::Boundary)?;
    let delimiter = format!("\r\n--{boundary}").into_bytes();
    let first = delimiter.get(2..).unwrap_or_default();
    let start = find(body, first).ok_or(FormError::Cut)? + first.len();
    let mut rest = body.get(start..).unwrap_or_default();
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        let end = find(rest, &delimiter).ok_or(FormError::Cut)?;
        parts.push(part(rest.get(..end).unwrap_or_default())?);
        rest = rest.get(end + delimiter.len()..).unwrap_or_default();
    }
    Ok(parts)
}

/// Reads one part: the rest of its boundary's line, headers, an empty line, bytes.
fn part(text: &[u8]) -> Result<Part, FormError> {
    const BLANK: &[u8] = b"\r\n\r\n";
    let at = find(text, BLANK).ok_or(FormError::Cut)?;
    let headers = String::from_utf8_lossy(text.get(..at).unwrap_or_default()).into_owned();
    let header = |wanted: &str| {
        headers.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
        })
    };
    let disposition = header("content-disposition").unwrap_or_default();
    Ok(Part {
        bytes: Bytes::copy_from_slice(text.get(at + BLANK.len()..).unwrap_or_default()),
        content_type: header("content-type").unwrap_or_default(),
        file_name: parameter(&disposition, "filename"),
        name: parameter(&disposition, "name").ok_or(FormError::Name)?,
    })
}

/// A parameter of a header, without its quotes.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (name, value) = rest.split_once('=')?;
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => value.split_once(';').unwrap_or((value, "")),
        };
        if name.trim_start_matches(';').trim().eq_ignore_ascii_case(wanted) {
            return Some(value.trim().to_owned());
        }
        rest = after;
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::{FormError, parts};

    const TYPE: &str = "multipart/form-data; boundary=\"x-1\"";

    #[test]
    fn parts_are_read_in_order() {
        let body = b"--x-1\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\nA kite\r\n\
            --x-1\r\ncontent-disposition: form-data; name=\"image[]\"; filename=\"a; b.png\"\r\n\
            Content-Type: image/png\r\n\r\n\r\n--x\r\n\r\n--x-1--\r\n";
        let read = parts(TYPE, body).unwrap();
        let shown: Vec<_> = read
            .iter()
            .map(|part| (part.name.as_str(), part.file_name.as_deref(), part.content_type.as_str()))
            .collect();
        let expected = [("prompt", None, ""), ("image[]", Some("a; b.png"), "image/png")];
        assert_eq!(shown, expected);
        assert_eq!(read[0].text(), Some("A kite"));
        assert_eq!(read[1].bytes.as_ref(), b"\r\n--x\r\n");
    }

    #[test]
    fn what_is_no_form_is_refused() {
        let named = "--x-1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb";
        for (content_type, body, error) in [
            ("application/json", "{}", FormError::Boundary),
            ("multipart/form-data", "--x-1--", FormError::Boundary),
            (TYPE, "", FormError::Cut),
            (TYPE, named, FormError::Cut),
            (TYPE, "--x-1\r\nContent-Type: text/plain\r\n\r\nb\r\n--x-1--", FormError::Name),
        ] {
            assert_eq!(parts(content_type, body.as_bytes()), Err(error), "{body}");
        }
        assert_eq!(parts(TYPE, b"--x-1--\r\n"), Ok(Vec::new()));
    }
}
