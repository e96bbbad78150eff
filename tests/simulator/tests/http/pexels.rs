use de_simulator::Vendor;
use serde_json::{Value, json};

use crate::client::{Rig, answer, header};

#[tokio::test]
async fn pages_lead_from_one_to_the_next() {
    let rig = Rig::start().await;
    let (mut url, mut seen) = (
        format!("{}/v1/search?query=sea+beach&per_page=15", rig.simulator.base_url(Vendor::Pexels)),
        Vec::new(),
    );
    loop {
        let key = Vendor::Pexels.default_key();
        let (status, body) = answer(rig.client.get(&url).header("authorization", key)).await;
        assert_eq!((status, &body["total_results"]), (200, &json!(40)), "{body}");
        seen.extend(body["photos"].as_array().unwrap().iter().map(|photo| photo["id"].as_u64()));
        let Some(next) = body["next_page"].as_str() else { break };
        url = next.to_owned();
    }
    assert_eq!(seen.len(), 40);
    seen.dedup();
    assert_eq!(seen.len(), 40);
}

#[tokio::test]
async fn every_filter_is_obeyed() {
    let rig = Rig::start().await;
    let get = |path: String| answer(rig.get(Vendor::Pexels, &path));
    let number = |item: &Value, name: &str| item[name].as_u64().unwrap();
    let (_, body) =
        get("/v1/search?query=x&orientation=portrait&size=large&per_page=80".to_owned()).await;
    let photos = body["photos"].as_array().unwrap();
    assert!(!photos.is_empty());
    for photo in photos {
        let (width, height) = (number(photo, "width"), number(photo, "height"));
        assert!(width < height && width * height >= 24_000_000);
    }
    for color in ["blue", "%23336699", "336690"] {
        let (_, body) = get(format!("/v1/search?query=x&color={color}")).await;
        assert_eq!(body["photos"][0]["avg_color"], "#336699", "{color}");
    }
    let query = "min_width=1920&max_duration=20&min_duration=10&orientation=square";
    let (_, body) = get(format!("/v1/videos/search?query=x&per_page=80&{query}")).await;
    let videos = body["videos"].as_array().unwrap();
    assert!(!videos.is_empty());
    for video in videos {
        assert!(number(video, "width") >= 1_920 && video["width"] == video["height"]);
        assert!((10..=20).contains(&number(video, "duration")));
    }
    for query in ["nothing", "sea+result:none"] {
        let (_, body) = get(format!("/v1/search?query={query}")).await;
        assert_eq!((&body["total_results"], &body["photos"]), (&json!(0), &json!([])));
    }
}

#[tokio::test]
async fn all_places_answer_and_their_files_are_there() {
    let rig = Rig::start().await;
    for path in ["/v1/curated?per_page=1", "/v1/search?query=cat&locale=de-DE&per_page=1"] {
        let response = rig.get(Vendor::Pexels, path).send().await.unwrap();
        assert_eq!(header(&response, "x-ratelimit-limit"), "20000");
        let body: Value = response.json().await.unwrap();
        let photo = &body["photos"][0];
        let same = answer(rig.get(Vendor::Pexels, &format!("/v1/photos/{}", photo["id"]))).await;
        assert_eq!(same, (200, photo.clone()));
        let file = rig.client.get(photo["src"]["medium"].as_str().unwrap()).send().await.unwrap();
        assert_eq!(header(&file, "content-type"), "image/jpeg");
        let bytes = file.bytes().await.unwrap();
        let picture = image::load_from_memory(&bytes).unwrap();
        assert_eq!(picture.height(), 350);
    }
    for path in ["/v1/videos/search?query=cat", "/videos/search?query=cat", "/v1/videos/popular"] {
        let (status, body) = answer(rig.get(Vendor::Pexels, path)).await;
        assert_eq!(status, 200, "{path}");
        let video = &body["videos"][0];
        let path = format!("/v1/videos/videos/{}", video["id"]);
        assert_eq!(answer(rig.get(Vendor::Pexels, &path)).await, (200, video.clone()));
        let files = video["video_files"].as_array().unwrap().iter();
        let link =
            files.filter_map(|file| file["width"].as_u64().and(file["link"].as_str())).next();
        let file = rig.client.get(link.unwrap()).send().await.unwrap();
        assert_eq!(header(&file, "content-type"), "video/mp4");
        assert_eq!(&file.bytes().await.unwrap()[4..8], b"ftyp");
    }
}

#[tokio::test]
async fn photos_fail_while_videos_work_and_the_other_way_round() {
    let rig = Rig::start().await;
    for (word, photos, videos) in [
        ("photo-fail:503", 503, 200),
        ("video-fail:429", 200, 429),
        ("video-fail-once:500", 200, 500),
        ("video-fail-once:500", 200, 200),
        ("fail:500", 500, 500),
    ] {
        let get = |path: &str| answer(rig.get(Vendor::Pexels, &format!("{path}?query=sea+{word}")));
        assert_eq!(get("/v1/search").await.0, photos, "{word}");
        assert_eq!(get("/v1/videos/search").await.0, videos, "{word}");
    }
    let (_, body) =
        answer(rig.get(Vendor::Pexels, "/v1/search?query=sea+photo-result:link=metadata")).await;
    assert_eq!(body["photos"][0]["src"]["original"], "http://169.254.169.254/latest/meta-data/");
}

#[tokio::test]
async fn pexels_refuses_what_it_does_not_know() {
    let rig = Rig::start().await;
    for (path, status) in [
        ("/v1/search", 400),
        ("/v1/search?query=x&per_page=81", 400),
        ("/v1/search?query=x&page=0", 400),
        ("/v1/search?query=x&size=huge", 400),
        ("/v1/search?query=x&color=beige", 400),
        ("/v1/search?query=x&locale=xx-XX", 400),
        ("/v1/search?query=x&min_width=1", 400),
        ("/v1/curated?query=x", 400),
        ("/v1/photos/1", 404),
        ("/v1/collections", 404),
    ] {
        let (got, body) = answer(rig.get(Vendor::Pexels, path)).await;
        assert_eq!(got, status, "{path} {body}");
        assert!(body["error"].is_string() || body["code"].is_string());
    }
    let url = format!("{}/v1/curated", rig.simulator.base_url(Vendor::Pexels));
    assert_eq!(answer(rig.client.get(&url)).await.0, 401);
    let bearer = rig.client.get(&url).bearer_auth(Vendor::Pexels.default_key());
    let response = bearer.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 401);
    assert_eq!(header(&response, "x-ratelimit-limit"), "");
}
