//! The Rust toolchain and its wasm target.

use std::path::Path;

use crate::failure::Failure;
use crate::run::Run;
use crate::say::{self, Watch};

/// The target that workers are compiled for.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Adds the wasm target if the toolchain lacks it.
///
/// # Errors
/// `Missing` if rustup cannot: no rustup, or no network.
pub(crate) fn prepare() -> Result<(), Failure> {
    if has_target()? {
        return Ok(());
    }
    let watch = Watch::start();
    say::line(&format!("adding the Rust target {TARGET}"));
    let added = Run::new("rustup").args(["target", "add", TARGET]).progress("rustup").capture();
    match added {
        Ok(_) if has_target()? => {
            say::line(&format!("added the Rust target ({})", watch.text()));
            Ok(())
        }
        Ok(_) => Err(missing("rustup says that it is there, but this rustc does not find it")),
        Err(Failure::Interrupted) => Err(Failure::Interrupted),
        Err(failure) => Err(missing(&failure.to_string())),
    }
}

/// Whether the toolchain that cargo uses here can compile for the target.
pub(crate) fn has_target() -> Result<bool, Failure> {
    let folder =
        Run::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).capture()?;
    Ok(Path::new(folder.trim()).exists())
}

/// The compiler's version, for example `rustc 1.95.0 (59807616e 2026-04-14)`.
pub(crate) fn version() -> Result<String, Failure> {
    Ok(Run::new("rustc").args(["--version"]).capture()?.trim().to_owned())
}

fn missing(why: &str) -> Failure {
    Failure::Missing {
        what: format!("the Rust target {TARGET} is missing and could not be added: {why}"),
        remedy: format!(
            "run `rustup target add {TARGET}` where there is network, or, without rustup, install your \
             distribution's package of the standard library for that target (Debian: libstd-rust-dev-wasm32); \
             then run this again"
        ),
    }
}
