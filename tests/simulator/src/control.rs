//! The endpoints that are no vendor's: health, faults, and what was received.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::config::Vendor;
use crate::fault_book::Order;
use crate::faults::Script;
use crate::record::Record;
use crate::server::Shared;

/// `?vendor=`, `?path=`, `?prompt=` and `?contains=`: which records are wanted.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// A text that must stand in the record's body or path.
    contains: Option<String>,
    /// A text that must stand in the record's path.
    path: Option<String>,
    /// The whole prompt.
    prompt: Option<String>,
    vendor: Option<String>,
}

impl Wanted {
    fn fits(&self, record: &Record) -> bool {
        let contains = |text: &String| {
            record.path.contains(text.as_str()) || record.body_text.contains(text.as_str())
        };
        self.vendor.as_deref().is_none_or(|vendor| record.vendor == vendor)
            && self.path.as_deref().is_none_or(|path| record.path.contains(path))
            && self.prompt.as_ref().is_none_or(|prompt| record.prompt.as_ref() == Some(prompt))
            && self.contains.as_ref().is_none_or(contains)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    fault: String,
    /// 1 if absent.
    times: Option<u32>,
    /// All vendors if absent.
    vendor: Option<String>,
}

/// `GET /health`.
pub(crate) async fn health() -> Response<Body> {
    json(StatusCode::OK, &json!({ "status": "ok" }))
}

/// `GET /control/faults`: the orders that are still to be met.
pub(crate) async fn faults(State(shared): State<Arc<Shared>>) -> Response<Body> {
    json(StatusCode::OK, &shared.faults.orders())
}

/// `POST /control/faults`: adds an order.
pub(crate) async fn order(State(shared): State<Arc<Shared>>, body: Bytes) -> Response<Body> {
    let ask: Ask = match serde_json::from_slice(&body) {
        Ok(ask) => ask,
        Err(error) => return refused(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let vendor = match ask.vendor.as_deref().map(Vendor::parse).transpose() {
        Ok(vendor) => vendor.map(Vendor::id),
        Err(error) => return refused(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let script = match Script::parse(&ask.fault) {
        Ok(script) => script,
        Err(error) => return refused(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let times = ask.times.unwrap_or(1);
    if times == 0 {
        return refused(StatusCode::BAD_REQUEST, "times must be at least 1");
    }
    let order = Order { fault: ask.fault, script, times, vendor };
    shared.faults.order(order.clone());
    json(StatusCode::CREATED, &order)
}

/// `DELETE /control/faults`: no more faults, and counts of prompts start anew.
pub(crate) async fn calm(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.faults.clear();
    StatusCode::NO_CONTENT
}

/// `GET /control/requests`: records, oldest first.
pub(crate) async fn requests(
    State(shared): State<Arc<Shared>>,
    Query(wanted): Query<Wanted>,
) -> Response<Body> {
    json(StatusCode::OK, &shared.log.all(|record| wanted.fits(record)))
}

/// `GET /control/tally`: how many POST requests fit.
pub(crate) async fn tally(
    State(shared): State<Arc<Shared>>,
    Query(wanted): Query<Wanted>,
) -> Response<Body> {
    json(StatusCode::OK, &shared.log.tally(|record| wanted.fits(record)))
}

/// `DELETE /control/requests`.
pub(crate) async fn forget(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.log.clear();
    StatusCode::NO_CONTENT
}

/// `GET /control/requests/{id}`.
pub(crate) async fn request(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Response<Body> {
    match shared.log.all(|record| record.id.to_string() == id).first() {
        Some(record) => json(StatusCode::OK, record),
        None => not_found("no such request is recorded"),
    }
}

/// A 404 of the simulator itself.
pub(crate) fn not_found(message: &str) -> Response<Body> {
    refused(StatusCode::NOT_FOUND, message)
}

/// The request's body is above what any vendor reads, or broke off.
pub(crate) fn too_large(error: &axum::Error) -> Response<Body> {
    refused(StatusCode::PAYLOAD_TOO_LARGE, &error.to_string())
}

fn refused(status: StatusCode, message: &str) -> Response<Body> {
    json(status, &json!({ "simulator_error": message }))
}

fn json(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    let (status, text) = match serde_json::to_string(body) {
        Ok(text) => (status, text),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
