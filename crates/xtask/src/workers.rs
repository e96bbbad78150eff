//! What cargo calls a worker and what it makes of it.

/// The cargo package of a worker.
pub(crate) fn package(worker: &str) -> String {
    format!("de-{worker}")
}

/// The file that cargo makes of a worker.
pub(crate) fn wasm_file(worker: &str) -> String {
    format!("de_{}.wasm", worker.replace('-', "_"))
}
