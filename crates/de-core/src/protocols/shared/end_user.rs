//! The mark of an end user, in the length that OpenAI takes.
//!
//! It serves to tell users apart where one abuses the vendor. Others take longer ones: Claude Code's has about 150
//! characters. What is too long goes as its hash, which is the same each time.
//!
//! Follows <https://platform.openai.com/docs/api-reference/responses/create>: at most 64 characters.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use crate::auth::api_key::hex;

const LONGEST: usize = 64;

/// The mark, or the SHA-256 of one that is too long, in 64 hexadecimal digits.
pub(in crate::protocols) fn bounded(user: &str) -> Cow<'_, str> {
    if user.chars().count() <= LONGEST {
        return Cow::Borrowed(user);
    }
    Cow::Owned(hex(&Sha256::digest(user.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_that_is_too_long_goes_as_its_hash() {
        let fits = "\u{e9}".repeat(64);
        assert_eq!(bounded(&fits), fits);
        let long = format!("{fits}!");
        let hash = bounded(&long);
        assert_eq!((hash.len(), bounded(&long)), (64, hash.clone()));
        assert_ne!(hash, bounded(&fits.replace('\u{e9}', "aa")));
        let known = "a".repeat(65);
        assert_eq!(
            bounded(&known),
            "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0"
        );
    }
}
