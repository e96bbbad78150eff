//! Tokens of Cloudflare Access: a JWT in front of our pages that says who has logged in there.
//!
//! Only what Access makes is taken: RS256, a key of the team's own list, the team as issuer, our application
//! as audience. The list itself is read by [`super::access_keys`].
//!
//! Follows
//! <https://developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/authorization-cookie/application-token/>
//! and RFC 7515, RFC 7519.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::HeaderMap;
use rsa::{
    BoxedUint, PublicKey,
    pkcs1v15::{Signature, VerifyingKey},
    signature::Verifier,
};
use serde::Deserialize;
use sha2::Sha256;
use url::Url;

use super::session::cookie;
use crate::time::UnixMillis;

/// The longest token that is looked at; real ones have about 1 KiB.
const LONGEST: usize = 8 * 1024;

/// How many keys a team's list may have; there are two, the old one and the new one.
const MOST_KEYS: usize = 16;

/// How far our clock and that of Access may be apart.
const LEEWAY_S: i64 = 30;

/// The longest e-mail address: RFC 5321.
const LONGEST_EMAIL: usize = 254;

/// The team whose log-ins we take.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccessTeam {
    /// The `aud` tags of our pages' applications.
    pub audiences: Vec<String>,
    /// `https://<team>.cloudflareaccess.com`, without a slash at the end: the issuer of its tokens.
    pub domain: String,
}

impl AccessTeam {
    /// Reads what the operator configured: a team's domain, with or without `https://`, and `aud` tags with
    /// commas between. `None` if either says nothing.
    #[must_use]
    pub fn read(domain: &str, audiences: &str) -> Option<Self> {
        let domain = domain.trim();
        let domain =
            if domain.contains("://") { domain.to_owned() } else { format!("https://{domain}") };
        let domain = Url::parse(&domain).ok()?.origin();
        let audiences = audiences.split(',').map(str::trim).filter(|tag| !tag.is_empty());
        let audiences: Vec<String> = audiences.map(str::to_owned).collect();
        (domain.is_tuple() && !audiences.is_empty())
            .then(|| Self { audiences, domain: domain.ascii_serialization() })
    }
}

/// Why a token does not hold. It is the caller's, whatever it is, and no second try will help.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AccessTokenError {
    /// Signed in another way, or not at all.
    #[error("the token is not signed by RS256")]
    Algorithm,
    /// For another application.
    #[error("the token is for another application")]
    Audience,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Of another team.
    #[error("the token is of another team")]
    Issuer,
    /// Not three parts of base64 with the documented JSON in them.
    #[error("the token is malformed")]
    Malformed,
    /// Of a service, not of a person.
    #[error("the token names no e-mail address")]
    NoEmail,
    /// Altered, or signed by someone else.
    #[error("the signature does not hold")]
    Signature,
    /// From the future.
    #[error("the token does not hold yet")]
    TooEarly,
    /// Its key is none of the team's.
    #[error("the token is signed with a key that the team does not have")]
    UnknownKey,
}

/// The token that Access has put into a request; its header before its cookie, which a script could set.
#[must_use]
pub fn presented(headers: &HeaderMap) -> Option<&str> {
    let header = headers.get("cf-access-jwt-assertion").and_then(|value| value.to_str().ok());
    header.or_else(|| cookie(headers, "CF_Authorization")).filter(|text| !text.is_empty())
}

/// A token, taken apart. Nothing of it is believed before [`AccessToken::email`].
#[derive(Debug)]
pub struct AccessToken<'a> {
    kid: String,
    payload: &'a str,
    signature: Vec<u8>,
    signed: &'a str,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    /// Extensions that must be understood: we understand none.
    crit: Option<serde_json::Value>,
    kid: String,
}

