//! What the operator's own environment says: variables of the process, read once.

use std::collections::{BTreeMap, BTreeSet};
use std::env;

use crate::deploy::environments::LOOPBACK_PORTS;
use crate::deploy::secrets::{BOOTSTRAP_TOKEN, version};
use crate::failure::Failure;

/// Variables of the pages' log-in by Cloudflare Access. They are no secrets, and stay as they are deployed unless
/// they are given anew.
pub(crate) const ACCESS: [&str; 2] = ["DE_ACCESS_AUD", "DE_ACCESS_TEAM_DOMAIN"];
/// The key of a superadmin, for what asks the deployed API.
pub(crate) const API_KEY: &str = "DE_API_KEY";

/// What a failure calls the master keys, whatever their version.
const MASTER_KEY: &str = "DE_MASTER_KEY_V<n>";

/// Whether a secret is of the kind that stands in examples, or is typed in a hurry: a word in place of one, or a few
/// characters again and again. Of 32 random bytes neither happens.
fn is_easily_guessed(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let words =
        ["changeme", "change-me", "default", "example", "password", "placeholder", "secret"];
    let characters: BTreeSet<char> = value.chars().collect();
    characters.len() < 8 || words.iter().any(|word| lower.contains(word))
}

/// The variables that mean something here. Without `Debug`: some are secret.
#[derive(Default)]
pub(crate) struct Given(pub(crate) BTreeMap<String, String>);

impl Given {
    pub(crate) fn from_environment() -> Self {
        let known = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            let name = name.into_string().ok()?;
            let means = name.starts_with("DE_") || name == "CLOUDFLARE_ACCOUNT_ID";
            if means { Some((name, value.into_string().ok()?)) } else { None }
        };
        Self(env::vars_os().filter_map(known).collect())
    }

    /// A variable that is set to something.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(crate) fn account(&self) -> Option<&str> {
        self.get("CLOUDFLARE_ACCOUNT_ID")
    }

    pub(crate) fn domain(&self) -> Option<&str> {
        self.get("DE_DOMAIN")
    }

    /// The values of secrets that deploy may set.
    pub(crate) fn secrets(&self) -> BTreeMap<String, String> {
        let is_secret = |name: &str| name == BOOTSTRAP_TOKEN || version(name).is_some();
        self.0
            .iter()
            .filter(|(name, value)| is_secret(name) && !value.is_empty())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// # Errors
    /// `Setting` for a value that nothing could be made with.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.get(LOOPBACK_PORTS).is_some() {
            return Err(Failure::Setting {
                name: LOOPBACK_PORTS,
                value: "…".to_owned(),
                problem: "it is for one's own machine alone; unset it to deploy",
            });
        }
        let short =
            |name: &str, least: usize| self.get(name).is_some_and(|value| value.len() < least);
        // What the workers would take for none: crates/de-edge/src/settings.rs.
        if short(BOOTSTRAP_TOKEN, 16) {
            return Err(Failure::Setting {
                name: BOOTSTRAP_TOKEN,
                value: "…".to_owned(),
                problem: "it needs 16 characters or more",
            });
        }
        if self.secrets().keys().any(|name| version(name).is_some() && short(name, 32)) {
            return Err(Failure::Setting {
                name: MASTER_KEY,
                value: "…".to_owned(),
                problem: "expected are 32 random bytes in base64",
            });
        }
        if let Some((name, _)) = self.secrets().iter().find(|(_, value)| is_easily_guessed(value)) {
            return Err(Failure::Setting {
                name: if name == BOOTSTRAP_TOKEN { BOOTSTRAP_TOKEN } else { MASTER_KEY },
                value: "…".to_owned(),
                problem: "anybody would guess it; make one by `openssl rand -base64 32`",
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Given;

    fn given(name: &str, value: &str) -> Given {
        Given(BTreeMap::from([(name.to_owned(), value.to_owned())]))
    }

    #[test]
    fn what_anybody_would_guess_is_refused_and_not_repeated() {
        let long = "k".repeat(44);
        for value in [
            &long,
            "changeme-changeme-changeme-changeme!",
            "a-very-Secret-bootstrap-token-0123456789",
            "<example: 32 random bytes in base64>",
            "0101010101010101010101010101010101010101",
        ] {
            for name in ["DE_BOOTSTRAP_TOKEN", "DE_MASTER_KEY_V1", "DE_MASTER_KEY_V12"] {
                let refusal = given(name, value).check().unwrap_err().to_string();
                assert!(refusal.contains("anybody would guess it"), "{refusal}");
                assert!(!refusal.contains(value), "{refusal}");
            }
        }
    }

    #[test]
    fn what_nothing_could_be_made_with_is_refused_and_not_repeated() {
        for (name, value, problem) in [
            ("DE_LOOPBACK_PORTS", "9001", "it is for one's own machine alone"),
            ("DE_BOOTSTRAP_TOKEN", "short-secret", "16 characters or more"),
            ("DE_MASTER_KEY_V3", "short-secret", "32 random bytes"),
        ] {
            let refusal = given(name, value).check().unwrap_err().to_string();
            assert!(refusal.contains(problem) && !refusal.contains(value), "{refusal}");
            assert!(given(name, "").check().is_ok());
        }
        let key = "Zm9yIHRlc3RzIGFsb25lLCAzMiBieXRlcyBvZiBpdCE=".to_owned();
        assert!(given("DE_MASTER_KEY_V1", &key).check().is_ok());
        assert_eq!(given("DE_MASTER_KEY_V1", &key).secrets().len(), 1);
        assert!(given("DE_DOMAIN", "example.com").secrets().is_empty());
    }
}
