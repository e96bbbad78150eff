//! Who calls: what a key, the cookie of a session and a token of Cloudflare Access look like. What a caller
//! may do: [`access`].
//!
//! `design`: a key names exactly one project or one person; we keep its digest, never the key.

pub mod access;
pub mod access_keys;
pub mod access_token;
pub mod api_key;
pub mod attempts;
pub mod origins;
pub mod session;
pub mod signature;
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

    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Admin, Self::Audio, Self::Image, Self::Read, Self::Render, Self::Stock, Self::Text];

    /// Reads the word of a row or a request.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }
}
