//! Epochs: how a change ends every copy of what it changed.
//!
//! A change raises the epoch of its scope in its own batch and leaves a row in `pending_bumps`. Who made
//! it then tells the Limiters; a cron repeats that for rows that stayed.

use serde::Deserialize;

use super::statement;
use crate::{
    ids::{BadId, InstanceId, OrganizationId},
    limits::Epochs,
    ports::Statement,
    time::UnixMillis,
};

/// What has an epoch of its own.
#[derive(Clone, Copy, Debug)]
pub enum EpochScope<'a> {
    /// The shared models and providers.
    Catalogue,
    /// An organization and all below it.
    Tenant(&'a OrganizationId),
}

impl<'a> EpochScope<'a> {
    /// Whose epoch a change of something with this owner raises.
    #[must_use]
    pub fn of(organization: Option<&'a OrganizationId>) -> Self {
        organization.map_or(Self::Catalogue, Self::Tenant)
    }

    /// As the column `scope` holds it.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        match self {
            Self::Catalogue => "catalogue",
            Self::Tenant(id) => id.as_str(),
        }
    }
}

/// An epoch after a change.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub struct EpochRow {
    /// The new epoch.
    pub epoch: u64,
}

/// Raises an epoch and remembers that the Limiters have to be told.
///
/// Two statements; the first brings one [`EpochRow`].
#[must_use]
pub fn bump(scope: EpochScope<'_>, now: UnixMillis) -> [Statement; 2] {
    let raise = statement(
        "INSERT INTO epochs (scope, epoch) VALUES (?1, 1)
         ON CONFLICT (scope) DO UPDATE SET epoch = epoch + 1
         RETURNING epoch",
        [scope.as_str().into()],
    );
    let remember = statement(
        "INSERT INTO pending_bumps (scope, epoch, created_at)
         SELECT scope, epoch, ?2 FROM epochs WHERE scope = ?1
         ON CONFLICT (scope) DO UPDATE SET epoch = excluded.epoch",
        [scope.as_str().into(), now.into()],
    );
    [raise, remember]
}

/// Forgets that the Limiters have to be told, unless a newer epoch waits already.
#[must_use]
pub fn all_told(scope: EpochScope<'_>, epoch: u64) -> Statement {
    statement(
        "DELETE FROM pending_bumps WHERE scope = ?1 AND epoch <= CAST(?2 AS INTEGER)",
        [scope.as_str().into(), i64::try_from(epoch).unwrap_or(i64::MAX).into()],
    )
}

/// A scope whose Limiters have not all been told.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct PendingBump {
    /// `catalogue`, or the id of an organization.
    pub scope: String,
    /// The epoch to tell.
    pub epoch: u64,
    /// Since when it waits.
    pub created_at: UnixMillis,
}

impl PendingBump {
    /// Whose it is: `None` for the catalogue.
    ///
    /// # Errors
    /// If the scope is neither the catalogue nor an organization's id.
    pub fn organization(&self) -> Result<Option<OrganizationId>, BadId> {
        if self.scope == EpochScope::Catalogue.as_str() {
            return Ok(None);
        }
        OrganizationId::parse(&self.scope).map(Some)
    }
}

/// How many [`PendingBump`]s a page of [`pending`] has.
pub const PENDING_AT_ONCE: usize = 100;

/// What has still to be told, in pages of [`PENDING_AT_ONCE`] [`PendingBump`]s by scope. The table is as
/// small as the trouble.
#[must_use]
pub fn pending(after: Option<&str>) -> Statement {
    statement(
        "SELECT scope, epoch, created_at FROM pending_bumps WHERE scope > ?1 ORDER BY scope LIMIT 100",
        [after.unwrap_or_default().into()],
    )
}

/// The two epochs of an instance's tenant.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub struct EpochsRow {
    /// Of the catalogue.
    pub catalogue_epoch: u64,
    /// Of the tenant.
    pub tenant_epoch: u64,
}

impl From<EpochsRow> for Epochs {
    fn from(row: EpochsRow) -> Self {
        Self { catalogue: row.catalogue_epoch, tenant: row.tenant_epoch }
    }
}

/// The epochs that hold for an instance: one [`EpochsRow`], or none if there is no such instance.
#[must_use]
pub fn of_instance(instance: &InstanceId) -> Statement {
    statement(
        "SELECT coalesce((SELECT epoch FROM epochs WHERE scope = 'catalogue'), 0) AS catalogue_epoch,
           coalesce((SELECT epoch FROM epochs WHERE scope = i.organization_id), 0) AS tenant_epoch
         FROM instances AS i WHERE i.id = ?1",
        [instance.as_str().into()],
    )
}

/// An instance to tell.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct InstanceRow {
    /// Which.
    pub id: InstanceId,
}

/// Instances of a tenant, in pages of 1,000 [`InstanceRow`]s by id.
#[must_use]
pub fn instances_of(organization: &OrganizationId, after: Option<&InstanceId>) -> Statement {
    statement(
        "SELECT id FROM instances WHERE organization_id = ?1 AND id > ?2 ORDER BY id LIMIT 1000",
        [organization.as_str().into(), after.map_or("", InstanceId::as_str).into()],
    )
}

/// Instances whose Limiter has been awake since `since`, in pages of 1,000 [`InstanceRow`]s by id.
///
/// A Limiter that is not among them was cold, and a cold one reads its epochs first.
#[must_use]
pub fn instances_active_since(since: UnixMillis, after: Option<&InstanceId>) -> Statement {
    statement(
        "SELECT id FROM instances WHERE id > ?2 AND active_at >= CAST(?1 AS INTEGER) ORDER BY id
         LIMIT 1000",
        [since.into(), after.map_or("", InstanceId::as_str).into()],
    )
}

/// Records that an instance's Limiter is awake. At most one write an hour.
#[must_use]
pub fn touch(instance: &InstanceId, now: UnixMillis) -> Statement {
    statement(
        "UPDATE instances SET active_at = CAST(?2 AS INTEGER)
         WHERE id = ?1 AND coalesce(active_at, 0) < CAST(?2 AS INTEGER) - 3600000",
        [instance.as_str().into(), now.into()],
    )
}
