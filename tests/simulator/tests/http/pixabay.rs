use de_simulator::Vendor;
use serde_json::{Value, json};

use crate::client::{Rig, answer, header};

#[tokio::test]
async fn pictures_are_found_filtered_and_paged() {
    let rig = Rig::start().await;
    let get = |query: &str| {
        let path = format!("/api/?{query}");
        let request = rig.get(Vendor::Pixabay, &path);
        async move { answer(request).await }
    };
    let (status, body) = get("q=sea&lang=en&safesearch=true&per_page=3").await;
    assert_eq!((status, body["hits"].as_array().unwrap().len()), (200, 3), "{body}");
    assert_eq!(body["total"], body["totalHits"]);
    let check = |body: &Value, fits: &dyn Fn(&Value) -> bool| {
        let hits = body["hits"].as_array().unwrap();
        assert!(!hits.is_empty() && hits.iter().all(fits), "{body}");
    };
    let (_, body) = get("image_type=vector&orientation=vertical&per_page=200").await;
    check(&body, &|hit| {
        hit["type"] == "vector" && hit["imageWidth"].as_u64() < hit["imageHeight"].as_u64()
    });
    let (_, body) = get("category=animals&colors=grayscale,red&min_width=2000").await;
    check(&body, &|hit| {
        hit["tags"].as_str().unwrap().contains("cat") && hit["imageWidth"].as_u64() >= Some(2_000)
    });
    let (_, popular) = get("q=cat&order=popular&per_page=200").await;
    let (_, latest) = get("q=cat&order=latest&per_page=200").await;
    let mut hits = latest["hits"].as_array().unwrap().clone();
    hits.reverse();
    assert_eq!(popular["hits"], json!(hits));
    let (_, body) = get(&format!("id={}", hits[0]["id"])).await;
    assert_eq!((&body["total"], &body["hits"][0]), (&json!(1), &hits[0]));
    let link = hits[0]["webformatURL"].as_str().unwrap();
    let picture = rig.client.get(link).send().await.unwrap().bytes().await.unwrap();
    let picture = image::load_from_memory(&picture).unwrap();
    assert_eq!(hits[0]["webformatWidth"], picture.width());
}

#[tokio::test]
async fn videos_have_four_sizes_and_not_always_the_largest() {
    let rig = Rig::start().await;
    let path = "/api/videos/?q=sea&video_type=film&per_page=200";
    let (status, body) = answer(rig.get(Vendor::Pixabay, path)).await;
    assert_eq!(status, 200, "{body}");
    let hits = body["hits"].as_array().unwrap();
    assert!(hits.iter().any(|hit| hit["videos"]["large"]["url"] == ""));
    assert!(hits.iter().any(|hit| hit["videos"]["large"]["width"] == 3_840));
    let link = hits[0]["videos"]["small"]["url"].as_str().unwrap();
    let film = rig.client.get(link).send().await.unwrap();
    assert_eq!(header(&film, "content-type"), "video/mp4");
}

#[tokio::test]
async fn errors_are_plain_text() {
    let rig = Rig::start().await;
    for (path, status, said) in [
        ("/api/?per_page=2", 400, "[ERROR 400] \"per_page\" is out of valid range."),
        ("/api/?q=sea&page=99", 400, "[ERROR 400] \"page\" is out of valid range."),
        ("/api/?lang=xx", 400, "[ERROR 400] \"lang\" is invalid."),
        ("/api/?id=1", 400, "[ERROR 400] \"id\" is invalid."),
        ("/api/?video_type=film", 400, "[ERROR 400] \"video_type\" is no parameter."),
        ("/api/videos/?orientation=all", 400, "[ERROR 400] \"orientation\" is no parameter."),
        ("/api/?q=sea+fail:429", 429, "[ERROR 429] API rate limit exceeded"),
        ("/api/?q=sea+photo-fail:500", 500, "[ERROR 500] Internal server error."),
    ] {
        let response = rig.get(Vendor::Pixabay, path).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
        assert_eq!(header(&response, "x-ratelimit-limit"), "100");
        assert_eq!(response.text().await.unwrap(), said);
    }
    let long = format!("/api/?q={}", "a".repeat(101));
    assert_eq!(rig.get(Vendor::Pixabay, &long).send().await.unwrap().status().as_u16(), 400);
    let videos = rig.get(Vendor::Pixabay, "/api/videos/?q=sea+photo-fail:500");
    assert_eq!(videos.send().await.unwrap().status().as_u16(), 200);
}

#[tokio::test]
async fn a_key_in_the_query_is_not_recorded() {
    let rig = Rig::start().await;
    let url = format!("{}/api/?q=sea&key=", rig.simulator.base_url(Vendor::Pixabay));
    let response = rig.client.get(format!("{url}a-wrong-key-0002")).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 400);
    let said = "[ERROR 400] Invalid or missing API key (https://pixabay.com/api/docs/).";
    assert_eq!(response.text().await.unwrap(), said);
    let record = rig.recorded(|record| record.finished).await;
    assert_eq!(record.path, "/pixabay/api/?q=sea&key=***0002");
}
