//! What goes on while a part of the platform is down. On workerd ports are made to fail (`de_edge::faults`) for
//! everybody at once, which this module does only when it runs alone.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::time::Duration;

use de_contract::{
    spender::Spender,
    stack::Stack,
    wait::{unique, until},
    wire::{Server, Wire},
};
use de_testkit::client::TestResponse;
use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

/// Calls go on while D1 is down: their receipts wait, arrive, and none of them twice.
#[tokio::test]
async fn receipts_wait_while_the_database_is_down() {
    let stack = Stack::ready().await;
    let Some(faults) = stack.faults() else { return };
    let model = stack.model(Server::OpenAi, json!({})).await;
    let call = |word: &str| stack.call(Wire::Native, &model, word);
    // Key, model and limits are known when it begins.
    for _ in 0..3 {
        call("Hello").send().await.good();
    }
    let down = Duration::from_secs(6);
    faults.fail("database", down).await;
    let mut calls = Vec::new();
    for _ in 0..20 {
        calls.push(call(&unique("down")).send().await.good());
    }
    let mut waits = 0;
    for call in &calls {
        waits += usize::from(stack.books.rows(&call.request_id).await.is_empty());
    }
    assert!(waits > 0, "the database was not down");
    for call in &calls {
        let row = stack.books.row(&call.request_id).await;
        assert_eq!(row["status"], "ok");
    }
    until("nothing to wait", async || (faults.limiter().await["waiting"] == 0).then_some(())).await;
    for call in &calls {
        assert_eq!(stack.books.rows(&call.request_id).await.len(), 1);
    }
    assert_eq!(faults.limiter().await["dead"], 0);
}

