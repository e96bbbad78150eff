//! What persons may do on instances, as the control plane reads and changes it.

use serde::Deserialize;

use super::{pages::PageQuery, statement};
use crate::{
    ids::{InstanceId, OrganizationId, UserId},
    ports::Statement,
    time::UnixMillis,
};

/// The grant `g` that the person `?2` has on an instance, which is none while its organization is suspended.
macro_rules! grant_on {
    ($instance:literal) => {
        concat!(
            "LEFT JOIN user_grants AS g ON g.user_id = ?2 AND g.instance_id = ",
            $instance,
            " AND EXISTS (
               SELECT 1 FROM instances AS granted JOIN organizations AS its ON its.id = granted.organization_id
               WHERE granted.id = g.instance_id AND its.status = 'active')"
        )
    };
}

pub(in crate::store) use grant_on;

macro_rules! columns {
    () => {
        "g.user_id, g.instance_id, g.role, g.created_at, g.updated_at, u.email"
    };
}

/// What one person may do on one instance.
#[derive(Clone, Debug, Deserialize)]
pub struct GrantRow {
    /// When it was first given.
    pub created_at: UnixMillis,
    /// The person's address.
    pub email: String,
    /// Where.
    pub instance_id: InstanceId,
    /// `owner`, `admin`, `user` or `readonly`.
    pub role: String,
    /// When it was last changed; moves on with each change.
    pub updated_at: UnixMillis,
    /// Who.
    pub user_id: UserId,
}

/// Finds one: at most one [`GrantRow`].
#[must_use]
pub fn find(user: &UserId, instance: &InstanceId) -> Statement {
    statement(
        concat!(
            "SELECT ",
            columns!(),
            " FROM user_grants AS g JOIN users AS u ON u.id = g.user_id
             WHERE g.user_id = ?1 AND g.instance_id = ?2"
        ),
        [user.as_str().into(), instance.as_str().into()],
    )
}

/// Lists by instance what a person may do, there or only `within` an organization: [`GrantRow`]s for
/// [`PageQuery::page`].
#[must_use]
pub fn of_user(user: &UserId, within: Option<&OrganizationId>, page: &PageQuery) -> Statement {
    statement(
        concat!(
            "SELECT ",
            columns!(),
            " FROM user_grants AS g JOIN users AS u ON u.id = g.user_id
             JOIN instances AS i ON i.id = g.instance_id
             WHERE g.user_id = ?1 AND g.instance_id > ?2 AND (?3 IS NULL OR i.organization_id = ?3)
             ORDER BY g.instance_id LIMIT CAST(?4 AS INTEGER)"
        ),
        [
            user.as_str().into(),
            page.after.as_deref().unwrap_or("").into(),
            within.map(OrganizationId::as_str).into(),
            page.rows_to_read().into(),
        ],
    )
}

/// Lists by person who may do what on an instance: [`GrantRow`]s for [`PageQuery::page`].
#[must_use]
pub fn of_instance(instance: &InstanceId, page: &PageQuery) -> Statement {
    statement(
        concat!(
            "SELECT ",
            columns!(),
            " FROM user_grants AS g JOIN users AS u ON u.id = g.user_id
             WHERE g.instance_id = ?1 AND g.user_id > ?2
             ORDER BY g.user_id LIMIT CAST(?3 AS INTEGER)"
        ),
        [
            instance.as_str().into(),
            page.after.as_deref().unwrap_or("").into(),
            page.rows_to_read().into(),
        ],
    )
}

/// Saves one, new or over what is there.
#[must_use]
pub fn put(row: &GrantRow) -> Statement {
    statement(
        "INSERT INTO user_grants (user_id, instance_id, role, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (user_id, instance_id) DO UPDATE SET role = excluded.role,
           updated_at = excluded.updated_at",
        [
            row.user_id.as_str().into(),
            row.instance_id.as_str().into(),
            row.role.as_str().into(),
            row.created_at.into(),
            row.updated_at.into(),
        ],
    )
}

/// Removes one.
#[must_use]
pub fn delete(user: &UserId, instance: &InstanceId) -> Statement {
    statement(
        "DELETE FROM user_grants WHERE user_id = ?1 AND instance_id = ?2",
        [user.as_str().into(), instance.as_str().into()],
    )
}

/// Ends the batch with a conflict on `audit_events.id` unless the grant is as it was at `expected`, or still
/// absent if that is `None`: see [`super::organizations::unchanged`].
#[must_use]
pub fn unchanged(
    event: &str,
    user: &UserId,
    instance: &InstanceId,
    expected: Option<UnixMillis>,
) -> Statement {
    statement(
        "INSERT INTO audit_events (id, actor_kind, action, target_id, created_at)
         SELECT e.id, e.actor_kind, e.action, e.target_id, e.created_at FROM audit_events AS e
         WHERE e.id = ?1 AND coalesce(
           (SELECT g.updated_at FROM user_grants AS g WHERE g.user_id = ?2 AND g.instance_id = ?3), -1)
           <> ?4",
        [
            event.into(),
            user.as_str().into(),
            instance.as_str().into(),
            expected.unwrap_or(UnixMillis(-1)).into(),
        ],
    )
}
