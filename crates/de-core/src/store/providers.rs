//! Providers: where a vendor lives, and where its key goes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{json_arg, json_text, json_text_or_null, owner, statement};
use crate::{
    ids::{OrganizationId, ProviderId},
    ports::Statement,
    time::UnixMillis,
};

/// How a vendor wants its key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "kind")]
pub enum ProviderAuth {
    /// `Authorization: Bearer <key>`.
    Bearer,
    /// A header of that name with the key, after `prefix` if there is one (`Key `).
    Header {
        /// The header's name.
        name: String,
        /// What stands before the key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prefix: Option<String>,
    },
    /// A query parameter of that name.
    Query {
        /// The parameter's name.
        name: String,
    },
}

/// A provider, as seeds and the API have it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// `openai`.
    pub id: ProviderId,
    /// For people.
    pub display_name: String,
    /// Where its paths begin, without a slash at the end.
    pub base_url: String,
    /// Hosts beside that of `base_url` which may get its key.
    #[serde(default)]
    pub allowed_hosts: Vec<String>,
    /// How it wants its key.
    pub auth: ProviderAuth,
    /// Sent with every call.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Values for protocols that differ from host to host.
    #[serde(default)]
    pub protocol_defaults: Map<String, Value>,
}

/// A provider's row.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ProviderRow {
    /// `openai`.
    pub id: ProviderId,
    /// Whose it is; absent for the shared catalogue.
    pub organization_id: Option<OrganizationId>,
    /// For people.
    pub display_name: String,
    /// Where its paths begin.
    pub base_url: String,
    /// Hosts beside that of `base_url` which may get its key.
    #[serde(deserialize_with = "json_text")]
    pub allowed_hosts: Vec<String>,
    /// How it wants its key.
    #[serde(deserialize_with = "json_text")]
    pub auth: ProviderAuth,
    /// Sent with every call.
    #[serde(deserialize_with = "json_text")]
    pub headers: BTreeMap<String, String>,
    /// Values for protocols that differ from host to host.
    #[serde(deserialize_with = "json_text")]
    pub protocol_defaults: Map<String, Value>,
    /// When it was first saved.
    pub created_at: UnixMillis,
    /// When it was last changed.
    pub updated_at: UnixMillis,
}

/// The columns of a provider that a call needs, beside those of a model. All absent if there is none.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct AccessColumns {
    /// `openai`.
    pub provider_id: Option<ProviderId>,
    /// Whose it is; absent for the shared catalogue too.
    pub provider_organization_id: Option<OrganizationId>,
    /// Where its paths begin.
    pub base_url: Option<String>,
    /// Hosts beside that of `base_url` which may get its key.
    #[serde(deserialize_with = "json_text_or_null")]
    pub allowed_hosts: Option<Vec<String>>,
    /// How it wants its key.
    #[serde(deserialize_with = "json_text_or_null")]
    pub auth: Option<ProviderAuth>,
    /// Sent with every call.
    #[serde(deserialize_with = "json_text_or_null")]
    pub headers: Option<BTreeMap<String, String>>,
    /// Values for protocols that differ from host to host.
    #[serde(deserialize_with = "json_text_or_null")]
    pub protocol_defaults: Option<Map<String, Value>>,
}

/// Finds a provider, the organization's own before the shared one: at most one [`ProviderRow`].
#[must_use]
pub fn find(provider: &ProviderId, organization: Option<&OrganizationId>) -> Statement {
    statement(
        "SELECT id, organization_id, display_name, base_url, allowed_hosts, auth, headers,
           protocol_defaults, created_at, updated_at
         FROM providers WHERE id = ?1 AND owner IN (?2, '') ORDER BY owner DESC LIMIT 1",
        [provider.as_str().into(), owner(organization)],
    )
}

/// Saves a provider, new or not. It goes into one batch with a bump of the epoch.
#[must_use]
pub fn put(
    provider: &Provider,
    organization: Option<&OrganizationId>,
    now: UnixMillis,
) -> Statement {
    statement(
        "INSERT INTO providers (id, organization_id, display_name, base_url, allowed_hosts, auth, headers,
           protocol_defaults, seeded, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9, ?9)
         ON CONFLICT (id, owner) DO UPDATE SET display_name = excluded.display_name,
           base_url = excluded.base_url, allowed_hosts = excluded.allowed_hosts, auth = excluded.auth,
           headers = excluded.headers, protocol_defaults = excluded.protocol_defaults,
           seeded = 0, updated_at = excluded.updated_at",
        [
            provider.id.as_str().into(),
            organization.map(OrganizationId::as_str).into(),
            provider.display_name.as_str().into(),
            provider.base_url.as_str().into(),
            json_arg(&provider.allowed_hosts),
            json_arg(&provider.auth),
            json_arg(&provider.headers),
            json_arg(&provider.protocol_defaults),
            now.into(),
        ],
    )
}

/// Saves a shared provider as the seeds have it, unless someone changed it since. A row that is the
/// same already is not touched.
#[must_use]
pub fn seed(provider: &Provider, now: UnixMillis) -> Statement {
    statement(
        "INSERT INTO providers (id, display_name, base_url, allowed_hosts, auth, headers,
           protocol_defaults, seeded, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, ?8)
         ON CONFLICT (id, owner) DO UPDATE SET display_name = excluded.display_name,
           base_url = excluded.base_url, allowed_hosts = excluded.allowed_hosts, auth = excluded.auth,
           headers = excluded.headers, protocol_defaults = excluded.protocol_defaults,
           updated_at = excluded.updated_at
         WHERE providers.seeded = 1 AND (providers.display_name <> excluded.display_name
           OR providers.base_url <> excluded.base_url
           OR providers.allowed_hosts <> excluded.allowed_hosts
           OR providers.auth <> excluded.auth OR providers.headers <> excluded.headers
           OR providers.protocol_defaults <> excluded.protocol_defaults)",
        [
            provider.id.as_str().into(),
            provider.display_name.as_str().into(),
            provider.base_url.as_str().into(),
            json_arg(&provider.allowed_hosts),
            json_arg(&provider.auth),
            json_arg(&provider.headers),
            json_arg(&provider.protocol_defaults),
            now.into(),
        ],
    )
}
