//! The objects of claims, read where a real stack keeps them.

use std::{fs, path::Path};

use rusqlite::{Connection, OpenFlags};

/// Where they lie below a stack's state.
const FOLDER: &str = "v3/do/de-rate-limiter-Claim";

/// How many objects keep tables that nobody's claim is in: what asks in vain would leave one each time.
///
/// # Panics
/// If the stack has no such folder.
#[must_use]
pub fn vacant(state: &Path) -> usize {
    let entries = fs::read_dir(state.join(FOLDER)).expect("claims are kept in a folder");
    let files = entries.map(|entry| entry.expect("it can be listed").path());
    files
        .filter(|file| file.extension().is_some_and(|end| end == "sqlite"))
        .filter(|f| is_vacant(f))
        .count()
}

/// One that has just been made, or is being removed, is no vacant one.
fn is_vacant(file: &Path) -> bool {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let Ok(object) = Connection::open_with_flags(file, flags) else { return false };
    object.query_row("SELECT count(*) FROM claim", [], |row| row.get(0)) == Ok(0)
}
