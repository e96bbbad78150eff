//! How stored bytes are answered with: ranges, conditions, and the headers that keep them harmless.
//!
//! Pure: a handler asks [`decide`] what to send, fetches those bytes and adds [`headers`]. Bytes under an id never
//! change, so the ETag is strong and a date is as good as it. Follows RFC 9110, 13 and 14. Out of scope:
//! `multipart/byteranges`; who asks for several ranges gets the whole.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::{
    RESOURCE_POLICY,
    error::{ApiError, Code},
};
use crate::time::UnixMillis;

/// What there is to send.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stored<'a> {
    /// `image/png`: read from the bytes when they came, never what somebody said.
    pub content_type: &'a str,
    /// For whoever saves it: `asset_0193.png`. Made by us of id and extension.
    pub file_name: &'a str,
    /// When it was stored.
    pub modified_at: UnixMillis,
    /// Of all bytes, in hexadecimal.
    pub sha256: &'a str,
    /// Of all bytes.
    pub size_bytes: u64,
}

impl Stored<'_> {
    /// The strong validator: the digest in quotes.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.sha256)
    }
}

/// What is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    /// 304: the client has it.
    NotModified,
    /// 206: these bytes, the last one included.
    Part {
        /// The first byte, counted from 0.
        first: u64,
        /// The last byte.
        last: u64,
    },
    /// 200: all of it.
    Whole,
}

impl Answer {
    /// 200, 206 or 304.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::NotModified => StatusCode::NOT_MODIFIED,
            Self::Part { .. } => StatusCode::PARTIAL_CONTENT,
            Self::Whole => StatusCode::OK,
        }
    }
}

/// Weighs a request's conditions and range, in the order of RFC 9110, 13.2.2.
///
/// Conditions that cannot be read are not there, as that page wants it.
///
/// # Errors
/// `PRECONDITION_FAILED`; `RANGE_NOT_SATISFIABLE` with the size in `details.size_bytes`, for which
/// [`unsatisfied`] makes the header.
pub fn decide(method: &Method, asked: &HeaderMap, stored: &Stored<'_>) -> Result<Answer, ApiError> {
    let text = |name: HeaderName| asked.get(name).and_then(|value| value.to_str().ok());
    let etag = stored.etag();
    let changed_since = |date: &str| read_date(date).map(|date| seconds(stored.modified_at) > date);

    let holds = match text(header::IF_MATCH) {
        Some(tags) => lists(tags, &etag, Comparison::Strong),
        None => text(header::IF_UNMODIFIED_SINCE).and_then(changed_since) != Some(true),
    };
    if !holds {
        let message = "the stored bytes are not those that the condition names";
        return Err(ApiError::new(Code::PreconditionFailed, message));
    }
    let is_known = match text(header::IF_NONE_MATCH) {
        Some(tags) => lists(tags, &etag, Comparison::Weak),
        None => text(header::IF_MODIFIED_SINCE).and_then(changed_since) == Some(false),
    };
    if is_known {
        return Ok(Answer::NotModified);
    }
    let same = text(header::IF_RANGE)
        .is_none_or(|known| known == etag || read_date(known) == Some(seconds(stored.modified_at)));
    // A range is something of GET only.
    let range = text(header::RANGE).filter(|_| method == Method::GET && same);
    match range.map_or(Range::Ignored, |range| read_range(range, stored.size_bytes)) {
        Range::Ignored => Ok(Answer::Whole),
        Range::Of { first, last } => Ok(Answer::Part { first, last }),
        Range::Outside => {
            let message = format!("the range is outside of the {} bytes", stored.size_bytes);
            Err(ApiError::new(Code::RangeNotSatisfiable, message)
                .with("size_bytes", stored.size_bytes))
        }
    }
}

/// The value of `Content-Range` of a 416.
#[must_use]
pub fn unsatisfied(stored: &Stored<'_>) -> String {
    format!("bytes */{}", stored.size_bytes)
}

