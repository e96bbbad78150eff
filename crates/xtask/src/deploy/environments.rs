//! `wrangler/environments.jsonc`: what differs between the places that are deployed to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::failure::Failure;
use crate::files;
use crate::layout::Layout;

/// The variable that opens ports of the machine itself to providers. Nothing that is deployed may have it.
pub(crate) const LOOPBACK_PORTS: &str = "DE_LOOPBACK_PORTS";

/// Where a database or a bucket may be made.
const LOCATIONS: [&str; 6] = ["weur", "eeur", "apac", "oc", "wnam", "enam"];

/// One place, as the file has it; what each member means stands there.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Environment {
    pub(crate) brake_namespace: String,
    pub(crate) cache: String,
    pub(crate) cpu_ms: Option<u32>,
    pub(crate) crons: bool,
    pub(crate) database: String,
    pub(crate) domain: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) log_sampling: f64,
    /// Its key in the file.
    #[serde(skip)]
    pub(crate) name: String,
    pub(crate) rollout: Vec<u8>,
    pub(crate) rollout_pause_s: u64,
    pub(crate) smart_placement: BTreeSet<String>,
    pub(crate) suffix: String,
    pub(crate) vars: BTreeMap<String, String>,
}

impl Environment {
    /// The environment of this name.
    ///
    /// # Errors
    /// `Missing` if there is none, with the names of those that there are; `Content` for one that makes no sense.
    pub(crate) fn read(layout: &Layout, name: &str) -> Result<Self, Failure> {
        let mut all = read_all(layout)?;
        let known = all.keys().cloned().collect::<Vec<_>>().join(", ");
        all.remove(name).ok_or_else(|| Failure::Missing {
            what: format!("there is no environment `{name}`"),
            remedy: format!("say --env with one of: {known} (wrangler/environments.jsonc)"),
        })
    }

    /// The name of a worker, bucket or database in this environment.
    pub(crate) fn named(&self, name: &str) -> String {
        format!("{name}{}", self.suffix)
    }

    /// The name of the D1 database.
    pub(crate) fn database(&self) -> String {
        self.named(&self.database)
    }

    /// The title of the KV namespace.
    pub(crate) fn cache(&self) -> String {
        self.named(&self.cache)
    }

    /// The name of the R2 bucket.
    pub(crate) fn bucket(&self) -> String {
        self.named("de-assets")
    }

    fn check(&self) -> Result<(), String> {
        let suffix = self.suffix.strip_prefix('-').unwrap_or(&self.suffix);
        if suffix.len() == self.suffix.len() && !suffix.is_empty()
            || !label(suffix) && !suffix.is_empty()
        {
            return Err("suffix: expected is \"\" or - and lower-case letters, digits and hyphens"
                .to_owned());
        }
        for (member, name) in [("cache", &self.cache), ("database", &self.database)] {
            if !label(name) {
                return Err(format!(
                    "{member}: expected are lower-case letters, digits and hyphens"
                ));
            }
        }
        if self.brake_namespace.parse::<u32>().is_err() {
            return Err("brake_namespace: expected is a whole number in quotes".to_owned());
        }
        if !(0.0..=1.0).contains(&self.log_sampling) {
            return Err("log_sampling: expected is a number from 0 to 1".to_owned());
        }
        let rises = self.rollout.is_sorted_by(|former, next| former < next);
        if self.rollout.last() != Some(&100) || !rises || self.rollout.first() == Some(&0) {
            return Err(
                "rollout: expected are rising whole numbers, the last of them 100".to_owned()
            );
        }
        if let Some(location) = &self.location
            && !LOCATIONS.contains(&location.as_str())
        {
            return Err(format!("location: expected is null or one of {}", LOCATIONS.join(", ")));
        }
        if let Some(domain) = &self.domain {
            check_domain(domain).map_err(|problem| format!("domain: {problem}"))?;
        }
        if self.vars.contains_key(LOOPBACK_PORTS) {
            return Err(format!("vars: {LOOPBACK_PORTS} is for one's own machine alone"));
        }
        Ok(())
    }
}

