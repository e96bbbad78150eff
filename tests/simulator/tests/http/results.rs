//! The files that replies link to, and the faults that prompts give them.

use std::time::Duration;

use de_simulator::Vendor;
use futures_util::StreamExt;
use reqwest::Response;
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::client::{DEADLINE, Rig, answer, header};

impl Rig {
    /// Orders a picture and says where it lies.
    async fn link(&self, prompt: &str) -> String {
        let body = json!({ "prompt": prompt, "resolution": "512x768" });
        let request = self.post(Vendor::Ideogram, "/v1/ideogram-v3/generate").json(&body);
        let (status, reply) = answer(request).await;
        assert_eq!(status, 200, "{reply}");
        reply["data"][0]["url"].as_str().unwrap().to_owned()
    }

    async fn fetch(&self, prompt: &str) -> Response {
        let link = self.link(prompt).await;
        self.client.get(link).send().await.unwrap()
    }

    /// The status and the `Location` of a redirect that is not followed.
    async fn redirect(&self, prompt: &str) -> (u16, String, String) {
        let client =
            reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        let link = self.link(prompt).await;
        let response = client.get(&link).send().await.unwrap();
        (response.status().as_u16(), header(&response, "location").to_owned(), link)
    }
}

#[tokio::test]
async fn links_lead_to_pictures_of_the_right_sides() {
    let rig = Rig::start().await;
    let response = rig.fetch("A red kite").await;
    assert_eq!(header(&response, "content-type"), "image/png");
    let picture = image::load_from_memory(&response.bytes().await.unwrap()).unwrap();
    assert_eq!((picture.width(), picture.height()), (512, 768));
    let record = rig.recorded(|record| record.vendor == "files").await;
    assert!(
        record.path.starts_with("/files/ideogram-000001-0_512x768.png?exp="),
        "{}",
        record.path
    );
    assert!(!record.headers.contains_key("api-key"));
    let missing = format!("{}/files/a.exe", rig.simulator.address());
    assert_eq!(rig.client.get(missing).send().await.unwrap().status().as_u16(), 404);
}

#[tokio::test]
async fn a_result_can_fail() {
    let rig = Rig::start().await;
    for status in [403, 404, 500] {
        let response = rig.fetch(&format!("result:fail={status}")).await;
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(header(&response, "content-type"), "application/xml");
    }
    let link = rig.link("result:fail=503 result:times=2").await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(rig.client.get(&link).send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [503, 503, 200]);
}

#[tokio::test]
async fn a_result_can_redirect() {
    let rig = Rig::start().await;
    for (place, location) in [
        ("metadata", "http://169.254.169.254/latest/meta-data/"),
        ("loopback", "http://127.0.0.1:1/"),
        ("private", "http://10.0.0.1/"),
        ("ipv6", "http://[::1]:1/"),
        ("disk", "file:///etc/passwd"),
    ] {
        let (status, got, _) = rig.redirect(&format!("result:redirect={place}")).await;
        assert_eq!((status, got.as_str()), (302, location));
        assert_eq!(rig.link(&format!("result:link={place}")).await, location);
    }
    let (_, location, link) = rig.redirect("result:redirect=loop").await;
    assert_eq!(location, link);
    let response = rig.fetch("result:redirect=file").await;
    assert_eq!(header(&response, "content-type"), "image/png");
    let lost = rig.link("result:redirect=loop").await;
    assert!(rig.client.get(lost).send().await.unwrap_err().is_redirect());
}

#[tokio::test]
async fn a_result_can_be_something_else() {
    let rig = Rig::start().await;
    for (word, content_type, start) in [
        ("html", "text/html; charset=utf-8", &b"<!DOCTYPE html>"[..]),
        ("disguised", "image/png", b"<!DOCTYPE html>"),
        ("svg", "image/svg+xml", b"<svg "),
        ("type=octets", "application/octet-stream", b"\x89PNG"),
        ("type=jpeg", "image/jpeg", b"\x89PNG"),
        ("type=none", "", b"\x89PNG"),
    ] {
        let response = rig.fetch(&format!("A kite, result:{word}.")).await;
        assert_eq!(header(&response, "content-type"), content_type, "{word}");
        assert!(response.bytes().await.unwrap().starts_with(start), "{word}");
    }
}

