//! Providers: where a vendor lives, and where its key goes.

pub mod removal;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{json_arg, json_text, json_text_or_null, owner, pages::PageQuery, statement};
use crate::{
    guard::KeyHosts,
    ids::{OrganizationId, ProviderId},
    ports::{Arg, Statement},
    time::UnixMillis,
};

/// How a vendor wants its key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
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

/// The cheap call that tells whether a vendor takes a key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct KeyTest {
    /// How it is asked.
    #[serde(default)]
    pub method: KeyTestMethod,
    /// Below the base URL, perhaps with a query: `/models`.
    pub path: String,
}

/// A test changes nothing at the vendor.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum KeyTestMethod {
    /// The usual one.
    #[default]
    Get,
    /// Where the answer would be large.
    Head,
}

/// A provider, as seeds have it.
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
    /// How a key is tried; absent where the vendor has no cheap call for that.
    #[serde(default)]
    pub key_test: Option<KeyTest>,
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
    /// How a key is tried; absent where the vendor has no cheap call for that.
    #[serde(deserialize_with = "json_text_or_null")]
    pub key_test: Option<KeyTest>,
    /// When it was first saved.
    pub created_at: UnixMillis,
    /// When it was last changed.
    pub updated_at: UnixMillis,
}

impl Provider {
    /// Where a key for it may go.
    #[must_use]
    pub fn key_hosts(&self) -> KeyHosts {
        KeyHosts::of(&self.base_url, &self.allowed_hosts)
    }

    /// The same as a row of an owner; `None` is the shared catalogue.
    #[must_use]
    pub fn into_row(self, organization_id: Option<OrganizationId>, now: UnixMillis) -> ProviderRow {
        ProviderRow {
            id: self.id,
            organization_id,
            display_name: self.display_name,
            base_url: self.base_url,
            allowed_hosts: self.allowed_hosts,
            auth: self.auth,
            headers: self.headers,
            protocol_defaults: self.protocol_defaults,
            key_test: self.key_test,
            created_at: now,
            updated_at: now,
        }
    }
}

impl ProviderRow {
    /// Where a key for it may go.
    #[must_use]
    pub fn key_hosts(&self) -> KeyHosts {
        KeyHosts::of(&self.base_url, &self.allowed_hosts)
    }
}

impl From<ProviderRow> for Provider {
    fn from(row: ProviderRow) -> Self {
        Self {
            id: row.id,
            display_name: row.display_name,
            base_url: row.base_url,
            allowed_hosts: row.allowed_hosts,
            auth: row.auth,
            headers: row.headers,
            protocol_defaults: row.protocol_defaults,
            key_test: row.key_test,
        }
    }
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

impl From<ProviderRow> for AccessColumns {
    fn from(row: ProviderRow) -> Self {
        Self {
            provider_id: Some(row.id),
            provider_organization_id: row.organization_id,
            base_url: Some(row.base_url),
            allowed_hosts: Some(row.allowed_hosts),
            auth: Some(row.auth),
            headers: Some(row.headers),
            protocol_defaults: Some(row.protocol_defaults),
        }
    }
}

macro_rules! columns {
    () => {
        "SELECT p.id, p.organization_id, p.display_name, p.base_url, p.allowed_hosts, p.auth, p.headers,
           p.protocol_defaults, p.key_test, p.created_at, p.updated_at
         FROM providers AS p"
    };
}

/// Finds a provider, the organization's own before the shared one: at most one [`ProviderRow`].
#[must_use]
pub fn find(provider: &ProviderId, organization: Option<&OrganizationId>) -> Statement {
    statement(
        concat!(
            columns!(),
            " WHERE p.id = ?1 AND p.owner IN (?2, '') ORDER BY p.owner DESC LIMIT 1"
        ),
        [provider.as_str().into(), owner(organization)],
    )
}

/// Finds the providers of these ids, the organization's own and the shared ones: [`ProviderRow`]s, of one
/// id the own before the shared.
#[must_use]
pub fn find_all(providers: &[ProviderId], organization: Option<&OrganizationId>) -> Statement {
    statement(
        concat!(
            columns!(),
            " WHERE p.id IN (SELECT value FROM json_each(?1)) AND p.owner IN (?2, '')
              ORDER BY p.owner DESC"
        ),
        [json_arg(providers), owner(organization)],
    )
}

/// Finds the provider of this very owner: at most one [`ProviderRow`].
#[must_use]
pub fn find_of(provider: &ProviderId, organization: Option<&OrganizationId>) -> Statement {
    statement(
        concat!(columns!(), " WHERE p.id = ?1 AND p.owner = ?2"),
        [provider.as_str().into(), owner(organization)],
    )
}

/// Which providers are wanted.
#[derive(Clone, Debug, Default)]
pub struct ProviderQuery<'a> {
    /// Whose own are shown beside the shared ones.
    pub organization: Option<&'a OrganizationId>,
    /// Only the own ones, or only the shared ones.
    pub own: Option<bool>,
    /// Which page.
    pub page: PageQuery,
}

/// Lists providers by id: [`ProviderRow`]s for [`PageQuery::page`]. A shared provider that the
/// organization has one of its own for is left out.
#[must_use]
pub fn list(query: &ProviderQuery<'_>) -> Statement {
    statement(
        concat!(
            columns!(),
            " WHERE p.owner IN (?1, '') AND p.id > ?2
                AND (p.owner = ?1 OR NOT EXISTS (
                  SELECT 1 FROM providers AS own WHERE own.id = p.id AND own.owner = ?1))
                AND (?3 IS NULL OR CAST(?3 AS INTEGER) = (p.owner <> ''))
              ORDER BY p.id LIMIT CAST(?4 AS INTEGER)"
        ),
        [
            owner(query.organization),
            query.page.after.as_deref().unwrap_or("").into(),
            query.own.into(),
            query.page.rows_to_read().into(),
        ],
    )
}

