use serde_json::{Value, json};

use super::*;
use crate::{
    calls::{File, Made},
    json,
    model::OnUnsupported,
    protocols::{MaxTokensField, Place, SeedField},
    receipt::Usage,
};

const REPLY: &[u8] = include_bytes!("../../../fixtures/gemini/reply.json");
const BLOCKED: &[u8] = include_bytes!("../../../fixtures/gemini/reply_blocked.json");
const HELD_BACK: &[u8] = include_bytes!("../../../fixtures/gemini/reply_held_back.json");
const ERROR_KEY: &[u8] = include_bytes!("../../../fixtures/gemini/error_key.json");
const ERROR_LOCATION: &[u8] = include_bytes!("../../../fixtures/gemini/error_location.json");
const ERROR_429: &[u8] = include_bytes!("../../../fixtures/gemini/error_429.json");

fn target(on_unsupported: OnUnsupported) -> Target {
    Target {
        default_max_output_tokens: 100,
        max_tokens_field: MaxTokensField::MaxCompletionTokens,
        on_unsupported,
        reasoning: None,
        reasoning_budget: None,
        reasoning_effort: None,
        sampling_params: None,
        seed_field: SeedField::Seed,
        takes_thoughts: false,
        takes_user: true,
        thinking_always_on: None,
        unknown_options: on_unsupported,
        upstream_model: "gemini-3-pro-image".to_owned(),
    }
}

fn call(options: Value) -> ImageCall {
    let Value::Object(options) = options else { panic!("an object") };
    ImageCall { n: 1, options, prompt: "A red kite".to_owned(), ..ImageCall::default() }
}

fn draft(call: &ImageCall) -> Result<Draft, Vec<FieldIssue>> {
    ImageVendor::request(&GeminiVendor, call, &target(OnUnsupported::Reject))
}

#[track_caller]
fn check(options: Value, config: Value) {
    let body = json::parse(&draft(&call(options)).unwrap().body).unwrap();
    let mut expected = json!({"responseModalities": ["TEXT", "IMAGE"]});
    expected.as_object_mut().unwrap().extend(config.as_object().unwrap().clone());
    assert_eq!(body["generationConfig"], expected);
    assert_eq!(body["contents"], json!([{"role": "user", "parts": [{"text": "A red kite"}]}]));
}

#[test]
fn settings_become_the_vendors() {
    check(json!({"size": "auto", "quality": "auto"}), json!({}));
    let config = |ratio: &str, size: Option<&str>| match size {
        Some(size) => json!({"imageConfig": {"aspectRatio": ratio, "imageSize": size}}),
        None => json!({"imageConfig": {"aspectRatio": ratio}}),
    };
    check(json!({"aspect_ratio": "21:9", "size": "4k"}), config("21:9", Some("4K")));
    check(json!({"aspect_ratio": "16x9", "image_size": "2K"}), config("16:9", Some("2K")));
    check(json!({"size": "1024x1024"}), config("1:1", None));
    check(json!({"size": "1536x1024"}), config("3:2", None));
    check(json!({"size": "2048x2048"}), config("1:1", Some("2K")));
    check(json!({"size": "3840x2160"}), config("16:9", Some("2K")));
    check(json!({"size": "4096x4096"}), config("1:1", Some("4K")));
    check(
        json!({"seed": 0, "temperature": 0, "top_p": 0.5}),
        json!({"seed": 0, "temperature": 0.0, "topP": 0.5}),
    );
    let draft = draft(&call(json!({}))).unwrap();
    assert_eq!(draft.place, Place::Path("/models/gemini-3-pro-image:generateContent".into()));
}

#[test]
fn what_the_vendor_has_not_is_refused_by_name_or_dropped() {
    let options = json!({"size": "1000x999", "quality": "hd", "seed": 4_294_967_296_u64});
    let mask = Some(File { content_type: "image/png".into(), ..File::default() });
    let bad = ImageCall { mask, n: 2, ..call(options) };
    let issues = draft(&bad).unwrap_err();
    let told: Vec<&str> = issues.iter().map(|issue| issue.pointer.as_str()).collect();
    let expected =
        ["/options/num_images", "/mask", "/options/size", "/options/seed", "/options/quality"];
    assert_eq!(told, expected);
    let options = json!({"aspect_ratio": "7:5", "quality": "hd", "style": "auto"});
    let call = ImageCall { user: Some("u".into()), ..call(options) };
    let sent = ImageVendor::request(&GeminiVendor, &call, &target(OnUnsupported::Drop)).unwrap();
    let dropped: Vec<&str> = sent.dropped.iter().map(|issue| issue.pointer.as_str()).collect();
    assert_eq!(dropped, ["/user", "/options/aspect_ratio", "/options/quality"]);
    let sent = json::parse(&sent.body).unwrap();
    assert_eq!(sent["generationConfig"], json!({"responseModalities": ["TEXT", "IMAGE"]}));
    for both in [
        json!({"size": "1024x1024", "aspect_ratio": "1:1"}),
        json!({"size": "1K", "image_size": "1K"}),
        json!({"size": "large"}),
    ] {
        assert_eq!(draft(&self::call(both)).unwrap_err()[0].pointer, "/options/size");
    }
}

