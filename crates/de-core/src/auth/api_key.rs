//! The form of our keys: `de_live_` + 22 characters of id + 43 of secret + 6 of checksum, base62.
//!
//! The checksum lets a typo be refused without a look-up. It is no protection: the secret is.

use sha2::{Digest, Sha256};

use crate::{ids::ApiKeyId, ports::Entropy, ports::random, secret::Secret};

pub(super) const ALPHABET: &[u8; 62] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID: usize = 22;
pub(super) const SECRET: usize = 43;
const CHECKSUM: usize = 6;

/// What a key is for; it stands in its prefix.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyKind {
    /// A person: scripts of an operator.
    Admin,
    /// A project, in production.
    Live,
    /// A project; refused where the instance is marked production.
    Test,
}

impl KeyKind {
    /// The prefix with its underscores.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Admin => "de_admin_",
            Self::Live => "de_live_",
            Self::Test => "de_test_",
        }
    }
}

/// A key whose form and checksum hold. Whether it exists is another question.
#[derive(Debug)]
pub struct ApiKey {
    /// SHA-256 of the whole key, in hex: what rows hold.
    pub digest: String,
    /// Which key it claims to be.
    pub id: ApiKeyId,
    /// What it is for.
    pub kind: KeyKind,
}

/// A new key. The text is shown once and then forgotten.
#[derive(Debug)]
pub struct NewApiKey {
    /// Its id and digest.
    pub key: ApiKey,
    /// The whole text.
    pub secret: Secret,
}

/// The text is not a key of ours: wrong prefix, length, alphabet or checksum.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a key of this service")]
pub struct NotAKey;

impl ApiKey {
    /// Reads a key and checks its checksum.
    ///
    /// # Errors
    /// [`NotAKey`]; it says nothing about which part is wrong.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let kinds = [KeyKind::Admin, KeyKind::Live, KeyKind::Test];
        let kind = kinds.into_iter().find(|kind| text.starts_with(kind.prefix())).ok_or(NotAKey)?;
        let body = text.strip_prefix(kind.prefix()).ok_or(NotAKey)?;
        if body.len() != ID + SECRET + CHECKSUM || !body.bytes().all(|c| ALPHABET.contains(&c)) {
            return Err(NotAKey);
        }
        let (named, sum) = text.split_at(text.len() - CHECKSUM);
        if checksum(named) != sum {
            return Err(NotAKey);
        }
        let id = body.get(..ID).ok_or(NotAKey)?;
        let id = ApiKeyId::parse(&format!("{}{id}", ApiKeyId::PREFIX)).map_err(|_| NotAKey)?;
        Ok(Self { digest: digest(text), id, kind })
    }

    /// Makes a key from 48 random bytes.
    #[must_use]
    pub fn make(kind: KeyKind, entropy: &dyn Entropy) -> NewApiKey {
        let id = base62(&random::<16>(entropy), ID);
        let named = format!("{}{id}{}", kind.prefix(), base62(&random::<32>(entropy), SECRET));
        let text = format!("{named}{}", checksum(&named));
        let id = ApiKeyId::parse(&format!("{}{id}", ApiKeyId::PREFIX));
        // Base62 digits are what an id may hold, so parsing cannot fail; a fresh id is as good.
        let id = id.unwrap_or_else(|_| ApiKeyId::make(crate::time::UnixMillis(0), random(entropy)));
        NewApiKey { key: ApiKey { digest: digest(&text), id, kind }, secret: Secret::new(text) }
    }
}

/// SHA-256 of a text, in hex: what stands in rows instead of a secret.
#[must_use]
pub fn digest(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// Bytes in lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

/// The first 32 bits of SHA-256 over prefix, id and secret.
fn checksum(named: &str) -> String {
    let sum = Sha256::digest(named.as_bytes());
    base62(sum.get(..4).unwrap_or_default(), CHECKSUM)
}

/// A big-endian number in base 62, padded with `0` to `length`: 16 bytes fit 22 digits, 32 fit 43.
pub(super) fn base62(bytes: &[u8], length: usize) -> String {
    let mut number = bytes.to_vec();
    let mut digits = Vec::with_capacity(length);
    for _ in 0..length {
        let mut rest = 0_u32;
        for byte in &mut number {
            let value = (rest << 8) | u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            rest = value % 62;
        }
        digits.push(ALPHABET.get(rest as usize).copied().unwrap_or(b'0'));
    }
    digits.iter().rev().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for byte in bytes {
                *byte = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
    }

    fn key() -> NewApiKey {
        ApiKey::make(KeyKind::Live, &Counting(7.into()))
    }

    /// Clients hold these keys and rows hold these digests: a change locks everyone out.
    #[test]
    fn the_form_of_a_key_is_stable() {
        let made = key();
        let text = made.secret.expose();
        assert_eq!(text.len(), "de_live_".len() + 71);
        assert_eq!(
            text,
            "de_live_0DGcLGWMl53uz9DKRkqEUw5TX0pX49PLXbqGYg1G9xVnHASs6s4EZkPyD6HQY2hZ01j2LPp"
        );
        assert_eq!(
            made.key.digest,
            "bd781808d9a475f6d66d61a78a9212e82c466a342ae7b992038dae6c3dd66a90"
        );
    }

    #[test]
    fn a_made_key_is_read_back() {
        let made = key();
        let read = ApiKey::parse(made.secret.expose()).unwrap();
        assert_eq!((read.id, read.digest), (made.key.id, made.key.digest));
    }

    #[test]
    fn s07_a_typo_is_refused_without_a_look_up() {
        let text = key().secret.expose().to_owned();
        for at in "de_live_".len()..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'a' { b'b' } else { b'a' };
            assert!(ApiKey::parse(&String::from_utf8(bytes).unwrap()).is_err(), "at {at}");
        }
        // Of the right length and with the right sum, in letters that no key has.
        let named = format!("de_live_{}", "-".repeat(ID + SECRET));
        let signs = format!("{named}{}", checksum(&named));
        for bad in ["", "de_live_", "sk-1", &text[1..], &format!("{text}0"), "de_live_é", &signs] {
            assert!(ApiKey::parse(bad).is_err(), "{bad}");
        }
    }
}
