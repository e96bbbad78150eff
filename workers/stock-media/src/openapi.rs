//! Stock media, described, at the paths of the front door.

mod import;
mod search;

use de_core::{
    auth::Scope,
    openapi::{
        document::{Document, Tag},
        operation::{Operation, Speaks},
    },
};

/// The operations and where the worker itself has them; the front door has the worker's name in front.
///
/// Each is `METHOD /path` on the worker's own host. Tests hold it against the router.
pub const ROUTES: [(&str, &str); 4] = [
    ("POST /search", "POST /stock-media/search"),
    ("POST /search/photos", "POST /stock-media/search/photos"),
    ("POST /search/videos", "POST /stock-media/search/videos"),
    ("POST /import", "POST /stock-media/import"),
];

const STOCK: Tag = Tag {
    about: "Stock photographs and footage: searched at any vendor in one form, and taken over.",
    name: "stock media",
};

/// Adds the operations of the stock-media worker.
pub fn describe(document: &mut Document) {
    let operations = search::operations().into_iter().chain([import::operation()]);
    document.add(&[STOCK], operations.map(|operation| operation.tag(STOCK.name)).collect());
}

/// What a call to a library brings along.
fn asks(operation: Operation) -> Operation {
    operation.speaks(Speaks::NativeCall).scope(Some(Scope::Stock)).asks_model()
}
