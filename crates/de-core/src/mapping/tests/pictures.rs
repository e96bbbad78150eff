//! Pictures that a reply lists one by one.

use serde_json::{Value, json};

use super::{parse, provider};
use crate::mapping::PayloadMapping;

fn reply(images: Value, body: &Value) -> Value {
    let mapping =
        json!({"endpoint": "/x", "method": "GET", "response_mapping": {"images": images}});
    match parse(mapping).reply(200, &[], body) {
        Ok(reply) => serde_json::to_value(reply).unwrap(),
        Err(error) => Value::String(error.to_string()),
    }
}

#[test]
fn each_picture_keeps_what_belongs_to_it() {
    let images = json!({"each": "$.data[*]", "url": "url", "b64": "b64", "seed": "seed",
        "revised_prompt": ["prompt", "note"]});
    let body = json!({"data": [
        {"url": "https://a.test/1", "seed": 7, "prompt": "a cat"},
        {"b64": "AAEC", "note": "no cat"},
        {"url": null, "seed": "none", "reason": "unsafe"}
    ]});
    assert_eq!(
        reply(images, &body),
        json!({"pictures": [
            {"url": "https://a.test/1", "seed": 7, "revised_prompt": "a cat"},
            {"b64": "AAEC", "revised_prompt": "no cat"},
            {"held_back": true}
        ]})
    );
}

#[test]
fn a_picture_that_is_no_text_is_an_error() {
    let images = json!({"each": "$.data[*]", "url": "url"});
    assert_eq!(
        reply(images, &json!({"data": [{"url": {}}]})),
        json!("images should be text, the reply has an object")
    );
}

#[test]
fn pictures_are_listed_as_images_alone_and_need_a_place_to_be_read_from() {
    let issues = |fields: Value| {
        let mapping = json!({"endpoint": "/x", "method": "GET", "response_mapping": fields});
        let issues = PayloadMapping::parse(&mapping, &provider()).map(drop).unwrap_err();
        issues.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let none = json!({"each": "$.data[*]", "seed": "seed"});
    assert_eq!(
        issues(json!({ "images": none })),
        "/response_mapping/images: the member \"url\" is required"
    );
    let each = json!({"each": "$.data[*]", "url": "url"});
    assert!(issues(json!({ "pictures": each })).contains("/response_mapping/pictures/each"));
    for one in [json!({"each": "$.d[*]", "url": "u"}), json!({"each": "$.d[*]", "b64": "b"})] {
        let mapping =
            json!({"endpoint": "/x", "method": "GET", "response_mapping": {"images": one}});
        assert!(PayloadMapping::parse(&mapping, &provider()).is_ok(), "{one}");
    }
    // An object of that name without `each` is a path like any other.
    assert_eq!(reply(json!({"path": "$.urls"}), &json!({"urls": ["u"]})), json!({"images": ["u"]}));
}
