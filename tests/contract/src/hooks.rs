//! A receiver of webhooks, which is the simulator, and what it makes of what it gets.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{stack::Stack, wait::unique};

/// The block of SHA-256, in bytes.
const BLOCK: usize = 64;

/// One receiver, under a name that nobody else uses.
pub struct Receiver<'a> {
    name: String,
    stack: &'a Stack,
}

impl<'a> Receiver<'a> {
    /// A new one.
    #[must_use]
    pub fn of(stack: &'a Stack) -> Self {
        Self { name: unique("hook"), stack }
    }

    /// Where it lives; `asks` is a query that makes it fail: `?fail=500&times=1`.
    #[must_use]
    pub fn url(&self, asks: &str) -> String {
        format!("{}{asks}", self.stack.vendors.base_url(&format!("hooks/{}", self.name)))
    }

    /// What it has got, the oldest first: `headers`, `body`, `status`.
    ///
    /// # Panics
    /// If the simulator does not answer.
    pub async fn got(&self) -> Vec<Value> {
        self.stack.vendors.hooks(&self.name).await
    }

    /// The one message that it has got, once it is there.
    ///
    /// # Panics
    /// If there is none, or another one too.
    pub async fn only(&self) -> Value {
        let mut got = self.got().await;
        assert_eq!(got.len(), 1, "{got:#?}");
        got.remove(0)
    }
}

/// Whether a message has a signature by this secret, as its receiver would compute it.
///
/// # Panics
/// If the secret or a header is malformed.
#[must_use]
pub fn is_signed(message: &Value, secret: &str) -> bool {
    let header = |name: &str| message["headers"][name].as_str().expect("the header is there");
    let (id, time) = (header("webhook-id"), header("webhook-timestamp"));
    let body = message["body"].as_str().expect("a message has a body");
    let key = secret.strip_prefix("whsec_").expect("a secret says what it is");
    let key = STANDARD.decode(key).expect("the rest of it is base64");
    let expected = STANDARD.encode(hmac(&key, format!("{id}.{time}.{body}").as_bytes()));
    let signatures = header("webhook-signature").split(' ');
    signatures.filter_map(|one| one.strip_prefix("v1,")).any(|one| one == expected)
}

/// RFC 2104 by hand, so that it is not the code that signs which checks.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    assert!(key.len() <= BLOCK, "a longer key would be hashed first");
    let padded = |with: u8| -> Vec<u8> {
        (0..BLOCK).map(|index| key.get(index).copied().unwrap_or(0) ^ with).collect()
    };
    let inner = Sha256::digest([padded(0x36), text.to_vec()].concat());
    Sha256::digest([padded(0x5c), inner.to_vec()].concat()).to_vec()
}
