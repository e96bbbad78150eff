//! Films, jobs, and what stays of paid work, described, at the paths of the front door.

mod assets;
mod jobs;
mod renders;

use de_core::openapi::document::{Document, Tag};

/// The operations and where the worker itself has them; the front door has a name in front of some.
///
/// Each is `METHOD /path` on the worker's own host. Tests hold it against the router.
pub const ROUTES: [(&str, &str); 11] = [
    ("POST /render", "POST /render/render"),
    ("GET /render/{id}", "GET /render/render/{id}"),
    ("DELETE /render/{id}", "DELETE /render/render/{id}"),
    ("GET /v1/jobs", "GET /v1/jobs"),
    ("GET /v1/jobs/{id}", "GET /v1/jobs/{id}"),
    ("DELETE /v1/jobs/{id}", "DELETE /v1/jobs/{id}"),
    ("GET /v1/jobs/{id}/events", "GET /v1/jobs/{id}/events"),
    ("GET /assets/{id}", "GET /assets/{id}"),
    ("GET /v1/assets", "GET /v1/assets"),
    ("GET /v1/assets/{id}", "GET /v1/assets/{id}"),
    ("DELETE /v1/assets/{id}", "DELETE /v1/assets/{id}"),
];

/// The one that wants no key, in the same way: its path is the key.
pub const OPEN: (&str, &str) =
    ("POST /render/callbacks/{token}", "POST /render/render/callbacks/{token}");

const ASSETS: Tag = Tag {
    about: "Images, sounds and videos that were made or taken over, each with who made it at what cost.",
    name: "assets",
};

const JOBS: Tag = Tag {
    about: "Work of every modality that goes on without its caller, and what came of it.",
    name: "jobs",
};
const RENDERS: Tag = Tag { about: "Films put together from a timeline.", name: "render" };

/// Adds the operations of the render worker.
pub fn describe(document: &mut Document) {
    let parts = [
        (RENDERS, renders::operations()),
        (JOBS, jobs::operations()),
        (ASSETS, assets::operations()),
    ];
    for (tag, operations) in parts {
        let tagged = operations.into_iter().map(|operation| operation.tag(tag.name));
        document.add(&[tag], tagged.collect());
    }
}
