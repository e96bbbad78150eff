//! `Idempotency-Key` on calls that buy: the vendors count.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::time::Duration;

use de_contract::{
    answer::Answer,
    call::Call,
    claims,
    control::Control,
    leave::Leave,
    stack::Stack,
    wait::{unique, until},
    wire::{Server, Wire, pairs},
};
use futures_util::future::join_all;
use http::Method;
use serde_json::json;
use tokio::time::Instant;

/// A call under a key.
fn under<'a>(call: Call<'a>, key: &str) -> Call<'a> {
    call.header("idempotency-key", key)
}

/// The same call once more, as a client repeats it: with an id of its own.
async fn again(call: &Call<'_>) -> Answer {
    call.clone().request_id(&unique("again")).send().await
}

fn is_replayed(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == "true"
}

/// Checks that an answer is the first one, given again.
#[track_caller]
fn repeats(answer: &Answer, first: &Answer) {
    assert!(is_replayed(answer), "{}", answer.response.text());
    assert_eq!(answer.status(), first.status());
    assert_eq!(answer.response.body, first.response.body);
    let kept = ["content-type", "x-de-receipt", "x-de-model", "x-de-provider", "x-de-attempts"];
    for name in kept.into_iter().chain(["x-de-cost-micros", "x-should-retry"]) {
        assert_eq!(answer.header(name), first.header(name), "{name}");
    }
    assert_eq!(answer.header("x-request-id"), answer.request_id);
    let timing = answer.header("server-timing");
    assert!(!timing.contains("upstream"), "{timing}");
}

#[tokio::test]
async fn fifty_at_once_buy_once() {
    let stack = Stack::ready().await;
    for (wire, streamed, front) in
        [(Wire::Native, false, false), (Wire::OpenAi, true, false), (Wire::Anthropic, false, true)]
    {
        let word = unique("crowd");
        let call = stack.call(wire, Server::OpenAi.model(), &format!("slow:1s {word}"));
        let call = if streamed { call.streamed() } else { call };
        let call = under(if front { call.by_front_door() } else { call }, &unique("key"));
        let answers = join_all((0..50).map(|_| again(&call))).await;
        stack.vendors.only(&word).await;
        let first: Vec<&Answer> = answers.iter().filter(|answer| !is_replayed(answer)).collect();
        assert_eq!(first.len(), 1, "{wire:?}: {}", answers[0].response.text());
        assert_eq!(first[0].status(), 200, "{}", first[0].response.text());
        for answer in answers.iter().filter(|answer| is_replayed(answer)) {
            repeats(answer, first[0]);
        }
        // One purchase, one receipt.
        let row = stack.books.row(&first[0].request_id).await;
        assert_eq!(row["receipt_id"], first[0].receipt_id());
        for answer in answers.iter().filter(|answer| is_replayed(answer)).take(3) {
            assert!(stack.books.rows(&answer.request_id).await.is_empty());
        }
    }
}

/// With a new key each time, whoever is refused would fill the platform with objects of a day.
#[tokio::test]
async fn a_call_that_is_refused_leaves_no_claim() {
    let stack = Stack::ready().await;
    let Some(state) = &stack.state else { return };
    for _ in 0..5 {
        let call = stack.call(Wire::Native, &unique("no-model"), "Hello");
        under(call, &unique("key")).send().await.fails(404, "MODEL_NOT_FOUND");
    }
    until("no vacant claim", async || (claims::vacant(state) == 0).then_some(())).await;
}

#[tokio::test]
async fn an_answer_is_given_again_byte_for_byte() {
    let stack = Stack::ready().await;
    for (wire, server) in pairs() {
        for streamed in [false, true] {
            let word = unique("replay");
            let call = stack.call(wire, server.model(), &format!("chunks:5 one two {word}"));
            let call = if streamed { call.streamed() } else { call };
            let call = under(call, &unique("key"));
            let first = call.send().await.good();
            assert!(!is_replayed(&first));
            repeats(&again(&call).await, &first);
            // The front door leads to the same.
            repeats(&again(&call.by_front_door()).await, &first);
            if streamed {
                first.story().is_whole();
            }
            stack.vendors.only(&word).await;
        }
    }
}

