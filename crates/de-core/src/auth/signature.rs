//! Signs what we hand out and want to know again: HMAC-SHA-256, one key a purpose and master secret by HKDF-SHA-256.
//!
//! A signature names the version of the master secret: the newest one signs, each one that is still there verifies.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::vault::{self, VaultError};
use crate::{ports::Settings, secret::Secret};

/// What is signed; a signature for one purpose is none for another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// A link to an asset, for whoever has it.
    AssetLink,
    /// What signs the message to an address that one request named. Derived, not sent.
    CallbackSecret,
    /// The path that a vendor calls when a job is done.
    JobCallback,
}

impl Purpose {
    /// What the key is derived for. Links that are out were signed with it.
    fn info(self) -> &'static [u8] {
        match self {
            Self::AssetLink => b"distributed-electrons/asset-links",
            Self::CallbackSecret => b"distributed-electrons/callback-secrets",
            Self::JobCallback => b"distributed-electrons/job-callbacks",
        }
    }
}

/// Signs a text. Returns `v1.<43 characters of URL-safe base64>`.
///
/// # Errors
/// [`VaultError::NoMasterKey`].
pub fn sign(settings: &Settings, purpose: Purpose, text: &str) -> Result<String, VaultError> {
    let version = newest(settings)?;
    let tag = derive(settings, version, purpose, text)?;
    Ok(format!("v{version}.{}", URL_SAFE_NO_PAD.encode(tag)))
}

/// The version of the newest master secret.
///
/// # Errors
/// [`VaultError::NoMasterKey`].
pub fn newest(settings: &Settings) -> Result<u32, VaultError> {
    let versions = settings.master_keys.iter().map(|(version, _)| *version);
    versions.max().ok_or(VaultError::NoMasterKey { version: 0 })
}

/// Derives 32 bytes from a text and a master secret: always the same ones.
///
/// # Errors
/// [`VaultError::NoMasterKey`] if this version is gone.
pub fn derive(
    settings: &Settings,
    version: u32,
    purpose: Purpose,
    text: &str,
) -> Result<[u8; 32], VaultError> {
    let found = settings.master_keys.iter().find(|(known, _)| *known == version);
    let (_, master) = found.ok_or(VaultError::NoMasterKey { version })?;
    Ok(mac(version, master, purpose, text)?.finalize().into_bytes().into())
}

/// Whether a text was signed by us for this purpose. Takes the same time for every wrong signature of the right
/// length.
#[must_use]
pub fn is_ours(settings: &Settings, purpose: Purpose, text: &str, signature: &str) -> bool {
    let read = || {
        let (version, tag) = signature.strip_prefix('v')?.split_once('.')?;
        let version: u32 = version.parse().ok()?;
        let (_, master) = settings.master_keys.iter().find(|(known, _)| *known == version)?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        mac(version, master, purpose, text).ok()?.verify_slice(&tag).ok()
    };
    read().is_some()
}

fn mac(
    version: u32,
    master: &Secret,
    purpose: Purpose,
    text: &str,
) -> Result<Hmac<Sha256>, VaultError> {
    let key = vault::derive(version, master, purpose.info())?;
    let mac = Hmac::<Sha256>::new_from_slice(&key);
    Ok(mac.map_err(|_| VaultError::NoMasterKey { version })?.chain_update(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(versions: &[u32]) -> Settings {
        let master_keys =
            versions.iter().map(|v| (*v, Secret::new(format!("master secret {v}")))).collect();
        Settings { master_keys, ..Settings::default() }
    }

    #[test]
    fn the_newest_signs_and_every_version_verifies() {
        let old = sign(&settings(&[1]), Purpose::AssetLink, "a").unwrap();
        let new = sign(&settings(&[2, 1]), Purpose::AssetLink, "a").unwrap();
        assert!(new.starts_with("v2."), "{new}");
        for signature in [&old, &new] {
            assert!(is_ours(&settings(&[1, 2]), Purpose::AssetLink, "a", signature));
        }
        assert!(!is_ours(&settings(&[2]), Purpose::AssetLink, "a", &old));
        assert!(sign(&settings(&[]), Purpose::AssetLink, "a").is_err());
    }

    #[test]
    fn a_signature_is_for_its_text_and_its_version() {
        let settings = settings(&[1, 2]);
        let signature = sign(&settings, Purpose::AssetLink, "a").unwrap();
        assert!(!is_ours(&settings, Purpose::AssetLink, "b", &signature));
        assert!(!is_ours(&settings, Purpose::AssetLink, "a", &signature.replace("v2", "v1")));
        for bad in ["", "v2", "v2.", "v2.AAAA", "2.AAAA", "v9.AAAA", "v2.é", &signature[..40]] {
            assert!(!is_ours(&settings, Purpose::AssetLink, "a", bad), "{bad}");
        }
    }

    /// Links, callbacks' paths and receivers' secrets are out: a change makes strangers of them all.
    #[test]
    fn each_purpose_signs_by_a_key_of_its_own_that_stays() {
        let settings = settings(&[1]);
        let signed = [
            (Purpose::AssetLink, "v1.NPNZ-2g3Pq4YFL11fZKYR7gLBZNYdvOI2BWe7F6Ouj8"),
            (Purpose::CallbackSecret, "v1.yUWqTq1GRsAxsV6yMUsr_v4b1Nwx8cxKiAVOQIGoHwM"),
            (Purpose::JobCallback, "v1.SkF1sO2BFvPV9TqNNa-oTTxCgleI-49OGuIM37N-PFk"),
        ];
        for (purpose, signature) in signed {
            assert_eq!(sign(&settings, purpose, "a").as_deref(), Ok(signature), "{purpose:?}");
            for (other, _) in signed {
                let ours = is_ours(&settings, other, "a", signature);
                assert_eq!(ours, other == purpose, "{purpose:?} {other:?}");
            }
        }
    }
}