#[derive(Deserialize)]
struct Claims {
    aud: Audiences,
    email: Option<String>,
    exp: i64,
    iat: i64,
    iss: String,
    nbf: Option<i64>,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audiences {
    Many(Vec<String>),
    One(String),
}

impl<'a> AccessToken<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// `Malformed`, or `Algorithm` for anything but RS256.
    pub fn parse(text: &'a str) -> Result<Self, AccessTokenError> {
        if text.len() > LONGEST || text.matches('.').count() != 2 {
            return Err(AccessTokenError::Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(AccessTokenError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(AccessTokenError::Malformed)?;
        let Header { alg, crit, kid } = part(header)?;
        if alg != "RS256" {
            return Err(AccessTokenError::Algorithm);
        }
        if crit.is_some() {
            return Err(AccessTokenError::Malformed);
        }
        Ok(Self { kid, payload, signature: bytes(signature)?, signed })
    }

    /// The key that it names.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Checks everything, and says whom it is about: an e-mail address in lower case.
    ///
    /// # Errors
    /// All of [`AccessTokenError`] but `Algorithm`.
    pub fn email(
        &self,
        keys: &KeySet,
        team: &AccessTeam,
        now: UnixMillis,
    ) -> Result<String, AccessTokenError> {
        let key = keys.0.get(&self.kid).ok_or(AccessTokenError::UnknownKey)?;
        let signature = Signature::try_from(self.signature.as_slice())
            .map_err(|_| AccessTokenError::Signature)?;
        key.verify(self.signed.as_bytes(), &signature).map_err(|_| AccessTokenError::Signature)?;
        let claims: Claims = part(self.payload)?;
        if claims.iss != team.domain {
            return Err(AccessTokenError::Issuer);
        }
        let named = match claims.aud {
            Audiences::Many(named) => named,
            Audiences::One(named) => vec![named],
        };
        // A token of type `org` is for the team's own pages.
        if claims.kind != "app" || !named.iter().any(|tag| team.audiences.contains(tag)) {
            return Err(AccessTokenError::Audience);
        }
        let now_s = now.0.div_euclid(1_000);
        if now_s >= claims.exp.saturating_add(LEEWAY_S) {
            return Err(AccessTokenError::Expired);
        }
        let begins = claims.nbf.map_or(claims.iat, |nbf| nbf.max(claims.iat));
        if now_s < begins.saturating_sub(LEEWAY_S) {
            return Err(AccessTokenError::TooEarly);
        }
        let email = claims.email.filter(|email| (3..=LONGEST_EMAIL).contains(&email.len()));
        // ASCII alone: elsewhere lower case folds different letters, and so different persons, into one.
        email.map(|email| email.to_ascii_lowercase()).ok_or(AccessTokenError::NoEmail)
    }
}

fn bytes(part: &str) -> Result<Vec<u8>, AccessTokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| AccessTokenError::Malformed)
}

/// One part as JSON. A member that stands there twice is refused by serde.
fn part<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, AccessTokenError> {
    serde_json::from_slice(&bytes(text)?).map_err(|_| AccessTokenError::Malformed)
}

/// The keys of a team by their ids.
#[derive(Debug)]
pub struct KeySet(BTreeMap<String, VerifyingKey<Sha256>>);

/// The list is not one of keys that could be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the team's list of keys has none that can be used")]
pub struct NoKeys;

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<serde_json::Value>,
}

/// RFC 7517, RFC 7518 section 6.3.
#[derive(Deserialize)]
struct Jwk {
    alg: Option<String>,
    e: String,
    kid: String,
    kty: String,
    n: String,
    #[serde(rename = "use")]
    used_for: Option<String>,
}

impl KeySet {
    /// Reads the list at `/cdn-cgi/access/certs`: JSON with `keys`. Keys of other kinds are left out, as are
    /// those under 2048 bits.
    ///
    /// # Errors
    /// [`NoKeys`] if none is left.
    pub fn parse(json: &[u8]) -> Result<Self, NoKeys> {
        let Jwks { keys } = serde_json::from_slice(json).map_err(|_| NoKeys)?;
        let keys = keys.into_iter().take(MOST_KEYS);
        let keys: BTreeMap<_, _> =
            keys.filter_map(|jwk| key(serde_json::from_value(jwk).ok()?)).collect();
        if keys.is_empty() { Err(NoKeys) } else { Ok(Self(keys)) }
    }

    /// Whether a key is among them.
    #[must_use]
    pub fn has(&self, kid: &str) -> bool {
        self.0.contains_key(kid)
    }
}

fn key(jwk: Jwk) -> Option<(String, VerifyingKey<Sha256>)> {
    let of_rs256 = jwk.kty == "RSA"
        && jwk.alg.is_none_or(|alg| alg == "RS256")
        && jwk.used_for.is_none_or(|used| used == "sig");
    let (modulus, exponent) = (bytes(&jwk.n).ok()?, bytes(&jwk.e).ok()?);
    // Before any arithmetic: what is longer would only cost time.
    if !of_rs256 || modulus.len() > 512 || exponent.len() > 4 {
        return None;
    }
    let number = BoxedUint::from_be_slice_vartime;
    let key = PublicKey::new_with_size_limits(number(&modulus), number(&exponent), 2_048..=4_096);
    Some((jwk.kid, VerifyingKey::new(key.ok()?)))
}
