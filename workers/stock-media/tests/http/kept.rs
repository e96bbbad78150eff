//! What is kept in KV: results for ten minutes, and when a vendor allows something again.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use de_core::ports::{Cache, PortError};
use de_testkit::{fetch::Answer, platform::TestPlatform};
use serde_json::{Value, json};

use crate::library::{Library, pexels_photos};

fn body(keywords: &[&str]) -> Value {
    json!({"keywords": keywords})
}

/// KV that takes calls and never answers.
struct HangingCache;

#[async_trait]
impl Cache for HangingCache {
    async fn get(&self, _key: &str) -> Result<Option<String>, PortError> {
        std::future::pending().await
    }

    async fn put(&self, _key: &str, _value: String, _life: Duration) -> Result<(), PortError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn results_are_kept_for_ten_minutes() {
    let library = Library::new().await;
    library.test.fetch.answer(pexels_photos(&[7], 1));
    let first = library.found("/search/photos", &body(&["Deep  Sea"])).await;
    assert_eq!(first["metadata"]["cached"], false);
    library.test.background.join_all().await;
    // What says the same is the same, in another isolate too.
    for keywords in [vec!["deep sea"], vec!["deep", "sea"]] {
        let client = library.isolate().with_key(library.test.tenant.client_key.expose()).unwrap();
        let answer = client.post("/search/photos", &body(&keywords)).await.unwrap();
        let found = answer.json();
        assert_eq!(found["metadata"]["cached"], true, "{found}");
        assert_eq!(found["metadata"]["query"], keywords.join(" "));
        assert_eq!(
            (&found["media"], &found["total_results"]),
            (&first["media"], &first["total_results"])
        );
        let receipt = library.receipt(&answer).await;
        assert_eq!((&receipt["status"], &receipt["requests"]), (&json!("ok"), &json!(0)));
        assert_eq!((&receipt["cost_micros"], &receipt["attempts"]), (&json!(0), &json!([])));
    }
    assert_eq!(library.sent().len(), 1);
    tokio::time::advance(Duration::from_secs(599)).await;
    assert_eq!(
        library.found("/search/photos", &body(&["deep sea"])).await["metadata"]["cached"],
        true
    );
    tokio::time::advance(Duration::from_secs(2)).await;
    library.test.fetch.answer(pexels_photos(&[8], 2));
    let later = library.found("/search/photos", &body(&["deep sea"])).await;
    assert_eq!((&later["metadata"]["cached"], &later["total_results"]), (&json!(false), &json!(2)));
}

#[tokio::test(start_paused = true)]
async fn what_says_something_else_is_asked_for() {
    let library = Library::new().await;
    let others = [
        body(&["sea"]),
        body(&["sea", "lake"]),
        json!({"keywords": ["sea"], "options": {"page": 2}}),
        json!({"keywords": ["sea"], "options": {"per_page": 14}}),
        json!({"keywords": ["sea"], "options": {"min_width": 1}}),
        json!({"keywords": ["sea"], "options": {"min_height": 1}}),
        json!({"keywords": ["sea"], "orientation": "square"}),
        json!({"keywords": ["sea"], "size": "small"}),
    ];
    for (asked, other) in others.iter().enumerate() {
        library.test.fetch.answer(pexels_photos(&[7], 1));
        let found = library.found("/search/photos", other).await;
        assert_eq!(found["metadata"]["cached"], false, "{other}");
        library.test.background.join_all().await;
        assert_eq!(library.sent().len(), asked + 1);
    }
    // The same model in a newer version may be another library.
    library.change("pexels", &json!({"description": "Changed"})).await;
    library.test.fetch.answer(pexels_photos(&[7], 1));
    assert_eq!(library.found("/search/photos", &others[0]).await["metadata"]["cached"], false);
    library.test.background.join_all().await;
    let keys = library.test.cache.entries().into_iter().map(|(key, _)| key);
    let keys: Vec<String> = keys.filter(|key| key.starts_with("v1/stock/")).collect();
    assert_eq!(keys.len(), others.len() + 1);
    for key in keys {
        let digest = key.trim_start_matches("v1/stock/");
        assert!(digest.len() == 64 && digest.bytes().all(|c| c.is_ascii_hexdigit()), "{key}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_counts_as_a_request_all_the_same() {
    let library = Library::new().await;
    library.change("pexels", &json!({"rate_limits": {"rpm": 3}})).await;
    library.test.fetch.answer(pexels_photos(&[7], 1));
    for left in ["2", "1", "0"] {
        let answer = library.post("/search/photos", &body(&["sea"])).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-ratelimit-remaining-requests"), left);
        library.test.background.join_all().await;
    }
    assert_eq!(library.sent().len(), 1);
    let refused = library.post("/search/photos", &body(&["sea"])).await;
    Library::failed(&refused, 429, "RATE_LIMIT_EXCEEDED");
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_fails_or_hangs_is_no_failure() {
    let library = Library::new().await;
    library.test.cache.set_failing(true);
    for _ in 0..2 {
        library.test.fetch.answer(pexels_photos(&[7], 1));
        let found = library.found("/search/photos", &body(&["sea"])).await;
        assert_eq!(found["metadata"]["cached"], false);
        library.test.background.join_all().await;
    }
    assert!(library.test.log.text().contains("the vendor did its work"));
    let mut test = TestPlatform::new().await.unwrap();
    test.platform.cache = Arc::new(HangingCache);
    let library = Library::of(test);
    library.test.fetch.answer(pexels_photos(&[7], 1));
    assert_eq!(library.found("/search/photos", &body(&["sea"])).await["media"][0]["id"], "7");
}

#[tokio::test(start_paused = true)]
async fn c23_a_refusal_for_pace_says_when_to_come_back() {
    let library = Library::new().await;
    let now = de_core::ports::Clock::now(&*library.test.clock);
    let reset = (now.0 / 1_000 + 90).to_string();
    let tired = || Answer::json(429, &json!({"status": 429, "code": "Too Many Requests"}));
    // Told with the refusal.
    let answer = tired().header("x-ratelimit-remaining", "0").header("x-ratelimit-reset", &reset);
    library.test.fetch.answer(answer);
    let refused = library.post("/search/photos", &body(&["sea"])).await;
    Library::failed(&refused, 429, "PROVIDER_RATE_LIMIT");
    assert_eq!((refused.header("retry-after"), library.sent().len()), ("90", 1));
    // Told with the last good answer before it, as Pexels does.
    let last = Answer::json(200, &json!({"photos": [], "total_results": 0}));
    let last = last.header("x-ratelimit-remaining", "0").header("x-ratelimit-reset", &reset);
    library.test.fetch.answer(last);
    library.found("/search/photos", &body(&["lake"])).await;
    library.test.background.join_all().await;
    for _ in 0..3 {
        library.test.fetch.answer(tired());
    }
    let refused = library.post("/search/photos", &body(&["sea"])).await;
    Library::failed(&refused, 429, "PROVIDER_RATE_LIMIT");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((88..=90).contains(&wait), "{wait}");
}
