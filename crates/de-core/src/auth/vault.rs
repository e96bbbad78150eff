//! Seals and opens what must rest unreadable, the vendors' keys first: AES-256-GCM, one sealing key a master secret by HKDF-SHA-256.
//!
//! Instance and provider are associated data: a sealed key moved to another row does not open.

use aes_gcm::{
    Aes256Gcm,
    aead::{Aead, KeyInit, Payload},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use sha2::Sha256;

use crate::{
    ids::{InstanceId, ProviderId},
    ports::{Entropy, Settings, random},
    secret::Secret,
};

/// Why a key could not be sealed or opened.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum VaultError {
    /// Altered, of another row, or sealed with another secret.
    #[error("the sealed key does not open")]
    DoesNotOpen,
    /// Not of the form that we write.
    #[error("the sealed key is malformed")]
    Malformed,
    /// No `DE_MASTER_KEY_V…` of this version, or none at all.
    #[error("there is no master key of version {version}")]
    NoMasterKey {
        /// 0: none at all.
        version: u32,
    },
}

/// What is sealed; each kind has a key of its own, so that no text passes for one of another kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// What a model answered, kept for who asks the same once more.
    Answer,
    /// A vendor's key.
    ProviderKey,
    /// An answer that is kept to be given once more.
    Reply,
    /// A turn of a conversation.
    Turn,
    /// What a webhook is signed with.
    WebhookSecret,
}

impl Kind {
    /// What the sealing key is derived for. Rows hold what was sealed with it.
    fn info(self) -> &'static [u8] {
        match self {
            Self::Answer => b"distributed-electrons/answers",
            Self::ProviderKey => b"distributed-electrons/provider-keys",
            Self::Reply => b"distributed-electrons/replies",
            Self::Turn => b"distributed-electrons/turns",
            Self::WebhookSecret => b"distributed-electrons/webhook-secrets",
        }
    }
}

/// Seals a vendor's key with the highest version, for its own row only.
///
/// Returns `v1.<nonce>.<ciphertext>`, both in URL-safe base64.
///
/// # Errors
/// [`VaultError::NoMasterKey`].
pub fn seal(
    settings: &Settings,
    entropy: &dyn Entropy,
    instance: &InstanceId,
    provider: &ProviderId,
    key: &Secret,
) -> Result<String, VaultError> {
    seal_for(settings, entropy, Kind::ProviderKey, &associated(instance, provider), key)
}

/// Seals a text with the highest version; it opens only for the same `place`.
///
/// # Errors
/// [`VaultError::NoMasterKey`].
pub fn seal_for(
    settings: &Settings,
    entropy: &dyn Entropy,
    kind: Kind,
    place: &str,
    text: &Secret,
) -> Result<String, VaultError> {
    let newest = settings.master_keys.iter().max_by_key(|(version, _)| *version);
    let (version, master) = newest.ok_or(VaultError::NoMasterKey { version: 0 })?;
    let nonce: [u8; 12] = random(entropy);
    let payload = Payload { msg: text.expose().as_bytes(), aad: place.as_bytes() };
    let sealed = cipher(*version, master, kind)?
        .encrypt(&nonce.into(), payload)
        .map_err(|_| VaultError::Malformed)?;
    Ok(format!("v{version}.{}.{}", URL_SAFE_NO_PAD.encode(nonce), URL_SAFE_NO_PAD.encode(sealed)))
}

/// The version that seals; `None` without a master key.
#[must_use]
pub fn newest(settings: &Settings) -> Option<u32> {
    settings.master_keys.iter().map(|(version, _)| *version).max()
}

/// Opens a vendor's key with the version that the text names.
///
/// # Errors
/// [`VaultError`]; none of them is worth a retry.
pub fn open(
    settings: &Settings,
    instance: &InstanceId,
    provider: &ProviderId,
    sealed: &str,
) -> Result<Secret, VaultError> {
    open_for(settings, Kind::ProviderKey, &associated(instance, provider), sealed)
}

/// Opens what was sealed for `place` with the version that the text names.
///
/// # Errors
/// [`VaultError`]; none of them is worth a retry.
pub fn open_for(
    settings: &Settings,
    kind: Kind,
    place: &str,
    sealed: &str,
) -> Result<Secret, VaultError> {
    let mut parts = sealed.splitn(3, '.');
    let (Some(version), Some(nonce), Some(text)) = (parts.next(), parts.next(), parts.next())
    else {
        return Err(VaultError::Malformed);
    };
    let version: u32 =
        version.strip_prefix('v').and_then(|n| n.parse().ok()).ok_or(VaultError::Malformed)?;
    let nonce: [u8; 12] = URL_SAFE_NO_PAD
        .decode(nonce)
        .ok()
        .and_then(|nonce| nonce.try_into().ok())
        .ok_or(VaultError::Malformed)?;
    let text = URL_SAFE_NO_PAD.decode(text).map_err(|_| VaultError::Malformed)?;
    let master = settings.master_keys.iter().find(|(known, _)| *known == version);
    let (_, master) = master.ok_or(VaultError::NoMasterKey { version })?;
    let key = cipher(version, master, kind)?
        .decrypt(&nonce.into(), Payload { msg: &text, aad: place.as_bytes() })
        .map_err(|_| VaultError::DoesNotOpen)?;
    String::from_utf8(key).map(Secret::new).map_err(|_| VaultError::DoesNotOpen)
}

fn cipher(version: u32, master: &Secret, kind: Kind) -> Result<Aes256Gcm, VaultError> {
    Ok(Aes256Gcm::new(&derive(version, master, kind.info())?.into()))
}

