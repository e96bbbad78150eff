//! Where the key may stand, and what may stand beside it.

use serde_json::{Value, json};

use super::provider;
use crate::mapping::{AuthScheme, PayloadMapping, ProviderRules};

/// The issues of a mapping with such headers and query parameters, where it may see the key or not.
fn issues(auth: AuthScheme, sees: bool, headers: Value, query: Value) -> Vec<String> {
    let provider = ProviderRules { auth, mapping_sees_key: sees, ..provider() };
    let mapping = json!({"endpoint": "/x", "method": "GET", "headers": headers, "query": query});
    match PayloadMapping::parse(&mapping, &provider) {
        Ok(_) => Vec::new(),
        Err(issues) => issues.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn the_key_stands_as_it_is_or_not_at_all() {
    let with = |text: &str| issues(AuthScheme::Bearer, true, json!({ "x-key": text }), json!({}));
    assert_eq!(with("{api_key}"), Vec::<String>::new());
    assert_eq!(with("Token {api_key}, now"), Vec::<String>::new());
    for text in ["{api_key:string}", "{api_key|lower}", "{api_key.part}", "{api_key?}"] {
        assert_eq!(with(text).len(), 1, "{text}");
        assert!(with(text)[0].starts_with("/headers/x-key: {api_key}"), "{:?}", with(text));
    }
    assert_eq!(with("{api_key}{api_key}").len(), 1);
}

#[test]
fn what_the_scheme_covers_is_the_mappings_where_it_sees_the_key() {
    let header = json!({"authorization": "Token {api_key}"});
    assert_eq!(issues(AuthScheme::Bearer, true, header, json!({})), Vec::<String>::new());
    let fixed = json!({"authorization": "Token t"});
    assert_eq!(
        issues(AuthScheme::Bearer, false, fixed, json!({})),
        ["/headers/authorization: the provider's auth scheme sends this header; leave it out"]
    );
    let query = AuthScheme::Query { name: "key".into() };
    assert_eq!(
        issues(query, false, json!({}), json!({"key": "k"})),
        ["/query/key: the provider's auth scheme sends this query parameter; leave it out"]
    );
}

#[test]
fn a_header_has_one_line_and_a_query_parameter_may_have_more() {
    let text = "a\r\nx-b: c";
    let of = |headers, query| issues(AuthScheme::Bearer, false, headers, query).len();
    assert_eq!(of(json!({ "x-a": text }), json!({})), 1);
    assert_eq!(of(json!({}), json!({ "a": text })), 0);
}
