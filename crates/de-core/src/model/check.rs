//! What a config says of its provider: whether it can be called there, and its mapping's examples hold.
//!
//! One check for all that saves models: the API, imports and seeds.

use url::Url;

use super::ModelConfig;
use crate::{
    guard,
    mapping::{PayloadMapping, issue::MappingIssue},
    ports::Settings,
    protocols::FieldIssue,
    registry,
    store::providers::Provider,
};

/// Checks a config against its provider; `None`: there is none. `settings` as in [`guard::check`].
///
/// Empty if all is well; else everything that is wrong, with pointers into the config.
#[must_use]
pub fn with_provider(
    config: &ModelConfig,
    provider: Option<&Provider>,
    settings: &Settings,
) -> Vec<FieldIssue> {
    let of_provider =
        |reason: String| vec![FieldIssue { pointer: "/provider_id".to_owned(), reason }];
    let Some(provider) = provider else {
        return of_provider(format!("there is no provider {}", config.provider_id));
    };
    let base_url = match Url::parse(&provider.base_url) {
        Ok(base_url) => base_url,
        Err(err) => return of_provider(format!("its base_url is no address: {err}")),
    };
    let mut issues = match guard::check(&base_url, settings) {
        Ok(()) => Vec::new(),
        Err(err) => of_provider(format!("its base_url may not be called: {err}")),
    };
    if let Some(mapping) = &config.payload_mapping {
        let Provider { allowed_hosts, auth, protocol_defaults, .. } = provider;
        let rules = registry::rules(base_url, allowed_hosts.clone(), auth, protocol_defaults);
        let found = match PayloadMapping::parse(mapping, &rules) {
            Ok(mapping) => mapping.check_examples(),
            Err(issues) => issues,
        };
        issues.extend(found.iter().map(in_config));
    }
    issues
}

/// An issue of a mapping, with its place in the config.
#[must_use]
pub fn in_config(issue: &MappingIssue) -> FieldIssue {
    FieldIssue {
        pointer: format!("/payload_mapping{}", issue.pointer),
        reason: issue.fault.to_string(),
    }
}
