//! Model configs: found by id or alias, listed, saved with their versions.

pub mod names;
pub mod versions;

use serde::{Deserialize, Serialize};

use super::{
    json_arg, json_text_or_null, owner, pages::PageQuery, providers::AccessColumns, statement,
};
use crate::{
    guard::KeyHosts,
    ids::{InstanceId, ModelId, OrganizationId, ProviderId},
    model::{Modality, ModelConfig, Standing, Status},
    ports::{Arg, Statement},
    protocols::FieldIssue,
    time::UnixMillis,
};

/// The current version of a model config.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ModelRow {
    /// Whose it is; absent for the shared catalogue.
    pub organization_id: Option<OrganizationId>,
    /// The name that callers use.
    pub model_id: ModelId,
    /// Counts from 1.
    pub version: u64,
    /// The JSON form without the version; read it with [`ModelRow::parse`].
    pub config: String,
    /// When it was first saved.
    pub created_at: UnixMillis,
    /// When this version was saved.
    pub updated_at: UnixMillis,
}

impl ModelRow {
    /// Reads the config. A row that cannot be read is told with its issues and hurts no other row.
    ///
    /// # Errors
    /// Everything that is wrong with the row.
    pub fn parse(&self) -> Result<ModelConfig, Vec<FieldIssue>> {
        let json = crate::json::parse(self.config.as_bytes())
            .map_err(|err| vec![FieldIssue { pointer: String::new(), reason: err.to_string() }])?;
        let config = ModelConfig::of_row(&json)?;
        Ok(ModelConfig { version: self.version, ..config })
    }

    /// Whether it may be called, also where the rest of it cannot be read.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing::read(&crate::json::parse(self.config.as_bytes()).unwrap_or_default())
    }
}

/// A model with what is needed to call it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ResolvedRow {
    /// The model.
    #[serde(flatten)]
    pub model: ModelRow,
    /// Where its provider lives; absent if there is no such provider.
    #[serde(flatten)]
    pub provider: AccessColumns,
    /// The instance's key for the provider, sealed; absent if it has none.
    pub sealed: Option<String>,
    /// Where that key may go; absent if nowhere.
    #[serde(default, deserialize_with = "json_text_or_null")]
    pub key_hosts: Option<KeyHosts>,
}

/// Finds a model by id or alias: at most one [`ResolvedRow`], disabled models too.
///
/// The organization's own comes before the shared one, and an id before an alias. Without an
/// organization only the catalogue is searched; without an instance `sealed` is absent.
#[must_use]
pub fn resolve(
    name: &str,
    organization: Option<&OrganizationId>,
    instance: Option<&InstanceId>,
) -> Statement {
    statement(
        "SELECT m.organization_id, m.model_id, m.version, m.config, m.created_at, m.updated_at,
           p.id AS provider_id, p.organization_id AS provider_organization_id, p.base_url,
           p.allowed_hosts, p.auth, p.headers, p.protocol_defaults, k.sealed, k.hosts AS key_hosts
         FROM (
           SELECT named.model_id AS model_id, named.owner AS owner, 0 AS is_alias
           FROM model_configs AS named WHERE named.model_id = ?1 AND named.owner IN (?2, '')
           UNION ALL
           SELECT alias.model_id, alias.owner, 1
           FROM model_aliases AS alias WHERE alias.alias = ?1 AND alias.owner IN (?2, '')
           ORDER BY owner DESC, is_alias LIMIT 1
         ) AS found
         JOIN model_configs AS m ON m.model_id = found.model_id AND m.owner = found.owner
         LEFT JOIN providers AS p ON p.id = m.provider_id AND p.owner = (
           SELECT q.owner FROM providers AS q WHERE q.id = m.provider_id AND q.owner IN (?2, '')
           ORDER BY q.owner DESC LIMIT 1)
         LEFT JOIN provider_keys AS k ON k.instance_id = ?3 AND k.provider_id = m.provider_id",
        [name.into(), owner(organization), instance.map(InstanceId::as_str).into()],
    )
}

