//! Lists of voices.

use std::time::Duration;

use de_testkit::fetch::Answer;
use serde_json::json;

use crate::gateway::Gateway;

fn voices() -> Answer {
    let rachel = json!({"voice_id": "21m00", "name": "Rachel", "category": "premade",
                        "labels": {"accent": "american"}, "preview_url": "https://p.example/1.mp3",
                        "settings": null, "sharing": {"secret": 1}});
    Answer::json(200, &json!({"voices": [rachel, {"name": "nobody"}], "has_more": false}))
}

#[tokio::test(start_paused = true)]
async fn ours_are_flat_and_kept_for_ten_minutes() {
    let gateway = Gateway::new().await;
    gateway.vendor(voices());
    for _ in 0..2 {
        let answer = gateway.isolate().get("/voices").await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let body = answer.json();
        assert_eq!(body["success"], true);
        assert_eq!(body["request_id"], answer.header("x-request-id"));
        let voice = json!({"voice_id": "21m00", "name": "Rachel", "category": "premade",
                           "labels": {"accent": "american"},
                           "preview_url": "https://p.example/1.mp3", "provider": "elevenlabs"});
        assert_eq!(body["voices"], json!([voice]));
    }
    let sent = gateway.test.fetch.sent();
    assert_eq!(sent.len(), 1);
    assert!(sent[0].url.path().ends_with("/v1/voices"));
    assert_eq!(sent[0].header("xi-api-key"), "test-elevenlabs-key-0001");
    tokio::time::advance(Duration::from_secs(601)).await;
    gateway.vendor(voices());
    gateway.isolate().get("/voices").await.unwrap();
    assert_eq!(gateway.test.fetch.sent().len(), 2);
    // Another key may be of another account.
    gateway.test.sql("DELETE FROM provider_keys WHERE provider_id = 'elevenlabs'", &[]).await;
    let answer = gateway.isolate().get("/voices").await.unwrap();
    assert_eq!((answer.status, &answer.json()["error_code"]), (503, &json!("MISSING_API_KEY")));
}

#[tokio::test(start_paused = true)]
async fn elevenlabs_are_passed_on_with_what_was_searched() {
    let gateway = Gateway::new().await;
    gateway.vendor(voices());
    let path = "/v2/voices?search=a%2Fb%20c%26d&page_size=10&voice_ids=1&voice_ids=2";
    let answer = gateway.audio.get(path).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["voices"][0]["sharing"]["secret"], 1, "as it came");
    let url = gateway.test.fetch.sent()[0].url.clone();
    assert!(url.path().ends_with("/v2/voices"));
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let expected =
        [("search", "a/b c&d"), ("page_size", "10"), ("voice_ids", "1"), ("voice_ids", "2")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(pairs, expected);
    let bad = [
        "/v1/voices?search=x".to_owned(),
        "/v2/voices?new=1".to_owned(),
        format!("/v2/voices?search={}", "x".repeat(201)),
    ];
    for path in bad {
        let answer = gateway.audio.get(&path).await.unwrap();
        assert_eq!(answer.status, 400, "{path}");
        assert_eq!(answer.json()["detail"]["code"], "validation_error");
    }
    assert_eq!(gateway.audio.get("/voices?search=x").await.unwrap().status, 400);
    assert_eq!(gateway.test.fetch.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_fails_is_told_as_for_calls() {
    let gateway = Gateway::new().await;
    let busy = json!({"detail": {"code": "system_busy", "message": "Busy."}});
    let rows = [
        (Answer::json(401, &json!({})), 502, "provider_auth"),
        (Answer::json(429, &busy).header("retry-after", "7"), 429, "provider_rate_limit"),
        (Answer::ok().chunk("<html>"), 502, "provider_malformed"),
        (Answer::ok().hang(), 504, "provider_timeout"),
        (Answer::refused(), 503, "provider_unavailable"),
    ];
    for (theirs, status, code) in rows {
        gateway.vendor(theirs);
        let answer = gateway.audio.get("/v1/voices").await.unwrap();
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(answer.json()["detail"]["code"], code);
        if status == 429 {
            assert_eq!(answer.header("retry-after"), "7");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn they_need_the_scope() {
    let gateway = Gateway::new().await;
    gateway.test.sql(r#"UPDATE api_keys SET scopes = '["text"]'"#, &[]).await;
    for path in ["/voices", "/v1/voices", "/v2/voices"] {
        assert_eq!(gateway.isolate().get(path).await.unwrap().status, 403, "{path}");
    }
    assert_eq!(gateway.test.fetch.sent().len(), 0);
}
