//! The document of what is there, without secrets.

use serde_json::{Map, Value, json};

use crate::{
    document::{
        API_KEY, FORMAT_VERSION, INSTANCE, ORGANIZATION, PROJECT, PROVIDER, Resource, USER, WEBHOOK,
    },
    gateway::{Gateway, GatewayError, plain, text},
    keys::holding,
};

/// The members of an answer about limits that are limits.
const LIMITS: [&str; 7] = [
    "requests_per_minute",
    "requests_per_hour",
    "requests_per_day",
    "tokens_per_minute",
    "tokens_per_hour",
    "tokens_per_day",
    "concurrent",
];
const BUDGET: [&str; 5] = ["period", "amount_micros", "alerts", "shadow", "release_after_h"];

/// Writes the document of an organization, with all of its instances or one alone.
///
/// # Errors
/// [`GatewayError`]; 404 for what the key may not see.
pub fn export(
    gateway: &Gateway,
    organization: &str,
    only: Option<&str>,
) -> Result<Value, GatewayError> {
    let row = gateway.get(&format!("{}/{}", ORGANIZATION.path, plain(organization)))?.body;
    let of_it = format!("organization_id={}", plain(organization));
    let bounds = Bounds::read(gateway, &of_it)?;
    let mut document = Map::new();
    document.insert("format_version".to_owned(), FORMAT_VERSION.into());
    let mut organizations = with_id(&ORGANIZATION, &row);
    bounds.add("organization", organization, None, &mut organizations);
    document.insert("organization".to_owned(), Value::Object(organizations));
    let owned = gateway.list(PROVIDER.path, &format!("owner=own&{of_it}"))?;
    let providers = owned.iter().map(|row| Value::Object(written(&PROVIDER, row)));
    add(&mut document, "providers", providers.collect());
    add(&mut document, "models", models(gateway, organization, &of_it)?);
    let persons = gateway.list(USER.path, &of_it)?;
    let keys = persons_keys(gateway, &persons)?;
    let users = persons.iter().zip(&keys).map(|(row, keys)| {
        let mut user = with_id(&USER, row);
        let keys = keys.iter().map(|key| Value::Object(with_id(&API_KEY, key)));
        add(&mut user, "api_keys", keys.collect());
        Value::Object(user)
    });
    add(&mut document, "users", users.collect());
    let hooks = gateway.list(WEBHOOK.path, &of_it)?;
    let mut instances = Vec::new();
    for row in gateway.list(INSTANCE.path, &of_it)? {
        if only.is_none_or(|only| text(&row, "id") == only) {
            let known = Known { bounds: &bounds, hooks: &hooks, keys: &keys, persons: &persons };
            instances.push(Value::Object(instance(gateway, &row, &known)?));
        }
    }
    add(&mut document, "instances", instances);
    add(&mut document, "webhooks", webhooks(&hooks, None));
    Ok(Value::Object(document))
}

/// What of the organization is needed to write an instance.
struct Known<'k> {
    bounds: &'k Bounds,
    hooks: &'k [Value],
    /// The keys of each person.
    keys: &'k [Vec<Value>],
    persons: &'k [Value],
}

fn instance(
    gateway: &Gateway,
    row: &Value,
    known: &Known<'_>,
) -> Result<Map<String, Value>, GatewayError> {
    let id = text(row, "id");
    let of_it = format!("instance_id={}", plain(id));
    let mut instance = with_id(&INSTANCE, row);
    known.bounds.add("instance", id, None, &mut instance);
    let keys = gateway.list("/v1/provider-keys", &of_it)?;
    let keys: Map<String, Value> =
        keys.iter().map(|key| (text(key, "provider_id").to_owned(), json!({}))).collect();
    if !keys.is_empty() {
        instance.insert("provider_keys".to_owned(), Value::Object(keys));
    }
    let mut projects = Vec::new();
    for row in gateway.list(PROJECT.path, &of_it)? {
        let id = text(&row, "id");
        let mut project = with_id(&PROJECT, &row);
        known.bounds.add("project", id, None, &mut project);
        let keys = named_keys(gateway, &format!("project_id={}", plain(id)))?;
        let keys = keys.iter().map(|row| {
            let mut key = with_id(&API_KEY, row);
            known.bounds.add("key", text(row, "id"), None, &mut key);
            Value::Object(key)
        });
        add(&mut project, "api_keys", keys.collect());
        projects.push(Value::Object(project));
    }
    add(&mut instance, "projects", projects);
    let grants = gateway.list(&format!("{}/{}/grants", INSTANCE.path, plain(id)), "")?;
    let grants =
        grants.iter().map(|row| json!({"email": row.get("email"), "role": row.get("role")}));
    add(&mut instance, "grants", grants.collect());
    for (kind, list, member) in
        [("model", "model_limits", "model_id"), ("provider", "provider_limits", "provider_id")]
    {
        let scopes = known.bounds.ids(kind, id).into_iter().map(|scope| {
            let mut entry = Map::new();
            entry.insert(member.to_owned(), scope.clone().into());
            known.bounds.add(kind, &scope, Some(id), &mut entry);
            Value::Object(entry)
        });
        add(&mut instance, list, scopes.collect());
    }
    let mut key_limits = Vec::new();
    for (person, keys) in known.persons.iter().zip(known.keys) {
        for key in keys {
            let mut entry = Map::new();
            known.bounds.add("key", text(key, "id"), Some(id), &mut entry);
            if !entry.is_empty() {
                entry.insert("email".to_owned(), text(person, "email").into());
                entry.insert("key".to_owned(), text(key, "name").into());
                key_limits.push(Value::Object(entry));
            }
        }
    }
    add(&mut instance, "key_limits", key_limits);
    add(&mut instance, "webhooks", webhooks(known.hooks, Some(id)));
    Ok(instance)
}

