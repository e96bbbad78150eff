//! Where things lie: the repository, cargo's target folder and the cache of build tools.

use std::env;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::failure::Failure;
use crate::run::Run;

/// The folders that commands work in.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// The repository's top: the folder of the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds; outside the repository in CI.
    pub(crate) target: PathBuf,
    /// Build tools by version, shared by all clones of one user.
    pub(crate) cache: PathBuf,
}

impl Layout {
    /// Finds the folders.
    ///
    /// The repository is the one whose xtask cargo runs; `DE_ROOT` names another one, for trials.
    pub(crate) fn find() -> Result<Self, Failure> {
        let root = root()?;
        Ok(Self { target: target(&root)?, cache: cache()?, root })
    }

    /// What `dev` and `build` keep between runs: stamps, state, logs, `stack.json`. Always in the repository.
    pub(crate) fn dev(&self) -> PathBuf {
        self.root.join("target/dev")
    }

    /// What `deploy` makes: workers without faults, and by environment configs and pages.
    pub(crate) fn deploy(&self) -> PathBuf {
        self.root.join("target/deploy")
    }

    /// The folder of a worker's crate.
    pub(crate) fn worker(&self, name: &str) -> PathBuf {
        self.root.join("workers").join(name)
    }

    /// The folder of wrangler's configs and of the Node modules.
    pub(crate) fn wrangler(&self) -> PathBuf {
        self.root.join("wrangler")
    }

    /// A path as a person in the repository would write it.
    pub(crate) fn short<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }
}

fn root() -> Result<PathBuf, Failure> {
    if let Some(root) = env::var_os("DE_ROOT") {
        return Ok(PathBuf::from(root));
    }
    // Set by `cargo run`. Not baked in by the compiler: clones may share a target folder.
    let own = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    match own.as_deref().and_then(Path::parent).and_then(Path::parent) {
        Some(root) => Ok(root.to_owned()),
        None => env::current_dir().map_err(|error| Failure::System {
            action: "find the current folder",
            problem: error.to_string(),
        }),
    }
}

fn target(root: &Path) -> Result<PathBuf, Failure> {
    #[derive(Deserialize)]
    struct Metadata {
        target_directory: PathBuf,
    }
    let text = Run::new("cargo")
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .dir(root)
        .capture()?;
    let metadata: Metadata = serde_json::from_str(&text).map_err(|error| Failure::Content {
        path: root.join("Cargo.toml"),
        problem: format!("cargo describes the workspace in an unknown form: {error}"),
    })?;
    Ok(metadata.target_directory)
}

fn cache() -> Result<PathBuf, Failure> {
    let named = env::var_os("DE_CACHE_DIR").map(PathBuf::from);
    let xdg = env::var_os("XDG_CACHE_HOME").map(|folder| PathBuf::from(folder).join(NAME));
    let home = env::var_os("HOME").map(|folder| PathBuf::from(folder).join(".cache").join(NAME));
    named.or(xdg).or(home).filter(|path| path.is_absolute()).ok_or_else(|| Failure::Missing {
        what: "there is no folder for build tools".to_owned(),
        remedy: "set DE_CACHE_DIR or HOME to an absolute path".to_owned(),
    })
}

const NAME: &str = "distributed-electrons";
