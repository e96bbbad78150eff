//! `cargo xtask build`: the workers' crates become what workerd runs, in `workers/<name>/build/`; and
//! without faults, for `cargo xtask deploy`, in `target/deploy/workers/<name>/`.
//!
//! Compiled one after another in one target folder, because they share most of their code and linking one takes
//! much memory. What follows (wasm-bindgen, esbuild, wasm-opt) uses one processor and runs beside the next
//! compilation. A worker whose inputs did not change is not built again.

mod guard;
pub(crate) mod stamp;

use std::collections::VecDeque;
use std::num::NonZero;
use std::path::PathBuf;
use std::thread::{self, ScopedJoinHandle};

use de_services::{WORKERS, Worker};

use crate::failure::Failure;
use crate::files;
use crate::layout::Layout;
use crate::run::Run;
use crate::say::{self, Watch};
use crate::setup::rust::TARGET;
use crate::setup::{self, Tools};
use crate::size;
use crate::workers;
use stamp::Stamp;

/// The feature of what runs on one's own machine: whoever tests it can make a port fail.
const FAULTS: [&str; 2] = ["--features", "faults"];

/// What workers are built for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Purpose {
    /// To be deployed. Nothing in it can be made to fail.
    Deployment,
    /// For one's own machine.
    Local,
}

impl Purpose {
    fn features(self) -> &'static [&'static str] {
        match self {
            Self::Deployment => &[],
            Self::Local => &FAULTS,
        }
    }

    /// Where what was built of a worker lies.
    pub(crate) fn folder(self, layout: &Layout, worker: &str) -> PathBuf {
        match self {
            Self::Deployment => layout.deploy().join("workers").join(worker),
            Self::Local => layout.worker(worker).join("build"),
        }
    }
}

/// Runs the command.
pub(crate) fn run(layout: &Layout) -> Result<(), Failure> {
    let tools = setup::prepare(layout)?;
    all(layout, &tools)
}

/// Builds every worker that needs it for one's own machine, and says how large each is.
pub(crate) fn all(layout: &Layout, tools: &Tools) -> Result<(), Failure> {
    if build(layout, tools, Purpose::Local)? { size::report(layout) } else { Ok(()) }
}

/// Builds every worker that needs it; whether there was one.
pub(crate) fn build(layout: &Layout, tools: &Tools, purpose: Purpose) -> Result<bool, Failure> {
    say::part("Workers");
    let watch = Watch::start();
    let shared = stamp::shared(layout, tools, purpose)?;
    let mut stale = Vec::new();
    for Worker { name: worker, .. } in WORKERS {
        let inputs = stamp::inputs(layout, &shared, worker)?;
        if Stamp::read(layout, purpose, worker).is_none_or(|stamp| stamp.inputs != inputs) {
            stale.push((worker, inputs));
        }
    }
    if stale.is_empty() {
        guard_all(layout, purpose)?;
        say::line(&format!("nothing changed ({})", watch.text()));
        return Ok(false);
    }
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let mut finishing = VecDeque::new();
        for (worker, inputs) in stale {
            compile(layout, purpose, worker)?;
            if finishing.len() >= processors {
                finishing.pop_front().map_or(Ok(()), join)?;
            }
            finishing
                .push_back(scope.spawn(move || finish(layout, tools, purpose, worker, inputs)));
        }
        finishing.into_iter().try_for_each(join)
    })?;
    guard_all(layout, purpose)?;
    say::line(&format!("all built ({})", watch.text()));
    Ok(true)
}

fn guard_all(layout: &Layout, purpose: Purpose) -> Result<(), Failure> {
    WORKERS.iter().try_for_each(|worker| guard::put(layout, purpose, worker.name))
}

fn join(thread: ScopedJoinHandle<'_, Result<(), Failure>>) -> Result<(), Failure> {
    thread.join().map_err(|_panic| Failure::System {
        action: "finish a worker",
        problem: "its thread panicked".to_owned(),
    })?
}

fn compile(layout: &Layout, purpose: Purpose, worker: &str) -> Result<(), Failure> {
    let watch = Watch::start();
    say::line(&format!("compiling {worker}"));
    // Exactly as worker-build will call cargo in a moment, so that it finds nothing left to do.
    Run::new("cargo")
        .args(["build", "--lib", "--release", "--target", TARGET])
        .args(purpose.features())
        .env("WASM_BINDGEN_USE_JS_SYS", "1")
        .dir(&layout.worker(worker))
        .show()?;
    say::line(&format!("compiled {worker} ({})", watch.text()));
    Ok(())
}

/// Makes the worker's folder of the compiled wasm, unless the wasm came out as it was.
fn finish(
    layout: &Layout,
    tools: &Tools,
    purpose: Purpose,
    worker: &str,
    inputs: String,
) -> Result<(), Failure> {
    let watch = Watch::start();
    let compiled = layout.target.join(TARGET).join("release").join(workers::wasm_file(worker));
    let wasm = stamp::wasm(layout, tools, worker, &compiled)?;
    if Stamp::read(layout, purpose, worker).is_none_or(|stamp| stamp.wasm != wasm) {
        // Gone while the folder is in between: an interrupted build counts as none.
        files::remove(&stamp::path(layout, purpose, worker))?;
        let folder = purpose.folder(layout, worker);
        files::make_folder(&folder)?;
        let run = Run::new(&tools.worker_build)
            .args(["--release", "--out-dir"])
            .args([folder])
            .args(purpose.features())
            // Without these three, worker-build would download its own copies.
            .env("ESBUILD_BIN", &tools.esbuild)
            .env("WASM_BINDGEN_BIN", &tools.wasm_bindgen)
            .env("WASM_OPT_BIN", &tools.wasm_opt)
            .dir(&layout.worker(worker));
        tools.dress(run)?.capture()?;
    }
    Stamp { inputs, wasm }.write(layout, purpose, worker)?;
    say::line(&format!("finished {worker} ({})", watch.text()));
    Ok(())
}
