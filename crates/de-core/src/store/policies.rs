//! What the Limiter of an instance enforces.

use serde::Deserialize;

use super::{epochs, flag, json_text, statement};
use crate::{
    ids::{InstanceId, ModelId, OrganizationId},
    limits::{Kind, Limit, Period, Policy, Scope, ScopeKind, Span, Terms},
    model::RateLimits,
    ports::{PortError, Row, Statement, row},
    time::UnixMillis,
};

#[derive(Deserialize)]
struct LimitRow {
    amount: u64,
    kind: String,
    per: Option<String>,
    scope: String,
    scope_id: String,
    #[serde(deserialize_with = "flag")]
    shadow: bool,
}

#[derive(Deserialize)]
struct BudgetRow {
    #[serde(deserialize_with = "json_text")]
    alerts: Vec<u8>,
    amount_micros: u64,
    period: String,
    release_after_h: Option<u32>,
    scope: String,
    scope_id: String,
    #[serde(deserialize_with = "flag")]
    shadow: bool,
}

#[derive(Deserialize)]
struct ModelLimitsRow {
    model_id: ModelId,
    #[serde(deserialize_with = "json_text")]
    rate_limits: RateLimits,
}

/// What precedes the limits of a policy.
#[derive(Deserialize)]
struct HeadRow {
    above: Option<OrganizationId>,
    catalogue_epoch: u64,
    tenant_epoch: u64,
    time_zone: String,
}

/// Loads the policy of an instance's Limiter, and records that it is awake.
///
/// Five statements for one batch; [`policy`] reads their answers. Touching comes first, so that a
/// change of the catalogue that this reading missed is told to this instance.
#[must_use]
pub fn load(instance: &InstanceId, now: UnixMillis) -> Vec<Statement> {
    let head = statement(
        "SELECT coalesce((SELECT epoch FROM epochs WHERE scope = 'catalogue'), 0) AS catalogue_epoch,
           coalesce((SELECT epoch FROM epochs WHERE scope = i.organization_id), 0) AS tenant_epoch,
           CASE WHEN EXISTS (
             SELECT 1 FROM limits AS l
             WHERE l.organization_id = i.organization_id AND coalesce(l.instance_id, '') = ''
           ) OR EXISTS (
             SELECT 1 FROM budgets AS b
             WHERE b.organization_id = i.organization_id AND coalesce(b.instance_id, '') = ''
           ) THEN i.organization_id END AS above,
           o.time_zone
         FROM instances AS i JOIN organizations AS o ON o.id = i.organization_id WHERE i.id = ?1",
        [instance.as_str().into()],
    );
    let limits = statement(
        "SELECT scope, scope_id, kind, per, amount, shadow FROM limits WHERE instance_id = ?1",
        [instance.as_str().into()],
    );
    let budgets = statement(
        "SELECT scope, scope_id, period, amount_micros, alerts, shadow, release_after_h
         FROM budgets WHERE instance_id = ?1",
        [instance.as_str().into()],
    );
    let models = statement(
        "SELECT m.model_id, m.rate_limits FROM model_configs AS m
         WHERE m.owner IN ('', (SELECT organization_id FROM instances WHERE id = ?1))
           AND m.rate_limits IS NOT NULL
           AND (m.owner > '' OR NOT EXISTS (
             SELECT 1 FROM model_configs AS own
             WHERE own.model_id = m.model_id
               AND own.owner = (SELECT organization_id FROM instances WHERE id = ?1)))",
        [instance.as_str().into()],
    );
    vec![epochs::touch(instance, now), head, limits, budgets, models]
}

/// Loads the policy of an organization's Limiter, which stands above those of its instances.
///
/// Three statements for one batch; [`organization_policy`] reads their answers.
#[must_use]
pub fn load_organization(organization: &OrganizationId) -> Vec<Statement> {
    let head = statement(
        "SELECT coalesce((SELECT epoch FROM epochs WHERE scope = 'catalogue'), 0) AS catalogue_epoch,
           coalesce((SELECT epoch FROM epochs WHERE scope = o.id), 0) AS tenant_epoch,
           NULL AS above, o.time_zone
         FROM organizations AS o WHERE o.id = ?1",
        [organization.as_str().into()],
    );
    let limits = statement(
        "SELECT scope, scope_id, kind, per, amount, shadow FROM limits
         WHERE organization_id = ?1 AND coalesce(instance_id, '') = ''",
        [organization.as_str().into()],
    );
    let budgets = statement(
        "SELECT scope, scope_id, period, amount_micros, alerts, shadow, release_after_h FROM budgets
         WHERE organization_id = ?1 AND coalesce(instance_id, '') = ''",
        [organization.as_str().into()],
    );
    vec![head, limits, budgets]
}

