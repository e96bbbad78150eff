//! A receiver of webhooks: takes what comes, keeps it byte for byte, and fails when its address says so.
//!
//! `POST /hooks/{name}?fail=503&times=2` answers 503 to the first two messages of that name, and 200 then. Without
//! `times` it fails for good; `retry_after=7` and `location=…` go along as headers; `slow_ms=500` waits first.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde::{Deserialize, Serialize};

/// How many messages of all names are kept: the last ones.
const MOST: usize = 20_000;

/// What was received, the oldest first.
#[derive(Default)]
struct Book(Mutex<VecDeque<Message>>);

/// One message.
#[derive(Clone, Debug, Serialize)]
struct Message {
    /// As text, unchanged.
    body: String,
    headers: BTreeMap<String, String>,
    name: String,
    /// What it was answered.
    status: u16,
}

/// What an address asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    /// The status to fail with, 300 to 599.
    fail: Option<u16>,
    location: Option<String>,
    retry_after: Option<u32>,
    slow_ms: Option<u64>,
    /// How many messages of this name fail; all if absent.
    times: Option<usize>,
}

/// `POST /hooks/{name}`, and `GET /control/hooks/{name}`, which lists what that name has got.
pub(crate) fn router() -> Router {
    Router::new()
        .route("/hooks/{name}", post(receive))
        .route("/control/hooks/{name}", get(received))
        .with_state(Arc::new(Book::default()))
}

async fn receive(
    State(book): State<Arc<Book>>,
    Path(name): Path<String>,
    Query(ask): Query<Ask>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    if let Some(slow_ms) = ask.slow_ms {
        tokio::time::sleep(Duration::from_millis(slow_ms)).await;
    }
    let status = book.note(name, &ask, &headers, &body);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    if !status.is_success() {
        let seconds = ask.retry_after.map(|seconds| seconds.to_string());
        put(&mut response, header::RETRY_AFTER, seconds);
        put(&mut response, header::LOCATION, ask.location);
    }
    response
}

fn put(response: &mut Response<Body>, name: HeaderName, value: Option<String>) {
    if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
        response.headers_mut().insert(name, value);
    }
}

async fn received(State(book): State<Arc<Book>>, Path(name): Path<String>) -> Json<Vec<Message>> {
    let book = book.0.lock().unwrap_or_else(PoisonError::into_inner);
    Json(book.iter().filter(|message| message.name == name).cloned().collect())
}

impl Book {
    /// Keeps a message, and says what it is answered.
    fn note(&self, name: String, ask: &Ask, headers: &HeaderMap, body: &Bytes) -> StatusCode {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = book.iter().filter(|message| message.name == name).count();
        let fails = ask.times.is_none_or(|times| before < times);
        let status =
            ask.fail.filter(|_| fails).and_then(|status| StatusCode::from_u16(status).ok());
        let status = status.unwrap_or(StatusCode::OK);
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        book.push_back(Message {
            body: String::from_utf8_lossy(body).into_owned(),
            headers: headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
            name,
            status: status.as_u16(),
        });
        if book.len() > MOST {
            book.pop_front();
        }
        status
    }
}
