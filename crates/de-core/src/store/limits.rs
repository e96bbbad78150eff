//! Limits and budgets, as the control plane reads and changes them.
//!
//! All limits of one scope are one thing to it, and so are all its budgets: they are read together, and each
//! change writes all of them anew, so that they share the time of the last change. What a Limiter enforces is read
//! by [`super::policies`].

mod put;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use self::put::{NewLimit, put, put_budget};
use super::{flag, json_arg, json_text, json_text_or_null, owner, pages::PageQuery, statement};
use crate::{
    ids::{ApiKeyId, InstanceId, ModelId, OrganizationId, ProjectId, UserId},
    limits::{Kind, Period, Scope, ScopeKind},
    model::RateLimits,
    ports::{Arg, Statement},
    time::UnixMillis,
};

/// Where a scope stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// In which instance; none for an organization's own.
    pub instance: Option<InstanceId>,
    /// Of which organization.
    pub organization: OrganizationId,
    /// Whom it is about.
    pub scope: Scope,
}

impl Place {
    fn args(&self) -> [Arg; 4] {
        [
            self.organization.as_str().into(),
            self.instance.as_ref().map_or("", InstanceId::as_str).into(),
            self.scope.kind.name().into(),
            self.scope.id.as_str().into(),
        ]
    }
}

/// The columns that say where rows stand, and when they were changed.
#[derive(Clone, Debug, Deserialize)]
pub struct Placed {
    /// When the first of them was set.
    pub created_at: UnixMillis,
    /// In which instance; none for an organization's own.
    pub instance_id: Option<InstanceId>,
    /// Of which organization.
    pub organization_id: OrganizationId,
    /// What lists are sorted by.
    pub place: String,
    /// The word for what it holds for: `key`.
    pub scope: String,
    /// The id of that.
    pub scope_id: String,
    /// When they were last changed.
    pub updated_at: UnixMillis,
}

impl Placed {
    /// Where they stand; `None` if the scope is a word that is none.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        Some(Place {
            instance: self.instance_id.clone(),
            organization: self.organization_id.clone(),
            scope: Scope::new(ScopeKind::parse(&self.scope)?, &self.scope_id),
        })
    }
}

/// All limits of one scope.
#[derive(Clone, Debug, Deserialize)]
pub struct LimitsRow {
    /// How much of what: `requests_per_minute`, `concurrent`, …
    #[serde(deserialize_with = "json_text")]
    pub amounts: BTreeMap<Kind, u64>,
    /// Where they stand.
    #[serde(flatten)]
    pub placed: Placed,
    /// Whether they are counted, but not enforced.
    #[serde(deserialize_with = "flag")]
    pub shadow: bool,
}

/// All budgets of one scope.
#[derive(Clone, Debug, Deserialize)]
pub struct BudgetsRow {
    /// In any order.
    #[serde(deserialize_with = "json_text")]
    pub budgets: Vec<BudgetColumns>,
    /// Where they stand.
    #[serde(flatten)]
    pub placed: Placed,
}

/// One budget of a scope.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct BudgetColumns {
    /// Percents at which someone is told.
    pub alerts: Vec<u8>,
    /// How much may be spent, in micro-dollars.
    pub amount_micros: u64,
    /// `day`, `week`, `month` or `total`.
    pub period: String,
    /// After how many hours money goes back that is held for a lost call.
    pub release_after_h: Option<u32>,
    /// Whether it is counted, but not enforced.
    #[serde(deserialize_with = "flag")]
    pub shadow: bool,
}

/// Whose eyes a list is for.
#[derive(Clone, Copy, Debug)]
pub enum Sight<'a> {
    /// A person: what stands in instances on which they have a grant, and all of the organization that is
    /// theirs to administer.
    Person {
        /// Which they administer, if any.
        organization: Option<&'a OrganizationId>,
        /// Who it is; none for who operates the service.
        user: Option<&'a UserId>,
    },
    /// A program: its own key and its project.
    Program {
        /// Its key.
        key: &'a ApiKeyId,
        /// Its project.
        project: &'a ProjectId,
    },
}

