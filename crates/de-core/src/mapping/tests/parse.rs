use serde_json::{Map, Value, json};

use super::{parse, provider};
use crate::mapping::{AuthScheme, PayloadMapping, ProviderRules, ReplyKind};

fn issues_for(mapping: &Value, provider: &ProviderRules) -> Vec<String> {
    match PayloadMapping::parse(mapping, provider) {
        Ok(_) => Vec::new(),
        Err(issues) => issues.iter().map(ToString::to_string).collect(),
    }
}

fn issues(mapping: Value) -> Vec<String> {
    issues_for(&mapping, &provider())
}

#[test]
fn all_faults_are_told_at_once_each_with_its_place() {
    let found = issues(json!({
        "endpoint": "/x?key={api_key}",
        "method": "FETCH",
        "body_kind": "xml",
        "headers": {"Host": "evil.test", "X-A": ["list"], "bad name": "x", "X-K": "{api_key}"},
        "body": {
            "a/b": "{",
            "c": {"$if": "text {x}", "d": "{y|map:nowhere}"},
            "e": "{item}",
            "f": {"$each": "{x}", "g": 1},
            "h": "{n:date}"
        },
        "defaults": {"api_key": "k", "n": "text"},
        "variables": {"n": {"type": "number", "min": 2, "max": 1, "step": 1}},
        "response": {"kind": "poll", "every_ms": 1},
        "response_mapping": {"text": "$..[", "n": null, "m": {"path": "a", "map": "gone"}},
        "error_mapping": {"message": "a b"},
        "more": 1
    }));
    insta::assert_json_snapshot!(found, @r#"
    [
      "/more: unknown member; known here: endpoint, method, query, headers, body_kind, body, defaults, variables, maps, unknown_options, response, response_mapping, error_mapping, examples",
      "/variables/n/step: unknown member; known here: type, min, max, max_length, enum, required, description",
      "/variables/n/min: min is above max",
      "/defaults/api_key: \"api_key\" cannot be a variable here",
      "/defaults/n: n is a number, not a string",
      "/response_mapping/text: not a path: at position 3, must start with lowercase alpha or '_'",
      "/response_mapping/n: expected a path, a constant or an object, found null",
      "/response_mapping/m/map: there is no map \"gone\" in maps",
      "/error_mapping/message: not a path: a path begins with $, or is names and numbers with dots between",
      "/endpoint: {api_key} may stand only in a header or query, and only where the provider says so",
      "/endpoint: \"?\" may not stand in an endpoint; query parameters stand in query",
      "/headers/Host: the header \"host\" cannot be set by a mapping",
      "/headers/X-A: expected text, found a list",
      "/headers/bad name: the header \"bad name\" cannot be set by a mapping",
      "/headers/X-K: {api_key} may stand only in a header or query, and only where the provider says so",
      "/body_kind: \"xml\" is not one of json, form, multipart, none",
      "/method: \"FETCH\" is not one of GET, POST, PUT, PATCH, DELETE",
      "/body/a~1b: a single brace at byte 0; a literal one is written twice",
      "/body/c/$if: must be one placeholder and nothing else",
      "/body/c/d: there is no map \"nowhere\" in maps",
      "/body/e: {item} stands only inside a $do",
      "/body/f/g: unknown member; known here: $each, $do, $if",
      "/body/f: the member \"$do\" is required",
      "/body/h: unknown type hint \"date\"; known: int, float, bool, string, array, json",
      "/response_mapping: the member \"job_id\" is required",
      "/response/every_ms: must be a whole number from 250 to 60000",
      "/response: the member \"status\" is required",
      "/response: the member \"done\" is required",
      "/response: the member \"result\" is required",
      "/response: the member \"endpoint\" is required"
    ]
    "#);
}

#[test]
fn each_limit_has_its_own_error() {
    let with_body = |body: Value| issues(json!({"endpoint": "/x", "body": body}));
    assert_eq!(
        with_body(json!("x".repeat(64 << 10))),
        [": 65563 bytes; a mapping has at most 65536"]
    );
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(with_body(nested(31)), Vec::<String>::new());
    assert_eq!(with_body(nested(32)), [": nested deeper than 32 levels"]);
    let slots = |count: usize| Value::from(vec!["{x}"; count]);
    assert_eq!(with_body(slots(256)), Vec::<String>::new());
    assert_eq!(with_body(slots(257)), [": 257 placeholders; a mapping has at most 256"]);
}

#[test]
fn c01_an_endpoint_stays_at_the_provider() {
    let url = |endpoint: &str| {
        let mapping = json!({"endpoint": endpoint, "method": "GET"});
        let mapping =
            PayloadMapping::parse(&mapping, &provider()).map_err(|issues| issues.len())?;
        let preview = mapping.preview(&Map::new());
        Ok::<_, usize>(preview.request.expect("a request").url)
    };
    let good = [
        ("/chat/completions", "https://api.vendor.test/v1/chat/completions"),
        ("chat:go", "https://api.vendor.test/v1/chat:go"),
        ("/a%20b/", "https://api.vendor.test/v1/a%20b/"),
        ("https://api.vendor.test/v2/x", "https://api.vendor.test/v2/x"),
        ("https://cdn.vendor.test/x", "https://cdn.vendor.test/x"),
        ("https://vendor.test:8443/x", "https://vendor.test:8443/x"),
    ];
    for (endpoint, expected) in good {
        assert_eq!(url(endpoint).as_deref(), Ok(expected));
    }
    let bad = [
        "",
        "/",
        "//evil.test/x",
        "/a//b",
        "/../x",
        "/a/./b",
        "/a/%2e%2E/b",
        "/a%2fb",
        "/a%5cb",
        "/a\\b",
        "/a?b=c",
        "/a#b",
        "/a b",
        "/ü",
        "/a%zz",
        "/a%2",
        "/a%e",
        "/{{x}}",
        "https://evil.test/x",
        "http://cdn.vendor.test/x",
        "https://vendor.test/x",
        "https://cdn.vendor.test:444/x",
        "https://user@cdn.vendor.test/x",
        "https://cdn.vendor.test",
        "https://{host}/x",
        "https://cdn.vendor.test\\@evil.test/x",
        "https://cdn.vendor.test.evil.test/x",
        "ftp://cdn.vendor.test/x",
        "://cdn.vendor.test/x",
    ];
    for endpoint in bad {
        assert_eq!(url(endpoint), Err(1), "{endpoint}");
    }
}

#[test]
fn a_base_url_is_https_or_loopback() {
    let with_base = |base: &str| {
        let provider = ProviderRules { base_url: base.parse().unwrap(), ..provider() };
        issues_for(&json!({"endpoint": "/x", "method": "GET"}), &provider).len()
    };
    for good in ["http://127.0.0.1:8080/openai/v1", "http://localhost:1", "http://[::1]:1/"] {
        assert_eq!(with_base(good), 0, "{good}");
    }
    for bad in [
        "http://api.vendor.test",
        "https://u:p@api.vendor.test",
        "https://u@api.vendor.test",
        "https://a.test/?q=1",
        "https://a.test/#f",
        "data:text/plain,x",
    ] {
        assert_eq!(with_base(bad), 1, "{bad}");
    }
}

#[test]
fn what_the_auth_scheme_adds_is_left_out() {
    let with = |auth: AuthScheme, headers: Value, query: Value| {
        let provider = ProviderRules { auth, ..provider() };
        let mapping =
            json!({"endpoint": "/x", "method": "GET", "headers": headers, "query": query});
        PayloadMapping::parse(&mapping, &provider)
            .map(|mapping| (mapping.head.headers.len(), mapping.head.query.len()))
    };
    let header = |name: &str| AuthScheme::Header { name: name.into() };
    let query = || AuthScheme::Query { name: "key".into() };
    let bearer = json!({"Authorization": "Bearer {api_key}", "X-A": "1"});
    assert_eq!(with(AuthScheme::Bearer, bearer.clone(), json!({})).unwrap(), (1, 0));
    let key = json!({"Api-Key": "{api_key}"});
    assert_eq!(with(header("api-key"), key, json!({})).unwrap(), (0, 0));
    assert_eq!(with(query(), json!({}), json!({"key": "{api_key}"})).unwrap(), (0, 0));
    // Another scheme's header would carry the key to where the provider does not want it.
    assert!(with(header("api-key"), bearer, json!({})).is_err());
    assert!(with(AuthScheme::Bearer, json!({"authorization": "Bearer sk-1"}), json!({})).is_err());
    assert!(with(AuthScheme::Bearer, json!({"authorization": "{api_key}"}), json!({})).is_err());
}

#[test]
fn a_content_type_must_fit_the_body() {
    let with = |kind: &str, content_type: &str| {
        issues(json!({
            "endpoint": "/x", "body_kind": kind, "body": {"a": 1},
            "headers": {"Content-Type": content_type}
        }))
    };
    assert_eq!(with("json", "application/json; charset=utf-8"), Vec::<String>::new());
    assert_eq!(with("json", "application/vnd.api+json"), Vec::<String>::new());
    assert_eq!(with("form", "application/x-www-form-urlencoded"), Vec::<String>::new());
    assert_eq!(with("multipart", "application/json").len(), 1);
    assert_eq!(with("json", "text/{x}").len(), 1);
}

#[test]
fn the_original_way_to_write_a_reply_of_bytes_is_understood() {
    let mapping = parse(json!({
        "endpoint": "/x", "body": {"a": 1},
        "response_mapping": {"audio_data": "$", "content_type": "audio/mpeg"}
    }));
    assert_eq!(mapping.reply_content_type(), Some("audio/mpeg"));
    let preview = mapping.preview(&Map::new());
    assert!(preview.issues.is_empty());
    assert_eq!(mapping.reply_kind, ReplyKind::Bytes);
}
