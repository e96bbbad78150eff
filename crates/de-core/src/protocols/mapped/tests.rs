use url::Url;

use super::*;
use crate::{
    mapping::{AuthScheme, ProviderRules},
    protocols::{MaxTokensField, SeedField},
};

fn mapped(members: Value) -> MappedVendor {
    let rules = ProviderRules {
        allowed_hosts: Vec::new(),
        auth: AuthScheme::Bearer,
        base_url: Url::parse("https://api.example.com/v1").unwrap(),
        mapping_sees_key: false,
    };
    let mut mapping = json!({
        "endpoint": "/complete",
        "method": "POST",
        "response_mapping": {"text": "$.text"},
    });
    mapping.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    MappedVendor::new(PayloadMapping::parse(&mapping, &rules).unwrap())
}

fn vendor(body: Value) -> MappedVendor {
    mapped(json!({"body": body}))
}

fn target() -> Target {
    Target {
        default_max_output_tokens: 100,
        max_tokens_field: MaxTokensField::MaxTokens,
        on_unsupported: crate::model::OnUnsupported::Refuse,
        sampling_params: None,
        seed_field: SeedField::Seed,
        takes_user: true,
        upstream_model: "m".to_owned(),
    }
}

fn sent(body: Value, turns: &[(Role, &str)]) -> Result<Value, Vec<FieldIssue>> {
    let messages = turns
        .iter()
        .map(|(role, text)| Message { parts: vec![Part::Text((*text).to_owned())], role: *role })
        .collect();
    let call = ChatCall { messages, ..ChatCall::default() };
    Vendor::request(&vendor(body), &call, &target()).map(|draft| json::parse(&draft.body).unwrap())
}

#[test]
fn every_turn_is_sent_exactly_once() {
    let turns = [(Role::User, "a"), (Role::Assistant, "b"), (Role::User, "c")];
    let both = json!({"history": "{messages}", "prompt": "{user_prompt}"});
    assert_eq!(
        sent(both.clone(), &turns).unwrap(),
        json!({"history": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
            "prompt": "c"})
    );
    assert_eq!(sent(both, &turns[..1]).unwrap(), json!({"prompt": "a"}));
    let all = sent(json!({"turns": "{messages}"}), &turns).unwrap();
    assert_eq!(all.pointer("/turns/2/content"), Some(&json!("c")));
}

#[test]
fn what_a_mapping_cannot_carry_is_refused_and_not_lost() {
    let turns = [(Role::User, "a"), (Role::Assistant, "b"), (Role::User, "c")];
    let issues = sent(json!({"prompt": "{user_prompt}"}), &turns).unwrap_err();
    assert_eq!(issues[0].pointer, "/messages");
}

#[test]
fn a_body_of_parts_is_sent() {
    let message = Message { parts: vec![Part::Text("Hello".to_owned())], role: Role::User };
    let call = ChatCall { messages: vec![message], ..ChatCall::default() };
    let vendor = mapped(json!({
        "body_kind": "multipart",
        "body": {"model": "{model}", "prompt": "{user_prompt}"},
    }));
    let draft = Vendor::request(&vendor, &call, &target()).unwrap();
    let kind = draft.headers[header::CONTENT_TYPE].to_str().unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    assert!(boundary.len() >= 32 && boundary.bytes().all(|b| b.is_ascii_hexdigit()), "{kind}");
    let body = std::str::from_utf8(&draft.body).unwrap();
    assert_eq!(body.matches(boundary).count(), 3, "{body}");
    assert!(body.contains("name=\"prompt\"\r\n\r\nHello\r\n"), "{body}");
}

#[test]
fn an_output_is_bounded_only_where_the_mapping_has_a_place_for_it() {
    let plain = json!({"prompt": "{user_prompt}"});
    assert!(!vendor(plain.clone()).bounds_output());
    assert!(vendor(json!({"limit": "{max_tokens}", "prompt": "{user_prompt}"})).bounds_output());
    let declared = json!({"body": plain, "variables": {"max_tokens": {"type": "integer"}}});
    assert!(mapped(declared).bounds_output());
}

fn streaming(usage: Value, done: bool) -> MappedVendor {
    let event = json!({"delta": "$.text", "finish": "$.why", "usage": usage});
    let mut response = json!({"kind": "sse", "events": [event]});
    if done {
        response["done"] = json!("[DONE]");
    }
    mapped(json!({
        "body": {"prompt": "{user_prompt}", "stream": "{stream}"},
        "response": response,
    }))
}

/// The counts as the books end up with them, after each event.
fn counts(vendor: &MappedVendor, events: &[&str]) -> Vec<Option<Usage>> {
    let (mut stream, mut sum) = (vendor.stream(), None::<Usage>);
    let mut after = Vec::new();
    for data in events {
        let event = Event { data: (*data).to_owned(), event: None };
        for delta in stream.event(&event).unwrap() {
            if let Delta::Usage(usage) = delta {
                sum = Some(sum.unwrap_or_default().merge_max(usage));
            }
        }
        after.push(sum);
    }
    after
}

fn tokens(input_tokens: u64, cached_input_tokens: u64, output_tokens: u64) -> Option<Usage> {
    let usage = Usage { cached_input_tokens, input_tokens, output_tokens, ..Usage::default() };
    Some(Usage { requests: 1, ..usage })
}

#[test]
fn counts_that_come_apart_are_put_together() {
    let all = json!({
        "cached_tokens": "$.cached", "input_tokens": "$.in", "output_tokens": "$.out", "tokens_used": "$.all",
    });
    let vendor = streaming(all.clone(), true);
    let apart = [r#"{"in": 100}"#, r#"{"cached": 40}"#, r#"{"out": 7, "why": "stop"}"#, "[DONE]"];
    assert_eq!(counts(&vendor, &apart).pop().unwrap(), tokens(60, 40, 7));
    let total = [r#"{"all": 10}"#, r#"{"in": 6, "why": "stop"}"#, "[DONE]"];
    assert_eq!(counts(&vendor, &total).pop().unwrap(), tokens(6, 0, 4));
    // Without an end mark, the reason to end is the end.
    let last = [r#"{"in": 100}"#, r#"{"cached": 40, "out": 7, "why": "stop"}"#];
    assert_eq!(counts(&streaming(all, false), &last), [None, tokens(60, 40, 7)]);
    // What no later event can take back is told at once: the stream may break off.
    let plain = json!({"input_tokens": "$.in", "output_tokens": "$.out"});
    let early = counts(&streaming(plain, true), &[r#"{"in": 9}"#, r#"{"out": 2}"#, "[DONE]"]);
    assert_eq!(early, [tokens(9, 0, 0), tokens(9, 0, 2), tokens(9, 0, 2)]);
}
