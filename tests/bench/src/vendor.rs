//! The vendor that both sides call: fast, and always of the same opinion.
//!
//! It checks nothing; the strict one is `tests/simulator`, whose checks would be part of every figure here.
//! The shapes follow <https://platform.openai.com/docs/api-reference/chat-streaming> and
//! <https://docs.anthropic.com/en/api/messages-streaming>.

use std::{convert::Infallible, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{case::Wish, failure::Failure};

/// What the events with text say, in turn: of the same length, and never the same twice in a row, as LiteLLM's proxy
/// takes a vendor that repeats itself a hundred times for a broken one.
pub(crate) const WORDS: [&str; 2] = [" wave", " foam"];
/// The whole answer in one JSON object.
pub(crate) const SENTENCE: &str = "The sea is blue because water takes the red out of the light.";

/// Serves on a port of the loopback interface until the task is dropped with its runtime.
///
/// # Errors
/// `System` if the port is taken.
pub(crate) async fn start(port: u16) -> Result<JoinHandle<()>, Failure> {
    let address = format!("127.0.0.1:{port}");
    let listener = TcpListener::bind(&address)
        .await
        .map_err(Failure::system("listen as the vendor on", &address))?;
    let router = Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/v1/messages", post(messages));
    Ok(tokio::spawn(async move {
        use axum::serve::ListenerExt;
        let listener = listener.tap_io(|stream| {
            // Without it small events would wait for the peer's acknowledgements. If it cannot be set,
            // both sides are slower alike.
            drop(stream.set_nodelay(true));
        });
        if let Err(error) = axum::serve(listener, router).await {
            eprintln!("the vendor ended: {error}");
        }
    }))
}

async fn chat(Json(body): Json<Value>) -> Response {
    let Some(wish) = Wish::of_request(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    if body.get("stream") != Some(&Value::Bool(true)) {
        // A whole answer has nothing to rest between: the rest comes before it.
        if wish.gap_ms > 0 {
            tokio::time::sleep(Duration::from_millis(wish.gap_ms)).await;
        }
        return Json(completion()).into_response();
    }
    let wants_usage = body.pointer("/stream_options/include_usage") == Some(&Value::Bool(true));
    let mut events = vec![chunk(&json!({"role": "assistant", "content": ""}), None)];
    events.extend(in_turn(wish.chunks, |word| chunk(&json!({"content": word}), None)));
    events.push(chunk(&json!({}), Some("stop")));
    if wants_usage {
        let members = [("choices", json!([])), ("usage", usage(wish.chunks))];
        events.push(format!("data: {}\n\n", chat_object("chat.completion.chunk", members)).into());
    }
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    streamed(events, wish.gap_ms)
}

fn completion() -> Value {
    let choice = json!({
        "index": 0,
        "message": {"role": "assistant", "content": SENTENCE, "refusal": null, "annotations": []},
        "logprobs": null,
        "finish_reason": "stop",
    });
    chat_object("chat.completion", [("choices", json!([choice])), ("usage", usage(15))])
}

fn chunk(delta: &Value, finish_reason: Option<&str>) -> Bytes {
    let choice = json!({
        "index": 0,
        "delta": delta,
        "logprobs": null,
        "finish_reason": finish_reason,
    });
    let members = [("choices", json!([choice])), ("obfuscation", json!("b5WqT0cX2kf"))];
    format!("data: {}\n\n", chat_object("chat.completion.chunk", members)).into()
}

fn chat_object<const N: usize>(object: &str, members: [(&str, Value); N]) -> Value {
    let mut all = serde_json::Map::from_iter([
        ("id".to_owned(), json!("chatcmpl-CkT2l9sUu1mW1q0bXhYzJvP3aQx7d")),
        ("object".to_owned(), json!(object)),
        ("created".to_owned(), json!(1_790_000_000)),
        ("model".to_owned(), json!("bench-2026-11-01")),
        ("service_tier".to_owned(), json!("default")),
        ("system_fingerprint".to_owned(), json!("fp_0123456789")),
    ]);
    all.extend(members.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(all)
}

fn usage(words: u32) -> Value {
    json!({
        "prompt_tokens": 32,
        "completion_tokens": words,
        "total_tokens": words + 32,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    })
}

async fn messages(Json(body): Json<Value>) -> Response {
    let Some(wish) = Wish::of_request(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let message = json!({
        "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
        "type": "message",
        "role": "assistant",
        "model": "bench-claude-20261101",
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
        "usage": {
            "input_tokens": 32,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 1,
        },
    });
    let text = json!({"type": "text", "text": ""});
    let mut events = vec![
        event("message_start", &json!({"message": message})),
        event("content_block_start", &json!({"index": 0, "content_block": text})),
        event("ping", &json!({})),
    ];
    events.extend(in_turn(wish.chunks, |word| {
        let delta = json!({"type": "text_delta", "text": word});
        event("content_block_delta", &json!({"index": 0, "delta": delta}))
    }));
    let stop = json!({"stop_reason": "end_turn", "stop_sequence": null});
    let usage = json!({"output_tokens": wish.chunks});
    events.extend([
        event("content_block_stop", &json!({"index": 0})),
        event("message_delta", &json!({"delta": stop, "usage": usage})),
        event("message_stop", &json!({})),
    ]);
    streamed(events, wish.gap_ms)
}

/// As many events as there are to be, each written once.
fn in_turn(count: u32, event: impl Fn(&str) -> Bytes) -> impl Iterator<Item = Bytes> {
    let events = WORDS.map(event);
    events.into_iter().cycle().take(usize::try_from(count).unwrap_or(0))
}

/// An event whose name stands in its data, too.
fn event(name: &str, members: &Value) -> Bytes {
    let mut data = serde_json::Map::new();
    data.insert("type".to_owned(), name.into());
    data.extend(members.as_object().cloned().unwrap_or_default());
    format!("event: {name}\ndata: {}\n\n", Value::Object(data)).into()
}

/// Sends each event in a write of its own.
fn streamed(events: Vec<Bytes>, gap_ms: u64) -> Response {
    let events = events.into_iter().enumerate();
    let body = stream::unfold(events, move |mut events| async move {
        let (index, event) = events.next()?;
        if index > 0 && gap_ms > 0 {
            tokio::time::sleep(Duration::from_millis(gap_ms)).await;
        } else {
            // A body that is not ready for a moment makes the server flush what it has.
            tokio::task::yield_now().await;
        }
        Some((Ok::<_, Infallible>(event), events))
    });
    ([(header::CONTENT_TYPE, "text/event-stream; charset=utf-8")], Body::from_stream(body))
        .into_response()
}
