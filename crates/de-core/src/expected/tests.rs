use proptest::prelude::*;
use serde_json::json;

use super::*;

fn any() -> Expected {
    Expected { retries: 0, schema: None }
}

fn following(schema: Value) -> Expected {
    let schema = Schema::parse(&schema).expect("a schema of the part that is checked");
    Expected { retries: 0, schema: Some(schema) }
}

#[test]
fn what_is_expected_is_read() {
    assert_eq!(Expected::parse(&json!(false)), Ok(None));
    let usual = Expected { retries: 1, schema: None };
    for plain in [json!(true), json!({}), json!({"schema": null, "retries": null})] {
        assert_eq!(Expected::parse(&plain), Ok(Some(usual.clone())), "{plain}");
    }
    let whole = json!({"schema": {"type": "object"}, "retries": 2});
    let read = Expected::parse(&whole).unwrap().unwrap();
    assert_eq!((read.retries, read.schema.is_some()), (2, true));
    for (wrong, places) in [
        (json!("yes"), vec!["/expect_json"]),
        (json!({"retries": 3}), vec!["/expect_json/retries"]),
        (json!({"retries": -1, "times": 1}), vec!["/expect_json/retries", "/expect_json/times"]),
        (json!({"schema": true}), vec!["/expect_json/schema"]),
        (json!({"schema": {"pattern": "a"}}), vec!["/expect_json/schema/pattern"]),
    ] {
        let issues = Expected::parse(&wrong).unwrap_err();
        let found: Vec<&str> = issues.iter().map(|issue| issue.pointer.as_str()).collect();
        assert_eq!(found, places, "{wrong}");
    }
}

