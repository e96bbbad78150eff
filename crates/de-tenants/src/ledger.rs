//! Secrets on their way: what was asked for, kept until somebody has the answer.
//!
//! A key's secret is in one answer. If a run ends between the gateway's making it and the operator's having
//! it, nobody would ever know it. So, where there is a file, the request and its `Idempotency-Key` are
//! written down before it is sent: the next run asks the same once more, and is given the same secret.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value, json};

use crate::plan::{RunError, Shown};

/// The gateway keeps an answer for a day; an hour less, for clocks.
const KEPT_S: u64 = 23 * 60 * 60;

/// A request for something with a secret.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its body.
    pub body: Value,
    /// Its `Idempotency-Key`.
    pub once: String,
}

/// Where secrets are kept.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: Map<String, Value>,
    path: Option<PathBuf>,
}

impl Ledger {
    /// One that forgets: secrets are shown, and nowhere kept.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// One in a file, that only its owner may read. It need not be there yet.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn in_file(path: &Path) -> Result<Self, RunError> {
        let told = |problem: String| RunError::Machine(format!("{}: {problem}", path.display()));
        let entries = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Map::new(),
            Err(error) => return Err(told(error.to_string())),
            Ok(metadata) if metadata.mode() & 0o077 != 0 => {
                return Err(told("others may read it: chmod 600".to_owned()));
            }
            Ok(_) => {
                let text = fs::read_to_string(path).map_err(|error| told(error.to_string()))?;
                match serde_json::from_str(&text) {
                    Ok(Value::Object(entries)) => entries,
                    Ok(_) | Err(_) => return Err(told("is no file of secrets of ours".to_owned())),
                }
            }
        };
        let ledger = Self { entries, path: Some(path.to_owned()) };
        // Better now than once a secret has been made.
        ledger.keep()?;
        Ok(ledger)
    }

    /// A new `Idempotency-Key`.
    ///
    /// # Errors
    /// If there are no random bytes.
    pub fn once() -> Result<String, RunError> {
        let mut bytes = [0; 16];
        let failed = |error| RunError::Machine(format!("cannot get random bytes: {error}"));
        getrandom::fill(&mut bytes).map_err(failed)?;
        Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// What was asked for under a label lately, and has had no answer.
    #[must_use]
    pub fn begun(&self, label: &str) -> Option<Asked> {
        let entry = self.entries.get(label)?;
        let asked_at = entry.get("asked_at")?.as_u64()?;
        let is_kept = now_s().saturating_sub(asked_at) < KEPT_S;
        let once = entry.get("idempotency_key")?.as_str()?.to_owned();
        is_kept.then(|| Asked { body: entry.get("body").cloned().unwrap_or_default(), once })
    }

    /// Writes down what is about to be asked. What is under way already is asked once more as it was, unless
    /// the body is another one now.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub fn begin(&mut self, label: &str, body: &Value) -> Result<Asked, RunError> {
        if let Some(asked) = self.begun(label).filter(|asked| asked.body == *body) {
            return Ok(asked);
        }
        let asked = Asked { body: body.clone(), once: Self::once()? };
        let entry = json!({"asked_at": now_s(), "body": body, "idempotency_key": asked.once});
        self.entries.insert(label.to_owned(), entry);
        self.keep()?;
        Ok(asked)
    }

    /// Keeps a secret.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub fn end(&mut self, label: &str, shown: &Shown) -> Result<(), RunError> {
        let secret = shown.secret.expose();
        let entry = json!({"id": shown.id, "secret": secret, "what": shown.thing});
        self.entries.insert(label.to_owned(), entry);
        self.keep()
    }

    /// Gives up on what was asked.
    ///
    /// # Errors
    /// If that cannot be kept.
    pub fn forget(&mut self, label: &str) -> Result<(), RunError> {
        self.entries.shift_remove(label);
        self.keep()
    }

    /// Writes the file, whole or not at all.
    fn keep(&self) -> Result<(), RunError> {
        let Some(path) = &self.path else { return Ok(()) };
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        let write = || -> io::Result<()> {
            let mut file = fs::OpenOptions::new()
                .create(true)
                .mode(0o600)
                .truncate(true)
                .write(true)
                .open(&beside)?;
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
            let text = format!("{:#}\n", Value::Object(self.entries.clone()));
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, path)
        };
        write()
            .map_err(|error| RunError::Machine(format!("cannot write {}: {error}", path.display())))
    }
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use de_core::secret::Secret;
    use serde_json::json;

    use super::Ledger;
    use crate::plan::Shown;

    #[test]
    fn what_was_asked_is_asked_again_until_it_was_answered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.json");
        let body = json!({"name": "web"});
        let asked = Ledger::in_file(&path).unwrap().begin("a", &body).unwrap();
        // The run ends here, and another one begins.
        let mut ledger = Ledger::in_file(&path).unwrap();
        assert_eq!(ledger.begun("a").unwrap().once, asked.once);
        assert_eq!(ledger.begin("a", &body).unwrap().once, asked.once);
        assert_ne!(ledger.begin("a", &json!({"name": "app"})).unwrap().once, asked.once);
        let secret = Secret::new("de_live_x".to_owned());
        let shown =
            Shown { id: "key_1".to_owned(), place: String::new(), secret, thing: "it".to_owned() };
        ledger.end("a", &shown).unwrap();
        let ledger = Ledger::in_file(&path).unwrap();
        assert!(ledger.begun("a").is_none());
        assert_eq!(ledger.entries["a"]["secret"], "de_live_x");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_others_may_read_or_that_is_another_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.json");
        fs::write(&path, "{}").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Ledger::in_file(&path).unwrap_err().to_string().ends_with("chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "[]").unwrap();
        assert!(Ledger::in_file(&path).unwrap_err().to_string().contains("no file of secrets"));
    }
}
