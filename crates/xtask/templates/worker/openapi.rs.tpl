//! {{title}}, described, at the paths of the front door.

use de_core::openapi::document::Document;

/// The operations and where the worker itself has them; the front door has the worker's name in front.
///
/// Each is `METHOD /path` on the worker's own host. Only what is written is described, so there is none yet.
pub const ROUTES: [(&str, &str); 0] = [];

/// Adds the operations of the {{name}} worker: none yet.
pub fn describe(_document: &mut Document) {}
