//! What stays of paid work, described, at the paths of the front door.

mod assets;

use de_core::openapi::document::{Document, Tag};

/// The operations and where the worker itself has them; here both are the same.
///
/// Each is `METHOD /path` on the worker's own host. Tests hold it against the router.
pub const ROUTES: [(&str, &str); 4] = [
    ("GET /assets/{id}", "GET /assets/{id}"),
    ("GET /v1/assets", "GET /v1/assets"),
    ("GET /v1/assets/{id}", "GET /v1/assets/{id}"),
    ("DELETE /v1/assets/{id}", "DELETE /v1/assets/{id}"),
];

const ASSETS: Tag = Tag {
    about: "Images, sounds and videos that were made or taken over, each with who made it at what cost.",
    name: "assets",
};

/// Adds the operations of the render worker.
pub fn describe(document: &mut Document) {
    let assets = assets::operations().into_iter();
    document.add(&[ASSETS], assets.map(|operation| operation.tag(ASSETS.name)).collect());
}
