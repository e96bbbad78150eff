//! How much memory a large body takes on its way to a vendor: as often as it stands there at once, with the body itself.
//!
//! An isolate has 128 MB for all that it does, and JavaScript holds the body once more while it is sent.

#![allow(
    clippy::cast_precision_loss,
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

use axum::body::Body;
use bytes::Bytes;
use de_testkit::fetch::Answer;
use futures_util::stream;
use http::{Request, header};
use peak_alloc::PeakAlloc;
use serde_json::{Value, json};
use tower_service::Service;

use crate::gateway::{Gateway, anthropic, openai};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const SIZE: usize = 4 * 1024 * 1024;

/// As an edge hands it over whose length it knows, and as it comes piece by piece.
#[derive(Clone, Copy, Debug)]
enum Comes {
    Pieces,
    Whole,
}

/// Sends it, and says how often it stood in memory at once.
async fn times(gateway: &Gateway, path: &str, body: &Value, comes: Comes) -> f64 {
    // As long as it is, and no longer.
    let text = Bytes::from(body.to_string().into_boxed_str().into_boxed_bytes());
    let size = text.len();
    let mut request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONTENT_LENGTH, size)
        .header(
            header::AUTHORIZATION,
            format!("Bearer {}", gateway.test.tenant.client_key.expose()),
        );
    if path == "/v1/messages" {
        request = request.header("anthropic-version", "2023-06-01");
    }
    let mut router = de_text::router(gateway.test.another_isolate());
    // What is read for the first time is not this body's.
    let sent = gateway.sent();
    let before = MEMORY.current_usage() - size;
    let pieces = text.len().div_ceil(64 * 1024);
    let body = match comes {
        Comes::Whole => Body::from(text),
        Comes::Pieces => {
            // The whole is the test's, and gone once its last piece is read.
            let piece = move |n: usize| {
                let end = text.len().min((n + 1) * 64 * 1024);
                Ok::<_, std::io::Error>(Bytes::copy_from_slice(&text[n * 64 * 1024..end]))
            };
            Body::from_stream(stream::iter((0..pieces).map(piece)))
        }
    };
    MEMORY.reset_peak_usage();
    let answer = router.call(request.body(body).unwrap()).await.unwrap();
    let peak = MEMORY.peak_usage() - before;
    assert_eq!(answer.status(), 200, "{path}");
    assert_eq!(gateway.sent(), sent + 1);
    peak as f64 / size as f64
}

fn chat(model: &str, picture: &str) -> Value {
    let url = format!("data:image/png;base64,{picture}");
    let content = json!([{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]);
    json!({"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": content}]})
}

fn messages(model: &str, picture: &str) -> Value {
    let source = json!({"type": "base64", "media_type": "image/png", "data": picture});
    let content =
        json!([{"type": "text", "text": "What is this?"}, {"type": "image", "source": source}]);
    json!({"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": content}]})
}

/// A tool whose arguments are described deep inside, where each level is one of several that hold at once.
fn tools(model: &str, text: &str) -> Value {
    let deepest = json!({"type": "string", "description": text});
    let listed =
        (0..40).fold(deepest, |inner, _| json!({"allOf": [], "type": "array", "items": inner}));
    let parameters = json!({"allOf": [{"type": "object", "properties": {"a": listed}}]});
    let tools =
        json!([{"type": "function", "function": {"name": "draw", "parameters": parameters}}]);
    json!({"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": "Draw"}], "tools": tools})
}

fn responses(model: &str, picture: &str) -> Value {
    let url = format!("data:image/png;base64,{picture}");
    let content = json!([{"type": "input_text", "text": "What is this?"}, {"type": "input_image", "image_url": url}]);
    json!({"model": model, "max_output_tokens": 100, "store": false, "input": [{"role": "user", "content": content}]})
}

#[tokio::test(start_paused = true)]
async fn a_large_body_stands_in_memory_a_few_times_at_most() {
    let gateway = Gateway::new().await;
    let can = json!({"text": true, "streaming": true, "tools": true, "vision": true});
    gateway.model("gpt", "openai-chat", json!({"capabilities": can})).await;
    gateway.model("claude", "anthropic-messages", json!({"capabilities": can})).await;
    gateway.model("gemini", "gemini", json!({"capabilities": can, "provider_id": "google"})).await;
    let gemini = json!({"candidates": [{"content": {"parts": [{"text": "A dot."}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 3}});
    let picture = "iVBORw0KGgo=".replace('=', "A").repeat(SIZE / 12);
    type Make = fn(&str, &str) -> Value;
    let rows: [(&str, Make, &str, f64); 7] = [
        ("/v1/chat/completions", chat, "gpt", RELAYED),
        ("/v1/messages", messages, "claude", RELAYED),
        ("/v1/chat/completions", chat, "claude", TRANSLATED),
        ("/v1/messages", messages, "gpt", TRANSLATED),
        ("/v1/chat/completions", tools, "gemini", SCHEMAS),
        ("/v1/responses", responses, "gpt", KEPT),
        ("/v1/responses", responses, "claude", KEPT),
    ];
    let mut told = Vec::new();
    let mut is_more = false;
    for (path, make, model, most) in rows {
        for comes in [Comes::Whole, Comes::Pieces] {
            let answer = || match model {
                "gemini" => Answer::json(200, &gemini),
                "gpt" => openai("A dot."),
                _ => anthropic(&json!({"input_tokens": 9, "output_tokens": 3})),
            };
            // The first call reads key and model.
            for body in [make(model, "iVBORw0KGgoA"), make(model, &picture)] {
                gateway.test.fetch.answer(answer());
                let times = times(&gateway, path, &body, comes).await;
                if body.to_string().len() > SIZE {
                    is_more |= times > most;
                    told.push(format!("{path} {model} {comes:?}: {times:.2} (at most {most})"));
                }
            }
        }
    }
    assert!(!is_more, "{told:#?}");
    println!("{told:#?}");
}

/// The text, what was read of it, and the text that is sent; before that, the call in its place.
const RELAYED: f64 = 3.2;
/// The call, what is written of it, and the text that is sent; before, the text that came and what was read of it.
const TRANSLATED: f64 = 3.2;
/// As often as that, and not once for each level of a schema: what was read of it is copied on its way.
const SCHEMAS: f64 = 7.2;
/// The text, what was read of it, the call, and what may have to be kept of it as a turn.
const KEPT: f64 = 4.2;
