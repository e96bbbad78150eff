//! The vendors' keys of an instance. They rest sealed; nothing here opens them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::statement;
use crate::{
    ids::{InstanceId, ProviderId},
    ports::Statement,
    time::UnixMillis,
};

/// What may be shown of a provider key.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ProviderKeyRow {
    /// Whose key it is.
    pub instance_id: InstanceId,
    /// Whom it opens.
    pub provider_id: ProviderId,
    /// Which secret it is, for people.
    pub last_four: String,
    /// The master key that sealed it.
    pub key_version: u32,
    /// When a call last used it.
    pub last_used_at: Option<UnixMillis>,
    /// When it was last tried.
    pub last_test_at: Option<UnixMillis>,
    /// 1 if it worked then, else 0.
    pub last_test_ok: Option<Value>,
    /// What the vendor said then.
    pub last_test_message: Option<String>,
    /// When it was first saved.
    pub created_at: UnixMillis,
    /// When it was last changed.
    pub updated_at: UnixMillis,
}

/// The keys of an instance, at most 200 [`ProviderKeyRow`]s.
#[must_use]
pub fn of_instance(instance: &InstanceId) -> Statement {
    statement(
        "SELECT instance_id, provider_id, last_four, key_version, last_used_at, last_test_at,
           last_test_ok, last_test_message, created_at, updated_at
         FROM provider_keys WHERE instance_id = ?1 ORDER BY provider_id LIMIT 200",
        [instance.as_str().into()],
    )
}

/// Saves a key that the vault sealed. It goes into one batch with a bump of the tenant's epoch.
#[must_use]
pub fn put(
    instance: &InstanceId,
    provider: &ProviderId,
    sealed: &str,
    last_four: &str,
    now: UnixMillis,
) -> Statement {
    statement(
        "INSERT INTO provider_keys (instance_id, provider_id, sealed, last_four, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5)
         ON CONFLICT (instance_id, provider_id) DO UPDATE SET sealed = excluded.sealed,
           last_four = excluded.last_four, last_test_at = NULL, last_test_ok = NULL,
           last_test_message = NULL, updated_at = excluded.updated_at
         WHERE provider_keys.sealed <> excluded.sealed",
        [
            instance.as_str().into(),
            provider.as_str().into(),
            sealed.into(),
            last_four.into(),
            now.into(),
        ],
    )
}

/// Notes that a call uses a key, unless it was noted less than a minute before.
#[must_use]
pub fn touch(instance: &InstanceId, provider: &ProviderId, now: UnixMillis) -> Statement {
    statement(
        "UPDATE provider_keys SET last_used_at = CAST(?3 AS INTEGER)
         WHERE instance_id = ?1 AND provider_id = ?2
           AND coalesce(last_used_at, 0) <= CAST(?3 AS INTEGER) - 60000",
        [instance.as_str().into(), provider.as_str().into(), now.into()],
    )
}

/// Forgets a key. It goes into one batch with a bump of the tenant's epoch.
#[must_use]
pub fn delete(instance: &InstanceId, provider: &ProviderId) -> Statement {
    statement(
        "DELETE FROM provider_keys WHERE instance_id = ?1 AND provider_id = ?2
         RETURNING provider_id",
        [instance.as_str().into(), provider.as_str().into()],
    )
}
