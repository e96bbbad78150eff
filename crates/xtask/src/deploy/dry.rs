//! `cargo xtask deploy --dry-run`: everything that needs no account. Each config is rendered, each page laid out, each
//! deployable bundled by wrangler as for an upload.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::Mutex;
use std::thread;

use crate::build::Purpose;
use crate::deploy::environments::Environment;
use crate::deploy::hosts::{Hosts, Place};
use crate::deploy::render::{Ids, Wishes, page_folder, render};
use crate::deploy::services;
use crate::deploy::wrangler::Wrangler;
use crate::deploy::{perform, seeds};
use crate::failure::Failure;
use crate::files;
use crate::layout::Layout;
use crate::pages;
use crate::random;
use crate::say::{self, Watch};
use crate::setup::Tools;

/// The part of workers.dev that belongs to nobody, for a dry run without a domain.
const NOBODY: &str = "your-account.workers.dev";

/// Goes through these environments. Workers and pages must be built.
///
/// # Errors
/// What a deploy would stop at before it needs the account; `Steps` with what wrangler refuses.
pub(crate) fn run(
    layout: &Layout,
    tools: &Tools,
    environments: &[&str],
    code: Purpose,
    domain: Option<&str>,
) -> Result<(), Failure> {
    let configs = services::configs(layout)?;
    let order = services::order();
    let seeds = seeds::read(layout, random::now())?;
    for name in environments {
        let watch = Watch::start();
        let environment = Environment::read(layout, name)?;
        say::part(&format!("Dry run of {name}"));
        let domain = domain.or(environment.domain.as_deref());
        let place = match domain {
            Some(domain) => Place::Domain(domain.to_owned()),
            None => Place::WorkersDev(NOBODY.to_owned()),
        };
        let hosts = Hosts::new(&environment, place);
        // Beside the folder of true deploys, whose configs have ids.
        let folder = layout.deploy().join("dry").join(name);
        files::remove(&folder)?;
        let wrangler = Wrangler::pinned(layout, tools, &folder)?;
        let ids = Ids::none();
        let none = BTreeMap::new();
        let wishes = Wishes {
            code,
            environment: &environment,
            hosts: &hosts,
            ids: &ids,
            layout,
            vars: &none,
        };
        for deployable in &order {
            let Some(committed) = configs.get(deployable) else { continue };
            let config = render(&wishes, deployable, committed)?;
            perform::write_config(&folder.join(format!("{deployable}.jsonc")), &config)?;
            if services::pages().any(|page| page == *deployable) {
                pages::dress(
                    layout,
                    deployable,
                    &hosts.origins(),
                    &page_folder(layout, &environment, deployable),
                )?;
            }
        }
        bundle_all(&wrangler, &folder, &order)?;
        say::line(&format!(
            "1. make, where it is missing: database {}, KV namespace {}, bucket {}",
            environment.database(),
            environment.cache(),
            environment.bucket()
        ));
        say::line("2. apply migrations that are pending, set secrets that are missing");
        say::line(&format!("3. seed {} providers and {} models", seeds.sizes.0, seeds.sizes.1));
        say::line(&format!("4. deploy, in this order: {}", order.join(", ")));
        let origins = hosts.page_origins();
        say::line(&format!(
            "5. ask {} and {} whether all is well",
            hosts.api(),
            origins.join(", ")
        ));
        say::line(&format!(
            "{} deployables of {name} would be uploaded so ({})",
            order.len(),
            watch.text()
        ));
    }
    Ok(())
}

/// Bundles everything, some at a time.
fn bundle_all(
    wrangler: &Wrangler,
    folder: &std::path::Path,
    order: &[&'static str],
) -> Result<(), Failure> {
    let left = Mutex::new(order.to_vec());
    let failed = Mutex::new(Vec::new());
    let lock = "another thread panicked";
    let at_a_time = thread::available_parallelism().map_or(1, NonZero::get).min(4);
    thread::scope(|scope| {
        for _ in 0..at_a_time {
            scope.spawn(|| {
                while let Some(name) = left.lock().map_or(None, |mut left| left.pop()) {
                    let config = folder.join(format!("{name}.jsonc"));
                    if let Err(failure) =
                        wrangler.bundle(&config, &folder.join("bundles").join(name))
                        && let Ok(mut failed) = failed.lock()
                    {
                        say::line(&format!("{name}: {failure}"));
                        failed.push(name.to_owned());
                    }
                }
            });
        }
    });
    let failed = failed
        .into_inner()
        .map_err(|_panic| Failure::System { action: "bundle", problem: lock.to_owned() })?;
    if failed.is_empty() { Ok(()) } else { Err(Failure::Steps { steps: failed }) }
}
