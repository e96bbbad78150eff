//! Which gateway is meant, and with which key it is asked. A key is never an argument: those are seen by all.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use de_core::secret::Secret;
use de_tenants::gateway::Gateway;

use super::args::Where;
use crate::failure::Failure;
use crate::files;
use crate::layout::Layout;
use crate::secrets::DEV;
use crate::stack::ports::Ports;
use crate::stack::record::Record;

/// A gateway to be asked.
pub(super) struct Place {
    base: String,
    key: Secret,
}

impl Place {
    /// Finds what command line and environment name, or the stack that runs here.
    pub(super) fn find(layout: &Layout, place: &Where) -> Result<Self, Failure> {
        let url = place.url.clone().or_else(|| variable("DE_URL"));
        let named = place.environment.as_deref();
        if let (Some(environment), None) = (named.filter(|name| *name != DEV), &url) {
            return Err(Failure::Missing {
                what: format!("nobody knows here where `{environment}` is"),
                remedy: "say the front door's address: --url https://api.example.com, or DE_URL"
                    .to_owned(),
            });
        }
        let key = key(place.key_file.as_deref())?;
        if let Some(base) = url {
            let key = key.ok_or_else(|| Failure::Missing {
                what: format!("no API key for {base}"),
                remedy: "set DE_API_KEY to a person's key with the scopes `admin` and `read`, \
                         or name a file of mode 0600 that has it: --key-file, or DE_API_KEY_FILE"
                    .to_owned(),
            })?;
            return Ok(Self { base, key });
        }
        let ports = Ports::from_environment()?;
        let record = Record::read(layout, ports)?.filter(Record::is_alive);
        let record = record.ok_or_else(|| Failure::Missing {
            what: format!("no stack runs on port {}", ports.base()),
            remedy: "start one: cargo xtask dev --detach\n  or name a gateway: --url, or DE_URL"
                .to_owned(),
        })?;
        let key = key.unwrap_or_else(|| Secret::new(record.keys.admin_key));
        Ok(Self { base: record.base, key })
    }

    pub(super) fn gateway(&self) -> Result<Gateway, Failure> {
        Gateway::at(&self.base, &self.key).map_err(|error| Failure::System {
            action: "ask the gateway",
            problem: error.to_string(),
        })
    }
}

/// The key that a file, `DE_API_KEY` or `DE_API_KEY_FILE` names; none if nothing does.
pub(crate) fn key(file: Option<&Path>) -> Result<Option<Secret>, Failure> {
    if let Some(file) = file {
        return key_file(file).map(Some);
    }
    if let Some(key) = variable("DE_API_KEY") {
        return Ok(Some(Secret::new(key)));
    }
    variable("DE_API_KEY_FILE").map(|file| key_file(&PathBuf::from(file))).transpose()
}

/// Reads a key from a file that nobody else may read.
fn key_file(path: &Path) -> Result<Secret, Failure> {
    let metadata = fs::metadata(path).map_err(Failure::file("read", path))?;
    if metadata.mode() & 0o077 != 0 {
        let problem = "others may read it, and it has a key: chmod 600".to_owned();
        return Err(Failure::Content { path: path.to_owned(), problem });
    }
    Ok(Secret::new(files::read(path)?.trim().to_owned()))
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::key_file;

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "de_admin_1\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(key_file(&path).err().unwrap().to_string().contains("chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(key_file(&path).ok().unwrap().expose(), "de_admin_1");
    }
}
