//! `GET /v1/openapi.json`: the description of the API, as it is committed.

use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use de_core::{auth::api_key::digest, http::extract::Incoming};
use http::{HeaderValue, StatusCode, header};

/// Written by `cargo xtask types`.
const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

/// Changes when the document does.
static TAG: LazyLock<String> = LazyLock::new(|| {
    let digest = digest(DOCUMENT);
    format!("\"{}\"", digest.get(..16).unwrap_or(&digest))
});

/// Shows it to everyone: what it tells is public.
pub(crate) async fn read(incoming: Incoming) -> Response {
    let named = incoming.headers.get_all(header::IF_NONE_MATCH).iter();
    let mut named = named.filter_map(|value| value.to_str().ok()).flat_map(|all| all.split(','));
    let is_known =
        named.any(|one| ["*", TAG.as_str()].contains(&one.trim().trim_start_matches("W/")));
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
    };
    let headers = response.headers_mut();
    // Short: it changes with each deployment.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    if let Ok(tag) = HeaderValue::from_str(&TAG) {
        headers.insert(header::ETAG, tag);
    }
    response
}
