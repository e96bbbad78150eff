//! The stock-media worker over doubles.
//!
//! Time is tokio's, and paused: what takes minutes here takes none.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "tests: what does not hold ends them, and their modules have one reader"
)]

#[path = "http/import.rs"]
mod import;
#[path = "http/kept.rs"]
mod kept;
#[path = "http/library.rs"]
mod library;

use de_testkit::fetch::Answer;
use serde_json::{Value, json};

use crate::library::{Library, pexels_photos, pexels_videos, pixabay_photo};

fn sea() -> Value {
    json!({"keywords": ["sea"]})
}

fn ids(found: &Value) -> Vec<String> {
    let media = found["media"].as_array().unwrap().iter();
    media
        .map(|item| format!("{} {}", item["type"].as_str().unwrap(), item["id"].as_str().unwrap()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn c25_videos_and_photos_come_in_turn_with_the_totals_of_the_vendor() {
    let library = Library::new().await;
    library.test.fetch.answer(pexels_videos(&[5, 6], 90));
    library.test.fetch.answer(pexels_photos(&[7, 8, 9], 8_000));
    let body = json!({"keywords": ["deep sea", "blue"], "orientation": "landscape",
        "options": {"per_page": 5, "page": 2}});
    let answer = library.post("/search", &body).await;
    let found = answer.json();
    assert_eq!(ids(&found), ["video 5", "image 7", "video 6", "image 8", "image 9"]);
    assert_eq!((&found["success"], &found["total_results"]), (&json!(true), &json!(8_090)));
    assert_eq!((&found["page"], &found["per_page"]), (&json!(2), &json!(5)));
    let metadata = &found["metadata"];
    assert_eq!(
        (&metadata["provider"], &metadata["query"]),
        (&json!("pexels"), &json!("deep sea blue"))
    );
    assert_eq!((&metadata["cached"], &metadata["notices"]), (&json!(false), &json!([])));
    assert_eq!(found["request_id"], answer.header("x-request-id"));
    let asked: Vec<String> = library.sent().iter().map(|sent| sent.url.to_string()).collect();
    assert_eq!(
        asked,
        [
            "https://api.pexels.com/v1/videos/search?query=deep+sea+blue&orientation=landscape&page=2&per_page=3",
            "https://api.pexels.com/v1/search?query=deep+sea+blue&orientation=landscape&page=2&per_page=2",
        ]
    );
    assert!(
        library.sent().iter().all(|sent| sent.header("authorization") == "test-pexels-key-0001")
    );
    // One call, one row; free, and both requests in it.
    let receipt = library.receipt(&answer).await;
    assert_eq!(
        (&receipt["modality"], &receipt["operation"]),
        (&json!("stock"), &json!("POST /search"))
    );
    assert_eq!((&receipt["status"], &receipt["cost_micros"]), (&json!("ok"), &json!(0)));
    assert_eq!((&receipt["requests"], &receipt["requested_model_id"]), (&json!(2), &Value::Null));
    assert_eq!(receipt["attempts"].as_array().unwrap().len(), 2);
    assert_eq!((answer.header("x-de-attempts"), answer.header("x-de-cost-micros")), ("2", "0"));
}

#[tokio::test(start_paused = true)]
async fn an_item_carries_its_licence_and_whom_to_name() {
    let library = Library::new().await;
    library.test.fetch.answer(pexels_videos(&[5], 1));
    let found = library.found("/search/videos", &sea()).await;
    assert_eq!(
        found["media"][0],
        json!({
            "id": "5", "type": "video", "url": "https://videos.pexels.com/5-1920.mp4",
            "preview_url": "https://images.pexels.com/v5.jpeg",
            "page_url": "https://www.pexels.com/video/5/", "title": null, "duration": 5,
            "width": 1920, "height": 1080, "provider": "pexels",
            "photographer": "Ana", "photographer_url": "https://www.pexels.com/@ana",
            "license": {"name": "Pexels License", "url": "https://www.pexels.com/license/"},
            "attribution": "Video by Ana on Pexels: https://www.pexels.com/video/5/",
            "files": [
                {"url": "https://videos.pexels.com/5-1920.mp4", "width": 1920, "height": 1080,
                    "quality": "hd", "content_type": "video/mp4", "size_bytes": null},
                {"url": "https://videos.pexels.com/5-640.mp4", "width": 640, "height": 360,
                    "quality": "sd", "content_type": "video/mp4", "size_bytes": null},
            ],
        })
    );
    assert_eq!((&found["page"], &found["per_page"]), (&json!(1), &json!(15)));
}

#[tokio::test(start_paused = true)]
async fn c25_one_kind_that_fails_leaves_the_other_with_a_notice() {
    let library = Library::new().await;
    library.test.fetch.answer(Answer::json(403, &json!({"error": "no"})));
    library.test.fetch.answer(pexels_photos(&[7], 30));
    let answer = library.post("/search", &sea()).await;
    let found = answer.json();
    assert_eq!((ids(&found), &found["total_results"]), (vec!["image 7".to_owned()], &json!(30)));
    let notice = "videos could not be searched: pexels refused this service's key (PROVIDER_AUTH)";
    assert_eq!(found["metadata"]["notices"], json!([notice]));
    assert_eq!(found["metadata"]["cached"], false);
    let receipt = library.receipt(&answer).await;
    assert_eq!((&receipt["status"], &receipt["requests"]), (&json!("ok"), &json!(1)));
    let codes: Vec<&Value> =
        receipt["attempts"].as_array().unwrap().iter().map(|tried| &tried["error_code"]).collect();
    assert!(codes.contains(&&json!("PROVIDER_AUTH")) && codes.contains(&&Value::Null), "{codes:?}");
    // What failed is asked again, what did not is kept.
    library.test.fetch.answer(pexels_videos(&[5], 2));
    let found = library.found("/search", &sea()).await;
    assert_eq!((ids(&found).len(), &found["metadata"]["cached"]), (2, &json!(false)));
    assert_eq!(library.sent().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_attempts_told_are_those_of_both_kinds() {
    // Whichever of them fails, and whichever is answered last.
    for photos_fail in [false, true] {
        let library = Library::new().await;
        let refusal = || Answer::json(403, &json!({"error": "no"}));
        let (videos, photos) = match photos_fail {
            true => (pexels_videos(&[5], 2), refusal()),
            false => (refusal(), pexels_photos(&[7], 30)),
        };
        library.test.fetch.answer(videos);
        library.test.fetch.answer(photos);
        let answer = library.post("/search", &sea()).await;
        let receipt = library.receipt(&answer).await;
        let attempts = receipt["attempts"].as_array().unwrap().len();
        assert_eq!((attempts, answer.header("x-de-attempts")), (2, "2"), "{photos_fail}");
    }
}

#[tokio::test(start_paused = true)]
async fn c25_both_kinds_failing_is_the_failure() {
    let library = Library::new().await;
    for _ in 0..2 {
        library.test.fetch.answer(Answer::json(401, &json!({"error": "Unauthorized"})));
    }
    let answer = library.post("/search", &sea()).await;
    Library::failed(&answer, 502, "PROVIDER_AUTH");
    let receipt = library.receipt(&answer).await;
    assert_eq!(
        (&receipt["status"], &receipt["error_code"]),
        (&json!("failed"), &json!("PROVIDER_AUTH"))
    );
    assert_eq!(receipt["cost_micros"], 0);
    // An answer that is none is the vendor's fault.
    library.test.fetch.answer(Answer::ok().chunk("<html>"));
    Library::failed(&library.post("/search/photos", &sea()).await, 502, "PROVIDER_MALFORMED");
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_passes_is_tried_again() {
    let library = Library::new().await;
    library.test.fetch.answer(Answer::json(500, &json!({"error": "oops"})));
    library.test.fetch.answer(pexels_photos(&[7], 1));
    let answer = library.post("/search/photos", &sea()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-de-attempts"), "2");
}

#[tokio::test(start_paused = true)]
async fn c24_what_is_wrong_is_named_and_nobody_is_asked() {
    let library = Library::new().await;
    let rows = [
        ("/search", json!({"keywords": "sea"}), "/keywords"),
        ("/search/photos", json!({"keywords": ["sea"], "per_page": 5}), "/per_page"),
        (
            "/search/photos",
            json!({"keywords": ["sea"], "options": {"per_page": 81}}),
            "/options/per_page",
        ),
        (
            "/search/photos",
            json!({"keywords": ["sea"], "options": {"order": "latest"}}),
            "/options/order",
        ),
        ("/search", json!({"keywords": ["sea"], "options": {"color": "red"}}), "/options/color"),
        (
            "/search/videos",
            json!({"keywords": ["sea"], "provider": "pixabay", "size": "large"}),
            "/size",
        ),
        (
            "/search",
            json!({"keywords": ["sea"], "provider": "pixabay", "orientation": "square"}),
            "/orientation",
        ),
        (
            "/search",
            json!({"keywords": ["sea"], "model_id": "pexels", "provider": "pixabay"}),
            "/provider",
        ),
    ];
    for (path, body, field) in rows {
        let answer = library.post(path, &body).await;
        let refused = Library::failed(&answer, 400, "VALIDATION_ERROR");
        let fields = refused["details"]["fields"].as_array().unwrap();
        assert!(fields.iter().all(|entry| entry["field"] == field), "{refused}");
        let receipt = library.receipt(&answer).await;
        assert_eq!(receipt["error_code"], "VALIDATION_ERROR");
    }
    for (model, code, status) in [
        ("dall-e-3", "MODEL_CAPABILITY", 400),
        ("gpt-4o-mini", "MODEL_CAPABILITY", 400),
        ("unsplash", "MODEL_NOT_FOUND", 404),
    ] {
        let body = json!({"keywords": ["sea"], "model_id": model});
        Library::failed(&library.post("/search/photos", &body).await, status, code);
    }
    let keyed = library.client.clone().with_header("idempotency-key", "k").unwrap();
    let answer = keyed.post("/search", &sea()).await.unwrap();
    Library::failed(&answer, 400, "INVALID_REQUEST");
    assert_eq!(library.sent().len(), 0);
    for path in ["/", "/search/audio", "/search/", "/v1/search"] {
        Library::failed(&library.post(path, &sea()).await, 404, "ROUTE_NOT_FOUND");
    }
}

#[tokio::test(start_paused = true)]
async fn who_may_not_search_does_not() {
    let library = Library::new().await;
    let answer = library.isolate().post("/search", &sea()).await.unwrap();
    Library::failed(&answer, 401, "MISSING_AUTH");
    let tenant = &library.test.tenant;
    let person = library.isolate().with_key(tenant.admin_key.expose()).unwrap();
    let instance = tenant.tenant.instance_id.as_str();
    let person = person.with_header("x-instance-id", instance).unwrap();
    for path in ["/search", "/search/photos", "/search/videos", "/import"] {
        Library::failed(&person.post(path, &sea()).await.unwrap(), 403, "FORBIDDEN");
    }
    for (member, value) in [("instance_id", "inst_other"), ("project_id", "proj_other")] {
        let mut body = sea();
        body[member] = json!(value);
        Library::failed(&library.post("/search", &body).await, 403, "FORBIDDEN");
    }
    assert_eq!(library.sent().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn bounds_of_ours_are_said_to_be_ours() {
    let library = Library::new().await;
    library.test.fetch.answer(pexels_videos(&[3, 12, 40], 90));
    library.test.fetch.answer(pexels_photos(&[7], 5));
    let options = json!({"min_duration": 5, "max_duration": 20});
    let found = library.found("/search", &json!({"keywords": ["sea"], "options": options})).await;
    // Photos have no duration, and are not asked for one.
    assert_eq!(
        (ids(&found), &found["total_results"]),
        (vec!["video 12".into(), "image 7".into()], &json!(95))
    );
    let notices = found["metadata"]["notices"].as_array().unwrap();
    assert_eq!(notices.len(), 1);
    let notice = "Pexels cannot search videos by max_duration, min_duration: 2 of 3";
    assert!(notices[0].as_str().unwrap().starts_with(notice), "{notices:?}");
}

#[tokio::test(start_paused = true)]
async fn pixabay_gets_its_key_in_the_query_and_speaks_plain_text() {
    let library = Library::new().await;
    let body = json!({"keywords": ["sea"], "provider": "pixabay"});
    library.test.fetch.answer(pixabay_photo(7, 900));
    let answer = library.post("/search/photos", &body).await;
    let found = answer.json();
    assert_eq!(
        library.sent()[0].url.as_str(),
        "https://pixabay.com/api/?q=sea&image_type=photo&page=1&per_page=15&key=test-pixabay-key-0001"
    );
    assert_eq!(
        (&found["total_results"], &found["metadata"]["provider"]),
        (&json!(900), &json!("pixabay"))
    );
    let notice = "Pixabay gives out the first 500 of these 900 photos";
    assert_eq!(found["metadata"]["notices"], json!([notice]));
    assert_eq!(found["media"][0]["license"]["name"], "Pixabay Content License");
    // Its 400 for a key is our 502.
    let body = json!({"keywords": ["lake"], "provider": "pixabay"});
    let text = "[ERROR 400] Invalid or missing API key (https://pixabay.com/api/docs/).";
    library.test.fetch.answer(Answer::status(400).chunk(text));
    let answer = library.post("/search/photos", &body).await;
    Library::failed(&answer, 502, "PROVIDER_AUTH");
    assert!(!answer.text().contains("test-pixabay-key"), "{}", answer.text());
    assert!(!library.test.log.text().contains("test-pixabay-key"));
}

#[tokio::test(start_paused = true)]
async fn another_library_serves_where_the_caller_names_one() {
    let library = Library::new().await;
    library.test.fetch.answer(Answer::json(403, &json!({"error": "no"})));
    library.test.fetch.answer(pixabay_photo(7, 1));
    let client = library.client.clone().with_header("x-de-fallback", "pixabay").unwrap();
    let answer = client.post("/search/photos", &sea()).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["metadata"]["provider"], "pixabay");
    assert_eq!(answer.header("x-de-provider"), "pixabay");
    // It is not kept as what Pexels has.
    library.test.fetch.answer(pexels_photos(&[8], 1));
    let found = library.found("/search/photos", &sea()).await;
    assert_eq!(
        (ids(&found), &found["metadata"]["cached"]),
        (vec!["image 8".to_owned()], &json!(false))
    );
}
