//! What is kept of OpenAI's responses, where time passes, turns are large, or the database fails.
//!
//! Time is tokio's, and paused: what takes days here takes none.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "tests: what does not hold ends them, and their modules have other readers too"
)]

#[path = "http/doubles.rs"]
mod doubles;
#[path = "http/gateway.rs"]
mod gateway;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use de_core::ports::{Database, PortError, Row, Statement};
use de_testkit::{client::TestResponse, fetch::Answer};
use serde_json::{Value, json};

use crate::gateway::{Gateway, openai};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A database that takes no turns.
struct Forgetful(Arc<dyn Database>);

#[async_trait]
impl Database for Forgetful {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, PortError> {
        if statements.iter().any(|statement| statement.sql.contains("INSERT INTO responses")) {
            return Err(PortError::TimedOut { after_ms: 1, port: "database" });
        }
        self.0.batch(statements).await
    }
}

/// A gateway whose client's project keeps content.
async fn keeping(forgetful: bool) -> Gateway {
    let gateway = Gateway::with(|platform| {
        if forgetful {
            platform.database = Arc::new(Forgetful(platform.database.clone()));
        }
    })
    .await;
    gateway.test.sql("UPDATE projects SET retain_content = 1", &[]).await;
    gateway.model("kept", "openai-chat", json!({})).await;
    gateway
}

async fn ask(gateway: &Gateway, members: Value) -> TestResponse {
    let mut body = json!({"model": "kept", "input": "Hello"});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    gateway.test.fetch.answer(openai("Hi."));
    gateway.text.post("/v1/responses", &body).await.unwrap()
}

