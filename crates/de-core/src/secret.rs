//! Text that must not be seen: vendor keys, client keys, sealing keys.

use std::fmt;

/// A secret text. It prints as `***`, cannot be serialised, and is read by [`Secret::expose`] alone.
///
/// ```
/// use de_core::secret::Secret;
/// let key = Secret::new("sk-live-1234".to_owned());
/// assert_eq!(format!("{key} {key:?}"), "*** Secret(***)");
/// assert_eq!(key.expose(), "sk-live-1234");
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(String);

impl Secret {
    /// Takes a text into custody.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself. Every caller of this is a place to review.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The last four characters, for showing which secret it is; fewer than 12 characters show none.
    #[must_use]
    pub fn last_four(&self) -> String {
        let length = self.0.chars().count();
        if length < 12 { String::new() } else { self.0.chars().skip(length - 4).collect() }
    }

    /// Replaces every occurrence of the secret in `text` by `***`.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        if self.0.len() < 8 { text.to_owned() } else { text.replace(self.0.as_str(), "***") }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Whether a word looks like a key, whole or with stars in it: for what others say, and for fields where
/// no key belongs.
#[must_use]
pub fn looks_like_key(word: &str) -> bool {
    const KNOWN: [&str; 7] = ["sk-", "sk_", "xi-", "gsk_", "key-", "de_live_", "de_admin_"];
    let word = word.trim_matches(|c: char| c.is_ascii_punctuation() && c != '*');
    let all = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    let long = word.len() >= 32 && word.bytes().all(all);
    let digits = word.bytes().any(|c| c.is_ascii_digit());
    // What a vendor shows of a key has its ends; what we have masked ourselves has not.
    let ends = |(_, after): (&str, &str)| after.ends_with(|c: char| c.is_ascii_alphanumeric());
    let starred = word.split_once("***").is_some_and(ends);
    starred || KNOWN.iter().any(|prefix| word.starts_with(prefix)) || (long && digits)
}
