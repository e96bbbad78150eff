//! A limit or budget is set.

use super::super::statement;
use crate::{
    ids::{InstanceId, OrganizationId},
    limits::{Kind, Limit, Period, Scope, Span},
    ports::Statement,
    time::UnixMillis,
};

/// A limit to be set.
#[derive(Clone, Copy, Debug)]
pub struct NewLimit<'a> {
    /// How much.
    pub amount: u64,
    /// The instance; absent for an organization's own limit.
    pub instance: Option<&'a InstanceId>,
    /// What it counts.
    pub kind: Kind,
    /// Whose it is.
    pub organization: &'a OrganizationId,
    /// Whom it holds for.
    pub scope: &'a Scope,
    /// Counted, but not enforced.
    pub shadow: bool,
}

/// Sets a limit. It goes into one batch with [`bump`](crate::store::epochs::bump) of the tenant.
#[must_use]
pub fn put(limit: &NewLimit<'_>, now: UnixMillis) -> Statement {
    let kind = match limit.kind {
        // A budget has a table of its own: see [`put_budget`].
        Kind::Budget(_) => "budget",
        Kind::Concurrent => "concurrent",
        Kind::Requests(_) => "requests",
        Kind::Tokens(_) => "tokens",
    };
    let per = limit.kind.span().map(|span| match span {
        Span::Day => "day",
        Span::Hour => "hour",
        Span::Minute => "minute",
    });
    statement(
        "INSERT INTO limits (organization_id, instance_id, scope, scope_id, kind, per, amount, shadow,
           created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)
         ON CONFLICT (organization_id, coalesce(instance_id, ''), scope, scope_id, kind,
           coalesce(per, ''))
         DO UPDATE SET amount = excluded.amount, shadow = excluded.shadow,
           updated_at = excluded.updated_at",
        [
            limit.organization.as_str().into(),
            limit.instance.map(InstanceId::as_str).into(),
            limit.scope.kind.name().into(),
            limit.scope.id.as_str().into(),
            kind.into(),
            per.into(),
            i64::try_from(limit.amount).unwrap_or(i64::MAX).into(),
            limit.shadow.into(),
            now.into(),
        ],
    )
}

/// Sets a budget. It goes into one batch with [`bump`](crate::store::epochs::bump) of the tenant.
///
/// `limit` is a budget of the instance, or of the organization if there is none; another kind of limit is
/// refused by the table.
#[must_use]
pub fn put_budget(
    organization: &OrganizationId,
    instance: Option<&InstanceId>,
    limit: &Limit,
    now: UnixMillis,
) -> Statement {
    statement(
        "INSERT INTO budgets (organization_id, instance_id, scope, scope_id, period, amount_micros, alerts,
           shadow, release_after_h, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)
         ON CONFLICT (organization_id, coalesce(instance_id, ''), scope, scope_id, period)
         DO UPDATE SET amount_micros = excluded.amount_micros, alerts = excluded.alerts,
           shadow = excluded.shadow, release_after_h = excluded.release_after_h,
           updated_at = excluded.updated_at",
        [
            organization.as_str().into(),
            instance.map(InstanceId::as_str).into(),
            limit.scope.kind.name().into(),
            limit.scope.id.as_str().into(),
            limit.kind.period().map(Period::name).into(),
            i64::try_from(limit.max).unwrap_or(i64::MAX).into(),
            serde_json::to_string(&limit.terms.alerts).unwrap_or_default().into(),
            limit.shadow.into(),
            limit.terms.release_after_h.map(i64::from).into(),
            now.into(),
        ],
    )
}