async fn good(gateway: &Gateway, members: Value) -> Value {
    let answer = ask(gateway, members).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

async fn status(gateway: &Gateway, id: &str) -> u16 {
    gateway.text.get(&format!("/v1/responses/{id}")).await.unwrap().status
}

#[tokio::test(start_paused = true)]
async fn a_turn_is_kept_for_thirty_days() {
    let gateway = keeping(false).await;
    let first = good(&gateway, json!({})).await;
    let id = first["id"].as_str().unwrap();
    gateway.test.clock.advance(29 * DAY);
    let second = good(&gateway, json!({"previous_response_id": id})).await;
    assert_eq!((status(&gateway, id).await, &second["store"]), (200, &json!(true)));
    gateway.test.clock.advance(DAY);
    assert_eq!(status(&gateway, id).await, 404);
    let second = second["id"].as_str().unwrap();
    assert_eq!(status(&gateway, second).await, 200);
    let answer = ask(&gateway, json!({"previous_response_id": second})).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(answer.json()["error"]["param"], "previous_response_id");
}

/// The name of an answer's first item.
fn name_of(response: &Value) -> Value {
    json!({"type": "item_reference", "id": response["output"][0]["id"]})
}

#[tokio::test(start_paused = true)]
async fn items_are_named_as_long_as_a_turn_that_holds_them_is_kept() {
    let gateway = keeping(false).await;
    let first = good(&gateway, json!({})).await;
    gateway.test.clock.advance(DAY);
    let alone = good(&gateway, json!({"input": "Alone"})).await;
    gateway.test.clock.advance(DAY);
    // Of turns that do not hold one another's.
    let both =
        json!({"input": [name_of(&first), name_of(&alone), {"role": "user", "content": "Both"}]});
    let both = good(&gateway, both).await;
    gateway.test.clock.advance(27 * DAY);
    good(&gateway, json!({"input": [name_of(&first)], "store": false})).await;
    gateway.test.clock.advance(2 * DAY);
    let answer = ask(&gateway, json!({"input": [name_of(&first)]})).await;
    assert_eq!(answer.status, 404, "{}", answer.text());
    let named = json!({"input": [name_of(&both), name_of(&first), name_of(&alone)]});
    good(&gateway, named).await;
}

#[tokio::test(start_paused = true)]
async fn items_that_are_too_many_or_too_large_are_refused() {
    let gateway = keeping(false).await;
    let last = good(&gateway, json!({})).await;
    let many: Vec<Value> =
        (0..1_001).map(|n| json!({"type": "item_reference", "id": format!("m{n}")})).collect();
    let answer = ask(&gateway, json!({"input": many})).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(answer.json()["error"]["param"], "input[1000]");
    for (twice, place) in [
        (json!({"input": vec![name_of(&last); 2]}), "input[1]"),
        (json!({"input": [name_of(&last)], "previous_response_id": last["id"]}), "input[0]"),
    ] {
        let answer = ask(&gateway, twice).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert_eq!(answer.json()["error"]["param"], place);
    }
    let long = json!({"type": "item_reference", "id": "m".repeat(129)});
    assert_eq!(ask(&gateway, json!({"input": [long]})).await.status, 404);
    for broken in [json!({"type": "item_reference"}), json!({"type": "item_reference", "id": 5})] {
        let answer = ask(&gateway, json!({"input": [broken]})).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert_eq!(answer.json()["error"]["param"], "input[0].id");
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_too_large_is_not_kept_and_says_so() {
    let gateway = keeping(false).await;
    let large = "x".repeat(6_000_000);
    let answer = ask(&gateway, json!({"input": large})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.header("x-de-warnings").starts_with("store: "), "{:?}", answer.headers);
    let response = answer.json();
    assert_eq!(response["store"], false);
    assert_eq!(status(&gateway, response["id"].as_str().unwrap()).await, 404);
    let answer = ask(&gateway, json!({"input": large, "store": false})).await;
    assert_eq!((answer.status, answer.header("x-de-warnings")), (200, ""));
    // Its input has room, its answer has not.
    gateway.test.fetch.answer(openai(&large));
    let body = json!({"model": "kept", "input": "x".repeat(2_000_000)});
    let answer = gateway.text.post("/v1/responses", &body).await.unwrap();
    assert_eq!((answer.status, &answer.json()["store"]), (200, &json!(false)));
    assert!(answer.header("x-de-warnings").starts_with("store: "), "{:?}", answer.headers);
    let answer = ask(&gateway, json!({"input": large, "store": true})).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(answer.json()["error"]["param"], "store");
    // Where nothing is kept at all, its size is no reason.
    let gateway = Gateway::new().await;
    gateway.model("kept", "openai-chat", json!({})).await;
    let answer = ask(&gateway, json!({"input": large})).await;
    assert_eq!((answer.status, answer.header("x-de-warnings")), (200, ""));
}

#[tokio::test(start_paused = true)]
async fn a_large_turn_rests_in_parts_and_is_read_whole() {
    let gateway = keeping(false).await;
    // Three bytes a character, which no part may cut.
    let large = "€".repeat(1_200_000);
    let first = good(&gateway, json!({"input": large})).await;
    assert_eq!(first["store"], true);
    let sizes = "SELECT r.size_bytes AS told, length(r.content) + sum(length(p.content)) AS rests, count(*) AS parts
         FROM responses AS r JOIN response_parts AS p ON p.response_id = r.id";
    let row = gateway.test.sql(sizes, &[]).await.remove(0);
    assert_eq!((&row["told"], &row["parts"]), (&row["rests"], &json!(3)));
    // It goes on from it by either name.
    let next = json!({"previous_response_id": first["id"]});
    let second = good(&gateway, next).await;
    let named = json!({"input": [name_of(&first), name_of(&second)], "store": false});
    good(&gateway, named).await;
    let sent = gateway.test.fetch.sent();
    let message = |index: usize| sent[index].json()["messages"][0]["content"].clone();
    assert!(message(1) == large, "the vendor reads it again");
    let path = format!("/v1/responses/{}/input_items", first["id"].as_str().unwrap());
    let items = gateway.text.get(&path).await.unwrap().json();
    assert!(items["data"][0]["content"][0]["text"] == large);
    // What rests for another place opens nowhere else.
    gateway.test.sql("UPDATE response_parts SET place = 9 WHERE place = 1", &[]).await;
    assert_eq!(status(&gateway, first["id"].as_str().unwrap()).await, 500);
    // Its parts go with it.
    let id = first["id"].as_str().unwrap();
    let path = format!("/v1/responses/{id}");
    let deleted = gateway.text.request(http::Method::DELETE, &path).send().await.unwrap();
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    let left = gateway.test.sql("SELECT count(*) AS parts FROM response_parts", &[]).await;
    assert_eq!(left[0]["parts"], 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_conversation_comes_to_is_known_before_it_is_read() {
    let gateway = keeping(false).await;
    let first = good(&gateway, json!({})).await;
    let next = json!({"previous_response_id": first["id"]});
    let second = good(&gateway, next).await;
    // Contents that do not open: whoever reads them fails.
    gateway.test.sql("UPDATE responses SET content = 'v1.a.b', size_bytes = 12000000", &[]).await;
    let next = json!({"previous_response_id": second["id"]});
    let answer = ask(&gateway, next).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("larger than"), "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_is_too_large_to_be_read_again_says_so() {
    let gateway = keeping(false).await;
    let last = good(&gateway, json!({})).await;
    let last = last["id"].as_str().unwrap();
    // Turns of before there was a bound: 30 of a megabyte, each after the one before it.
    gateway
        .test.sql(
            "WITH RECURSIVE turns (number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM turns WHERE number < 29)
             INSERT INTO responses (project_id, id, previous_id, content, created_at, expires_at)
             SELECT r.project_id, 'resp_old_' || turns.number,
               CASE turns.number WHEN 0 THEN NULL ELSE 'resp_old_' || (turns.number - 1) END,
               hex(zeroblob(500000)), r.created_at, r.expires_at
             FROM responses AS r, turns WHERE r.id = ?1",
            &[last],
        )
        .await;
    let answer = ask(&gateway, json!({"previous_response_id": "resp_old_29"})).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    let error = &answer.json()["error"];
    assert_eq!(error["param"], "previous_response_id");
    assert!(error["message"].as_str().unwrap().contains("larger than"), "{error}");
    gateway.test.sql("DELETE FROM responses WHERE id = 'resp_old_27'", &[]).await;
    let answer = ask(&gateway, json!({"previous_response_id": "resp_old_29"})).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("not kept any more"), "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_cut_is_kept_as_that() {
    let gateway = keeping(false).await;
    let call = |index: u32, arguments: &str| json!({"index": index, "id": format!("c{index}"), "type": "function", "function": {"name": "f", "arguments": arguments}});
    let chunk = |delta: Value, finish: Option<&str>| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        json!({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}).to_string()
    };
    for (finish, word, statuses) in [
        ("length", "incomplete", ["completed", "completed", "incomplete"]),
        ("tool_calls", "completed", ["completed", "completed", "completed"]),
    ] {
        let stream = Answer::events()
            .event(&chunk(json!({"role": "assistant", "content": "Two."}), None))
            .event(&chunk(json!({"tool_calls": [call(0, "{}")]}), None))
            .event(&chunk(json!({"tool_calls": [call(1, "{\"a\":")]}), None))
            .event(&chunk(json!({}), Some(finish)))
            .event("[DONE]");
        gateway.test.fetch.answer(stream);
        let body = json!({"model": "kept", "input": "Go", "stream": true});
        let told = gateway.text.post("/v1/responses", &body).await.unwrap().text();
        let last = told
            .split("\n\n")
            .find(|event| event.contains(&format!("event: response.{word}")))
            .unwrap();
        let (_, data) = last.split_once("data: ").unwrap();
        let response = serde_json::from_str::<Value>(data).unwrap()["response"].clone();
        let status = |response: &Value| -> Vec<String> {
            let items = response["output"].as_array().unwrap().iter();
            items.map(|item| item["status"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(status(&response), statuses, "{told}");
        let path = format!("/v1/responses/{}", response["id"].as_str().unwrap());
        let kept = gateway.text.get(&path);
        assert_eq!(status(&kept.await.unwrap().json()), statuses);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_given_though_it_cannot_be_kept() {
    let gateway = keeping(true).await;
    let response = good(&gateway, json!({})).await;
    assert_eq!(response["output"][0]["content"][0]["text"], "Hi.");
    assert_eq!(response["store"], false);
    assert_eq!(status(&gateway, response["id"].as_str().unwrap()).await, 404);
    let log = gateway.test.log.text();
    assert!(log.contains("a turn of a conversation could not be kept"), "{log}");
}

#[tokio::test(start_paused = true)]
async fn a_project_that_begins_or_ceases_to_keep_is_known_at_once() {
    let gateway = keeping(false).await;
    let admin = gateway.config.clone().with_key(gateway.test.tenant.admin_key.expose()).unwrap();
    let id = gateway.test.sql("SELECT min(id) AS id FROM projects", &[]).await.remove(0);
    let path = format!("/v1/projects/{}", id["id"].as_str().unwrap());
    let first = good(&gateway, json!({})).await;
    for keeps in [false, true] {
        let request =
            admin.request(http::Method::PATCH, &path).json(&json!({"retain_content": keeps}));
        let changed = request.send().await.unwrap();
        assert_eq!(changed.status, 200, "{}", changed.text());
        let answer = ask(&gateway, json!({"previous_response_id": first["id"]})).await;
        assert_eq!(answer.status, if keeps { 200 } else { 400 }, "{}", answer.text());
        assert_eq!(good(&gateway, json!({})).await["store"], keeps);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_recalled_counts_in_what_a_call_may_cost() {
    let gateway = keeping(false).await;
    let limits = json!({"rate_limits": {"tpm": 20_000}});
    gateway.model("narrow", "openai-chat", limits).await;
    let long = "word ".repeat(10_000);
    let first = good(&gateway, json!({"input": long})).await;
    let hello = json!({"model": "narrow", "max_output_tokens": 16});
    assert_eq!(ask(&gateway, hello.clone()).await.status, 200);
    let mut again = hello;
    again["previous_response_id"] = first["id"].clone();
    let answer = ask(&gateway, again).await;
    assert_eq!(answer.status, 429, "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn a_conversation_goes_on_without_another_word() {
    let gateway = keeping(false).await;
    let first = good(&gateway, json!({})).await;
    for input in [None, Some(json!([]))] {
        let mut body = json!({"model": "kept", "previous_response_id": first["id"]});
        if let Some(input) = input {
            body["input"] = input;
        }
        gateway.test.fetch.answer(openai("And more."));
        let answer = gateway.text.post("/v1/responses", &body).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let sent = gateway.test.fetch.sent().last().unwrap().json();
        let said: Vec<&Value> = sent["messages"].as_array().unwrap().iter().collect();
        let roles: Vec<&Value> = said.iter().map(|turn| &turn["role"]).collect();
        assert_eq!(roles, ["user", "assistant"], "{sent}");
    }
    // Where nothing was said before there is nothing to go on with.
    let answer = gateway.text.post("/v1/responses", &json!({"model": "kept"})).await.unwrap();
    assert_eq!((answer.status, &answer.json()["error"]["param"]), (400, &json!("input")));
}
