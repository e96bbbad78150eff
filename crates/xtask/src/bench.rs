//! `cargo xtask bench`: the benchmarks of `tests/bench`, which start what they measure themselves.

use crate::build;
use crate::failure::Failure;
use crate::layout::Layout;
use crate::run::Run;
use crate::say;
use crate::setup;

/// Runs the command; `args` go to the benchmark.
///
/// It finds the packaged Node in `DE_NODE` and the repository in `DE_ROOT`.
pub(crate) fn run(layout: &Layout, args: &[String]) -> Result<(), Failure> {
    let tools = setup::prepare(layout)?;
    build::all(layout, &tools)?;
    say::part("Benchmarks");
    let run = Run::new("cargo")
        .args(["run", "--quiet", "--release", "--package", "de-bench", "--"])
        .args(args)
        .env("DE_NODE", &tools.node)
        .env("DE_ROOT", &layout.root)
        .dir(&layout.root);
    tools.dress(run)?.show()
}
