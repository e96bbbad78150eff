//! What the operator has configured, and what runs here.

use serde::{Deserialize, Serialize};

use crate::{auth::access_token::AccessTeam, otlp::Collector, secret::Secret};

/// The variables and secrets of a worker.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Whose log-ins at Cloudflare Access are taken; nobody's if absent.
    pub access: Option<AccessTeam>,
    /// Who is told of spans; nobody if absent.
    pub collector: Option<Collector>,
    /// What makes the first superadmin, once; none if absent.
    pub bootstrap_token: Option<Secret>,
    /// What runs here, as the platform knows it.
    pub deployment: Option<Deployment>,
    /// The origins of our own pages, which may use sessions.
    pub interface_origins: Vec<String>,
    /// The ports on 127.0.0.1 that a provider may live on; none when deployed.
    pub loopback_ports: Vec<u16>,
    /// `DE_MASTER_KEY_V1`, …: what provider keys are sealed with, by version.
    pub master_keys: Vec<(u32, Secret)>,
    /// How many refused calls of a key and a reason leave a receipt of their own each minute; as many as
    /// [`crate::books::OWN_REFUSALS`] says if absent.
    pub own_refusals: Option<u32>,
    /// The origin of the front door, without a slash at the end.
    pub public_base: Option<String>,
    /// Which worker this is: its lines of the log say so.
    pub service: &'static str,
}

/// A version of a worker, as the platform keeps it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub struct Deployment {
    /// When it was uploaded: RFC 3339, in UTC.
    pub created_at: String,
    /// The platform's id of the version.
    pub id: String,
    /// What whoever uploaded it called it; `null` if nothing.
    pub tag: Option<String>,
}
