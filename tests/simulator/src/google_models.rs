//! `GET /v1beta/models`: what a key may use, in pages; costs nothing.
//!
//! Only models that make pictures are listed, since the simulator plays no others of this vendor.
//! Follows <https://ai.google.dev/api/models#method:-models.list>.

use serde_json::{Value, json};

use crate::endpoint::{Incoming, Plan, Reply};
use crate::{google_errors, models};

/// Models of a page, if the caller does not say.
const PAGE: usize = 50;

/// The most models of a page.
const LARGEST_PAGE: usize = 1_000;

/// `GET /v1beta/models?pageSize=&pageToken=`.
pub(crate) fn list(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    google_errors::authenticate(incoming)?;
    let (mut size, mut start) = (PAGE, 0);
    for pair in incoming.query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let number = value.parse::<usize>();
        match (name, number) {
            ("pageSize", Ok(number)) => size = number.clamp(1, LARGEST_PAGE),
            ("pageToken", Ok(number)) => start = number,
            ("pageSize" | "pageToken", Err(_)) => {
                let message = format!("Invalid value at '{name}', \"{value}\"");
                return Err(google_errors::invalid(&message));
            }
            _ => return Err(unknown(name)),
        }
    }
    let all: Vec<Value> = models::listed(incoming.vendor)
        .map(|model| {
            json!({
                "name": format!("models/{}", model.id),
                "version": "001",
                "displayName": model.id,
                "inputTokenLimit": 131_072,
                "outputTokenLimit": 32_768,
                "supportedGenerationMethods": ["generateContent"],
            })
        })
        .collect();
    let end = start.saturating_add(size).min(all.len());
    let page = all.get(start.min(end)..end).unwrap_or_default();
    let mut body = json!({ "models": page });
    if let (true, Some(body)) = (end < all.len(), body.as_object_mut()) {
        body.insert("nextPageToken".to_owned(), Value::from(end.to_string()));
    }
    Ok(Plan::fixed(body))
}

/// The error for a query that the vendor does not know.
pub(crate) fn unknown(name: &str) -> Reply {
    google_errors::invalid(&format!(
        "Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter."
    ))
}
