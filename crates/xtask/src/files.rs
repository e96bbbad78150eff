//! Reading and writing files, with failures that name the path.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::failure::Failure;

/// Reads a whole text file.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(Failure::file("read", path))
}

/// Writes a file, and the folders above it.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    make_parent(path)?;
    fs::write(path, text).map_err(Failure::file("write", path))
}

/// Writes a file that only its owner may read, whole or not at all.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    make_parent(path)?;
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = fs::OpenOptions::new()
        .create_new(true)
        .mode(0o600)
        .write(true)
        .open(&beside)
        .map_err(Failure::file("create", &beside))?;
    file.write_all(text.as_bytes()).map_err(Failure::file("write", &beside))?;
    fs::rename(&beside, path).map_err(Failure::file("write", path))
}

/// Makes a folder and those above it; one that exists is fine.
pub(crate) fn make_folder(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(Failure::file("create", path))
}

fn make_parent(path: &Path) -> Result<(), Failure> {
    path.parent().map_or(Ok(()), make_folder)
}

/// Removes a file or a whole folder; one that does not exist is fine.
pub(crate) fn remove(path: &Path) -> Result<(), Failure> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::file("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// Collects bytes into one SHA-256. Each part goes in with its length, so that parts cannot run into each other.
#[derive(Clone, Default)]
pub(crate) struct Hash(Sha256);

impl Hash {
    pub(crate) fn add(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    /// Adds a file by name and content; a missing one counts as missing.
    pub(crate) fn add_file(&mut self, root: &Path, path: &Path) -> Result<(), Failure> {
        let name = path.strip_prefix(root).unwrap_or(path);
        self.add(name.as_os_str().as_encoded_bytes());
        match fs::read(path) {
            Ok(content) => self.add(&content),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => self.add(b"missing"),
            Err(error) => return Err(Failure::file("read", path)(error)),
        }
        Ok(())
    }

    /// Adds every file below a folder, in order of name, without the entries that `skip` names.
    pub(crate) fn add_folder(
        &mut self,
        root: &Path,
        folder: &Path,
        skip: &[&str],
    ) -> Result<(), Failure> {
        for path in entries(folder)? {
            let skipped =
                path.file_name().is_some_and(|name| skip.iter().any(|entry| name == *entry));
            if skipped {
                continue;
            }
            if path.is_dir() {
                self.add_folder(root, &path, skip)?;
            } else {
                self.add_file(root, &path)?;
            }
        }
        Ok(())
    }

    /// The hash as 64 hexadecimal digits.
    pub(crate) fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The paths in a folder, in order of name; none if it does not exist.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut paths = fs::read_dir(folder)
        .and_then(|listing| {
            listing.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()
        })
        .map_err(Failure::file("list", folder))?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::{Hash, write, write_private};

    #[test]
    fn hash_sees_names_contents_and_nothing_that_is_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let hash = || {
            let mut hash = Hash::default();
            hash.add_folder(root, &root.join("src"), &["build"]).unwrap();
            hash.finish()
        };
        write(&root.join("src/a.rs"), "one").unwrap();
        let first = hash();
        write(&root.join("src/build/index.js"), "x").unwrap();
        assert_eq!(hash(), first);
        write(&root.join("src/a.rs"), "two").unwrap();
        let second = hash();
        assert_ne!(second, first);
        fs::rename(root.join("src/a.rs"), root.join("src/b.rs")).unwrap();
        assert_ne!(hash(), second);
    }

    #[test]
    fn private_files_are_for_their_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/stack.json");
        write_private(&path, "{}").unwrap();
        write_private(&path, "{\"a\":1}").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"a\":1}");
    }
}
