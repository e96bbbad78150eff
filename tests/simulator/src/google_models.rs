//! `GET /v1beta/models`: what a key may use, in pages, which costs nothing; and the way from a model's
//! method to what plays it.
//!
//! Only models that the simulator plays are listed.
//! Follows <https://ai.google.dev/api/models#method:-models.list>.

use serde_json::{Value, json};

use crate::endpoint::{Incoming, Plan, Reply};
use crate::models::{self, ModelKind};
use crate::{google_errors, google_images, google_text};

/// Models of a page, if the caller does not say.
const PAGE: usize = 50;

/// What a model that says text can do.
const METHODS: &[&str] = &["generateContent", "streamGenerateContent", "countTokens"];

/// What a model that makes vectors can do.
const VECTORS: &[&str] = &["batchEmbedContents"];

/// What the others can do.
const ONE_METHOD: &[&str] = &["generateContent"];

/// The most models of a page.
const LARGEST_PAGE: usize = 1_000;

/// `POST /v1beta/models/{model}:{method}`.
pub(crate) fn call(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    google_errors::authenticate(incoming)?;
    let name = incoming.path.rsplit('/').next().unwrap_or_default();
    let (id, method) = name.split_once(':').unwrap_or((name, ""));
    match models::find(incoming.vendor, ModelKind::Text, id) {
        Some(model) if model.traits.retired && !incoming.config.accept_retired => {
            Err(google_errors::no_such_model(id, method))
        }
        Some(model) => google_text::call(incoming, model, method),
        None => google_images::generate(incoming),
    }
}

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
            let (input, output, methods) = match model.kind {
                ModelKind::Text => (1_048_576, model.max_output, METHODS),
                ModelKind::Embedding => (8_192, 1, VECTORS),
                ModelKind::Image | ModelKind::Speech | ModelKind::Transcription => {
                    (131_072, 32_768, ONE_METHOD)
                }
            };
            json!({
                "name": format!("models/{}", model.id),
                "version": "001",
                "displayName": model.id,
                "inputTokenLimit": input,
                "outputTokenLimit": output,
                "supportedGenerationMethods": methods,
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