#[test]
fn a_value_is_found_in_what_models_write() {
    for (text, value, is_repaired) in [
        (r#"{"a": 1}"#, json!({"a": 1}), false),
        (" \n[1, 2]\n", json!([1, 2]), false),
        ("```json\n{\"a\": 1}\n```", json!({"a": 1}), true),
        ("```\n[1]\n```", json!([1]), true),
        ("```json\n{\"a\": 1}", json!({"a": 1}), true),
        ("Here it is:\n\n```json\n{\"a\": 1}\n```\nAnything else?", json!({"a": 1}), true),
        (
            "Sure! {\"a\": {\"b\": [1, 2]}} is the \"answer\" [1].",
            json!({"a": {"b": [1, 2]}}),
            true,
        ),
        ("He said \"hi {\" and then {\"a\": \"}\"}", json!({"a": "}"}), true),
        ("{\"a\": 1,}", json!({"a": 1}), true),
        ("[1, 2, // three is missing\n]", json!([1, 2]), true),
        ("{a: 'it', /* b */ \"c\": true}", json!({"a": "it", "c": true}), true),
        ("{\"b\": 1, \"a\": [2,],}", json!({"b": 1, "a": [2]}), true),
    ] {
        let found = any().read(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
        assert_eq!((found.value, found.is_repaired), (value, is_repaired), "{text}");
    }
}

#[test]
fn what_is_missing_is_not_made_up() {
    for text in [
        "",
        "I cannot do that.",
        "{\"a\": 1",
        "{\"a\": ",
        "[1, 2",
        "{\"a\": \"unfinished",
        "{\"a\" 1}",
        "[1 2]",
        "```json\n{\"a\": [1, 2\n```",
        "{\"a\": NaN}",
        "{\"a\": 0x10}",
        "7",
        "\"text\"",
        "null",
    ] {
        assert!(any().read(text).is_err(), "{text}");
    }
    // Deeper than anything that we read.
    let deep = format!("{}1{},", "[".repeat(200), "]".repeat(200));
    assert!(any().read(&deep).is_err());
    let unclosed = "[".repeat(100_000);
    assert!(any().read(&unclosed).is_err());
}

#[test]
fn a_part_of_an_object_is_not_taken_for_it() {
    let doubled = "{\"a\": 1, \"a\": 2, \"b\": {\"c\": 3}}";
    assert_eq!(any().read(doubled).unwrap().value, json!({"a": 2, "b": {"c": 3}}));
}

#[test]
fn with_a_schema_the_piece_that_follows_it_is_the_answer() {
    let named = following(json!({"type": "object", "required": ["name"]}));
    let text = "First {\"kind\": \"a thing that is longer\"}, then {\"name\": \"x\"}.";
    assert_eq!(named.read(text).unwrap().value, json!({"name": "x"}));
    let fault = named.read("{\"kind\": 1}").unwrap_err();
    assert_eq!(fault.pointer, "/name");
    // Even one that is no object.
    assert_eq!(following(json!({"type": "integer"})).read("7").unwrap().value, json!(7));
}

#[track_caller]
fn checks(schema: Value, fits: &[Value], faults: &[(Value, &str)]) {
    let parsed = Schema::parse(&schema).unwrap_or_else(|faults| panic!("{schema}: {faults:?}"));
    for value in fits {
        assert_eq!(parsed.check(value), Ok(()), "{schema} {value}");
    }
    for (value, place) in faults {
        let fault = parsed.check(value).expect_err("a fault");
        assert_eq!(fault.pointer, *place, "{schema} {value}: {}", fault.reason);
    }
}

#[test]
fn values_are_held_against_schemas() {
    checks(json!({}), &[json!(null), json!({"a": 1})], &[]);
    checks(
        json!({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"],
            "additionalProperties": false, "title": "A", "description": "…"}),
        &[json!({"a": 1}), json!({"a": 1.0})],
        &[
            (json!([]), ""),
            (json!({}), "/a"),
            (json!({"a": 1.5}), "/a"),
            (json!({"a": 1, "b/c": 1}), "/b~1c"),
        ],
    );
    checks(
        json!({"additionalProperties": {"type": ["string", "null"]}, "maxProperties": 2}),
        &[json!({"a": "x", "b": null}), json!(7)],
        &[(json!({"a": 1}), "/a"), (json!({"a": null, "b": null, "c": null}), "")],
    );
    checks(
        json!({"items": {"enum": ["a", 1]}, "minItems": 1, "maxItems": 2, "uniqueItems": true}),
        &[json!(["a", 1]), json!([1.0])],
        &[
            (json!([]), ""),
            (json!(["b"]), "/0"),
            (json!(["a", "a"]), "/1"),
            (json!(["a", 1, 1]), ""),
        ],
    );
    checks(
        json!({"uniqueItems": true}),
        &[
            json!([1, "1", "1.0", true, "true", null, "null", [], [[]], {}, "{}", [1, 2], [12]]),
            json!([{"a": 1}, {"a": 2}, {"b": 1}, ["a", 1], "", ["", ""], [",", ""]]),
        ],
        &[(json!([0, -0.0]), "/1"), (json!([{"a": 1, "b": [2]}, {"b": [2.0], "a": 1}]), "/1")],
    );
    checks(
        json!({"prefixItems": [{"type": "string"}], "items": false}),
        &[json!([]), json!(["a"])],
        &[(json!([1]), "/0"), (json!(["a", 1]), "/1")],
    );
    checks(
        json!({"minimum": 0, "exclusiveMaximum": 10, "multipleOf": 0.1}),
        &[json!(0), json!(9.9), json!("text"), json!(0.3)],
        &[(json!(-1), ""), (json!(10), ""), (json!(0.25), "")],
    );
    checks(
        json!({"minLength": 2, "maxLength": 3}),
        &[json!("éé"), json!("abc"), json!(7)],
        &[(json!("é"), ""), (json!("abcd"), "")],
    );
    checks(json!({"const": {"a": [1]}}), &[json!({"a": [1.0]})], &[(json!({"a": []}), "")]);
    checks(
        json!({"anyOf": [{"type": "string"}, {"required": ["a"]}], "not": {"const": "no"}}),
        &[json!("yes"), json!({"a": 1}), json!(7)],
        &[(json!({}), ""), (json!("no"), "")],
    );
    checks(
        json!({"oneOf": [{"type": "integer"}, {"minimum": 5}], "allOf": [{"maximum": 9}]}),
        &[json!(1), json!(5.5)],
        &[(json!(6), ""), (json!(1.5), ""), (json!(10.5), "")],
    );
}

#[test]
fn schemas_refer_to_their_parts() {
    let tree = json!({"$ref": "#/$defs/node", "$defs": {"node": {
        "type": "object",
        "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
        "required": ["next"],
    }}});
    checks(tree, &[json!({"next": {"next": null}})], &[(json!({"next": {}}), "/next/next")]);
    // A schema that goes round and round ends.
    for turning in [
        json!({"$ref": "#"}),
        json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}),
        json!({"allOf": [{"not": {"$ref": "#"}}, {"not": {"$ref": "#"}}]}),
    ] {
        let schema = Schema::parse(&turning).unwrap();
        let _ = schema.check(&json!({"a": 1}));
    }
    assert!(Schema::parse(&json!({"$ref": "#"})).unwrap().check(&json!(1)).is_err());
}

