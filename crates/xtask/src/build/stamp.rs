//! What a worker was last built from.

use std::path::{Path, PathBuf};

use super::Purpose;
use crate::failure::Failure;
use crate::files::{self, Hash};
use crate::layout::Layout;
use crate::setup::Tools;

/// Beside a crate's own code, but never part of a worker.
const SKIPPED: [&str; 6] = ["benches", "build", "fixtures", "fuzz", "snapshots", "tests"];
/// What every worker is built from, beside its own folder. Migrations and seeds may be included as text.
const FILES: [&str; 3] = [".cargo/config.toml", "Cargo.lock", "Cargo.toml"];
const FOLDERS: [&str; 5] =
    ["crates/de-core", "crates/de-edge", "crates/de-services", "migrations", "seeds"];

/// Two hashes: if `inputs` is the same, nothing has to be compiled; if `wasm` is, nothing has to follow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Stamp {
    /// Sources, settings, versions of the tools.
    pub(crate) inputs: String,
    /// What the compiler made, and what decides how it is treated then.
    pub(crate) wasm: String,
}

impl Stamp {
    /// Reads a worker's stamp; none if it was never built whole, or its `build/` is gone.
    pub(crate) fn read(layout: &Layout, purpose: Purpose, worker: &str) -> Option<Self> {
        let build = purpose.folder(layout, worker);
        if !build.join("index.js").exists() || !build.join("index_bg.wasm").exists() {
            return None;
        }
        let text = files::read(&path(layout, purpose, worker)).ok()?;
        let (inputs, wasm) = text.split_once('\n')?;
        Some(Self { inputs: inputs.to_owned(), wasm: wasm.to_owned() })
    }

    pub(crate) fn write(
        &self,
        layout: &Layout,
        purpose: Purpose,
        worker: &str,
    ) -> Result<(), Failure> {
        files::write(&path(layout, purpose, worker), &format!("{}\n{}", self.inputs, self.wasm))
    }
}

/// Where a worker's stamp lies.
pub(crate) fn path(layout: &Layout, purpose: Purpose, worker: &str) -> PathBuf {
    let folder = match purpose {
        Purpose::Deployment => layout.deploy(),
        Purpose::Local => layout.dev(),
    };
    folder.join("stamps").join(worker)
}

/// The part of the inputs that all workers share; computed once.
pub(crate) fn shared(layout: &Layout, tools: &Tools, purpose: Purpose) -> Result<Hash, Failure> {
    let mut hash = Hash::default();
    hash.add(b"release");
    hash.add(purpose.features().concat().as_bytes());
    hash.add(tools.versions.as_bytes());
    for name in FILES {
        hash.add_file(&layout.root, &layout.root.join(name))?;
    }
    for name in FOLDERS {
        hash.add_folder(&layout.root, &layout.root.join(name), &SKIPPED)?;
    }
    Ok(hash)
}

/// All inputs of one worker.
pub(crate) fn inputs(layout: &Layout, shared: &Hash, worker: &str) -> Result<String, Failure> {
    let mut hash = shared.clone();
    hash.add_folder(&layout.root, &layout.worker(worker), &SKIPPED)?;
    Ok(hash.finish())
}

/// What the steps after the compiler depend on.
pub(crate) fn wasm(
    layout: &Layout,
    tools: &Tools,
    worker: &str,
    compiled: &Path,
) -> Result<String, Failure> {
    let mut hash = Hash::default();
    hash.add(tools.versions.as_bytes());
    hash.add_file(&layout.root, &layout.worker(worker).join("Cargo.toml"))?;
    hash.add_file(&layout.target, compiled)?;
    Ok(hash.finish())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::Purpose;
    use super::{Stamp, inputs, shared};
    use crate::files;
    use crate::layout::Layout;
    use crate::setup::Tools;

    fn tools(versions: &str) -> Tools {
        Tools {
            esbuild: PathBuf::new(),
            node: PathBuf::new(),
            wasm_bindgen: PathBuf::new(),
            wasm_opt: PathBuf::new(),
            worker_build: PathBuf::new(),
            versions: versions.to_owned(),
        }
    }

    #[test]
    fn what_a_worker_is_built_from_changes_its_inputs_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let layout =
            Layout { target: root.join("target"), cache: root.join("cache"), root: root.clone() };
        let hash = |versions: &str| {
            let shared = shared(&layout, &tools(versions), Purpose::Local).unwrap();
            inputs(&layout, &shared, "text").unwrap()
        };
        let mut last = hash("1");
        for (path, changes) in [
            ("Cargo.lock", true),
            (".cargo/config.toml", true),
            ("crates/de-core/src/lib.rs", true),
            ("crates/de-core/tests/exchange.rs", false),
            ("crates/de-testkit/src/lib.rs", false),
            ("seeds/models.sql", true),
            ("workers/image/src/lib.rs", false),
            ("workers/text/src/lib.rs", true),
            ("workers/text/build/index.js", false),
        ] {
            files::write(&root.join(path), "changed").unwrap();
            let now = hash("1");
            assert_eq!(now != last, changes, "{path}");
            last = now;
        }
        assert_ne!(hash("2"), last);
    }

    #[test]
    fn a_stamp_counts_only_beside_what_was_built() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let layout =
            Layout { target: root.join("target"), cache: root.join("cache"), root: root.clone() };
        let stamp = Stamp { inputs: "a".to_owned(), wasm: "b".to_owned() };
        stamp.write(&layout, Purpose::Local, "text").unwrap();
        assert_eq!(Stamp::read(&layout, Purpose::Local, "text"), None);
        files::write(&root.join("workers/text/build/index.js"), "").unwrap();
        files::write(&root.join("workers/text/build/index_bg.wasm"), "").unwrap();
        assert_eq!(Stamp::read(&layout, Purpose::Local, "text"), Some(stamp));
        assert_eq!(Stamp::read(&layout, Purpose::Deployment, "text"), None);
    }
}
