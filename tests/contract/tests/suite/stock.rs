//! Stock photographs and footage: searched, kept for a while, taken over.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::collections::BTreeSet;

use de_contract::{
    stack::Stack,
    wait::{unique, until},
};
use de_testkit::client::TestResponse;
use serde_json::{Value, json};

/// The libraries, each by its provider.
const PROVIDERS: [&str; 2] = ["pexels", "pixabay"];

async fn post(stack: &Stack, path: &str, body: &Value) -> TestResponse {
    stack.client().post(&format!("/stock-media{path}"), body).await.unwrap()
}

async fn found(stack: &Stack, path: &str, body: &Value) -> Value {
    let answer = post(stack, path, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[track_caller]
fn refused(answer: &TestResponse, status: u16, code: &str) -> Value {
    let body = answer.json();
    assert_eq!((answer.status, &body["error_code"]), (status, &json!(code)), "{body}");
    body
}

fn media(found: &Value) -> &[Value] {
    found["media"].as_array().unwrap()
}

fn ids(found: &Value) -> BTreeSet<String> {
    media(found).iter().map(|item| format!("{} {}", item["type"], item["id"])).collect()
}

/// The row that a call leaves.
async fn row(stack: &Stack, answer: &TestResponse) -> Value {
    stack.books.row(answer.header("x-request-id")).await
}

#[tokio::test]
async fn c25_both_kinds_come_in_turn_from_every_library() {
    let stack = Stack::ready().await;
    for provider in PROVIDERS {
        let word = unique("turn");
        let body = |page: u64| {
            let options = json!({"per_page": 6, "page": page});
            json!({"keywords": ["sea", word], "provider": provider, "options": options})
        };
        let answer = post(&stack, "/search", &body(1)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let first = answer.json();
        let kinds: Vec<&str> =
            media(&first).iter().map(|item| item["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["video", "image", "video", "image", "video", "image"], "{provider}");
        let total = first["total_results"].as_u64().unwrap();
        assert!(total > 12, "{provider}: {total}");
        for item in media(&first) {
            assert_eq!(item["provider"], provider);
            let attribution = item["attribution"].as_str().unwrap();
            assert!(attribution.contains(item["photographer"].as_str().unwrap()), "{attribution}");
            assert!(item["license"]["url"].as_str().unwrap().starts_with("https://"));
            assert_eq!(item["url"], item["files"][0]["url"]);
        }
        let second = found(&stack, "/search", &body(2)).await;
        assert_eq!(second["total_results"], total);
        assert!(ids(&first).is_disjoint(&ids(&second)), "{provider}");
        // One call is one row, however many requests it is.
        let row = row(&stack, &answer).await;
        assert_eq!((&row["modality"], &row["cost_micros"]), (&json!("stock"), &json!(0)), "{row}");
        assert_eq!(row["provider_id"], provider);
        assert_eq!(stack.vendors.received(&word).await.len(), 4);
    }
}

#[tokio::test]
async fn c25_filters_reach_the_vendor_or_are_applied() {
    let stack = Stack::ready().await;
    let word = unique("filter");
    let search = async |path: &str, provider: &str, mut body: Value| {
        body["keywords"] = json!(["sea", word]);
        body["provider"] = json!(provider);
        let found = found(&stack, path, &body).await;
        assert!(!media(&found).is_empty(), "{found}");
        found
    };
    let all = search("/search/photos", "pexels", json!({})).await;
    for provider in PROVIDERS {
        let tall = search("/search/photos", provider, json!({"orientation": "portrait"})).await;
        for item in media(&tall) {
            assert!(item["height"].as_u64() > item["width"].as_u64(), "{provider}: {item}");
        }
        assert!(tall["total_results"].as_u64() < all["total_results"].as_u64());
        assert_eq!(tall["metadata"]["notices"], json!([]));
        let options = json!({"min_duration": 10, "max_duration": 30, "min_width": 1000});
        let short = search("/search/videos", provider, json!({"options": options})).await;
        for item in media(&short) {
            assert!((10..=30).contains(&item["duration"].as_u64().unwrap()), "{provider}: {item}");
            assert!(item["width"].as_u64().unwrap() >= 1000, "{provider}: {item}");
        }
        let notice = short["metadata"]["notices"][0].as_str().unwrap();
        assert!(notice.contains("cannot search videos by max_duration"), "{notice}");
    }
    let large = search("/search/videos", "pexels", json!({"size": "large"})).await;
    assert!(
        media(&large)
            .iter()
            .all(|item| item["files"][0]["width"] == 3_840 || item["files"][0]["height"] == 3_840)
    );
}

#[tokio::test]
async fn c25_one_kind_that_fails_leaves_the_other() {
    let stack = Stack::ready().await;
    for provider in PROVIDERS {
        for (fault, left) in [("photo-fail:503", "video"), ("video-fail:503", "image")] {
            let body = json!({"keywords": ["sea", unique("leg"), fault], "provider": provider});
            let answer = post(&stack, "/search", &body).await;
            let found = answer.json();
            assert_eq!(answer.status, 200, "{found}");
            assert!(!media(&found).is_empty());
            assert!(media(&found).iter().all(|item| item["type"] == left), "{provider} {fault}");
            let notices = found["metadata"]["notices"].as_array().unwrap();
            let told = notices.iter().filter_map(Value::as_str);
            let told = told.filter(|notice| notice.contains("could not be searched")).count();
            assert_eq!((told, &found["metadata"]["cached"]), (1, &json!(false)), "{notices:?}");
            assert_eq!(row(&stack, &answer).await["status"], "ok");
        }
        let body = json!({"keywords": ["sea", unique("legs"), "fail:503"], "provider": provider});
        let answer = post(&stack, "/search", &body).await;
        refused(&answer, 503, "PROVIDER_UNAVAILABLE");
        assert_eq!(row(&stack, &answer).await["error_code"], "PROVIDER_UNAVAILABLE");
    }
}

#[tokio::test]
async fn the_vendors_refusals_are_told_as_ours() {
    let stack = Stack::ready().await;
    for provider in PROVIDERS {
        for (fault, status, code) in [
            ("fail:401", 502, "PROVIDER_AUTH"),
            ("fail:429", 429, "PROVIDER_RATE_LIMIT"),
            ("fail:500", 502, "PROVIDER_ERROR"),
        ] {
            let body = json!({"keywords": ["sea", unique("no"), fault], "provider": provider});
            let answer = post(&stack, "/search/photos", &body).await;
            refused(&answer, status, code);
            assert_eq!(answer.header("retry-after").is_empty(), status != 429, "{provider}");
        }
        let body =
            json!({"keywords": ["sea", unique("once"), "fail-once:503"], "provider": provider});
        let answer = post(&stack, "/search/photos", &body).await;
        assert_eq!(
            (answer.status, answer.header("x-de-attempts")),
            (200, "2"),
            "{}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn c24_what_is_wrong_is_400_by_name() {
    let stack = Stack::ready().await;
    let word = unique("wrong");
    for (path, body, field) in [
        ("/search", json!({"keywords": "sea"}), "/keywords"),
        ("/search/photos", json!({}), "/keywords"),
        ("/search/photos", json!({"keywords": [word], "count": 5}), "/count"),
        (
            "/search/photos",
            json!({"keywords": [word], "options": {"per_page": 81}}),
            "/options/per_page",
        ),
        (
            "/search/photos",
            json!({"keywords": [word], "options": {"min_duration": 1}}),
            "/options/min_duration",
        ),
        (
            "/search",
            json!({"keywords": [word], "options": {"category": "food"}}),
            "/options/category",
        ),
        ("/search", json!({"keywords": [word], "provider": "pixabay", "size": "small"}), "/size"),
        ("/import", json!({"kind": "image", "id": "../curated"}), "/id"),
    ] {
        let body = refused(&post(&stack, path, &body).await, 400, "VALIDATION_ERROR");
        assert_eq!(body["details"]["fields"][0]["field"], field, "{body}");
    }
    let body = json!({"keywords": [word], "model_id": "gpt-4o-mini"});
    refused(&post(&stack, "/search", &body).await, 400, "MODEL_CAPABILITY");
    assert_eq!(stack.vendors.received(&word).await.len(), 0);
    refused(&post(&stack, "/search/sounds", &json!({})).await, 404, "ROUTE_NOT_FOUND");
}

#[tokio::test]
async fn what_was_searched_lately_is_not_searched_again() {
    let stack = Stack::ready().await;
    let word = unique("kept");
    let body = json!({"keywords": ["sea", word]});
    let first = found(&stack, "/search", &body).await;
    assert_eq!(first["metadata"]["cached"], false);
    // It is put there after the answer.
    let again = until("results that are kept", async || {
        let again = post(&stack, "/search", &body).await;
        (again.json()["metadata"]["cached"] == true).then_some(again)
    })
    .await;
    let asked = stack.vendors.received(&word).await.len();
    let row = row(&stack, &again).await;
    assert_eq!((&row["status"], &row["cost_micros"]), (&json!("ok"), &json!(0)));
    let again = again.json();
    assert_eq!(
        (&again["media"], &again["total_results"]),
        (&first["media"], &first["total_results"])
    );
    let spelled = json!({"keywords": [format!("SEA {word}")]});
    assert_eq!(found(&stack, "/search", &spelled).await["metadata"]["cached"], true);
    assert_eq!(stack.vendors.received(&word).await.len(), asked);
    // Nobody else sees it without a key, and nothing of it is in the names of what is kept.
    let stranger = stack.front.post("/stock-media/search", &body).await.unwrap();
    refused(&stranger, 401, "MISSING_AUTH");
}

#[tokio::test]
async fn an_item_is_taken_over_with_its_licence() {
    let stack = Stack::ready().await;
    for (provider, path, kind) in [
        ("pexels", "/search/photos", "image"),
        ("pexels", "/search/videos", "video"),
        ("pixabay", "/search/photos", "image"),
        ("pixabay", "/search/videos", "video"),
    ] {
        let body = json!({"keywords": ["sea", unique("import")], "provider": provider});
        let found = found(&stack, path, &body).await;
        let item = &media(&found)[0];
        let file = item["files"].as_array().unwrap().last().unwrap();
        let body = json!({"provider": provider, "kind": item["type"], "id": item["id"],
            "file": file["quality"]});
        let answer = post(&stack, "/import", &body).await;
        assert_eq!(answer.status, 201, "{provider} {kind}: {}", answer.text());
        let asset = answer.json();
        let id = asset["id"].as_str().unwrap();
        assert_eq!(answer.header("location"), format!("/v1/assets/{id}"));
        assert_eq!((&asset["kind"], &asset["provider_id"]), (&json!(kind), &json!(provider)));
        assert!(asset["size_bytes"].as_u64().unwrap() > 0);
        let source = &asset["source"];
        assert_eq!((&source["id"], &source["page_url"]), (&item["id"], &item["page_url"]));
        assert_eq!(
            (&source["attribution"], &source["license"]),
            (&item["attribution"], &item["license"])
        );
        assert_eq!(
            (&source["quality"], &source["author"]["name"]),
            (&file["quality"], &item["photographer"])
        );
        let row = row(&stack, &answer).await;
        assert_eq!(row["receipt_id"], asset["receipt_id"]);
    }
    for provider in PROVIDERS {
        for kind in ["photo", "video"] {
            let body = json!({"provider": provider, "kind": kind, "id": 1});
            refused(&post(&stack, "/import", &body).await, 404, "NOT_FOUND");
        }
    }
}
