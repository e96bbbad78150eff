//! One row of a resource: looked for, made, changed.

use serde_json::{Map, Value};

use super::{Thing, Walk};
use crate::{
    document::{Resource, Row},
    gateway::{Gateway, GatewayError, plain, text},
    ledger::Ledger,
    plan::{RunError, Verb},
};

/// How often a change is begun anew because someone else has changed the row meanwhile.
const TRIES: usize = 4;

/// Where a row belongs.
pub(super) struct Home<'h> {
    /// The members that only a creation names: `organization_id`.
    pub(super) above: &'h [(&'static str, &'h str)],
    /// What addresses it beside its id: `organization_id=org_1`, or nothing.
    pub(super) query: String,
    pub(super) resource: &'static Resource,
}

impl Home<'_> {
    pub(super) fn path(&self, id: &str) -> String {
        let (path, id) = (self.resource.path, plain(id));
        if self.query.is_empty() {
            format!("{path}/{id}")
        } else {
            format!("{path}/{id}?{}", self.query)
        }
    }

    pub(super) fn body(&self, row: &Row) -> Value {
        let above = self.above.iter().map(|(name, id)| ((*name).to_owned(), Value::from(*id)));
        Value::Object(above.chain(row.fields.clone()).collect())
    }
}

impl<'a> Walk<'a> {
    /// All rows of a resource; none without a network, and none below what is not there.
    pub(super) fn rows(
        &self,
        path: &str,
        query: &str,
        thing: &Thing<'_>,
    ) -> Result<Vec<Value>, RunError> {
        match self.gateway {
            Some(gateway) => gateway.list(path, query).map_err(thing.failed()),
            None => Ok(Vec::new()),
        }
    }

    /// The row that is meant: by its id, else by its name. Several of one name are a problem.
    pub(super) fn pick<'r>(
        &mut self,
        rows: &'r [Value],
        row: &Row,
        resource: &Resource,
    ) -> Option<&'r Value> {
        let by_id =
            row.id.as_deref().and_then(|id| rows.iter().find(|found| text(found, "id") == id));
        if by_id.is_some() {
            return by_id;
        }
        // Without a network nothing is known to be missing.
        self.gateway?;
        if row.name.is_empty() {
            let reason = format!("there is no such {}; say its name to make one", resource.word);
            self.problem(&format!("{}/id", row.place), reason);
            return None;
        }
        let mut named = rows.iter().filter(|found| text(found, resource.name) == row.name);
        let found = named.next();
        if named.next().is_some() {
            let reason = format!("several are called `{}`; say its id", row.name);
            self.problem(&format!("{}/{}", row.place, resource.name), reason);
        }
        found
    }

    /// Makes or changes a row; its id comes back, or nothing where it would be made.
    pub(super) fn settle(
        &mut self,
        home: &Home<'_>,
        row: &Row,
        found: Option<&Value>,
        thing: &Thing<'_>,
    ) -> Result<Option<String>, RunError> {
        if let Some(found) = found {
            let id = text(found, "id").to_owned();
            self.change(home, row, found, thing)?;
            return Ok(Some(id));
        }
        if self.lacks(home.resource, row) {
            return Ok(None);
        }
        let mut id = None;
        if let Some(gateway) = self.doing() {
            let once = Ledger::once()?;
            let answer = gateway.post(home.resource.path, &home.body(row), Some(&once));
            let made = answer.map_err(thing.failed())?.body;
            id = Some(text(&made, "id").to_owned()).filter(|id| !id.is_empty());
            if id.is_none() {
                id = find_again(gateway, home, row).map_err(thing.failed())?;
            }
        }
        self.step(Verb::Make, thing, "");
        Ok(id)
    }

    /// Whether a row cannot be made, since the file does not say enough.
    pub(super) fn lacks(&mut self, resource: &Resource, row: &Row) -> bool {
        let missing = |field: &&crate::document::Field| {
            field.is_needed && !row.fields.contains_key(field.name)
        };
        let missing: Vec<_> = resource.fields.iter().filter(missing).collect();
        for field in &missing {
            let reason = format!("is required, since there is no such {}", resource.word);
            self.problem(&format!("{}/{}", row.place, field.name), reason);
        }
        !missing.is_empty()
    }

    /// Changes what differs.
    pub(super) fn change(
        &mut self,
        home: &Home<'_>,
        row: &Row,
        found: &Value,
        thing: &Thing<'_>,
    ) -> Result<(), RunError> {
        let names = |patch: &Map<String, Value>| {
            patch.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
        };
        let mut patch = differing(home.resource, row, found);
        if patch.is_empty() {
            self.step(Verb::Leave, thing, "");
            return Ok(());
        }
        let detail = names(&patch);
        if let Some(gateway) = self.doing() {
            let path = home.path(text(found, "id"));
            for tried in 1.. {
                // Over the state that was compared, and over no other.
                let now = gateway.get(&path).map_err(thing.failed())?;
                patch = differing(home.resource, row, &now.body);
                if patch.is_empty() {
                    break;
                }
                let body = Value::Object(patch);
                match gateway.patch(&path, &body, now.etag.as_deref()) {
                    Ok(_) => break,
                    Err(error) if is_overtaken(&error) && tried < TRIES => {}
                    Err(error) => return Err(thing.failed()(error)),
                }
            }
        }
        self.step(Verb::Change, thing, detail);
        Ok(())
    }
}

/// The members that are not as they shall be.
fn differing(resource: &Resource, row: &Row, found: &Value) -> Map<String, Value> {
    let is_same = |name: &str, value: &Value| {
        let there = found.get(name).unwrap_or(&Value::Null);
        match resource.fields.iter().find(|field| field.name == name) {
            Some(field) => field.same(value, there),
            None => value == there,
        }
    };
    let differs = row.fields.iter().filter(|(name, value)| !is_same(name, value));
    differs.map(|(name, value)| (name.clone(), value.clone())).collect()
}

pub(super) fn is_overtaken(error: &GatewayError) -> bool {
    matches!(error, GatewayError::Refused { refusal, .. } if refusal.status == 412)
}

/// The id of a row whose answer was lost.
fn find_again(
    gateway: &Gateway,
    home: &Home<'_>,
    row: &Row,
) -> Result<Option<String>, GatewayError> {
    let query = match home.above.first() {
        Some((name, id)) => format!("{name}={}", plain(id)),
        None => String::new(),
    };
    let rows = gateway.list(home.resource.path, &query)?;
    let found = rows.iter().find(|found| text(found, home.resource.name) == row.name);
    Ok(found.map(|found| text(found, "id").to_owned()))
}
