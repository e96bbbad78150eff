//! What a mapping's examples compare, and how they tell a difference.

use serde_json::{Value, json};

use super::{body, object, parse, provider};
use crate::mapping::PayloadMapping;

/// The differences of one example.
fn differences(members: Value, example: Value) -> Vec<String> {
    let mut mapping = json!({"endpoint": "/x", "body": {"n": "{n}"}});
    mapping.as_object_mut().unwrap().extend(object(members));
    mapping["examples"] = json!([example]);
    parse(mapping).check_examples().iter().map(ToString::to_string).collect()
}

#[test]
fn an_example_may_have_headers() {
    let mapping = json!({"response_mapping": {"voice": {"header": "voice"}}});
    let example = |voice: &str| {
        json!({"response": {}, "response_headers": {"Voice": "ada"},
            "output": {"metadata": {"voice": voice}}})
    };
    assert_eq!(differences(mapping.clone(), example("ada")), Vec::<String>::new());
    assert_eq!(
        differences(mapping, example("bob")),
        ["/examples/0: output/metadata/voice: expected \"bob\", is \"ada\""]
    );
}

#[test]
fn a_url_is_compared_whole_or_from_the_base_url_on() {
    let at = |url: &str| {
        let example = json!({"input": {"n": 1}, "request": {"url": url}});
        differences(json!({}), example)
    };
    for good in ["/x", "https://api.vendor.test/v1/x"] {
        assert_eq!(at(good), Vec::<String>::new(), "{good}");
    }
    for bad in ["/y", "/v1/x", "x", "https://api.vendor.test/x", "https://cdn.vendor.test/v1/x"] {
        assert_eq!(at(bad).len(), 1, "{bad}");
    }
}

#[test]
fn lists_of_other_lengths_differ() {
    let mapping = json!({"response_mapping": {"images": "$.l"}});
    let of = |response: Value, output: Value| {
        let example = json!({"response": {"l": response}, "output": {"images": output}});
        differences(mapping.clone(), example)
    };
    assert_eq!(of(json!(["a", "b"]), json!(["a", "b"])), Vec::<String>::new());
    assert_eq!(
        of(json!(["a", "b"]), json!(["a", "c"])),
        ["/examples/0: output/images/1: expected \"c\", is \"b\""]
    );
    assert_eq!(
        of(json!(["a", "b"]), json!(["a"])),
        ["/examples/0: output/images: expected [\"a\"], is [\"a\",\"b\"]"]
    );
}

#[test]
fn a_long_value_is_cut_and_says_so() {
    let mapping = json!({"response_mapping": {"text": "$.t"}});
    let of = |length: usize| {
        let example = json!({"response": {"t": "x".repeat(length)}, "output": {"text": "y"}});
        differences(mapping.clone(), example).concat()
    };
    assert!(of(118).ends_with(&format!("is \"{}\"", "x".repeat(118))), "{}", of(118));
    assert!(of(119).ends_with(&format!("is \"{}…", "x".repeat(119))), "{}", of(119));
}

#[test]
fn a_hint_leaves_what_is_of_its_type() {
    for (hint, value) in [
        ("array", json!([1, "a"])),
        ("bool", json!(false)),
        ("float", json!(1)),
        ("int", json!(-9_007_199_254_740_993_i64)),
        ("int", json!(u64::MAX)),
        ("json", json!({"a": 1})),
        ("string", json!("a,b")),
    ] {
        let template = json!({"a": format!("{{x:{hint}}}")});
        assert_eq!(body(template, json!({"x": value})), json!({"a": value}), "{hint}");
    }
}

#[test]
fn a_filter_that_does_not_apply_is_named() {
    for (filter, value, expected) in [
        ("lower", json!([]), "a list"),
        ("join:, ", json!("a"), "a string"),
        ("first", json!(1), "a number"),
    ] {
        let found = body(json!({"a": format!("{{x|{filter}}}")}), json!({ "x": value }));
        let name = filter.split(':').next().unwrap();
        let text = found.as_str().unwrap_or_default();
        assert!(text.contains(name) && text.contains(expected), "{filter}: {found}");
    }
}

fn issues(body: Value) -> Vec<String> {
    let mapping = json!({"endpoint": "/x", "body": body});
    match PayloadMapping::parse(&mapping, &provider()) {
        Ok(_) => Vec::new(),
        Err(issues) => issues.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_fault_of_a_template_is_told_with_its_place() {
    assert_eq!(
        issues(json!("ab {{c}} é } d")),
        ["/body: a single brace at byte 12; a literal one is written twice"]
    );
    assert!(issues(json!("{x|map:}")).concat().starts_with("/body: unknown filter"));
    // A placeholder has 256 bytes between its braces.
    let long = |bytes: usize| json!(format!("{{x|join:{}}}", "-".repeat(bytes - "x|join:".len())));
    assert_eq!((issues(long(256)).len(), issues(long(257)).len()), (0, 1));
}

#[test]
fn a_path_is_bounded_by_its_depth_and_not_by_its_brackets() {
    let text = |path: String| {
        let mapping =
            json!({"endpoint": "/x", "method": "GET", "response_mapping": {"text": path}});
        PayloadMapping::parse(&mapping, &provider()).is_ok()
    };
    assert!(text("$.a[*].b[*].c[*].d[*].e[*].f".to_owned()));
    assert!(!text("$.a[?(((((@.b)))))]".to_owned()));
    assert!(text("a".repeat(256)) && !text("a".repeat(257)));
}

#[test]
fn a_form_shows_a_name_that_stands_twice_as_a_list() {
    let mapping = parse(json!({
        "endpoint": "/x", "body_kind": "form",
        "body": {"a": "1", "b": ["{x}", "3", "4"]}
    }));
    let preview = mapping.preview(&object(json!({"x": 2})));
    let shown = preview.request.unwrap().body.unwrap();
    assert_eq!(shown["a"], json!("1"));
    let list = shown.as_object().unwrap().values().find(|value| value.is_array());
    assert_eq!(list, Some(&json!(["2", "3", "4"])));
}

#[test]
fn of_the_headers_a_content_type_alone_goes_with_the_body() {
    let mapping = parse(json!({
        "endpoint": "/x", "body": {"a": 1},
        "headers": {"X-A": "1", "Content-Type": "application/vnd.api+json", "X-B": "2"}
    }));
    assert_eq!(mapping.content_type, "application/vnd.api+json");
    let names: Vec<_> = mapping.head.headers.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["x-a", "x-b"]);
}
