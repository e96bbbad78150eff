//! `cargo xtask size`: how large each worker is, and whether it keeps to its budget.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::build;
use crate::failure::Failure;
use crate::layout::Layout;
use crate::say;
use crate::setup;
use crate::workers::WORKERS;

/// What a worker's wasm may weigh, in bytes after gzip.
///
/// The control plane has some ninety operations and carries their description. Each has a copy of what is
/// generic in axum, and `opt-level = "z"` with `-Oz` takes off no more than a fiftieth of it. The renderer runs
/// the jobs of every modality, and so has every vendor's protocol. The Limiter carries the world's time zones, a
/// quarter of what it weighs. Every worker has every vendor's protocol, since a model's row may name any; the
/// text worker speaks four with callers beside. The platform takes 3 MiB of any account.
fn budget(worker: &str) -> u64 {
    match worker {
        "config" => 2048 * 1024,
        "render" | "text" => 1408 * 1024,
        _ => 1280 * 1024,
    }
}

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

fn wasm(layout: &Layout, worker: &str) -> Result<Size, Failure> {
    measure(&layout.worker(worker).join("build/index_bg.wasm"))
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