#[test]
fn what_cannot_be_checked_is_refused() {
    for (schema, place) in [
        (json!([]), ""),
        (json!({"type": "text"}), "/type"),
        (json!({"type": []}), "/type"),
        (json!({"pattern": "^a"}), "/pattern"),
        (json!({"properties": {"a": {"if": true}}}), "/properties/a/if"),
        (json!({"properties": [1]}), "/properties"),
        (json!({"properties": {"a": 1}}), "/properties/a"),
        (json!({"items": [{}]}), "/items"),
        (json!({"anyOf": {}}), "/anyOf"),
        (json!({"oneOf": [{"minimum": "1"}]}), "/oneOf/0/minimum"),
        (json!({"required": ["a", 1]}), "/required"),
        (json!({"minItems": -1}), "/minItems"),
        (json!({"multipleOf": 0}), "/multipleOf"),
        (json!({"enum": "a"}), "/enum"),
        (json!({"uniqueItems": 1}), "/uniqueItems"),
        (json!({"$ref": "https://example.org/a"}), "/$ref"),
        (json!({"$ref": "#/$defs/none"}), "/$ref"),
        (json!({"$ref": 1}), "/$ref"),
        (json!({"description": "x".repeat(40_000)}), ""),
    ] {
        let faults = Schema::parse(&schema).expect_err("a fault");
        assert_eq!(faults[0].pointer, place, "{}", faults[0].reason);
    }
}

/// Compared in pairs, they would be five thousand million.
#[test]
fn a_long_list_is_searched_for_doubles_in_one_go() {
    let schema = following(json!({"uniqueItems": true})).schema.unwrap();
    let list = |count: usize| -> Value { (0..count).map(Value::from).collect() };
    assert_eq!(schema.check(&list(99_000)), Ok(()));
    let mut twice = list(99_000);
    twice[98_999] = json!(0.0);
    assert_eq!(schema.check(&twice).unwrap_err().pointer, "/98999");
    let too_many = |value: &Value| schema.check(value).unwrap_err().reason;
    assert_eq!(too_many(&list(100_001)), "the schema takes too many steps to check");
    // Large ones, looked at again and again.
    let large = json!([vec![0; 60_000], "x".repeat(50 << 20)]);
    assert_eq!(too_many(&large), "the schema takes too many steps to check");
}