#[tokio::test]
async fn a_long_answer_is_kept_whole() {
    let stack = Stack::ready().await;
    let limits = json!({"max_output_tokens": 100_000, "default_max_output_tokens": 100_000});
    let model = stack.model(Server::OpenAi, limits).await;
    for streamed in [false, true] {
        let word = unique("long");
        let call = stack.call(Wire::Native, &model, &format!("big:200000 {word}"));
        let call = if streamed { call.streamed() } else { call };
        let call = under(call, &unique("key"));
        let first = call.send().await.good();
        assert!(first.response.body.len() > 150_000, "{}", first.response.body.len());
        repeats(&again(&call).await, &first);
        stack.vendors.only(&word).await;
    }
}

#[tokio::test]
async fn a_stream_whose_answer_is_too_long_to_be_kept_is_not_bought_again() {
    let stack = Stack::ready().await;
    let limits = json!({
        "context_window": 10_000_000, "max_output_tokens": 9_000_000, "default_max_output_tokens": 9_000_000,
    });
    let model = stack.model(Server::OpenAi, limits).await;
    let word = unique("endless");
    let call = stack.call(Wire::OpenAi, &model, &format!("big:9000000 chunks:200 {word}"));
    let call = under(call.streamed(), &unique("key"));
    let first = call.send().await.good();
    assert!(first.response.body.len() > 8 * 1024 * 1024, "{}", first.response.body.len());
    let answer = again(&call).await;
    answer.fails(409, "OUTCOME_UNKNOWN");
    assert_eq!(answer.details()["why"], "too_large");
    assert_eq!(answer.header("x-should-retry"), "false");
    stack.vendors.only(&word).await;
}

#[tokio::test]
async fn another_question_under_the_same_key_is_refused() {
    let stack = Stack::ready().await;
    for wire in Wire::ALL {
        let (word, key) = (unique("first"), unique("key"));
        under(stack.call(wire, "gpt-4o-mini", &word), &key).send().await.good();
        let other = unique("second");
        let answer = under(stack.call(wire, "gpt-4o-mini", &other), &key).send().await;
        answer.fails(409, "IDEMPOTENCY_MISMATCH");
        assert_eq!(answer.header("x-should-retry"), "false");
        // Another vendor would answer it.
        let call = under(stack.call(wire, "gpt-4o-mini", &word), &key);
        let call = call.header("x-de-fallback", "claude-haiku-4-5");
        call.send().await.fails(409, "IDEMPOTENCY_MISMATCH");
        assert!(stack.vendors.received(&other).await.is_empty());
        stack.vendors.only(&word).await;
        // Each operation has its own keys.
        if wire == Wire::Native {
            let streamed = under(stack.call(wire, "gpt-4o-mini", &other).streamed(), &key);
            streamed.send().await.good();
        }
    }
}

