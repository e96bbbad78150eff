use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use de_simulator::Vendor;
use image::ImageFormat;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::client::{Rig, answer, stream, with};

/// A picture in base64: its format and sides.
fn seen(text: &Value) -> (ImageFormat, u32, u32) {
    let bytes = STANDARD.decode(text.as_str().unwrap()).unwrap();
    let picture = image::load_from_memory(&bytes).unwrap();
    (image::guess_format(&bytes).unwrap(), picture.width(), picture.height())
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let picture = image::DynamicImage::new_rgba8(width, height);
    picture.write_to(&mut std::io::Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
    bytes
}

fn file(bytes: Vec<u8>, content_type: &str) -> Part {
    Part::bytes(bytes).file_name("a.png").mime_str(content_type).unwrap()
}

fn form() -> Form {
    Form::new().text("prompt", "A red kite").text("model", "gpt-image-2")
}

impl Rig {
    async fn draw(&self, members: Value) -> (u16, Value) {
        let body = with(json!({ "model": "gpt-image-2", "prompt": "A red kite" }), members);
        answer(self.post(Vendor::OpenAi, "/images/generations").json(&body)).await
    }

    async fn edit(&self, form: Form) -> (u16, Value) {
        answer(self.post(Vendor::OpenAi, "/images/edits").multipart(form)).await
    }
}

#[tokio::test]
async fn pictures_have_the_format_and_the_sides_asked_for() {
    let rig = Rig::start().await;
    for (members, format, width, height) in [
        (json!({}), ImageFormat::Png, 1_024, 1_024),
        (json!({ "size": "auto" }), ImageFormat::Png, 1_024, 1_024),
        (json!({ "size": "1536x1024", "output_format": "jpeg" }), ImageFormat::Jpeg, 1_536, 1_024),
        (json!({ "size": "640x1920", "output_format": "webp" }), ImageFormat::WebP, 640, 1_920),
    ] {
        let (status, body) = rig.draw(members.clone()).await;
        assert_eq!(status, 200, "{members} {body}");
        assert_eq!(seen(&body["data"][0]["b64_json"]), (format, width, height), "{members}");
        assert_eq!(body["size"], format!("{width}x{height}"));
    }
    let (_, body) = rig.draw(json!({ "n": 10, "size": "512x512" })).await;
    let pictures: std::collections::BTreeSet<&str> =
        body["data"].as_array().unwrap().iter().map(|d| d["b64_json"].as_str().unwrap()).collect();
    assert_eq!(pictures.len(), 10);
    assert_eq!(rig.draw(json!({ "prompt": "result:none" })).await.1["data"], json!([]));
}

#[tokio::test]
async fn tokens_follow_quality_and_size() {
    let rig = Rig::start().await;
    for (members, tokens) in [
        (json!({ "quality": "low" }), 272),
        (json!({ "quality": "medium", "n": 2 }), 2_112),
        (json!({ "quality": "high", "size": "1024x1536" }), 6_240),
        (json!({ "quality": "max", "model": "gpt-image-2.5-flare" }), 16_640),
    ] {
        let (_, body) = rig.draw(members.clone()).await;
        assert_eq!(body["usage"]["output_tokens"], tokens, "{members}");
    }
}

#[tokio::test]
async fn what_a_request_may_not_say_is_refused() {
    let rig = Rig::start().await;
    for (members, param, code) in [
        (json!({ "quality": "max" }), "quality", "invalid_value"),
        (json!({ "n": 11 }), "n", "integer_above_max_value"),
        (json!({ "size": "4096x2048" }), "size", "invalid_value"),
        (json!({ "size": "1600x512" }), "size", "invalid_value"),
        (json!({ "output_format": "gif" }), "output_format", "invalid_value"),
        (json!({ "output_compression": 50 }), "output_compression", "invalid_value"),
        (
            json!({ "background": "transparent", "output_format": "jpeg" }),
            "background",
            "invalid_value",
        ),
        (json!({ "partial_images": 4 }), "partial_images", "integer_above_max_value"),
        (json!({ "response_format": "url" }), "response_format", "unknown_parameter"),
        (json!({ "prompt": "" }), "prompt", "string_below_min_length"),
    ] {
        let (status, body) = rig.draw(members.clone()).await;
        let error = &body["error"];
        let expected = (400, &json!(param), &json!(code));
        assert_eq!((status, &error["param"], &error["code"]), expected, "{members} {body}");
    }
    let (status, body) = rig.draw(json!({ "prompt": "Please refuse" })).await;
    assert_eq!((status, &body["error"]["code"]), (400, &json!("moderation_blocked")));
    assert_eq!(body["error"]["type"], "image_generation_user_error");
}

#[tokio::test]
async fn a_stream_ends_with_each_picture_and_its_tokens() {
    let rig = Rig::start().await;
    let body = json!({ "model": "gpt-image-2", "prompt": "A red kite", "n": 2, "stream": true,
        "partial_images": 1, "output_format": "webp", "size": "512x512" });
    let events = stream(rig.post(Vendor::OpenAi, "/images/generations").json(&body)).await;
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let (partial, done) = ("image_generation.partial_image", "image_generation.completed");
    assert_eq!(kinds, [partial, done, partial, done]);
    assert_eq!(seen(&events[3]["b64_json"]), (ImageFormat::WebP, 512, 512));
    assert_eq!(events[1]["usage"]["output_tokens"], 68 + 100);
}

#[tokio::test]
async fn pictures_can_be_edited() {
    let rig = Rig::start().await;
    let many = form()
        .text("n", "2")
        .text("size", "512x768")
        .text("output_format", "jpeg")
        .part("image[]", file(png(64, 32), "image/png"))
        .part("image[]", file(png(8, 8), "image/png"))
        .part("mask", file(png(64, 32), "image/png"));
    let (status, body) = rig.edit(many).await;
    assert_eq!((status, body["data"].as_array().unwrap().len()), (200, 2), "{body}");
    assert_eq!(seen(&body["data"][1]["b64_json"]), (ImageFormat::Jpeg, 512, 768));
    assert_eq!(body["usage"]["input_tokens_details"]["image_tokens"], 170);
    assert_eq!(rig.simulator.tally(Vendor::OpenAi, "/images/edits", "A red kite").succeeded, 1);
    let streamed = form().text("stream", "true").part("image", file(png(8, 8), "image/png"));
    let request = rig.post(Vendor::OpenAi, "/images/edits").multipart(streamed);
    assert_eq!(stream(request).await[0]["type"], "image_edit.completed");
}

#[tokio::test]
async fn edits_are_checked() {
    let rig = Rig::start().await;
    let whole = || form().part("image", file(png(8, 8), "image/png"));
    let crowd = (0..17).fold(form(), |form, _| form.part("image[]", file(png(1, 1), "image/png")));
    for (form, param, code) in [
        (form(), "image", "missing_required_parameter"),
        (
            Form::new().part("image", file(png(8, 8), "image/png")),
            "prompt",
            "missing_required_parameter",
        ),
        (form().text("image", "a"), "image", "invalid_type"),
        (form().part("image", file(png(8, 8), "image/gif")), "image", "unsupported_file_mimetype"),
        (form().part("image", file(png(8, 8), "image/jpeg")), "image", "invalid_image_file"),
        (form().part("image", file(vec![1, 2], "image/png")), "image", "invalid_image_file"),
        (crowd, "image", "array_above_max_length"),
        (whole().part("image", file(png(8, 8), "image/png")), "image", "duplicate_parameter"),
        (whole().part("mask", file(png(9, 8), "image/png")), "mask", "invalid_image_size"),
        (whole().part("other", file(png(8, 8), "image/png")), "other", "unknown_parameter"),
        (whole().text("n", "two"), "n", "invalid_type"),
        (whole().text("style", "vivid"), "style", "unknown_parameter"),
    ] {
        let (status, body) = rig.edit(form).await;
        let error = &body["error"];
        let expected = (400, &json!(param), &json!(code));
        assert_eq!((status, &error["param"], &error["code"]), expected, "{body}");
    }
    let json = rig.post(Vendor::OpenAi, "/images/edits").json(&json!({ "prompt": "A kite" }));
    assert_eq!(answer(json).await.1["error"]["code"], "unsupported_content_type");
    let refused = Form::new().text("prompt", "refuse").part("image", file(png(8, 8), "image/png"));
    assert_eq!(rig.edit(refused).await.1["error"]["code"], "moderation_blocked");
}
