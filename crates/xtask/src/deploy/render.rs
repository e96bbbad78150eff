//! Whole configs for one environment, made of the committed ones.
//!
//! The committed configs have every binding once, for the local stack. Here each gets the names, ids, hosts and
//! variables of an environment. A member that this file does not know is refused: a new kind of binding that kept
//! its name would be shared by all environments.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::build::Purpose;
use crate::deploy::environments::{Environment, LOOPBACK_PORTS};
use crate::deploy::hosts::Hosts;
use crate::deploy::services;
use crate::failure::Failure;
use crate::layout::Layout;

/// What the resources of an environment are called by the account.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Ids {
    /// Of the KV namespace.
    pub(crate) cache: String,
    /// Of the D1 database.
    pub(crate) database: String,
}

impl Ids {
    /// Those of nobody, for a dry run.
    pub(crate) fn none() -> Self {
        Self { cache: "0".repeat(32), database: "00000000-0000-0000-0000-000000000000".to_owned() }
    }
}

/// Everything that a config is made of, beside the committed one.
pub(crate) struct Wishes<'a> {
    /// Which build of the workers.
    pub(crate) code: Purpose,
    pub(crate) environment: &'a Environment,
    pub(crate) hosts: &'a Hosts,
    pub(crate) ids: &'a Ids,
    pub(crate) layout: &'a Layout,
    /// Variables of the operator's own, beside those of the environment.
    pub(crate) vars: &'a BTreeMap<String, String>,
}

/// Where the dressed files of a page lie.
pub(crate) fn page_folder(layout: &Layout, environment: &Environment, page: &str) -> PathBuf {
    layout.deploy().join(&environment.name).join("pages").join(page)
}

/// Makes the config of one deployable.
///
/// # Errors
/// `Content` for a member that is not known here, or for `DE_LOOPBACK_PORTS`.
pub(crate) fn render(
    wishes: &Wishes<'_>,
    name: &'static str,
    committed: &Value,
) -> Result<Value, Failure> {
    let Wishes { hosts, layout, .. } = wishes;
    let content = |problem: String| Failure::Content {
        path: layout.wrangler().join(format!("{name}.jsonc")),
        problem,
    };
    let Value::Object(committed) = committed else {
        return Err(content("it is no object".to_owned()));
    };
    let mut made = Map::new();
    for (member, value) in committed {
        if let Some(value) = adapted(wishes, name, member, value.clone()).map_err(content)? {
            made.insert(member.clone(), value);
        }
    }
    made.insert("preview_urls".to_owned(), false.into());
    made.insert("workers_dev".to_owned(), hosts.is_on_workers_dev(name).into());
    if let Some(host) = hosts.custom(name) {
        made.insert("routes".to_owned(), json!([{ "custom_domain": true, "pattern": host }]));
    }
    if services::pages().all(|page| page != name) {
        dress_worker(wishes, name, &mut made).map_err(content)?;
    }
    Ok(Value::Object(made))
}

/// A member as the environment has it; `None` for one that is left out.
fn adapted(
    wishes: &Wishes<'_>,
    name: &str,
    member: &str,
    mut value: Value,
) -> Result<Option<Value>, String> {
    let Wishes { code, environment, ids, layout, .. } = wishes;
    match member {
        // Its path is of the committed place.
        "$schema" => return Ok(None),
        "account_id" => return Err("account_id: no account stands in a committed file".to_owned()),
        "compatibility_date"
        | "compatibility_flags"
        | "migrations"
        | "vars"
        | "version_metadata" => {}
        "name" => value = services::on_account(environment, name).into(),
        "main" => value = path(&code.folder(layout, name).join("index.js")),
        "assets" => put(&mut value, "directory", path(&page_folder(layout, environment, name))),
        "d1_databases" => each(&mut value, |database| {
            put(database, "database_id", ids.database.as_str().into());
            put(database, "database_name", environment.database().into());
            if database.get("migrations_dir").is_some() {
                put(database, "migrations_dir", path(&layout.root.join("migrations")));
            }
        }),
        "durable_objects" => {
            if let Some(bindings) = value.get_mut("bindings") {
                each(bindings, |binding| suffixed(binding, "script_name", environment));
            }
        }
        "kv_namespaces" => each(&mut value, |cache| put(cache, "id", ids.cache.as_str().into())),
        "r2_buckets" => {
            each(&mut value, |bucket| put(bucket, "bucket_name", environment.bucket().into()))
        }
        "ratelimits" => each(&mut value, |limit| {
            put(limit, "namespace_id", environment.brake_namespace.as_str().into())
        }),
        "services" => each(&mut value, |service| suffixed(service, "service", environment)),
        "triggers" => {
            if !environment.crons {
                value = json!({ "crons": [] });
            }
        }
        unknown => {
            return Err(format!(
                "`{unknown}`: say in crates/xtask/src/deploy/render.rs what it is in another environment"
            ));
        }
    }
    Ok(Some(value))
}

/// What workers have and pages have not.
fn dress_worker(
    wishes: &Wishes<'_>,
    name: &str,
    made: &mut Map<String, Value>,
) -> Result<(), String> {
    let Wishes { environment, hosts, vars, .. } = wishes;
    let mut all: BTreeMap<String, Value> = BTreeMap::new();
    if let Some(Value::Object(committed)) = made.get("vars") {
        all.extend(committed.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    let own = environment.vars.iter().chain(vars.iter());
    all.extend(own.map(|(name, value)| (name.clone(), value.as_str().into())));
    all.insert("DE_INTERFACE_ORIGINS".to_owned(), hosts.page_origins().join(",").into());
    all.insert("DE_PUBLIC_BASE".to_owned(), hosts.api().into());
    if all.contains_key(LOOPBACK_PORTS) {
        return Err(format!("vars: {LOOPBACK_PORTS} is for one's own machine alone"));
    }
    made.insert("vars".to_owned(), Value::Object(all.into_iter().collect()));
    made.insert(
        "observability".to_owned(),
        json!({ "enabled": environment.log_sampling > 0.0, "head_sampling_rate": environment.log_sampling }),
    );
    if let Some(cpu_ms) = environment.cpu_ms {
        made.insert("limits".to_owned(), json!({ "cpu_ms": cpu_ms }));
    }
    if environment.smart_placement.contains(name) {
        made.insert("placement".to_owned(), json!({ "mode": "smart" }));
    }
    Ok(())
}

fn path(path: &std::path::Path) -> Value {
    path.to_string_lossy().into_owned().into()
}

fn put(entry: &mut Value, member: &str, value: Value) {
    if let Value::Object(members) = entry {
        members.insert(member.to_owned(), value);
    }
}

fn suffixed(entry: &mut Value, member: &str, environment: &Environment) {
    if let Some(name) = entry.get(member).and_then(Value::as_str) {
        let name = environment.named(name);
        put(entry, member, name.into());
    }
}

fn each(list: &mut Value, change: impl FnMut(&mut Value)) {
    list.as_array_mut().into_iter().flatten().for_each(change);
}

#[cfg(test)]
mod tests;