#[tokio::test]
async fn what_was_not_bought_may_be_asked_again() {
    let stack = Stack::ready().await;
    join_all(Wire::ALL.map(async |wire| {
        // Refused by us: mended under the same key.
        let (word, key) = (unique("mended"), unique("key"));
        let wrong = under(stack.call(wire, "no-such-model", &word), &key).send().await;
        wrong.fails(404, "MODEL_NOT_FOUND");
        let right = under(stack.call(wire, "gpt-4o-mini", &word), &key).send().await.good();
        assert!(!is_replayed(&right));
        let invalid =
            under(stack.call(wire, "gpt-4o-mini", "Hi").option("temperature", "hot"), &key);
        invalid.send().await.fails(409, "IDEMPOTENCY_MISMATCH");
        // Refused by the vendor: it bills nothing, and serves the next one.
        for status in [429, 500] {
            let word = unique("refused");
            let prompt = format!("fail-times:{status}:3 {word}");
            let call = under(stack.call(wire, "gpt-4o-mini", &prompt), &unique("key"));
            let refused = call.send().await;
            assert!(refused.status() >= 429, "{}", refused.response.text());
            let answer = until("the vendor to serve", async || {
                Some(again(&call).await).filter(|answer| answer.status() == 200)
            });
            assert!(!is_replayed(&answer.await), "{wire:?} {status}");
        }
    }))
    .await;
    // A limit of ours.
    let model = stack.model(Server::OpenAi, json!({"rate_limits": {"rpm": 1}})).await;
    stack.call(Wire::OpenAi, &model, "Hello").send().await.good();
    let call = under(stack.call(Wire::OpenAi, &model, &unique("limited")), &unique("key"));
    for _ in 0..2 {
        let answer = again(&call).await;
        answer.fails(429, "RATE_LIMIT_EXCEEDED");
        assert!(!is_replayed(&answer));
    }
}

#[tokio::test]
async fn what_may_have_been_bought_is_never_sent_again() {
    let stack = Stack::ready().await;
    // Long enough that the vendor has the request before, on a machine that is busy too.
    let timeouts = json!({"first_byte_ms": 5_000, "total_ms": 5_000});
    let differs = json!({"timeouts": timeouts, "circuit_breaker": null});
    let model = stack.model(Server::OpenAi, differs).await;
    let cases = Wire::ALL.into_iter().flat_map(|wire| [(wire, false), (wire, true)]);
    join_all(cases.map(async |(wire, streamed)| {
        let word = unique("timeout");
        let call = stack.call(wire, &model, &format!("hang {word}"));
        let call = under(if streamed { call.streamed() } else { call }, &unique("key"));
        call.send().await.fails(504, "PROVIDER_TIMEOUT");
        for _ in 0..2 {
            let answer = again(&call).await;
            answer.fails(409, "OUTCOME_UNKNOWN");
            assert_eq!(answer.details()["why"], "lost");
            assert_eq!(answer.header("x-should-retry"), "false");
        }
        stack.vendors.only(&word).await;
    }))
    .await;
}

#[tokio::test]
async fn a_failure_that_was_billed_is_the_answer() {
    let stack = Stack::ready().await;
    for wire in Wire::ALL {
        let word = unique("garbage");
        let call =
            under(stack.call(wire, "gpt-4o-mini", &format!("garbage {word}")), &unique("key"));
        let first = call.send().await;
        first.fails(502, "PROVIDER_MALFORMED");
        let answer = again(&call).await;
        repeats(&answer, &first);
        // A stream that broke off tells the same again.
        let cut = unique("cut");
        let call = stack.call(wire, "gpt-4o-mini", &format!("cut:4 chunks:9 big:900 {cut}"));
        let call = under(call.streamed(), &unique("key"));
        let first = call.send().await.good();
        first.story().broke_off();
        repeats(&again(&call).await, &first);
        for word in [word, cut] {
            stack.vendors.only(&word).await;
        }
    }
}

#[tokio::test]
async fn who_leaves_buys_nothing_twice() {
    let stack = Stack::ready().await;
    let ways = [
        (Leave::ByReset, false, false),
        (Leave::ByReset, true, false),
        (Leave::ByReset, true, true),
        (Leave::ByClosing, true, true),
    ];
    let cases = pairs().flat_map(|(wire, server)| ways.map(|way| (wire, server, way)));
    join_all(cases.map(async |(wire, server, (how, streamed, midway))| {
        let case = format!("{wire:?} {server:?} {how:?} streamed {streamed} midway {midway}");
        let word = unique("left");
        let faults = if midway { "gap:300ms chunks:6 big:600" } else { "slow:3s" };
        let call = stack.call(wire, server.model(), &format!("{faults} {word}"));
        let call = under(if streamed { call.streamed() } else { call }, &unique("key"));
        if midway {
            call.leave_midway(how).await;
        } else {
            call.leave_once(how, stack.vendors.only(&word)).await;
        }
        // The vendor had it: whether it was made nobody knows, and it is not bought again.
        again(&call).await.fails(409, "OUTCOME_UNKNOWN");
        assert_eq!(stack.vendors.received(&word).await.len(), 1, "{case}");
        let row = stack.books.row(&call.request_id).await;
        assert_eq!(row["status"], "cancelled", "{case}");
    }))
    .await;
}

