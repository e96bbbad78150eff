//! The vendors' keys of an instance. They rest sealed; nothing here opens them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Viewer, json_arg, json_text_or_null, pages::PageQuery, statement};
use crate::{
    guard::KeyHosts,
    ids::{InstanceId, OrganizationId, ProviderId},
    ports::{Arg, Statement},
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
    /// Where it may go; absent if nowhere.
    #[serde(deserialize_with = "json_text_or_null")]
    pub hosts: Option<KeyHosts>,
    /// Where the paths of its provider begin; absent if there is no such provider.
    pub base_url: Option<String>,
    /// The provider's other hosts.
    #[serde(deserialize_with = "json_text_or_null")]
    pub allowed_hosts: Option<Vec<String>>,
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
    /// Where it stands in the list: what cursors are made of.
    pub place: String,
}

impl ProviderKeyRow {
    /// Whether its provider may get it: lives where it did when the key was saved.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        let (Some(hosts), Some(base_url)) = (&self.hosts, &self.base_url) else { return false };
        hosts.allow(&KeyHosts::of(base_url, self.allowed_hosts.as_deref().unwrap_or_default()))
    }
}

/// A key as it rests. Only who opens or replaces it reads this.
#[derive(Clone, Debug, Deserialize)]
pub struct SealedRow {
    /// What may be shown of it.
    #[serde(flatten)]
    pub key: ProviderKeyRow,
    /// The key, sealed.
    pub sealed: String,
}

macro_rules! columns {
    () => {
        "k.instance_id, k.provider_id, k.last_four, k.key_version, k.last_used_at, k.last_test_at,
           k.last_test_ok, k.last_test_message, k.created_at, k.updated_at,
           k.instance_id || '/' || k.provider_id AS place, k.hosts, p.base_url, p.allowed_hosts"
    };
}

/// The provider that a key is for: the organization's own before the shared one.
macro_rules! its_provider {
    () => {
        " JOIN instances AS i ON i.id = k.instance_id
          LEFT JOIN providers AS p ON p.id = k.provider_id AND p.owner = (
            SELECT q.owner FROM providers AS q
            WHERE q.id = k.provider_id AND q.owner IN (i.organization_id, '')
            ORDER BY q.owner DESC LIMIT 1)"
    };
}

/// The keys of an instance, at most 200 [`ProviderKeyRow`]s.
#[must_use]
pub fn of_instance(instance: &InstanceId) -> Statement {
    statement(
        concat!(
            "SELECT ",
            columns!(),
            " FROM provider_keys AS k",
            its_provider!(),
            " WHERE k.instance_id = ?1 ORDER BY k.provider_id LIMIT 200"
        ),
        [instance.as_str().into()],
    )
}

/// A key to be saved.
#[derive(Clone, Copy, Debug)]
pub struct NewProviderKey<'a> {
    /// Where it may go: [`KeyHosts::of`] its provider.
    pub hosts: Option<&'a KeyHosts>,
    /// Whose key it is.
    pub instance: &'a InstanceId,
    /// Which secret it is, for people.
    pub last_four: &'a str,
    /// Whom it opens.
    pub provider: &'a ProviderId,
    /// The key, sealed by the vault.
    pub sealed: &'a str,
}

impl NewProviderKey<'_> {
    fn args(&self, now: UnixMillis) -> [Arg; 6] {
        [
            self.instance.as_str().into(),
            self.provider.as_str().into(),
            self.sealed.into(),
            self.last_four.into(),
            self.hosts.map_or(Arg::Null, json_arg),
            now.into(),
        ]
    }
}