/// Finds the model of that id with this owner, and no other: at most one [`ModelRow`].
#[must_use]
pub fn find(model: &ModelId, organization: Option<&OrganizationId>) -> Statement {
    statement(
        "SELECT m.organization_id, m.model_id, m.version, m.config, m.created_at, m.updated_at
         FROM model_configs AS m WHERE m.model_id = ?1 AND m.owner = ?2",
        [model.as_str().into(), owner(organization)],
    )
}

/// Finds the models of these ids with this owner, and no others: [`ModelRow`]s.
#[must_use]
pub fn find_all(models: &[ModelId], organization: Option<&OrganizationId>) -> Statement {
    statement(
        "SELECT m.organization_id, m.model_id, m.version, m.config, m.created_at, m.updated_at
         FROM model_configs AS m
         WHERE m.model_id IN (SELECT value FROM json_each(?1)) AND m.owner = ?2",
        [json_arg(models), owner(organization)],
    )
}

/// Finds the versions of a model up to the current one, the newest first: at most 20 [`ResolvedRow`]s,
/// each with the provider that it names. For a current one that cannot be used.
#[must_use]
pub fn resolve_versions(
    model: &ModelId,
    owner_of_model: Option<&OrganizationId>,
    organization: &OrganizationId,
    instance: &InstanceId,
) -> Statement {
    statement(
        "SELECT m.organization_id, v.model_id, v.version, v.config, m.created_at,
           v.created_at AS updated_at,
           p.id AS provider_id, p.organization_id AS provider_organization_id, p.base_url,
           p.allowed_hosts, p.auth, p.headers, p.protocol_defaults, k.sealed, k.hosts AS key_hosts
         FROM model_configs AS m
         JOIN model_config_versions AS v
           ON v.model_id = m.model_id AND v.owner = m.owner AND v.version <= m.version
         LEFT JOIN providers AS p ON p.id = v.config ->> '$.provider_id' AND p.owner = (
           SELECT q.owner FROM providers AS q
           WHERE q.id = v.config ->> '$.provider_id' AND q.owner IN (?3, '')
           ORDER BY q.owner DESC LIMIT 1)
         LEFT JOIN provider_keys AS k
           ON k.instance_id = ?4 AND k.provider_id = v.config ->> '$.provider_id'
         WHERE m.model_id = ?1 AND m.owner = ?2
         ORDER BY v.version DESC LIMIT 20",
        [
            model.as_str().into(),
            owner(owner_of_model),
            organization.as_str().into(),
            instance.as_str().into(),
        ],
    )
}

/// Which models are wanted.
#[derive(Clone, Debug, Default)]
pub struct ModelQuery<'a> {
    /// Only these, if a key may call no others.
    pub allowed: Option<&'a [ModelId]>,
    /// Only those that work in it.
    pub modality: Option<Modality>,
    /// Whose own are shown beside the shared ones.
    pub organization: Option<&'a OrganizationId>,
    /// Which page.
    pub page: PageQuery,
    /// Only this provider's.
    pub provider: Option<&'a ProviderId>,
    /// Only those of this status.
    pub status: Option<Status>,
    /// Not the disabled ones.
    pub without_disabled: bool,
}

/// Lists models by id: [`ModelRow`]s for [`PageQuery::page`]. A shared model that the organization has
/// one of its own for is left out.
#[must_use]
pub fn list(query: &ModelQuery<'_>) -> Statement {
    statement(
        "SELECT m.organization_id, m.model_id, m.version, m.config, m.created_at, m.updated_at
         FROM model_configs AS m
         WHERE m.owner IN (?1, '') AND m.model_id > ?2
           AND (m.owner = ?1 OR NOT EXISTS (
             SELECT 1 FROM model_configs AS own WHERE own.model_id = m.model_id AND own.owner = ?1))
           AND (?3 IS NULL OR CASE ?3 WHEN 'text' THEN m.is_text WHEN 'image' THEN m.is_image
             WHEN 'audio' THEN m.is_audio ELSE m.is_video END = 1)
           AND (?4 IS NULL OR m.provider_id = ?4)
           AND (?5 IS NULL OR m.status = ?5)
           AND (CAST(?6 AS INTEGER) = 0 OR m.status <> 'disabled')
           AND (?7 IS NULL OR m.model_id IN (SELECT value FROM json_each(?7)))
         ORDER BY m.model_id
         LIMIT CAST(?8 AS INTEGER)",
        [
            owner(query.organization),
            query.page.after.as_deref().unwrap_or("").into(),
            query.modality.map(Modality::as_str).into(),
            query.provider.map(ProviderId::as_str).into(),
            query.status.map(Status::as_str).into(),
            query.without_disabled.into(),
            query.allowed.map_or(Arg::Null, json_arg),
            query.page.rows_to_read().into(),
        ],
    )
}

