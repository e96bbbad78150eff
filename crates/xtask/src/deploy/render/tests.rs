//! Every config of every environment: what is the code's stays, what is the environment's is its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use de_edge::bindings;
use serde_json::{Value, json};

use super::{Ids, Wishes, render};
use crate::build::Purpose;
use crate::deploy::environments::{Environment, read_all};
use crate::deploy::hosts::{Hosts, Place};
use crate::deploy::services::{self, configs};
use crate::layout::Layout;

fn layout() -> Layout {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    Layout { target: root.join("target"), cache: root.join("cache"), root }
}

fn ids() -> Ids {
    Ids { cache: "cafe".to_owned(), database: "d1d1".to_owned() }
}

fn rendered(
    layout: &Layout,
    environment: &Environment,
    place: Place,
) -> BTreeMap<&'static str, Value> {
    let hosts = Hosts::new(environment, place);
    let vars = BTreeMap::from([("DE_ACCESS_AUD".to_owned(), "aud".to_owned())]);
    let ids = ids();
    let wishes = Wishes {
        code: Purpose::Deployment,
        environment,
        hosts: &hosts,
        ids: &ids,
        layout,
        vars: &vars,
    };
    let made = configs(layout).unwrap().into_iter();
    made.map(|(name, config)| (name, render(&wishes, name, &config).unwrap())).collect()
}

fn all(config: &Value, list: &str, member: &str) -> Vec<String> {
    let entries = config.pointer(list).and_then(Value::as_array).cloned().unwrap_or_default();
    entries.iter().filter_map(|entry| entry.get(member)?.as_str().map(str::to_owned)).collect()
}

#[test]
fn o02_every_binding_of_every_environment_has_the_name_that_the_code_asks_for() {
    let layout = layout();
    let committed = configs(&layout).unwrap();
    for environment in read_all(&layout).unwrap().values() {
        for (name, made) in rendered(&layout, environment, Place::Domain("example.com".to_owned()))
        {
            let known_services: Vec<String> = services::workers().map(bindings::service).collect();
            for (list, member, known) in [
                ("/d1_databases", "binding", vec![bindings::DB.to_owned()]),
                (
                    "/durable_objects/bindings",
                    "name",
                    [bindings::CLAIMS, bindings::JOBS, bindings::LIMITER]
                        .map(str::to_owned)
                        .to_vec(),
                ),
                ("/kv_namespaces", "binding", vec![bindings::CACHE.to_owned()]),
                ("/r2_buckets", "binding", vec![bindings::ASSETS.to_owned()]),
                ("/ratelimits", "name", vec![bindings::BRAKE.to_owned()]),
                ("/services", "binding", known_services),
            ] {
                let names = all(&made, list, member);
                assert_eq!(
                    names,
                    all(&committed[name], list, member),
                    "{name} in {}",
                    environment.name
                );
                assert!(
                    names.iter().all(|binding| known.contains(binding)),
                    "{name}: {list} has {names:?}"
                );
            }
            assert_eq!(
                made.get("version_metadata"),
                committed[name].get("version_metadata"),
                "{name}"
            );
            assert_eq!(made.get("migrations"), committed[name].get("migrations"), "{name}");
            let vars = made.get("vars").and_then(Value::as_object);
            let vars: Vec<&str> =
                vars.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            let expected =
                [bindings::ACCESS_AUD, bindings::INTERFACE_ORIGINS, bindings::PUBLIC_BASE];
            assert_eq!(
                vars,
                if made.get("main").is_some() { expected.to_vec() } else { Vec::new() },
                "{name}"
            );
        }
    }
}

#[test]
fn environments_share_no_name_no_host_and_no_count() {
    let layout = layout();
    let names = |environment: &Environment| {
        let mut names = BTreeSet::new();
        for made in rendered(&layout, environment, Place::Domain("example.com".to_owned())).values()
        {
            names.insert(made["name"].as_str().unwrap().to_owned());
            for (list, member) in [
                ("/d1_databases", "database_name"),
                ("/durable_objects/bindings", "script_name"),
                ("/r2_buckets", "bucket_name"),
                ("/ratelimits", "namespace_id"),
                ("/routes", "pattern"),
                ("/services", "service"),
            ] {
                names.extend(all(made, list, member));
            }
        }
        names
    };
    let all = read_all(&layout).unwrap();
    for (first, second) in [("dev", "staging"), ("staging", "production"), ("dev", "production")] {
        let shared: Vec<String> =
            names(&all[first]).intersection(&names(&all[second])).cloned().collect();
        assert_eq!(shared, Vec::<String>::new(), "{first} and {second}");
    }
}