#[tokio::test]
async fn a_result_can_have_any_size() {
    let rig = Rig::start().await;
    for (word, told) in [("size", None), ("length", Some(20_000_000))] {
        let response = rig.fetch(&format!("result:{word}=20MB")).await;
        let length = response.headers().get("content-length");
        assert_eq!(length.map(|text| text.to_str().unwrap().parse::<u64>().unwrap()), told);
        let bytes = response.bytes().await.unwrap();
        assert_eq!(bytes.len(), 20_000_000, "{word}");
        assert!(bytes.starts_with(b"\x89PNG"));
        rig.recorded(|record| record.finished && record.path.contains(&format!("{word}=2"))).await;
    }
    assert_eq!(rig.fetch("result:size=0B").await.bytes().await.unwrap().len(), 0);
    // Nobody has to read it all.
    let huge = rig.fetch("result:size=200GB").await;
    drop(huge);
    rig.recorded(|record| record.client_hung_up).await;
}

#[tokio::test]
async fn a_result_can_break_off() {
    let rig = Rig::start().await;
    for (words, sent) in [
        ("result:cut=1000B result:size=5kB", 1_000),
        ("result:length=5kB result:cut", 2_500),
        ("result:cut=0B", 0),
    ] {
        let response = rig.fetch(words).await;
        assert_eq!(response.status().as_u16(), 200);
        let mut body = response.bytes_stream();
        let (mut got, mut broken) = (0, false);
        while let Some(piece) = body.next().await {
            match piece {
                Ok(piece) => got += piece.len(),
                Err(_) => broken = true,
            }
        }
        assert_eq!((got, broken), (sent, true), "{words}");
    }
}

#[tokio::test]
async fn a_result_can_be_slow() {
    let rig = Rig::start().await;
    let link = rig.link("result:slow=300ms").await;
    let started = Instant::now();
    rig.client.get(link).send().await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(300));
    let response = rig.fetch("result:drip=20ms result:length=1600B").await;
    let started = Instant::now();
    assert_eq!(response.bytes().await.unwrap().len(), 1_600);
    assert!(started.elapsed() >= Duration::from_millis(200));
    let mut body = rig.fetch("result:hang result:length=2kB").await.bytes_stream();
    let mut got = 0;
    while got < 1_000 {
        got += body.next().await.unwrap().unwrap().len();
    }
    assert_eq!(got, 1_000);
    assert!(tokio::time::timeout(Duration::from_millis(100), body.next()).await.is_err());
    drop(body);
    rig.recorded(|record| record.client_hung_up).await;
}

#[tokio::test]
async fn orders_are_counted() {
    let rig = Rig::start().await;
    let body = |prompt: &str| json!({ "prompt": prompt });
    let order = |body: &Value| rig.post(Vendor::Ideogram, "/v1/ideogram-v3/generate").json(body);
    answer(order(&body("A kite"))).await;
    answer(order(&body("A kite"))).await;
    answer(order(&body("A kite fail:500"))).await;
    answer(order(&json!({ "prompt": "A kite", "colour": 1 }))).await;
    let tally = rig.simulator.tally(Vendor::Ideogram, "/generate", "A kite");
    assert_eq!((tally.posts, tally.succeeded), (2, 2));
    let tally = format!("{}/control/tally", rig.simulator.address());
    for (query, expected) in [
        ("?vendor=ideogram&prompt=A%20kite", json!({ "posts": 2, "succeeded": 2 })),
        ("?vendor=ideogram&prompt=A%20kite%20fail:500", json!({ "posts": 1, "succeeded": 0 })),
        ("?vendor=ideogram&path=/v1/ideogram-v3", json!({ "posts": 3, "succeeded": 2 })),
        ("?vendor=openai", json!({ "posts": 0, "succeeded": 0 })),
    ] {
        let request = rig.client.get(format!("{tally}{query}")).timeout(DEADLINE);
        assert_eq!(answer(request).await, (200, expected), "{query}");
    }
}
