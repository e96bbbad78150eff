//! A file, member by member, with the place of everything that is wrong.

use de_core::{bundle, json::type_name, protocols::FieldIssue};
use serde_json::{Map, Value, json};

use super::{
    API_KEY, ApiKey, Bounds, FORMAT_VERSION, Grant, INSTANCE, Instance, ORGANIZATION, Organization,
    PROJECT, PROVIDER, PersonsKey, Project, ProviderKey, Resource, Row, Source, Tenant, USER, User,
    WEBHOOK, rules::text_of,
};

/// The limits of a scope, by name.
const LIMITS: [&str; 7] = [
    "requests_per_minute",
    "requests_per_hour",
    "requests_per_day",
    "tokens_per_minute",
    "tokens_per_hour",
    "tokens_per_day",
    "concurrent",
];
const PERIODS: [&str; 4] = ["day", "week", "month", "total"];
const ROLES: [&str; 4] = ["owner", "admin", "user", "readonly"];
/// The largest limit and budget.
const MOST: u64 = 1 << 40;

pub(super) fn tenant(value: Value) -> Result<Tenant, Vec<FieldIssue>> {
    let mut issues = Vec::new();
    let mut members = Members::of(value, String::new(), &mut issues);
    members.version();
    let mut tenant = Tenant::default();
    match members.take("organization") {
        None => members.wrong("organization", "is required"),
        Some(value) => tenant.organization = organization(members.below("organization", value)),
    }
    tenant.providers = members.each("providers", |members| members.row(&PROVIDER));
    tenant.models = members.models();
    tenant.users = members.each("users", user);
    tenant.instances = members.each("instances", instance);
    tenant.webhooks = members.each("webhooks", |members| members.row(&WEBHOOK));
    members.finish();
    unique(&tenant, &mut issues);
    if issues.is_empty() { Ok(tenant) } else { Err(issues) }
}

fn organization(mut members: Members<'_>) -> Organization {
    let bounds = members.bounds();
    let mut row = members.row(&ORGANIZATION);
    if let Some(Value::Array(domains)) = row.fields.get_mut("email_domains") {
        for domain in domains {
            *domain = domain.as_str().unwrap_or_default().to_lowercase().into();
        }
    }
    members.finish();
    Organization { bounds, row }
}

fn user(members: &mut Members<'_>) -> User {
    let api_keys = members.each("api_keys", |members| api_key(members, false));
    let mut row = members.row(&USER);
    row.name = row.name.to_lowercase();
    if let Some(email) = row.fields.get_mut("email") {
        *email = row.name.clone().into();
    }
    User { api_keys, row }
}

fn api_key(members: &mut Members<'_>, has_bounds: bool) -> ApiKey {
    // A person's key acts in several instances, and what holds for it stands there.
    let bounds = if has_bounds { members.bounds() } else { Bounds::default() };
    ApiKey { bounds, row: members.row(&API_KEY) }
}

fn instance(members: &mut Members<'_>) -> Instance {
    let projects = members.each("projects", |members| {
        let api_keys = members.each("api_keys", |members| api_key(members, true));
        let bounds = members.bounds();
        Project { api_keys, bounds, row: members.row(&PROJECT) }
    });
    let grants = members.each("grants", |members| Grant {
        email: members.needed_text("email", 320).to_lowercase(),
        place: members.place.clone(),
        role: members.word("role", &ROLES),
    });
    let of = |name: &'static str| {
        move |members: &mut Members<'_>| (members.needed_text(name, 100), members.bounds())
    };
    let key_bounds = members.each("key_limits", |members| {
        let email = members.needed_text("email", 320).to_lowercase();
        let name = members.needed_text("key", 200);
        (PersonsKey { email, name }, members.bounds())
    });
    Instance {
        bounds: members.bounds(),
        grants,
        key_bounds,
        model_bounds: members.each("model_limits", of("model_id")),
        projects,
        provider_bounds: members.each("provider_limits", of("provider_id")),
        provider_keys: members.provider_keys(),
        webhooks: members.each("webhooks", |members| members.row(&WEBHOOK)),
        row: members.row(&INSTANCE),
    }
}

/// Complains about what stands twice: it could not be told which of both is meant.
fn unique(tenant: &Tenant, issues: &mut Vec<FieldIssue>) {
    let mut check = |rows: Vec<&Row>, name: &str| {
        for (index, row) in rows.iter().enumerate() {
            let is_named = !row.name.is_empty();
            if is_named && rows.iter().take(index).any(|other| other.name == row.name) {
                let pointer = format!("{}/{name}", row.place);
                issues.push(FieldIssue { pointer, reason: "stands twice".to_owned() });
            }
        }
    };
    check(tenant.providers.iter().collect(), "id");
    check(tenant.users.iter().map(|user| &user.row).collect(), "email");
    check(tenant.instances.iter().map(|instance| &instance.row).collect(), "name");
    check(tenant.webhooks.iter().collect(), "url");
    for user in &tenant.users {
        check(user.api_keys.iter().map(|key| &key.row).collect(), "name");
    }
    for instance in &tenant.instances {
        check(instance.webhooks.iter().collect(), "url");
        check(instance.projects.iter().map(|project| &project.row).collect(), "name");
        for project in &instance.projects {
            check(project.api_keys.iter().map(|key| &key.row).collect(), "name");
        }
    }
}