/// The headers of an answer, `Content-Length` included.
///
/// `until` is when the link ends: so long it may be kept, by the client alone, and be shown in pages of any site:
/// whoever has a link may see what it leads to. Who asks with a key asks again each time, and is told in a few bytes
/// that nothing has changed.
#[must_use]
pub fn headers(
    answer: Answer,
    stored: &Stored<'_>,
    until: Option<UnixMillis>,
    now: UnixMillis,
) -> HeaderMap {
    let cache = until.map_or_else(
        || "private, no-cache".to_owned(),
        |until| format!("private, max-age={}, immutable", until.since(now) / 1_000),
    );
    let mut headers = vec![
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::CACHE_CONTROL, cache),
        (header::ETAG, stored.etag()),
        (header::LAST_MODIFIED, stored.modified_at.http_date()),
    ];
    if until.is_some() {
        headers.push((RESOURCE_POLICY, "cross-origin".to_owned()));
    }
    let size = stored.size_bytes;
    let length = match answer {
        Answer::NotModified => None,
        Answer::Part { first, last } => {
            headers.push((header::CONTENT_RANGE, format!("bytes {first}-{last}/{size}")));
            Some(last - first + 1)
        }
        Answer::Whole => Some(size),
    };
    if let Some(length) = length {
        let name = stored.file_name;
        headers.extend([
            (header::CONTENT_DISPOSITION, format!("inline; filename=\"{name}\"")),
            (header::CONTENT_LENGTH, length.to_string()),
            // If a browser ever takes it for a page: one that may do nothing.
            (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'".to_owned()),
            (header::CONTENT_TYPE, stored.content_type.to_owned()),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        ]);
    }
    let value =
        |(name, text): (HeaderName, String)| Some((name, HeaderValue::try_from(text).ok()?));
    headers.into_iter().filter_map(value).collect()
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Range {
    /// None, several, another unit, or no range at all: RFC 9110, 14.2 lets a server pass over it.
    Ignored,
    Of {
        first: u64,
        last: u64,
    },
    Outside,
}

/// `bytes=0-99`, `bytes=100-`, `bytes=-100`.
fn read_range(text: &str, size: u64) -> Range {
    let spec = text.split_once('=').filter(|(unit, _)| unit.trim().eq_ignore_ascii_case("bytes"));
    let Some((first, last)) = spec.and_then(|(_, range)| range.trim().split_once('-')) else {
        return Range::Ignored;
    };
    let end = size.saturating_sub(1);
    match (position(first), position(last)) {
        (Position::At(first), Position::At(last)) if last < first => Range::Ignored,
        (Position::At(first), _) if first >= size => Range::Outside,
        (Position::At(first), Position::At(last)) => Range::Of { first, last: last.min(end) },
        (Position::At(first), Position::Open) => Range::Of { first, last: end },
        // The last so many bytes, or all if there are fewer.
        (Position::Open, Position::At(0)) => Range::Outside,
        (Position::Open, Position::At(_)) if size == 0 => Range::Outside,
        (Position::Open, Position::At(count)) => {
            Range::Of { first: size.saturating_sub(count), last: end }
        }
        _ => Range::Ignored,
    }
}

enum Position {
    At(u64),
    Bad,
    Open,
}

fn position(text: &str) -> Position {
    let text = text.trim();
    if text.is_empty() {
        return Position::Open;
    }
    // Not by `parse` alone: it would take a sign.
    if !text.bytes().all(|c| c.is_ascii_digit()) {
        return Position::Bad;
    }
    // More digits than a number holds are a place beyond every end.
    Position::At(text.parse().unwrap_or(u64::MAX))
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Comparison {
    Strong,
    Weak,
}

/// Whether a list of entity tags has this one. `*` is any.
fn lists(tags: &str, etag: &str, comparison: Comparison) -> bool {
    // Digests have no commas, so a tag with one is not ours.
    tags.trim() == "*"
        || tags.split(',').map(str::trim).any(|tag| match tag.strip_prefix("W/") {
            Some(weak) => comparison == Comparison::Weak && weak == etag,
            None => tag == etag,
        })
}

/// Seconds since 1970 of an HTTP date in the form that everybody sends (RFC 9110, 5.6.7).
fn read_date(text: &str) -> Option<i64> {
    let parsed = chrono::NaiveDateTime::parse_from_str(text, "%a, %d %b %Y %H:%M:%S GMT").ok()?;
    Some(parsed.and_utc().timestamp())
}

fn seconds(time: UnixMillis) -> i64 {
    time.0.div_euclid(1_000)
}

#[cfg(test)]
mod tests;
