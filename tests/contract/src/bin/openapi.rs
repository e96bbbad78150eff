//! Writes the description of the API to standard output; `cargo xtask types` puts it where it belongs.

fn main() {
    print!("{}", de_contract::document::written(&de_contract::document::described()));
}
