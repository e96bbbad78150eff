//! Who calls, and what a key looks like. What a caller may do is decided by the routes' scopes.
//!
//! `design`: a key names exactly one project or one person; we keep its digest, never the key.

pub mod api_key;
pub mod vault;

use serde::{Deserialize, Serialize};

/// What a key may be used for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// The control plane.
    Admin,
    /// Speech.
    Audio,
    /// Pictures.
    Image,
    /// Reading usage and receipts.
    Read,
    /// Video rendering.
    Render,
    /// Stock media.
    Stock,
    /// Text.
    Text,
}

impl Scope {
    /// As it stands in rows and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Audio => "audio",
            Self::Image => "image",
            Self::Read => "read",
            Self::Render => "render",
            Self::Stock => "stock",
            Self::Text => "text",
        }
    }
}
