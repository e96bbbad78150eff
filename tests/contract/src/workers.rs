//! The workers behind the front door, by their crates.

use axum::Router;
use de_core::{openapi::document::Document, ports::Platform};
use de_testkit::{peers::RouterPeers, platform::TestPlatform};

/// A worker that callers reach behind the front door.
pub struct Behind {
    /// Adds its operations to the description.
    pub describe: fn(&mut Document),
    /// Its name.
    pub name: &'static str,
    /// Everything that it answers.
    pub router: fn(Platform) -> Router,
    /// `METHOD /path` of each route that wants a key: on the worker's own host, and at the front door.
    pub routes: &'static [(&'static str, &'static str)],
}

/// All of them, in the order in which they are described.
pub const BEHIND: &[Behind] = &[
    Behind {
        describe: de_text::openapi::describe,
        name: "text",
        router: de_text::router,
        routes: &de_text::openapi::ROUTES,
    },
    Behind {
        describe: de_image::openapi::describe,
        name: "image",
        router: de_image::router,
        routes: &de_image::openapi::ROUTES,
    },
    Behind {
        describe: de_audio::openapi::describe,
        name: "audio",
        router: de_audio::router,
        routes: &de_audio::openapi::ROUTES,
    },
    Behind {
        describe: de_render::openapi::describe,
        name: "render",
        router: de_render::router,
        routes: &de_render::openapi::ROUTES,
    },
    Behind {
        describe: de_stock_media::openapi::describe,
        name: "stock-media",
        router: de_stock_media::router,
        routes: &de_stock_media::openapi::ROUTES,
    },
    // mark: workers. `cargo xtask new-worker` writes above this line.
];

/// Binds all of them, each as an isolate of its own.
pub fn bind(peers: &RouterPeers, made: &TestPlatform) {
    for worker in BEHIND {
        peers.bind(worker.name, (worker.router)(made.another_isolate()));
    }
}
