use serde_json::json;

use super::*;

/// What is written of a schema, and the keywords that are said in words.
fn fitted(schema: &Value) -> (Value, String) {
    let Fitted { in_words, schema } = fit(schema);
    (schema, in_words.join(" "))
}

#[track_caller]
fn check(schema: Value, expected: Value) {
    assert_eq!(fitted(&schema), (expected, String::new()), "{schema}");
}

#[test]
fn what_the_vendor_takes_stays() {
    for schema in [
        json!({"type": "object", "properties": {"a": {"type": ["string", "null"], "format": "date"}},
            "required": ["a"], "additionalProperties": false, "propertyOrdering": ["a"]}),
        json!({"type": "array", "prefixItems": [{"enum": ["a"], "type": "string"}], "items": {"minimum": 1,
            "maximum": 2, "type": "number"}, "minItems": 1, "maxItems": 3, "description": "A list."}),
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"properties": {"b": {"$ref": "#/$defs/a"},
            "properties": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "pattern": {"type": "string"}}}}}),
        json!({"oneOf": [{"type": "integer"}, {"title": "T", "default": {"pattern": 1}}]}),
    ] {
        check(schema.clone(), schema);
    }
    check(json!(true), json!({}));
    check(json!({"properties": {"a": true}, "$schema": "x"}), json!({"properties": {"a": {}}}));
}

#[test]
fn references_lead_into_defs_alone() {
    check(
        json!({"items": {"$ref": "#/definitions/a~1b"}, "definitions": {"a/b": {"type": "string"}}}),
        json!({"items": {"$ref": "#/$defs/a~1b"}, "$defs": {"a/b": {"type": "string"}}}),
    );
    // Two of a name are two, and other places become definitions.
    let (schema, in_words) = fitted(&json!({
        "properties": {
            "a": {"type": "string"}, "b": {"$ref": "#/properties/a"}, "c": {"$ref": "#/properties/a"},
            "d": {"$ref": "#/definitions/e"}, "f": {"$ref": "#/$defs/e"}, "h": {"$ref": "https://a.test"},
        },
        "$defs": {"e": {"type": "integer"}}, "definitions": {"e": {"$ref": "#/definitions/e/g"}},
    }));
    let words = |place: &str| json!({"description": format!("It must be valid against {{\"$ref\":\"{place}\"}} too.")});
    let expected = json!({
        "properties": {
            "a": {"type": "string"}, "b": {"$ref": "#/$defs/part_0"}, "c": {"$ref": "#/$defs/part_0"},
            "d": {"$ref": "#/$defs/part_1"}, "f": {"$ref": "#/$defs/e"}, "h": words("https://a.test"),
        },
        "$defs": {
            "e": {"type": "integer"}, "part_0": {"type": "string"}, "part_1": words("#/definitions/e/g"),
        },
    });
    assert_eq!((schema, in_words.as_str()), (expected, "$ref"));
}

#[test]
fn nothing_stands_beside_a_reference() {
    // It is joined with what it refers to: its own words first.
    check(
        json!({"properties": {"a": {"$ref": "#/$defs/a", "description": "Mine.", "minimum": 1}},
            "$defs": {"a": {"type": "integer", "description": "Its.", "maximum": 3}}}),
        json!({"properties": {"a": {"type": "integer", "description": "Mine.", "minimum": 1, "maximum": 3}},
            "$defs": {"a": {"type": "integer", "description": "Its.", "maximum": 3}}}),
    );
    // What leads back to itself stays a reference, without what says nothing of values.
    let node = json!({"type": "object", "properties": {"next": {"$ref": "#/$defs/node", "title": "Next"}}});
    let plain = json!({"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}});
    check(
        json!({"$ref": "#/$defs/node", "$defs": {"node": node}}),
        json!({"$ref": "#/$defs/node", "$defs": {"node": plain}}),
    );
    check(
        json!({"properties": {"a": {"$ref": "#", "default": null}}}),
        json!({"properties": {"a": {"$ref": "#"}}}),
    );
    let (schema, in_words) =
        fitted(&json!({"properties": {"a": {"$ref": "#", "minProperties": 1}}}));
    let a = &schema["properties"]["a"];
    assert!(a.get("$ref").is_none() && a["description"].is_string(), "{schema}");
    assert_eq!(in_words, "$ref minProperties");
}

#[test]
fn parts_are_joined() {
    check(
        json!({"allOf": [{"$ref": "#/$defs/a"}], "default": 1, "$defs": {"a": {"type": "integer"}}}),
        json!({"default": 1, "type": "integer", "$defs": {"a": {"type": "integer"}}}),
    );
    let object = |name: &str| json!({"type": "object", "properties": {name: {"type": "string"}}, "required": [name]});
    check(
        json!({"allOf": [object("a"), {"allOf": [object("b"), object("a")]}], "description": "Both."}),
        json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
            "required": ["a", "b"], "description": "Both."}),
    );
    let parts = [json!({"type": "string"}), json!({"type": "integer"}), json!({"type": "null"})];
    let (schema, in_words) = fitted(&json!({"allOf": parts}));
    let words = r#"It must be valid against {"type":"integer","allOf":[{"type":"null"}]} too."#;
    assert_eq!(schema, json!({"type": "string", "description": words}));
    assert_eq!(in_words, "type");
}