#[test]
fn pictures_to_change_stand_in_the_turn() {
    let file = |content_type: &str| File {
        bytes: Bytes::from_static(&[0, 255, 62]),
        content_type: content_type.into(),
        ..File::default()
    };
    let call = ImageCall { images: vec![file("image/png"); 2], ..call(json!({})) };
    let body = json::parse(&draft(&call).unwrap().body).unwrap();
    let part = json!({"inlineData": {"mimeType": "image/png", "data": "AP8+"}});
    let parts = &body["contents"][0]["parts"];
    assert_eq!(parts, &json!([{"text": "A red kite"}, part.clone(), part]));
    let gif = ImageCall { images: vec![file("image/gif")], ..call };
    assert_eq!(draft(&gif).unwrap_err()[0].pointer, "/image");
}

fn read(body: &'static [u8]) -> Result<ImageReply, Malformed> {
    let body = Bytes::from_static(body);
    ImageVendor::reply(&GeminiVendor, &call(json!({})), &HeaderMap::new(), &body)
}

#[test]
fn a_reply_is_read_as_documented() {
    let reply = read(REPLY).unwrap();
    assert_eq!(reply.images.len(), 1);
    let made = reply.images[0].made.clone();
    assert_eq!(made, Some(Made::Base64(Bytes::from_static(b"iVBORw0KGgo="))));
    let expected = Usage {
        input_tokens: 10,
        cached_input_tokens: 2,
        output_tokens: 100,
        reasoning_tokens: 90,
        image_output_tokens: 1_120,
        images: 1,
        requests: 1,
        ..Usage::default()
    };
    assert_eq!(reply.usage, Some(expected));
}

#[test]
fn what_is_not_told_of_the_output_is_the_picture() {
    let reply = read(
        br#"{"candidates": [{"content": {"parts": [{"inlineData": {"data": "AA=="}}]}}],
             "usageMetadata": {"candidatesTokenCount": 7}}"#,
    );
    let usage = reply.unwrap().usage.unwrap();
    assert_eq!((usage.image_output_tokens, usage.output_tokens), (7, 0));
}

#[test]
fn a_blocked_prompt_and_a_picture_held_back_are_told_and_billed() {
    let blocked = read(BLOCKED).unwrap();
    assert_eq!(blocked.images, [crate::calls::MadeImage::default()]);
    let usage = Usage { input_tokens: 12, requests: 1, ..Usage::default() };
    assert_eq!(blocked.usage, Some(usage));
    let held_back = read(HELD_BACK).unwrap();
    assert_eq!(held_back.images[0].made, None);
    let usage = Usage { output_tokens: 90, reasoning_tokens: 90, ..usage };
    assert_eq!(held_back.usage, Some(usage));
    let words = read(
        br#"{"candidates": [{"content": {"parts": [{"text": "No."}]}, "finishReason": "STOP"}],
             "usageMetadata": {"candidatesTokenCount": 3}}"#,
    );
    let words = words.unwrap();
    assert_eq!((words.images.len(), words.usage.unwrap().output_tokens), (1, 3));
}

#[test]
fn what_is_no_answer_is_malformed() {
    for bad in [&b"<html>"[..], b"{}", b"[]", br#"{"candidates": [{"content": {"parts": 1}}]}"#] {
        assert!(read(bad).is_err(), "{}", String::from_utf8_lossy(bad));
    }
}

#[test]
fn errors_are_read_as_documented() {
    let refused = GeminiVendor.error(400, ERROR_KEY);
    assert!(refused.key_refused && !refused.out_of_money && !refused.refused);
    assert_eq!(refused.code.as_deref(), Some("API_KEY_INVALID"));
    let unserved = GeminiVendor.error(400, ERROR_LOCATION);
    assert!(unserved.key_refused && !unserved.is_of_the_request());
    assert_eq!(unserved.code.as_deref(), Some("FAILED_PRECONDITION"));
    let slow = GeminiVendor.error(429, ERROR_429);
    assert_eq!(slow.code.as_deref(), Some("RESOURCE_EXHAUSTED"));
    assert!(!slow.key_refused && slow.message.is_some());
    assert_eq!(GeminiVendor.asked(ERROR_429), Some(Duration::from_secs(17)));
    for other in [ERROR_KEY, b"", br#"{"error": {"details": [{"retryDelay": "-1s"}]}}"#] {
        assert_eq!(GeminiVendor.asked(other), None);
    }
    assert!(GeminiVendor.error(402, b"").out_of_money);
    for garbage in [&b""[..], b"<html>", b"null", b"[]", b"{\"error\":[]}", b"\xff"] {
        assert_eq!(GeminiVendor.error(500, garbage), VendorError::default());
    }
}

#[test]
fn an_absurd_count_is_absent_and_loses_no_picture() {
    let check = |counts: &str, expected: u64| {
        let body = format!(
            r#"{{"candidates": [{{"content": {{"parts": [{{"inlineData": {{"data": "AAAA"}}}}]}}}}],
                "usageMetadata": {counts}}}"#
        );
        let reply =
            ImageVendor::reply(&GeminiVendor, &call(json!({})), &HeaderMap::new(), &body.into());
        let reply = reply.unwrap();
        assert!(reply.images[0].made.is_some(), "{counts}");
        assert_eq!(reply.usage.unwrap().image_output_tokens, expected, "{counts}");
    };
    check(r#"{"candidatesTokenCount": 7.0, "promptTokenCount": -1}"#, 7);
    check(r#"{"candidatesTokenCount": 7, "candidatesTokensDetails": 1}"#, 7);
    check(
        r#"{"candidatesTokenCount": 7, "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": "x"}]}"#,
        7,
    );
    check("3", 0);
}
