//! Writes the description of the API to standard output; `cargo xtask types` puts it where it belongs.

use de_contract::document::{described, written};

#[tokio::main]
async fn main() {
    print!("{}", written(&described().await));
}
