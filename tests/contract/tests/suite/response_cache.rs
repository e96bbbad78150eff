//! The response cache: the same call by the same key is answered once more, and no vendor is asked.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::time::Duration;

use de_contract::{
    answer::Answer,
    call::Call,
    canary::canary,
    control::Control,
    spender::Spender,
    stack::Stack,
    wait::{unique, until},
    wire::{Server, Wire, pairs},
};
use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

const TTL: &str = "3600";

/// The same call once more, as a client repeats it: with an id of its own.
async fn again(call: &Call<'_>) -> Answer {
    call.clone().request_id(&unique("again")).send().await
}

fn word(answer: &Answer) -> &str {
    answer.header("x-de-cache")
}

/// Checks that a vendor answers, and that the answer may be kept.
#[track_caller]
fn misses(answer: Answer) -> Answer {
    let answer = answer.good();
    assert_eq!((word(&answer), answer.header("age")), ("miss", ""));
    assert_ne!(answer.header("x-de-attempts"), "0");
    answer
}

/// The call's answer from the cache, once it is there: it is put there after it was given. Each call before that asked
/// a vendor.
async fn hit(call: &Call<'_>) -> Answer {
    until("an answer of the cache", async || {
        Some(again(call).await.good()).filter(|answer| word(answer) == "hit")
    })
    .await
}

/// Checks that an answer is another one's, from the cache.
#[track_caller]
fn repeats(answer: &Answer, first: &Answer) {
    let text = answer.response.text();
    assert_eq!((answer.status(), word(answer)), (200, "hit"), "{text}");
    assert_eq!(answer.response.body, first.response.body, "{text}");
    for name in ["content-type", "x-de-model", "x-de-provider", "x-de-dropped"] {
        assert_eq!(answer.header(name), first.header(name), "{name}");
    }
    assert_eq!(answer.header("x-request-id"), answer.request_id);
    assert_ne!(answer.receipt_id(), first.receipt_id());
    let told = (answer.header("x-de-cost-micros"), answer.header("x-de-attempts"));
    assert_eq!(told, ("0", "0"));
    assert!(answer.header("age").parse::<u64>().unwrap() < 60);
}

/// Checks the row of a call that was answered from the cache.
async fn costs_nothing(stack: &Stack, answer: &Answer) -> Value {
    let row = stack.books.row(&answer.request_id).await;
    assert_eq!(row["receipt_id"], answer.receipt_id());
    for (name, expected) in [
        ("cached", json!(1)),
        ("status", json!("ok")),
        ("http_status", json!(200)),
        ("cost_micros", json!(0)),
        ("input_tokens", json!(0)),
        ("output_tokens", json!(0)),
        ("estimated", json!(0)),
        ("attempts", json!("[]")),
        ("upstream_ms", Value::Null),
        ("model_id", json!(answer.header("x-de-model"))),
        ("response_bytes", json!(answer.response.body.len())),
    ] {
        assert_eq!(row[name], expected, "{name}: {row:#}");
    }
    row
}

#[tokio::test]
async fn an_answer_is_given_once_more_in_every_protocol_whole_and_as_a_stream() {
    let stack = Stack::ready().await;
    for (wire, server) in pairs() {
        for streamed in [false, true] {
            let prompt = unique("twice");
            let call = stack.call(wire, server.model(), &format!("chunks:10 {prompt}"));
            let call = if streamed { call.streamed() } else { call };
            let call = call.header("x-de-cache", TTL);
            let first = misses(call.send().await);
            let row = stack.books.row(&first.request_id).await;
            assert_eq!(row["cached"], 0);
            let answer = hit(&call).await;
            let asked = stack.vendors.received(&prompt).await.len();
            repeats(&answer, &first);
            if streamed {
                answer.story().is_whole();
            } else {
                assert_eq!(answer.text(), first.text());
            }
            let kept = costs_nothing(&stack, &answer).await;
            assert_eq!(kept["streamed"], i32::from(streamed));
            // The front door leads to the same, and nobody was asked meanwhile.
            repeats(&again(&call.clone().by_front_door()).await, &first);
            assert_eq!(stack.vendors.received(&prompt).await.len(), asked);
        }
    }
}

