//! The description of the API: made, committed, and held against what the gateway does.

pub mod catalogue;
pub mod check;
pub mod closed;
mod library;
mod sounds;
pub mod strategy;
pub mod tour;
pub mod world;

use de_core::openapi::{document::Document, health};
use serde_json::Value;

use self::{
    catalogue::Catalogue,
    tour::{tour, with_examples},
};
use crate::workers::BEHIND;

/// What stands at the beginning of it.
const ABOUT: &str = "\
One gateway to the vendors of models: text, pictures, sound and stock media today; more answers 501 until it is built.

Only what is built is described. Conventions, the meaning of error codes and known quirks are in `docs/api.md`.
Operations say which permission (`x-permission`) or scope (`x-scope`) their key needs, or that they need none \
(`x-open`), and with which codes they may fail (`x-error-codes`). Streams are server-sent events; `x-event-schema` \
says what their data is.";

/// Where the document lies.
pub const PATH: &str = "docs/openapi.json";

/// The committed document.
pub const COMMITTED: &str = include_str!("../../../docs/openapi.json");

/// The document as the code describes it, with what the examples are answered.
///
/// # Panics
/// If an example has no answer.
pub async fn described() -> Value {
    let bare = bare();
    let catalogue = Catalogue::of(bare.clone());
    with_examples(bare, &tour(&catalogue).await)
}

/// The document without examples of answers.
#[must_use]
pub fn bare() -> Value {
    let mut document = Document::default();
    for worker in BEHIND {
        (worker.describe)(&mut document);
    }
    de_config::openapi::describe(&mut document);
    // They have health of their own at the front door.
    let mut names: Vec<_> = BEHIND.iter().map(|worker| worker.name).collect();
    names.sort_unstable();
    document.add(&[health::TAG], health::operations(&names));
    document.json(ABOUT)
}

/// The text of the file.
///
/// # Panics
/// If the document is not JSON, which it is.
#[must_use]
pub fn written(document: &Value) -> String {
    let mut text = serde_json::to_string_pretty(document).unwrap();
    text.push('\n');
    text
}