#[test]
fn choices_are_of_texts_and_numbers() {
    check(json!({"const": "a"}), json!({"enum": ["a"], "type": "string"}));
    check(json!({"const": 1, "enum": [1, 2]}), json!({"enum": [1], "type": "integer"}));
    check(json!({"enum": [1, 1.5]}), json!({"enum": [1, 1.5], "type": "number"}));
    check(json!({"enum": ["a", 1]}), json!({"enum": ["a", 1]}));
    check(json!({"const": null}), json!({"type": "null"}));
    check(
        json!({"enum": ["a", null], "type": ["string", "null"], "title": "T"}),
        json!({"anyOf": [{"enum": ["a"], "type": "string"}, {"type": "null"}], "title": "T"}),
    );
    let (schema, in_words) = fitted(&json!({"const": true, "type": "boolean"}));
    let words = r#"It must be valid against {"const":true} too."#;
    assert_eq!(schema, json!({"type": "boolean", "description": words}));
    assert_eq!(in_words, "const");
}

#[test]
fn what_the_vendor_has_no_word_for_is_said_in_words() {
    let (schema, in_words) = fitted(&json!({
        "type": "array", "items": {"type": "string", "pattern": "^a$", "maxLength": 3, "description": "A."},
        "uniqueItems": true,
    }));
    let written = json!({
        "type": "array",
        "items": {"type": "string",
            "description": "A.\n\nIt must be valid against {\"pattern\":\"^a$\",\"maxLength\":3} too."},
        "description": "It must be valid against {\"uniqueItems\":true} too.",
    });
    assert_eq!((schema, in_words.as_str()), (written, "pattern maxLength uniqueItems"));
    for (keywords, lost) in [
        (json!({"type": "integer", "exclusiveMinimum": 0}), "exclusiveMinimum"),
        (json!({"not": {"type": "null"}}), "not"),
        (json!({"items": [{"type": "string"}], "additionalItems": false}), "additionalItems"),
        (json!({"prefixItems": [{"type": "string"}], "items": false}), "items"),
        (json!({"properties": {"a": false}}), "false"),
    ] {
        assert_eq!(fitted(&keywords).1, lost);
    }
}

#[test]
fn a_small_schema_does_not_grow_without_end() {
    // Each doubles the one behind it.
    let mut definitions = Map::new();
    for place in 0..60 {
        let next = json!({"$ref": format!("#/$defs/d{}", place + 1), "description": "Next."});
        let twice = json!({"properties": {"a": next, "b": next}});
        definitions.insert(format!("d{place}"), twice);
    }
    definitions.insert("d60".to_owned(), json!({"type": "string"}));
    let schema = json!({"$ref": "#/$defs/d0", "title": "All", "$defs": definitions});
    let written = fit(&schema).schema.to_string();
    assert!(written.len() < schema.to_string().len() + 2 * MOST_COPIED, "{}", written.len());
    // Parts without end, and what refers to all of itself from each of its places.
    let parts = json!({"allOf": vec![json!({"maximum": 1}); 1_000]});
    assert!(fit(&parts).schema.to_string().len() < 2 * parts.to_string().len());
    let places: Map<String, Value> = (0..1_000)
        .map(|place| {
            (format!("p{place}"), json!({"$ref": format!("#/properties/p{}", (place + 1) % 1_000)}))
        })
        .collect();
    let places = json!({"properties": places});
    assert!(fit(&places).schema.to_string().len() < 4 * places.to_string().len());
}
