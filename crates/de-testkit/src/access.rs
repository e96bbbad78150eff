//! Cloudflare Access on loopback: a team with keys made for tests, and tokens signed with them.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Json, Router, http::StatusCode, response::IntoResponse, routing::get};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use de_core::{auth::access_token::AccessTeam, time::UnixMillis};
use rsa::{
    BoxedUint, PrivateKey,
    pkcs1v15::SigningKey,
    signature::{SignatureEncoding, Signer},
    traits::PublicKeyParts,
};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{host::Host, lock};

/// Two pairs of primes; no key of anybody.
const KEYS: &str = include_str!("../fixtures/access_test_keys.json");

/// The `aud` tag of the pages' application.
pub const AUDIENCE: &str = "4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2";

/// A key of a team.
#[derive(Clone)]
pub struct TestSigner {
    key: SigningKey<Sha256>,
    kid: String,
    public: Value,
}

impl TestSigner {
    /// One of the fixture's two, `first` or `second`, under an id.
    ///
    /// # Panics
    /// If the fixture has no such key.
    #[must_use]
    pub fn of_fixture(which: &str, kid: &str) -> Self {
        let keys: Value = serde_json::from_str(KEYS).unwrap_or_default();
        let prime = |name: &str| {
            let text = keys.pointer(&format!("/{which}/{name}")).and_then(Value::as_str);
            BoxedUint::from_be_hex(text.unwrap_or_default(), 1_024).into_option()
        };
        let made = prime("p").zip(prime("q"));
        let made = made.and_then(|(p, q)| PrivateKey::from_p_q(p, q, 65_537_u32.into()).ok());
        #[expect(clippy::expect_used, reason = "a test without its key cannot go on")]
        let key = made.expect("the fixture has this key");
        let text =
            |number: &BoxedUint| URL_SAFE_NO_PAD.encode(number.to_be_bytes_trimmed_vartime());
        let public = json!({
            "kid": kid, "kty": "RSA", "alg": "RS256", "use": "sig",
            "n": text(key.n()), "e": text(key.e()),
        });
        Self { key: SigningKey::new(key), kid: kid.to_owned(), public }
    }

    /// Its public part as the team's list has it.
    #[must_use]
    pub fn jwk(&self) -> Value {
        self.public.clone()
    }

    /// A token with these claims.
    #[must_use]
    pub fn token(&self, claims: &Value) -> String {
        self.signed(&json!({"alg": "RS256", "kid": self.kid, "typ": "JWT"}), &claims.to_string())
    }

    /// A token whose header and payload are these, whatever they say.
    #[must_use]
    pub fn signed(&self, header: &Value, payload: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", part(&header.to_string()), part(payload));
        let signature = self.key.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }
}

/// What Access says of a person who logged in at `now`, for a day.
#[must_use]
pub fn claims(team: &AccessTeam, email: &str, now: UnixMillis) -> Value {
    let now_s = now.0.div_euclid(1_000);
    json!({
        "aud": [AUDIENCE], "email": email, "exp": now_s + 86_400, "iat": now_s, "nbf": now_s,
        "iss": team.domain, "type": "app", "identity_nonce": "6ei69kawdKzMIAPF",
        "sub": "7335d417-61da-459d-899c-0a01c76a2f94", "country": "PT"
    })
}

/// A team that publishes its keys on loopback.
pub struct TestTeam {
    asked: Arc<AtomicUsize>,
    host: Host,
    list: Arc<Mutex<(u16, Value)>>,
}

impl TestTeam {
    /// Publishes the keys of these signers.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start(signers: &[&TestSigner]) -> std::io::Result<Self> {
        let (asked, list) =
            (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new((200, Value::Null))));
        let (counted, published) = (asked.clone(), list.clone());
        let certs = move || {
            counted.fetch_add(1, Ordering::SeqCst);
            let (status, body) = lock(&published).clone();
            let status = StatusCode::from_u16(status).unwrap_or_default();
            async move { (status, Json(body)).into_response() }
        };
        let routes = Router::new().route("/cdn-cgi/access/certs", get(certs));
        let team = Self { asked, host: Host::serve(routes).await?, list };
        team.publish(signers);
        Ok(team)
    }

    /// Publishes others.
    pub fn publish(&self, signers: &[&TestSigner]) {
        let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
        self.answer(200, json!({"keys": keys, "public_cert": {"kid": "", "cert": ""}}));
    }

    /// Answers this instead of keys.
    pub fn answer(&self, status: u16, body: Value) {
        *lock(&self.list) = (status, body);
    }

    /// How often its keys were asked for.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// What the settings say of it.
    #[must_use]
    pub fn team(&self) -> AccessTeam {
        AccessTeam { audiences: vec![AUDIENCE.to_owned()], domain: self.host.base() }
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.host.address().port()
    }
}