fn values(row: &ProviderRow) -> Vec<Arg> {
    vec![
        row.id.as_str().into(),
        row.organization_id.as_ref().map(OrganizationId::as_str).into(),
        row.display_name.as_str().into(),
        row.base_url.as_str().into(),
        json_arg(&row.allowed_hosts),
        json_arg(&row.auth),
        json_arg(&row.headers),
        json_arg(&row.protocol_defaults),
        row.key_test.as_ref().map_or(Arg::Null, json_arg),
        row.updated_at.into(),
    ]
}

/// Saves a new one. A conflict says `providers.id` if this owner has one of that id.
#[must_use]
pub fn insert(row: &ProviderRow) -> Statement {
    Statement {
        args: values(row),
        sql: "INSERT INTO providers (id, organization_id, display_name, base_url, allowed_hosts, auth,
                headers, protocol_defaults, key_test, seeded, created_at, updated_at)
              VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10, ?10)",
    }
}

/// Saves all of it over what is there; from then on seeds leave it alone.
#[must_use]
pub fn update(row: &ProviderRow) -> Statement {
    Statement {
        args: values(row),
        sql: "UPDATE providers SET display_name = ?3, base_url = ?4, allowed_hosts = ?5, auth = ?6,
                headers = ?7, protocol_defaults = ?8, key_test = ?9, seeded = 0, updated_at = ?10
              WHERE id = ?1 AND owner = coalesce(?2, '')",
    }
}

/// Removes it with all that [hangs](removal::hanging) on it.
///
/// Keys too: they would go wherever a later provider of that id says.
#[must_use]
pub fn delete(provider: &ProviderId, organization: Option<&OrganizationId>) -> [Statement; 3] {
    let args = || [provider.as_str().into(), owner(organization)];
    [
        statement(
            "DELETE FROM model_configs WHERE provider_id = ?1 AND CASE
               WHEN owner = ?2 THEN 1 WHEN ?2 <> '' THEN 0
               ELSE NOT EXISTS (
                 SELECT 1 FROM providers AS own WHERE own.id = ?1 AND own.owner = model_configs.owner)
               END",
            args(),
        ),
        statement(
            "DELETE FROM provider_keys WHERE provider_id = ?1 AND CASE
               WHEN ?2 = '' THEN NOT EXISTS (
                 SELECT 1 FROM instances AS i JOIN providers AS own ON own.owner = i.organization_id
                 WHERE i.id = provider_keys.instance_id AND own.id = ?1)
               ELSE EXISTS (
                 SELECT 1 FROM instances AS i
                 WHERE i.id = provider_keys.instance_id AND i.organization_id = ?2)
                 AND NOT EXISTS (
                   SELECT 1 FROM providers AS shared WHERE shared.id = ?1 AND shared.owner = '')
               END",
            args(),
        ),
        statement("DELETE FROM providers WHERE id = ?1 AND owner = ?2", args()),
    ]
}

/// Ends the batch with a conflict on `audit_events.id` unless the provider is as it was at `expected`: see
/// [`super::organizations::unchanged`].
#[must_use]
pub fn unchanged(
    event: &str,
    provider: &ProviderId,
    organization: Option<&OrganizationId>,
    expected: UnixMillis,
) -> Statement {
    statement(
        "INSERT INTO audit_events (id, actor_kind, action, target_id, created_at)
         SELECT e.id, e.actor_kind, e.action, e.target_id, e.created_at FROM audit_events AS e
         WHERE e.id = ?1 AND NOT EXISTS (
           SELECT 1 FROM providers AS p WHERE p.id = ?2 AND p.owner = ?3 AND p.updated_at = ?4)",
        [event.into(), provider.as_str().into(), owner(organization), expected.into()],
    )
}

/// Saves a shared provider as the seeds have it, unless someone changed it since. A row that is the
/// same already is not touched.
#[must_use]
pub fn seed(provider: &Provider, now: UnixMillis) -> Statement {
    statement(
        "INSERT INTO providers (id, display_name, base_url, allowed_hosts, auth, headers,
           protocol_defaults, key_test, seeded, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1, ?9, ?9)
         ON CONFLICT (id, owner) DO UPDATE SET display_name = excluded.display_name,
           base_url = excluded.base_url, allowed_hosts = excluded.allowed_hosts, auth = excluded.auth,
           headers = excluded.headers, protocol_defaults = excluded.protocol_defaults,
           key_test = excluded.key_test, updated_at = excluded.updated_at
         WHERE providers.seeded = 1 AND (providers.display_name <> excluded.display_name
           OR providers.base_url <> excluded.base_url
           OR providers.allowed_hosts <> excluded.allowed_hosts
           OR providers.auth <> excluded.auth OR providers.headers <> excluded.headers
           OR providers.protocol_defaults <> excluded.protocol_defaults
           OR providers.key_test IS NOT excluded.key_test)",
        [
            provider.id.as_str().into(),
            provider.display_name.as_str().into(),
            provider.base_url.as_str().into(),
            json_arg(&provider.allowed_hosts),
            json_arg(&provider.auth),
            json_arg(&provider.headers),
            json_arg(&provider.protocol_defaults),
            provider.key_test.as_ref().map_or(Arg::Null, json_arg),
            now.into(),
        ],
    )
}
