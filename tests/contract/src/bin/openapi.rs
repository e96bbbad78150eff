//! Writes the description of the API to standard output; `cargo xtask types` puts it where it belongs.

use de_contract::document::{described, written};

// One thread: with several, what goes on behind an answer would come in another order each time.
#[tokio::main(flavor = "current_thread")]
async fn main() {
    print!("{}", written(&described().await));
}
