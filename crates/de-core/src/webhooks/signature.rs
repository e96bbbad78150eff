//! What shows a receiver that a message is ours: HMAC-SHA256 of its id, its time and its body.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{
    ids::DeliveryId,
    ports::{Entropy, random},
    secret::Secret,
};

/// What every secret begins with.
const PREFIX: &str = "whsec_";

/// Makes a secret: `whsec_` and 32 random bytes in base64, of which the spec wants 24 to 64.
#[must_use]
pub fn make_secret(entropy: &dyn Entropy) -> Secret {
    secret_of(random(entropy))
}

/// Writes bytes that nobody can guess as a secret.
#[must_use]
pub fn secret_of(bytes: [u8; 32]) -> Secret {
    Secret::new(format!("{PREFIX}{}", STANDARD.encode(bytes)))
}

/// The header `webhook-signature`: `v1,` and base64, once for each secret, with spaces between.
///
/// `seconds` is the header `webhook-timestamp`, Unix seconds. `None` if a secret is none of [`secret_of`].
#[must_use]
pub fn sign(secrets: &[Secret], id: &DeliveryId, seconds: i64, body: &str) -> Option<String> {
    let signed = secrets.iter().map(|secret| one(secret, id, seconds, body));
    signed.collect::<Option<Vec<_>>>().map(|signatures| signatures.join(" "))
}

fn one(secret: &Secret, id: &DeliveryId, seconds: i64, body: &str) -> Option<String> {
    let key = STANDARD.decode(secret.expose().strip_prefix(PREFIX)?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sevens;

    impl Entropy for Sevens {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    /// The vector that the spec's own libraries are tested with: receivers compute the same.
    #[test]
    fn a_signature_is_that_of_the_spec() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
        let id = DeliveryId::parse("msg_p5jXN8AQM9LWM0D4loKWxJek").unwrap();
        let body = r#"{"test": 2432232314}"#;
        let known = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let sign = |secrets: &[Secret]| sign(secrets, &id, 1_614_265_330, body);
        assert_eq!(sign(std::slice::from_ref(&secret)).as_deref(), Some(known));
        // While a secret takes over from another one, both sign.
        let both = sign(&[make_secret(&Sevens), secret]).unwrap();
        let (first, second) = both.split_once(' ').unwrap();
        assert!(first.starts_with("v1,") && first != known && second == known, "{both}");
    }

    #[test]
    fn a_secret_is_long_enough_and_of_the_known_form() {
        let secret = make_secret(&Sevens);
        let key = STANDARD.decode(secret.expose().strip_prefix(PREFIX).unwrap()).unwrap();
        assert_eq!(key.len(), 32);
        let id = DeliveryId::parse("msg_1").unwrap();
        for bad in ["", "whsec_%", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert_eq!(sign(&[Secret::new(bad.to_owned())], &id, 0, ""), None, "{bad}");
        }
    }
}
