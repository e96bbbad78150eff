//! Values for tests that try what nobody thought of: those that a schema allows, and odd ones.

use proptest::{prelude::*, sample::select, strategy::Union, string::string_regex};
use serde_json::{Map, Value, json};

use super::catalogue::Catalogue;

/// Deeper than this nothing is made up.
const DEEPEST: usize = 6;

/// A value that the schema allows, so far as its keywords can be followed; one in 32 of its parts is odd.
pub fn value(catalogue: &Catalogue, schema: &Value) -> BoxedStrategy<Value> {
    made(catalogue, schema, DEEPEST)
}

/// Values that are seldom meant.
pub fn odd() -> BoxedStrategy<Value> {
    let long = "x".repeat(5_000);
    let fixed = select(vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(9_007_199_254_740_993_u64),
        json!(i64::MIN),
        json!(1e300),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("a\nb"),
        json!("\u{202e}\u{1f600}"),
        json!("../../etc"),
        json!("%2F%00"),
        json!("'; DROP TABLE organizations; --"),
        json!(long),
        json!([]),
        json!([null]),
        json!([[[[[[[[]]]]]]]]),
        json!({}),
        json!({"": {"~/": null}}),
    ]);
    prop_oneof![3 => fixed, 1 => any::<String>().prop_map(Value::from)].boxed()
}

fn made(catalogue: &Catalogue, schema: &Value, left: usize) -> BoxedStrategy<Value> {
    let schema = catalogue.resolve(schema);
    if left == 0 {
        return Just(Value::Null).boxed();
    }
    let deeper = |schema: &Value| made(catalogue, schema, left - 1);
    let any_of = schema["anyOf"].as_array().or(schema["oneOf"].as_array());
    let meant = if let Some(any) = any_of {
        Union::new(any.iter().map(deeper)).boxed()
    } else if let Some(words) = schema["enum"].as_array() {
        select(words.clone()).boxed()
    } else {
        let kinds = match &schema["type"] {
            Value::String(kind) => vec![kind.as_str()],
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => vec!["object", "string", "integer"],
        };
        Union::new(kinds.into_iter().map(|kind| of_kind(catalogue, schema, kind, left))).boxed()
    };
    prop_oneof![31 => meant, 1 => odd()].boxed()
}

fn of_kind(catalogue: &Catalogue, schema: &Value, kind: &str, left: usize) -> BoxedStrategy<Value> {
    match kind {
        "array" => {
            let least = usize::try_from(schema["minItems"].as_u64().unwrap_or(0)).unwrap();
            let item = made(catalogue, &schema["items"], left - 1);
            prop::collection::vec(item, least..least + 3).prop_map(Value::from).boxed()
        }
        "boolean" => any::<bool>().prop_map(Value::from).boxed(),
        "integer" => {
            let least = schema["minimum"].as_i64().unwrap_or(-1_000);
            let most = schema["maximum"].as_i64().unwrap_or(least.saturating_add(1_000_000));
            (least..=most).prop_map(Value::from).boxed()
        }
        "null" => Just(Value::Null).boxed(),
        "number" => {
            let least = schema["minimum"].as_f64().unwrap_or(-10.0);
            let most = schema["maximum"].as_f64().unwrap_or(10.0);
            (least..=most).prop_map(Value::from).boxed()
        }
        "object" => object(catalogue, schema, left),
        _ => text(schema),
    }
}

fn object(catalogue: &Catalogue, schema: &Value, left: usize) -> BoxedStrategy<Value> {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut members = Just(Map::new()).boxed();
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        // What is required is nearly always there.
        let chance = if required.contains(&name.as_str()) { 0.97 } else { 0.3 };
        let member = prop::option::weighted(chance, made(catalogue, member, left - 1));
        let name = name.clone();
        members = (members, member)
            .prop_map(move |(mut members, value)| {
                members.extend(value.map(|value| (name.clone(), value)));
                members
            })
            .boxed();
    }
    let stranger = prop::option::weighted(0.05, ("[a-z_]{1,12}", odd()));
    (members, stranger)
        .prop_map(|(mut members, stranger)| {
            members.extend(stranger);
            Value::Object(members)
        })
        .boxed()
}

fn text(schema: &Value) -> BoxedStrategy<Value> {
    let most = schema["maxLength"].as_u64().unwrap_or(40);
    let shown: Vec<Value> = schema["examples"].as_array().cloned().unwrap_or_default();
    let plain = format!("[a-zA-Z0-9 ._-]{{1,{}}}", most.min(40));
    let pattern = schema["pattern"].as_str().unwrap_or(&plain).replace("\\u", "\\x");
    // A pattern that only search engines of the other kind know is left to the examples.
    let matching = string_regex(pattern.trim_start_matches('^').trim_end_matches('$'))
        .unwrap_or_else(|_| string_regex(&plain).unwrap());
    let matching = matching.prop_map(Value::from);
    if shown.is_empty() {
        return matching.boxed();
    }
    prop_oneof![select(shown), matching].boxed()
}
