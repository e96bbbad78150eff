//! Build tools that come as crates: `worker-build` and `wasm-bindgen-cli`.
//!
//! Each is installed by `cargo install` into `<cache>/tools/<name>-<version>`, so that a second clone finds it and
//! two clones with different versions do not disturb each other.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::files;
use crate::layout::Layout;
use crate::run::Run;
use crate::say::{self, Watch};
use crate::setup::lock::Lock;

/// A tool at one version, installed or not.
#[derive(Clone, Debug)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: String,
    pub(crate) binary: PathBuf,
    root: PathBuf,
}

/// The tool that turns a worker's crate into what workerd runs; its version is that of the `worker` crate.
pub(crate) fn worker_build(layout: &Layout, lock: &Lock) -> Result<Tool, Failure> {
    Ok(tool(layout, "worker-build", "worker-build", lock.version("worker")?))
}

/// The tool that writes the JavaScript around the wasm; it must be exactly as old as the `wasm-bindgen` crate.
pub(crate) fn wasm_bindgen(layout: &Layout, lock: &Lock) -> Result<Tool, Failure> {
    Ok(tool(layout, "wasm-bindgen-cli", "wasm-bindgen", lock.version("wasm-bindgen")?))
}

fn tool(layout: &Layout, name: &'static str, binary: &str, version: String) -> Tool {
    let root = layout.cache.join("tools").join(format!("{name}-{version}"));
    Tool { name, version, binary: root.join("bin").join(binary), root }
}

/// Installs those that are missing, one after another.
pub(crate) fn prepare(layout: &Layout, tools: &[&Tool]) -> Result<(), Failure> {
    let missing: Vec<_> = tools.iter().filter(|tool| !tool.binary.exists()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    // One folder for all, because they share most of what they are built from.
    let build = layout.cache.join(format!("tools-build-{}", std::process::id()));
    let installed = missing.iter().try_for_each(|tool| install(layout, tool, &build));
    files::remove(&build)?;
    installed
}

fn install(layout: &Layout, tool: &Tool, build: &Path) -> Result<(), Failure> {
    let watch = Watch::start();
    let Tool { name, version, .. } = tool;
    say::line(&format!(
        "installing {name} {version} into {} (3 to 5 minutes, once)",
        layout.cache.display()
    ));
    files::make_folder(&layout.cache.join("tools"))?;
    // Installed aside and moved when whole: an interrupted install never looks complete.
    let aside =
        layout.cache.join("tools").join(format!(".{name}-{version}-{}", std::process::id()));
    let outcome = match cargo_install(layout, tool, build, &aside, &["--locked"]) {
        // A registry that mirrors another one may not have all that the tool's author had.
        Err(failure @ Failure::Ended { .. }) => {
            say::line(&format!("{name} cannot be installed as its author locked it: {failure}"));
            say::line(&format!(
                "installing {name} {version} with the versions that this registry has"
            ));
            cargo_install(layout, tool, build, &aside, &[])
        }
        other => other,
    };
    let moved = outcome.and_then(|_output| {
        let renamed = fs::rename(&aside, &tool.root);
        // Another run may have been faster: then its copy is as good.
        if tool.binary.exists() {
            Ok(())
        } else {
            renamed.map_err(Failure::file("create", &tool.root))
        }
    });
    files::remove(&aside)?;
    moved?;
    say::line(&format!("installed {name} {version} ({})", watch.text()));
    Ok(())
}

fn cargo_install(
    layout: &Layout,
    tool: &Tool,
    build: &Path,
    root: &Path,
    options: &[&str],
) -> Result<String, Failure> {
    Run::new("cargo")
        .args(["install", "--version", &format!("={}", tool.version), tool.name, "--root"])
        .args([root])
        .args(options)
        .env("CARGO_TARGET_DIR", build)
        // Away from the repository, whose cargo settings are for its own crates.
        .dir(&layout.cache)
        .progress(tool.name)
        .capture()
}