/// Saves a key over one that may be there. It goes into one batch with a bump of the tenant's epoch.
#[must_use]
pub fn put(key: &NewProviderKey<'_>, now: UnixMillis) -> Statement {
    statement(
        "INSERT INTO provider_keys
           (instance_id, provider_id, sealed, last_four, hosts, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
         ON CONFLICT (instance_id, provider_id) DO UPDATE SET sealed = excluded.sealed,
           last_four = excluded.last_four, hosts = excluded.hosts, last_used_at = NULL,
           last_test_at = NULL, last_test_ok = NULL, last_test_message = NULL,
           updated_at = excluded.updated_at
         WHERE provider_keys.sealed <> excluded.sealed OR provider_keys.hosts IS NOT excluded.hosts",
        key.args(now),
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

/// Finds one: at most one [`SealedRow`].
#[must_use]
pub fn find(instance: &InstanceId, provider: &ProviderId) -> Statement {
    statement(
        concat!(
            "SELECT k.sealed, ",
            columns!(),
            " FROM provider_keys AS k",
            its_provider!(),
            " WHERE k.instance_id = ?1 AND k.provider_id = ?2"
        ),
        [instance.as_str().into(), provider.as_str().into()],
    )
}

/// Which keys are wanted.
#[derive(Clone, Debug, Default)]
pub struct ProviderKeyQuery<'a> {
    /// Only this instance's.
    pub instance: Option<&'a InstanceId>,
    /// Which page, by [`ProviderKeyRow::place`].
    pub page: PageQuery,
    /// Only for this provider.
    pub provider: Option<&'a ProviderId>,
}

/// Lists keys by instance and provider: [`ProviderKeyRow`]s for [`PageQuery::page`].
///
/// Who operates the service names an instance; without one they are shown nothing.
#[must_use]
pub fn list(query: &ProviderKeyQuery<'_>, viewer: Viewer<'_>) -> Statement {
    let after = query.page.after.as_deref().unwrap_or("");
    let (instance, provider) = after.split_once('/').unwrap_or((after, ""));
    let mut args = vec![
        instance.into(),
        provider.into(),
        query.instance.map(InstanceId::as_str).into(),
        query.provider.map(ProviderId::as_str).into(),
        query.page.rows_to_read().into(),
    ];
    let sql = match viewer {
        Viewer::Everything => concat!(
            "SELECT ",
            columns!(),
            " FROM provider_keys AS k",
            its_provider!(),
            " WHERE k.instance_id = ?3 AND (k.instance_id, k.provider_id) > (?1, ?2)
                AND (?4 IS NULL OR k.provider_id = ?4)
              ORDER BY k.instance_id, k.provider_id LIMIT CAST(?5 AS INTEGER)"
        ),
        Viewer::Person { .. } => concat!(
            "WITH seen AS (
               SELECT id FROM instances WHERE organization_id = ?6
               UNION SELECT instance_id FROM user_grants WHERE user_id = ?7 AND role <> 'readonly')
             SELECT ",
            columns!(),
            " FROM seen JOIN provider_keys AS k ON k.instance_id = seen.id",
            its_provider!(),
            " WHERE (?3 IS NULL OR k.instance_id = ?3) AND (k.instance_id, k.provider_id) > (?1, ?2)
                AND (?4 IS NULL OR k.provider_id = ?4)
              ORDER BY k.instance_id, k.provider_id LIMIT CAST(?5 AS INTEGER)"
        ),
    };
    args.extend(viewer.args());
    Statement { args, sql }
}

/// Saves a new one. A conflict says `provider_keys.instance_id` if there is one already.
#[must_use]
pub fn insert(key: &NewProviderKey<'_>, now: UnixMillis) -> Statement {
    statement(
        "INSERT INTO provider_keys
           (instance_id, provider_id, sealed, last_four, hosts, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
        key.args(now),
    )
}

/// Ends the batch with a conflict on `audit_events.id` unless the key is as it was at `expected`: see
/// [`super::organizations::unchanged`].
#[must_use]
pub fn unchanged(
    event: &str,
    instance: &InstanceId,
    provider: &ProviderId,
    expected: UnixMillis,
) -> Statement {
    statement(
        "INSERT INTO audit_events (id, actor_kind, action, target_id, created_at)
         SELECT e.id, e.actor_kind, e.action, e.target_id, e.created_at FROM audit_events AS e
         WHERE e.id = ?1 AND NOT EXISTS (
           SELECT 1 FROM provider_keys AS k
           WHERE k.instance_id = ?2 AND k.provider_id = ?3 AND k.updated_at = ?4)",
        [event.into(), instance.as_str().into(), provider.as_str().into(), expected.into()],
    )
}

/// What came of trying a key.
#[derive(Clone, Copy, Debug)]
pub struct Tried<'a> {
    /// When.
    pub at: UnixMillis,
    /// What the vendor said, masked; absent if all was well.
    pub message: Option<&'a str>,
    /// Whether it works.
    pub ok: bool,
}

/// Notes that a key was tried, if it is still the one that was.
#[must_use]
pub fn tried(
    instance: &InstanceId,
    provider: &ProviderId,
    sealed: &str,
    tried: Tried<'_>,
) -> Statement {
    statement(
        "UPDATE provider_keys SET last_test_at = ?4, last_test_ok = ?5, last_test_message = ?6
         WHERE instance_id = ?1 AND provider_id = ?2 AND sealed = ?3",
        [
            instance.as_str().into(),
            provider.as_str().into(),
            sealed.into(),
            tried.at.into(),
            tried.ok.into(),
            tried.message.into(),
        ],
    )
}

/// A key that an older master key sealed.
#[derive(Clone, Debug, Deserialize)]
pub struct OldRow {
    /// Whose key it is.
    pub instance_id: InstanceId,
    /// Whose instance that is.
    pub organization_id: OrganizationId,
    /// Whom it opens.
    pub provider_id: ProviderId,
    /// The key, sealed.
    pub sealed: String,
}

/// The keys that were sealed with an older master key than this one: at most 1,000 [`OldRow`]s.
#[must_use]
pub fn older(newest: u32) -> Statement {
    statement(
        "SELECT k.instance_id, i.organization_id, k.provider_id, k.sealed
         FROM provider_keys AS k JOIN instances AS i ON i.id = k.instance_id
         WHERE k.key_version < CAST(?1 AS INTEGER)
         ORDER BY k.key_version, k.instance_id, k.provider_id LIMIT 1000",
        [i64::from(newest).into()],
    )
}

/// Counts them: one row with `count`.
#[must_use]
pub fn count_older(newest: u32) -> Statement {
    statement(
        "SELECT count(*) AS count FROM provider_keys WHERE key_version < CAST(?1 AS INTEGER)",
        [i64::from(newest).into()],
    )
}

/// Puts the same key there as another master key sealed it, unless it is another key meanwhile: one row
/// if it was done. It goes into one batch with a bump of the tenant's epoch, since copies of the row hold
/// the old form. For readers nothing has changed, so no time is moved on.
#[must_use]
pub fn reseal(row: &OldRow, sealed: &str) -> Statement {
    statement(
        "UPDATE provider_keys SET sealed = ?4
         WHERE instance_id = ?1 AND provider_id = ?2 AND sealed = ?3
         RETURNING provider_id AS resealed",
        [
            row.instance_id.as_str().into(),
            row.provider_id.as_str().into(),
            row.sealed.as_str().into(),
            sealed.into(),
        ],
    )
}

/// Forgets a key. It goes into one batch with a bump of the tenant's epoch.
#[must_use]
pub fn delete(instance: &InstanceId, provider: &ProviderId) -> Statement {
    statement(
        "DELETE FROM provider_keys WHERE instance_id = ?1 AND provider_id = ?2",
        [instance.as_str().into(), provider.as_str().into()],
    )
}
