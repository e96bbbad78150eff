//! The code map of `docs/architecture.md`, and that of de-core's `lib.rs`: both name whatever there is.

use std::collections::BTreeSet;
use std::fs;

use super::{page, root};

const PAGE: &str = "docs/architecture.md";
const CORE: &str = "crates/de-core/src/lib.rs";

/// What stands in backticks in the places of the code map.
fn mapped() -> BTreeSet<String> {
    let text = page(PAGE).text;
    let map = text.split_once("## Code map").unwrap().1.split_once("\n## ").unwrap().0;
    let places = map.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" | "));
    let names = places.flat_map(|(place, _)| place.split('`').step_by(2));
    names.map(|name| name.trim_start_matches("…/").to_owned()).collect()
}

/// The folders of a folder, those that have a manifest of Rust.
fn packages(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let packages = paths.filter(|path| path.join("Cargo.toml").is_file());
    packages.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

/// The public modules of de-core.
fn modules(text: &str) -> Vec<&str> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("pub mod "));
    lines.map(|line| line.trim_end_matches(';')).collect()
}

#[test]
fn every_crate_and_worker_has_its_place_on_the_map() {
    let mapped = mapped();
    // De-core's modules have rows of their own.
    for name in packages("crates").iter().filter(|name| *name != "de-core") {
        assert!(mapped.contains(&format!("crates/{name}/src/")), "{PAGE} has no row for {name}");
    }
    for name in packages("workers") {
        assert!(mapped.contains(&format!("workers/{name}/src/")), "{PAGE} has no row for {name}");
    }
}

#[test]
fn every_module_of_the_core_is_on_both_maps() {
    let text = fs::read_to_string(root().join(CORE)).unwrap();
    let words: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
    let words = words.join(" ");
    let mapped = mapped();
    let modules = modules(&text);
    assert!(modules.len() > 50, "only {} modules were found", modules.len());
    for name in modules {
        assert!(words.contains(&format!("`{name}`")), "{CORE} does not tell of {name}");
        let has_row =
            [format!("{name}.rs"), format!("{name}/"), format!("crates/de-core/src/{name}.rs")]
                .iter()
                .any(|place| mapped.contains(place));
        assert!(has_row, "{PAGE} has no row for {name}");
    }
}
