//! The way through a document: what others need comes first.

use de_core::protocols::FieldIssue;
use serde_json::Value;

use super::{Outcome, Thing, Walk, bounds::Scope, rows::Home, shown::Holder};
use crate::{
    document::{
        Grant, INSTANCE, Instance, ORGANIZATION, PROJECT, PROVIDER, PersonsKey, Project,
        ProviderKey, Resource, Row, Tenant, USER, User,
    },
    gateway::{plain, text},
    keys::holding,
    plan::{RunError, Verb},
};

/// Where something stands that is being walked: none where it would be made.
#[derive(Clone, Copy)]
struct At<'i> {
    id: Option<&'i str>,
    organization: Option<&'i str>,
    thing: &'i str,
}

impl Walk<'_> {
    pub(super) fn tenant(mut self, tenant: &Tenant) -> Result<Outcome, RunError> {
        let id = self.organization(tenant)?;
        self.outcome.organization_id.clone_from(&id);
        let id = id.as_deref();
        // Models name providers, instances name models, grants name persons.
        let new_providers = self.providers(tenant, id)?;
        self.models(tenant, id, &new_providers)?;
        for user in &tenant.users {
            self.user(user, id)?;
        }
        let thing = Thing::new("the organization", "/organization");
        let rows = self.below(INSTANCE.path, "organization_id", id, &thing)?;
        let hooks = self.hooks(tenant, id, &thing)?;
        for instance in &tenant.instances {
            let made = self.instance(instance, id, &rows, &hooks)?;
            self.outcome.instance_ids.push(made);
        }
        self.webhooks(&hooks, &tenant.webhooks, id, None)?;
        if self.problems.is_empty() {
            return Ok(self.outcome);
        }
        let mut problems: Vec<FieldIssue> = Vec::new();
        for problem in self.problems {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
        Err(RunError::Problems(problems))
    }

    /// The rows below something; none below what is not there.
    fn below(
        &self,
        path: &str,
        member: &str,
        id: Option<&str>,
        thing: &Thing<'_>,
    ) -> Result<Vec<Value>, RunError> {
        match id {
            Some(id) => self.rows(path, &format!("{member}={}", plain(id)), thing),
            None => Ok(Vec::new()),
        }
    }

    fn hooks(
        &self,
        tenant: &Tenant,
        organization: Option<&str>,
        thing: &Thing<'_>,
    ) -> Result<Vec<Value>, RunError> {
        let has_some = !tenant.webhooks.is_empty()
            || tenant.instances.iter().any(|instance| !instance.webhooks.is_empty());
        let organization = organization.filter(|_| has_some);
        self.below("/v1/webhooks", "organization_id", organization, thing)
    }

    fn organization(&mut self, tenant: &Tenant) -> Result<Option<String>, RunError> {
        let row = &tenant.organization.row;
        let called =
            if row.name.is_empty() { row.id.as_deref().unwrap_or_default() } else { &row.name };
        let thing = Thing::new(format!("organization {called}"), &row.place);
        let by_id = match (self.gateway, &row.id) {
            (Some(gateway), Some(id)) => {
                let path = format!("{}/{}", ORGANIZATION.path, plain(id));
                gateway.find(&path).map_err(thing.failed())?.map(|answer| answer.body)
            }
            _ => None,
        };
        let rows = match by_id {
            Some(found) => vec![found],
            None => self.rows(ORGANIZATION.path, "", &thing)?,
        };
        let found = self.pick(&rows, row, &ORGANIZATION);
        self.is_there(found, row, &ORGANIZATION);
        let home = Home { above: &[], query: String::new(), resource: &ORGANIZATION };
        let id = self.settle(&home, row, found, &thing)?;
        let scope =
            Scope { id: id.as_deref(), instance: None, kind: "organization", thing: &thing.name };
        self.bound(&scope, &tenant.organization.bounds)?;
        Ok(id)
    }

    /// Complains where something has to be there and is not.
    fn is_there(&mut self, found: Option<&Value>, row: &Row, resource: &Resource) {
        if found.is_none() && self.options.must_exist && self.gateway.is_some() {
            let reason = format!("there is no such {}; `instance create` makes it", resource.word);
            self.problem(&row.place, reason);
        }
    }

    /// Makes and changes providers; those that would be made come back.
    fn providers<'t>(
        &mut self,
        tenant: &'t Tenant,
        organization: Option<&str>,
    ) -> Result<Vec<&'t Row>, RunError> {
        let mut new = Vec::new();
        if tenant.providers.is_empty() {
            return Ok(new);
        }
        let thing = Thing::new("providers", "/providers");
        let rows = match organization {
            Some(id) => {
                let query = format!("owner=own&organization_id={}", plain(id));
                self.rows(PROVIDER.path, &query, &thing)?
            }
            None => Vec::new(),
        };
        for row in &tenant.providers {
            let thing = Thing::new(format!("provider {}", row.name), &row.place);
            let found = self.pick(&rows, row, &PROVIDER);
            let query =
                organization.map(|id| format!("organization_id={}", plain(id))).unwrap_or_default();
            let above = [("organization_id", organization.unwrap_or_default())];
            let home = Home { above: &above, query, resource: &PROVIDER };
            self.settle(&home, row, found, &thing)?;
            if found.is_none() {
                new.push(row);
            }
        }
        Ok(new)
    }

    fn user(&mut self, user: &User, organization: Option<&str>) -> Result<(), RunError> {
        let row = &user.row;
        let thing = Thing::new(format!("person {}", row.name), &row.place);
        let query = format!("email={}", plain(&row.name));
        let rows = self.rows(USER.path, &query, &thing)?;
        let mut found = self.pick(&rows, row, &USER);
        let is_elsewhere = found.is_some_and(|found| {
            organization.is_none_or(|id| text(found, "organization_id") != id)
        });
        if is_elsewhere {
            let reason = "is of another organization; give them a grant, and leave them out here";
            self.problem(&format!("{}/email", row.place), reason);
            found = None;
        }
        let above = [("organization_id", organization.unwrap_or_default())];
        let home = Home { above: &above, query: String::new(), resource: &USER };
        let id = if is_elsewhere { None } else { self.settle(&home, row, found, &thing)? };
        self.persons.insert(row.name.clone(), id.clone());
        if user.api_keys.is_empty() {
            return Ok(());
        }
        let keys = self.below("/v1/api-keys", "user_id", id.as_deref(), &thing)?;
        let holder = Holder { id: id.as_deref(), member: "user_id", thing: &thing.name };
        for key in &user.api_keys {
            self.api_key(holder, key, &keys)?;
        }
        Ok(())
    }

    fn instance(
        &mut self,
        instance: &Instance,
        organization: Option<&str>,
        rows: &[Value],
        hooks: &[Value],
    ) -> Result<Option<String>, RunError> {
        let row = &instance.row;
        let called =
            if row.name.is_empty() { row.id.as_deref().unwrap_or_default() } else { &row.name };
        let thing = Thing::new(format!("instance {called}"), &row.place);
        let found = self.pick(rows, row, &INSTANCE);
        self.is_there(found, row, &INSTANCE);
        let above = [("organization_id", organization.unwrap_or_default())];
        let home = Home { above: &above, query: String::new(), resource: &INSTANCE };
        let id = self.settle(&home, row, found, &thing)?;
        let at = At { id: id.as_deref(), organization, thing: &thing.name };
        let scope = Scope { id: at.id, instance: None, kind: "instance", thing: at.thing };
        self.bound(&scope, &instance.bounds)?;
        self.provider_keys(&instance.provider_keys, at)?;
        let projects = self.below(PROJECT.path, "instance_id", at.id, &thing)?;
        for project in &instance.projects {
            self.project(project, at, &projects)?;
        }
        self.grants(&instance.grants, at)?;
        for (model, bounds) in &instance.model_bounds {
            let thing = format!("model {model} in {}", at.thing);
            self.bound(&inside(at, "model", model, &thing), bounds)?;
        }
        for (provider, bounds) in &instance.provider_bounds {
            let thing = format!("provider {provider} in {}", at.thing);
            self.bound(&inside(at, "provider", provider, &thing), bounds)?;
        }
        for (key, bounds) in &instance.key_bounds {
            self.persons_key(key, bounds, at)?;
        }
        self.webhooks(hooks, &instance.webhooks, at.organization, Some((at.id, at.thing)))?;
        Ok(id)
    }

    fn project(&mut self, project: &Project, at: At<'_>, rows: &[Value]) -> Result<(), RunError> {
        let row = &project.row;
        let called =
            if row.name.is_empty() { row.id.as_deref().unwrap_or_default() } else { &row.name };
        let thing = Thing::new(format!("project {called} of {}", at.thing), &row.place);
        let found = self.pick(rows, row, &PROJECT);
        let above = [("instance_id", at.id.unwrap_or_default())];
        let home = Home { above: &above, query: String::new(), resource: &PROJECT };
        let id = self.settle(&home, row, found, &thing)?;
        let scope =
            Scope { id: id.as_deref(), instance: None, kind: "project", thing: &thing.name };
        self.bound(&scope, &project.bounds)?;
        if project.api_keys.is_empty() {
            return Ok(());
        }
        let keys = self.below("/v1/api-keys", "project_id", id.as_deref(), &thing)?;
        let holder = Holder { id: id.as_deref(), member: "project_id", thing: &thing.name };
        for key in &project.api_keys {
            let id = self.api_key(holder, key, &keys)?;
            let has_bounds = !key.bounds.limits.is_empty() || !key.bounds.budgets.is_empty();
            let thing = format!("API key {} of {}", key.row.name, thing.name);
            if id.is_none() && has_bounds && !self.options.issues_keys {
                let thing = Thing::new(format!("limits of {thing}"), &key.row.place);
                self.step(Verb::ByHand, &thing, "once the key is there, run this again");
                continue;
            }
            let scope = Scope { id: id.as_deref(), instance: None, kind: "key", thing: &thing };
            self.bound(&scope, &key.bounds)?;
        }
        Ok(())
    }

    fn provider_keys(&mut self, keys: &[ProviderKey], at: At<'_>) -> Result<(), RunError> {
        if keys.is_empty() {
            return Ok(());
        }
        let thing = Thing::new(at.thing, "");
        let rows = self.below("/v1/provider-keys", "instance_id", at.id, &thing)?;
        for key in keys {
            let thing =
                Thing::new(format!("key for {} of {}", key.provider_id, at.thing), &key.place);
            let found = rows.iter().find(|found| text(found, "provider_id") == key.provider_id);
            let path = format!(
                "/v1/provider-keys/{}/{}",
                plain(at.id.unwrap_or("inst_…")),
                plain(&key.provider_id)
            );
            let Some(source) = &key.source else {
                match found {
                    Some(_) => self.step(Verb::Leave, &thing, ""),
                    None => self.step(Verb::ByHand, &thing, format!("PUT {path}")),
                }
                continue;
            };
            let verb = match (found, self.sources.secret(source)) {
                (Some(_), Err(_)) if !self.options.saves_keys => Verb::Leave,
                (_, Err(reason)) => {
                    if self.needs_sources {
                        self.problem(&key.place, reason);
                    } else {
                        self.step(Verb::Make, &thing, reason);
                    }
                    continue;
                }
                (None, Ok(_)) => Verb::Make,
                (Some(_), Ok(_)) if self.options.saves_keys => Verb::Change,
                (Some(found), Ok(secret)) => {
                    // Of a short key nobody is told how it ends.
                    let ends = found.get("last_four").and_then(Value::as_str);
                    let is_other = ends.is_some_and(|ends| ends != secret.last_four());
                    if is_other { Verb::Change } else { Verb::Leave }
                }
            };
            let secret = self.sources.secret(source);
            if let (Some(gateway), Ok(secret), Verb::Change | Verb::Make) =
                (self.doing(), secret, verb)
            {
                let body = serde_json::json!({"secret": secret.expose()});
                gateway.put(&path, &body, None).map_err(thing.failed())?;
            }
            self.step(verb, &thing, "");
        }
        Ok(())
    }

    fn grants(&mut self, grants: &[Grant], at: At<'_>) -> Result<(), RunError> {
        if grants.is_empty() {
            return Ok(());
        }
        let thing = Thing::new(at.thing, "");
        let rows = match at.id {
            Some(id) => {
                self.rows(&format!("{}/{}/grants", INSTANCE.path, plain(id)), "", &thing)?
            }
            None => Vec::new(),
        };
        for grant in grants {
            let Grant { email, place, role } = grant;
            let thing = Thing::new(format!("grant of {email} on {}", at.thing), place);
            let found = rows.iter().find(|found| text(found, "email") == email);
            if found.is_some_and(|found| text(found, "role") == role) {
                self.step(Verb::Leave, &thing, role);
                continue;
            }
            let user = self.person(email, &thing)?;
            let is_known = user.is_some() || self.persons.contains_key(email);
            if !is_known && self.gateway.is_some() {
                let reason = "there is no such person; list them under `users`";
                self.problem(&format!("{place}/email"), reason);
                continue;
            }
            if let (Some(gateway), Some(user), Some(id)) = (self.doing(), &user, at.id) {
                let path = format!("{}/{}/grants/{}", USER.path, plain(user), plain(id));
                let body = serde_json::json!({"role": role});
                gateway.put(&path, &body, None).map_err(thing.failed())?;
            }
            let verb = if found.is_some() { Verb::Change } else { Verb::Make };
            self.step(verb, &thing, role);
        }
        Ok(())
    }

    /// The id of a person, who may be of another organization.
    fn person(&mut self, email: &str, thing: &Thing<'_>) -> Result<Option<String>, RunError> {
        if let Some(known) = self.persons.get(email) {
            return Ok(known.clone());
        }
        let rows = self.rows(USER.path, &format!("email={}", plain(email)), thing)?;
        let found = rows.iter().find(|found| text(found, "email") == email);
        Ok(found.map(|found| text(found, "id").to_owned()))
    }

    fn persons_key(
        &mut self,
        key: &PersonsKey,
        bounds: &crate::document::Bounds,
        at: At<'_>,
    ) -> Result<(), RunError> {
        let name = format!("API key {} of person {} in {}", key.name, key.email, at.thing);
        let thing = Thing::new(format!("limits of {name}"), &bounds.place);
        let user = self.person(&key.email, &thing)?;
        let keys = self.below("/v1/api-keys", "user_id", user.as_deref(), &thing)?;
        let keys = holding(&keys);
        let is_it = |found: &&Value| text(found, "name") == key.name;
        let id = keys.iter().find(is_it).map(|found| text(found, "id").to_owned());
        if id.is_none() {
            let detail = "once the key is there, run this again";
            let verb = if self.options.is_dry { Verb::Make } else { Verb::ByHand };
            self.step(verb, &thing, detail);
            return Ok(());
        }
        let id = id.as_deref().filter(|_| at.id.is_some());
        self.bound(&Scope { id, instance: at.id, kind: "key", thing: &name }, bounds)
    }
}

/// A scope that has the same id in every instance.
fn inside<'s>(at: At<'s>, kind: &'static str, id: &'s str, thing: &'s str) -> Scope<'s> {
    Scope { id: at.id.map(|_| id), instance: at.id, kind, thing }
}
