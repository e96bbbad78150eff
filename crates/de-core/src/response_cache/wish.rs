//! What a caller and their project want of the cache for one call.

use std::ops::RangeInclusive;

use http::{HeaderMap, HeaderName};

use crate::{
    http::error::{ApiError, Code},
    store::access::AccessRow,
};

/// The header by which a caller says what it wants of the cache, and is told what came of that.
pub const HEADER: HeaderName = HeaderName::from_static("x-de-cache");

/// How long an answer may be kept, in seconds: KV keeps nothing for less, and after a month models are others.
pub const TTL_S: RangeInclusive<u64> = 60..=2_592_000;

/// What a caller wants of the cache for one call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wish {
    /// An answer that is no older, kept for as long.
    For {
        /// Seconds.
        ttl_s: u64,
    },
    /// Nothing.
    Off,
    /// A new answer, kept in place of the old one.
    Refresh,
}

impl Wish {
    /// Reads [`HEADER`]: `off`, `refresh`, or seconds.
    ///
    /// # Errors
    /// `INVALID_REQUEST` for any other word.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        let mut all = headers.get_all(HEADER).iter();
        let Some(given) = all.next() else { return Ok(None) };
        let seconds = |word: &str| {
            let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
            let ttl_s = word.parse().ok().filter(|ttl_s| is_number && TTL_S.contains(ttl_s))?;
            Some(Self::For { ttl_s })
        };
        let wish = match given.to_str().ok().map(str::trim) {
            Some("off") => Some(Self::Off),
            Some("refresh") => Some(Self::Refresh),
            Some(word) => seconds(word),
            None => None,
        };
        match (wish, all.next()) {
            (Some(wish), None) => Ok(Some(wish)),
            _ => {
                let (least, most) = (TTL_S.start(), TTL_S.end());
                let message = format!(
                    "x-de-cache: expected off, refresh, or whole seconds from {least} to {most}"
                );
                Err(ApiError::new(Code::InvalidRequest, message))
            }
        }
    }
}

/// How the cache serves a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Terms {
    pub(super) generation: u64,
    /// Whether an answer that is there already will do.
    pub(super) reads: bool,
    pub(super) ttl_s: u64,
}

impl Terms {
    /// What the call says goes before what its project says. `None`: the cache is off, as it always is for
    /// who has no project.
    #[must_use]
    pub fn of(wish: Option<Wish>, key: &AccessRow) -> Option<Self> {
        let generation = key.response_cache_generation?;
        let usual = key.response_cache_ttl_s;
        let (ttl_s, reads) = match wish {
            None => (usual?, true),
            Some(Wish::For { ttl_s }) => (ttl_s, true),
            Some(Wish::Off) => return None,
            Some(Wish::Refresh) => (usual?, false),
        };
        Some(Self { generation, reads, ttl_s })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_wish_is_one_of_three_words() {
        let check = |values: &[&str], expected: Option<Option<Wish>>| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(HEADER, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            assert_eq!(Wish::of(&headers).ok(), expected, "{values:?}");
        };
        check(&[], Some(None));
        check(&["off"], Some(Some(Wish::Off)));
        check(&["refresh"], Some(Some(Wish::Refresh)));
        check(&["60"], Some(Some(Wish::For { ttl_s: 60 })));
        check(&["2592000"], Some(Some(Wish::For { ttl_s: 2_592_000 })));
        for bad in ["", "on", "59", "2592001", "+60", "6e1", "60.0", "-60", "é", "OFF"] {
            check(&[bad], None);
        }
        check(&["off", "off"], None);
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_static("always"));
        assert!(Wish::of(&headers).unwrap_err().message().starts_with("x-de-cache: expected"));
    }
}