#[tokio::test]
async fn a_call_that_takes_long_is_in_progress() {
    let stack = Stack::ready().await;
    let word = unique("slow");
    let call = stack.call(Wire::OpenAi, "gpt-4o-mini", &format!("slow:23s {word}"));
    let call = under(call, &unique("key"));
    let repeats_early = async {
        stack.vendors.only(&word).await;
        let started = Instant::now();
        let answer = again(&call).await;
        answer.fails(409, "IN_PROGRESS");
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=10).contains(&wait), "{wait}");
        // An SDK asks again by itself.
        assert_eq!(answer.header("x-should-retry"), "");
        assert!(started.elapsed() > Duration::from_secs(15), "{:?}", started.elapsed());
        again(&call).await
    };
    let (first, last) = futures_util::future::join(call.send(), repeats_early).await;
    repeats(&last, &first.good());
    stack.vendors.only(&word).await;
}

#[tokio::test]
async fn a_project_shares_its_keys_and_nobody_else_does() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let body = |project: &str| json!({"project_id": project, "scopes": ["text"]});
    let key_of = async |body| {
        let made = control.make("api-keys", body).await;
        made["secret"].as_str().unwrap().to_owned()
    };
    let project = async || {
        let body = json!({"instance_id": "inst_dev", "name": unique("project")});
        control.make("projects", body).await["id"].as_str().unwrap().to_owned()
    };
    let (ours, theirs) = (project().await, project().await);
    let (one, other) = (key_of(body(&ours)).await, key_of(body(&ours)).await);
    let stranger = key_of(body(&theirs)).await;
    let word = unique("shared");
    let call = under(stack.call(Wire::OpenAi, "gpt-4o-mini", &word), &unique("key"));
    let first = call.clone().key(&one).send().await.good();
    repeats(&again(&call.clone().key(&other)).await, &first);
    let second = again(&call.clone().key(&stranger)).await.good();
    assert!(!is_replayed(&second));
    assert_ne!(second.receipt_id(), first.receipt_id());
    assert_eq!(stack.vendors.received(&word).await.len(), 2);
    // A key without the scope, or without its owner's trust, gets nothing.
    let reader = json!({"project_id": ours, "scopes": ["read"]});
    let reader = key_of(reader).await;
    again(&call.clone().key(&reader)).await.fails(403, "FORBIDDEN");
    let keys = control.get(&format!("/v1/api-keys?project_id={ours}")).await.is(200).json();
    let digits = &other[other.len() - 4..];
    let row = keys["data"].as_array().unwrap().iter().find(|row| row["last_four"] == digits);
    let id = row.unwrap()["id"].as_str().unwrap();
    let gone = control.client.request(Method::DELETE, &format!("/v1/api-keys/{id}"));
    assert_eq!(gone.send().await.unwrap().status, 204);
    again(&call.clone().key(&other)).await.fails(401, "INVALID_API_KEY");
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let stack = Stack::ready().await;
    for wire in Wire::ALL {
        let word = unique("bad-key");
        for key in ["x".repeat(256), String::new()] {
            let answer = under(stack.call(wire, "gpt-4o-mini", &word), &key).send().await;
            answer.fails(400, "INVALID_REQUEST");
            assert!(answer.message().contains("Idempotency-Key"), "{}", answer.message());
            let row = stack.books.row(&answer.request_id).await;
            assert_eq!(row["error_code"], "INVALID_REQUEST");
        }
        assert!(stack.vendors.received(&word).await.is_empty());
    }
}
