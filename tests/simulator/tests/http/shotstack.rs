use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use de_simulator::Vendor;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::client::{DEADLINE, Rig, answer, header, with};

/// A title for two seconds.
fn edit(text: &str) -> Value {
    let asset = json!({ "type": "title", "text": text, "style": "minimal" });
    json!({
        "timeline": { "tracks": [{ "clips": [{ "asset": asset, "start": 0, "length": 2 }] }] },
        "output": { "format": "mp4", "resolution": "sd" },
    })
}

async fn ordered(rig: &Rig, body: &Value) -> String {
    let (status, body) = answer(rig.post(Vendor::Shotstack, "/render").json(body)).await;
    assert_eq!((status, &body["message"]), (201, &json!("Created")), "{body}");
    body["response"]["id"].as_str().unwrap().to_owned()
}

async fn asked(rig: &Rig, id: &str) -> Value {
    let request = rig.get(Vendor::Shotstack, &format!("/render/{id}?data=false"));
    let (status, mut body) = answer(request).await;
    assert_eq!(status, 200, "{body}");
    body["response"].take()
}

/// Everybody who calls here is told that it is well.
async fn listener() -> (String, UnboundedReceiver<Value>) {
    async fn take(State(calls): State<Arc<UnboundedSender<Value>>>, body: String) {
        calls.send(serde_json::from_str(&body).unwrap()).unwrap();
    }
    let (sender, receiver) = unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?token=1", listener.local_addr().unwrap());
    let router = Router::new().route("/hook", post(take)).with_state(Arc::new(sender));
    tokio::spawn(axum::serve(listener, router).into_future());
    (url, receiver)
}

