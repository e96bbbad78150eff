use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{object, provider};
use crate::json;
use crate::mapping::PayloadMapping;
use crate::mapping::encode::RenderedBody;
use crate::mapping::variables::Reserved;

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        r#"[a-z{}:|?$ "é\r\n]{0,12}"#.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let key = r"\$if|\$each|\$do|[a-c]{1,2}";
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(key, inner, 0..4).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// Texts that are templates more often than not.
fn any_template() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[a-c]",
        r"\{[a-c]\}",
        r"[a-c ]?\{[a-c]\?\} \{[a-c](:int|:string|\|json|\|first)?\}",
        r"\{item(\.[ab])?\}\{index\}",
        r"\{\{[a-c]\}\}",
    ];
    text.prop_map(Value::from).prop_recursive(4, 24, 4, |inner| {
        let each = (inner.clone(), r"\{[a-c]\}")
            .prop_map(|(each, items)| json!({"$each": items, "$do": each}));
        let condition = (inner.clone(), r"\{[a-c]\}")
            .prop_map(|(member, condition)| json!({"$if": condition, "k": member}));
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map("[k-m]", inner, 0..4).prop_map(|members| members.into_iter().collect()),
            each,
            condition,
        ]
    })
}

fn body_of(template: Value, options: &Map<String, Value>) -> Option<Value> {
    let mapping = json!({"endpoint": "/x", "body": template, "unknown_options": "drop"});
    let mapping = PayloadMapping::parse(&mapping, &provider()).ok()?;
    let (variables, _) = mapping.variables(Reserved::default(), options).ok()?;
    match mapping.render(&variables).ok()?.body {
        RenderedBody::Json { value, .. } => Some(value),
        _ => None,
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_mapping_or_refused(bytes: Vec<u8>) {
        if let Ok(value) = json::parse(&bytes) {
            let _ = PayloadMapping::parse(&value, &provider());
        }
    }

    #[test]
    fn any_json_is_a_mapping_or_refused(
        endpoint in any_json(), headers in any_json(), body in any_json(), rest in any_json(),
        reply in any_json(),
    ) {
        let mapping = json!({
            "endpoint": endpoint, "headers": headers, "query": headers, "body": body,
            "response": rest, "response_mapping": rest, "error_mapping": rest,
            "variables": rest, "defaults": rest, "maps": rest, "examples": [rest],
        });
        let _ = PayloadMapping::parse(&mapping, &provider());
        let mapping = json!({
            "endpoint": endpoint, "method": "GET", "response_mapping": {"job_id": rest},
            "response": {"kind": "poll", "endpoint": endpoint, "query": headers, "status": rest,
                "done": rest, "failed": rest, "failed_if": rest, "progress": rest, "error": rest,
                "result": rest, "result_request": rest, "cancel": {"endpoint": endpoint}},
            "examples": [{"poll": rest}],
        });
        let _ = PayloadMapping::parse(&mapping, &provider());
        let mapping = json!({
            "endpoint": "/{a}", "headers": {"x": "{a}"}, "query": {"q": "{b?}"}, "body": body,
            "response_mapping": {"text": "$..a", "cost": "$.b", "images": "$.c", "n": "a.0.b"},
            "response": {"kind": "sse", "events": [{"delta": "$.a", "usage": {"input_tokens": "$..b"}}]},
            "unknown_options": "drop",
        });
        if let Ok(mapping) = PayloadMapping::parse(&mapping, &provider()) {
            let options = rest.as_object().cloned().unwrap_or_default();
            mapping.preview(&options);
            let _ = mapping.reply(200, &[], &reply);
            let _ = mapping.error(&reply);
            let _ = mapping.event(&reply.to_string());
        }
    }

    #[test]
    fn rendering_never_panics_and_never_leaves_a_placeholder(
        template in any_template(),
        a in any::<Option<i64>>(), b in vec("[x-z]{0,3}", 0..3), c in any::<Option<bool>>(),
    ) {
        let options = object(json!({"a": a, "b": b, "c": c}));
        if let Some(body) = body_of(template.clone(), &options) {
            let text = body.to_string();
            // No value holds a brace, so each one left is JSON's own or was written twice.
            for name in ["a", "b", "c"] {
                let left = text.matches(&format!("{{{name}}}")).count();
                let literal = template.to_string().matches(&format!("{{{{{name}}}}}")).count();
                let repeated = template.to_string().contains("$each");
                prop_assert!(left <= literal || repeated && literal > 0, "{template} {text}");
            }
        }
    }

    #[test]
    fn a_lone_placeholder_gives_the_value_itself(value in any_json()) {
        let options = object(json!({"x": value}));
        let body = body_of(json!({"k": "{x}", "l": ["{x}"]}), &options);
        let expected = if value.is_null() { json!({"l": []}) } else { json!({"k": value, "l": [value]}) };
        prop_assert_eq!(body, Some(expected));
    }

    #[test]
    fn a_value_is_never_scanned_again(prompt in r#"[{}a-z_:|?$." ]{1,40}"#) {
        let options = object(json!({"x": prompt}));
        let body = body_of(json!({"k": "{x}", "m": "<{x}>", "n": [{"$each": "{l}", "$do": "{item}"}]}), &options);
        let expected = json!({"k": prompt, "m": format!("<{prompt}>"), "n": []});
        prop_assert_eq!(body, Some(expected));
    }

    #[test]
    fn whatever_the_value_the_url_stays_at_the_provider(value in r#"[a-z./\\%?#@:é \r\n]{1,20}"#) {
        let mapping = json!({"endpoint": "/voices/{v}/go", "method": "GET"});
        let mapping = PayloadMapping::parse(&mapping, &provider()).unwrap();
        let gathered = mapping.variables(Reserved::default(), &object(json!({"v": value})));
        if let Ok(request) = mapping.render(&gathered.unwrap().0) {
            prop_assert_eq!(request.url.host_str(), Some("api.vendor.test"));
            prop_assert_eq!(request.url.path().matches('/').count(), 4);
            prop_assert!(request.url.path().starts_with("/v1/voices/"));
            prop_assert!(request.url.query().is_none() && request.url.fragment().is_none());
        }
    }
}