/// The members of one object that have not been read yet.
struct Members<'a> {
    issues: &'a mut Vec<FieldIssue>,
    known: Vec<&'static str>,
    /// A JSON Pointer.
    place: String,
    rest: Map<String, Value>,
}

impl<'a> Members<'a> {
    fn of(value: Value, place: String, issues: &'a mut Vec<FieldIssue>) -> Self {
        let rest = match value {
            Value::Object(members) => members,
            other => {
                let reason = format!("expected an object, found {}", type_name(&other));
                issues.push(FieldIssue { pointer: place.clone(), reason });
                Map::new()
            }
        };
        Self { issues, known: Vec::new(), place, rest }
    }

    fn below(&mut self, name: &str, value: Value) -> Members<'_> {
        let place = format!("{}/{name}", self.place);
        Members::of(value, place, self.issues)
    }

    fn wrong(&mut self, name: &str, reason: &str) {
        let pointer = format!("{}/{}", self.place, name.replace('~', "~0").replace('/', "~1"));
        self.issues.push(FieldIssue { pointer, reason: reason.to_owned() });
    }

    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.rest.shift_remove(name)
    }

    /// Complains about members that nobody has read.
    fn finish(mut self) {
        let names: Vec<String> = self.rest.keys().cloned().collect();
        for name in names {
            let reason = format!("unknown; there are {}", self.known.join(", "));
            self.wrong(&name, &reason);
        }
    }

    fn version(&mut self) {
        let told = self.take("format_version");
        if told.as_ref().and_then(Value::as_u64) != Some(FORMAT_VERSION) {
            let reason = format!("expected {FORMAT_VERSION}, the form that this program reads");
            self.wrong("format_version", &reason);
        }
    }

    fn needed_text(&mut self, name: &'static str, most: usize) -> String {
        let told = match self.take(name) {
            None => Err("is required".to_owned()),
            Some(Value::String(text)) => text_of(most, text),
            Some(other) => Err(format!("expected text, found {}", type_name(&other))),
        };
        told.unwrap_or_else(|reason| {
            self.wrong(name, &reason);
            String::new()
        })
    }

    fn word(&mut self, name: &'static str, words: &[&str]) -> String {
        match self.take(name) {
            Some(Value::String(word)) if words.contains(&word.as_str()) => word,
            _ => {
                self.wrong(name, &format!("expected {}", words.join(" or ")));
                String::new()
            }
        }
    }

    /// A list of objects.
    fn each<T>(&mut self, name: &'static str, read: impl Fn(&mut Members<'_>) -> T) -> Vec<T> {
        let entries = match self.take(name) {
            None => return Vec::new(),
            Some(Value::Array(entries)) => entries,
            Some(other) => {
                self.wrong(name, &format!("expected a list, found {}", type_name(&other)));
                return Vec::new();
            }
        };
        let mut all = Vec::with_capacity(entries.len());
        for (index, entry) in entries.into_iter().enumerate() {
            let mut members = self.below(&format!("{name}/{index}"), entry);
            all.push(read(&mut members));
            members.finish();
        }
        all
    }

    /// The members of a row of a resource. Others are left to be read or complained about.
    fn row(&mut self, resource: &Resource) -> Row {
        let mut row = Row { place: self.place.clone(), ..Row::default() };
        if !resource.id_prefix.is_empty() {
            row.id = self.id(resource.id_prefix);
        }
        // Where the id is known the name may stay as it is, unless it is what a file calls the row by.
        let may_miss = row.id.is_some() && resource.name == "name";
        if !may_miss || self.rest.contains_key("name") {
            row.name = self.needed_text(resource.name, resource.longest_name);
            row.fields.insert(resource.name.to_owned(), row.name.clone().into());
        }
        for field in resource.fields {
            match self.take(field.name).map(|value| field.read(value)) {
                None => {}
                Some(Ok(value)) => {
                    row.fields.insert(field.name.to_owned(), value);
                }
                Some(Err(reason)) => self.wrong(field.name, &reason),
            }
        }
        row
    }

    fn id(&mut self, prefix: &str) -> Option<String> {
        match self.take("id")? {
            Value::String(id) if id.starts_with(prefix) && id.len() > prefix.len() => Some(id),
            _ => {
                self.wrong("id", &format!("expected an id: {prefix}…"));
                None
            }
        }
    }

    /// `limits` and `budgets`.
    fn bounds(&mut self) -> Bounds {
        let mut bounds = Bounds { place: self.place.clone(), ..Bounds::default() };
        if let Some(value) = self.take("limits") {
            let mut members = self.below("limits", value);
            for name in LIMITS {
                if let Some(value) = members.take(name) {
                    if value.is_null() || value.as_u64().is_some_and(|amount| amount <= MOST) {
                        bounds.limits.insert(name.to_owned(), value);
                    } else {
                        let reason = format!("expected a whole number from 0 to {MOST}, or null");
                        members.wrong(name, &reason);
                    }
                }
            }
            let shadow = members.flag("shadow");
            bounds.limits.extend(shadow.map(|shadow| ("shadow".to_owned(), shadow.into())));
            members.finish();
        }
        bounds.budgets = self.each("budgets", budget);
        for (index, budget) in bounds.budgets.iter().enumerate() {
            let same = |other: &Map<String, Value>| other.get("period") == budget.get("period");
            if bounds.budgets.iter().take(index).any(same) {
                let pointer = format!("{}/budgets/{index}/period", self.place);
                self.issues.push(FieldIssue { pointer, reason: "stands twice".to_owned() });
            }
        }
        bounds
    }

    fn flag(&mut self, name: &'static str) -> Option<bool> {
        match self.take(name)? {
            Value::Bool(flag) => Some(flag),
            Value::Null => Some(false),
            _ => {
                self.wrong(name, "expected true or false");
                None
            }
        }
    }

    fn models(&mut self) -> Vec<Value> {
        let Some(models) = self.take("models") else { return Vec::new() };
        let Value::Array(models) = models else {
            self.wrong("models", "expected a list");
            return Vec::new();
        };
        match bundle::read(json!({"models": models})) {
            Ok(bundle) => {
                for entry in bundle.models {
                    let wrong = entry.read.err().into_iter().flatten();
                    self.issues.extend(wrong.map(|issue| FieldIssue {
                        pointer: format!("{}{}", entry.place, issue.pointer),
                        reason: issue.reason,
                    }));
                }
            }
            Err(issues) => self.issues.extend(issues),
        }
        models
    }

    fn provider_keys(&mut self) -> Vec<ProviderKey> {
        let Some(value) = self.take("provider_keys") else { return Vec::new() };
        let Members { rest, place, .. } = self.below("provider_keys", value);
        let mut keys = Vec::new();
        for (provider_id, told) in rest {
            let pointer = format!("{place}/{provider_id}");
            match source(told) {
                Ok(source) => keys.push(ProviderKey { place: pointer, provider_id, source }),
                Err(reason) => {
                    self.issues.push(FieldIssue { pointer, reason: reason.to_owned() });
                }
            }
        }
        keys
    }
}