#[tokio::test]
async fn a_stream_is_given_as_a_stream() {
    let stack = Stack::ready().await;
    for wire in Wire::ALL {
        let prompt = unique("pieces");
        let call = stack.call(wire, "gpt-4o-mini", &format!("chunks:200 big:20000 {prompt}"));
        let call = call.option("max_tokens", 9_000).streamed().header("x-de-cache", TTL);
        misses(call.send().await);
        hit(&call).await;
        let mut stream = call.clone().request_id(&unique("again")).open().await;
        let mut events = 0;
        while stream.next_event().await.is_some() {
            events += 1;
        }
        assert!(events > 150, "{wire:?}: {events}");
    }
}

#[tokio::test]
async fn without_a_word_of_call_or_project_there_is_no_cache() {
    let stack = Stack::ready().await;
    let admin = Control::of(stack.admin()).person("org_dev", "admin").await;
    for wire in Wire::ALL {
        let prompt = unique("off");
        let call = stack.call(wire, "gpt-4o-mini", &prompt);
        for _ in 0..2 {
            assert_eq!(word(&call.send().await.good()), "");
        }
        let off = call.clone().header("x-de-cache", "off");
        assert_eq!(word(&again(&off).await.good()), "off");
        let refresh = call.clone().header("x-de-cache", "refresh");
        assert_eq!(word(&again(&refresh).await.good()), "off", "nobody says for how long");
        for bad in ["yes", "59", "2592001", ""] {
            let answer = again(&call.clone().header("x-de-cache", bad)).await;
            answer.fails(400, "INVALID_REQUEST");
            assert!(answer.message().contains("x-de-cache"), "{}", answer.message());
        }
        // A person has no project whose answers it could be.
        let person = call.header("x-de-cache", TTL).key(&admin.key);
        let person = person.header("x-instance-id", "inst_dev");
        for _ in 0..2 {
            assert_eq!(word(&again(&person).await.good()), "off");
        }
        assert_eq!(stack.vendors.received(&prompt).await.len(), 6);
    }
}

#[tokio::test]
async fn another_question_is_another_answer() {
    let stack = Stack::ready().await;
    for wire in Wire::ALL {
        let prompt = unique("question");
        let call = stack.call(wire, "gpt-4o-mini", &prompt).header("x-de-cache", TTL);
        misses(call.send().await);
        hit(&call).await;
        let others = [
            call.clone().option("max_tokens", 40),
            call.clone().system("Be brief."),
            call.clone().streamed(),
            call.clone().header("x-de-fallback", "claude-haiku-4-5"),
            stack.call(wire, "gpt-4o", &prompt).header("x-de-cache", TTL),
            stack.call(wire, "gpt-4o-mini", &format!("{prompt} ")).header("x-de-cache", TTL),
        ];
        for other in others {
            misses(again(&other).await);
        }
        let other = if wire == Wire::Anthropic { "x-private" } else { "anthropic-beta" };
        let aside = again(&call.clone().header("x-private", "1")).await;
        assert_eq!(word(&aside), "hit");
        if other == "anthropic-beta" {
            misses(again(&call.header(other, "context-1m-2025-08-07")).await);
        }
    }
}

#[tokio::test]
async fn members_in_another_order_are_the_same_question() {
    let stack = Stack::ready().await;
    let prompt = unique("order");
    let one = json!({"model_id": "gpt-4o-mini", "prompt": prompt, "options": {"max_tokens": 40, "temperature": 0.5}});
    let other = format!(
        r#"{{"options": {{"temperature":0.5,"max_tokens":40}}, "prompt": {}, "model_id":"gpt-4o-mini"}}"#,
        json!(prompt)
    );
    let call = stack.call(Wire::Native, "gpt-4o-mini", &prompt).header("x-de-cache", TTL);
    let first = misses(call.clone().body(one.to_string()).send().await);
    hit(&call.clone().body(one.to_string())).await;
    repeats(&again(&call.clone().body(other.clone())).await, &first);
    misses(again(&call.body(other.replace("0.5", "0.50001"))).await);
}

