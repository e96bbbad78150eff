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

use crate::model::words;

words!(/// What a key may be used for: a word for each kind of call, to look, and for the control plane.
    Scope {
    // mark: scopes. `cargo xtask new-worker` writes below this line, in the order of the alphabet.
    /// The control plane.
    Admin = "admin",
    /// Speech.
    Audio = "audio",
    /// Pictures.
    Image = "image",
    /// Reading usage and receipts.
    Read = "read",
    /// Video rendering.
    Render = "render",
    /// Stock media.
    Stock = "stock",
    /// Text.
    Text = "text",
    // mark: end of scopes
});
