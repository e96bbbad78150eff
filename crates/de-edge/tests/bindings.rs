//! The names in `bindings.rs` and those in `wrangler/*.jsonc` are the same.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use de_edge::bindings;
use de_services::{PAGES, WORKERS};
use serde_json::{Value, json};

/// The configs of the workers.
fn configs() -> Vec<(&'static str, Value)> {
    WORKERS.iter().map(|worker| (worker.name, config(worker.name))).collect()
}

/// The configs of the pages, which are files alone.
fn pages() -> Vec<(&'static str, Value)> {
    PAGES.iter().map(|page| (page.name, config(page.name))).collect()
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../wrangler")
}

fn config(name: &str) -> Value {
    read(&folder().join(format!("{name}.jsonc")))
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
    // Comments stand on lines of their own in these files.
    let json: Vec<&str> =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    serde_json::from_str(&json.join("\n")).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
}

fn names(config: &Value, list: &str, member: &str) -> Vec<String> {
    let entries = config.pointer(list).and_then(Value::as_array).cloned().unwrap_or_default();
    entries.iter().filter_map(|entry| entry[member].as_str().map(str::to_owned)).collect()
}

#[test]
fn o02_every_binding_has_the_name_that_the_code_asks_for() {
    let configs = configs();
    let services: Vec<String> =
        configs.iter().map(|(worker, _)| bindings::service(worker)).collect();
    for (worker, config) in &configs {
        let check = |list: &str, member: &str, known: &[&str]| {
            for name in names(config, list, member) {
                assert!(known.contains(&name.as_str()), "{worker}: {list} has {name}");
            }
        };
        check("/d1_databases", "binding", &[bindings::DB]);
        check("/kv_namespaces", "binding", &[bindings::CACHE]);
        check("/r2_buckets", "binding", &[bindings::ASSETS]);
        check("/ratelimits", "name", &[bindings::BRAKE]);
        let objects = [bindings::CLAIMS, bindings::JOBS, bindings::LIMITER];
        check("/durable_objects/bindings", "name", &objects);
        let services: Vec<&str> = services.iter().map(String::as_str).collect();
        check("/services", "binding", &services);
    }
}

#[test]
fn every_config_is_of_a_worker_or_page_that_is_known() {
    let names = WORKERS.iter().map(|worker| worker.name).chain(PAGES.iter().map(|page| page.name));
    let known: BTreeSet<_> = names.map(str::to_owned).collect();
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let is_config = path.extension().is_some_and(|extension| extension == "jsonc");
        if is_config && let Some(name) = read(&path).get("name") {
            assert_eq!(*name, format!("de-{}", path.file_stem().unwrap().to_string_lossy()));
            found.insert(path.file_stem().unwrap().to_string_lossy().into_owned());
        }
    }
    assert_eq!(found, known, "crates/de-services has a row for each config, and for nothing else");
}

#[test]
fn what_a_worker_stands_on_is_what_it_is_bound_to() {
    for worker in WORKERS {
        let config = config(worker.name);
        let objects = names(&config, "/durable_objects/bindings", "script_name");
        let services = names(&config, "/services", "service");
        let mut expected: BTreeSet<String> =
            worker.stands_on.iter().map(|name| format!("de-{name}")).collect();
        assert_eq!(objects.into_iter().collect::<BTreeSet<_>>(), expected, "{}", worker.name);
        if worker.is_front_door() {
            let others = WORKERS.iter().filter(|other| *other != worker);
            expected = others.map(|other| format!("de-{}", other.name)).collect();
            assert_eq!(services.into_iter().collect::<BTreeSet<_>>(), expected);
            for other in WORKERS.iter().filter(|other| *other != worker) {
                let entry = json!({
                    "binding": bindings::service(other.name), "service": format!("de-{}", other.name)
                });
                assert!(config["services"].as_array().unwrap().contains(&entry), "{entry}");
            }
        } else {
            assert!(services.is_empty(), "{}: only the front door asks others", worker.name);
        }
    }
}

#[test]
fn a_page_is_its_files_and_nothing_else() {
    let pages = pages();
    let (_, worker) = &configs()[0];
    for (page, config) in &pages {
        let expected = json!({
            "$schema": "node_modules/wrangler/config-schema.json",
            "assets": {
                "directory": format!("../interfaces/{page}/dist"),
                "not_found_handling": "single-page-application",
            },
            "compatibility_date": worker["compatibility_date"],
            "name": format!("de-{page}"),
        });
        assert_eq!(config, &expected, "{page}");
    }
}

#[test]
fn every_worker_runs_on_the_same_database_and_date() {
    let configs = configs();
    let (_, first) = &configs[0];
    for (worker, config) in &configs {
        assert_eq!(config["name"], format!("de-{worker}"));
        assert_eq!(config["version_metadata"], json!({"binding": bindings::VERSION}), "{worker}");
        assert_eq!(config["compatibility_date"], first["compatibility_date"], "{worker}");
        assert_eq!(config["compatibility_flags"], first["compatibility_flags"], "{worker}");
        let database = config.pointer("/d1_databases/0/database_id");
        assert_eq!(database, first.pointer("/d1_databases/0/database_id"), "{worker}");
    }
}

#[test]
fn failed_log_ins_are_counted_once_for_all_workers_that_take_keys() {
    for row in WORKERS {
        let (worker, config) = (row.name, config(row.name));
        let brake = config.pointer("/ratelimits").cloned().unwrap_or_default();
        if !row.takes_keys() {
            assert!(brake.is_null(), "{worker}: nobody logs in there");
            continue;
        }
        let simple = json!({"limit": 20, "period": 60});
        let one = json!({"name": bindings::BRAKE, "namespace_id": "1001", "simple": simple});
        assert_eq!(brake, json!([one]), "{worker}");
    }
}

#[test]
fn what_a_deployment_must_not_have_is_in_no_config() {
    for (worker, config) in configs() {
        let text = config.to_string();
        for name in [bindings::LOOPBACK_PORTS, bindings::MASTER_KEY, "account_id"] {
            assert!(!text.contains(name), "{worker} has {name}");
        }
    }
}
