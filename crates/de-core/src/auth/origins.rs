//! The origins of our own pages, the only ones that may use a session.

use http::{HeaderValue, Method};
use url::Url;

use crate::{
    http::error::{ApiError, Code},
    ports::Settings,
};

/// Reads a list of origins with commas between; what is none is left out, `*` too.
#[must_use]
pub fn read(list: &str) -> Vec<String> {
    let is_origin = |text: &&str| {
        let parsed = Url::parse(text).map(|url| url.origin().ascii_serialization());
        *text != "null" && parsed.is_ok_and(|origin| origin == *text)
    };
    let entries = list.split(',').map(|entry| entry.trim().trim_end_matches('/'));
    entries.filter(is_origin).map(str::to_owned).collect()
}

/// Whether an origin is one of our pages'.
#[must_use]
pub fn is_ours(settings: &Settings, origin: &str) -> bool {
    settings.interface_origins.iter().any(|known| known == origin)
}

/// The same of a header as it came.
pub(crate) fn header_is_ours(settings: &Settings, origin: &HeaderValue) -> bool {
    origin.to_str().is_ok_and(|origin| is_ours(settings, origin))
}

/// Refuses a call by cookie that changes something and does not come from one of our pages: a browser adds
/// the cookie to whatever another page makes it send.
///
/// # Errors
/// `ORIGIN_NOT_ALLOWED`.
pub fn require(settings: &Settings, method: &Method, origin: Option<&str>) -> Result<(), ApiError> {
    let only_looks = [Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
    if only_looks || origin.is_some_and(|origin| is_ours(settings, origin)) {
        return Ok(());
    }
    Err(not_allowed())
}

/// What another page is told.
#[must_use]
pub fn not_allowed() -> ApiError {
    let message =
        "a session changes things only from the pages of this service; programs use a key";
    ApiError::new(Code::OriginNotAllowed, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        let interface_origins = read("https://admin.example.com, https://chat.example.com/");
        Settings { interface_origins, ..Settings::default() }
    }

    #[test]
    fn only_origins_are_read() {
        assert_eq!(
            settings().interface_origins,
            ["https://admin.example.com", "https://chat.example.com"]
        );
        for bad in ["", ",", "*", "null", "https://a.b/x", "https://A.b", "https://a.b:443", "a.b"]
        {
            assert_eq!(read(bad), [""; 0], "{bad}");
        }
    }

    #[test]
    fn a_change_by_cookie_needs_a_page_of_ours() {
        let settings = settings();
        let ours = Some("https://admin.example.com");
        let others = [
            None,
            Some("null"),
            Some(""),
            Some("https://evil.example"),
            Some("http://admin.example.com"),
            Some("https://admin.example.com.evil.example"),
            Some("https://admin.example.com:8443"),
        ];
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert!(require(&settings, &method, ours).is_ok(), "{method}");
            for origin in others {
                let refused = require(&settings, &method, origin).unwrap_err();
                assert_eq!(refused.code(), Code::OriginNotAllowed, "{method} {origin:?}");
            }
        }
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            assert!(require(&settings, &method, None).is_ok(), "{method}");
        }
        assert!(require(&Settings::default(), &Method::POST, ours).is_err());
    }

    #[test]
    fn an_origin_is_read_from_a_header_as_it_came() {
        let ours = |origin| header_is_ours(&settings(), &HeaderValue::from_static(origin));
        assert!(ours("https://chat.example.com"));
        for other in ["https://chat.example.com/", "https://evil.example", "null", ""] {
            assert!(!ours(other), "{other}");
        }
        assert!(!header_is_ours(&settings(), &HeaderValue::from_bytes(b"https://\xff").unwrap()));
    }
}