/// Small schemas that look at the same value again and again, and at much of it each time.
#[test]
fn what_is_looked_at_is_counted_however_it_is_asked_for() {
    let turned = |inner: Value, times: usize| {
        let to =
            |name: &str| json!({"anyOf": vec![json!({"$ref": format!("#/$defs/{name}")}); times]});
        let source = json!({"allOf": [{"$ref": "#/$defs/b"}],
            "$defs": {"a": to("e"), "b": to("a"), "e": inner}});
        Schema::parse(&source).unwrap()
    };
    let none: Vec<String> = (0..2_000).map(|number| format!("m{number}")).collect();
    let words = vec!["x".repeat(1_000); 20];
    let rows = [
        (json!({"enum": vec![0; 9_000]}), 200, json!(1)),
        (json!({"enum": words}), 150, json!(1)),
        (json!({"const": "x".repeat(20_000)}), 150, json!("y".repeat(20_000))),
        (json!({"maxLength": 1}), 100, json!("x".repeat(1 << 20))),
        (json!({"type": vec!["null"; 2_000]}), 200, json!(1)),
        (json!({"required": none, "properties": {"z": false}}), 100, {
            let mut whole: Value = none.iter().map(|name| (name.clone(), json!(0))).collect();
            whole["z"] = json!(0);
            whole
        }),
        (json!({"minProperties": 9_000}), 200, {
            (0..8_000).map(|number| (number.to_string(), json!(0))).collect()
        }),
    ];
    for (inner, times, value) in rows {
        let name = inner.to_string().chars().take(40).collect::<String>();
        let schema = turned(inner, times);
        let told = schema.check(&value).unwrap_err().reason;
        assert_eq!(told, "the schema takes too many steps to check", "{name}");
    }
    // Below a long name each place is as long.
    let schema = following(json!({"additionalProperties": {"items": {}}})).schema.unwrap();
    let long = json!({"x".repeat(1 << 20): vec![0; 6_000]});
    let told = schema.check(&long).unwrap_err().reason;
    assert_eq!(told, "the schema takes too many steps to check");
    // Nor does the opposite fit where it was not looked at to its end.
    let schema = json!({"not": {"items": {"allOf": vec![json!({}); 500]}}});
    let schema = Schema::parse(&schema).unwrap();
    let told = schema.check(&json!(vec![0; 1_000])).unwrap_err().reason;
    assert_eq!(told, "the schema takes too many steps to check");
    // Where one of a list is meant, each entry may be compared with many.
    let countries: Vec<String> = (0..250).map(|number| format!("country {number}")).collect();
    let schema = following(json!({"items": {"enum": countries}})).schema.unwrap();
    assert_eq!(schema.check(&json!(vec!["country 249"; 2_000])), Ok(()));
}

#[test]
fn all_pieces_of_a_text_have_the_steps_of_one() {
    let integers = vec![json!({"type": "integer"}); 1_000];
    let expected = following(json!({"items": {"allOf": integers}, "not": {"minItems": 60}}));
    let long = format!("{:?}", [1; 60]);
    let found = expected.read(&format!("{long} or [1, 2]")).unwrap();
    assert_eq!(found.value, json!([1, 2]));
    let told = expected.read(&format!("{long} or {long} or [1, 2]")).unwrap_err();
    assert_eq!(told.reason, "fits what it must not be");
}

proptest! {
    #[test]
    fn a_list_has_doubles_if_two_of_it_are_the_same(
        one in any_small(), other in any_small(),
    ) {
        let schema = following(json!({"uniqueItems": true})).schema.unwrap();
        let is_same = following(json!({"const": one})).schema.unwrap().check(&other).is_ok();
        prop_assert_eq!(schema.check(&json!([one, other])).is_err(), is_same);
    }
}

fn any_small() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        proptest::bool::ANY.prop_map(Value::from),
        (-2..3_i32).prop_map(Value::from),
        (-2..3_i32).prop_map(|number| Value::from(f64::from(number))),
        Just(Value::from(u64::MAX)),
        Just(Value::from(18_446_744_073_709_551_615.0)),
        "[01,\"\\[{ -]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[ab:,]{1,2}", inner, 0..3)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}