fn models(gateway: &Gateway, organization: &str, of_it: &str) -> Result<Vec<Value>, GatewayError> {
    let mut models = Vec::new();
    for row in gateway.list("/v1/model-configs", of_it)? {
        if text(&row, "organization_id") == organization {
            let id = plain(text(&row, "model_id"));
            models.push(gateway.get(&format!("/v1/model-configs/{id}/export?{of_it}"))?.body);
        }
    }
    Ok(models)
}

/// The keys of each person that are good.
fn persons_keys(gateway: &Gateway, persons: &[Value]) -> Result<Vec<Vec<Value>>, GatewayError> {
    let of = |person: &Value| {
        let query = format!("user_id={}", plain(text(person, "id")));
        named_keys(gateway, &query)
    };
    persons.iter().map(of).collect()
}

/// The keys of a holder that hold and can be called by their names.
fn named_keys(gateway: &Gateway, holder: &str) -> Result<Vec<Value>, GatewayError> {
    let mut keys = holding(&gateway.list(API_KEY.path, holder)?);
    keys.retain(|key| !text(key, "name").is_empty());
    Ok(keys)
}

fn webhooks(rows: &[Value], instance: Option<&str>) -> Vec<Value> {
    let here = |row: &&Value| row.get("instance_id").and_then(Value::as_str) == instance;
    rows.iter().filter(here).map(|row| Value::Object(with_id(&WEBHOOK, row))).collect()
}

/// The members of a row that a document has, in the order of the rules. Domains that nobody has set are left out: only
/// a superadmin may set them, and whoever applies the document later must not take them back.
fn written(resource: &Resource, row: &Value) -> Map<String, Value> {
    let names =
        std::iter::once(resource.name).chain(resource.fields.iter().map(|field| field.name));
    let members = names.filter_map(|name| Some((name.to_owned(), row.get(name)?.clone())));
    members.filter(|(name, value)| name != "email_domains" || !value.is_null()).collect()
}

fn with_id(resource: &Resource, row: &Value) -> Map<String, Value> {
    let id = ("id".to_owned(), text(row, "id").into());
    std::iter::once(id).chain(written(resource, row)).collect()
}

fn add(place: &mut Map<String, Value>, name: &str, entries: Vec<Value>) {
    if !entries.is_empty() {
        place.insert(name.to_owned(), Value::Array(entries));
    }
}

/// All limits and budgets of an organization.
struct Bounds {
    budgets: Vec<Value>,
    limits: Vec<Value>,
}

impl Bounds {
    fn read(gateway: &Gateway, of_it: &str) -> Result<Self, GatewayError> {
        let budgets = gateway.list("/v1/budgets", of_it)?;
        Ok(Self { budgets, limits: gateway.list("/v1/limits", of_it)? })
    }

    fn at<'r>(
        rows: &'r [Value],
        scope: &str,
        id: &str,
        instance: Option<&str>,
    ) -> Option<&'r Value> {
        rows.iter().find(|row| {
            text(row, "scope") == scope
                && text(row, "scope_id") == id
                && instance.is_none_or(|instance| text(row, "instance_id") == instance)
        })
    }

    /// Adds what holds for a scope. `instance` tells scopes apart that have the same id in several.
    fn add(&self, scope: &str, id: &str, instance: Option<&str>, place: &mut Map<String, Value>) {
        if let Some(row) = Self::at(&self.limits, scope, id, instance) {
            let set = LIMITS.into_iter().filter_map(|name| {
                let amount = row.get(name).filter(|amount| !amount.is_null())?;
                Some((name.to_owned(), amount.clone()))
            });
            let mut limits: Map<String, Value> = set.collect();
            if row.get("shadow") == Some(&Value::Bool(true)) {
                limits.insert("shadow".to_owned(), true.into());
            }
            place.insert("limits".to_owned(), Value::Object(limits));
        }
        if let Some(row) = Self::at(&self.budgets, scope, id, instance) {
            let all = row.get("budgets").and_then(Value::as_array).into_iter().flatten();
            let all = all.map(|budget| {
                let named = BUDGET.into_iter();
                let named =
                    named.filter_map(|name| Some((name.to_owned(), budget.get(name)?.clone())));
                Value::Object(named.collect())
            });
            add(place, "budgets", all.collect());
        }
    }

    /// The ids of this kind of scope that have something in an instance.
    fn ids(&self, scope: &str, instance: &str) -> Vec<String> {
        let mut ids: Vec<String> = Vec::new();
        for row in self.limits.iter().chain(&self.budgets) {
            let is_here = text(row, "scope") == scope && text(row, "instance_id") == instance;
            let id = text(row, "scope_id");
            if is_here && !ids.iter().any(|known| known == id) {
                ids.push(id.to_owned());
            }
        }
        ids
    }
}
