//! What has befallen others, each as a test of its name: a gateway like this one is attacked in ways that are known.
//!
//! Where another suite proves the same already, it is not done twice: `.github/SECURITY.md` names for each attack the
//! test that keeps it off.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

mod addresses;
mod alike;
mod escapes;
mod fresh;
mod injection;
mod markup;
mod prices;
mod scopes;
mod strangers;

/// Everything but letters, digits and dashes as `%XX`.
fn escaped(text: &str) -> String {
    let safe = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
    text.bytes()
        .map(|byte| if safe(&byte) { char::from(byte).into() } else { format!("%{byte:02X}") })
        .collect()
}