/// Where a vendor's key comes from. A refusal does not repeat what stands there: it may be a key.
fn source(value: Value) -> Result<Option<Source>, &'static str> {
    const EXPECTED: &str = "a key has no place in a file; expected is where it comes from: \
        {\"env\": \"OPENAI_API_KEY\"}, {\"stdin\": \"OPENAI_API_KEY\"}, or {} to set it by hand";
    let Value::Object(members) = value else { return Err(EXPECTED) };
    let mut members = members.into_iter();
    let source = match members.next() {
        None => return Ok(None),
        Some((kind, Value::String(name))) if is_variable(&name) => match kind.as_str() {
            "env" => Source::Environment(name),
            "stdin" => Source::StandardInput(name),
            _ => return Err(EXPECTED),
        },
        Some(_) => return Err(EXPECTED),
    };
    if members.next().is_some() { Err(EXPECTED) } else { Ok(Some(source)) }
}

fn is_variable(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    !name.is_empty() && name.len() <= 100 && name.bytes().all(is_word)
}

fn budget(members: &mut Members<'_>) -> Map<String, Value> {
    let mut budget = Map::new();
    budget.insert("period".to_owned(), members.word("period", &PERIODS).into());
    match members.take("amount_micros") {
        Some(amount) if amount.as_u64().is_some_and(|amount| amount <= MOST) => {
            budget.insert("amount_micros".to_owned(), amount);
        }
        _ => {
            let reason = format!("expected micro-dollars from 0 to {MOST}");
            members.wrong("amount_micros", &reason);
        }
    }
    match members.take("alerts") {
        None => {}
        Some(Value::Array(percents)) if percents.iter().all(is_percent) => {
            budget.insert("alerts".to_owned(), percents.into());
        }
        Some(_) => members.wrong("alerts", "expected a list of whole percents from 1 to 100"),
    }
    let shadow = members.flag("shadow");
    budget.extend(shadow.map(|shadow| ("shadow".to_owned(), shadow.into())));
    match members.take("release_after_h") {
        None => {}
        Some(hours) if hours.is_null() || hours.as_u64().is_some_and(|hours| hours > 0) => {
            budget.insert("release_after_h".to_owned(), hours);
        }
        Some(_) => members.wrong("release_after_h", "expected whole hours, or null"),
    }
    budget
}

fn is_percent(value: &Value) -> bool {
    value.as_u64().is_some_and(|percent| (1..=100).contains(&percent))
}