/// Ends the batch with a conflict on `audit_events.id` unless that version of the model is the current
/// one: see [`super::organizations::unchanged`].
#[must_use]
pub fn unchanged(
    event: &str,
    model: &ModelId,
    organization: Option<&OrganizationId>,
    expected: u64,
) -> Statement {
    // No version is as large, but a caller may name one that the database's binding cannot take.
    let expected = i64::try_from(expected).unwrap_or(i64::MAX).min((1 << 53) - 1);
    statement(
        "INSERT INTO audit_events (id, actor_kind, action, target_id, created_at)
         SELECT e.id, e.actor_kind, e.action, e.target_id, e.created_at FROM audit_events AS e
         WHERE e.id = ?1 AND NOT EXISTS (
           SELECT 1 FROM model_configs AS m WHERE m.model_id = ?2 AND m.owner = ?3 AND m.version = ?4)",
        [event.into(), model.as_str().into(), owner(organization), expected.into()],
    )
}

/// Who saves a model, and when.
#[derive(Clone, Copy, Debug)]
pub struct Saving<'a> {
    /// The user or key, as versions name it.
    pub by: &'a str,
    /// When.
    pub now: UnixMillis,
    /// Whose the model is; `None` for the shared catalogue.
    pub organization: Option<&'a OrganizationId>,
}

/// Saves a new model under the version that it names, which is one after [`versions::latest`]: a model that was
/// deleted and made anew goes on counting.
///
/// A conflict says `model_configs.model_id` if the model is there already, `model_aliases.alias` if an
/// alias belongs to another one, `model_config_versions.model_id` if the version was taken meanwhile.
#[must_use]
pub fn insert(config: &ModelConfig, saving: Saving<'_>) -> Vec<Statement> {
    let Saving { by, now, organization } = saving;
    let row = statement(
        "INSERT INTO model_configs (organization_id, model_id, version, config, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
        [
            organization.map(OrganizationId::as_str).into(),
            config.model_id.as_str().into(),
            version_arg(config),
            config.to_row().into(),
            now.into(),
        ],
    );
    let mut batch = vec![row, new_version(config, organization, by, now)];
    batch.extend(aliases(&config.model_id, organization));
    batch
}

/// Saves the next version of a model over the current one, under the version that it names. It goes into
/// a batch after [`unchanged`].
///
/// Conflicts as in [`insert`].
#[must_use]
pub fn update(config: &ModelConfig, saving: Saving<'_>) -> Vec<Statement> {
    let Saving { by, now, organization } = saving;
    let row = statement(
        "UPDATE model_configs SET version = ?3, config = ?4, updated_at = ?5
         WHERE model_id = ?1 AND owner = ?2",
        [
            config.model_id.as_str().into(),
            owner(organization),
            version_arg(config),
            config.to_row().into(),
            now.into(),
        ],
    );
    let mut batch = vec![new_version(config, organization, by, now), row];
    batch.extend(aliases(&config.model_id, organization));
    batch
}

fn new_version(
    config: &ModelConfig,
    organization: Option<&OrganizationId>,
    by: &str,
    now: UnixMillis,
) -> Statement {
    statement(
        "INSERT INTO model_config_versions (model_id, owner, version, config, created_by, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        [
            config.model_id.as_str().into(),
            owner(organization),
            version_arg(config),
            config.to_row().into(),
            by.into(),
            now.into(),
        ],
    )
}

fn version_arg(config: &ModelConfig) -> Arg {
    i64::try_from(config.version).unwrap_or(i64::MAX).into()
}

/// Frees the aliases of a model, for others of the same batch to take.
#[must_use]
pub fn free_aliases(model: &ModelId, organization: Option<&OrganizationId>) -> Statement {
    statement(
        "DELETE FROM model_aliases WHERE model_id = ?1 AND owner = ?2",
        [model.as_str().into(), owner(organization)],
    )
}

