//! What a stack leaves on disk after all suites: no key, no prompt, no header of a caller.
//!
//! The suites plant texts that begin with [`CANARY`] where secrets and private words stand: keys, prompts,
//! headers. Everything that the runtime wrote is searched for them, and for the stack's own keys: D1, KV, R2, the
//! objects' storage, the logs.

use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::files;
use crate::layout::Layout;
use crate::stack::ports::Ports;
use crate::stack::record::Keys;
use crate::stack::{logs, state};

/// How each planted text begins; `tests/contract/src/canary.rs` makes them.
const CANARY: &str = "canary-";
/// Stands in every database, so that a search which finds nothing has at least looked at the right place.
const CONTROL: &str = "org_dev";

/// Searches what the stack on these ports has written.
///
/// # Errors
/// `System` with the files in which something stands that must not, or if there was nothing to search.
pub(crate) fn search(layout: &Layout, ports: Ports, keys: &Keys) -> Result<(), Failure> {
    let mut secrets = vec![
        ("a planted canary", CANARY),
        ("the operator's key", keys.admin_key.as_str()),
        ("the client's key", keys.client_key.as_str()),
    ];
    secrets.extend(keys.refused_keys.values().map(|key| ("a refused key", key.as_str())));
    let found = search_in(&[state(layout, ports), logs(layout, ports)], &secrets)?;
    if found.is_empty() {
        return Ok(());
    }
    Err(Failure::System { action: "keep secrets off the disk", problem: found.join("; ") })
}

fn search_in(folders: &[PathBuf], secrets: &[(&str, &str)]) -> Result<Vec<String>, Failure> {
    let mut open = folders.to_vec();
    let (mut found, mut looked) = (Vec::new(), false);
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(files::entries(&path)?);
            continue;
        }
        let bytes = read(&path)?;
        looked |= holds(&bytes, CONTROL);
        let here = secrets.iter().filter(|(_, text)| holds(&bytes, text));
        found.extend(here.map(|(what, _)| format!("{what} in {}", path.display())));
    }
    if !looked {
        let problem = format!("{CONTROL} is in no file: this is not a stack's state");
        return Err(Failure::System { action: "search what a stack wrote", problem });
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(bytes),
        // The runtime removes journals as it goes.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => {
            let problem = format!("{}: {error}", path.display());
            Err(Failure::System { action: "read what a stack wrote", problem })
        }
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    !text.is_empty() && bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::search_in;

    #[test]
    fn what_is_found_is_named_and_an_empty_search_is_no_success() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("d1");
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(inner.join("a.sqlite"), b"\x00org_dev\x00").unwrap();
        let folders = [folder.path().to_owned()];
        let secrets = [("a planted canary", "canary-")];
        assert!(search_in(&folders, &secrets).unwrap().is_empty());
        std::fs::write(inner.join("b.log"), b"said canary-1 aloud").unwrap();
        let found = search_in(&folders, &secrets).unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("b.log"), "{found:?}");
        assert!(search_in(&[inner.join("b.log")], &secrets).is_err());
    }
}