/// What a list is narrowed to.
#[derive(Clone, Debug)]
pub struct RowsQuery<'a> {
    /// Only this instance's.
    pub instance: Option<&'a InstanceId>,
    /// Only this organization's.
    pub organization: Option<&'a OrganizationId>,
    /// Which page.
    pub page: PageQuery,
    /// Only those of this kind of scope.
    pub scope: Option<ScopeKind>,
    /// Only those of the scope with this id.
    pub scope_id: Option<&'a str>,
    /// For whom.
    pub sight: Sight<'a>,
}

impl RowsQuery<'_> {
    fn args(&self) -> Vec<Arg> {
        let (first, second) = match self.sight {
            Sight::Person { organization, user } => {
                (organization.map(OrganizationId::as_str).into(), user.map(UserId::as_str).into())
            }
            Sight::Program { key, project } => (key.as_str().into(), project.as_str().into()),
        };
        vec![
            self.page.after.as_deref().unwrap_or("").into(),
            self.instance.map(InstanceId::as_str).into(),
            self.scope.map(ScopeKind::name).into(),
            self.scope_id.into(),
            first,
            second,
            self.organization.map(OrganizationId::as_str).into(),
            self.page.rows_to_read().into(),
        ]
    }
}

/// The columns of [`Placed`], and how the rows of a scope become one.
macro_rules! placed {
    () => {
        "l.organization_id || ' ' || coalesce(l.instance_id, '') || ' ' || l.scope || ' ' || l.scope_id AS place,
         l.organization_id, l.instance_id, l.scope, l.scope_id,
         min(l.created_at) AS created_at, max(l.updated_at) AS updated_at"
    };
}

macro_rules! limits {
    () => {
        ", max(l.shadow) AS shadow,
         json_group_object(l.kind || coalesce('_per_' || l.per, ''), l.amount) AS amounts FROM limits AS l "
    };
}

macro_rules! budgets {
    () => {
        ", json_group_array(json_object('period', l.period, 'amount_micros', l.amount_micros,
           'alerts', json(l.alerts), 'shadow', l.shadow, 'release_after_h', l.release_after_h)) AS budgets FROM budgets AS l "
    };
}

macro_rules! found {
    ($table:ident) => {
        concat!(
            "SELECT ",
            placed!(),
            $table!(),
            "WHERE l.organization_id = ?1 AND coalesce(l.instance_id, '') = ?2 AND l.scope = ?3
               AND l.scope_id = ?4
             GROUP BY place"
        )
    };
}

macro_rules! filtered {
    () => {
        " AND (?2 IS NULL OR l.instance_id = ?2) AND (?3 IS NULL OR l.scope = ?3)
          AND (?4 IS NULL OR l.scope_id = ?4) AND (?7 IS NULL OR l.organization_id = ?7)
          GROUP BY place HAVING place > ?1"
    };
}

/// Who only looks at an instance does not see its keys. An organization's own stand in no instance.
macro_rules! of_person {
    ($table:ident, $columns:literal) => {
        concat!(
            "WITH places AS (
               SELECT instance_id, max(sees_keys) AS sees_keys FROM (
                 SELECT id AS instance_id, 1 AS sees_keys FROM instances WHERE organization_id = ?5
                 UNION ALL SELECT instance_id, role <> 'readonly' FROM user_grants WHERE user_id = ?6)
               GROUP BY instance_id),
             found AS (
               SELECT ",
            placed!(),
            $table!(),
            "JOIN places ON places.instance_id = l.instance_id
               WHERE (places.sees_keys = 1 OR l.scope <> 'key')",
            filtered!(),
            " UNION ALL SELECT ",
            placed!(),
            $table!(),
            "WHERE l.organization_id = ?5 AND coalesce(l.instance_id, '') = ''",
            filtered!(),
            ")
             SELECT place, organization_id, instance_id, scope, scope_id, created_at, updated_at, ",
            $columns,
            " FROM found ORDER BY place LIMIT CAST(?8 AS INTEGER)"
        )
    };
}