async fn next(calls: &mut UnboundedReceiver<Value>) -> Value {
    tokio::time::timeout(DEADLINE, calls.recv()).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_render_goes_from_step_to_step() {
    let rig = Rig::start().await;
    let id = ordered(&rig, &edit("Hello")).await;
    for status in ["fetching", "rendering", "saving"] {
        let told = asked(&rig, &id).await;
        assert_eq!((&told["status"], &told["url"]), (&json!(status), &Value::Null));
    }
    let told = asked(&rig, &id).await;
    assert_eq!((&told["status"], &told["duration"]), (&json!("done"), &json!(2.0)));
    assert!(told["data"].is_null());
    let file = rig.client.get(told["url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(header(&file, "content-type"), "video/mp4");
    assert_eq!(&file.bytes().await.unwrap()[4..12], b"ftypisom");
    let (_, told) = answer(rig.get(Vendor::Shotstack, &format!("/render/{id}"))).await;
    assert_eq!(told["response"]["data"], edit("Hello"));
    assert_eq!(rig.simulator.tally(Vendor::Shotstack, "/render", "Hello").posts, 1);
    let stage = format!("{}/shotstack/edit/stage/render/{id}", rig.simulator.address());
    let stage = rig.client.get(stage).header("x-api-key", Vendor::Shotstack.default_key());
    assert_eq!(answer(stage).await.0, 404);
}

#[tokio::test]
async fn every_format_is_a_file_of_its_kind() {
    let rig = Rig::start().await;
    for (format, content_type, start) in [
        ("mp3", "audio/mpeg", &[0xFF, 0xFB][..]),
        ("gif", "image/gif", b"GIF89a\0\x04\x40\x02"),
        ("jpg", "image/jpeg", &[0xFF, 0xD8]),
        ("png", "image/png", b"\x89PNG"),
        ("bmp", "image/bmp", b"BM"),
    ] {
        let mut body = edit("Hello result:drip=1ms");
        body["output"]["format"] = json!(format);
        let id = ordered(&rig, &body).await;
        for _ in 0..3 {
            asked(&rig, &id).await;
        }
        let url = asked(&rig, &id).await["url"].as_str().unwrap().to_owned();
        let file = rig.client.get(url).send().await.unwrap();
        assert_eq!(header(&file, "content-type"), content_type);
        assert!(file.bytes().await.unwrap().starts_with(start), "{format}");
    }
}

#[tokio::test]
async fn a_film_can_be_as_large_as_a_test_needs() {
    let rig = Rig::start().await;
    let id = ordered(&rig, &edit("result:size=100MB")).await;
    for _ in 0..3 {
        asked(&rig, &id).await;
    }
    let url = asked(&rig, &id).await["url"].as_str().unwrap().to_owned();
    let file = rig.client.get(url).send().await.unwrap();
    assert_eq!(header(&file, "content-length"), "");
    assert_eq!(file.bytes().await.unwrap().len(), 100_000_000);
}

#[tokio::test]
async fn faults_are_words_of_the_edit() {
    let rig = Rig::start().await;
    let id = ordered(&rig, &edit("job-fail")).await;
    for _ in 0..3 {
        asked(&rig, &id).await;
    }
    let told = asked(&rig, &id).await;
    assert_eq!((&told["status"], &told["url"]), (&json!("failed"), &Value::Null));
    assert!(told["error"].as_str().unwrap().contains("asset"));
    let id = ordered(&rig, &edit("result:none")).await;
    for _ in 0..3 {
        asked(&rig, &id).await;
    }
    let told = asked(&rig, &id).await;
    assert_eq!((&told["status"], &told["url"]), (&json!("done"), &Value::Null));
    let id = ordered(&rig, &edit("job-slow:1s")).await;
    for _ in 0..5 {
        asked(&rig, &id).await;
    }
    assert_eq!(asked(&rig, &id).await["status"], "rendering");
    let id = ordered(&rig, &edit("poll-fail-once:503")).await;
    let poll = || answer(rig.get(Vendor::Shotstack, &format!("/render/{id}")));
    assert_eq!((poll().await.0, poll().await.0), (503, 200));
    for (word, status) in [("fail:429", 429), ("fail:500", 500), ("fail:quota", 402)] {
        let request = rig.post(Vendor::Shotstack, "/render").json(&edit(word));
        assert_eq!(answer(request).await.0, status, "{word}");
    }
}

#[tokio::test]
async fn a_callback_comes_when_the_render_is_done_and_when_its_copy_is() {
    let rig = Rig::start().await;
    let (url, mut calls) = listener().await;
    let id = ordered(&rig, &with(edit("Hello"), json!({ "callback": url }))).await;
    let call = next(&mut calls).await;
    assert_eq!((&call["type"], &call["action"]), (&json!("edit"), &json!("render")));
    assert_eq!((&call["id"], &call["status"]), (&json!(id), &json!("done")));
    let told = asked(&rig, &id).await;
    assert_eq!((&told["status"], &told["url"]), (&json!("done"), &call["url"]));
    let call = next(&mut calls).await;
    assert_eq!((&call["type"], &call["render"]), (&json!("serve"), &json!(id)));
}

#[tokio::test]
async fn callbacks_lie_on_demand() {
    let rig = Rig::start().await;
    let (url, mut calls) = listener().await;
    let with_callback = |text: &str| with(edit(text), json!({ "callback": url }));
    for (text, said, is) in [
        ("callback:lies", "failed", "done"),
        ("callback:lies job-fail", "done", "failed"),
        ("job-fail", "failed", "failed"),
        ("callback:early job-slow:3s", "done", "fetching"),
    ] {
        let id = ordered(&rig, &with_callback(text)).await;
        let call = next(&mut calls).await;
        assert_eq!((&call["id"], &call["status"]), (&json!(id), &json!(said)), "{text}");
        assert_eq!(asked(&rig, &id).await["status"], is, "{text}");
    }
    let id = ordered(&rig, &with_callback("callback:twice")).await;
    assert_eq!(next(&mut calls).await, next(&mut calls).await);
    assert_eq!(asked(&rig, &id).await["status"], "done");
    let id = ordered(&rig, &with_callback("callback:unknown")).await;
    let unknown = next(&mut calls).await["id"].as_str().unwrap().to_owned();
    assert_ne!(unknown, id);
    assert_eq!(answer(rig.get(Vendor::Shotstack, &format!("/render/{unknown}"))).await.0, 404);
    // The next call is that of a render that was ordered later.
    ordered(&rig, &with_callback("callback:never")).await;
    let id = ordered(&rig, &with_callback("job-slow:1s")).await;
    assert_eq!(next(&mut calls).await["id"], json!(id));
}

#[tokio::test]
async fn shotstack_refuses_what_is_no_edit() {
    let rig = Rig::start().await;
    let clip = "timeline.tracks[0].clips[0]";
    for (pointer, value, said) in [
        ("/timeline", json!({}), "\"timeline.tracks\" is required".to_owned()),
        ("/timeline/tracks", json!([]), "\"timeline.tracks\" must contain".to_owned()),
        ("/output/format", json!("avi"), "\"output.format\" must be one of".to_owned()),
        ("/output/fps", json!(26), "\"output.fps\" must be one of".to_owned()),
        ("/output/size", json!({ "width": 10 }), "\"output\" contains a conflict".to_owned()),
        ("/timeline/tracks/0/clips/0/length", json!("long"), format!("\"{clip}.length\" must be")),
        (
            "/timeline/tracks/0/clips/0/opacity",
            json!(2),
            format!("\"{clip}.opacity\" must be less"),
        ),
        ("/timeline/tracks/0/clips/0/speed", json!(2), format!("\"{clip}.speed\" is not allowed")),
        (
            "/timeline/tracks/0/clips/0/transition",
            json!({ "in": "fadeSlower" }),
            format!("\"{clip}.transition.in\" must be one of"),
        ),
        (
            "/timeline/tracks/0/clips/0/asset",
            json!({ "type": "image", "src": "a.png" }),
            format!("\"{clip}.asset.src\" must be a valid uri"),
        ),
        ("/callback", json!("here"), "\"callback\" must be a valid uri".to_owned()),
    ] {
        let mut body = edit("Hello");
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[name] = value;
        let (status, body) = answer(rig.post(Vendor::Shotstack, "/render").json(&body)).await;
        assert_eq!((status, &body["success"]), (400, &json!(false)), "{pointer} {body}");
        let message = body["response"]["message"].as_str().unwrap();
        assert!(message.starts_with(&said), "{message}");
        assert!(body["response"]["details"][0]["path"].is_array());
    }
    let (status, body) = answer(rig.get(Vendor::Shotstack, "/templates")).await;
    assert_eq!((status, &body["success"]), (200, &json!(true)));
    let url = format!("{}/templates", rig.simulator.base_url(Vendor::Shotstack));
    let (status, body) = answer(rig.client.get(url)).await;
    assert_eq!((status, body), (403, json!({ "message": "Forbidden" })));
}
