//! Keys and cookies: what is accepted has our form, and one letter less or another is none.

use std::{str, sync::Mutex};

use de_core::{
    auth::{
        access_token,
        api_key::{ApiKey, KeyKind, digest},
        session,
    },
    ports::Entropy,
};
use http::{HeaderMap, HeaderValue, header};

/// Letters of a key behind its prefix.
const BODY: usize = 22 + 43 + 6;

/// Gives out what the input says, and then zeros.
struct Given<'a>(Mutex<&'a [u8]>);

impl Entropy for Given<'_> {
    fn fill(&self, bytes: &mut [u8]) {
        let mut left = self.0.lock().expect("one thread");
        for byte in bytes {
            let (first, rest) = left.split_first().unwrap_or((&0, &[]));
            (*byte, *left) = (*first, rest);
        }
    }
}

pub(super) fn run(input: &[u8]) {
    if let Ok(text) = str::from_utf8(input) {
        if let Ok(key) = ApiKey::parse(text) {
            accepted(text, &key);
        }
        if let Some(kept) = session::digest_of(text) {
            assert_eq!((text.len(), kept), (43, digest(text)));
        }
    }
    if let Ok(value) = HeaderValue::from_bytes(input) {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, value);
        for name in ["__Host-de_session", "CF_Authorization"] {
            let found = session::cookie(&headers, name).unwrap_or_default();
            assert!(!found.contains(';'));
        }
        let _ = access_token::presented(&headers);
    }
    // Whatever it is made of, a key is read as what it was made as; with another letter it is none.
    let kinds = [KeyKind::Admin, KeyKind::Live, KeyKind::Test];
    let kind = kinds[input.first().map_or(0, |byte| usize::from(*byte) % 3)];
    let made = ApiKey::make(kind, &Given(Mutex::new(input)));
    let text = made.secret.expose();
    let read = ApiKey::parse(text).expect("it was made here");
    assert_eq!((&read.digest, &read.id, read.kind), (&made.key.digest, &made.key.id, kind));
    accepted(text, &read);
    let at = input.last().map_or(0, |byte| usize::from(*byte)) % text.len();
    let mut changed = text.to_owned().into_bytes();
    changed[at] = if changed[at] == b'a' { b'b' } else { b'a' };
    assert!(ApiKey::parse(str::from_utf8(&changed).expect("it is ASCII")).is_err());
}

fn accepted(text: &str, key: &ApiKey) {
    let body = text.strip_prefix(key.kind.prefix()).expect("its prefix is that of its kind");
    assert!(body.len() == BODY && body.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert!(key.id.as_str().ends_with(&body[..22]));
    assert_eq!(key.digest, digest(text));
    assert!(ApiKey::parse(&text[..text.len() - 1]).is_err());
    assert!(ApiKey::parse(&format!("{text}0")).is_err());
}
