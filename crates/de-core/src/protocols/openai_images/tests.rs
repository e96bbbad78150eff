use http::header;
use serde_json::{Value, json};

use super::*;
use crate::{
    calls::{File, Made},
    json,
    model::OnUnsupported,
    protocols::{MaxTokensField, Place, SeedField},
    receipt::Usage,
};

const REPLY: &[u8] = include_bytes!("../../../fixtures/openai_images/reply.json");
const MODERATION: &[u8] = include_bytes!("../../../fixtures/openai_images/error_moderation.json");

fn target(model: &str, on_unsupported: OnUnsupported) -> Target {
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
        upstream_model: model.to_owned(),
    }
}

fn call(options: Value) -> ImageCall {
    let Value::Object(options) = options else { panic!("an object") };
    ImageCall { n: 1, options, prompt: "A red kite".to_owned(), ..ImageCall::default() }
}

fn draft(call: &ImageCall) -> Result<Draft, Vec<FieldIssue>> {
    ImageVendor::request(&OpenAiImagesVendor, call, &target("gpt-image-2", OnUnsupported::Reject))
}

#[track_caller]
fn check(options: Value, sent: Value) {
    let body = json::parse(&draft(&call(options)).unwrap().body).unwrap();
    let mut expected = json!({"model": "gpt-image-2", "prompt": "A red kite", "n": 1});
    expected.as_object_mut().unwrap().extend(sent.as_object().unwrap().clone());
    assert_eq!(body, expected);
}

#[track_caller]
fn refused(call: &ImageCall, expected: &[&str]) {
    let issues = draft(call).unwrap_err();
    let told: Vec<String> = issues.iter().map(|i| format!("{}: {}", i.pointer, i.reason)).collect();
    assert_eq!(told, expected);
}

#[test]
fn settings_are_sent_by_the_vendors_names() {
    check(json!({}), json!({}));
    let all = json!({
        "size": "1536x1024", "quality": "low", "background": "transparent", "output_format": "webp",
        "output_compression": 0, "moderation": "low", "safety_identifier": "u1"
    });
    check(all.clone(), all);
    check(
        json!({"aspect_ratio": "16:9", "quality": "hd", "output_format": "jpg", "style": "auto"}),
        json!({"size": "1536x864", "quality": "high", "output_format": "jpeg"}),
    );
    check(json!({"aspect_ratio": "auto"}), json!({"size": "auto"}));
    let draft = draft(&ImageCall { user: Some("u".into()), n: 10, ..call(json!({})) }).unwrap();
    assert_eq!(draft.place, Place::Path("/images/generations".into()));
    let body = json::parse(&draft.body).unwrap();
    assert_eq!((&body["user"], &body["n"]), (&json!("u"), &json!(10)));
}

#[test]
fn what_the_vendor_would_refuse_is_refused_by_name() {
    let bad = ImageCall {
        n: 11,
        ..call(json!({
            "size": "1000x1000", "quality": "ultra", "background": "transparent",
            "output_format": "jpeg", "output_compression": 101, "moderation": 1, "stream": true,
            "model": "gpt-image-1", "seed": 0, "style": "vivid"
        }))
    };
    refused(
        &bad,
        &[
            "/options/num_images: this model makes 1 to 10 pictures a call",
            "/options/size: both sides must be multiples of 16",
            "/options/quality: expected one of auto, low, medium, high, xhigh, max, standard, hd",
            "/options/background: transparent needs output_format png or webp",
            "/options/output_compression: expected a whole number from 0 to 100",
            "/options/moderation: expected a string, got a number",
            "/options/stream: pictures are not streamed",
            "/options/model: is not set by options",
            "/options/seed: this model's vendor has no such setting",
            "/options/style: this model's vendor has no such setting",
        ],
    );
    refused(
        &call(json!({"size": "auto", "aspect_ratio": "1:1"})),
        &["/options/aspect_ratio: give size or aspect_ratio, not both"],
    );
    let long = ImageCall { prompt: "é".repeat(32_001), ..call(json!({})) };
    refused(&long, &["/prompt: at most 32000 characters"]);
}