#[tokio::test]
async fn nobody_else_gets_it() {
    let spender = Spender::ready().await;
    let (_, neighbour, _) = spender.project().await;
    let body = json!({"project_id": spender.tenant.project, "scopes": ["text"]});
    let sibling = spender.control.make("api-keys", body).await;
    let sibling = sibling["secret"].as_str().unwrap();
    for wire in Wire::ALL {
        let prompt = unique("mine");
        let call = |key: &str| {
            let call = spender.stack.call(wire, &spender.model, &prompt).key(key);
            call.header("x-de-cache", TTL)
        };
        misses(call(&spender.key).send().await);
        hit(&call(&spender.key)).await;
        // Another project, and another key of the same one.
        for key in [&neighbour, sibling] {
            misses(call(key).send().await);
        }
    }
}

#[tokio::test]
async fn a_model_that_has_changed_answers_anew_and_one_that_is_gone_not_at_all() {
    let spender = Spender::ready().await;
    let path = format!(
        "/v1/model-configs/{}?organization_id={}",
        spender.model, spender.tenant.organization
    );
    let prompt = unique("version");
    let call = spender.call(&prompt).header("x-de-cache", TTL);
    misses(call.send().await);
    hit(&call).await;
    let changed = json!({"description": "Says the same."});
    spender.control.patch(&path, &changed).await.is(200);
    misses(again(&call).await);
    hit(&call).await;
    let asked = spender.stack.vendors.received(&prompt).await.len();
    spender.control.patch(&path, &json!({"status": "disabled"})).await.is(200);
    again(&call).await.fails(404, "MODEL_NOT_FOUND");
    assert_eq!(spender.stack.vendors.received(&prompt).await.len(), asked);
}

#[tokio::test]
async fn what_a_key_may_not_any_more_it_does_not_get_from_the_cache() {
    let spender = Spender::ready().await;
    let body = json!({"project_id": spender.tenant.project, "scopes": ["text"]});
    let made = spender.control.make("api-keys", body).await;
    let path = format!("/v1/api-keys/{}", made["id"].as_str().unwrap());
    let prompt = unique("revoked");
    let call = spender.stack.call(Wire::OpenAi, &spender.model, &prompt);
    let call = call.key(made["secret"].as_str().unwrap()).header("x-de-cache", TTL);
    misses(call.send().await);
    hit(&call).await;
    spender.control.patch(&path, &json!({"allowed_models": ["another"]})).await.is(200);
    again(&call).await.fails(403, "MODEL_NOT_ALLOWED");
    spender
        .control
        .patch(&path, &json!({"allowed_models": null, "scopes": ["image"]}))
        .await
        .is(200);
    again(&call).await.fails(403, "FORBIDDEN");
    spender.control.patch(&path, &json!({"scopes": ["text"]})).await.is(200);
    assert_eq!(word(&again(&call).await.good()), "hit");
    spender.control.delete(&path).await.is(204);
    again(&call).await.fails(401, "INVALID_API_KEY");
}

#[tokio::test]
async fn a_project_turns_it_on_and_a_call_off() {
    let spender = Spender::ready().await;
    let path = format!("/v1/projects/{}", spender.tenant.project);
    let row = spender.control.get(&path).await.is(200).json();
    assert_eq!(row["response_cache"], Value::Null);
    let on = json!({"response_cache": {"ttl_s": 600}});
    let row = spender.control.patch(&path, &on).await.is(200).json();
    assert_eq!(row["response_cache"], json!({"ttl_s": 600}));
    let prompt = unique("usual");
    let call = spender.call(&prompt);
    let first = misses(call.send().await);
    repeats(&hit(&call).await, &first);
    // Another name changes nothing of it.
    let row = spender.control.patch(&path, &json!({"name": "Renamed"})).await.is(200).json();
    assert_eq!(row["response_cache"], json!({"ttl_s": 600}));
    repeats(&again(&call).await, &first);

    let asked = spender.stack.vendors.received(&prompt).await.len();
    let off = again(&call.clone().header("x-de-cache", "off")).await.good();
    assert_eq!(word(&off), "off");
    repeats(&again(&call).await, &first);
    // A new answer takes the old one's place.
    let refresh = misses(again(&call.clone().header("x-de-cache", "refresh")).await);
    assert_ne!(refresh.response.body, first.response.body, "the ids in it are new");
    assert_eq!(spender.stack.vendors.received(&prompt).await.len(), asked + 2);
    until("the new answer", async || {
        let answer = again(&call).await;
        (answer.response.body == refresh.response.body).then_some(())
    })
    .await;

    spender.control.patch(&path, &json!({"response_cache": null})).await.is(200);
    assert_eq!(word(&again(&call).await.good()), "");
}

