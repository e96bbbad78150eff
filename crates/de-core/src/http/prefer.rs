//! `Prefer: respond-async`: the caller does not wait for what it has bought.
//!
//! Follows <https://www.rfc-editor.org/rfc/rfc7240>.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::json;

use super::context::Context;
use crate::{jobs::View, ports::Platform};

const RESPOND_ASYNC: &str = "respond-async";

/// Whether the caller would rather not wait; other preferences may stand beside that one.
#[must_use]
pub fn respond_async(headers: &HeaderMap) -> bool {
    let all = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut words = all.flat_map(|value| value.split(','));
    words.any(|word| {
        let word = word.split(';').next().unwrap_or_default();
        word.trim().eq_ignore_ascii_case(RESPOND_ASYNC)
    })
}

/// 202 with `{success, job_id, status, status_url, request_id, timestamp}`; `Location` says where to look for
/// the job.
#[must_use]
pub fn accepted(platform: &Platform, context: &Context, view: &View) -> Response {
    let base = platform.settings.public_base.as_deref().unwrap_or_default();
    let place = format!("{base}/v1/jobs/{}", view.id);
    let body = json!({
        "success": true,
        "job_id": view.id.as_str(),
        "status": view.status,
        "status_url": place,
        "request_id": context.request_id().as_str(),
        "timestamp": platform.clock.now().rfc3339(),
    });
    let mut response = (StatusCode::ACCEPTED, Json(body)).into_response();
    let headers = response.headers_mut();
    if let Ok(place) = HeaderValue::try_from(place) {
        headers.insert(header::LOCATION, place);
    }
    let applied = HeaderName::from_static("preference-applied");
    headers.insert(applied, HeaderValue::from_static(RESPOND_ASYNC));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preference_is_found_among_others() {
        for (values, found) in [
            (vec![], false),
            (vec!["respond-async"], true),
            (vec!["wait=10, Respond-Async"], true),
            (vec!["handling=lenient", "respond-async; x=1"], true),
            (vec!["wait=respond-async", "return=minimal"], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in &values {
                headers.append("prefer", HeaderValue::from_static(value));
            }
            assert_eq!(respond_async(&headers), found, "{values:?}");
        }
    }
}
