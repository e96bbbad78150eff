//! `cargo xtask status`: what of an environment is deployed, what is missing, and whether it answers.

use std::collections::BTreeMap;

use crate::deploy::hosts::Hosts;
use crate::deploy::services::{self, FRONT_DOOR};
use crate::deploy::smoke::{self, Patience};
use crate::deploy::survey::{self, Needs};
use crate::deploy::{Site, account, secrets};
use crate::failure::Failure;

/// Runs the command.
///
/// # Errors
/// `Steps` with what is missing or does not answer well, each told before; `Missing` before the first deploy.
pub(crate) fn run(site: &Site<'_>) -> Result<(), Failure> {
    let Site { environment, wrangler, .. } = site;
    println!("{} on {}", environment.name, site.account);
    let mut amiss = Vec::new();
    let mut versions = BTreeMap::new();
    for name in services::workers().chain(services::pages()) {
        let worker = site.named(name);
        let Some(deployment) = wrangler.deployment(&worker)? else {
            println!("  {worker:<26} not deployed");
            amiss.push(format!("{name} is not deployed"));
            continue;
        };
        for share in &deployment.versions {
            let version = wrangler.version(&worker, &share.version_id)?;
            println!(
                "  {worker:<26} {:>3} %  release {:<13} of {}  version {}",
                share.percentage,
                version.tag().unwrap_or("?"),
                version.created_on(),
                version.id
            );
        }
        if deployment.versions.len() > 1 {
            amiss.push(format!("{name} is between two versions: deploy again, or roll back"));
        } else if let Some(share) = deployment.main() {
            versions.insert(name, share.version_id.clone());
        }
    }
    let survey = survey::look(site)?;
    let hosts = survey.hosts(site)?;
    resources(site, &hosts, &mut amiss)?;
    println!("  address    {}", hosts.api());
    if let Err(failure) = smoke::run(&site.web, &hosts, &versions, Patience::none()) {
        let Failure::Steps { steps } = failure else { return Err(failure) };
        for step in &steps {
            println!("  unhealthy  {step}");
        }
        amiss.extend(steps);
    }
    if amiss.is_empty() { Ok(()) } else { Err(Failure::Steps { steps: amiss }) }
}

/// Migrations and secrets.
fn resources(site: &Site<'_>, hosts: &Hosts, amiss: &mut Vec<String>) -> Result<(), Failure> {
    let Site { environment, wrangler, .. } = site;
    let found = account::find(wrangler, environment)?;
    for (is_there, what) in [
        (found.bucket, format!("bucket {}", environment.bucket())),
        (found.cache.is_some(), format!("KV namespace {}", environment.cache())),
        (found.database.is_some(), format!("database {}", environment.database())),
    ] {
        if !is_there {
            println!("  missing    {what}");
            amiss.push(format!("{what} is missing"));
        }
    }
    if found.cache.is_none() || found.database.is_none() {
        return Ok(());
    }
    let Needs { has_superadmin, has_tables, pending, present } =
        survey::needs(site, hosts, &found)?;
    if pending.is_empty() {
        println!("  schema     the newest that is here");
    } else {
        println!("  schema     pending: {}", pending.join(", "));
        amiss.push(format!("{} migrations are pending", pending.len()));
    }
    if !has_tables {
        return Ok(());
    }
    if !has_superadmin {
        println!("  persons    no superadmin yet: POST /v1/bootstrap (docs/deploy.md)");
    }
    let names = secrets::versions(&present).into_iter().map(secrets::master_key);
    let plan = match secrets::plan(&present, has_superadmin, &names.collect()) {
        Ok(plan) => plan,
        Err(failure) => {
            println!("  secrets    {failure}");
            amiss.push("secrets are not as they should be".to_owned());
            return Ok(());
        }
    };
    for (worker, missing) in &plan.put {
        let missing = missing.iter().cloned().collect::<Vec<_>>().join(", ");
        println!("  secrets    {worker} lacks {missing}");
        amiss.push(format!("{worker} lacks {missing}"));
    }
    if plan.remove.contains_key(FRONT_DOOR) {
        println!(
            "  secrets    {} has done its work: the next deploy removes it",
            secrets::BOOTSTRAP_TOKEN
        );
    }
    Ok(())
}
