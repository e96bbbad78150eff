//! What hangs on a provider, and what names the models that would go with it.

use serde::{Deserialize, Serialize};

use super::super::{json_arg, owner, statement};
use crate::{
    ids::{OrganizationId, ProviderId},
    ports::Statement,
};

/// Something that goes with a provider.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Hanging {
    /// `model_configs` or `provider_keys`.
    pub kind: String,
    /// The model's id, or the instance's and the provider's: `inst_1/openai`.
    pub id: String,
    /// Whose it is; absent for the shared catalogue.
    pub organization_id: Option<OrganizationId>,
}

/// Which models, as `m`, hang on the provider `?1` of the owner `?2`.
macro_rules! its_models {
    () => {
        "m.provider_id = ?1 AND CASE
           WHEN m.owner = ?2 THEN 1 WHEN ?2 <> '' THEN 0
           ELSE NOT EXISTS (SELECT 1 FROM providers AS own WHERE own.id = ?1 AND own.owner = m.owner)
           END"
    };
}

macro_rules! hanging {
    () => {
        concat!(
            "SELECT 'model_configs' AS kind, m.model_id AS id, m.organization_id
             FROM model_configs AS m WHERE ",
            its_models!(),
            " UNION ALL
             SELECT 'provider_keys', k.instance_id || '/' || k.provider_id, i.organization_id
             FROM provider_keys AS k JOIN instances AS i ON i.id = k.instance_id
             WHERE k.provider_id = ?1 AND CASE
               WHEN ?2 = '' THEN NOT EXISTS (
                 SELECT 1 FROM providers AS own WHERE own.id = ?1 AND own.owner = i.organization_id)
               ELSE i.organization_id = ?2 AND NOT EXISTS (
                 SELECT 1 FROM providers AS shared WHERE shared.id = ?1 AND shared.owner = '')
               END
             ORDER BY 3, 1, 2"
        )
    };
}

/// Lists what goes with it: [`Hanging`]s.
///
/// Model configs of its owner that name it; below a shared one also those of organizations that have
/// none of their own under its id. And the keys that are for it and for no other.
#[must_use]
pub fn hanging(provider: &ProviderId, organization: Option<&OrganizationId>) -> Statement {
    statement(hanging!(), [provider.as_str().into(), owner(organization)])
}

/// As [`super::unchanged`]: ends the batch unless what hangs on it is what [`hanging`] told, in its order.
/// What is removed is then what is on record.
#[must_use]
pub fn still(
    event: &str,
    provider: &ProviderId,
    organization: Option<&OrganizationId>,
    expected: &[Hanging],
) -> Statement {
    let expected: Vec<_> = expected
        .iter()
        .map(|Hanging { kind, id, organization_id }| (kind, id, organization_id))
        .collect();
    statement(
        concat!(
            "INSERT INTO audit_events (id, actor_kind, action, target_id, created_at)
             SELECT e.id, e.actor_kind, e.action, e.target_id, e.created_at FROM audit_events AS e
             WHERE e.id = ?3 AND ?4 <> (
               SELECT json_group_array(json_array(found.kind, found.id, found.organization_id))
               FROM (",
            hanging!(),
            ") AS found)"
        ),
        [provider.as_str().into(), owner(organization), event.into(), json_arg(&expected)],
    )
}

/// What names one of the models that go with the provider, and would find no other by that name. The
/// `WHERE` of both halves goes on with whose rows are looked at.
macro_rules! named {
    ($models:literal, $instances:literal) => {
        concat!(
            "WITH gone (model_id, owner) AS (
               SELECT m.model_id, m.owner FROM model_configs AS m WHERE ",
            its_models!(),
            "),
             names (name, owner) AS (
               SELECT gone.model_id, gone.owner FROM gone
               UNION ALL
               SELECT a.alias, a.owner FROM gone
               JOIN model_aliases AS a ON a.model_id = gone.model_id AND a.owner = gone.owner),
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
             WHERE EXISTS (
                 SELECT 1 FROM names WHERE names.name = n.name AND names.owner IN (n.owner, ''))
               AND NOT (n.kind <> 'default_model' AND EXISTS (
                 SELECT 1 FROM gone WHERE gone.model_id = n.id AND gone.owner = n.owner))
               AND NOT EXISTS (
                 SELECT 1 FROM model_configs AS o
                 WHERE o.model_id = n.name AND o.owner IN (n.owner, '') AND NOT EXISTS (
                   SELECT 1 FROM gone WHERE gone.model_id = o.model_id AND gone.owner = o.owner))
               AND NOT EXISTS (
                 SELECT 1 FROM model_aliases AS o
                 WHERE o.alias = n.name AND o.owner IN (n.owner, '') AND NOT EXISTS (
                   SELECT 1 FROM gone WHERE gone.model_id = o.model_id AND gone.owner = o.owner))"
        )
    };
}

macro_rules! named_by_own {
    () => {
        named!("m.owner = ?2", "i.organization_id = ?2")
    };
}

// Any tenant may name a shared model. Who operates the service removes a provider now and then: that
// alone walks through all rows.
macro_rules! named_by_all {
    () => {
        named!("m.model_id > ''", "i.id > ''")
    };
}

/// Finds what would name nothing without the models that go with it: at most 100
/// [`NamedBy`](crate::store::models::names::NamedBy).
#[must_use]
pub fn named_by(provider: &ProviderId, organization: Option<&OrganizationId>) -> Statement {
    let sql = match organization {
        Some(_) => concat!(named_by_own!(), " ORDER BY n.kind, n.id LIMIT 100"),
        None => concat!(named_by_all!(), " ORDER BY n.kind, n.id LIMIT 100"),
    };
    statement(sql, [provider.as_str().into(), owner(organization)])
}

/// As [`super::unchanged`]: ends the batch if anything would name nothing without those models.
#[must_use]
pub fn unnamed(
    event: &str,
    provider: &ProviderId,
    organization: Option<&OrganizationId>,
) -> Statement {
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
    statement(sql, [provider.as_str().into(), owner(organization), event.into()])
}