#[test]
fn what_the_vendor_has_no_word_for_is_dropped_where_the_model_says_so() {
    let user = Some("u".to_owned());
    let call = ImageCall {
        user,
        ..call(json!({"seed": 1, "style": "vivid", "magic_prompt": "auto", "aspect_ratio": "9:16"}))
    };
    let target = Target { takes_user: false, ..target("gpt-image-1", OnUnsupported::Drop) };
    let named = |call: &ImageCall| {
        let draft = ImageVendor::request(&OpenAiImagesVendor, call, &target).unwrap();
        let dropped = draft.dropped.iter().map(|issue| issue.pointer.clone());
        (dropped.collect::<Vec<_>>(), draft)
    };
    // What is left to the vendor is not left out.
    let expected = ["/options/aspect_ratio", "/options/seed", "/options/style", "/user"];
    let (dropped, draft) = named(&call);
    assert_eq!(dropped, expected);
    let body = json!({"model": "gpt-image-1", "prompt": "A red kite", "n": 1});
    assert_eq!(json::parse(&draft.body).unwrap(), body);
    let edit = ImageCall { images: vec![picture("image/png", b"one")], ..call };
    let (dropped, draft) = named(&edit);
    assert_eq!(dropped, expected);
    assert_eq!(draft.place, Place::Path("/images/edits".into()));
}

fn picture(content_type: &str, bytes: &'static [u8]) -> File {
    File {
        bytes: Bytes::from_static(bytes),
        content_type: content_type.to_owned(),
        file_name: Some("../x\".png".to_owned()),
        storage_key: None,
    }
}

#[test]
fn pictures_to_change_go_as_a_form() {
    let call = ImageCall {
        images: vec![picture("image/png", b"one"), picture("image/jpeg", b"two")],
        mask: Some(picture("image/png", b"three")),
        ..call(json!({"size": "auto", "output_compression": 50}))
    };
    let draft = draft(&call).unwrap();
    assert_eq!(draft.place, Place::Path("/images/edits".into()));
    let kind = draft.headers[header::CONTENT_TYPE].to_str().unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    let body = std::str::from_utf8(&draft.body).unwrap();
    insta::assert_snapshot!(body.replace(boundary, "B").replace("\r\n", "\n"), @r#"
    --B
    content-disposition: form-data; name="model"

    gpt-image-2
    --B
    content-disposition: form-data; name="prompt"

    A red kite
    --B
    content-disposition: form-data; name="n"

    1
    --B
    content-disposition: form-data; name="size"

    auto
    --B
    content-disposition: form-data; name="output_compression"

    50
    --B
    content-disposition: form-data; name="image[]"; filename="image-0.png"
    content-type: image/png

    one
    --B
    content-disposition: form-data; name="image[]"; filename="image-1.jpeg"
    content-type: image/jpeg

    two
    --B
    content-disposition: form-data; name="mask"; filename="mask.png"
    content-type: image/png

    three
    --B--
    "#);
}

#[test]
fn a_file_that_holds_the_boundary_gets_another_one() {
    let ask = |bytes: Bytes| {
        let file = File { bytes, ..picture("image/png", b"") };
        let draft = draft(&ImageCall { images: vec![file], ..call(json!({})) }).unwrap();
        let kind = draft.headers[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        (kind.rsplit('=').next().unwrap().to_owned(), draft)
    };
    let (first, _) = ask(vec![b' '; 66].into());
    let (second, draft) = ask(format!("--{first}").into());
    assert_ne!(first, second);
    let body = std::str::from_utf8(&draft.body).unwrap();
    assert!(body.contains(&format!("--{first}\r\n--{second}--")), "{body}");
}

#[test]
fn files_that_the_vendor_would_refuse_are_refused() {
    let call = ImageCall {
        images: vec![picture("image/gif", b"x"); 17],
        mask: Some(picture("image/jpeg", b"x")),
        ..call(json!({"later": {"a": 1}}))
    };
    let issues = draft(&call).unwrap_err();
    assert_eq!(issues[0].reason, "this model takes at most 16 pictures");
    assert_eq!(issues[1].reason, "this model takes png, jpeg and webp");
    let last: Vec<&str> = issues.iter().skip(18).map(|issue| issue.pointer.as_str()).collect();
    assert_eq!(last, ["/mask", "/options/later"]);
    let alone = ImageCall { mask: Some(picture("image/png", b"x")), ..self::call(json!({})) };
    refused(&alone, &["/mask: a mask goes with a picture"]);
}

fn read(body: &'static [u8], options: Value) -> Result<ImageReply, Malformed> {
    let body = Bytes::from_static(body);
    ImageVendor::reply(&OpenAiImagesVendor, &call(options), &HeaderMap::new(), &body)
}

#[test]
fn a_reply_is_read_as_documented() {
    let reply = read(REPLY, json!({})).unwrap();
    let made: Vec<_> = reply.images.iter().map(|image| image.made.clone().unwrap()).collect();
    assert_eq!(made, vec![Made::Base64(Bytes::from_static(b"iVBORw0KGgo=")); 2]);
    assert_eq!((reply.size.as_deref(), reply.quality.as_deref()), (Some("1024x1024"), Some("low")));
    let expected = Usage {
        input_tokens: 14,
        image_input_tokens: 200,
        image_output_tokens: 544,
        images: 2,
        requests: 1,
        ..Usage::default()
    };
    assert_eq!(reply.usage, Some(expected));
}

#[test]
fn each_token_is_counted_once() {
    #[track_caller]
    fn check(usage: &str, expected: Usage) {
        let body =
            format!(r#"{{"data": [{{"url": "https://example.com/a.png"}}], "usage": {usage}}}"#);
        let reply = ImageVendor::reply(
            &OpenAiImagesVendor,
            &call(json!({"size": "1024x1024", "quality": "auto"})),
            &HeaderMap::new(),
            &body.into(),
        );
        let reply = reply.unwrap();
        assert_eq!(reply.images[0].made, Some(Made::Url("https://example.com/a.png".into())));
        assert_eq!((reply.size.as_deref(), reply.quality), (Some("1024x1024"), None));
        assert_eq!(reply.usage, Some(Usage { images: 1, requests: 1, ..expected }));
    }
    check("null", Usage::default());
    check(
        r#"{"input_tokens": 100, "output_tokens": 50,
            "input_tokens_details": {"text_tokens": 30, "image_tokens": 70, "cached_tokens": 40},
            "output_tokens_details": {"text_tokens": 5, "image_tokens": 45}}"#,
        Usage {
            cached_input_tokens: 30,
            image_input_tokens: 60,
            cached_image_input_tokens: 10,
            output_tokens: 5,
            image_output_tokens: 45,
            ..Usage::default()
        },
    );
    check(
        r#"{"input_tokens": 100, "input_tokens_details": {"image_tokens": 70, "cached_tokens": 40,
            "cached_tokens_details": {"image_tokens": 40}}}"#,
        Usage {
            input_tokens: 30,
            image_input_tokens: 30,
            cached_image_input_tokens: 40,
            ..Usage::default()
        },
    );
}