#[tokio::test]
async fn what_a_project_cannot_say_of_it_is_told_by_its_place() {
    let spender = Spender::ready().await;
    let path = format!("/v1/projects/{}", spender.tenant.project);
    for (bad, places) in [
        (json!(true), vec!["/response_cache"]),
        (json!(3_600), vec!["/response_cache"]),
        (json!({}), vec!["/response_cache/ttl_s"]),
        (json!({"ttl_s": 59}), vec!["/response_cache/ttl_s"]),
        (json!({"ttl_s": 2_592_001}), vec!["/response_cache/ttl_s"]),
        (json!({"ttl_s": "60"}), vec!["/response_cache/ttl_s"]),
        (json!({"ttl_s": 60.5}), vec!["/response_cache/ttl_s"]),
        (json!({"ttl_s": null, "mode": 1}), vec!["/response_cache/ttl_s", "/response_cache/mode"]),
    ] {
        let body = json!({"response_cache": bad});
        let told = spender.control.patch(&path, &body).await.fails(400, "VALIDATION_ERROR");
        let fields = told["details"]["fields"].as_array().unwrap();
        let named: Vec<_> = fields.iter().map(|field| field["field"].as_str().unwrap()).collect();
        assert_eq!(named, places, "{bad}");
    }
}

#[tokio::test]
async fn a_project_gives_up_what_is_kept() {
    let spender = Spender::ready().await;
    let (other, key, _) = spender.project().await;
    let place = |project: &str| format!("/v1/projects/{project}/response-cache");
    let (ours, theirs) = (unique("ours"), unique("theirs"));
    let call = spender.call(&ours).header("x-de-cache", TTL);
    let neighbours = spender.call(&theirs).key(&key).header("x-de-cache", TTL);
    for call in [&call, &neighbours] {
        misses(call.send().await);
        hit(call).await;
    }
    spender.control.delete(&place(&spender.tenant.project)).await.is(204);
    misses(again(&call).await);
    hit(&call).await;
    assert_eq!(word(&again(&neighbours).await), "hit");
    let events = format!("/v1/audit-events?organization_id={}", spender.tenant.organization);
    let events = spender.control.get(&events).await.is(200).json();
    let events = events["data"].as_array().unwrap();
    let cleared = events.iter().find(|one| one["action"] == "project.clear-response-cache");
    assert_eq!(cleared.unwrap()["target_id"], spender.tenant.project.as_str());
    // Twice is no harm, and nobody clears what is not theirs.
    spender.control.delete(&place(&other)).await.is(204);
    spender.control.delete(&place(&other)).await.is(204);
    spender.control.delete(&place("proj_nobody")).await.fails(404, "NOT_FOUND");
    spender.program.delete(&place(&spender.tenant.project)).await.fails(403, "FORBIDDEN");
    let admin = spender.control.tenant().await;
    let stranger = spender.control.person(&admin.organization, "admin").await;
    stranger.control.delete(&place(&other)).await.fails(404, "NOT_FOUND");
}

/// Whichever worker they come to, and whether KV was asked before.
#[tokio::test]
async fn of_equal_calls_at_once_one_asks_the_vendor() {
    let stack = Stack::ready().await;
    for wire in Wire::ALL {
        for streamed in [false, true] {
            let prompt = unique("at-once");
            let call = stack.call(wire, "gpt-4o-mini", &format!("slow:2s chunks:10 {prompt}"));
            let call = if streamed { call.streamed() } else { call };
            let call = call.header("x-de-cache", TTL);
            let answers = join_all((0..8).map(async |number| {
                let call = call.clone().request_id(&unique("at-once"));
                let call = if number % 2 == 0 { call.by_front_door() } else { call };
                call.send().await.good()
            }))
            .await;
            assert_eq!(stack.vendors.received(&prompt).await.len(), 1, "{wire:?} {streamed}");
            let (first, others): (Vec<_>, Vec<_>) =
                answers.iter().partition(|answer| word(answer) == "miss");
            assert_eq!((first.len(), others.len()), (1, 7), "{wire:?} {streamed}");
            for answer in others {
                repeats(answer, first[0]);
                costs_nothing(&stack, answer).await;
            }
        }
    }
}