/// A key of its own for each use of a master secret.
pub(super) fn derive(version: u32, master: &Secret, info: &[u8]) -> Result<[u8; 32], VaultError> {
    let mut key = [0; 32];
    Hkdf::<Sha256>::new(None, master.expose().as_bytes())
        .expand(info, &mut key)
        .map_err(|_| VaultError::NoMasterKey { version })?;
    Ok(key)
}

fn associated(instance: &InstanceId, provider: &ProviderId) -> String {
    format!("{instance}/{provider}")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zeros;

    impl Entropy for Zeros {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    fn settings(versions: &[u32]) -> Settings {
        let master_keys =
            versions.iter().map(|v| (*v, Secret::new(format!("master secret {v}")))).collect();
        Settings { master_keys, ..Settings::default() }
    }

    fn place() -> (InstanceId, ProviderId) {
        (InstanceId::parse("inst_a").unwrap(), ProviderId::parse("openai").unwrap())
    }

    /// Rows hold this text: a change needs a reader for the old form first.
    #[test]
    fn the_sealed_form_is_stable() {
        let (instance, provider) = place();
        let key = Secret::new("sk-vendor-key".to_owned());
        let sealed = seal(&settings(&[1]), &Zeros, &instance, &provider, &key).unwrap();
        assert_eq!(sealed, "v1.AAAAAAAAAAAAAAAA.ASuO8sNgFj9B45MxV65JHZ9_yJhjijR2gTW8QFU");
        assert_eq!(open(&settings(&[1]), &instance, &provider, &sealed), Ok(key));
    }

    #[test]
    fn the_highest_version_seals_and_every_version_opens() {
        let (instance, provider) = place();
        let key = Secret::new("sk-vendor-key".to_owned());
        let old = seal(&settings(&[1]), &Zeros, &instance, &provider, &key).unwrap();
        let new = seal(&settings(&[1, 2]), &Zeros, &instance, &provider, &key).unwrap();
        assert!(new.starts_with("v2."));
        assert_eq!(
            [&[1][..], &[3, 1, 2], &[]].map(|of| newest(&settings(of))),
            [Some(1), Some(3), None]
        );
        for sealed in [&old, &new] {
            assert_eq!(open(&settings(&[2, 1]), &instance, &provider, sealed), Ok(key.clone()));
        }
        let missing = open(&settings(&[2]), &instance, &provider, &old);
        assert_eq!(missing, Err(VaultError::NoMasterKey { version: 1 }));
    }

    #[test]
    fn a_sealed_key_opens_in_its_own_row_only() {
        let (instance, provider) = place();
        let key = Secret::new("sk-vendor-key".to_owned());
        let sealed = seal(&settings(&[1]), &Zeros, &instance, &provider, &key).unwrap();
        let other = InstanceId::parse("inst_b").unwrap();
        let moved = open(&settings(&[1]), &other, &provider, &sealed);
        assert_eq!(moved, Err(VaultError::DoesNotOpen));
        for bad in ["", "v1", "v1.a.b", "x1.AAAAAAAAAAAAAAAA.AAAA", "v1.AAAAAAAAAAAAAAAA.é"] {
            assert!(open(&settings(&[1]), &instance, &provider, bad).is_err(), "{bad}");
        }
    }

    /// Rows hold this text too.
    #[test]
    fn the_sealed_secret_of_a_webhook_is_stable_and_no_reply() {
        let secret = Secret::new("whsec_AAAA".to_owned());
        let settings = settings(&[1]);
        let sealed = seal_for(&settings, &Zeros, Kind::WebhookSecret, "whk_1", &secret).unwrap();
        assert_eq!(sealed, "v1.AAAAAAAAAAAAAAAA.63BU8xVvTRpyWMSTnluzIl4Vg0Elvg7y1_4");
        assert_eq!(open_for(&settings, Kind::WebhookSecret, "whk_1", &sealed), Ok(secret));
        for (kind, place) in [(Kind::WebhookSecret, "whk_2"), (Kind::Reply, "whk_1")] {
            let opened = open_for(&settings, kind, place, &sealed);
            assert_eq!(opened, Err(VaultError::DoesNotOpen));
        }
    }

    /// Rows hold this text too.
    #[test]
    fn the_sealed_turn_is_stable_and_no_reply() {
        let (settings, text) = (settings(&[1]), Secret::new("{}".to_owned()));
        let sealed = seal_for(&settings, &Zeros, Kind::Turn, "proj_1/resp_1", &text).unwrap();
        assert_eq!(sealed, "v1.AAAAAAAAAAAAAAAA.s9rlsPBilYmoOax6n5dG6Iie");
        assert_eq!(open_for(&settings, Kind::Turn, "proj_1/resp_1", &sealed), Ok(text));
        for (kind, place) in [(Kind::Turn, "proj_2/resp_1"), (Kind::Reply, "proj_1/resp_1")] {
            let opened = open_for(&settings, kind, place, &sealed);
            assert_eq!(opened, Err(VaultError::DoesNotOpen));
        }
    }

    #[test]
    fn a_reply_is_no_key() {
        let place = place();
        let bound = associated(&place.0, &place.1);
        let text = Secret::new("anything".to_owned());
        let sealed = seal_for(&settings(&[1]), &Zeros, Kind::Reply, &bound, &text).unwrap();
        assert_eq!(open_for(&settings(&[1]), Kind::Reply, &bound, &sealed), Ok(text));
        assert_eq!(
            open(&settings(&[1]), &place.0, &place.1, &sealed),
            Err(VaultError::DoesNotOpen)
        );
    }
}