/// Every environment by its name.
///
/// # Errors
/// `Content` for a file, or an environment in it, that makes no sense, or two that would share what is theirs.
pub(crate) fn read_all(layout: &Layout) -> Result<BTreeMap<String, Environment>, Failure> {
    let path = layout.wrangler().join("environments.jsonc");
    let mut all: BTreeMap<String, Environment> = serde_json::from_value(jsonc(&path)?)
        .map_err(|error| Failure::Content { path: path.clone(), problem: error.to_string() })?;
    let mut suffixes = BTreeMap::new();
    let mut namespaces = BTreeMap::new();
    for (name, environment) in &mut all {
        environment.name.clone_from(name);
        let content = |problem: String| Failure::Content { path: path.clone(), problem };
        environment.check().map_err(|problem| content(format!("{name}: {problem}")))?;
        if let Some(other) = suffixes.insert(environment.suffix.clone(), name.clone()) {
            return Err(content(format!(
                "{other} and {name} have one suffix, so each would deploy over the other"
            )));
        }
        if let Some(other) = namespaces.insert(environment.brake_namespace.clone(), name.clone()) {
            return Err(content(format!(
                "{other} and {name} have one brake_namespace, so they would count together"
            )));
        }
    }
    Ok(all)
}

/// Reads JSON with comments.
pub(crate) fn jsonc(path: &Path) -> Result<Value, Failure> {
    jsonc_parser::parse_to_serde_value(&files::read(path)?, &jsonc_parser::ParseOptions::default())
        .map_err(|error| Failure::Content { path: path.to_owned(), problem: error.to_string() })
}

/// Says what is wrong with a domain.
pub(crate) fn check_domain(domain: &str) -> Result<(), String> {
    let labels: Vec<&str> = domain.split('.').collect();
    if labels.len() < 2 || domain.len() > 200 || !labels.iter().all(|part| label(part)) {
        return Err(format!(
            "`{domain}` is no domain; expected is one like example.com, without https://"
        ));
    }
    Ok(())
}

/// Whether a text can be a part of a host's name.
fn label(text: &str) -> bool {
    let inside =
        text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    inside && !text.is_empty() && text.len() <= 63 && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Environment, check_domain, read_all};
    use crate::files;
    use crate::layout::Layout;

    fn layout(root: PathBuf) -> Layout {
        Layout { target: root.join("target"), cache: root.join("cache"), root }
    }

    fn committed() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    #[test]
    fn the_committed_environments_are_three_that_share_nothing() {
        let all = read_all(&layout(committed())).unwrap();
        assert_eq!(all.keys().collect::<Vec<_>>(), ["dev", "production", "staging"]);
        assert_eq!(all["staging"].named("de-text"), "de-text-staging");
        assert_eq!(all["production"].database(), "de");
        let refusal = Environment::read(&layout(committed()), "prod").unwrap_err().to_string();
        assert!(refusal.contains("one of: dev, production, staging"), "{refusal}");
    }

    #[test]
    fn what_makes_no_sense_is_told_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(folder.path().to_owned());
        let path = layout.wrangler().join("environments.jsonc");
        let whole = files::read(&committed().join("wrangler/environments.jsonc")).unwrap();
        for (from, to, expected) in [
            ("\"suffix\": \"-staging\"", "\"suffix\": \"staging\"", "staging: suffix: "),
            (
                "\"suffix\": \"-staging\"",
                "\"suffix\": \"\"",
                "production and staging have one suffix",
            ),
            (
                "\"brake_namespace\": \"1002\"",
                "\"brake_namespace\": \"1001\"",
                "have one brake_namespace",
            ),
            ("\"rollout\": [10, 100]", "\"rollout\": [10]", "production: rollout: "),
            ("\"rollout\": [10, 100]", "\"rollout\": [20, 10, 100]", "production: rollout: "),
            ("\"log_sampling\": 1,", "\"log_sampling\": 2,", "dev: log_sampling: "),
            (
                "\"vars\": {}",
                "\"vars\": {\"DE_LOOPBACK_PORTS\": \"1\"}",
                "dev: vars: DE_LOOPBACK_PORTS",
            ),
            ("\"location\": null", "\"location\": \"mars\"", "dev: location: "),
            ("\"domain\": null", "\"domain\": \"https://example.com\"", "dev: domain: "),
            ("\"crons\": true", "\"cron\": true", "unknown field `cron`"),
        ] {
            files::write(&path, &whole.replacen(from, to, 1)).unwrap();
            let refusal = read_all(&layout).unwrap_err().to_string();
            assert!(refusal.contains(expected), "{to}: {refusal}");
        }
    }

    #[test]
    fn domains_are_checked() {
        for good in ["example.com", "gateway.example.co.uk"] {
            check_domain(good).unwrap();
        }
        for bad in
            ["example", "https://example.com", "example.com/", "a..b", "-a.com", "Example.com", ""]
        {
            assert!(check_domain(bad).is_err(), "{bad}");
        }
    }
}
