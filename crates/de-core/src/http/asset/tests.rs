use proptest::prelude::*;

use super::*;

const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const ETAG: &str = "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"";
const DATE: &str = "Wed, 25 Nov 2026 15:49:36 GMT";
const NOW: UnixMillis = UnixMillis(1_795_621_900_000);

fn stored(size_bytes: u64) -> Stored<'static> {
    Stored {
        content_type: "image/png",
        file_name: "asset_a1.png",
        modified_at: UnixMillis(1_795_621_776_120),
        sha256: SHA256,
        size_bytes,
    }
}

fn asked(headers: &[(HeaderName, &str)]) -> HeaderMap {
    let pair = |(name, text): &(HeaderName, &str)| (name.clone(), text.parse().unwrap());
    headers.iter().map(pair).collect()
}

/// The status, and the bytes of a 206.
#[track_caller]
fn check(method: Method, headers: &[(HeaderName, &str)], expected: (u16, Option<(u64, u64)>)) {
    let answer = decide(&method, &asked(headers), &stored(1_000));
    let found = match answer {
        Ok(Answer::Part { first, last }) => (206, Some((first, last))),
        Ok(answer) => (answer.status().as_u16(), None),
        Err(error) => (error.code().status().as_u16(), None),
    };
    assert_eq!(found, expected, "{headers:?}");
}

#[test]
fn one_range_is_a_part() {
    let rows = [
        ("bytes=0-0", (206, Some((0, 0)))),
        ("bytes=0-99", (206, Some((0, 99)))),
        ("bytes=100-", (206, Some((100, 999)))),
        ("bytes=-100", (206, Some((900, 999)))),
        ("bytes=-5000", (206, Some((0, 999)))),
        ("bytes=990-5000", (206, Some((990, 999)))),
        ("Bytes = 1 - 2 ", (206, Some((1, 2)))),
        ("bytes=0-99999999999999999999999", (206, Some((0, 999)))),
        // Beyond the end.
        ("bytes=1000-", (416, None)),
        ("bytes=99999999999999999999999-", (416, None)),
        ("bytes=-0", (416, None)),
        // No range that we know: the whole.
        ("bytes=0-1,5-6", (200, None)),
        ("bytes=5-4", (200, None)),
        ("bytes=-", (200, None)),
        ("bytes=+1-2", (200, None)),
        ("bytes=a-b", (200, None)),
        ("lines=0-1", (200, None)),
        ("0-1", (200, None)),
        ("", (200, None)),
    ];
    for (range, expected) in rows {
        check(Method::GET, &[(header::RANGE, range)], expected);
    }
    check(Method::HEAD, &[(header::RANGE, "bytes=0-1")], (200, None));
}

#[test]
fn nothing_has_no_range() {
    for range in ["bytes=0-", "bytes=-1", "bytes=0-0"] {
        let answer = decide(&Method::GET, &asked(&[(header::RANGE, range)]), &stored(0));
        assert_eq!(answer.unwrap_err().code(), Code::RangeNotSatisfiable, "{range}");
    }
    assert_eq!(unsatisfied(&stored(0)), "bytes */0");
}

#[test]
fn what_the_client_has_is_not_sent_again() {
    let weak = format!("W/{ETAG}");
    let among = format!("\"x\", {ETAG}");
    for tags in [ETAG, &weak, &among, "*"] {
        check(Method::GET, &[(header::IF_NONE_MATCH, tags)], (304, None));
    }
    check(Method::HEAD, &[(header::IF_NONE_MATCH, ETAG)], (304, None));
    check(Method::GET, &[(header::IF_NONE_MATCH, "\"x\"")], (200, None));
    check(Method::GET, &[(header::IF_MODIFIED_SINCE, DATE)], (304, None));
    let earlier = "Wed, 25 Nov 2026 15:49:35 GMT";
    check(Method::GET, &[(header::IF_MODIFIED_SINCE, earlier)], (200, None));
    check(Method::GET, &[(header::IF_MODIFIED_SINCE, "yesterday")], (200, None));
    // The tag decides where there is one.
    let both = [(header::IF_NONE_MATCH, "\"x\""), (header::IF_MODIFIED_SINCE, DATE)];
    check(Method::GET, &both, (200, None));
    let before_range = [(header::IF_NONE_MATCH, ETAG), (header::RANGE, "bytes=0-1")];
    check(Method::GET, &before_range, (304, None));
}

