//! Streams that halt: signs of life, deadlines, and clients that read slowly.

use std::{sync::Arc, time::Duration};

use de_core::ports::Clock;
use de_testkit::fetch::Answer;
use serde_json::{Value, json};

use crate::{doubles::FirstTaskClock, gateway::Gateway};

/// Long enough for a sign of life.
const PAUSE: Duration = Duration::from_secs(2);
const SIGN: &str = ": waiting\n\n";

/// A chunk of OpenAI's stream.
fn chunk(choices: &Value) -> String {
    let chunk = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini",
        "choices": choices, "usage": null,
    });
    format!("data: {chunk}\n\n")
}

/// OpenAI's stream, in pieces that come a pause apart: two silences inside an event, two between.
fn pieces() -> Vec<String> {
    let begin = chunk(&json!([{"index": 0, "delta": {"role": "assistant", "content": "Hé"}}]));
    let (head, tail) = begin.split_at(25);
    let more = chunk(&json!([{"index": 0, "delta": {"content": "llo"}}]));
    let (half, rest) = more.split_at(more.len() - 1);
    let end = chunk(&json!([{"index": 0, "delta": {}, "finish_reason": "stop"}]));
    let texts = [head, tail, half, &format!("{rest}{end}")];
    texts.map(str::to_owned).into()
}

const USAGE: &str = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\
    \"model\":\"gpt-4o-mini\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3,\
    \"total_tokens\":12}}\n\n";

fn haltingly(pieces: &[String]) -> Answer {
    let answer = Answer::ok().header("content-type", "text/event-stream");
    let answer =
        pieces.iter().fold(answer, |answer, piece| answer.chunk(piece.clone()).pause(PAUSE));
    answer.chunk(USAGE).chunk("data: [DONE]\n\n")
}

#[tokio::test(start_paused = true)]
async fn a_filtered_stream_shows_life_between_events_alone() {
    let gateway = Gateway::new().await;
    gateway.test.fetch.answer(haltingly(&pieces()));
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let body = json!({"model": "gpt-4o-mini", "messages": messages, "stream": true});
    let answer = gateway.text.post("/v1/chat/completions", &body).await.unwrap();
    let text = answer.text();
    let [head, tail, half, last] = pieces().try_into().unwrap();
    // All that came but the usage, and signs of life after whole events alone.
    assert_eq!(text.replace(SIGN, ""), format!("{head}{tail}{half}{last}data: [DONE]\n\n"));
    for expected in [format!("{head}{tail}{SIGN}"), format!("{half}{last}{SIGN}")] {
        assert!(text.contains(&expected), "{text}");
    }
    assert_eq!(gateway.receipt(&answer).await["status"], "ok");
}

