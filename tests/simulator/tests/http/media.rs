use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use de_simulator::{Config, Vendor};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::client::{Rig, answer, header, stream, with};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const VOICE: &str = "/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM";

fn picture() -> Value {
    json!({ "model": "gpt-image-2", "prompt": "A red kite", "size": "1024x1024", "quality": "low" })
}

#[tokio::test]
async fn openai_pictures_are_base64_with_usage() {
    let rig = Rig::start().await;
    let request = |body: &Value| rig.post(Vendor::OpenAi, "/images/generations").json(body);
    let (status, body) = answer(request(&with(picture(), json!({ "n": 2 })))).await;
    assert_eq!((status, body["data"].as_array().unwrap().len()), (200, 2));
    let bytes = STANDARD.decode(body["data"][0]["b64_json"].as_str().unwrap()).unwrap();
    assert!(bytes.starts_with(PNG));
    assert_eq!(body["usage"]["output_tokens"], 544);
    let events =
        stream(request(&with(picture(), json!({ "stream": true, "partial_images": 1 })))).await;
    assert_eq!(events[0]["type"], "image_generation.partial_image");
    assert_eq!(events[1]["type"], "image_generation.completed");
    for (members, status, code) in [
        (json!({ "style": "vivid" }), 400, "unknown_parameter"),
        (json!({ "quality": "standard" }), 400, "invalid_value"),
        (json!({ "size": "1000x1000" }), 400, "invalid_value"),
        (json!({ "n": "1" }), 400, "invalid_type"),
        (json!({ "model": "dall-e-3" }), 404, "model_not_found"),
        (json!({ "prompt": "refuse" }), 400, "moderation_blocked"),
    ] {
        let (got, body) = answer(request(&with(picture(), members.clone()))).await;
        assert_eq!((got, &body["error"]["code"]), (status, &json!(code)), "{members}");
    }
}

#[tokio::test]
async fn the_retired_image_model_answers_with_a_link_where_it_is_let() {
    let rig = Rig::with(Config { accept_retired: true, ..Config::default() }).await;
    let body = json!({ "model": "dall-e-3", "prompt": "A red kite", "n": 1, "size": "1024x1024",
        "quality": "standard", "style": "vivid" });
    let (status, reply) = answer(rig.post(Vendor::OpenAi, "/images/generations").json(&body)).await;
    assert_eq!(status, 200, "{reply}");
    assert!(reply["data"][0]["revised_prompt"].is_string());
    let url = reply["data"][0]["url"].as_str().unwrap();
    let picture = rig.client.get(url).send().await.unwrap();
    assert_eq!(header(&picture, "content-type"), "image/png");
    assert!(picture.bytes().await.unwrap().starts_with(PNG));
}

#[tokio::test]
async fn ideogram_answers_with_links() {
    let rig = Rig::start().await;
    let legacy = |request: Value| {
        rig.post(Vendor::Ideogram, "/generate").json(&json!({ "image_request": request }))
    };
    let asked = json!({ "prompt": "A sunset", "model": "V_2", "aspect_ratio": "ASPECT_1_1",
        "style_type": "AUTO", "num_images": 2 });
    let (status, body) = answer(legacy(asked.clone())).await;
    assert_eq!((status, body["data"].as_array().unwrap().len()), (200, 2), "{body}");
    assert_eq!(body["data"][0]["resolution"], "1024x1024");
    let url = body["data"][1]["url"].as_str().unwrap();
    assert!(rig.client.get(url).send().await.unwrap().bytes().await.unwrap().starts_with(PNG));
    let (status, body) = answer(legacy(json!({ "prompt": "refuse" }))).await;
    assert_eq!((status, &body["data"][0]["url"]), (200, &Value::Null));
    assert_eq!(body["data"][0]["is_image_safe"], false);
    for (members, status) in [
        (json!({ "aspect_ratio": "1:1" }), 400),
        (json!({ "resolution": "RESOLUTION_1024_1024" }), 400),
        (json!({ "num_images": 9 }), 400),
        (json!({ "style_type": "auto" }), 400),
        (json!({ "prompt": "fail:422" }), 422),
        (json!({ "prompt": "fail:429" }), 429),
    ] {
        let (got, body) = answer(legacy(with(asked.clone(), members.clone()))).await;
        assert_eq!(got, status, "{members} {body}");
        assert!(body["error"].is_string());
    }
    let v3 = json!({ "prompt": "A sunset", "aspect_ratio": "16x9", "rendering_speed": "TURBO" });
    let request = rig.post(Vendor::Ideogram, "/v1/ideogram-v3/generate").json(&v3);
    let (status, body) = answer(request).await;
    assert_eq!((status, &body["data"][0]["resolution"]), (200, &json!("1312x736")));
    let (_, body) = answer(legacy(json!({ "prompt": "result:unsafe", "num_images": 2 }))).await;
    let safe =
        ["is_image_safe", "url"].map(|name| (&body["data"][0][name], &body["data"][1][name]));
    assert_eq!(safe[0], (&json!(false), &json!(true)));
    assert!(safe[1].0.is_null() && safe[1].1.is_string());
}