macro_rules! of_program {
    ($table:ident) => {
        concat!(
            "SELECT ",
            placed!(),
            $table!(),
            "WHERE l.instance_id = (SELECT instance_id FROM projects WHERE id = ?6)
               AND ((l.scope = 'key' AND l.scope_id = ?5) OR (l.scope = 'project' AND l.scope_id = ?6))",
            filtered!(),
            " ORDER BY place LIMIT CAST(?8 AS INTEGER)"
        )
    };
}

/// Lists scopes that have limits: [`LimitsRow`]s for [`PageQuery::page`].
#[must_use]
pub fn limits(query: &RowsQuery<'_>) -> Statement {
    let sql = match query.sight {
        Sight::Person { .. } => of_person!(limits, "shadow, amounts"),
        Sight::Program { .. } => of_program!(limits),
    };
    Statement { args: query.args(), sql }
}

/// Lists scopes that have budgets: [`BudgetsRow`]s for [`PageQuery::page`].
#[must_use]
pub fn budgets(query: &RowsQuery<'_>) -> Statement {
    let sql = match query.sight {
        Sight::Person { .. } => of_person!(budgets, "budgets"),
        Sight::Program { .. } => of_program!(budgets),
    };
    Statement { args: query.args(), sql }
}

/// The limits of a scope: at most one [`LimitsRow`].
#[must_use]
pub fn limits_of(place: &Place) -> Statement {
    statement(found!(limits), place.args())
}

/// The budgets of a scope: at most one [`BudgetsRow`].
#[must_use]
pub fn budgets_of(place: &Place) -> Statement {
    statement(found!(budgets), place.args())
}

/// Removes the limits of a scope, but for those of some kinds.
#[must_use]
pub fn keep_limits<'a>(place: &Place, kinds: impl IntoIterator<Item = &'a Kind>) -> Statement {
    let kinds: Vec<&str> = kinds.into_iter().map(|kind| kind.name()).collect();
    let [organization, instance, scope, id] = place.args();
    statement(
        "DELETE FROM limits
         WHERE organization_id = ?1 AND coalesce(instance_id, '') = ?2 AND scope = ?3 AND scope_id = ?4
           AND kind || coalesce('_per_' || per, '') NOT IN (SELECT value FROM json_each(?5))",
        [organization, instance, scope, id, json_arg(&kinds)],
    )
}

/// Removes the budgets of a scope, but for those of some periods.
#[must_use]
pub fn keep_budgets(place: &Place, periods: impl IntoIterator<Item = Period>) -> Statement {
    let periods: Vec<&str> = periods.into_iter().map(Period::name).collect();
    let [organization, instance, scope, id] = place.args();
    statement(
        "DELETE FROM budgets
         WHERE organization_id = ?1 AND coalesce(instance_id, '') = ?2 AND scope = ?3 AND scope_id = ?4
           AND period NOT IN (SELECT value FROM json_each(?5))",
        [organization, instance, scope, id, json_arg(&periods)],
    )
}

macro_rules! unchanged {
    ($table:literal) => {
        concat!(
            "INSERT INTO audit_events (id, actor_kind, action, target_id, created_at)
             SELECT e.id, e.actor_kind, e.action, e.target_id, e.created_at FROM audit_events AS e
             WHERE e.id = ?5 AND CAST(?6 AS INTEGER) <> (
               SELECT coalesce(max(l.updated_at), 0) FROM ",
            $table,
            " AS l WHERE l.organization_id = ?1 AND coalesce(l.instance_id, '') = ?2 AND l.scope = ?3
               AND l.scope_id = ?4)"
        )
    };
}

