//! Words that must not stay anywhere: planted as keys, prompts and headers, and searched for afterwards.

use crate::wait::unique;

/// A new one. `cargo xtask test` searches all that a stack has written for the beginning of it.
#[must_use]
pub fn canary(what: &str) -> String {
    format!("canary-{}", unique(what))
}
