//! All inputs that are kept, once more: examples of each form, and whatever has ever been found.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::{
    collections::BTreeSet,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
};

use de_fuzz::TARGETS;

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

#[test]
fn what_was_found_once_is_not_found_again() {
    let mut failed = Vec::new();
    for target in TARGETS {
        let mut inputs = 0;
        for entry in fs::read_dir(corpus().join(target.name)).unwrap() {
            let path = entry.unwrap().path();
            let input = fs::read(&path).unwrap();
            inputs += 1;
            if catch_unwind(AssertUnwindSafe(|| (target.run)(&input))).is_err() {
                failed.push(path);
            }
        }
        assert!(inputs >= 5, "{} has only {inputs} inputs to begin with", target.name);
    }
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn every_folder_is_of_a_target() {
    let folders: BTreeSet<String> = fs::read_dir(corpus())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let named: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(folders, named);
}