/// Ends the batch with a conflict on `audit_events.id` unless the limits of a scope are as they were at
/// `expected`, or there are still none: see [`super::organizations::unchanged`].
#[must_use]
pub fn limits_unchanged(event: &str, place: &Place, expected: Option<UnixMillis>) -> Statement {
    let [organization, instance, scope, id] = place.args();
    let expected = expected.unwrap_or(UnixMillis(0)).into();
    statement(unchanged!("limits"), [organization, instance, scope, id, event.into(), expected])
}

/// The same for the budgets of a scope.
#[must_use]
pub fn budgets_unchanged(event: &str, place: &Place, expected: Option<UnixMillis>) -> Statement {
    let [organization, instance, scope, id] = place.args();
    let expected = expected.unwrap_or(UnixMillis(0)).into();
    statement(unchanged!("budgets"), [organization, instance, scope, id, event.into(), expected])
}

/// The limits in the config of a model.
#[derive(Clone, Debug, Deserialize)]
pub struct ModelLimitsRow {
    /// Which model.
    pub model_id: ModelId,
    /// None if its config names none.
    #[serde(deserialize_with = "json_text_or_null")]
    pub rate_limits: Option<RateLimits>,
}

/// The limits in the configs of these models, as an organization sees them: [`ModelLimitsRow`]s, of one id
/// the shared before the own, which counts.
#[must_use]
pub fn of_models(models: &[&str], organization: &OrganizationId) -> Statement {
    statement(
        "SELECT m.model_id, m.rate_limits FROM model_configs AS m
         WHERE m.model_id IN (SELECT value FROM json_each(?1)) AND m.owner IN ('', ?2)
         ORDER BY m.owner",
        [json_arg(models), owner(Some(organization))],
    )
}

/// Removes what holds for a project and for its keys: two statements, before it is removed itself.
///
/// What holds in an instance or an organization goes with that by itself. What holds for a model or a
/// provider stays: whoever has that id next, as a shared one after an organization's own, is held by it too.
#[must_use]
pub fn leave_project(project: &ProjectId) -> [Statement; 2] {
    [
        statement(
            "DELETE FROM limits
             WHERE instance_id = (SELECT instance_id FROM projects WHERE id = ?1)
               AND ((scope = 'project' AND scope_id = ?1) OR (scope = 'key' AND scope_id IN (
                 SELECT id FROM api_keys WHERE project_id = ?1)))",
            [project.as_str().into()],
        ),
        statement(
            "DELETE FROM budgets
             WHERE instance_id = (SELECT instance_id FROM projects WHERE id = ?1)
               AND ((scope = 'project' AND scope_id = ?1) OR (scope = 'key' AND scope_id IN (
                 SELECT id FROM api_keys WHERE project_id = ?1)))",
            [project.as_str().into()],
        ),
    ]
}

macro_rules! leave_person {
    ($table:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE scope = 'key' AND scope_id IN (SELECT id FROM api_keys WHERE user_id = ?1)"
        )
    };
}

macro_rules! leave_persons_of {
    ($table:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE scope = 'key' AND scope_id IN (
                 SELECT k.id FROM users AS u JOIN api_keys AS k ON k.user_id = u.id
                 WHERE u.organization_id = ?1)"
        )
    };
}

/// Removes what holds for the keys of an organization's persons, wherever they are or were guests: two statements,
/// before the organization is removed.
#[must_use]
pub fn leave_persons_of(organization: &OrganizationId) -> [Statement; 2] {
    [
        statement(leave_persons_of!("limits"), [organization.as_str().into()]),
        statement(leave_persons_of!("budgets"), [organization.as_str().into()]),
    ]
}

/// Removes what holds for the keys of a person, wherever they have or had a grant: two statements, before the person
/// is removed.
#[must_use]
pub fn leave_person(user: &UserId) -> [Statement; 2] {
    [
        statement(leave_person!("limits"), [user.as_str().into()]),
        statement(leave_person!("budgets"), [user.as_str().into()]),
    ]
}