#[test]
fn what_is_no_answer_is_malformed_and_what_is_held_back_is_told() {
    for bad in [&b"<html>"[..], b"{}", b"[]", br#"{"data": []}"#, br#"{"data": [{"b64_json": 1}]}"#]
    {
        assert!(read(bad, json!({})).is_err(), "{}", String::from_utf8_lossy(bad));
    }
    let reply = read(br#"{"data": [{"b64_json": null}, {"url": "u"}]}"#, json!({})).unwrap();
    assert_eq!(reply.images[0].made, None);
    assert_eq!(reply.usage.unwrap().images, 2);
}

#[test]
fn a_refused_prompt_is_a_refusal() {
    let told = OpenAiImagesVendor.error(400, MODERATION);
    assert!(told.refused && !told.retry && !told.key_refused);
    assert_eq!(told.code.as_deref(), Some("moderation_blocked"));
}

#[test]
fn an_absurd_count_is_absent_and_loses_no_picture() {
    let check = |usage: &str, expected: Usage| {
        let body = format!(r#"{{"data": [{{"b64_json": "AAAA"}}], "usage": {usage}}}"#);
        let reply = ImageVendor::reply(
            &OpenAiImagesVendor,
            &call(json!({})),
            &HeaderMap::new(),
            &body.into(),
        );
        let reply = reply.unwrap();
        assert_eq!(reply.images[0].made, Some(Made::Base64("AAAA".into())), "{usage}");
        assert_eq!(reply.usage, Some(Usage { images: 1, requests: 1, ..expected }), "{usage}");
    };
    let made = Usage { image_output_tokens: 4_160, ..Usage::default() };
    check(r#"{"input_tokens": -1, "output_tokens": 4160.0}"#, made);
    check(r#"{"input_tokens": "9", "output_tokens": 4160, "output_tokens_details": 3}"#, made);
    let details = r#"{"output_tokens": 4160, "input_tokens_details": {"image_tokens": 1.5, "cached_tokens_details": []}}"#;
    check(details, made);
    for none in ["[]", "7", "null", r#"{"output_tokens": 1e300}"#] {
        check(none, Usage::default());
    }
}
