//! The seven deployables.

/// Every worker, by the name of its folder, in the order of compilation.
pub(crate) const WORKERS: [&str; 7] =
    ["rate-limiter", "config", "text", "image", "audio", "stock-media", "render"];

/// The cargo package of a worker.
pub(crate) fn package(worker: &str) -> String {
    format!("de-{worker}")
}

/// The file that cargo makes of a worker.
pub(crate) fn wasm_file(worker: &str) -> String {
    format!("de_{}.wasm", worker.replace('-', "_"))
}
