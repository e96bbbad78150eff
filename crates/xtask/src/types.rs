//! `cargo xtask types`: writes the description of the API, which clients are made of, and the tables of what is
//! deployed.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::files;
use crate::layout::Layout;
use crate::run::Run;
use crate::say;
use crate::setup::{self, Tools};
use crate::tables;

/// Runs the command.
pub(crate) fn run(layout: &Layout) -> Result<(), Failure> {
    say::part("Description of the API");
    tables::write(layout)?;
    let text = Run::new("cargo")
        .args(["run", "--quiet", "--package", "de-contract", "--bin", "openapi"])
        .dir(&layout.root)
        .progress("openapi")
        .capture()?;
    let path = document(layout);
    if files::read(&path).is_ok_and(|known| known == text) {
        say::line(&format!("{} is up to date", layout.short(&path).display()));
    } else {
        files::write(&path, &text)?;
        say::line(&format!("wrote {}", layout.short(&path).display()));
    }
    lint(layout, &setup::prepare(layout)?)
}

/// Lets the linter look at the committed description.
///
/// # Errors
/// `Ended` if it finds anything; it has said what.
pub(crate) fn lint(layout: &Layout, tools: &Tools) -> Result<(), Failure> {
    let wrangler = layout.wrangler();
    let linter = wrangler.join("node_modules/@redocly/cli/bin/cli.js");
    let run = Run::new(&tools.node)
        .args([linter.as_os_str(), "lint".as_ref(), document(layout).as_os_str()])
        .args(["--config".as_ref(), wrangler.join("redocly.yaml").as_os_str()])
        .args(["--max-problems", "1000"])
        // It needs nobody else to do its work.
        .env("REDOCLY_TELEMETRY", "off")
        .env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true")
        .dir(&layout.root);
    tools.dress(run)?.show()
}

fn document(layout: &Layout) -> PathBuf {
    layout.root.join("docs/openapi.json")
}
