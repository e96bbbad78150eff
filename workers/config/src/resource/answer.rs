//! How rows are answered: with an entity tag, as pages, as new.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    http::error::{ApiError, Code},
    store::pages::Page,
    time::UnixMillis,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;

use super::Resource;

/// A row, with its entity tag.
pub(crate) fn shown<R: Resource>(row: &R) -> Response {
    with_tag(Json(row.shown()).into_response(), row.updated_at())
}

/// A page of rows.
pub(crate) fn listed<R, T: Serialize>(page: Page<R>, show: impl Fn(&R) -> T) -> Response {
    let data: Vec<T> = page.data.iter().map(show).collect();
    Json(Page { data, next_cursor: page.next_cursor }).into_response()
}

/// A new row: 201 and where it is.
pub(crate) fn created(body: &Value, updated_at: UnixMillis, location: &str) -> Response {
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    with_tag(response, updated_at)
}

/// The entity tag of a row that was last changed then.
fn tag(updated_at: UnixMillis) -> String {
    format!("\"{}\"", updated_at.0)
}

fn with_tag(mut response: Response, updated_at: UnixMillis) -> Response {
    if let Ok(tag) = HeaderValue::try_from(tag(updated_at)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// Refuses a change of a row that is not one of those that the caller's `If-Match` names.
pub(crate) fn if_match(headers: &HeaderMap, updated_at: UnixMillis) -> Result<(), ApiError> {
    if !headers.contains_key(header::IF_MATCH) {
        return Ok(());
    }
    let wanted = tag(updated_at);
    let named = headers.get_all(header::IF_MATCH).iter().filter_map(|value| value.to_str().ok());
    let matches = named
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|named| named == "*" || named == wanted);
    if matches { Ok(()) } else { Err(precondition()) }
}

fn precondition() -> ApiError {
    let message = "someone has changed it since; read it again";
    ApiError::new(Code::PreconditionFailed, message)
}

/// What someone is told whose change others came in between of: with `If-Match` they wanted to know.
pub(crate) fn overtaken(headers: &HeaderMap) -> ApiError {
    if headers.contains_key(header::IF_MATCH) {
        return precondition();
    }
    ApiError::new(Code::Conflict, "others change it at the same moment; try again")
}
