//! The lines that nothing may cross, read off the sources.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use de_services::WORKERS;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every Rust file below a folder, with its text up to the tests.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(&root().join(folder), &mut found);
    assert!(!found.is_empty(), "{folder} has no sources");
    found
}

fn collect(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned();
            found.push((path.to_string_lossy().into_owned(), code));
        }
    }
}

/// Code lines, without comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.starts_with("//"))
}

fn refuse(folder: &str, words: &[&str], may: impl Fn(&str) -> bool) {
    for (path, text) in sources(folder) {
        if may(&path) {
            continue;
        }
        for line in code(&text) {
            for word in words {
                assert!(!line.contains(word), "{path} has `{word}`: {line}");
            }
        }
    }
}

const RUNTIME: [&str; 6] =
    ["worker::", "js_sys::", "web_sys::", "wasm_bindgen::", "JsValue", "SendWrapper"];

#[test]
fn only_the_edge_names_the_runtime() {
    refuse("crates/de-core/src", &RUNTIME, |_| false);
    for worker in WORKERS {
        refuse(&format!("workers/{}/src", worker.name), &RUNTIME, |path| {
            path.ends_with("entry.rs") || path.contains("_object")
        });
    }
}

#[test]
fn only_the_exchange_sends_to_vendors() {
    refuse("crates/de-core/src", &["fetch.send("], |path| {
        // The keys that log-ins are checked with come from who signs them, and that is no vendor.
        path.ends_with("src/auth/access_keys.rs")
            // What a vendor's reply points to is fetched without a key.
            || path.ends_with("src/assets/fetch.rs")
            || path.ends_with("src/exchange.rs")
            || path.contains("src/exchange/")
            // The operator's own collector of spans, at the address that a deployment names; it gets no key of a vendor.
            || path.ends_with("src/otlp.rs")
            // Receivers of webhooks are no vendors either, and get no key.
            || path.ends_with("src/webhooks/delivery.rs")
    });
    for worker in WORKERS {
        refuse(&format!("workers/{}/src", worker.name), &["fetch.send(", ".fetch."], |path| {
            // Listens to what the exchange sends in a test of a model, and hands it on as it is.
            path.ends_with("model_configs/trial.rs")
        });
    }
}

#[test]
fn only_the_store_holds_sql() {
    let words = ["SELECT ", "INSERT INTO", "UPDATE ", "DELETE FROM"];
    refuse("crates/de-core/src", &words, |path| {
        // `SELECT 1` asks whether the database lives.
        path.contains("/store/") || path.ends_with("http/health.rs")
    });
    for worker in WORKERS {
        refuse(&format!("workers/{}/src", worker.name), &words, |path| {
            // An object's own storage, which is no table of the store.
            path.ends_with("src/kept_sql.rs") || path.ends_with("src/claim_sql.rs")
        });
    }
}

#[test]
fn sql_is_never_built_at_run_time() {
    refuse(
        "crates/de-core/src/store",
        &["format!(\"SELECT", "format!(\"INSERT", "SELECT *"],
        |_| false,
    );
}

#[test]
fn time_and_randomness_come_from_ports() {
    let words =
        ["SystemTime", "Instant::", "Utc::now", "Uuid::new_v", "now_v7", "thread_rng", "getrandom"];
    refuse("crates/de-core/src", &words, |_| false);
}

/// Statuses that tell of no failure.
const SUCCESSES: [&str; 6] =
    ["ACCEPTED", "CREATED", "NOT_MODIFIED", "NO_CONTENT", "OK", "PARTIAL_CONTENT"];

/// The statuses that a line names, as `StatusCode::NOT_FOUND`.
fn statuses(line: &str) -> impl Iterator<Item = &str> {
    let after = line.split("StatusCode::").skip(1);
    let names = after.map(|rest| {
        rest.split(|letter: char| !letter.is_ascii_uppercase() && letter != '_').next().unwrap()
    });
    // A function of it, as `from_u16`, begins with none.
    names.filter(|name| !name.is_empty() && *name != "_")
}

#[test]
fn only_error_rs_picks_a_failures_status() {
    let workers = WORKERS.iter().map(|worker| format!("workers/{}/src", worker.name));
    let folders = ["crates/de-core/src".to_owned()].into_iter().chain(workers);
    let files = folders.flat_map(|folder| sources(&folder));
    let mut count = 0;
    for (path, text) in files {
        // `/ready` is a report, and 503 what a load balancer reads of it.
        if path.ends_with("http/error.rs") || path.ends_with("http/health.rs") {
            continue;
        }
        for line in code(&text) {
            for name in statuses(line) {
                count += 1;
                assert!(SUCCESSES.contains(&name), "{path} picks {name}: {line}");
            }
        }
    }
    assert!(count > 20, "only {count} statuses were found");
}
