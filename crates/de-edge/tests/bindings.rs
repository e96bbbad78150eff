//! The names in `bindings.rs` and those in `wrangler/*.jsonc` are the same.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{fs, path::PathBuf};

use de_edge::bindings;
use serde_json::{Value, json};

/// The configs of the workers, which have code.
fn configs() -> Vec<(String, Value)> {
    all().into_iter().filter(|(_, config)| config.get("main").is_some()).collect()
}

/// The configs of the pages, which are files alone.
fn pages() -> Vec<(String, Value)> {
    all().into_iter().filter(|(_, config)| config.get("main").is_none()).collect()
}

fn all() -> Vec<(String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../wrangler");
    let mut configs = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "jsonc") {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).unwrap();
            // Comments stand on lines of their own in these files.
            let json: Vec<&str> =
                text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            configs.push((name, serde_json::from_str(&json.join("\n")).unwrap()));
        }
    }
    configs
}

fn names(config: &Value, list: &str, member: &str) -> Vec<String> {
    let entries = config.pointer(list).and_then(Value::as_array).cloned().unwrap_or_default();
    entries.iter().map(|entry| entry[member].as_str().unwrap().to_owned()).collect()
}

#[test]
fn o02_every_binding_has_the_name_that_the_code_asks_for() {
    let configs = configs();
    assert_eq!(configs.len(), 7, "one a worker");
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
fn a_page_is_its_files_and_nothing_else() {
    let pages = pages();
    assert_eq!(pages.len(), 4);
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
    for (worker, config) in configs() {
        let brake = config.pointer("/ratelimits").cloned().unwrap_or_default();
        if worker == "rate-limiter" {
            assert!(brake.is_null(), "nobody logs in there");
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
