//! `cargo xtask size`: how large each worker is, and whether it keeps to its budget.

use std::fs;
use std::io::Write;
use std::path::Path;

use de_services::{WORKERS, Worker};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::build;
use crate::failure::Failure;
use crate::layout::Layout;
use crate::say;
use crate::setup;

/// Runs the command.
///
/// # Errors
/// `Steps` with each worker that is above its budget.
pub(crate) fn run(layout: &Layout) -> Result<(), Failure> {
    let tools = setup::prepare(layout)?;
    build::all(layout, &tools)?;
    check(layout)
}

/// Compares every built worker with its budget.
pub(crate) fn check(layout: &Layout) -> Result<(), Failure> {
    report(layout)?;
    let mut above = Vec::new();
    for worker in WORKERS {
        let size = wasm(layout, worker)?;
        let budget = budget(worker);
        let worker = worker.name;
        if size.gzipped > budget {
            above.push(format!(
                "{worker} is {} gzipped, allowed are {}",
                say::kib(size.gzipped),
                say::kib(budget)
            ));
        }
    }
    if above.is_empty() { Ok(()) } else { Err(Failure::Steps { steps: above }) }
}

/// Says how large every built worker is.
pub(crate) fn report(layout: &Layout) -> Result<(), Failure> {
    for worker in WORKERS {
        let Size { gzipped, raw } = wasm(layout, worker)?;
        let share = gzipped * 100 / budget(worker);
        let worker = worker.name;
        say::line(&format!(
            "{worker:<13} {:>9} {:>9} gzipped, {share} % of its budget",
            say::kib(raw),
            say::kib(gzipped)
        ));
    }
    Ok(())
}

/// Bytes of a file, as it lies there and after gzip.
#[derive(Clone, Copy, Debug)]
struct Size {
    gzipped: u64,
    raw: u64,
}

/// In bytes after gzip.
fn budget(worker: &Worker) -> u64 {
    u64::from(worker.budget_kib) * 1024
}

fn wasm(layout: &Layout, worker: &Worker) -> Result<Size, Failure> {
    measure(&layout.worker(worker.name).join("build/index_bg.wasm"))
}

fn measure(path: &Path) -> Result<Size, Failure> {
    let content = fs::read(path).map_err(Failure::file("read", path))?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let gzipped = encoder
        .write_all(&content)
        .and_then(|()| encoder.finish())
        .map_err(Failure::file("compress", path))?;
    Ok(Size { gzipped: gzipped.len() as u64, raw: content.len() as u64 })
}
