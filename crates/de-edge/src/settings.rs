//! What the operator configured, read once an isolate.

use std::{cell::RefCell, sync::Arc};

use de_core::{
    auth::{access_token::AccessTeam, origins},
    books::Refusals,
    circuits::Circuits,
    otlp::Collector,
    ports::{Deployment, Settings},
    secret::Secret,
    shares::Shares,
    snapshot::Memory,
    time::UnixMillis,
};
use serde::Deserialize;
use worker::Env;

use crate::bindings::{
    ACCESS_AUD, ACCESS_TEAM_DOMAIN, BOOTSTRAP_TOKEN, INTERFACE_ORIGINS, LOOPBACK_PORTS, MASTER_KEY,
    OTLP_ENDPOINT, OTLP_HEADERS, OTLP_SAMPLING, OWN_REFUSALS, PUBLIC_BASE, VERSION,
};

thread_local! {
    // Plain values only: objects of the runtime must not outlive their request.
    static SETTINGS: RefCell<Option<Arc<Settings>>> = const { RefCell::new(None) };
    static MEMORY: Arc<Memory> = Arc::default();
    static CIRCUITS: Arc<Circuits> = Arc::default();
    static REFUSALS: Arc<Refusals> = Arc::default();
    static SHARES: Arc<Shares> = Arc::default();
}

pub(crate) fn settings(env: &Env, service: &'static str) -> Arc<Settings> {
    let read = || Arc::new(read(env, service));
    SETTINGS.with_borrow_mut(|known| known.get_or_insert_with(read).clone())
}

/// The same, if somebody has asked for them.
pub(crate) fn known() -> Option<Arc<Settings>> {
    SETTINGS.with_borrow(Clone::clone)
}

pub(crate) fn memory() -> Arc<Memory> {
    MEMORY.with(Arc::clone)
}

pub(crate) fn circuits() -> Arc<Circuits> {
    CIRCUITS.with(Arc::clone)
}

pub(crate) fn refusals() -> Arc<Refusals> {
    REFUSALS.with(Arc::clone)
}

pub(crate) fn shares() -> Arc<Shares> {
    SHARES.with(Arc::clone)
}

fn read(env: &Env, service: &'static str) -> Settings {
    let text = |name: &str| env.var(name).ok().map(|value| value.to_string());
    let ports = text(LOOPBACK_PORTS).unwrap_or_default();
    let secret = |name: &str| env.secret(name).ok().map(|secret| Secret::new(secret.to_string()));
    // A short one could be guessed by whoever has a copy of the database.
    let master = |version: u32| {
        let key = secret(&format!("{MASTER_KEY}{version}"))?;
        (key.expose().len() >= 32).then_some((version, key))
    };
    let team = text(ACCESS_TEAM_DOMAIN).zip(text(ACCESS_AUD));
    Settings {
        access: team.and_then(|(domain, audiences)| AccessTeam::read(&domain, &audiences)),
        collector: text(OTLP_ENDPOINT).and_then(|endpoint| {
            let share = text(OTLP_SAMPLING);
            Collector::read(&endpoint, secret(OTLP_HEADERS), share.as_deref())
        }),
        // An empty one would be a password that everybody knows.
        bootstrap_token: secret(BOOTSTRAP_TOKEN).filter(|token| token.expose().len() >= 16),
        deployment: env.object_var::<Version>(VERSION).ok().map(Version::deployment),
        interface_origins: origins::read(&text(INTERFACE_ORIGINS).unwrap_or_default()),
        loopback_ports: ports.split(',').filter_map(|port| port.trim().parse().ok()).collect(),
        // Versions are made one after another and old ones removed: a gap is at the front only.
        master_keys: (1..=64).filter_map(master).collect(),
        own_refusals: text(OWN_REFUSALS).and_then(|most| most.trim().parse().ok()),
        public_base: text(PUBLIC_BASE).map(|base| base.trim_end_matches('/').to_owned()),
        service,
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