#[tokio::test]
async fn where_the_first_of_equal_calls_leaves_the_next_one_asks() {
    let stack = Stack::ready().await;
    let prompt = unique("left");
    let call = stack.call(Wire::OpenAi, "gpt-4o-mini", &format!("gap:300ms chunks:10 {prompt}"));
    let call = call.streamed().header("x-de-cache", TTL);
    let mut first = call.clone().request_id(&unique("left")).open().await;
    assert!(first.next_chunk().await.is_some());
    let left_at = Instant::now();
    // Whether the other one waits by then or comes later, it finds that nobody leads any more.
    let (answer, ()) = join(again(&call), async { drop(first) }).await;
    misses(answer).story().is_whole();
    assert_eq!(stack.vendors.received(&prompt).await.len(), 2);
    assert!(left_at.elapsed() < Duration::from_secs(15), "nobody waited for the hold's end");
}

/// Nobody is asked for it, and nothing is owed. Whether it is told that it has gone is for the runtime to say: workerd
/// tells nothing before there is a head.
#[tokio::test]
async fn who_leaves_while_it_waits_has_bought_nothing() {
    let stack = Stack::ready().await;
    let prompt = unique("tired");
    let call = stack.call(Wire::OpenAi, "gpt-4o-mini", &format!("gap:1s chunks:10 {prompt}"));
    let call = call.streamed().header("x-de-cache", TTL);
    let mut first = call.clone().request_id(&unique("tired")).open().await;
    assert!(first.next_chunk().await.is_some());
    let tired = call.clone().request_id(&unique("tired"));
    assert!(timeout(Duration::from_secs(4), tired.send()).await.is_err(), "it did not wait");
    let row = stack.books.row(&tired.request_id).await;
    for (name, expected) in [("cost_micros", json!(0)), ("attempts", json!("[]"))] {
        assert_eq!(row[name], expected, "{name}: {row:#}");
    }
    assert!(["cancelled", "ok"].contains(&row["status"].as_str().unwrap()), "{row:#}");
    assert_eq!(stack.vendors.received(&prompt).await.len(), 1);
    while first.next_chunk().await.is_some() {}
}

