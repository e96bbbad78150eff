//! What the operator configured, read once an isolate.

use std::{cell::RefCell, sync::Arc};

use de_core::{
    ports::{Deployment, Settings},
    secret::Secret,
    snapshot::Memory,
    time::UnixMillis,
};
use serde::Deserialize;
use worker::Env;

use crate::bindings::{LOOPBACK_PORTS, MASTER_KEY, PUBLIC_BASE, VERSION};

thread_local! {
    // Plain values only: objects of the runtime must not outlive their request.
    static SETTINGS: RefCell<Option<Arc<Settings>>> = const { RefCell::new(None) };
    static MEMORY: Arc<Memory> = Arc::default();
}

pub(crate) fn settings(env: &Env) -> Arc<Settings> {
    SETTINGS.with_borrow_mut(|known| known.get_or_insert_with(|| Arc::new(read(env))).clone())
}

pub(crate) fn memory() -> Arc<Memory> {
    MEMORY.with(Arc::clone)
}

fn read(env: &Env) -> Settings {
    let text = |name: &str| env.var(name).ok().map(|value| value.to_string());
    let ports = text(LOOPBACK_PORTS).unwrap_or_default();
    let master = |version: u32| {
        let secret = env.secret(&format!("{MASTER_KEY}{version}")).ok()?;
        Some((version, Secret::new(secret.to_string())))
    };
    Settings {
        deployment: env.object_var::<Version>(VERSION).ok().map(Version::deployment),
        loopback_ports: ports.split(',').filter_map(|port| port.trim().parse().ok()).collect(),
        // Versions are made one after another and old ones removed: a gap is at the front only.
        master_keys: (1..=64).filter_map(master).collect(),
        public_base: text(PUBLIC_BASE).map(|base| base.trim_end_matches('/').to_owned()),
    }
}

/// The binding that tells of the version, as the platform names its members.
#[derive(Deserialize)]
struct Version {
    id: String,
    tag: Option<String>,
    timestamp: String,
}

impl Version {
    fn deployment(self) -> Deployment {
        let created_at = UnixMillis::parse_rfc3339(&self.timestamp);
        Deployment {
            created_at: created_at.map_or(self.timestamp, UnixMillis::rfc3339),
            id: self.id,
            tag: self.tag.filter(|tag| !tag.is_empty()),
        }
    }
}
