//! `x-de-on-unsupported`: what a caller wants done with what a vendor cannot be told, instead of what the model's row
//! says.

use http::HeaderMap;

use super::error::{ApiError, Code};
use crate::model::OnUnsupported;

/// The header's name.
pub const HEADER: &str = "x-de-on-unsupported";

/// Reads the header; `None` where the model's row decides.
///
/// # Errors
/// `INVALID_REQUEST` with the header's name, for any other word.
pub fn asked(headers: &HeaderMap) -> Result<Option<OnUnsupported>, ApiError> {
    let Some(value) = headers.get(HEADER) else { return Ok(None) };
    let word = value.to_str().ok().and_then(OnUnsupported::parse);
    word.map(Some).ok_or_else(|| {
        let message = format!("{HEADER}: expected {}", OnUnsupported::expected());
        ApiError::new(Code::InvalidRequest, message)
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_word_is_one_of_three_and_any_other_names_the_header() {
        let read = |value: &'static [u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, HeaderValue::from_bytes(value).unwrap());
            asked(&headers)
        };
        assert_eq!(asked(&HeaderMap::new()).unwrap(), None);
        assert_eq!(read(b"drop").unwrap(), Some(OnUnsupported::Drop));
        assert_eq!(read(b"reject").unwrap(), Some(OnUnsupported::Reject));
        assert_eq!(read(b"warn").unwrap(), Some(OnUnsupported::Warn));
        for odd in [b"".as_slice(), b"Drop", b"refuse", b"drop, warn", b"\xff"] {
            let error = read(odd).unwrap_err();
            assert_eq!(error.code(), Code::InvalidRequest);
            assert_eq!(error.message(), "x-de-on-unsupported: expected one of drop, reject, warn");
        }
    }
}
