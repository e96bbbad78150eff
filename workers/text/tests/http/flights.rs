//! Equal calls at once, where the response cache is on: one asks the vendor, and the others wait for its answer.

use std::{sync::Arc, time::Duration};

use de_core::ports::Clock;
use de_testkit::{client::TestResponse, fetch::Answer};
use futures_util::future::{join, join_all};
use http::Method;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use crate::{
    doubles::{ClaimRoads, FarClaims, NegativeCache, Road},
    gateway::{Gateway, openai, openai_chunk, openai_ended, openai_error},
};

const COMPLAINT: &str = "the response cache did not work; the vendors do";

async fn gateway() -> Gateway {
    with(Gateway::new().await).await
}

async fn with(gateway: Gateway) -> Gateway {
    gateway.model("kept", "openai-chat", json!({"timeouts": {"total_ms": 20_000}})).await;
    gateway
}

/// One whose claims are at the end of these roads.
async fn far(roads: ClaimRoads) -> Gateway {
    Gateway::with_claims(|claims| {
        let far = FarClaims::new(claims);
        far.go(roads);
        far.into()
    })
    .await
}

/// One more equal call, that tells nothing of itself but its headers.
async fn call_with(gateway: &Gateway, headers: &[(&'static str, &str)]) -> TestResponse {
    let mut request = gateway.text.request(Method::POST, "/generate");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request.json(&json!({"model_id": "kept", "prompt": "Hello"})).send().await.unwrap()
}

async fn call(gateway: &Gateway) -> TestResponse {
    call_with(gateway, &[("x-de-cache", "3600")]).await
}

/// One more equal stream, read to its end.
async fn stream(gateway: &Gateway) -> TestResponse {
    let request = gateway.text.request(Method::POST, "/v1/chat/completions");
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let body = json!({"model": "kept", "stream": true, "messages": messages});
    request.header("x-de-cache", "3600").json(&body).send().await.unwrap()
}

/// So many equal calls, each a little after the one before.
async fn calls(gateway: &Gateway, count: u64) -> Vec<TestResponse> {
    join_all((0..count).map(async |number| {
        sleep(Duration::from_millis(10 * number)).await;
        call(gateway).await
    }))
    .await
}

fn slow(text: &str) -> Answer {
    openai(text).head_after(Duration::from_secs(3))
}

/// How many were told this of the cache.
fn told(answers: &[TestResponse], word: &str) -> usize {
    answers.iter().filter(|answer| answer.header("x-de-cache") == word).count()
}

#[tokio::test(start_paused = true)]
async fn of_equal_calls_at_once_one_asks_the_vendor() {
    let gateway = gateway().await;
    gateway.test.fetch.answer(slow("Hi."));
    let began = Instant::now();
    let answers = calls(&gateway, 20).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!((gateway.sent(), told(&answers, "miss"), told(&answers, "hit")), (1, 1, 19));
    let (first, others) = answers.split_first().unwrap();
    for answer in others {
        assert_eq!((answer.status, &answer.body), (first.status, &first.body));
        assert_eq!(answer.header("x-de-cost-micros"), "0");
        let row = gateway.receipt(answer).await;
        assert_eq!((&row["cost_micros"], &row["input_tokens"]), (&json!(0), &json!(0)));
    }
    assert_eq!(gateway.receipt(first).await["input_tokens"], 9);
    // Once it is kept, nobody is asked whose turn it is.
    gateway.test.claims.set_failing(true);
    assert_eq!(call(&gateway).await.header("x-de-cache"), "hit");
}

/// KV tells for up to a minute that it has nothing, where it was asked before.
#[tokio::test(start_paused = true)]
async fn what_kv_does_not_know_yet_is_there_for_a_minute() {
    let gateway = Gateway::with(|platform| platform.answers = Arc::new(NegativeCache)).await;
    let gateway = with(gateway).await;
    gateway.test.fetch.answer(openai("Hi."));
    assert_eq!(call(&gateway).await.header("x-de-cache"), "miss");
    gateway.test.background.join_all().await;
    gateway.test.clock.advance(Duration::from_secs(59));
    let answer = call(&gateway).await;
    assert_eq!((answer.header("x-de-cache"), answer.header("age")), ("hit", "59"));
    gateway.test.clock.advance(Duration::from_secs(1));
    gateway.test.fetch.answer(openai("Hello."));
    let answer = call(&gateway).await;
    assert_eq!(answer.header("x-de-cache"), "miss");
    assert_eq!(answer.json()["text"], "Hello.");
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_waited_for_until_it_is_whole() {
    let gateway = gateway().await;
    let answer = Answer::events().chunk(openai_chunk(&json!({"content": "Hi."}), None));
    let end = openai_chunk(&json!({}), Some("stop")) + "data: [DONE]\n\n";
    gateway.test.fetch.answer(answer.pause(Duration::from_secs(2)).chunk(end));
    let answers = join_all((0..3).map(|_| stream(&gateway))).await;
    assert_eq!((gateway.sent(), told(&answers, "hit")), (1, 2));
    assert!(answers.iter().all(|answer| answer.body == answers[0].body));
    assert!(answers[0].text().ends_with("data: [DONE]\n\n"), "{}", answers[0].text());
}

/// Nobody waits for the next one either: it may fail as well, and then they would ask one after the other.
#[tokio::test(start_paused = true)]
async fn where_one_fails_the_others_ask_at_once() {
    let gateway = gateway().await;
    for _ in 0..10 {
        gateway.test.fetch.answer(openai_error(400, "no").head_after(Duration::from_secs(1)));
    }
    let began = Instant::now();
    let answers = calls(&gateway, 10).await;
    assert!(answers.iter().all(|answer| answer.status == 400));
    assert_eq!(gateway.sent(), 10);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

/// What it says is not kept for the model that was asked for.
#[tokio::test(start_paused = true)]
async fn where_a_fallback_serves_the_others_ask_at_once() {
    let gateway = Gateway::new().await;
    gateway.model("other", "openai-chat", json!({})).await;
    let differs = json!({"fallbacks": ["other"], "circuit_breaker": null});
    gateway.model("kept", "openai-chat", differs).await;
    for _ in 0..6 {
        gateway.test.fetch.answer(openai_error(500, "no").header("x-should-retry", "false"));
        gateway.test.fetch.answer(slow("Hi."));
    }
    let began = Instant::now();
    let answers = calls(&gateway, 6).await;
    assert!(answers.iter().all(|answer| answer.header("x-de-model") == "other"));
    assert_eq!((told(&answers, "miss"), told(&answers, "hit")), (6, 0));
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn where_one_is_not_let_in_the_next_one_asks() {
    let gateway = gateway().await;
    gateway.limiter.leases_go(Road::Cut);
    assert_eq!(call(&gateway).await.status, 503);
    gateway.limiter.leases_go(Road::Open);
    gateway.test.background.join_all().await;
    gateway.test.fetch.answer(openai("Hi."));
    let began = Instant::now();
    assert_eq!(call(&gateway).await.header("x-de-cache"), "miss");
    assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn where_the_client_of_one_leaves_the_next_one_asks() {
    let gateway = gateway().await;
    gateway.test.fetch.answer(slow("Hi."));
    gateway.test.fetch.answer(slow("Hello."));
    let leaves = timeout(Duration::from_secs(1), call(&gateway));
    let stays = async {
        sleep(Duration::from_millis(10)).await;
        calls(&gateway, 3).await
    };
    let (left, answers) = join(leaves, stays).await;
    assert!(left.is_err());
    assert_eq!((gateway.sent(), told(&answers, "miss"), told(&answers, "hit")), (2, 1, 2));
    assert!(answers.iter().all(|answer| answer.json()["text"] == "Hello."));
}

/// Nobody waits for the next one either: it would be the same.
#[tokio::test(start_paused = true)]
async fn where_an_answer_is_not_kept_each_asks_at_once() {
    let gateway = gateway().await;
    let cut = |after_s: u64| openai_ended("Hi", "length").head_after(Duration::from_secs(after_s));
    for _ in 0..5 {
        gateway.test.fetch.answer(cut(3));
    }
    let began = Instant::now();
    let answers = calls(&gateway, 5).await;
    assert_eq!((gateway.sent(), told(&answers, "miss")), (5, 5));
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    // For a minute it is known that nobody need wait.
    gateway.test.fetch.answer(cut(0));
    gateway.test.fetch.answer(cut(0));
    let began = Instant::now();
    calls(&gateway, 2).await;
    assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn half_of_its_time_a_call_waits_and_then_it_asks() {
    let gateway = gateway().await;
    gateway.test.fetch.answer(openai("Late.").head_after(Duration::from_secs(19)));
    gateway.test.fetch.answer(openai("Hi."));
    let began = Instant::now();
    let waits = async {
        sleep(Duration::from_millis(10)).await;
        let answer = call(&gateway).await;
        (answer, began.elapsed())
    };
    let (late, (answer, after)) = join(call(&gateway), waits).await;
    assert_eq!((late.status, answer.status, gateway.sent()), (200, 200, 2));
    assert_eq!((answer.header("x-de-cache"), &answer.json()["text"]), ("miss", &json!("Hi.")));
    assert!((10..12).contains(&after.as_secs()), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn who_holds_a_key_or_wants_a_new_answer_waits_for_nobody() {
    let gateway = gateway().await;
    gateway.test.fetch.answer(slow("Hi."));
    gateway.test.fetch.answer(openai("Mine."));
    gateway.test.fetch.answer(openai("New."));
    let project = gateway.test.tenant.tenant.project_id.clone();
    gateway
        .test
        .sql("UPDATE projects SET response_cache_ttl_s = 3600 WHERE id = ?1", &[project.as_str()])
        .await;
    let others = async {
        sleep(Duration::from_millis(10)).await;
        let key = ("idempotency-key", "mine");
        let mine = call_with(&gateway, &[key, ("x-de-cache", "3600")]).await;
        let new = call_with(&gateway, &[("x-de-cache", "refresh")]).await;
        (mine, new, Instant::now())
    };
    let began = Instant::now();
    let (first, (mine, new, at)) = join(call(&gateway), others).await;
    let texts = [&first, &mine, &new].map(|answer| answer.json()["text"].clone());
    assert_eq!(texts, ["Hi.", "Mine.", "New."]);
    assert!(at - began < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn where_calls_cannot_meet_each_asks() {
    for road in [Road::Cut, Road::Hanging, Road::Lossy] {
        let gateway = far(ClaimRoads { claims: road, ..ClaimRoads::default() });
        let gateway = with(gateway.await).await;
        for _ in 0..3 {
            gateway.test.fetch.answer(slow("Hi."));
        }
        let began = Instant::now();
        let answers = calls(&gateway, 3).await;
        assert_eq!((gateway.sent(), told(&answers, "miss")), (3, 3), "{road:?}");
        assert!(began.elapsed() < Duration::from_millis(4_500), "{:?}", began.elapsed());
        let lines = gateway.test.log.lines();
        assert_eq!(lines.iter().filter(|line| line.message == COMPLAINT).count(), 1);
    }
}

/// Its isolate is gone, and says nothing any more. Before it has said that it is there, the next one leads; after that
/// nobody does.
#[tokio::test(start_paused = true)]
async fn where_one_vanishes_nobody_waits_for_it_for_long() {
    for (vanishes_after_s, hits) in [(1, 1), (10, 0)] {
        let gateway = far(ClaimRoads { ends: Road::Cut, ..ClaimRoads::default() }).await;
        gateway.model("kept", "openai-chat", json!({})).await;
        gateway.test.fetch.answer(openai("Hi.").head_after(Duration::from_secs(60)));
        gateway.test.fetch.answer(slow("Hello."));
        gateway.test.fetch.answer(slow("Hello."));
        let began = Instant::now();
        let leaves = timeout(Duration::from_secs(vanishes_after_s), call(&gateway));
        let stay = async {
            sleep(Duration::from_millis(10)).await;
            calls(&gateway, 2).await
        };
        let (left, answers) = join(leaves, stay).await;
        assert!(left.is_err());
        assert_eq!((told(&answers, "hit"), told(&answers, "miss")), (hits, 2 - hits));
        // After a hold, a pause, the vendor's time, and a pause of the one that waits on.
        assert!((20..36).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    }
}

/// Longer than a leader may be silent.
#[tokio::test(start_paused = true)]
async fn one_that_takes_long_says_that_it_is_there() {
    let gateway = Gateway::new().await;
    gateway.model("kept", "openai-chat", json!({})).await;
    gateway.test.fetch.answer(openai("Hi.").head_after(Duration::from_secs(55)));
    let answers = calls(&gateway, 3).await;
    assert_eq!((gateway.sent(), told(&answers, "hit")), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_more_than_a_minute() {
    let gateway = Gateway::new().await;
    gateway.model("kept", "openai-chat", json!({})).await;
    gateway.test.fetch.answer(openai("Late.").head_after(Duration::from_secs(80)));
    gateway.test.fetch.answer(openai("Hi."));
    let answers = calls(&gateway, 2).await;
    assert_eq!((gateway.sent(), told(&answers, "miss")), (2, 2));
    assert_eq!(answers[1].json()["text"], "Hi.");
}

/// What was asked of the object too late is given back: nobody waits for who does not know that it leads.
#[tokio::test(start_paused = true)]
async fn a_turn_that_came_too_late_is_given_back() {
    for road in [Road::Long, Road::Lossy] {
        let gateway = far(ClaimRoads { claims: road, ..ClaimRoads::default() });
        let gateway = gateway.await;
        // It waits for half a second, and the way back is longer.
        gateway.model("kept", "openai-chat", json!({"timeouts": {"total_ms": 2_000}})).await;
        gateway.test.fetch.answer(openai("Hi."));
        assert_eq!(call(&gateway).await.header("x-de-cache"), "miss", "{road:?}");
        gateway.test.background.join_all().await;
        let claims = &gateway.test.claims;
        assert_eq!((claims.names().len(), claims.taken()), (1, 0), "{road:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn half_of_a_short_time_is_left_for_the_vendor() {
    let gateway = Gateway::new().await;
    gateway.model("kept", "openai-chat", json!({"timeouts": {"total_ms": 8_000}})).await;
    gateway.test.fetch.answer(openai("Late.").head_after(Duration::from_secs(7)));
    gateway.test.fetch.answer(openai("Hi."));
    let began = Instant::now();
    let waits = async {
        sleep(Duration::from_millis(10)).await;
        let answer = call(&gateway).await;
        (answer, began.elapsed())
    };
    let (_, (answer, after)) = join(call(&gateway), waits).await;
    assert_eq!(answer.json()["text"], "Hi.");
    assert!((4_000..4_100).contains(&after.as_millis()), "{after:?}");
}

/// A stream that breaks off is nobody's either.
#[tokio::test(start_paused = true)]
async fn where_a_stream_is_cut_the_others_ask_at_once() {
    let gateway = gateway().await;
    for _ in 0..4 {
        let answer = Answer::events().chunk(openai_chunk(&json!({"content": "Hi"}), None));
        gateway.test.fetch.answer(answer.pause(Duration::from_secs(2)).break_off());
    }
    let began = Instant::now();
    let answers = join_all((0..4).map(|_| stream(&gateway))).await;
    assert_eq!((gateway.sent(), told(&answers, "miss")), (4, 4));
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}

/// It was there when the call began.
#[tokio::test(start_paused = true)]
async fn a_key_that_ends_while_its_call_waits_is_refused() {
    let gateway = gateway().await;
    let now = gateway.test.clock.now().0;
    let sql = "UPDATE api_keys SET expires_at = CAST(?1 AS INTEGER) WHERE id = ?2";
    let ends_at = (now + 2_000).to_string();
    let keys = &gateway.test.tenant.tenant.keys;
    let key = keys.iter().find(|key| key.name == "dev client").unwrap();
    gateway.test.sql(sql, &[&ends_at, key.id.as_str()]).await;
    gateway.test.fetch.answer(slow("Hi."));
    let answers = calls(&gateway, 2).await;
    assert_eq!((answers[0].status, answers[1].status), (200, 401));
    assert_eq!(answers[1].json()["error_code"], "KEY_EXPIRED");
}

/// An answer may not arrive where they meet, but it is in the cache.
#[tokio::test(start_paused = true)]
async fn what_is_lost_on_the_way_is_found_in_the_cache() {
    let gateway = far(ClaimRoads { finishes: Road::Cut, ..ClaimRoads::default() });
    let gateway = with(gateway.await).await;
    gateway.test.fetch.answer(slow("Hi."));
    let answers = calls(&gateway, 5).await;
    assert_eq!((gateway.sent(), told(&answers, "miss"), told(&answers, "hit")), (1, 1, 4));
}