/// Reads the answers to [`load`]; `None` if there is no such instance.
///
/// A limit that the instance enforces for a model takes the place of the model's own; one on trial
/// leaves it in force.
///
/// # Errors
/// [`PortError::Malformed`] if a row is not what the schema says.
pub fn policy(answers: Vec<Vec<Row>>) -> Result<Option<Policy>, PortError> {
    let mut answers = answers.into_iter().skip(1);
    let Some(mut policy) = read(&mut answers)? else { return Ok(None) };
    let mut defaults = Vec::new();
    for found in answers.next().unwrap_or_default() {
        let ModelLimitsRow { model_id, rate_limits } = row(found)?;
        let kinds = [
            (Kind::Concurrent, rate_limits.concurrent_requests),
            (Kind::Requests(Span::Minute), rate_limits.rpm),
            (Kind::Tokens(Span::Minute), rate_limits.tpm),
        ];
        let scope = Scope::new(ScopeKind::Model, model_id.as_str());
        let is_set = |kind| {
            let mut enforced = policy.limits.iter().filter(|limit| !limit.shadow);
            enforced.any(|limit| limit.scope == scope && limit.kind == kind)
        };
        for (kind, max) in kinds {
            if let Some(max) = max.filter(|_| !is_set(kind)) {
                defaults.push(Limit::new(scope.clone(), kind, max));
            }
        }
    }
    policy.limits.extend(defaults);
    Ok(Some(policy))
}

/// Reads the answers to [`load_organization`]; `None` if there is no such organization.
///
/// # Errors
/// [`PortError::Malformed`] if a row is not what the schema says.
pub fn organization_policy(answers: Vec<Vec<Row>>) -> Result<Option<Policy>, PortError> {
    read(&mut answers.into_iter())
}

/// Reads the three answers that both kinds of policy begin with.
fn read(answers: &mut impl Iterator<Item = Vec<Row>>) -> Result<Option<Policy>, PortError> {
    let mut next = || answers.next().unwrap_or_default();
    let (mut head, limits, budgets) = (next(), next(), next());
    let Some(head) = head.pop() else { return Ok(None) };
    let HeadRow { above, catalogue_epoch, tenant_epoch, time_zone } = row(head)?;
    let limits = limits.into_iter().map(|found| limit(row(found)?));
    let budgets = budgets.into_iter().map(|found| budget(row(found)?));
    let limits = limits.chain(budgets).collect::<Result<_, PortError>>()?;
    let time_zone = Some(time_zone).filter(|zone| zone != "UTC");
    Ok(Some(Policy { above, catalogue_epoch, limits, tenant_epoch, time_zone }))
}

fn limit(found: LimitRow) -> Result<Limit, PortError> {
    let name = match &found.per {
        None => found.kind,
        Some(per) => format!("{}_per_{per}", found.kind),
    };
    let kind = Kind::parse(&name).map_err(|err| malformed(err.to_string()))?;
    let scope = scope("limits", &found.scope, &found.scope_id)?;
    Ok(Limit { shadow: found.shadow, ..Limit::new(scope, kind, found.amount) })
}

fn budget(found: BudgetRow) -> Result<Limit, PortError> {
    let period = Period::parse(&found.period)
        .ok_or_else(|| malformed(format!("budgets.period is {:?}", found.period)))?;
    let scope = scope("budgets", &found.scope, &found.scope_id)?;
    let terms = Terms { alerts: found.alerts, release_after_h: found.release_after_h };
    let limit = Limit::new(scope, Kind::Budget(period), found.amount_micros);
    Ok(Limit { shadow: found.shadow, terms, ..limit })
}

fn scope(table: &str, kind: &str, id: &str) -> Result<Scope, PortError> {
    let kind =
        ScopeKind::parse(kind).ok_or_else(|| malformed(format!("{table}.scope is {kind:?}")))?;
    Ok(Scope::new(kind, id))
}

fn malformed(message: String) -> PortError {
    PortError::Malformed { port: "database", message }
}

/// Asks whether an enforced budget counts calls of an instance: one row if so.
#[must_use]
pub fn enforced_budget(instance: &InstanceId) -> Statement {
    statement(
        "SELECT 1 AS found FROM budgets AS b JOIN instances AS i ON i.organization_id = b.organization_id
         WHERE i.id = ?1 AND b.shadow = 0 AND coalesce(b.instance_id, i.id) = i.id LIMIT 1",
        [instance.as_str().into()],
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(value: serde_json::Value) -> Row {
        match value {
            serde_json::Value::Object(row) => row,
            other => panic!("no row: {other}"),
        }
    }

    /// What holds for the model `m`, whose own limit is 5 a minute, beside one row of the instance.
    fn of_model(amount: u64, shadow: u8) -> Vec<(u64, bool)> {
        let head =
            json!({"above": null, "catalogue_epoch": 1, "tenant_epoch": 1, "time_zone": "UTC"});
        let limit = json!({
            "scope": "model", "scope_id": "m", "kind": "requests", "per": "minute",
            "amount": amount, "shadow": shadow,
        });
        let model = json!({"model_id": "m", "rate_limits": "{\"rpm\":5}"});
        let rows = |value| vec![found(value)];
        let answers = vec![Vec::new(), rows(head), rows(limit), Vec::new(), rows(model)];
        let policy = policy(answers).unwrap().unwrap();
        policy.limits.iter().map(|limit| (limit.max, limit.shadow)).collect()
    }

    #[test]
    fn an_enforced_limit_takes_the_place_of_the_models_own() {
        assert_eq!(of_model(9, 0), [(9, false)]);
    }

    #[test]
    fn a_limit_on_trial_leaves_the_models_own_in_force() {
        assert_eq!(of_model(9, 1), [(9, true), (5, false)]);
    }
}
