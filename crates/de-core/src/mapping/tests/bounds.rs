//! What a call may set, and how large all of it may be.

use serde_json::{Value, json};

use super::{body, object, parse, provider};
use crate::mapping::PayloadMapping;
use crate::mapping::variables::{File, Reserved};

fn messages(declared: Value, options: Value) -> Vec<String> {
    let mapping =
        parse(json!({"endpoint": "/x", "body": {"a": "{a}"}, "variables": {"a": declared}}));
    match mapping.variables(Reserved::default(), &object(options)) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_number_lies_between_its_bounds_or_upon_them() {
    let declared = json!({"type": "number", "min": 0.5, "max": 2});
    for (a, expected) in [
        (json!(0.5), None),
        (json!(2), None),
        (json!(2.0), None),
        (json!(0.4), Some("a is at least 0.5")),
        (json!(-7), Some("a is at least 0.5")),
        (json!(2.1), Some("a is at most 2")),
    ] {
        let found = messages(declared.clone(), json!({ "a": a }));
        assert_eq!(found.first().map(String::as_str), expected, "{a}");
    }
}

#[test]
fn of_listed_numbers_each_is_taken_however_it_is_written() {
    let declared = json!({"enum": [1, 2.5, "x"]});
    for (a, fits) in [
        (json!(1), true),
        (json!(1.0), true),
        (json!(2.5), true),
        (json!("x"), true),
        (json!(3), false),
        (json!("1"), false),
    ] {
        assert_eq!(messages(declared.clone(), json!({ "a": a })).is_empty(), fits, "{a}");
    }
}

#[test]
fn each_type_takes_its_own_values_alone() {
    let values = [
        ("array", json!([1])),
        ("boolean", json!(true)),
        ("integer", json!(1)),
        ("number", json!(1.5)),
        ("object", json!({"b": 1})),
        ("string", json!("x")),
    ];
    for (kind, _) in &values {
        for (other, value) in &values {
            let found = messages(json!({"type": kind}), json!({ "a": value }));
            let fits = kind == other || (*kind == "number" && *other == "integer");
            assert_eq!(found.is_empty(), fits, "{kind}, {other}: {found:?}");
        }
    }
}

fn issues(members: Value) -> Vec<String> {
    let mut mapping = json!({"endpoint": "/x", "body": {"a": "{a}"}});
    mapping.as_object_mut().unwrap().extend(object(members));
    match PayloadMapping::parse(&mapping, &provider()) {
        Ok(_) => Vec::new(),
        Err(issues) => issues.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn what_is_no_name_and_what_means_something_else_is_declared_by_nobody() {
    for name in ["1x", "a-b", "", "api_key", "index", "item"] {
        let expected =
            |member: &str| [format!("/{member}/{name}: {name:?} cannot be a variable here")];
        assert_eq!(issues(json!({"variables": {name: {}}})), expected("variables"), "{name}");
        assert_eq!(issues(json!({"defaults": {name: 1}})), expected("defaults"), "{name}");
    }
    assert_eq!(issues(json!({"variables": {"n": {"min": 2, "max": 2}}})), Vec::<String>::new());
}

#[test]
fn a_file_in_a_form_fits_its_declaration_too() {
    let file = |length: usize| {
        let data = vec![0_u8; length].into();
        File { content_type: "image/png".into(), data, filename: None }
    };
    for (declared, length, expected) in [
        (json!({"type": "file", "max_length": 3}), 3, None),
        (json!({"type": "file", "max_length": 3}), 4, Some("a has 4 bytes, at most 3 are allowed")),
        (json!({"max_length": 3}), 4, Some("a has 4 bytes, at most 3 are allowed")),
        (json!({"type": "string"}), 1, Some("a is a string, not a file")),
    ] {
        let mapping =
            parse(json!({"endpoint": "/x", "body": {"a": "{a}"}, "variables": {"a": declared}}));
        let declaration = mapping.rules.declared.get("a").unwrap();
        let found = declaration.fits("a", &file(length)).err().map(|error| error.to_string());
        assert_eq!(found.as_deref(), expected, "{length}");
    }
}

#[test]
fn a_file_has_a_media_type() {
    let declared = json!({"type": "file"});
    let of = |content_type: &str| {
        let url = format!("data:{content_type};base64,AAEC");
        messages(declared.clone(), json!({ "a": url })).len()
    };
    assert_eq!(of("image/png"), 0);
    for bad in ["png", "image/p g", "image/png\r\nx-a: b", ""] {
        assert_eq!(of(bad), 1, "{bad:?}");
    }
}

/// A request ends at 1 MiB, whatever it is full of.
#[test]
fn every_kind_of_value_counts() {
    let too_large = json!("the request is over 1048576 bytes, files apart");
    let many = |value: Value, count: usize| Value::from(vec![value; count]);
    let named = |length: usize, count: usize| -> Value {
        (0..count).map(|n| (format!("{n:0length$}"), json!([]))).collect()
    };
    for (what, small, large) in [
        ("null", many(json!(null), 100_000), many(json!(null), 250_000)),
        ("a boolean", many(json!(true), 100_000), many(json!(true), 250_000)),
        ("a number", many(json!(1), 60_000), many(json!(1), 150_000)),
        ("a text", many(json!("abcdefgh"), 64_000), many(json!("abcdefgh"), 110_000)),
        ("an empty text", many(json!(""), 100_000), many(json!(""), 400_000)),
        ("a list", many(json!([]), 100_000), many(json!([]), 400_000)),
        ("an object", many(json!({}), 100_000), many(json!({}), 400_000)),
        ("a name", named(80, 5_000), named(80, 20_000)),
    ] {
        let template = json!({"a": "{x}"});
        assert_eq!(body(template.clone(), json!({"x": small})), json!({"a": small}), "{what}");
        assert_eq!(body(template, json!({"x": large})), too_large, "{what}");
    }
}

#[test]
fn a_mapping_has_64_kibibytes_to_the_byte() {
    let sized = |bytes: usize| {
        let empty = json!({"endpoint": "/x", "body": ""}).to_string().len();
        let mapping = json!({"endpoint": "/x", "body": "x".repeat(bytes - empty)});
        assert_eq!(mapping.to_string().len(), bytes);
        PayloadMapping::parse(&mapping, &provider()).is_ok()
    };
    assert!(sized(65_536) && !sized(65_537));
}

#[test]
fn an_item_stands_in_its_loop_and_not_behind_it() {
    let each = json!({"$each": "{l}", "$do": "{item}"});
    assert_eq!(
        issues(json!({"body": {"a": each, "b": "{item}"}})),
        ["/body/b: {item} stands only inside a $do"]
    );
}

fn filtered(filter: &str, count: usize) -> String {
    format!("{{x{}}}", format!("|{filter}").repeat(count))
}

#[test]
fn a_placeholder_has_eight_filters() {
    assert_eq!(body(json!({"a": filtered("trim", 8)}), json!({"x": " a "})), json!({"a": "a"}));
    let found = issues(json!({"body": {"a": filtered("json", 9)}}));
    assert_eq!(found, ["/body/a: {x} has 9 filters; a placeholder has at most 8"]);
    let condition = json!({"$if": filtered("json", 26), "b": 1});
    let found = issues(json!({"body": {"a": condition}}));
    assert_eq!(found, ["/body/a/$if: {x} has 26 filters; a placeholder has at most 8"]);
}

/// Each `json` doubles what the one before has escaped.
#[test]
fn what_filters_write_on_their_way_is_bounded_where_nothing_of_it_is_sent() {
    let too_large = json!("the request is over 1048576 bytes, files apart");
    let grown = filtered("json", 8);
    let quotes = |count: usize| json!({"x": "\"".repeat(count), "l": [1, 2]});
    let condition = json!({"$if": grown, "b": 1});
    assert_eq!(body(condition.clone(), quotes(1_000)), json!({"b": 1}));
    for template in [
        condition,
        json!({"a": grown}),
        json!({"a": format!("<{grown}>")}),
        json!({"$each": "{l}", "$do": {"$if": grown, "b": 1}}),
        json!({"$each": "{x:array}", "$do": "{none?}"}),
    ] {
        let options = json!({"x": "\",".repeat(400_000), "l": [1, 2]});
        assert_eq!(body(template.clone(), options), too_large, "{template}");
    }
    assert_eq!(
        body(
            json!({"$if": "{x:json}", "b": 1}),
            json!({"x": format!("[{}0]", "0,".repeat(600_000))})
        ),
        too_large
    );
}

/// What is read without being sent costs time, if not memory.
#[test]
fn what_filters_read_in_all_is_bounded() {
    let template = json!({"$each": "{l}", "$do": {"$if": "{x|lower}", "b": "{none?}"}});
    let options = |items: usize| json!({"x": "a".repeat(100_000), "l": vec![1; items]});
    assert_eq!(body(template.clone(), options(1_000)), Value::from(vec![json!({}); 1_000]));
    assert_eq!(
        body(template, options(2_000)),
        json!("the mapping's hints and filters read more than 134217728 bytes")
    );
}

/// A file takes the place that files have, also between two filters.
#[test]
fn a_files_base64_is_no_text_that_is_too_large() {
    let data = "A".repeat(4 << 20);
    let url = format!("data:image/png;base64,{data}");
    let mapping = json!({
        "endpoint": "/x", "body": {"a": "{x|base64|trim}"}, "variables": {"x": {"type": "file"}},
    });
    let rendered = super::render(mapping, json!({"x": url})).unwrap();
    let crate::mapping::encode::RenderedBody::Json { value, .. } = rendered.body else {
        panic!("a body of JSON");
    };
    assert_eq!(value["a"].as_str().map(str::len), Some(data.len()));
}
