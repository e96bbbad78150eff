//! What is needed to start a stack again with the state that it has: its keys and secrets, and the ports of its
//! user's own. It lies beside the state and not in it, and goes when the stack goes.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::files;
use crate::layout::Layout;
use crate::stack::input::Secrets;
use crate::stack::ports::Ports;
use crate::stack::record::Keys;

/// The file's content. Only its owner may read the file.
#[derive(Deserialize, Serialize)]
pub(crate) struct Kept {
    pub(crate) keys: Keys,
    pub(crate) secrets: Secrets,
    pub(crate) upstream_ports: Vec<u16>,
}

impl Kept {
    /// Reads what a stack on these ports was started with; none if there is no file.
    ///
    /// # Errors
    /// `Content` for a file of another form. What it says is not repeated.
    pub(crate) fn read(layout: &Layout, ports: Ports) -> Result<Option<Self>, Failure> {
        let path = path(layout, ports);
        if !path.exists() {
            return Ok(None);
        }
        serde_json::from_str(&files::read(&path)?).map(Some).map_err(|_error| Failure::Content {
            path,
            problem: "not a stack's secrets".to_owned(),
        })
    }

    /// Writes it, whole or not at all.
    pub(crate) fn write(&self, layout: &Layout, ports: Ports) -> Result<(), Failure> {
        let text = serde_json::to_string(self).map_err(|error| Failure::System {
            action: "write JSON",
            problem: error.to_string(),
        })?;
        files::write_private(&path(layout, ports), &text)
    }
}

/// Where it lies.
pub(crate) fn path(layout: &Layout, ports: Ports) -> PathBuf {
    layout.dev().join("secrets").join(format!("{}.json", ports.base()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::{Kept, path};
    use crate::files;
    use crate::layout::Layout;
    use crate::stack::input::Secrets;
    use crate::stack::ports::Ports;
    use crate::stack::record::Keys;

    #[test]
    fn what_is_kept_is_read_again_and_is_for_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let layout = Layout { target: root.join("target"), cache: root.join("cache"), root };
        let ports = Ports::free().unwrap();
        assert!(Kept::read(&layout, ports).unwrap().is_none());
        let mut secrets = Secrets::make(["openai"]).unwrap();
        secrets.master_keys.insert(2, "second".to_owned());
        let keys = Keys { admin_key: "admin".to_owned(), ..Keys::default() };
        Kept { keys, secrets, upstream_ports: vec![9001] }.write(&layout, ports).unwrap();
        let kept = Kept::read(&layout, ports).unwrap().unwrap();
        assert_eq!(kept.secrets.master_keys.keys().copied().collect::<Vec<_>>(), [1, 2]);
        assert_eq!((kept.keys.admin_key.as_str(), kept.upstream_ports), ("admin", vec![9001]));
        let mode = fs::metadata(path(&layout, ports)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        files::write(&path(&layout, ports), "{\"secrets\": \"sk-secret\"}").unwrap();
        let refusal = Kept::read(&layout, ports).err().unwrap().to_string();
        assert!(!refusal.contains("sk-secret"), "{refusal}");
    }
}
