//! What a key or a session means: whom it belongs to, and how fresh that knowledge is, in one row.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Activity, flag, json_text, json_text_or_null, statement};
use crate::{
    auth::{Scope, session::Times},
    ids::{ApiKeyId, InstanceId, ModelId, OrganizationId, ProjectId, SessionId, UserId},
    limits::Epochs,
    ports::Statement,
    time::UnixMillis,
};

/// A key of a project, with instance and project; a key or a session of a user, with neither.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct AccessRow {
    /// The key; absent for a session.
    pub api_key_id: Option<ApiKeyId>,
    /// The session; absent for a key.
    pub session_id: Option<SessionId>,
    /// The session's last call that was noted; absent for a key.
    pub last_seen_at: Option<UnixMillis>,
    /// `de_live_`, `de_test_` or `de_admin_`; empty for a session.
    pub prefix: String,
    /// What it may be used for.
    #[serde(deserialize_with = "json_text")]
    pub scopes: Vec<Scope>,
    /// `None` lets every model through.
    #[serde(deserialize_with = "json_text_or_null")]
    pub allowed_models: Option<Vec<ModelId>>,
    /// Origins of pages that may use the key, and read its answers; empty: any may use it.
    #[serde(deserialize_with = "json_text")]
    pub allowed_origins: Vec<String>,
    /// Addresses that may use the key; empty: any.
    #[serde(deserialize_with = "json_text")]
    pub allowed_addresses: Vec<String>,
    /// Not good from then on.
    pub expires_at: Option<UnixMillis>,
    /// Not good since then.
    pub revoked_at: Option<UnixMillis>,
    /// Whose key it is, if a project's.
    pub project_id: Option<ProjectId>,
    /// Whether the project may act.
    pub project_status: Option<Activity>,
    /// Whether the project asks to keep prompts and replies.
    #[serde(deserialize_with = "flag")]
    pub retain_content: bool,
    /// For how many seconds the project wants answers kept to be given once more; absent if it does not.
    pub response_cache_ttl_s: Option<u64>,
    /// Which generation of the project's kept answers may be given. Absent where there is no project, and in
    /// copies of a version that did not know it: then none may.
    pub response_cache_generation: Option<u64>,
    /// Whose key it is, if a person's.
    pub user_id: Option<UserId>,
    /// `user`, `admin` or `superadmin`.
    pub user_role: Option<String>,
    /// Whether the person may act.
    pub user_status: Option<Activity>,
    /// The project's instance.
    pub instance_id: Option<InstanceId>,
    /// What the instance's own columns say.
    #[serde(flatten)]
    pub instance: InstanceColumns,
    /// Who pays.
    pub organization_id: OrganizationId,
    /// Whether the organization may act.
    pub organization_status: Activity,
    /// The tenant's epoch when this was read.
    pub tenant_epoch: u64,
    /// The catalogue's epoch when this was read.
    pub catalogue_epoch: u64,
}

/// What a request needs to know of its instance. All absent where there is none.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct InstanceColumns {
    /// `production` or `development`.
    pub environment: Option<String>,
    /// Origins of pages that may call.
    #[serde(deserialize_with = "json_text_or_null")]
    pub instance_allowed_origins: Option<Vec<String>>,
    /// `refuse` or `allow`; always `refuse` where a budget is enforced.
    pub on_limiter_failure: Option<String>,
    /// Modality → model id.
    #[serde(deserialize_with = "json_text_or_null")]
    pub default_models: Option<Value>,
    /// The output bound for calls and models that give none.
    pub default_max_output_tokens: Option<u64>,
    /// Whether the instance may act.
    pub instance_status: Option<Activity>,
}

impl AccessRow {
    /// The times of a session; `None` for a key.
    #[must_use]
    pub fn session(&self) -> Option<Times> {
        let (expires_at, last_seen_at) = self.expires_at.zip(self.last_seen_at)?;
        Some(Times { expires_at, last_seen_at, revoked_at: self.revoked_at })
    }