#[test]
fn only_the_front_door_and_pages_are_reached_from_outside() {
    let layout = layout();
    let environment = Environment::read(&layout, "staging").unwrap();
    for (place, with_routes) in [
        (Place::Domain("example.com".to_owned()), true),
        (Place::WorkersDev("acme.workers.dev".to_owned()), false),
    ] {
        for (name, made) in rendered(&layout, &environment, place) {
            let reached = services::label(name).is_some();
            assert_eq!(made["workers_dev"], reached && !with_routes, "{name}");
            assert_eq!(made["preview_urls"], false, "{name}");
            assert_eq!(made.get("routes").is_some(), reached && with_routes, "{name}");
        }
    }
    let made = rendered(&layout, &environment, Place::Domain("example.com".to_owned()));
    assert_eq!(
        made["config"]["routes"],
        json!([{"custom_domain": true, "pattern": "api-staging.example.com"}])
    );
    assert_eq!(made["text"]["vars"]["DE_PUBLIC_BASE"], "https://api-staging.example.com");
    let origins = made["text"]["vars"]["DE_INTERFACE_ORIGINS"].as_str().unwrap();
    assert!(
        origins.starts_with("https://admin-staging.example.com,https://monitoring-staging."),
        "{origins}"
    );
}

#[test]
fn ids_paths_and_wishes_of_the_environment_are_put_in() {
    let layout = layout();
    let mut environment = Environment::read(&layout, "production").unwrap();
    environment.cpu_ms = Some(500);
    environment.crons = false;
    environment.log_sampling = 0.5;
    environment.smart_placement.insert("text".to_owned());
    let made = rendered(&layout, &environment, Place::Domain("example.com".to_owned()));
    let config = &made["config"];
    assert_eq!(config["d1_databases"][0]["database_id"], "d1d1");
    assert_eq!(config["kv_namespaces"][0]["id"], "cafe");
    assert!(config["d1_databases"][0]["migrations_dir"].as_str().unwrap().ends_with("/migrations"));
    assert!(config["main"].as_str().unwrap().ends_with("target/deploy/workers/config/index.js"));
    assert_eq!(config["limits"], json!({"cpu_ms": 500}));
    assert_eq!(config["observability"], json!({"enabled": true, "head_sampling_rate": 0.5}));
    // An empty list takes them away; a list that is missing would let them be.
    assert_eq!(config["triggers"], json!({"crons": []}));
    assert_eq!(made["text"]["placement"], json!({"mode": "smart"}));
    assert_eq!(config.get("placement"), None);
    let page = &made["admin-panel"];
    assert!(
        page["assets"]["directory"]
            .as_str()
            .unwrap()
            .ends_with("target/deploy/production/pages/admin-panel")
    );
    assert_eq!(page.get("vars"), None);
    assert!(
        made.values().all(|made| made.get("$schema").is_none() && made.get("account_id").is_none())
    );
}

#[test]
fn what_nobody_decided_for_environments_is_refused() {
    let layout = layout();
    let environment = Environment::read(&layout, "staging").unwrap();
    let hosts = Hosts::new(&environment, Place::Domain("example.com".to_owned()));
    let ids = ids();
    let none = BTreeMap::new();
    let refused = |member: &str, value: Value| {
        let wishes = Wishes {
            code: Purpose::Local,
            environment: &environment,
            hosts: &hosts,
            ids: &ids,
            layout: &layout,
            vars: &none,
        };
        let mut config = configs(&layout).unwrap().remove("text").unwrap();
        config[member] = value;
        render(&wishes, "text", &config).unwrap_err().to_string()
    };
    assert!(refused("queues", json!([])).contains("text.jsonc: `queues`: say in"));
    assert!(refused("account_id", json!("a")).contains("no account stands"));
    assert!(
        refused("vars", json!({"DE_LOOPBACK_PORTS": "1"}))
            .contains("DE_LOOPBACK_PORTS is for one's own machine")
    );
}