#[tokio::test]
async fn ideogram_takes_forms() {
    let rig = Rig::start().await;
    let send =
        |form: Form| answer(rig.post(Vendor::Ideogram, "/v1/ideogram-v3/generate").multipart(form));
    let form = || Form::new().text("prompt", "A sunset").text("num_images", "2");
    let file =
        |bytes: Vec<u8>| Part::bytes(bytes).file_name("a.png").mime_str("image/png").unwrap();
    let png = {
        let link = format!("{}/files/a_64x64.png", rig.simulator.address());
        rig.client.get(link).send().await.unwrap().bytes().await.unwrap().to_vec()
    };
    let (status, body) = send(form().text("style_codes", "AAFF05CE")).await;
    assert_eq!((status, body["data"].as_array().unwrap().len()), (200, 2), "{body}");
    let (status, body) = send(form().part("style_reference_images", file(png.clone()))).await;
    assert_eq!(status, 200, "{body}");
    let mut large = png.clone();
    large.resize(11 << 20, 0);
    for (form, said) in [
        (form().text("num_images", "nine"), "num_images"),
        (form().text("colour", "red"), "colour"),
        (form().part("picture", file(png)), "picture"),
        (form().part("style_reference_images", file(vec![1])), "style_reference_images"),
        (form().part("style_reference_images", file(large)), "10 MB"),
        (Form::new().text("seed", "1"), "prompt"),
        (form().text("resolution", "1000x1000"), "resolution"),
    ] {
        let (status, body) = send(form).await;
        assert_eq!(status, 400, "{body}");
        assert!(body["error"].as_str().unwrap().contains(said), "{said}: {body}");
    }
}

#[tokio::test]
async fn elevenlabs_answers_with_sound() {
    let rig = Rig::start().await;
    let settings = json!({ "stability": 0.5, "similarity_boost": 0.75, "style": 0, "use_speaker_boost": true });
    let body = json!({ "text": "Hello.", "model_id": "eleven_multilingual_v2",
        "voice_settings": settings });
    for path in [VOICE.to_owned(), format!("{VOICE}/stream?output_format=mp3_44100_128")] {
        let response = rig.post(Vendor::ElevenLabs, &path).json(&body).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(header(&response, "content-type"), "audio/mpeg");
        assert_eq!(header(&response, "character-cost"), "6");
        let bytes = response.bytes().await.unwrap();
        assert!(bytes.starts_with(&[0xFF, 0xFB, 0x90]));
        assert_eq!(bytes.len(), 4 * 417);
    }
    let wav = format!("{VOICE}?output_format=wav_24000");
    let response = rig.post(Vendor::ElevenLabs, &wav).json(&body).send().await.unwrap();
    assert!(response.bytes().await.unwrap().starts_with(b"RIFF"));
}

#[tokio::test]
async fn elevenlabs_refuses_in_its_forms() {
    let rig = Rig::start().await;
    let body = json!({ "text": "Hello.", "model_id": "eleven_multilingual_v2" });
    for (path, members, status, pointer, said) in [
        (VOICE, json!({ "text": null }), 422, "/detail/0/type", "string_type"),
        (VOICE, json!({ "foo": 1 }), 422, "/detail/0/type", "extra_forbidden"),
        (
            VOICE,
            json!({ "voice_settings": { "stability": "0.5" } }),
            422,
            "/detail/0/type",
            "float_type",
        ),
        (VOICE, json!({ "model_id": "eleven_x" }), 404, "/detail/code", "model_not_found"),
        (VOICE, json!({ "text": "a".repeat(10_001) }), 400, "/detail/code", "text_too_long"),
        ("/v1/text-to-speech/nobody", json!({}), 404, "/detail/code", "voice_not_found"),
        (VOICE, json!({ "text": "fail:429" }), 429, "/detail/code", "concurrent_limit_exceeded"),
    ] {
        let request = rig.post(Vendor::ElevenLabs, path).json(&with(body.clone(), members));
        let (got, body) = answer(request).await;
        assert_eq!((got, body.pointer(pointer)), (status, Some(&json!(said))), "{body}");
    }
    let format = format!("{VOICE}?output_format=mp3_1_1");
    assert_eq!(answer(rig.post(Vendor::ElevenLabs, &format).json(&body)).await.0, 422);
    let url = format!("{}{VOICE}", rig.simulator.base_url(Vendor::ElevenLabs));
    assert_eq!(answer(rig.client.post(url).json(&body)).await.0, 401);
}

#[tokio::test]
async fn elevenlabs_tells_whose_a_key_is() {
    let rig = Rig::start().await;
    let url = format!("{}/v1/user", rig.simulator.base_url(Vendor::ElevenLabs));
    let ask = |key: &str| answer(rig.client.get(&url).header("xi-api-key", key));
    let (status, body) = ask(Vendor::ElevenLabs.default_key()).await;
    assert_eq!((status, &body["subscription"]["tier"]), (200, &json!("creator")), "{body}");
    let (status, body) = ask("nobody's").await;
    assert_eq!((status, &body["detail"]["code"]), (401, &json!("invalid_api_key")), "{body}");
}
