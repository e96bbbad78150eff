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
    const KNOWN: [&str; 9] =
        ["de_admin_", "de_live_", "de_test_", "gsk_", "key-", "sk-", "sk_", "whsec_", "xi-"];
    let word = word.trim_matches(|c: char| c.is_ascii_punctuation() && c != '*');
    let all = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    let long = word.len() >= 32 && word.bytes().all(all);
    let digits = word.bytes().any(|c| c.is_ascii_digit());
    // Half hidden: `abcd***0001`. What is hidden whole, `key=***`, stays as it stands.
    let shows = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let starred = word.split_once("***").is_some_and(|(before, after)| {
        before.ends_with(shows) || after.trim_start_matches('*').starts_with(shows)
    });
    starred || KNOWN.iter().any(|prefix| word.starts_with(prefix)) || (long && digits)
}

#[cfg(test)]
mod tests {
    use super::looks_like_key;

    #[test]
    fn s14_a_key_is_known_whole_and_half_hidden() {
        for key in [
            "sk-abc",
            "\"sk-abc\".",
            "abcd****0001",
            "abcd***",
            "***0001",
            "de_live_0DGcLGWMl53uz9DKRkqEUw",
            "0123456789abcdef0123456789abcdef",
        ] {
            assert!(looks_like_key(key), "{key}");
        }
        for word in ["", "***", "key=***,", "\"***\"", "**bold**", "task-queue", "2026-01-01"] {
            assert!(!looks_like_key(word), "{word}");
        }
    }
}
