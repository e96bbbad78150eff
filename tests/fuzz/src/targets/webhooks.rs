//! Standard Webhooks: a message's id, its second, its receiver and its body, one on each line.
//!
//! What we sign, a receiver that follows the spec finds good, and with one bit changed does not. An address that may
//! be told leads to a public name over https, and the paths that vendors call back are ours alone.

use base64::{Engine, engine::general_purpose::STANDARD};
use de_core::{
    guard,
    ids::{DeliveryId, JobId},
    jobs::callback,
    ports::Settings,
    secret::Secret,
    webhooks::{schedule, signature},
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use url::{Host, Url};

use super::texts;

pub(super) fn run(input: &[u8]) {
    let Some([id, seconds, receiver, body]) = texts::<4>(input) else { return };
    if let (Ok(id), Ok(seconds)) = (DeliveryId::parse(id), seconds.parse()) {
        signed(&id, seconds, body);
    }
    let settings = Settings {
        master_keys: vec![(1, Secret::new("k".repeat(44)))],
        public_base: Some("https://gateway.example.com".to_owned()),
        ..Settings::default()
    };
    if let Ok(address) = guard::receiver(receiver, &settings) {
        public(&address);
    }
    if let Ok(base) = guard::base_url(receiver, &settings) {
        public(&base);
    }
    if let Ok(host) = guard::host(receiver, &settings) {
        public(&format!("https://{host}"));
    }
    if let Some(job) = callback::job(&settings, receiver) {
        let ours = callback::address(&settings, &job).expect("there is a front door");
        assert!(ours.path().ends_with(&format!("/{receiver}")), "{receiver} was not made here");
    }
    if let Ok(job) = JobId::parse(id) {
        let address = callback::address(&settings, &job).expect("there is a front door");
        let token = address.path_segments().and_then(Iterator::last).unwrap_or_default();
        assert_eq!(callback::job(&settings, token), Some(job));
    }
    let status = input.first().map_or(200, |byte| 100 + u16::from(*byte) * 2);
    let _ = schedule::verdict(status);
    let _ = schedule::wait_ms("job.succeeded", u32::from(status), None, status.to_be_bytes()[1]);
}

fn signed(id: &DeliveryId, seconds: i64, body: &str) {
    let secrets = [[1; 32], [7; 32]].map(signature::secret_of);
    let header = signature::sign(&secrets, id, seconds, body).expect("both are secrets");
    let signatures: Vec<&str> = header.split(' ').collect();
    assert_eq!(signatures.len(), 2);
    for (key, signature) in [[1_u8; 32], [7; 32]].iter().zip(signatures) {
        let tag = signature.strip_prefix("v1,").and_then(|tag| STANDARD.decode(tag).ok());
        let tag = tag.expect("a tag in base64");
        let good = |message: &[u8]| {
            let mac = Hmac::<Sha256>::new_from_slice(key).expect("any length will do");
            mac.chain_update(message).verify_slice(&tag).is_ok()
        };
        let mut message = format!("{id}.{seconds}.{body}").into_bytes();
        assert!(good(&message));
        let at = message.len() / 2;
        message[at] ^= 1;
        assert!(!good(&message));
    }
}

fn public(address: &str) {
    let url = Url::parse(address).expect("it was read as an address");
    assert!(url.scheme() == "https" && url.port().is_none(), "{address}");
    assert!(url.username().is_empty() && url.password().is_none(), "{address}");
    let Some(Host::Domain(name)) = url.host() else { panic!("{address} is no name") };
    assert!(name.contains('.') && !name.ends_with('.') && name.is_ascii(), "{address}");
    let is_ours = name == "gateway.example.com" || name.ends_with(".gateway.example.com");
    assert!(!is_ours, "{address} is ours");
    // The last label of a name is no number: it would be an address in disguise.
    let last = name.rsplit('.').next().unwrap_or_default();
    assert!(last.bytes().any(|byte| byte.is_ascii_alphabetic()), "{address}");
}
