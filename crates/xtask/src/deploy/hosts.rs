//! Under which address each deployable is found.

use std::collections::BTreeMap;

use crate::deploy::environments::Environment;
use crate::deploy::services::{self, FRONT_DOOR, label};
use crate::pages::Origins;

/// Where an environment is reached.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// A domain of the operator's own, a zone of the account.
    Domain(String),
    /// The account's part of workers.dev: `name.workers.dev`.
    WorkersDev(String),
}

/// The hosts of everything that is reached from outside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Hosts {
    hosts: BTreeMap<&'static str, String>,
    pub(crate) place: Place,
}

impl Hosts {
    pub(crate) fn new(environment: &Environment, place: Place) -> Self {
        let reached = services::workers().chain(services::pages());
        let hosts = reached.filter_map(|name| {
            let label = label(name)?;
            let host = match &place {
                // One label deep, whatever the environment: certificates and other pages' cookies end there.
                Place::Domain(domain) => format!("{}.{domain}", environment.named(label)),
                Place::WorkersDev(account) => {
                    format!("{}.{account}", services::on_account(environment, name))
                }
            };
            Some((name, host))
        });
        Self { hosts: hosts.collect(), place }
    }

    /// The origin that callers use.
    pub(crate) fn api(&self) -> String {
        self.origin(FRONT_DOOR).unwrap_or_default()
    }

    /// Where a deployable is reached; none for a worker that only others reach.
    pub(crate) fn origin(&self, name: &str) -> Option<String> {
        self.hosts.get(name).map(|host| format!("https://{host}"))
    }

    /// What a page is told of where the others are.
    pub(crate) fn origins(&self) -> Origins {
        let pages = services::pages().filter_map(|page| Some((page, self.origin(page)?)));
        Origins { api: self.api(), pages: pages.collect() }
    }

    /// The origins of all pages, in the order of the list.
    pub(crate) fn page_origins(&self) -> Vec<String> {
        services::pages().filter_map(|page| self.origin(page)).collect()
    }

    /// The host to attach to a deployable; none without a domain, and for who is not reached.
    pub(crate) fn custom(&self, name: &str) -> Option<&str> {
        match self.place {
            Place::Domain(_) => self.hosts.get(name).map(String::as_str),
            Place::WorkersDev(_) => None,
        }
    }

    /// Every host, as it is asked for.
    pub(crate) fn all(&self) -> Vec<&str> {
        self.hosts.values().map(String::as_str).collect()
    }

    /// Whether a deployable is served under workers.dev.
    pub(crate) fn is_on_workers_dev(&self, name: &str) -> bool {
        matches!(self.place, Place::WorkersDev(_)) && self.hosts.contains_key(name)
    }
}

/// Reads the place from the origin that a deployed front door has; `None` for an origin of another form.
pub(crate) fn place_of(environment: &Environment, api: &str) -> Option<Place> {
    let host = api.strip_prefix("https://")?;
    let (first, rest) = host.split_once('.')?;
    if first == services::on_account(environment, FRONT_DOOR) && rest.ends_with(".workers.dev") {
        return Some(Place::WorkersDev(rest.to_owned()));
    }
    (first == environment.named(label(FRONT_DOOR)?)).then(|| Place::Domain(rest.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Hosts, Place, place_of};
    use crate::deploy::environments::Environment;
    use crate::layout::Layout;

    fn environment(name: &str) -> Environment {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
        let layout = Layout { target: root.join("target"), cache: root.join("cache"), root };
        Environment::read(&layout, name).unwrap()
    }

    #[test]
    fn hosts_are_told_and_found_again() {
        let domain = Place::Domain("example.com".to_owned());
        let account = Place::WorkersDev("acme.workers.dev".to_owned());
        for (name, place, api, admin) in [
            ("production", &domain, "https://api.example.com", "https://admin.example.com"),
            (
                "staging",
                &domain,
                "https://api-staging.example.com",
                "https://admin-staging.example.com",
            ),
            (
                "production",
                &account,
                "https://de-config.acme.workers.dev",
                "https://de-admin-panel.acme.workers.dev",
            ),
            (
                "staging",
                &account,
                "https://de-config-staging.acme.workers.dev",
                "https://de-admin-panel-staging.acme.workers.dev",
            ),
        ] {
            let environment = environment(name);
            let hosts = Hosts::new(&environment, place.clone());
            assert_eq!(hosts.api(), api);
            assert_eq!(hosts.page_origins()[0], admin);
            assert_eq!(hosts.origin("text"), None);
            assert_eq!(hosts.custom("config").is_some(), *place == domain);
            assert_eq!(hosts.is_on_workers_dev("config"), *place == account);
            assert!(!hosts.is_on_workers_dev("text") && hosts.custom("text").is_none());
            assert_eq!(place_of(&environment, api), Some(place.clone()));
        }
        assert_eq!(place_of(&environment("staging"), "https://api.example.com"), None);
        assert_eq!(place_of(&environment("staging"), "http://127.0.0.1:8787"), None);
    }
}
