use url::Url;

use super::*;
use crate::{
    calls::{ImageCall, Made, RenderCall, SpeechCall},
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
        on_unsupported: OnUnsupported::Reject,
        reasoning: None,
        reasoning_budget: None,
        reasoning_effort: None,
        sampling_params: None,
        seed_field: SeedField::Seed,
        takes_thoughts: false,
        takes_user: true,
        thinking_always_on: None,
        unknown_options: OnUnsupported::Reject,
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
                sum = Some(usage);
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

fn pictures(members: Value) -> MappedVendor {
    let mut all = json!({
        "response_mapping": {"images": {"each": "$.data[*]", "url": "$.url", "b64": "$.b64",
            "revised_prompt": "$.prompt", "seed": "$.seed"}}
    });
    all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    mapped(all)
}

fn image(options: Value) -> ImageCall {
    let Value::Object(options) = options else { panic!("an object") };
    ImageCall { n: 1, options, prompt: "A kite".to_owned(), ..ImageCall::default() }
}

fn image_sent(vendor: &MappedVendor, call: &ImageCall) -> Result<Value, Vec<FieldIssue>> {
    ImageVendor::request(vendor, call, &target()).map(|draft| json::parse(&draft.body).unwrap())
}

#[test]
fn pictures_are_read_one_by_one_and_those_held_back_are_billed() {
    let vendor = pictures(json!({"body": {"prompt": "{user_prompt}"}}));
    let body = json!({"data": [
        {"url": "https://example.com/a.png", "prompt": "A red kite", "seed": 0},
        {"url": null, "seed": 1}, {"seed": 2}, {"b64": "AA=="}
    ]});
    let read = |body: Value| {
        let headers = HeaderMap::new();
        ImageVendor::reply(&vendor, &image(json!({})), &headers, &body.to_string().into())
    };
    let reply = read(body).unwrap();
    let made: Vec<Option<Made>> = reply.images.iter().map(|image| image.made.clone()).collect();
    let url = Made::Url("https://example.com/a.png".to_owned());
    assert_eq!(made, [Some(url), None, None, Some(Made::Base64(Bytes::from_static(b"AA==")))]);
    let seeds: Vec<Option<u64>> = reply.images.iter().map(|image| image.seed).collect();
    assert_eq!(seeds, [Some(0), Some(1), Some(2), None]);
    assert_eq!(reply.images[0].revised_prompt.as_deref(), Some("A red kite"));
    assert_eq!(reply.usage.unwrap().images, 4);
    assert!(read(json!({"data": []})).is_err());
}

#[test]
fn a_size_is_a_shape_where_the_mapping_knows_shapes_alone() {
    let shapes = pictures(json!({"body": {"prompt": "{user_prompt}", "shape": "{aspect_ratio}"}}));
    let sent = |options| image_sent(&shapes, &image(options));
    let shaped = |shape: &str| Ok(json!({"prompt": "A kite", "shape": shape}));
    assert_eq!(sent(json!({"size": "1536x1024", "quality": "auto"})), shaped("3:2"));
    assert_eq!(sent(json!({"aspect_ratio": "21:9"})), shaped("21:9"));
    assert_eq!(sent(json!({"size": "auto"})), Ok(json!({"prompt": "A kite"})));
    let issues = sent(json!({"size": "large", "quality": "hd"})).unwrap_err();
    let told: Vec<&str> = issues.iter().map(|issue| issue.pointer.as_str()).collect();
    assert_eq!(told, ["/options/size", "/options/quality"]);
    let sizes = pictures(json!({"body": {"size": "{size}", "shape": "{aspect_ratio}"}}));
    let sent = image_sent(&sizes, &image(json!({"size": "1536x1024"})));
    assert_eq!(sent, Ok(json!({"size": "1536x1024"})));
}

#[test]
fn a_required_file_is_the_one_that_came_with_the_call() {
    let vendor = pictures(json!({
        "body_kind": "multipart",
        "body": {"prompt": "{user_prompt}", "picture": "{image}"},
        "variables": {"image": {"type": "file", "required": true, "max_length": 4}},
    }));
    let with = |bytes: &'static [u8]| ImageCall {
        images: vec![crate::calls::File {
            bytes: Bytes::from_static(bytes),
            content_type: "image/png".to_owned(),
            ..crate::calls::File::default()
        }],
        ..image(json!({}))
    };
    let draft = ImageVendor::request(&vendor, &with(b"abcd"), &target()).unwrap();
    assert!(String::from_utf8_lossy(&draft.body).contains("image/png\r\n\r\nabcd\r\n"));
    let issue = |call: &ImageCall| {
        ImageVendor::request(&vendor, call, &target()).unwrap_err().remove(0).reason
    };
    assert_eq!(issue(&image(json!({}))), "image is required");
    assert_eq!(issue(&with(b"abcde")), "image has 5 bytes, at most 4 are allowed");
}

