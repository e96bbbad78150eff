//! What the commands need on this machine, installed if missing and never twice.
//!
//! Assumed: Rust, Node 20 or newer, npm, git, and for tests and checks Python. Everything else is fetched at the versions that `Cargo.lock` and
//! the `package-lock.json` files name, into this project's own cache folder or a `node_modules` here, never
//! among the user's tools.

pub(crate) mod checkers;
pub(crate) mod chromium;
pub(crate) mod clients;
pub(crate) mod lock;
pub(crate) mod node;
pub(crate) mod python;
pub(crate) mod rust;
pub(crate) mod tools;

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::failure::Failure;
use crate::files;
use crate::layout::Layout;
use crate::run::Run;
use crate::say::{self, Watch};
use lock::Lock;

/// The tools that are ready after set-up, by absolute path.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    pub(crate) esbuild: PathBuf,
    pub(crate) node: PathBuf,
    pub(crate) wasm_bindgen: PathBuf,
    pub(crate) wasm_opt: PathBuf,
    pub(crate) worker_build: PathBuf,
    /// One line that changes when any tool does.
    pub(crate) versions: String,
}

/// Installs what is missing.
///
/// # Errors
/// `Missing` with a remedy where the user must act; else what failed, with the end of its output.
pub(crate) fn prepare(layout: &Layout) -> Result<Tools, Failure> {
    let watch = Watch::start();
    say::part("Set-up");
    let lock = Lock::read(&layout.root.join("Cargo.lock"))?;
    rust::prepare()?;
    let worker_build = tools::worker_build(layout, &lock)?;
    let wasm_bindgen = tools::wasm_bindgen(layout, &lock)?;
    // Node first: cargo may need minutes, and a Node that is too old should be known before.
    node::prepare(layout)?;
    tools::prepare(layout, &[&worker_build, &wasm_bindgen])?;
    let versions = format!(
        "{} | worker-build {} | wasm-bindgen {} | {}",
        rust::version()?,
        worker_build.version,
        wasm_bindgen.version,
        node::lock_hash(layout, &layout.wrangler())?
    );
    let tools = Tools {
        esbuild: node::esbuild(layout),
        node: node::packaged(layout)?,
        wasm_bindgen: wasm_bindgen.binary,
        wasm_opt: layout.wrangler().join("node_modules/.bin/wasm-opt"),
        worker_build: worker_build.binary,
        versions,
    };
    say::line(&format!("ready ({})", watch.text()));
    Ok(tools)
}

/// Installs what calls wrangler, and nothing that builds workers: a roll-back must not wait for a compiler.
///
/// # Errors
/// As [`prepare`]. The builders' paths lead nowhere.
pub(crate) fn prepare_wrangler(layout: &Layout) -> Result<Tools, Failure> {
    node::prepare(layout)?;
    Ok(Tools {
        esbuild: node::esbuild(layout),
        node: node::packaged(layout)?,
        wasm_bindgen: PathBuf::new(),
        wasm_opt: PathBuf::new(),
        worker_build: PathBuf::new(),
        versions: String::new(),
    })
}

impl Tools {
    /// What every child needs that runs Node: the packaged one first, and no calls home by wrangler.
    pub(crate) fn environment(&self) -> Result<[(&'static str, OsString); 4], Failure> {
        let node = self.node.parent().map(PathBuf::from);
        let rest = env::var_os("PATH").unwrap_or_default();
        let path =
            env::join_paths(node.into_iter().chain(env::split_paths(&rest))).map_err(|error| {
                Failure::System { action: "put Node first on PATH", problem: error.to_string() }
            })?;
        Ok([
            ("CI", "1".into()),
            ("CLOUDFLARE_CF_FETCH_ENABLED", "false".into()),
            ("PATH", path),
            ("WRANGLER_SEND_METRICS", "false".into()),
        ])
    }

    /// Gives a child that environment.
    pub(crate) fn dress(&self, run: Run) -> Result<Run, Failure> {
        Ok(self.environment()?.into_iter().fold(run, |run, (name, value)| run.env(name, value)))
    }
}

/// Whether `cargo nextest` is installed. It is used if so; nobody has to have it.
pub(crate) fn has_nextest() -> bool {
    Run::new("cargo").args(["nextest", "--version"]).capture().is_ok()
}

/// Compares a stamp file with what it should say; a missing one differs.
pub(crate) fn stamped(path: &std::path::Path, expected: &str) -> bool {
    path.exists() && files::read(path).is_ok_and(|found| found == expected)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use serde_json::Value;

    use super::{node, python};

    /// What keeps out whoever takes over a dependency: no hash but the known one, no code while it is installed, and a
    /// week in which it can be found out.
    #[test]
    fn packages_come_by_their_hashes_run_no_scripts_and_are_a_week_old() {
        let npm = node::ci(Path::new("wrangler"));
        assert!(npm.shown().starts_with("npm ci --ignore-scripts "), "{}", npm.shown());
        let pip = python::pip(Path::new("env"), Path::new("requirements.txt"));
        for option in [" --only-binary :all: ", " --require-hashes "] {
            assert!(pip.shown().contains(option), "{}", pip.shown());
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let read = |name: &str| fs::read_to_string(root.join(name)).unwrap();
        for folder in ["interfaces", "tests/clients", "wrangler"] {
            let lock = read(&format!("{folder}/package-lock.json"));
            let lock: Value = serde_json::from_str(&lock).unwrap();
            let mut fetched = 0;
            for (name, package) in lock["packages"].as_object().unwrap() {
                // Our own packages are linked there.
                if name.contains("node_modules/") && package["link"] != true {
                    fetched += 1;
                    assert!(package["integrity"].is_string(), "{folder}: {name} has no hash");
                }
            }
            assert!(fetched > 0, "{folder}: nothing is fetched");
        }
        let proposed: Value = serde_saphyr::from_str(&read(".github/dependabot.yml")).unwrap();
        for update in proposed["updates"].as_array().unwrap() {
            let days = update["cooldown"]["default-days"].as_u64();
            assert!(days >= Some(7), "{}: {days:?}", update["package-ecosystem"]);
        }
    }
}
