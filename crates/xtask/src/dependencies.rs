//! What the dependencies may be: their licences, where they come from, and `cargo xtask advisories`, which asks what
//! has become known of them.
//!
//! Licences and sources follow from `Cargo.lock`, so they are a step of CI. What is known of a dependency changes
//! without a change here: it is asked each day, and never fails a change that has nothing to do with it.

use crate::ci::Steps;
use crate::failure::Failure;
use crate::files;
use crate::layout::Layout;
use crate::run::Run;
use crate::setup::checkers::Checkers;

/// Folders with a `package-lock.json`, but for `tests/bench/gateways`: what is measured there is no part of anything, and
/// its version goes with the figures.
const NODE_FOLDERS: [&str; 3] = ["interfaces", "tests/clients", "wrangler"];

/// Compares licences, sources and versions with `.deny.toml`. Needs no network once the crates are there.
///
/// # Errors
/// `Ended` if anything is not allowed; it was shown.
pub(crate) fn check(layout: &Layout, checkers: &Checkers) -> Result<(), Failure> {
    let what = ["bans", "licenses", "sources"];
    checkers.cargo_deny(layout).args(["--locked", "check", "--show-stats"]).args(what).show()
}

/// Runs `cargo xtask advisories`: needs the network, for the databases of RustSec and npm.
///
/// # Errors
/// `Steps` with the names of what is affected or could not be asked.
pub(crate) fn advisories(layout: &Layout) -> Result<(), Failure> {
    let checkers = Checkers::prepare(layout)?;
    let mut steps = Steps::begin();
    steps.run("advisories on crates", || {
        checkers.cargo_deny(layout).args(["--locked", "check", "advisories"]).show()
    })?;
    for folder in NODE_FOLDERS {
        steps.run(folder, || {
            let place = layout.root.join(folder);
            // Asked for by name, so that a folder that was moved is not passed over as one without packages.
            files::read(&place.join("package-lock.json"))?;
            let audit = ["audit", "--package-lock-only", "--audit-level", "moderate"];
            Run::new("npm").args(audit).env("NO_UPDATE_NOTIFIER", "1").dir(&place).show()
        })?;
    }
    steps.end()
}