    /// Who makes a change with it, as versions name them: the key, else the person.
    #[must_use]
    pub fn who(&self) -> &str {
        let key = self.api_key_id.as_ref().map(ApiKeyId::as_str);
        key.or_else(|| self.user_id.as_ref().map(UserId::as_str)).unwrap_or_default()
    }

    /// How fresh this is.
    #[must_use]
    pub fn epochs(&self) -> Epochs {
        Epochs { catalogue: self.catalogue_epoch, tenant: self.tenant_epoch }
    }
}

/// Finds a key by the digest of its text: at most one [`AccessRow`], expired and revoked keys too.
#[must_use]
pub fn by_digest(digest: &str) -> Statement {
    statement(
        "SELECT k.id AS api_key_id, k.prefix, k.scopes, k.allowed_models, k.allowed_origins,
           k.allowed_addresses, k.expires_at, k.revoked_at,
           p.id AS project_id, p.status AS project_status,
           coalesce(p.retain_content, 0) AS retain_content,
           p.response_cache_ttl_s, p.response_cache_generation,
           u.id AS user_id, u.role AS user_role, u.status AS user_status,
           i.id AS instance_id, i.environment, i.allowed_origins AS instance_allowed_origins,
           CASE WHEN EXISTS (
             SELECT 1 FROM budgets AS b
             WHERE b.organization_id = i.organization_id AND coalesce(b.instance_id, i.id) = i.id AND b.shadow = 0
           ) THEN 'refuse' ELSE i.on_limiter_failure END AS on_limiter_failure,
           i.default_models, i.default_max_output_tokens,
           i.status AS instance_status,
           o.id AS organization_id, o.status AS organization_status,
           coalesce((SELECT epoch FROM epochs WHERE scope = o.id), 0) AS tenant_epoch,
           coalesce((SELECT epoch FROM epochs WHERE scope = 'catalogue'), 0) AS catalogue_epoch
         FROM api_keys AS k
         LEFT JOIN projects AS p ON p.id = k.project_id
         LEFT JOIN users AS u ON u.id = k.user_id
         LEFT JOIN instances AS i ON i.id = p.instance_id
         JOIN organizations AS o ON o.id = coalesce(i.organization_id, u.organization_id)
         WHERE k.digest = ?1",
        [digest.into()],
    )
}

/// An instance that a person may act for.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct GrantRow {
    /// Which.
    pub instance_id: InstanceId,
    /// Its own columns.
    #[serde(flatten)]
    pub instance: InstanceColumns,
    /// Whose instance it is.
    pub organization_id: OrganizationId,
    /// `owner`, `admin`, `user` or `readonly`; absent where the person's global role lets it in.
    pub grant_role: Option<String>,
    /// The tenant's epoch when this was read.
    pub tenant_epoch: u64,
    /// The catalogue's epoch when this was read.
    pub catalogue_epoch: u64,
}

/// Finds an instance and the person's grant on it: at most one [`GrantRow`], also without a grant. An instance of an
/// organization that is suspended is too, for its guests as for its own.
#[must_use]
pub fn instance_for_user(instance: &InstanceId, user: &UserId) -> Statement {
    statement(
        "SELECT i.id AS instance_id, i.environment, i.allowed_origins AS instance_allowed_origins,
           CASE WHEN EXISTS (
             SELECT 1 FROM budgets AS b
             WHERE b.organization_id = i.organization_id AND coalesce(b.instance_id, i.id) = i.id AND b.shadow = 0
           ) THEN 'refuse' ELSE i.on_limiter_failure END AS on_limiter_failure,
           i.default_models, i.default_max_output_tokens,
           CASE o.status WHEN 'suspended' THEN o.status ELSE i.status END AS instance_status,
           i.organization_id, g.role AS grant_role,
           coalesce((SELECT epoch FROM epochs WHERE scope = i.organization_id), 0) AS tenant_epoch,
           coalesce((SELECT epoch FROM epochs WHERE scope = 'catalogue'), 0) AS catalogue_epoch
         FROM instances AS i
         JOIN organizations AS o ON o.id = i.organization_id
         LEFT JOIN user_grants AS g ON g.instance_id = i.id AND g.user_id = ?2
         WHERE i.id = ?1",
        [instance.as_str().into(), user.as_str().into()],
    )
}
