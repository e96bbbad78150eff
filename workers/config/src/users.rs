//! Persons, and where they may act.

use de_core::{
    http::error::ApiError,
    ids::{OrganizationId, UserId},
    ports::{Platform, rows},
    store::users::{self as store, ReachRow},
};

/// The tenants on whose instances a person has a grant: a change of the person ends copies there too.
pub(crate) async fn reached(
    platform: &Platform,
    user: &UserId,
) -> Result<Vec<OrganizationId>, ApiError> {
    let found: Vec<ReachRow> = rows(&*platform.database, store::reach(user)).await?;
    Ok(found.into_iter().map(|row| row.organization_id).collect())
}
