//! `GET|DELETE /v1/responses/{id}` and `GET /v1/responses/{id}/input_items`: what is kept of responses.
//!
//! Only keys of the project that kept one find it.
//!
//! Follows <https://platform.openai.com/docs/api-reference/responses/get>.

use axum::{
    Json,
    extract::{Path, Query},
    response::{IntoResponse, Response},
};
use de_core::{
    auth::Scope,
    caller::{Caller, Tenant},
    conversations::{self, Turn, unknown},
    http::error::ApiError,
    ids::ProjectId,
    ports::Platform,
    protocols::FieldIssue,
};
use serde_json::{Value, json};

/// Items on a page, unless the caller says otherwise, and the most.
const PAGE: usize = 20;
const LARGEST_PAGE: usize = 100;

type Pairs = Vec<(String, String)>;

/// Shows a response as it was given.
pub(crate) async fn get(
    platform: Platform,
    Tenant(caller): Tenant,
    Path(id): Path<String>,
    Query(query): Query<Pairs>,
) -> Result<Response, ApiError> {
    if value(&query, "stream") == Some("true") {
        return Err(wrong("?stream", "a response that is kept is given whole, not as a stream"));
    }
    let turn = turn(&platform, caller, &id).await?;
    Ok(Json(turn.response).into_response())
}

/// Forgets a response.
pub(crate) async fn delete(
    platform: Platform,
    Tenant(caller): Tenant,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let project = project(&platform, caller, &id).await?;
    if !conversations::forget(&platform, &project, &id).await? {
        return Err(unknown(&id));
    }
    Ok(Json(json!({"id": id, "object": "response", "deleted": true})).into_response())
}

/// Lists what was asked in a response, the last item first unless `order=asc` says otherwise.
pub(crate) async fn input_items(
    platform: Platform,
    Tenant(caller): Tenant,
    Path(id): Path<String>,
    Query(query): Query<Pairs>,
) -> Result<Response, ApiError> {
    let limit = match value(&query, "limit") {
        None => PAGE,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=LARGEST_PAGE).contains(limit))
            .ok_or_else(|| wrong("?limit", "expected a whole number from 1 to 100"))?,
    };
    let ascends = match value(&query, "order") {
        None | Some("desc") => false,
        Some("asc") => true,
        Some(_) => return Err(wrong("?order", "expected asc or desc")),
    };
    let mut items = turn(&platform, caller, &id).await?.input;
    if !ascends {
        items.reverse();
    }
    if let Some(after) = value(&query, "after") {
        let at = items.iter().position(|item| id_of(item) == Some(after));
        let at = at.ok_or_else(|| wrong("?after", "this response has no such item"))?;
        items.drain(..=at);
    }
    let has_more = items.len() > limit;
    items.truncate(limit);
    Ok(Json(json!({
        "object": "list",
        "first_id": items.first().and_then(id_of),
        "last_id": items.last().and_then(id_of),
        "has_more": has_more,
        "data": items,
    }))
    .into_response())
}

/// The project of a key that may look for responses; one without a project has none.
async fn project(platform: &Platform, caller: Caller, id: &str) -> Result<ProjectId, ApiError> {
    let caller = caller.current(platform).await?;
    caller.require(Scope::Text)?;
    caller.key().project_id.clone().ok_or_else(|| unknown(id))
}

async fn turn(platform: &Platform, caller: Caller, id: &str) -> Result<Turn, ApiError> {
    let project = project(platform, caller, id).await?;
    conversations::find(platform, &project, id).await?.ok_or_else(|| unknown(id))
}

fn value<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn id_of(item: &Value) -> Option<&str> {
    item.get("id").and_then(Value::as_str)
}

fn wrong(pointer: &str, reason: &str) -> ApiError {
    ApiError::fields(&[FieldIssue { pointer: pointer.to_owned(), reason: reason.to_owned() }])
}
