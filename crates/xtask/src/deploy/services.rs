//! What is deployed, under which host, and in which order: the table of `de-services`, as these commands read it.

use std::collections::BTreeMap;

use de_services::{PAGES, Reach, WORKERS, Worker};
use serde_json::Value;

use crate::deploy::environments::{Environment, jsonc};
use crate::failure::Failure;
use crate::layout::Layout;

/// The worker behind the one host that callers know.
pub(crate) const FRONT_DOOR: &str = "config";
/// Begins the name of everything on the account.
const PREFIX: &str = "de-";

/// The names of all workers.
pub(crate) fn workers() -> impl Iterator<Item = &'static str> {
    WORKERS.iter().map(|worker| worker.name)
}

/// The names of all pages.
pub(crate) fn pages() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|page| page.name)
}

/// The first part of a deployable's host, for those that people and programs call.
pub(crate) fn label(name: &str) -> Option<&'static str> {
    let of_worker = || match de_services::worker(name)?.reach {
        Reach::FrontDoor { label } => Some(label),
        Reach::Called { .. } | Reach::Inside => None,
    };
    let page = PAGES.iter().find(|page| page.name == name);
    page.map(|page| page.label).or_else(of_worker)
}

/// Whether a worker opens vendors' keys. One that only others reach opens none.
pub(crate) fn is_keyed(worker: &str) -> bool {
    de_services::worker(worker).is_some_and(Worker::takes_keys)
}

/// The name of a deployable on the account.
pub(crate) fn on_account(environment: &Environment, name: &str) -> String {
    environment.named(&format!("{PREFIX}{name}"))
}

/// The committed config of every deployable, by its name.
pub(crate) fn configs(layout: &Layout) -> Result<BTreeMap<&'static str, Value>, Failure> {
    workers()
        .chain(pages())
        .map(|name| Ok((name, jsonc(&layout.wrangler().join(format!("{name}.jsonc")))?)))
        .collect()
}

/// Workers in an order in which each comes after those that it binds to, then the pages.
///
/// A worker cannot be deployed with a binding to one that is not there. Two that bind to each other could never be
/// deployed on a fresh account; the tests of `de-services` and `de-edge` refuse them.
pub(crate) fn order() -> Vec<&'static str> {
    let workers = de_services::order_of_deployment().into_iter().map(|worker| worker.name);
    workers.chain(pages()).collect()
}

#[cfg(test)]
mod tests {
    use super::{FRONT_DOOR, is_keyed, label, order, pages, workers};

    #[test]
    fn the_front_door_is_the_last_of_the_workers_and_the_pages_follow() {
        assert!(de_services::worker(FRONT_DOOR).unwrap().is_front_door());
        let order = order();
        let place = |name: &str| order.iter().position(|known| *known == name).unwrap();
        assert_eq!(order[0], "rate-limiter");
        assert_eq!(place(FRONT_DOOR), workers().count() - 1);
        assert!(place("render") < place("audio") && place("render") < place("image"));
        assert_eq!(order.len(), workers().count() + pages().count());
    }

    #[test]
    fn hosts_and_keys_are_those_of_the_table() {
        assert_eq!(
            (label(FRONT_DOOR), label("admin-panel"), label("text")),
            (Some("api"), Some("admin"), None)
        );
        assert!(is_keyed("text") && is_keyed(FRONT_DOOR) && !is_keyed("rate-limiter"));
    }
}
