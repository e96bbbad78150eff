//! What wrangler answers, as far as it is read here.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

/// The annotation that holds a version's message.
const MESSAGE: &str = "workers/message";
/// The annotation that holds a version's tag.
const TAG: &str = "workers/tag";

/// Who is logged in.
#[derive(Debug, Deserialize)]
pub(crate) struct Who {
    #[serde(default)]
    pub(crate) accounts: Vec<Account>,
}

/// An account that they may use.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// What a worker serves.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Deployment {
    /// RFC 3339, so that texts sort as times do.
    pub(crate) created_on: String,
    pub(crate) versions: Vec<Share>,
}

impl Deployment {
    /// The version that has the most of the calls.
    pub(crate) fn main(&self) -> Option<&Share> {
        self.versions.iter().max_by(|a, b| a.percentage.total_cmp(&b.percentage))
    }
}

/// A version's part of the calls.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Share {
    pub(crate) percentage: f64,
    pub(crate) version_id: String,
}

/// Code and settings of a worker, as they were uploaded.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Version {
    #[serde(default)]
    annotations: BTreeMap<String, Value>,
    pub(crate) id: String,
    #[serde(default)]
    metadata: BTreeMap<String, Value>,
    #[serde(default)]
    resources: Resources,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Resources {
    #[serde(default)]
    bindings: Vec<Value>,
}

impl Version {
    pub(crate) fn created_on(&self) -> &str {
        self.metadata.get("created_on").and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn message(&self) -> Option<&str> {
        self.annotations.get(MESSAGE).and_then(Value::as_str)
    }

    pub(crate) fn tag(&self) -> Option<&str> {
        self.annotations.get(TAG).and_then(Value::as_str)
    }

    /// The names of its secrets. A version keeps those that it was made with.
    pub(crate) fn secrets(&self) -> BTreeSet<String> {
        let of_secrets =
            |binding: &&Value| binding.get("type").and_then(Value::as_str) == Some("secret_text");
        let names = self
            .resources
            .bindings
            .iter()
            .filter(of_secrets)
            .filter_map(|binding| binding.get("name")?.as_str());
        names.map(str::to_owned).collect()
    }

    /// The value of a variable that is no secret.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        let mut bindings = self.resources.bindings.iter();
        let binding = bindings.find(|binding| {
            binding.get("name").and_then(Value::as_str) == Some(name)
                && binding.get("type").and_then(Value::as_str) == Some("plain_text")
        })?;
        binding.get("text").and_then(Value::as_str)
    }
}

/// What an upload came to.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Upload {
    /// Where it is served now: addresses, and times of its crons.
    #[serde(default)]
    pub(crate) targets: Vec<String>,
    pub(crate) version_id: Option<String>,
}
