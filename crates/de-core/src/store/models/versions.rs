//! What models were: their versions, which never change.

use serde::Deserialize;

use super::super::{flag, json_arg, owner, pages::PageQuery, statement};
use crate::{
    ids::{ModelId, OrganizationId},
    ports::Statement,
    time::UnixMillis,
};

/// The newest version that a model ever had.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct LatestRow {
    /// The model.
    pub model_id: ModelId,
    /// Its newest version, also if the model itself is gone.
    pub version: u64,
}

/// Finds the newest versions of models with this owner: at most one [`LatestRow`] each.
#[must_use]
pub fn latest(models: &[ModelId], organization: Option<&OrganizationId>) -> Statement {
    statement(
        "SELECT model_id, max(version) AS version FROM model_config_versions
         WHERE model_id IN (SELECT value FROM json_each(?1)) AND owner = ?2
         GROUP BY model_id",
        [json_arg(models), owner(organization)],
    )
}

/// One version of a model.
#[derive(Clone, Debug, Deserialize)]
pub struct VersionRow {
    /// The JSON form without the version, as it was saved.
    pub config: String,
    /// When it was saved.
    pub created_at: UnixMillis,
    /// The user or key that saved it; absent for seeds.
    pub created_by: Option<String>,
    /// Whether it is the current one.
    #[serde(deserialize_with = "flag")]
    pub is_current: bool,
    /// Counts from 1.
    pub version: u64,
}

macro_rules! versions {
    ($of:literal) => {
        concat!(
            "SELECT v.version, v.config, v.created_by, v.created_at,
               m.version IS NOT NULL AS is_current
             FROM model_config_versions AS v
             LEFT JOIN model_configs AS m
               ON m.model_id = v.model_id AND m.owner = v.owner AND m.version = v.version
             WHERE v.model_id = ?1 AND v.owner = ?2 AND ",
            $of
        )
    };
}

/// Lists the versions of a model, the newest first: [`VersionRow`]s for [`PageQuery::page`], by their
/// number. Those of a model that is gone too.
#[must_use]
pub fn list(model: &ModelId, organization: Option<&OrganizationId>, page: &PageQuery) -> Statement {
    // What is no number is no cursor of this list: it begins at the end, and finds nothing.
    let before = page.after.as_deref().map_or(1 << 52, |after| after.parse().unwrap_or(0));
    let before: i64 = before;
    statement(
        versions!(
            "v.version < CAST(?3 AS INTEGER) ORDER BY v.version DESC LIMIT CAST(?4 AS INTEGER)"
        ),
        [model.as_str().into(), owner(organization), before.into(), page.rows_to_read().into()],
    )
}

/// Finds one version of a model: at most one [`VersionRow`].
#[must_use]
pub fn find(model: &ModelId, organization: Option<&OrganizationId>, version: u64) -> Statement {
    let version = i64::try_from(version).unwrap_or(i64::MAX).min((1 << 53) - 1);
    statement(
        versions!("v.version = ?3"),
        [model.as_str().into(), owner(organization), version.into()],
    )
}
