//! Names of models: who answers to one, and who uses it.

use serde::Deserialize;

use super::super::{flag, json_arg, owner, statement};
use crate::{
    ids::{ModelId, OrganizationId},
    model::{Modality, Status},
    ports::{Arg, Statement},
};

/// Something that answers to a name: a model by its id, or by an alias.
#[derive(Clone, Debug, Deserialize)]
pub struct NamedRow {
    /// Whether the name is an alias.
    #[serde(deserialize_with = "flag")]
    pub is_alias: bool,
    /// Whether it works in sound.
    #[serde(deserialize_with = "flag")]
    pub is_audio: bool,
    /// Whether it works in pictures.
    #[serde(deserialize_with = "flag")]
    pub is_image: bool,
    /// Whether it works in text.
    #[serde(deserialize_with = "flag")]
    pub is_text: bool,
    /// Whether it works in moving pictures.
    #[serde(deserialize_with = "flag")]
    pub is_video: bool,
    /// The model.
    pub model_id: ModelId,
    /// The name.
    pub name: ModelId,
    /// Whose it is; absent for the shared catalogue.
    pub organization_id: Option<OrganizationId>,
    /// Whether it may be called.
    pub status: Status,
}

impl NamedRow {
    /// What it works in.
    #[must_use]
    pub fn modalities(&self) -> Vec<Modality> {
        let all = [
            (Modality::Text, self.is_text),
            (Modality::Image, self.is_image),
            (Modality::Audio, self.is_audio),
            (Modality::Video, self.is_video),
        ];
        all.into_iter().filter_map(|(modality, can)| can.then_some(modality)).collect()
    }

    /// What comes first where several answer to one name: the own before the shared, ids before aliases.
    #[must_use]
    pub fn rank(&self) -> (bool, bool) {
        (self.organization_id.is_none(), self.is_alias)
    }
}

/// Finds all that answers to one of these names, for the organization or in the catalogue:
/// [`NamedRow`]s.
#[must_use]
pub fn named(names: &[ModelId], organization: Option<&OrganizationId>) -> Statement {
    statement(
        "SELECT m.model_id AS name, 0 AS is_alias, m.model_id, m.organization_id, m.status,
           m.is_audio, m.is_image, m.is_text, m.is_video
         FROM model_configs AS m
         WHERE m.model_id IN (SELECT value FROM json_each(?1)) AND m.owner IN (?2, '')
         UNION ALL
         SELECT a.alias, 1, m.model_id, m.organization_id, m.status,
           m.is_audio, m.is_image, m.is_text, m.is_video
         FROM model_aliases AS a
         JOIN model_configs AS m ON m.model_id = a.model_id AND m.owner = a.owner
         WHERE a.alias IN (SELECT value FROM json_each(?1)) AND a.owner IN (?2, '')",
        [json_arg(names), owner(organization)],
    )
}

/// Something that names a model, and would name nothing without it.
#[derive(Clone, Debug, Deserialize)]
pub struct NamedBy {
    /// The model or instance that names it.
    pub id: String,
    /// `fallback`, `split` or `default_model`.
    pub kind: String,
    /// By which of its names.
    pub name: ModelId,
    /// Whose that is; absent for the shared catalogue.
    pub organization_id: Option<OrganizationId>,
}

/// What names the model `?1` of the owner `?2`, and would find no other one by that name. The `WHERE` of
/// both halves goes on with whose rows are looked at.
macro_rules! named_by {
    ($models:literal, $instances:literal) => {
        concat!(
            "WITH names (name) AS (
               SELECT CAST(?1 AS TEXT)
               UNION ALL
               SELECT a.alias FROM model_aliases AS a WHERE a.model_id = ?1 AND a.owner = ?2),
             naming (kind, id, organization_id, owner, name) AS (
               SELECT 'fallback', m.model_id, m.organization_id, m.owner,
                 CASE f.type WHEN 'object' THEN f.value ->> '$.model_id' ELSE f.value END
               FROM model_configs AS m, json_each(m.config, '$.fallbacks') AS f
               WHERE ",
            $models,
            " AND CASE f.type WHEN 'object' THEN f.value ->> '$.model_id' ELSE f.value END IN (SELECT name FROM names)
               UNION ALL
               SELECT 'split', m.model_id, m.organization_id, m.owner, part.value ->> '$.model_id'
               FROM model_configs AS m, json_each(m.config, '$.routing.split') AS part
               WHERE ",
            $models,
            " AND part.value ->> '$.model_id' IN (SELECT name FROM names)
               UNION ALL
               SELECT 'default_model', i.id, i.organization_id, i.organization_id, d.value
               FROM instances AS i, json_each(i.default_models) AS d
               WHERE ",
            $instances,
            " AND d.value IN (SELECT name FROM names))
             SELECT DISTINCT n.kind, n.id, n.organization_id, n.name FROM naming AS n
             WHERE NOT (n.kind <> 'default_model' AND n.id = ?1 AND n.owner = ?2)
               AND NOT EXISTS (
                 SELECT 1 FROM model_configs AS o
                 WHERE o.model_id = n.name AND o.owner IN (n.owner, '')
                   AND NOT (o.model_id = ?1 AND o.owner = ?2))
               AND NOT EXISTS (
                 SELECT 1 FROM model_aliases AS o
                 WHERE o.alias = n.name AND o.owner IN (n.owner, '')
                   AND NOT (o.model_id = ?1 AND o.owner = ?2))"
        )
    };
}

