//! `cargo xtask destroy`: takes an environment off the account.
//!
//! Who serves goes first, so that nobody writes to what goes after it. The database goes last, when a backup was
//! offered. Broken off, it is run again: what is gone already is passed over.

use crate::deploy::args::DestroyWish;
use crate::deploy::{Site, account, services};
use crate::failure::Failure;
use crate::say;

/// Runs the command. `backup` makes one of the database, for whoever wants it before that goes.
///
/// # Errors
/// `Missing` without the environment's name typed, or without a terminal and `--confirm`; `Stopped` with the step that
/// failed.
pub(crate) fn run(
    site: &Site<'_>,
    wish: &DestroyWish,
    backup: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Site { environment, wrangler, .. } = site;
    let found = account::find(wrangler, environment)?;
    let mut order = services::order();
    order.reverse();
    let mut workers = Vec::new();
    for name in order {
        let worker = site.named(name);
        // One that has secrets alone was never deployed, and is there all the same.
        if wrangler.deployment(&worker)?.is_some() || wrangler.secrets(&worker)?.is_some() {
            workers.push(worker);
        }
    }
    say::part(&format!("What of {} is on {}", environment.name, site.account));
    for worker in &workers {
        say::line(&format!("worker {worker}, with its hosts, secrets and objects"));
    }
    let bucket = found.bucket.then(|| environment.bucket());
    let database = found.database.as_ref().map(|_id| environment.database());
    for (what, name) in [("bucket", &bucket), ("database", &database)] {
        if let Some(name) = name {
            let kept =
                if wish.with_content { "" } else { "; it stays, as --with-content was not said" };
            say::line(&format!("{what} {name}{kept}"));
        }
    }
    if found.cache.is_some() {
        say::line(&format!("KV namespace {}", environment.cache()));
    }
    if database.is_some() && wish.with_content {
        say::line(&format!(
            "what lies in the database is gone for good: cargo xtask backup --env {} first",
            environment.name
        ));
    }
    confirm(site, wish)?;
    if database.is_some() && wish.with_content && site.person.is_there() {
        match site.person.ask("Make a backup of the database first? (yes, no)")?.as_str() {
            "yes" | "y" => backup()?,
            "no" | "n" => {}
            other => {
                return Err(Failure::Missing {
                    what: format!("nothing was removed: `{other}` is neither yes nor no"),
                    remedy: "run this again".to_owned(),
                });
            }
        }
    }
    for worker in &workers {
        step(site, worker, || wrangler.delete_worker(worker))?;
    }
    if let Some(id) = &found.cache {
        step(site, &environment.cache(), || wrangler.delete_namespace(id))?;
    }
    if !wish.with_content {
        return Ok(());
    }
    if let Some(bucket) = &bucket {
        step(site, bucket, || wrangler.delete_bucket(bucket)).map_err(|failure| match failure {
            Failure::Stopped { at, source, .. } => Failure::Stopped {
                at,
                remedy: "a bucket must be empty before it goes, and wrangler empties none: give it a rule that ends \
                         objects after a day (cargo xtask wrangler -- r2 bucket lifecycle add), or empty it in the dashboard; then run \
                         this again"
                    .to_owned(),
                source,
            },
            other => other,
        })?;
    }
    if let Some(database) = &database {
        step(site, database, || wrangler.delete_database(database))?;
    }
    say::line(&format!("{} is gone", environment.name));
    Ok(())
}

/// Wants the environment's name, typed now or in `--confirm`.
fn confirm(site: &Site<'_>, wish: &DestroyWish) -> Result<(), Failure> {
    let name = &site.environment.name;
    let typed = match &wish.confirm {
        Some(typed) => typed.clone(),
        None if site.person.is_there() => site.person.ask(&format!("Type {name} to remove it:"))?,
        None => {
            return Err(Failure::Missing {
                what: "there is no terminal to type the environment's name on".to_owned(),
                remedy: format!("say --confirm {name}"),
            });
        }
    };
    if typed == *name {
        return Ok(());
    }
    Err(Failure::Missing {
        what: format!("nothing was removed: `{typed}` is not `{name}`"),
        remedy: "type the environment's name as it is".to_owned(),
    })
}

fn step(
    site: &Site<'_>,
    what: &str,
    work: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    work().map_err(|failure| Failure::Stopped {
        at: what.to_owned(),
        remedy: format!(
            "what was removed before it is gone; run cargo xtask destroy --env {} again",
            site.environment.name
        ),
        source: Box::new(failure),
    })?;
    say::line(&format!("removed {what}"));
    Ok(())
}
