//! Limits and budgets of one scope.

use serde_json::{Map, Value};

use super::{Thing, Walk, rows::is_overtaken};
use crate::{
    document::Bounds,
    gateway::{Answer, Gateway, GatewayError, plain},
    plan::{RunError, Verb},
};

/// How often a change is begun anew because someone else was faster.
const TRIES: usize = 4;

/// What limits and budgets hold for.
pub(super) struct Scope<'s> {
    /// Its id; none for what would be made.
    pub(super) id: Option<&'s str>,
    /// In which instance, where the id does not say.
    pub(super) instance: Option<&'s str>,
    /// `project`.
    pub(super) kind: &'static str,
    /// For people.
    pub(super) thing: &'s str,
}

impl Scope<'_> {
    fn path(&self, what: &str) -> Option<String> {
        let id = self.id?;
        let instance = self.instance.map(|id| format!("?instance_id={}", plain(id)));
        let instance = instance.unwrap_or_default();
        Some(format!("/v1/{what}/{}/{}{instance}", self.kind, plain(id)))
    }
}

impl Walk<'_> {
    /// Sets what a scope shall be held to.
    pub(super) fn bound(&mut self, scope: &Scope<'_>, bounds: &Bounds) -> Result<(), RunError> {
        if !bounds.limits.is_empty() {
            let thing = Thing::new(format!("limits of {}", scope.thing), &bounds.place);
            let there = |body: &Value| body.clone();
            self.put(scope.path("limits"), &bounds.limits, &thing, there)?;
        }
        for budget in &bounds.budgets {
            let period = budget.get("period").and_then(Value::as_str).unwrap_or_default();
            let name = format!("budget of {} a {period}", scope.thing);
            let thing = Thing::new(name, &bounds.place);
            let there = |body: &Value| {
                let all = body.get("budgets").and_then(Value::as_array);
                let same = |budget: &&Value| budget.get("period") == Some(&period.into());
                all.into_iter().flatten().find(same).cloned().unwrap_or_default()
            };
            self.put(scope.path("budgets"), budget, &thing, there)?;
        }
        Ok(())
    }

    /// Puts members into their place if any of them differs from what `there` finds in the answer.
    fn put(
        &mut self,
        path: Option<String>,
        wanted: &Map<String, Value>,
        thing: &Thing<'_>,
        there: impl Fn(&Value) -> Value,
    ) -> Result<(), RunError> {
        let (Some(gateway), Some(path)) = (self.gateway, path) else {
            let is_idle = wanted.values().all(|value| value.is_null() || *value == false);
            self.step(if is_idle { Verb::Leave } else { Verb::Make }, thing, "");
            return Ok(());
        };
        let first = gateway.find(&path).map_err(thing.failed())?;
        let found = first.as_ref().map(|first| there(&first.body)).unwrap_or_default();
        let names = differing(wanted, &found);
        if names.is_empty() {
            self.step(Verb::Leave, thing, "");
            return Ok(());
        }
        if let Some(gateway) = self.doing() {
            put(gateway, &path, wanted, first, &there).map_err(thing.failed())?;
        }
        let is_new = wanted.keys().all(|name| found.get(name).is_none_or(is_nothing));
        self.step(if is_new { Verb::Make } else { Verb::Change }, thing, names.join(", "));
        Ok(())
    }
}

fn put(
    gateway: &Gateway,
    path: &str,
    wanted: &Map<String, Value>,
    mut now: Option<Answer>,
    there: &impl Fn(&Value) -> Value,
) -> Result<(), GatewayError> {
    let body = Value::Object(wanted.clone());
    for tried in 1.. {
        let etag = now.as_ref().and_then(|now| now.etag.clone());
        match gateway.put(path, &body, etag.as_deref()) {
            Ok(_) => break,
            Err(error) if is_overtaken(&error) && tried < TRIES => {}
            Err(error) => return Err(error),
        }
        now = gateway.find(path)?;
        let found = now.as_ref().map(|now| there(&now.body)).unwrap_or_default();
        if differing(wanted, &found).is_empty() {
            break;
        }
    }
    Ok(())
}

fn differing<'w>(wanted: &'w Map<String, Value>, found: &Value) -> Vec<&'w str> {
    let is_same = |name: &str, value: &Value| {
        let there = found.get(name).unwrap_or(&Value::Null);
        // What never was set is not in shadow.
        value == there || (is_nothing(value) && is_nothing(there))
    };
    let differs = wanted.iter().filter(|(name, value)| !is_same(name, value));
    differs.map(|(name, _)| name.as_str()).collect()
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || *value == false
}
