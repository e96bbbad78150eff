use de_simulator::Vendor;
use serde_json::json;

use crate::client::{Rig, answer};

#[tokio::test]
async fn voices_come_in_pages() {
    let rig = Rig::start().await;
    let get = |path: &str| answer(rig.get(Vendor::ElevenLabs, path));
    let (status, body) = get("/v1/voices").await;
    assert_eq!((status, body["voices"].as_array().unwrap().len()), (200, 27));
    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let (status, body) = get(&format!("/v2/voices?page_size=10&sort=name{next}")).await;
        assert_eq!((status, &body["total_count"]), (200, &json!(27)));
        let names = body["voices"].as_array().unwrap().iter();
        seen.extend(names.map(|voice| voice["name"].as_str().unwrap().to_owned()));
        assert_eq!(body["has_more"], body["next_page_token"].is_string());
        let Some(token) = body["next_page_token"].as_str() else { break };
        next = format!("&next_page_token={token}");
    }
    assert_eq!(seen.len(), 27);
    assert!(seen.is_sorted());
}

#[tokio::test]
async fn voices_are_searched() {
    let rig = Rig::start().await;
    let get = |path: String| answer(rig.get(Vendor::ElevenLabs, &path));
    for (query, count) in [
        ("search=rachel", 1),
        ("search=british&page_size=100", 7),
        ("category=premade", 3),
        ("voice_type=default&gender=male", 1),
        ("search=nobody", 0),
    ] {
        let (status, body) = get(format!("/v2/voices?{query}")).await;
        assert_eq!((status, &body["total_count"]), (200, &json!(count)), "{query}");
    }
    for (query, status) in
        [("page_size=101", 422), ("sort=age", 422), ("colour=blue", 422), ("search=fail:503", 503)]
    {
        assert_eq!(get(format!("/v2/voices?{query}")).await.0, status, "{query}");
    }
    let url = format!("{}/v2/voices", rig.simulator.base_url(Vendor::ElevenLabs));
    assert_eq!(answer(rig.client.get(url)).await.0, 401);
}

#[tokio::test]
async fn models_tell_their_limits() {
    let rig = Rig::start().await;
    let (status, body) = answer(rig.get(Vendor::ElevenLabs, "/v1/models")).await;
    let models = body.as_array().unwrap();
    let long = models.iter().find(|model| model["model_id"] == "eleven_multilingual_v2").unwrap();
    assert_eq!((status, &long["maximum_text_length_per_request"]), (200, &json!(10_000)));
    assert!(models.iter().all(|model| model["can_do_text_to_speech"] == true));
}