/// A database that is full answers, and one that refuses a receipt may take it later: none is put aside for that.
#[tokio::test]
async fn receipts_wait_while_the_database_takes_none() {
    let stack = Stack::ready().await;
    let Some(faults) = stack.faults() else { return };
    let model = stack.model(Server::OpenAi, json!({})).await;
    stack.call(Wire::Native, &model, "Hello").send().await.good();
    for mode in ["full", "refuse"] {
        until("nothing to wait", async || (faults.limiter().await["waiting"] == 0).then_some(()))
            .await;
        faults.set_limiter("inst_dev", "database", mode, Duration::from_secs(5)).await;
        let call = stack.call(Wire::Native, &model, &unique(mode)).send().await.good();
        let told = Instant::now();
        while told.elapsed() < Duration::from_secs(4) {
            let limiter = faults.limiter().await;
            assert_eq!(limiter["dead"], 0, "{mode}: {limiter}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert!(stack.books.rows(&call.request_id).await.is_empty(), "{mode}: it was taken");
        assert_eq!(stack.books.row(&call.request_id).await["status"], "ok");
    }
}

/// A Limiter that does not answer lets nobody in where a budget is enforced, and says so.
#[tokio::test]
async fn nobody_is_let_in_while_the_limiter_is_down() {
    let stack = Stack::ready().await;
    let Some(faults) = stack.faults() else { return };
    let model = stack.model(Server::OpenAi, json!({})).await;
    let call = |word: &str| stack.call(Wire::Native, &model, word);
    call("Hello").send().await.good();
    faults.fail("limiter", Duration::from_secs(3)).await;
    let word = unique("down");
    let refused = async || {
        let answer = call(&word).send().await;
        (answer.status() != 200).then_some(answer)
    };
    // A share that is at hand may still be used up.
    let answer = until("a call to be refused", refused).await;
    answer.fails(503, "LIMITER_UNAVAILABLE");
    let row = stack.books.row(&answer.request_id).await;
    assert_eq!((&row["status"], &row["cost_micros"]), (&json!("failed"), &json!(0)), "{row}");
    let again = async || (call(&unique("up")).send().await.status() == 200).then_some(());
    until("the Limiter to be back", again).await;
}

/// A call that knows all it needs waits for no database, however slow that is; its receipt does.
#[tokio::test]
async fn a_slow_database_holds_up_no_call() {
    let stack = Stack::ready().await;
    let Some(faults) = stack.faults() else { return };
    let model = stack.model(Server::OpenAi, json!({})).await;
    let call = |word: &str| stack.call(Wire::Native, &model, word);
    for _ in 0..3 {
        call("Hello").send().await.good();
    }
    let slow = Duration::from_secs(6);
    faults.set("text", "database", "slow:3000", slow).await;
    faults.set_limiter("inst_dev", "database", "slow:3000", slow).await;
    let mut calls = Vec::new();
    for _ in 0..10 {
        let began = Instant::now();
        calls.push(call(&unique("slow")).send().await.good());
        assert!(began.elapsed() < Duration::from_millis(1_500), "{:?}", began.elapsed());
    }
    for call in &calls {
        assert_eq!(stack.books.row(&call.request_id).await["status"], "ok");
    }
    until("nothing to wait", async || (faults.limiter().await["waiting"] == 0).then_some(())).await;
    for call in &calls {
        assert_eq!(stack.books.rows(&call.request_id).await.len(), 1);
    }
}

/// What nobody has a copy of cannot be known without the database: our failure, and nothing is bought.
#[tokio::test]
async fn a_model_that_no_copy_has_is_our_failure_while_the_database_is_down() {
    let stack = Stack::ready().await;
    let Some(faults) = stack.faults() else { return };
    stack.call(Wire::Native, "gpt-4o-mini", "Hello").send().await.good();
    faults.fail("database", Duration::from_secs(2)).await;
    let mut refused = Vec::new();
    for wire in Wire::ALL {
        let word = unique("cold");
        let answer = stack.call(wire, &unique("nobody-has-read"), &word).send().await;
        answer.fails(500, "INTERNAL_ERROR");
        assert!(stack.vendors.received(&word).await.is_empty());
        refused.push(answer);
    }
    for answer in refused {
        let row = stack.books.row(&answer.request_id).await;
        assert_eq!((&row["status"], &row["cost_micros"]), (&json!("failed"), &json!(0)), "{row}");
    }
}

/// KV is a copy: without it the database is asked, and a slow one is waited for once and briefly.
#[tokio::test]
async fn calls_go_on_while_kv_is_down_or_slow() {
    let stack = Stack::ready().await;
    let Some(faults) = stack.faults() else { return };
    for mode in ["fail", "slow:20000"] {
        faults.set("text", "cache", mode, Duration::from_secs(5)).await;
        faults.set("config", "cache", mode, Duration::from_secs(5)).await;
        let began = Instant::now();
        let model = stack.model(Server::OpenAi, json!({})).await;
        for wire in Wire::ALL {
            let answer = stack.call(wire, &model, &unique("copy")).send().await.good();
            assert_eq!(stack.books.row(&answer.request_id).await["status"], "ok");
        }
        assert!(began.elapsed() < Duration::from_secs(4), "{mode}: {:?}", began.elapsed());
    }
    faults.set("text", "cache", "fail", Duration::ZERO).await;
    faults.set("config", "cache", "fail", Duration::ZERO).await;
}

/// A place has what it has kept in its own cache, for a minute: neither KV is needed to find it, nor the object where
/// equal calls meet.
#[tokio::test]
async fn a_kept_answer_is_found_while_kv_and_claims_are_down() {
    let stack = Stack::ready().await;
    let Some(faults) = stack.faults() else { return };
    let model = stack.model(Server::OpenAi, json!({})).await;
    let prompt = unique("near");
    let call = stack.call(Wire::OpenAi, &model, &prompt).header("x-de-cache", "300");
    let again = async || call.clone().request_id(&unique("again")).send().await.good();
    assert_eq!(call.send().await.good().header("x-de-cache"), "miss");
    until("the answer to be kept", async || {
        (again().await.header("x-de-cache") == "hit").then_some(())
    })
    .await;
    let asked = stack.vendors.received(&prompt).await.len();
    let ports = ["cache", "claims"];
    for port in ports {
        faults.set("text", port, "fail", Duration::from_secs(10)).await;
    }
    assert_eq!(again().await.header("x-de-cache"), "hit");
    // What nobody has kept is asked of the vendor then.
    let other = stack.call(Wire::OpenAi, &model, &unique("far")).header("x-de-cache", "300");
    assert_eq!(other.send().await.good().header("x-de-cache"), "miss");
    for port in ports {
        faults.set("text", port, "fail", Duration::ZERO).await;
    }
    assert_eq!(stack.vendors.received(&prompt).await.len(), asked);
}

/// More than a test's calls cost, in micro-dollars.
const AMOUNT: u64 = 1_000_000;

/// A Limiter that is late is waited for, for two seconds and no more; what it then grants nobody it takes back.
#[tokio::test]
async fn a_slow_limiter_is_waited_for_and_not_for_ever() {
    let spender = Spender::ready().await;
    spender.set_budget(AMOUNT).await;
    let Some(faults) = spender.stack.faults() else { return };
    let mut spent = 0;
    let first = spender.call("Hello").send().await.good();
    spent += spender.cost(&first.request_id).await;
    faults.set("text", "limiter", "slow:800", Duration::from_secs(3)).await;
    let late = spender.call(&unique("late")).send().await.good();
    spent += spender.cost(&late.request_id).await;
    faults.set("text", "limiter", "slow:4000", Duration::from_secs(6)).await;
    let word = unique("later");
    // A share that is at hand may still be used up.
    let refused = until("a call to be refused", async || {
        let began = Instant::now();
        let answer = spender.call(&word).send().await;
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        if answer.status() == 200 {
            spent += spender.cost(&answer.request_id).await;
            return None;
        }
        Some(answer)
    })
    .await;
    refused.fails(503, "LIMITER_UNAVAILABLE");
    let back = until("the Limiter to be back", async || {
        let answer = spender.call(&unique("back")).send().await;
        spent += spender.cost(&answer.request_id).await;
        (answer.status() == 200).then_some(())
    });
    back.await;
    until("the books to be even", async || (spender.usage().await == (spent, 0)).then_some(()))
        .await;
}

/// The disk of a Limiter is full: what it cannot keep it does not grant. Calls under way are answered, and their
/// receipts go to the database by the other way.
#[tokio::test]
async fn a_limiter_whose_disk_is_full_grants_nothing_and_loses_no_receipt() {
    let spender = Spender::ready().await;
    spender.set_budget(AMOUNT).await;
    let Some(faults) = spender.stack.faults() else { return };
    let first = spender.call("Hello").send().await.good();
    let mut spent = spender.cost(&first.request_id).await;
    let word = unique("full");
    let calls: Vec<_> = (0..4).map(|_| spender.call(&format!("slow:2s {word}"))).collect();
    let sent = join_all(calls.iter().map(|call| call.send()));
    let full = Duration::from_secs(6);
    let filled = async {
        until("the vendor to have the calls", async || {
            (spender.stack.vendors.received(&word).await.len() == calls.len()).then_some(())
        })
        .await;
        let instance = &spender.tenant.instance;
        faults.set_limiter(instance, "storage", "fail", full).await;
        let mut others = Vec::new();
        let refused = until("a call to be refused", async || {
            let answer = spender.call(&unique("more")).send().await;
            if answer.status() == 200 {
                others.push(answer.request_id);
                return None;
            }
            Some(answer)
        })
        .await;
        refused.fails(503, "LIMITER_UNAVAILABLE");
        others
    };
    let (answers, others) = futures_util::future::join(sent, filled).await;
    for answer in answers {
        let answer = answer.good();
        spent += spender.cost(&answer.request_id).await;
        assert_eq!(spender.stack.books.rows(&answer.request_id).await.len(), 1);
    }
    for id in others {
        spent += spender.cost(&id).await;
    }
    // The disk has room again: calls are let in, and what nobody could report counts as held, never as nothing.
    let next = until("calls to be let in again", async || {
        let answer = spender.call(&unique("room")).send().await;
        (answer.status() == 200).then_some(answer)
    })
    .await;
    spent += spender.cost(&next.request_id).await;
    until("the last one to be settled", async || {
        let (used, held) = spender.usage().await;
        (used >= spent && used - held <= spent).then_some(())
    })
    .await;
}

/// The job that an order became, at its end.
async fn end_of_job(stack: &Stack, ordered: &TestResponse) -> Value {
    assert_eq!(ordered.status, 202, "{}", ordered.text());
    let job = ordered.json()["job_id"].as_str().unwrap().to_owned();
    until("the job to end", async || {
        let job = stack.client().get(&format!("/v1/jobs/{job}")).await.unwrap().json();
        let is_over = job["status"] == "succeeded" || job["status"] == "failed";
        is_over.then_some(job)
    })
    .await
}

/// A picture is bought once, whether R2 takes it or not, and its receipt is written either way.
#[tokio::test]
async fn a_picture_that_r2_does_not_take_is_not_bought_again() {
    let stack = Stack::ready().await;
    let Some(faults) = stack.faults() else { return };
    for mode in ["fail", "slow:1500"] {
        faults.set("render", "blobs", mode, Duration::from_secs(4)).await;
        faults.set("image", "blobs", mode, Duration::from_secs(4)).await;
        let prompt = unique("kite");
        let order = json!({"model_id": "ideogram-v2", "prompt": prompt});
        let request = stack.client().request(Method::POST, "/image/generate");
        let id = unique("picture");
        let request = request.header("prefer", "respond-async").header("x-request-id", &id);
        let answer = request.json(&order).send().await.unwrap();
        let ended = end_of_job(&stack, &answer).await;
        assert_eq!(stack.vendors.received(&prompt).await.len(), 1, "{ended}");
        let row = stack.books.row(&id).await;
        assert!(row["cost_micros"].as_i64().unwrap() > 0, "the vendor has made it: {row}");
    }
}

/// A picture that is kept and cannot be read is told as ours, and given to whoever asks again.
#[tokio::test]
async fn a_picture_that_r2_does_not_give_is_bought_once_and_given_later() {
    let stack = Stack::ready().await;
    let Some(faults) = stack.faults() else { return };
    let front = stack.front.clone().with_key(&stack.keys.client).unwrap();
    let (prompt, once) = (unique("kite"), unique("once"));
    let order = json!({"model": "gpt-image-2", "prompt": prompt, "quality": "low"});
    let ask = async || {
        let request = front.request(Method::POST, "/v1/images/generations").json(&order);
        request.header("idempotency-key", &once).send().await.unwrap()
    };
    faults.set("image", "blobs", "fail", Duration::from_secs(20)).await;
    let failed = ask().await;
    assert_eq!(failed.status, 500, "{}", failed.text());
    assert!(failed.json()["error"]["details"]["job_id"].is_string(), "{}", failed.text());
    let row = stack.books.row(failed.header("x-request-id")).await;
    assert_eq!((&row["status"], &row["estimated"]), (&json!("ok"), &json!(0)), "{row}");
    faults.set("image", "blobs", "fail", Duration::ZERO).await;
    let given = ask().await;
    assert_eq!(given.status, 200, "{}", given.text());
    assert!(given.json()["data"][0]["b64_json"].is_string());
    assert_eq!(stack.vendors.received(&prompt).await.len(), 1);
    // The same of a link.
    let linked =
        json!({"model": "gpt-image-2", "prompt": unique("kite"), "response_format": "url"});
    let made = front.post("/v1/images/generations", &linked).await.unwrap().json();
    let link = made["data"][0]["url"].as_str().unwrap();
    let path = link.strip_prefix(&stack.front_base).unwrap_or(link);
    faults.set("render", "blobs", "fail", Duration::from_secs(20)).await;
    let failed = stack.front.get(path).await.unwrap();
    assert_eq!(failed.json()["error_code"], "INTERNAL_ERROR", "{}", failed.text());
    faults.set("render", "blobs", "fail", Duration::ZERO).await;
    assert_eq!(stack.front.get(path).await.unwrap().status, 200);
}

/// A sound is in the vendor's answer alone: it is paid for, so it is stored when R2 takes it again.
#[tokio::test]
async fn a_sound_that_r2_does_not_take_at_first_is_bought_once_and_kept() {
    let stack = Stack::ready().await;
    let Some(faults) = stack.faults() else { return };
    faults.set("render", "blobs", "fail", Duration::from_secs(4)).await;
    let text = unique("spoken");
    let order = json!({"model_id": "tts-1", "text": text});
    let id = unique("sound");
    let request = stack.client().request(Method::POST, "/audio/synthesize");
    let request = request.header("prefer", "respond-async").header("x-request-id", &id);
    let answer = request.json(&order).send().await.unwrap();
    let ended = end_of_job(&stack, &answer).await;
    assert_eq!(ended["status"], "succeeded", "{ended}");
    assert_eq!(stack.vendors.received(&text).await.len(), 1, "{ended}");
    let row = stack.books.row(&id).await;
    assert!(row["cost_micros"].as_i64().unwrap() > 0, "the vendor has made it: {row}");
}