#[test]
fn other_conditions_hold_or_end_it() {
    let weak = format!("W/{ETAG}");
    check(Method::GET, &[(header::IF_MATCH, ETAG)], (200, None));
    check(Method::GET, &[(header::IF_MATCH, "*")], (200, None));
    check(Method::GET, &[(header::IF_MATCH, &weak)], (412, None));
    check(Method::GET, &[(header::IF_MATCH, "\"x\"")], (412, None));
    check(Method::GET, &[(header::IF_UNMODIFIED_SINCE, DATE)], (200, None));
    let earlier = "Wed, 25 Nov 2026 15:49:35 GMT";
    check(Method::GET, &[(header::IF_UNMODIFIED_SINCE, earlier)], (412, None));
}

#[test]
fn a_range_of_something_else_is_the_whole() {
    let weak = format!("W/{ETAG}");
    let rows = [
        (ETAG, (206, Some((0, 1)))),
        (DATE, (206, Some((0, 1)))),
        (weak.as_str(), (200, None)),
        ("\"x\"", (200, None)),
        ("Wed, 25 Nov 2026 15:49:37 GMT", (200, None)),
    ];
    for (known, expected) in rows {
        let headers = [(header::IF_RANGE, known), (header::RANGE, "bytes=0-1")];
        check(Method::GET, &headers, expected);
    }
    // Also one that would be outside.
    let outside = [(header::IF_RANGE, "\"x\""), (header::RANGE, "bytes=5000-")];
    check(Method::GET, &outside, (200, None));
}

#[test]
fn bytes_come_with_what_keeps_them_harmless() {
    let until = Some(NOW.plus(90_500));
    let shown = |answer, until| {
        let headers = headers(answer, &stored(1_000), until, NOW);
        let line = |(name, value): (&HeaderName, &HeaderValue)| {
            format!("{name}: {}", value.to_str().unwrap())
        };
        headers.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(shown(Answer::Part { first: 5, last: 9 }, until), @r#"
    accept-ranges: bytes
    cache-control: private, max-age=90, immutable
    etag: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    last-modified: Wed, 25 Nov 2026 15:49:36 GMT
    cross-origin-resource-policy: cross-origin
    content-range: bytes 5-9/1000
    content-disposition: inline; filename="asset_a1.png"
    content-length: 5
    content-security-policy: sandbox; default-src 'none'
    content-type: image/png
    x-content-type-options: nosniff
    "#);
    insta::assert_snapshot!(shown(Answer::Whole, None), @r#"
    accept-ranges: bytes
    cache-control: private, no-cache
    etag: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    last-modified: Wed, 25 Nov 2026 15:49:36 GMT
    content-disposition: inline; filename="asset_a1.png"
    content-length: 1000
    content-security-policy: sandbox; default-src 'none'
    content-type: image/png
    x-content-type-options: nosniff
    "#);
    insta::assert_snapshot!(shown(Answer::NotModified, until), @r#"
    accept-ranges: bytes
    cache-control: private, max-age=90, immutable
    etag: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    last-modified: Wed, 25 Nov 2026 15:49:36 GMT
    cross-origin-resource-policy: cross-origin
    "#);
}

proptest! {
    #[test]
    fn a_part_lies_within(text in "bytes=[0-9]{0,4}-[0-9]{0,4}|.*", size in 0_u64..2_000) {
        if let Range::Of { first, last } = read_range(&text, size) {
            prop_assert!(first <= last && last < size);
        }
    }
}
