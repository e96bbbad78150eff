//! What every answer has in common, and that the front door changes none of it.

use de_contract::{
    stack::Stack,
    wait::unique,
    wire::{Wire, pairs},
};
use de_testkit::client::TestResponse;
use http::Method;
use serde_json::json;

fn dressed(answer: &TestResponse) {
    let text = || answer.text();
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{}", text());
    assert_eq!(answer.header("referrer-policy"), "no-referrer", "{}", text());
    assert_eq!(answer.header("cache-control"), "no-store", "{}", text());
    assert!(!answer.header("x-request-id").is_empty(), "{}", text());
    for name in ["x-request-id", "x-content-type-options", "cache-control", "x-de-receipt"] {
        let count = answer.headers.get_all(name).iter().count();
        assert!(count <= 1, "{name} stands {count} times");
    }
    assert!(!answer.headers.contains_key("server"), "{:?}", answer.headers);
}

#[tokio::test]
async fn s21_every_answer_is_dressed() {
    let stack = Stack::ready().await;
    for client in [&stack.text, &stack.front] {
        let with_key = client.clone().with_key(&stack.keys.client).unwrap();
        let chat = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]});
        let mut streamed = chat.clone();
        streamed["stream"] = true.into();
        let answers = [
            (200, with_key.post("/v1/chat/completions", &chat).await),
            (200, with_key.post("/v1/chat/completions", &streamed).await),
            (200, with_key.get("/v1/models").await),
            (401, client.get("/v1/models").await),
            (404, client.get("/nowhere").await),
            (405, client.get("/v1/messages").await),
            (400, with_key.post("/v1/messages", &json!({})).await),
            (200, client.get("/health").await),
            (204, client.request(Method::OPTIONS, "/v1/models").send().await),
        ];
        for (status, answer) in answers {
            let answer = answer.unwrap();
            assert_eq!(answer.status, status, "{}", answer.text());
            dressed(&answer);
        }
    }
}

#[tokio::test]
async fn a_request_id_is_kept_if_it_is_one_and_made_if_not() {
    let stack = Stack::ready().await;
    let long = "x".repeat(129);
    for client in [&stack.text, &stack.front] {
        let ask = |id: Option<&str>| {
            let request = client.request(Method::GET, "/health");
            id.map_or(client.request(Method::GET, "/health"), |id| {
                request.header("x-request-id", id)
            })
        };
        for id in ["a", "A.b_c-9", &unique("kept")] {
            let answer = ask(Some(id)).send().await.unwrap();
            assert_eq!(answer.header("x-request-id"), id);
        }
        let mut made = Vec::new();
        for id in [None, Some("with space"), Some("semi;colon"), Some(long.as_str()), None] {
            let answer = ask(id).send().await.unwrap();
            let told = answer.header("x-request-id").to_owned();
            assert_ne!(Some(told.as_str()), id);
            assert!(told.len() >= 32, "{told}");
            made.push(told);
        }
        made.sort();
        made.dedup();
        assert_eq!(made.len(), 5, "each is new");
    }
}

#[tokio::test]
async fn s02_a_page_reads_answers_only_from_a_listed_origin() {
    let stack = Stack::ready().await;
    for (wire, server) in pairs() {
        for front in [false, true] {
            let call = |origin: &str| {
                let call = stack.call(wire, server.model(), "Hello").header("origin", origin);
                if front { call.by_front_door() } else { call }
            };
            let answer = call(&stack.page_origin).send().await.good();
            let allowed = answer.response.headers.get_all("access-control-allow-origin");
            let allowed: Vec<_> = allowed.iter().collect();
            assert_eq!(allowed, [stack.page_origin.as_str()], "{wire:?} front {front}");
            let exposed = answer.header("access-control-expose-headers");
            assert!(exposed.contains("x-de-receipt") && exposed.contains("retry-after"));
            assert!(answer.header("vary").to_ascii_lowercase().contains("origin"));
            // With a cookie only our own pages call.
            let with_cookie = answer.header("access-control-allow-credentials");
            let is_ours = stack.page_origin == stack.interface_origin;
            assert_eq!(with_cookie, if is_ours { "true" } else { "" });
            let answer = call("https://elsewhere.invalid").send().await.good();
            assert_eq!(answer.header("access-control-allow-origin"), "", "front {front}");
        }
    }
}

#[tokio::test]
async fn a_page_may_ask_before_it_sends() {
    let stack = Stack::ready().await;
    for client in [&stack.text, &stack.front] {
        let request = client
            .request(Method::OPTIONS, "/v1/chat/completions")
            .header("origin", &stack.page_origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status, 204);
        assert_eq!(answer.header("access-control-allow-origin"), stack.page_origin);
        assert!(answer.header("access-control-allow-methods").contains("POST"));
        let headers = answer.header("access-control-allow-headers");
        assert!(headers.contains("authorization"), "{headers}");
    }
}

#[tokio::test]
async fn an_answer_is_the_same_through_the_front_door() {
    let stack = Stack::ready().await;
    for (wire, server) in pairs() {
        let call = stack.call(wire, server.model(), "Hello front door");
        let direct = call.clone().send().await.good();
        let front = call.request_id(&unique("front")).by_front_door().send().await.good();
        assert_eq!(direct.text(), front.text());
        assert_eq!(direct.counts(), front.counts());
        for name in
            ["content-type", "x-de-model", "x-de-provider", "x-de-attempts", "x-de-cost-micros"]
        {
            assert_eq!(direct.header(name), front.header(name), "{name}");
        }
        let row = stack.books.row(&front.request_id).await;
        assert_eq!(row["receipt_id"], front.receipt_id());
        assert_eq!(row["operation"], format!("POST {}", wire.path(false)));
    }
    let answer = stack.call(Wire::Native, "nobody", "Hello").by_front_door().send().await;
    answer.fails(404, "MODEL_NOT_FOUND");
}

#[tokio::test]
async fn the_front_door_keeps_the_query_and_names_what_is_not_there() {
    let stack = Stack::ready().await;
    let answer = stack.client().get("/text/v1/models?x=1").await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = stack.client().get("/text/nowhere").await.unwrap();
    assert_eq!(answer.status, 404, "{}", answer.text());
    let answer = stack.client().get("/rate-limiter/stats").await.unwrap();
    assert_eq!(answer.status, 404, "the limiter is nobody's to call: {}", answer.text());
}

#[tokio::test]
async fn workers_say_that_they_live_and_what_they_stand_on() {
    let stack = Stack::ready().await;
    for (client, name) in [(&stack.text, "text"), (&stack.front, "config")] {
        let health = client.get("/health").await.unwrap();
        assert_eq!(health.status, 200);
        assert_eq!(health.json()["status"], "healthy");
        assert_eq!(health.json()["service"], name);
        assert!(health.json()["version"].is_string());
    }
    if stack.is_real {
        for client in [&stack.text, &stack.front] {
            let ready = client.get("/ready").await.unwrap();
            assert_eq!(ready.status, 200, "{}", ready.text());
            for part in ["database", "cache", "limiter"] {
                assert_eq!(ready.json()["parts"][part]["ok"], true, "{}", ready.text());
            }
        }
    }
}

#[tokio::test]
async fn a_body_that_means_nothing_does_no_harm() {
    let stack = Stack::ready().await;
    for client in [stack.client(), stack.text.clone().with_key(&stack.keys.client).unwrap()] {
        let request = client.request(Method::GET, "/v1/models").json(&json!({"un": "asked"}));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}