#[tokio::test(start_paused = true)]
async fn a_translated_stream_shows_life_between_its_own_events() {
    let gateway = Gateway::new().await;
    gateway.test.fetch.answer(haltingly(&pieces()));
    let body = json!({"model_id": "gpt-4o-mini", "prompt": "Hello"});
    let answer = gateway.text.post("/generate/stream", &body).await.unwrap();
    let text = answer.text();
    // Our events are whole when they leave, so each of the four silences is one between events.
    assert!(text.matches(SIGN).count() >= 4, "{text}");
    for block in text.split_terminator("\n\n").filter(|block| *block != ": waiting") {
        let data = block.strip_prefix("data: ").unwrap();
        assert!(serde_json::from_str::<Value>(data).is_ok(), "{block}");
    }
    let told: String = answer
        .events()
        .iter()
        .map(|event| event.json()["text"].as_str().unwrap_or("").to_owned())
        .collect();
    assert_eq!(told, "Héllo");
    assert_eq!(gateway.receipt(&answer).await["status"], "ok");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_pulled_by_many_tasks_keeps_its_deadlines() {
    let gateway = Gateway::with(|platform| {
        platform.clock = Arc::new(FirstTaskClock(platform.clock.clone()));
    })
    .await;
    let timeouts = json!({"between_chunks_ms": 5_000});
    gateway.model("silent", "openai-chat", json!({"timeouts": timeouts})).await;
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let openai = json!({"model": "silent", "messages": messages, "stream": true});
    let native = json!({"model_id": "silent", "prompt": "Hello"});
    for (path, body) in [("/v1/chat/completions", openai), ("/generate/stream", native)] {
        let pieces = pieces();
        // The second piece comes while the timer runs that was set for the first.
        let answer = Answer::events().chunk(pieces[0].clone()).pause(Duration::from_millis(100));
        gateway.test.fetch.answer(answer.chunk(pieces[1].clone()).hang());
        let began = gateway.test.clock.now();
        let mut stream = gateway.text.stream(path, &body).await.unwrap();
        let mut signs = 0;
        // As the runtime does: a task for each chunk.
        loop {
            let pulled = tokio::spawn(async move { (stream.next_chunk().await, stream) });
            let pulled = tokio::time::timeout(Duration::from_secs(60), pulled).await;
            let (chunk, rest) = pulled.expect("a timer wakes who waits").unwrap();
            stream = rest;
            let Some(chunk) = chunk else { break };
            signs += usize::from(chunk == SIGN);
        }
        let took = gateway.test.clock.now().since(began);
        assert!((5_000..6_000).contains(&took), "{path}: {took} ms");
        assert!(signs > 10, "{path}: {signs}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_makes_no_vendor_late() {
    let gateway = Gateway::new().await;
    let timeouts = json!({"between_chunks_ms": 2_000});
    gateway.model("prompt", "openai-chat", json!({"timeouts": timeouts})).await;
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let plain = json!({"model": "prompt", "messages": messages, "stream": true});
    let mut counted = plain.clone();
    counted["stream_options"] = json!({"include_usage": true});
    let native = json!({"model_id": "prompt", "prompt": "Hello"});
    for (path, body) in [
        ("/v1/chat/completions", plain),
        ("/v1/chat/completions", counted),
        ("/generate/stream", native),
    ] {
        let pause = Duration::from_millis(500);
        let texts = ["He", "ll", "o"].map(|text| {
            chunk(&json!([{"index": 0, "delta": {"content": text}, "finish_reason": null}]))
        });
        let [one, two, three] = texts;
        let answer = Answer::events().chunk(one).pause(pause).chunk(two).pause(pause).chunk(three);
        let end = chunk(&json!([{"index": 0, "delta": {}, "finish_reason": "stop"}]));
        let answer = answer.pause(pause).chunk(end).chunk(USAGE).chunk("data: [DONE]\n\n");
        gateway.test.fetch.answer(answer);
        let mut stream = gateway.text.stream(path, &body).await.unwrap();
        let request_id = stream.header("x-request-id").to_owned();
        while stream.next_chunk().await.is_some() {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        drop(stream);
        gateway.test.background.join_all().await;
        let sql = "SELECT status, error_code FROM usage_logs WHERE request_id = ?1";
        let row = &gateway.test.sql(sql, &[&request_id]).await[0];
        assert_eq!(row["status"], "ok", "{path}: {row}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_relayed_stream_is_the_vendors_alone() {
    let gateway = Gateway::new().await;
    gateway.test.fetch.answer(haltingly(&pieces()));
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let body = json!({
        "model": "gpt-4o-mini", "messages": messages, "stream": true,
        "stream_options": {"include_usage": true},
    });
    let answer = gateway.text.post("/v1/chat/completions", &body).await.unwrap();
    assert_eq!(answer.text(), format!("{}{USAGE}data: [DONE]\n\n", pieces().concat()));
    assert_eq!(gateway.receipt(&answer).await["status"], "ok");
}

/// A stream of OpenAI's responses that thinks for two minutes, and shows each 30 s that it lives.
fn thinking() -> (Vec<String>, Answer) {
    const KEPT_ALIVE: Duration = Duration::from_secs(30);
    let event =
        |data: Value| format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap());
    let mut pieces = vec![event(json!({
        "type": "response.created", "sequence_number": 0,
        "response": {"id": "resp_1", "object": "response", "status": "in_progress", "output": []},
    }))];
    let lives = |n: u32| event(json!({"type": "keepalive", "sequence_number": n}));
    pieces.extend((1..5).map(lives));
    pieces.push(event(json!({
        "type": "response.completed", "sequence_number": 5,
        "response": {
            "id": "resp_1", "object": "response", "status": "completed", "output": [],
            "usage": {"input_tokens": 9, "output_tokens": 3, "total_tokens": 12},
        },
    })));
    let answer = pieces
        .iter()
        .fold(Answer::events(), |answer, piece| answer.chunk(piece.clone()).pause(KEPT_ALIVE));
    (pieces, answer)
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_thinks_in_silence_is_waited_for() {
    let gateway = Gateway::new().await;
    gateway.model("thinks", "openai-responses", json!({})).await;
    let native = json!({"model_id": "thinks", "prompt": "Hello"});
    let relayed = json!({"model": "thinks", "input": "Hello", "stream": true});
    for (path, body) in [("/v1/responses", relayed), ("/generate/stream", native)] {
        let (pieces, answer) = thinking();
        gateway.test.fetch.answer(answer);
        let answer = gateway.text.post(path, &body).await.unwrap();
        if path == "/v1/responses" {
            assert_eq!(answer.text(), pieces.concat());
        }
        let receipt = gateway.receipt(&answer).await;
        assert_eq!((&receipt["status"], &receipt["output_tokens"]), (&json!("ok"), &json!(3)));
        // One that says nothing at all is left after a minute.
        let silent = Answer::events().chunk(pieces[0].clone()).hang();
        gateway.test.fetch.answer(silent);
        let began = gateway.test.clock.now();
        let answer = gateway.text.post(path, &body).await.unwrap();
        let took = gateway.test.clock.now().since(began);
        assert!((60_000..61_000).contains(&took), "{path}: {took} ms");
        let receipt = gateway.receipt(&answer).await;
        let said = (&receipt["status"], &receipt["error_code"]);
        assert_eq!(said, (&json!("cut"), &json!("PROVIDER_TIMEOUT")), "{path}");
    }
}