macro_rules! named_by_own {
    () => {
        named_by!("m.owner = ?2", "i.organization_id = ?2")
    };
}

// Any tenant may name a shared model. Who operates the service removes one now and then: that alone
// walks through all rows.
macro_rules! named_by_all {
    () => {
        named_by!("m.model_id > ''", "i.id > ''")
    };
}

/// Finds what would name nothing without this model: at most 100 [`NamedBy`].
#[must_use]
pub fn named_by(model: &ModelId, organization: Option<&OrganizationId>) -> Statement {
    let sql = match organization {
        Some(_) => concat!(named_by_own!(), " ORDER BY n.kind, n.id LIMIT 100"),
        None => concat!(named_by_all!(), " ORDER BY n.kind, n.id LIMIT 100"),
    };
    statement(sql, [model.as_str().into(), owner(organization)])
}

/// As [`super::unchanged`]: ends the batch if anything would name nothing without this model.
#[must_use]
pub fn unnamed(event: &str, model: &ModelId, organization: Option<&OrganizationId>) -> Statement {
    let sql = match organization {
        Some(_) => concat!(
            "INSERT INTO audit_events (id, actor_kind, action, target_id, created_at)
             SELECT e.id, e.actor_kind, e.action, e.target_id, e.created_at FROM audit_events AS e
             WHERE e.id = ?3 AND EXISTS (",
            named_by_own!(),
            ")"
        ),
        None => concat!(
            "INSERT INTO audit_events (id, actor_kind, action, target_id, created_at)
             SELECT e.id, e.actor_kind, e.action, e.target_id, e.created_at FROM audit_events AS e
             WHERE e.id = ?3 AND EXISTS (",
            named_by_all!(),
            ")"
        ),
    };
    statement(sql, [model.as_str().into(), owner(organization), event.into()])
}

/// What a change takes from those who name a model.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The names that it goes on answering to.
    pub kept: Vec<ModelId>,
    /// What it works in no longer.
    pub lost: Vec<Modality>,
    /// What it works in from then on.
    pub works_in: Vec<Modality>,
}

impl Taken {
    fn args(&self, model: &ModelId, organization: Option<&OrganizationId>) -> [Arg; 5] {
        [
            model.as_str().into(),
            owner(organization),
            json_arg(&self.kept),
            json_arg(&self.works_in),
            json_arg(&self.lost),
        ]
    }
}

/// What names the model `?1` of the owner `?2`, and would find no other one by a name that is not among
/// those of `?3`, or nothing that it can use by one that is: the model works in `?4` and no longer in `?5`.
macro_rules! missed_by {
    ($models:literal, $instances:literal) => {
        concat!(
            "WITH names (name) AS (
               SELECT CAST(?1 AS TEXT)
               UNION ALL
               SELECT a.alias FROM model_aliases AS a WHERE a.model_id = ?1 AND a.owner = ?2),
             naming (kind, id, organization_id, owner, name, is_useless) AS (
               SELECT 'fallback', m.model_id, m.organization_id, m.owner,
                 CASE f.type WHEN 'object' THEN f.value ->> '$.model_id' ELSE f.value END,
                 EXISTS (SELECT 1 FROM json_each(?5) AS w WHERE CASE w.value WHEN 'text' THEN m.is_text
                   WHEN 'image' THEN m.is_image WHEN 'audio' THEN m.is_audio ELSE m.is_video END = 1)
                 AND NOT EXISTS (SELECT 1 FROM json_each(?4) AS w WHERE CASE w.value
                   WHEN 'text' THEN m.is_text WHEN 'image' THEN m.is_image WHEN 'audio' THEN m.is_audio
                   ELSE m.is_video END = 1)
               FROM model_configs AS m, json_each(m.config, '$.fallbacks') AS f
               WHERE ",
            $models,
            " AND CASE f.type WHEN 'object' THEN f.value ->> '$.model_id' ELSE f.value END IN (SELECT name FROM names)
               UNION ALL
               SELECT 'split', m.model_id, m.organization_id, m.owner, part.value ->> '$.model_id',
                 EXISTS (SELECT 1 FROM json_each(?5) AS w WHERE CASE w.value WHEN 'text' THEN m.is_text
                   WHEN 'image' THEN m.is_image WHEN 'audio' THEN m.is_audio ELSE m.is_video END = 1)
                 AND NOT EXISTS (SELECT 1 FROM json_each(?4) AS w WHERE CASE w.value
                   WHEN 'text' THEN m.is_text WHEN 'image' THEN m.is_image WHEN 'audio' THEN m.is_audio
                   ELSE m.is_video END = 1)
               FROM model_configs AS m, json_each(m.config, '$.routing.split') AS part
               WHERE ",
            $models,
            " AND part.value ->> '$.model_id' IN (SELECT name FROM names)
               UNION ALL
               SELECT 'default_model', i.id, i.organization_id, i.organization_id, d.value,
                 d.key IN (SELECT value FROM json_each(?5))
               FROM instances AS i, json_each(i.default_models) AS d
               WHERE ",
            $instances,
            " AND d.value IN (SELECT name FROM names))
             SELECT DISTINCT n.kind, n.id, n.organization_id, n.name FROM naming AS n
             WHERE NOT (n.kind <> 'default_model' AND n.id = ?1 AND n.owner = ?2)
               AND (n.is_useless OR n.name NOT IN (SELECT value FROM json_each(?3)))
               AND NOT EXISTS (
                 SELECT 1 FROM model_configs AS o
                 WHERE o.model_id = n.name AND o.owner IN (n.owner, '')
                   AND NOT (o.model_id = ?1 AND o.owner = ?2)
                   AND (o.owner <> '' OR n.name NOT IN (SELECT value FROM json_each(?3))))
               AND NOT EXISTS (
                 SELECT 1 FROM model_aliases AS o
                 WHERE o.alias = n.name AND o.owner IN (n.owner, '')
                   AND NOT (o.model_id = ?1 AND o.owner = ?2)
                   AND (o.owner <> '' OR n.name NOT IN (SELECT value FROM json_each(?3))))"
        )
    };
}

macro_rules! missed_by_own {
    () => {
        missed_by!("m.owner = ?2", "i.organization_id = ?2")
    };
}

// As for `named_by_all`.
macro_rules! missed_by_all {
    () => {
        missed_by!("m.model_id > ''", "i.id > ''")
    };
}

/// Finds what would miss what a change takes from this model: at most 100 [`NamedBy`].
#[must_use]
pub fn missed_by(
    model: &ModelId,
    organization: Option<&OrganizationId>,
    taken: &Taken,
) -> Statement {
    let sql = match organization {
        Some(_) => concat!(missed_by_own!(), " ORDER BY n.kind, n.id LIMIT 100"),
        None => concat!(missed_by_all!(), " ORDER BY n.kind, n.id LIMIT 100"),
    };
    statement(sql, taken.args(model, organization))
}

/// As [`super::unchanged`]: ends the batch if anything would miss what a change takes from this model.
#[must_use]
pub fn unmissed(
    event: &str,
    model: &ModelId,
    organization: Option<&OrganizationId>,
    taken: &Taken,
) -> Statement {
    let sql = match organization {
        Some(_) => concat!(
            "INSERT INTO audit_events (id, actor_kind, action, target_id, created_at)
             SELECT e.id, e.actor_kind, e.action, e.target_id, e.created_at FROM audit_events AS e
             WHERE e.id = ?6 AND EXISTS (",
            missed_by_own!(),
            ")"
        ),
        None => concat!(
            "INSERT INTO audit_events (id, actor_kind, action, target_id, created_at)
             SELECT e.id, e.actor_kind, e.action, e.target_id, e.created_at FROM audit_events AS e
             WHERE e.id = ?6 AND EXISTS (",
            missed_by_all!(),
            ")"
        ),
    };
    let [model, owner, kept, works_in, lost] = taken.args(model, organization);
    statement(sql, [model, owner, kept, works_in, lost, event.into()])
}

/// Counts the keys that may call this model and not all: one row with `api_keys`.
#[must_use]
pub fn allowed_by(model: &ModelId, organization: Option<&OrganizationId>) -> Statement {
    let sql = match organization {
        Some(_) => {
            "SELECT count(*) AS api_keys FROM (
               SELECT k.allowed_models FROM instances AS i
               JOIN projects AS p ON p.instance_id = i.id JOIN api_keys AS k ON k.project_id = p.id
               WHERE i.organization_id = ?2
               UNION ALL
               SELECT k.allowed_models FROM users AS u JOIN api_keys AS k ON k.user_id = u.id
               WHERE u.organization_id = ?2) AS found
             WHERE ?1 IN (SELECT value FROM json_each(found.allowed_models))"
        }
        None => {
            "SELECT count(*) AS api_keys FROM api_keys AS k
             WHERE k.id > '' AND ?2 = '' AND ?1 IN (SELECT value FROM json_each(k.allowed_models))"
        }
    };
    statement(sql, [model.as_str().into(), owner(organization)])
}
