//! The migrations, the seeds, and how SQLite finds what the queries ask for.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod plans;
mod rows;
mod seeds;
mod statements;

use de_core::time::UnixMillis;

const NOW: UnixMillis = UnixMillis(1_795_608_000_000);