#[test]
fn the_price_goes_by_what_was_made_else_by_what_was_asked_for() {
    let vendor = pictures(json!({
        "body": {"size": "{size}", "speed": "{rendering_speed}"},
        "defaults": {"size": "1024x1024", "rendering_speed": "TURBO"},
        "response_mapping": {"images": {"each": "$.data[*]", "url": "$.url"},
            "resolution": "$.data[0].resolution"},
    }));
    let terms = |options: Value, picture: Value| {
        let body = json!({"data": [picture]}).to_string().into();
        let reply = ImageVendor::reply(&vendor, &image(options), &HeaderMap::new(), &body).unwrap();
        (reply.size.unwrap(), reply.quality.unwrap())
    };
    let told = |size: &str, quality: &str| (size.to_owned(), quality.to_owned());
    assert_eq!(terms(json!({}), json!({"url": "u"})), told("1024x1024", "TURBO"));
    let asked = json!({"size": "512x512", "rendering_speed": "QUALITY"});
    assert_eq!(terms(asked.clone(), json!({"url": "u"})), told("512x512", "QUALITY"));
    let made = json!({"url": "u", "resolution": "640x640"});
    assert_eq!(terms(asked, made), told("640x640", "QUALITY"));
}

#[test]
fn what_a_mapping_does_not_use_is_left_out_where_the_caller_says_so() {
    let vendor = mapped(json!({
        "body": {"prompt": "{user_prompt}", "format": "{response_format}"},
        "response_mapping": {"text": "$.text", "refusal": "$.refusal"},
    }));
    let mut call = ChatCall {
        messages: vec![Message { parts: vec![Part::Text("Hi".into())], role: Role::User }],
        response_format: Some(crate::chat::ResponseFormat::JsonObject),
        seed: Some(1),
        ..ChatCall::default()
    };
    call.reasoning.effort = Some("low".into());
    let mut target = target();
    let refused = Vendor::request(&vendor, &call, &target).unwrap_err();
    assert!(refused.iter().any(|issue| issue.pointer == "/options/seed"), "{refused:?}");
    target.on_unsupported = OnUnsupported::Warn;
    let draft = Vendor::request(&vendor, &call, &target).unwrap();
    let dropped: Vec<&str> = draft.dropped.iter().map(|issue| issue.pointer.as_str()).collect();
    assert_eq!(dropped, ["/options/reasoning_effort", "/options/seed"]);
    let body: Value = serde_json::from_slice(&draft.body).unwrap();
    assert_eq!(body, json!({"prompt": "Hi", "format": {"type": "json_object"}}));
    let reply = Vendor::reply(&vendor, &json!({"text": null, "refusal": "No."})).unwrap();
    assert_eq!(reply.choices[0].parts, [Part::Refusal("No.".into())]);
}

/// What a call comes to: the places that were left out, or those that are refused.
fn told(drafted: Result<Draft, Vec<FieldIssue>>) -> Result<Vec<String>, Vec<String>> {
    let places = |issues: Vec<FieldIssue>| issues.into_iter().map(|issue| issue.pointer).collect();
    drafted.map(|draft| places(draft.dropped)).map_err(places)
}

#[test]
fn options_that_a_mapping_does_not_know_are_named_whatever_it_makes() {
    let dropping = Target { unknown_options: OnUnsupported::Drop, ..target() };
    let names = |places: &[&str]| places.iter().map(|place| (*place).to_owned()).collect();
    let check = |drafted: &dyn Fn(&Target) -> Result<Draft, Vec<FieldIssue>>, place: &str| {
        assert_eq!(told(drafted(&target())), Err(names(&[place])));
        assert_eq!(told(drafted(&dropping)), Ok(names(&[place])));
    };
    let painter = pictures(json!({"body": {"prompt": "{user_prompt}"}}));
    let call = image(json!({"style": "vivid", "quality": "auto"}));
    check(&|target| ImageVendor::request(&painter, &call, target), "/options/style");
    let speaker = mapped(json!({
        "body": {"text": "{user_text}"}, "response": {"kind": "bytes"}, "response_mapping": {},
    }));
    let options = json!({"stability": 0}).as_object().unwrap().clone();
    let call = SpeechCall { options, text: "Hi".to_owned(), ..SpeechCall::default() };
    check(&|target| SpeechVendor::request(&speaker, &call, target), "/options/stability");
    let cutter = mapped(json!({"body": {"timeline": "{timeline}"}}));
    let edit = json!({"timeline": {}, "output": {}}).as_object().unwrap().clone();
    let call = RenderCall { edit };
    // A film's edit has no options: its members stand by themselves.
    check(&|target| RenderVendor::request(&cutter, &call, None, target), "/output");
}

#[test]
fn the_name_of_a_user_that_a_mapping_does_not_use_is_left_out_and_named() {
    let call = ImageCall { user: Some("u".to_owned()), ..image(json!({})) };
    let without = pictures(json!({"body": {"prompt": "{user_prompt}"}}));
    let drafted = ImageVendor::request(&without, &call, &target());
    assert_eq!(told(drafted), Ok(vec!["/user".to_owned()]));
    let with = pictures(json!({"body": {"prompt": "{user_prompt}", "by": "{user}"}}));
    assert_eq!(told(ImageVendor::request(&with, &call, &target())), Ok(Vec::new()));
}