fn aliases(model: &ModelId, organization: Option<&OrganizationId>) -> [Statement; 2] {
    let key = || [model.as_str().into(), owner(organization)];
    [
        free_aliases(model, organization),
        statement(
            "INSERT INTO model_aliases (alias, owner, model_id)
             SELECT a.value, m.owner, m.model_id
             FROM model_configs AS m, json_each(m.config, '$.aliases') AS a
             WHERE m.model_id = ?1 AND m.owner = ?2",
            key(),
        ),
    ]
}

/// Removes a model. Its versions stay: receipts name them.
#[must_use]
pub fn delete(model: &ModelId, organization: Option<&OrganizationId>) -> Statement {
    statement(
        "DELETE FROM model_configs WHERE model_id = ?1 AND owner = ?2",
        [model.as_str().into(), owner(organization)],
    )
}

/// Saves a shared model as the seeds have it: one batch.
///
/// A model that someone else saved since is left as it is; one that the seeds changed gets a new
/// version; an alias that belongs to another model stays there. Epochs: see [`seeded`].
#[must_use]
pub fn seed(config: &ModelConfig, now: UnixMillis) -> Vec<Statement> {
    let model = || Arg::from(config.model_id.as_str());
    vec![
        statement(
            "INSERT INTO model_configs (model_id, version, config, created_at, updated_at)
             SELECT ?1, coalesce((SELECT max(version) FROM model_config_versions
               WHERE model_id = ?1 AND owner = ''), 0) + 1, ?2, ?3, ?3
             WHERE true
             ON CONFLICT (model_id, owner) DO UPDATE SET
               version = model_configs.version + 1, config = excluded.config,
               updated_at = excluded.updated_at
             WHERE model_configs.config <> excluded.config AND EXISTS (
               SELECT 1 FROM model_config_versions AS v
               WHERE v.model_id = ?1 AND v.owner = '' AND v.version = model_configs.version
                 AND v.created_by IS NULL)",
            [model(), config.to_row().into(), now.into()],
        ),
        statement(
            "INSERT INTO model_config_versions (model_id, owner, version, config, created_at)
             SELECT m.model_id, m.owner, m.version, m.config, m.updated_at FROM model_configs AS m
             WHERE m.model_id = ?1 AND m.owner = ''
             ON CONFLICT DO NOTHING",
            [model()],
        ),
        statement("DELETE FROM model_aliases WHERE model_id = ?1 AND owner = ''", [model()]),
        statement(
            "INSERT INTO model_aliases (alias, owner, model_id)
             SELECT a.value, m.owner, m.model_id
             FROM model_configs AS m, json_each(m.config, '$.aliases') AS a
             WHERE m.model_id = ?1 AND m.owner = ''
             ON CONFLICT (alias, owner) DO NOTHING",
            [model()],
        ),
    ]
}

/// Raises the catalogue's epoch if the seeds changed a model or provider at `now`: the end of their
/// batch. Two statements.
#[must_use]
pub fn seeded(now: UnixMillis) -> [Statement; 2] {
    [
        statement(
            "INSERT INTO epochs (scope, epoch)
             SELECT 'catalogue', 1
             WHERE EXISTS (SELECT 1 FROM model_configs AS m WHERE m.owner = '' AND m.updated_at = ?1)
                OR EXISTS (SELECT 1 FROM providers AS p WHERE p.owner = '' AND p.updated_at = ?1)
             ON CONFLICT (scope) DO UPDATE SET epoch = epochs.epoch + 1",
            [now.into()],
        ),
        statement(
            "INSERT INTO pending_bumps (scope, epoch, created_at)
             SELECT e.scope, e.epoch, ?1 FROM epochs AS e
             WHERE e.scope = 'catalogue'
               AND (EXISTS (SELECT 1 FROM model_configs AS m WHERE m.owner = '' AND m.updated_at = ?1)
                 OR EXISTS (SELECT 1 FROM providers AS p WHERE p.owner = '' AND p.updated_at = ?1))
             ON CONFLICT (scope) DO UPDATE SET epoch = excluded.epoch",
            [now.into()],
        ),
    ]
}
