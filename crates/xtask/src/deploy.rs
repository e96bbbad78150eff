//! `cargo xtask deploy` and what belongs to it: `status`, `rollback`, `backup`, `destroy`.
//!
//! All work on one environment of `wrangler/environments.jsonc`, on the account that wrangler is logged in to. A
//! step looks before it makes, and what is done is not done again: whatever a run was broken off at, the next one
//! goes on from there. Nothing is remembered on this machine but secrets that were not shown yet.

pub(crate) mod account;
pub(crate) mod args;
pub(crate) mod backup;
pub(crate) mod destroy;
pub(crate) mod dry;
pub(crate) mod environments;
pub(crate) mod given;
pub(crate) mod hosts;
pub(crate) mod note;
pub(crate) mod perform;
pub(crate) mod person;
pub(crate) mod release;
pub(crate) mod render;
pub(crate) mod rollback;
pub(crate) mod rollout;
pub(crate) mod rotate;
pub(crate) mod secrets;
pub(crate) mod seeds;
pub(crate) mod services;
pub(crate) mod smoke;
pub(crate) mod status;
pub(crate) mod survey;
pub(crate) mod web;
pub(crate) mod wrangler;

use std::ffi::OsString;

use crate::build::{self, Purpose};
use crate::failure::Failure;
use crate::layout::Layout;
use crate::pages;
use crate::say;
use crate::setup;
use args::Operation;
use environments::Environment;
use given::Given;
use person::Terminal;
use smoke::Patience;
use web::Web;
use wrangler::Wrangler;

/// An environment on an account, and whoever works on it: what every command here begins with.
pub(crate) struct Site<'a> {
    /// The account, as people know it.
    pub(crate) account: String,
    pub(crate) environment: Environment,
    pub(crate) given: Given,
    pub(crate) layout: &'a Layout,
    pub(crate) patience: Patience,
    pub(crate) person: &'a dyn person::Person,
    pub(crate) web: Web,
    pub(crate) wrangler: Wrangler,
}

impl<'a> Site<'a> {
    /// Finds the environment and the account.
    ///
    /// # Errors
    /// `Missing` for an environment that there is none of, if nobody is logged in, or if several accounts could be
    /// meant.
    pub(crate) fn find(
        layout: &'a Layout,
        environment: &str,
        tools: &setup::Tools,
    ) -> Result<Self, Failure> {
        let environment = Environment::read(layout, environment)?;
        let given = Given::from_environment();
        let folder = layout.deploy().join(&environment.name);
        let wrangler = Wrangler::pinned(layout, tools, &folder)?;
        let (wrangler, account) = account::choose(wrangler, given.account())?;
        let web = Web::new(layout, tools);
        Ok(Self {
            account,
            environment,
            given,
            layout,
            patience: Patience::usual(),
            person: &Terminal,
            web,
            wrangler,
        })
    }

    /// Where configs and what is not shown yet lie.
    pub(crate) fn folder(&self) -> std::path::PathBuf {
        self.layout.deploy().join(&self.environment.name)
    }

    /// The name of a deployable on the account.
    pub(crate) fn named(&self, name: &str) -> String {
        services::on_account(&self.environment, name)
    }
}

/// Runs one of the commands.
pub(crate) fn run(layout: &Layout, operation: &Operation) -> Result<(), Failure> {
    // Before minutes of set-up: a word that is wrong.
    Environment::read(layout, operation.environment())?;
    let tools = match operation {
        Operation::Deploy(_) => setup::prepare(layout)?,
        Operation::Backup(_)
        | Operation::Destroy(_)
        | Operation::Rollback(_)
        | Operation::Status { .. } => setup::prepare_wrangler(layout)?,
    };
    match operation {
        Operation::Backup(wish) => {
            backup::run(&Site::find(layout, &wish.environment, &tools)?, &tools, wish)
        }
        Operation::Deploy(wish) if wish.dry_run => {
            build(layout, &tools)?;
            let given = Given::from_environment();
            let domain = wish.domain.as_deref().or_else(|| given.domain());
            dry::run(layout, &tools, &[&wish.environment], Purpose::Deployment, domain)
        }
        Operation::Deploy(wish) => {
            // Who may not deploy should know it before the build.
            let site = Site::find(layout, &wish.environment, &tools)?;
            let release = release::Release::find(layout)?;
            perform::run(&site, wish, &release, || build(layout, &tools))
        }
        Operation::Destroy(wish) => {
            let site = Site::find(layout, &wish.environment, &tools)?;
            destroy::run(&site, wish, || {
                let path = backup::make(&site, &tools, None)?;
                println!("{}", path.display());
                Ok(())
            })
        }
        Operation::Rollback(wish) => {
            rollback::run(&Site::find(layout, &wish.environment, &tools)?, wish)
        }
        Operation::Status { environment } => status::run(&Site::find(layout, environment, &tools)?),
    }
}

/// Becomes the pinned wrangler, with what somebody typed to it.
///
/// # Errors
/// What set-up misses; `Start` if it cannot be started.
pub(crate) fn hand_over(layout: &Layout, args: &[OsString]) -> Result<(), Failure> {
    let tools = setup::prepare_wrangler(layout)?;
    Err(Wrangler::pinned(layout, &tools, &layout.deploy())?.hand_over(args))
}

/// Builds what is deployed, and looks whether anything in it can be made to fail.
fn build(layout: &Layout, tools: &setup::Tools) -> Result<(), Failure> {
    build::build(layout, tools, Purpose::Deployment)?;
    let safe = not_failing_on_demand(layout, Purpose::Deployment)?;
    if let Some(worker) = services::workers().find(|worker| !safe.contains(worker)) {
        return Err(Failure::Content {
            path: Purpose::Deployment.folder(layout, worker),
            problem: "it has the feature `faults`, which nothing that is deployed may have"
                .to_owned(),
        });
    }
    pages::build(layout, tools)?;
    say::line("nothing in it can be made to fail on demand");
    Ok(())
}

/// What a port says that was made to fail; `crates/de-edge/src/faults.rs` has it.
const FAULT: &str = "a test makes it fail";

/// The workers of a build in which nothing can be made to fail.
pub(crate) fn not_failing_on_demand(
    layout: &Layout,
    code: Purpose,
) -> Result<Vec<&'static str>, Failure> {
    let mut safe = Vec::new();
    for worker in services::workers() {
        let path = code.folder(layout, worker).join("index_bg.wasm");
        let wasm = std::fs::read(&path).map_err(Failure::file("read", &path))?;
        if !can_fail_on_demand(&wasm) {
            safe.push(worker);
        }
    }
    Ok(safe)
}

fn can_fail_on_demand(wasm: &[u8]) -> bool {
    wasm.windows(FAULT.len()).any(|window| window == FAULT.as_bytes())
}

#[cfg(test)]
mod tests;
