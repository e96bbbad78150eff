//! The list of targets, in order of name; each is one file.

mod json;
mod jsonpath;
mod jwt;
mod key;
mod mapping;
mod multipart;
mod sse;
mod webhooks;

use std::str;

/// Something that reads what strangers send.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// As `cargo xtask fuzz` and the folder of its corpus call it.
    pub name: &'static str,
    /// Reads the bytes. Panics if something that is promised does not hold.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: [Target; 8] = [
    Target { name: "json", run: json::run },
    Target { name: "jsonpath", run: jsonpath::run },
    Target { name: "jwt", run: jwt::run },
    Target { name: "key", run: key::run },
    Target { name: "mapping", run: mapping::run },
    Target { name: "multipart", run: multipart::run },
    Target { name: "sse", run: sse::run },
    Target { name: "webhooks", run: webhooks::run },
];

/// Finds a target by its name.
#[must_use]
pub fn named(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}

/// Takes `N` texts out of one input: each ends at a line end, the last one takes the rest. `None` if it is no text.
fn texts<const N: usize>(input: &[u8]) -> Option<[&str; N]> {
    let mut lines = str::from_utf8(input).ok()?.splitn(N, '\n');
    Some([(); N].map(|()| lines.next().unwrap_or_default()))
}

/// Cuts an input into pieces, as a network might: its first byte says how long they are.
fn pieces(input: &[u8]) -> Option<(&[u8], impl Iterator<Item = &[u8]>)> {
    let (size, whole) = input.split_first()?;
    Some((whole, whole.chunks(usize::from(*size).max(1))))
}
