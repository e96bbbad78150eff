//! What the core's own work costs, without any runtime: `cargo bench -p de-core`, or with a word behind `--` a part.
//!
//! What a whole call costs is measured by `cargo xtask bench`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "inputs are fixed")]

mod keys;
mod limits;
mod mapping;
mod money;
mod protocols;
mod sse;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    keys::bench(&mut criterion);
    limits::bench(&mut criterion);
    mapping::bench(&mut criterion);
    money::bench(&mut criterion);
    protocols::bench(&mut criterion);
    sse::bench(&mut criterion);
    criterion.final_summary();
}
