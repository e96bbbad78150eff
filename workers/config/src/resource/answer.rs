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
    with_tag(Json(row.shown()).into_response(), &tag(row.updated_at()))
}

/// A page of rows.
pub(crate) fn listed<R, T: Serialize>(page: Page<R>, show: impl Fn(&R) -> T) -> Response {
    let data: Vec<T> = page.data.iter().map(show).collect();
    Json(Page { data, next_cursor: page.next_cursor }).into_response()
}

/// A new row: 201 and where it is. Rows that count versions have their tag from the version.
pub(crate) fn created(body: &Value, updated_at: UnixMillis, location: &str) -> Response {
    let edition = body.get("version").and_then(Value::as_u64);
    let organization = body.get("organization_id").and_then(Value::as_str);
    let tag = edition.map_or_else(|| tag(updated_at), |version| edition_tag(version, organization));
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    with_tag(response, &tag)
}

/// The entity tag of a version of a row. An organization's own and the shared one of the same id are
/// different things.
pub(crate) fn edition_tag(version: u64, organization: Option<&str>) -> String {
    organization.map_or_else(|| format!("\"{version}\""), |id| format!("\"{version}-{id}\""))
}

/// The entity tag of a row that was last changed then.
fn tag(updated_at: UnixMillis) -> String {
    format!("\"{}\"", updated_at.0)
}

/// The same answer with the entity tag of a row that was last changed then.
pub(crate) fn tagged(response: Response, updated_at: UnixMillis) -> Response {
    with_tag(response, &tag(updated_at))
}

/// The same answer with an entity tag.
pub(crate) fn with_tag(mut response: Response, tag: &str) -> Response {
    if let Ok(tag) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// Refuses a change of a row that is not one of those that the caller's `If-Match` names.
pub(crate) fn if_match(headers: &HeaderMap, updated_at: UnixMillis) -> Result<(), ApiError> {
    if_match_tag(headers, &tag(updated_at))
}

/// The same for a row with this entity tag.
pub(crate) fn if_match_tag(headers: &HeaderMap, wanted: &str) -> Result<(), ApiError> {
    if !headers.contains_key(header::IF_MATCH) {
        return Ok(());
    }
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