#[tokio::test]
async fn only_a_whole_answer_that_ended_by_itself_is_kept() {
    let stack = Stack::ready().await;
    for wire in Wire::ALL {
        for streamed in [false, true] {
            let breaks = if streamed { &["cut:3", "error-mid:3"][..] } else { &[] };
            for trouble in ["refuse", "big:40000"].iter().chain(breaks) {
                let prompt = unique("unkept");
                let call = stack.call(wire, "gpt-4o-mini", &format!("{trouble} {prompt}"));
                let call = if streamed { call.streamed() } else { call };
                let call = call.option("max_tokens", 20).header("x-de-cache", TTL);
                for _ in 0..2 {
                    let answer = again(&call).await;
                    stack.books.row(&answer.request_id).await;
                    assert_ne!(word(&answer), "hit", "{wire:?} {trouble} {streamed}");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_answer_of_a_fallback_is_not_kept_as_that_of_the_model() {
    let stack = Stack::ready().await;
    let differs = json!({"upstream_model": "gpt-no-more", "fallbacks": ["claude-haiku-4-5"]});
    let model = stack.model(Server::OpenAi, differs).await;
    let call = stack.call(Wire::Native, &model, &unique("fallback")).header("x-de-cache", TTL);
    for _ in 0..3 {
        let answer = misses(again(&call).await);
        assert_eq!(answer.header("x-de-model"), "claude-haiku-4-5");
        stack.books.row(&answer.request_id).await;
    }
}

#[tokio::test]
async fn an_idempotency_key_decides_first() {
    let stack = Stack::ready().await;
    for wire in Wire::ALL {
        for streamed in [false, true] {
            let (prompt, key) = (unique("both"), unique("key"));
            let call = stack.call(wire, "gpt-4o-mini", &prompt).header("x-de-cache", TTL);
            let call = if streamed { call.streamed() } else { call };
            let under = call.clone().header("idempotency-key", &key);
            let first = misses(under.send().await);
            let replayed = again(&under).await;
            assert_eq!(replayed.header("idempotency-replayed"), "true");
            assert_eq!(replayed.receipt_id(), first.receipt_id());
            // Under another key the cache answers, and that answer is the key's from then on.
            hit(&call).await;
            let other = call.clone().header("idempotency-key", &unique("key"));
            let answer = again(&other).await;
            repeats(&answer, &first);
            let replayed = again(&other).await;
            assert_eq!(replayed.header("idempotency-replayed"), "true");
            assert_eq!(replayed.response.body, first.response.body);
            assert_eq!(replayed.receipt_id(), answer.receipt_id());
        }
    }
}

#[tokio::test]
async fn it_counts_as_a_request_and_as_nothing_else() {
    let spender = Spender::ready().await;
    let prompt = unique("counted");
    let call = spender.call(&prompt).header("x-de-cache", TTL);
    misses(call.send().await);
    let first = hit(&call).await;
    costs_nothing(&spender.stack, &first).await;
    // No money and no tokens are left, and none are needed.
    spender.set_budget(1).await;
    let limits = format!("/v1/limits/project/{}", spender.tenant.project);
    spender
        .control
        .put(&limits, &json!({"tokens_per_minute": 1, "requests_per_minute": 1_000}))
        .await
        .is(200);
    let other = spender.call(&unique("other")).send().await;
    assert!([402, 429].contains(&other.status()), "{}", other.response.text());
    let left = |answer: &Answer| -> u64 {
        answer.header("x-ratelimit-remaining-requests").parse().unwrap()
    };
    let (one, two) = (again(&call).await, again(&call).await);
    repeats(&two, &one);
    assert_eq!(left(&one), left(&two) + 1);
    // Requests are counted to the end.
    spender.control.put(&limits, &json!({"requests_per_minute": 0})).await.is(200);
    again(&call).await.fails(429, "RATE_LIMIT_EXCEEDED");
}

#[tokio::test]
async fn the_books_show_it() {
    let spender = Spender::ready().await;
    let call = spender.call(&unique("shown")).header("x-de-cache", TTL);
    let first = misses(call.send().await);
    let answer = hit(&call).await;
    costs_nothing(&spender.stack, &answer).await;
    spender.stack.books.row(&first.request_id).await;
    for (answer, cached) in [(&first, false), (&answer, true)] {
        for list in ["requests", "receipts"] {
            let path = format!("/v1/{list}/{}", answer.receipt_id());
            let shown = spender.program.get(&path).await.is(200).json();
            assert_eq!(shown["cached"], cached, "{shown:#}");
            assert_eq!(shown["cost_micros"] == 0, cached, "{shown:#}");
        }
    }
    let list = spender.program.get("/v1/requests").await.is(200).json();
    let of =
        |id: &str| list["data"].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap();
    assert_eq!(of(answer.receipt_id())["cached"], true);
    assert_eq!(of(first.receipt_id())["cached"], false);
}

#[tokio::test]
async fn what_is_kept_rests_sealed() {
    let stack = Stack::ready().await;
    let mut planted = Vec::new();
    for wire in Wire::ALL {
        for streamed in [false, true] {
            let word = canary("cached");
            let call = stack.call(wire, "gpt-4o-mini", &word).header("x-de-cache", TTL);
            let call = if streamed { call.streamed() } else { call };
            misses(call.send().await);
            hit(&call).await;
            planted.push(word);
        }
    }
    stack.left_nothing(&planted).await;
}

#[tokio::test]
async fn a_page_may_read_what_the_cache_says() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let body = json!({"project_id": "proj_dev", "scopes": ["text"],
        "allowed_origins": ["https://shop.example.com"]});
    let key = control.make("api-keys", body).await["secret"].as_str().unwrap().to_owned();
    let call = stack.call(Wire::Native, "gpt-4o-mini", &unique("page")).key(&key);
    let call = call.header("origin", "https://shop.example.com").header("x-de-cache", TTL);
    let answer = misses(call.send().await);
    let exposed = answer.header("access-control-expose-headers");
    for name in ["x-de-cache", "age"] {
        assert!(exposed.split(", ").any(|known| known == name), "{exposed}");
    }
}
