//! What callers ask of a mapping before they call.

use serde_json::{Value, json};

use super::parse;
use crate::mapping::{PayloadMapping, ReplyKind};

fn with(members: Value) -> PayloadMapping {
    let mut mapping = json!({"endpoint": "/x/{place}", "body": {"a": "{a}"}});
    mapping.as_object_mut().unwrap().extend(super::object(members));
    parse(mapping)
}

#[test]
fn the_kind_of_reply_is_known() {
    let of = |response: Value| {
        let mapping = with(json!({ "response": response }));
        (mapping.answers_bytes(), mapping.can_stream(), mapping.has_end_mark())
    };
    assert_eq!(of(json!({"kind": "json"})), (false, false, false));
    assert_eq!(of(json!({"kind": "bytes"})), (true, false, false));
    let events = json!([{"delta": "$.t"}]);
    assert_eq!(of(json!({"kind": "sse", "events": events})), (false, true, false));
    let marked = json!({"kind": "sse", "events": events, "done": "[DONE]"});
    assert_eq!(of(marked), (false, true, true));
}

#[test]
fn an_option_is_taken_where_a_template_names_it_or_it_is_declared() {
    let mapping = with(json!({
        "variables": {"seed": {"type": "integer"}},
        "defaults": {"a": 7, "file": null}
    }));
    let facts = |name| (mapping.uses(name), mapping.takes(name), mapping.usual(name).cloned());
    assert_eq!(facts("a"), (true, true, Some(json!(7))));
    assert_eq!(facts("place"), (true, true, None));
    assert_eq!(facts("seed"), (false, true, None));
    assert_eq!(facts("file"), (false, false, None));
}

#[test]
fn the_names_of_a_loop_are_no_options() {
    let mapping = parse(json!({"endpoint": "/x", "body": {
        "list": {"$each": "{l}", "$do": {"n": "{index}", "v": "{item}"}}
    }}));
    assert!(mapping.uses("l") && !mapping.uses("item") && !mapping.uses("index"));
}

#[test]
fn a_job_is_followed_as_long_as_its_mapping_says() {
    assert_eq!(with(json!({})).follows_ms(), 0);
    let polled = json!({
        "response": {"kind": "poll", "endpoint": "/jobs/{job_id}", "timeout_ms": 60_000,
            "status": "$.s", "done": ["done"], "result": {"text": "$.t"}},
        "response_mapping": {"job_id": "$.id"}
    });
    assert_eq!(with(polled).follows_ms(), 60_000);
}

#[test]
fn cached_tokens_come_in_events_where_a_rule_reads_them() {
    let streams = |usage: Value| {
        let response = json!({"kind": "sse", "events": [{"delta": "$.t"}, {"usage": usage}]});
        with(json!({ "response": response })).streams_cached_tokens()
    };
    assert!(!streams(json!({"input_tokens": "$.i"})));
    assert!(streams(json!({"input_tokens": "$.i", "cached_tokens": "$.c"})));
}

#[test]
fn the_first_way_to_write_a_reply_of_bytes_is_one_by_its_media_type_alone() {
    let kind = |fields: Value| {
        let mapping = with(json!({ "response_mapping": fields }));
        let named: Vec<String> =
            mapping.response_mapping.iter().map(|(name, _)| name.clone()).collect();
        (mapping.reply_kind, named.join(" "))
    };
    let sound = json!({"audio": "$", "content_type": "audio/mpeg", "voice": {"header": "voice"}});
    assert_eq!(kind(sound), (ReplyKind::Bytes, "voice".to_owned()));
    // Paths, among them one of that name, and the whole body as text.
    let plain = json!({"text": "$", "content_type": "$.type"});
    assert_eq!(kind(plain), (ReplyKind::Json, "text content_type".to_owned()));
    for bad in ["audio/", "/mpeg", "au dio/mpeg", "audio/m peg"] {
        let fields = json!({ "content_type": bad });
        let mapping = json!({"endpoint": "/x", "method": "GET", "response_mapping": fields});
        assert!(PayloadMapping::parse(&mapping, &super::provider()).is_err(), "{bad}");
    }
}

#[test]
fn bytes_have_headers_and_no_members() {
    let issues = |fields: Value| {
        let mapping = json!({"endpoint": "/x", "method": "GET", "response": {"kind": "bytes"},
            "response_mapping": fields});
        PayloadMapping::parse(&mapping, &super::provider()).map_err(|issues| issues.len()).err()
    };
    assert_eq!(issues(json!({"cost": {"header": "cost"}, "text": {"const": "x"}})), None);
    assert_eq!(issues(json!({"audio": "$"})), None);
    assert_eq!(issues(json!({"text": "$.t"})), Some(1));
    assert_eq!(issues(json!({"text": [{"header": "t"}, "$.t"]})), Some(1));
}

#[test]
fn a_stream_tells_all_four_counts_and_the_later_ones_hold() {
    let mapping = with(json!({
        "response": {"kind": "sse", "events": [{"usage": {
            "input_tokens": "$.i", "output_tokens": "$.o", "cached_tokens": "$.c",
            "tokens_used": "$.t"
        }}]},
        "examples": [{
            "events": [{"i": 9, "c": 4, "o": 1}, {"o": 5, "t": 14}],
            "output": {"text": "", "usage": {"input_tokens": 9, "output_tokens": 5,
                "cached_tokens": 4, "tokens_used": 14}}
        }]
    }));
    assert!(mapping.check_examples().is_empty(), "{:?}", mapping.check_examples());
}
