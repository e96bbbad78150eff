//! Models as files: out one at a time, in as many as a file holds, all of them or none.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use de_core::{
    bundle::{self, Bundle, Entry},
    http::{
        error::{ApiError, Code},
        extract::{AdminBody, Incoming, PathText},
        routes::Allowed,
    },
    ids::{ModelId, OrganizationId},
    model::ModelConfig,
    ports::{Platform, Statement, row, rows},
    protocols::FieldIssue,
    store::{
        models::{self, LatestRow, ModelRow, Saving},
        providers::{self, Provider},
    },
};
use http::{HeaderValue, header};
use serde::Serialize;
use serde_json::Value;

use super::{Owners, author, change, check, owners, shown, value};
use crate::resource::{Begun, Change, Created, Filters, Once, Request, later};

/// The most models, and the most providers, that come in at once.
const MOST: usize = 100;

/// Hands a model out as a file, in the form that an import reads.
pub(crate) async fn export(
    State(platform): State<Platform>,
    allowed: Allowed,
    PathText(id): PathText,
    filters: Filters,
) -> Result<Response, ApiError> {
    let row = owners(&allowed, filters)?.find(&platform, &id).await?;
    let config = row.parse().map_err(|issues| {
        let message = "the current version cannot be read, so there is nothing to export";
        ApiError::new(Code::Conflict, message).with("error", de_core::model::told(&issues))
    })?;
    // Wire types have string keys and finite numbers, so this cannot fail.
    let text = serde_json::to_string_pretty(&bundle::export(&config)).unwrap_or_default();
    let name = row.model_id.as_str().replace('/', "__").replace(':', "_");
    let mut response = (text + "\n").into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}.json\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// What an import has done, or what a dry run says that it would do.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct Imported {
    /// Whether nothing was saved, because that was asked for.
    dry_run: bool,
    /// One entry a model, in the order of the file.
    models: Vec<ImportedEntry>,
    /// One entry a provider, in the order of the file.
    providers: Vec<ImportedEntry>,
}

/// What becomes of one entry of a file.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct ImportedEntry {
    /// The model's or provider's id, as it stands there.
    id: Option<String>,
    /// `create`, `update` (a new version), `unchanged` or `refused`.
    outcome: Outcome,
    /// The model's version after it.
    version: Option<u64>,
    /// Why it is refused; pointers lead into the file.
    #[cfg_attr(not(target_family = "wasm"), schema(value_type = Vec<std::collections::BTreeMap<String, String>>))]
    issues: Vec<Value>,
}

/// What becomes of an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
enum Outcome {
    /// It is new.
    Create,
    /// It cannot be saved, and so nothing is.
    Refused,
    /// It is there as it stands in the file.
    Unchanged,
    /// It becomes the next version.
    Update,
}

/// Takes models in, and providers that are not there yet.
pub(crate) async fn import(
    State(platform): State<Platform>,
    allowed: Allowed,
    incoming: Incoming,
    mut filters: Filters,
    AdminBody(members): AdminBody,
) -> Result<Response, ApiError> {
    let named = filters.id("organization_id", OrganizationId::parse);
    let dry_run = filters.flag("dry_run");
    filters.finish()?;
    // The first owner is the one whose rows they become: the organization, or the catalogue.
    let organization = Owners::of(&allowed, named)?.0.into_iter().next().flatten();
    let organization = organization.as_ref();
    super::save::exists(&platform, organization).await?;
    let request = Request::of(&platform, &allowed, &incoming);
    let route = format!(
        "POST /v1/model-configs/import {}",
        organization.map_or("", OrganizationId::as_str)
    );
    let once = match Once::begin(&request, route, &members).await? {
        Begun::Again(answer) if !dry_run => return Ok(answer),
        Begun::Again(_) => {
            return Err(ApiError::new(Code::InvalidRequest, "a dry run takes no key"));
        }
        Begun::New(once) => once,
    };
    let file = bundle::read(Value::Object(members)).map_err(|issues| ApiError::fields(&issues))?;
    bounded(&file)?;
    let plan = Plan::of(&platform, organization, file).await?;
    let report = plan.report(dry_run);
    if dry_run {
        return Ok(Json(report).into_response());
    }
    if !plan.issues.is_empty() {
        let issues: Vec<FieldIssue> = plan.issues.values().flatten().cloned().collect();
        let report = value(&report);
        let of = |name: &str| report.get(name).cloned().unwrap_or_default();
        let refused = ApiError::fields(&issues);
        return Err(refused.with("models", of("models")).with("providers", of("providers")));
    }
    if plan.is_idle() {
        return Ok(Json(report).into_response());
    }
    let now = platform.clock.now();
    let made =
        Created { body: value(&report), location: "/v1/model-configs".to_owned(), updated_at: now };
    let change = Change {
        action: "model-config.import".to_owned(),
        after: Some(made.body.clone()),
        also: Vec::new(),
        before: None,
        owner: organization.cloned(),
        target: "model-configs".to_owned(),
    };
    let by = author(&allowed);
    let saving = Saving { by: &by, now, organization };
    request.create(once, change, made, |event| plan.batch(&request, event, saving)).await
}

fn bounded(file: &Bundle) -> Result<(), ApiError> {
    let counts = [("/models", file.models.len()), ("/providers", file.providers.len())];
    let over = counts.into_iter().filter(|(_, count)| *count > MOST);
    let issues: Vec<FieldIssue> = over
        .map(|(pointer, count)| FieldIssue {
            pointer: pointer.to_owned(),
            reason: format!("has {count} entries; at most {MOST} come in at once"),
        })
        .collect();
    if issues.is_empty() { Ok(()) } else { Err(ApiError::fields(&issues)) }
}

/// What an import will do.
struct Plan {
    /// What is wrong, by the place of the entry.
    issues: BTreeMap<String, Vec<FieldIssue>>,
    models: Vec<Planned<ModelConfig, ModelRow>>,
    providers: Vec<Planned<Provider, ()>>,
}

/// One entry of the file, what there was before, and what becomes of it.
struct Planned<T, B> {
    before: Option<B>,
    id: Option<String>,
    new: Option<T>,
    outcome: Outcome,
    place: String,
}

impl Plan {
    async fn of(
        platform: &Platform,
        organization: Option<&OrganizationId>,
        file: Bundle,
    ) -> Result<Self, ApiError> {
        let mut issues = BTreeMap::new();
        let read = read(file.models, &mut issues, |config| config.model_id.as_str());
        let providers = read_providers(platform, organization, file.providers, &mut issues).await?;
        let models = numbered(platform, organization, read).await?;
        let configs: Vec<ModelConfig> =
            models.iter().filter_map(|planned| planned.new.clone()).collect();
        let new: Vec<Provider> =
            providers.iter().filter_map(|planned| planned.new.clone()).collect();
        let checking = check::New { configs: &configs, providers: &new };
        let mut checked = check::all(platform, organization, checking).await?.into_iter();
        let mut plan = Self { issues, models, providers };
        for planned in &plan.models {
            if planned.new.is_none() {
                continue;
            }
            let mut found = checked.next().unwrap_or_default();
            if planned.before.is_some() {
                found.taken.retain(|issue| issue.pointer != "/model_id");
            }
            let found = found.all();
            if planned.outcome != Outcome::Unchanged && !found.is_empty() {
                let found = found.into_iter().map(|issue| placed(&planned.place, issue));
                plan.issues.entry(planned.place.clone()).or_default().extend(found);
            }
        }
        let refused = |place: &String| plan.issues.contains_key(place);
        for planned in &mut plan.models {
            if refused(&planned.place) {
                planned.outcome = Outcome::Refused;
            }
        }
        for planned in &mut plan.providers {
            if refused(&planned.place) {
                planned.outcome = Outcome::Refused;
            }
        }
        Ok(plan)
    }

    fn is_idle(&self) -> bool {
        let models = self.models.iter().map(|planned| planned.outcome);
        let providers = self.providers.iter().map(|planned| planned.outcome);
        models.chain(providers).all(|outcome| outcome == Outcome::Unchanged)
    }

    fn report(&self, dry_run: bool) -> Imported {
        let issues = |place: &str| {
            let told = |issue: &FieldIssue| serde_json::json!({"field": issue.pointer, "reason": issue.reason});
            self.issues.get(place).into_iter().flatten().map(told).collect()
        };
        let models = self.models.iter().map(|planned| ImportedEntry {
            id: planned.id.clone(),
            outcome: planned.outcome,
            version: planned.new.as_ref().map(|config| config.version),
            issues: issues(&planned.place),
        });
        let providers = self.providers.iter().map(|planned| ImportedEntry {
            id: planned.id.clone(),
            outcome: planned.outcome,
            version: None,
            issues: issues(&planned.place),
        });
        Imported { dry_run, models: models.collect(), providers: providers.collect() }
    }

    /// The statements that do it; each model has an event of its own beside that of the import.
    fn batch(&self, request: &Request<'_>, event: &str, saving: Saving<'_>) -> Vec<Statement> {
        let mut batch = Vec::new();
        for planned in &self.providers {
            if let (Outcome::Create, Some(provider)) = (planned.outcome, &planned.new) {
                batch.push(providers::put(provider, saving.organization, saving.now));
            }
        }
        for planned in &self.models {
            let Some(config) = &planned.new else { continue };
            let at =
                planned.before.as_ref().map_or(saving.now, |row| later(saving.now, row.updated_at));
            let row = ModelRow {
                config: config.to_row(),
                created_at: planned.before.as_ref().map_or(at, |row| row.created_at),
                model_id: config.model_id.clone(),
                organization_id: saving.organization.cloned(),
                updated_at: at,
                version: config.version,
            };
            let after = Some(value(&shown(&row)));
            match (planned.outcome, &planned.before) {
                (Outcome::Create, _) => {
                    batch.push(request.record(Change { after, ..change("create", &row) }));
                    batch.extend(models::insert(config, saving));
                }
                (Outcome::Update, Some(before)) => {
                    let was = Some(value(&shown(before)));
                    let told = Change { after, before: was, ..change("update", &row) };
                    batch.push(request.record(told));
                    let id = &config.model_id;
                    let owner = saving.organization;
                    batch.push(models::unchanged(event, id, owner, before.version));
                    batch.extend(models::update(config, Saving { now: at, ..saving }));
                }
                (Outcome::Refused | Outcome::Unchanged | Outcome::Update, _) => {}
            }
        }
        batch
    }
}

/// Takes what could be read out of entries, and notes what could not; an id that stands there twice too.
fn read<T, B>(
    entries: Vec<Entry<T>>,
    issues: &mut BTreeMap<String, Vec<FieldIssue>>,
    id: impl Fn(&T) -> &str,
) -> Vec<Planned<T, B>> {
    let mut seen = BTreeSet::new();
    let mut planned = Vec::new();
    for Entry { id: written, place, read } in entries {
        let new = match read {
            Ok(new) if seen.insert(id(&new).to_owned()) => Some(new),
            Ok(_) => {
                let reason = "stands in the file twice".to_owned();
                issues.insert(place.clone(), vec![FieldIssue { pointer: place.clone(), reason }]);
                None
            }
            Err(found) => {
                let found = found.into_iter().map(|issue| placed(&place, issue)).collect();
                issues.insert(place.clone(), found);
                None
            }
        };
        planned.push(Planned { before: None, id: written, new, outcome: Outcome::Create, place });
    }
    planned
}

/// The same with the rows that are there, and the versions that they become.
async fn numbered(
    platform: &Platform,
    organization: Option<&OrganizationId>,
    mut planned: Vec<Planned<ModelConfig, ModelRow>>,
) -> Result<Vec<Planned<ModelConfig, ModelRow>>, ApiError> {
    let ids: Vec<ModelId> =
        planned.iter().filter_map(|entry| Some(entry.new.as_ref()?.model_id.clone())).collect();
    let wanted = vec![models::find_all(&ids, organization), models::latest(&ids, organization)];
    let mut answers = platform.database.batch(wanted).await?;
    let latest = answers.pop().unwrap_or_default();
    let latest: Vec<LatestRow> = latest.into_iter().map(row).collect::<Result<_, _>>()?;
    let there = answers.pop().unwrap_or_default();
    let there: Vec<ModelRow> = there.into_iter().map(row).collect::<Result<_, _>>()?;
    let now = platform.clock.now();
    for entry in &mut planned {
        let Some(config) = entry.new.take() else { continue };
        let before = there.iter().find(|row| row.model_id == config.model_id);
        let latest = latest.iter().find(|row| row.model_id == config.model_id);
        let newest = latest.map_or(0, |row| row.version).max(before.map_or(0, |row| row.version));
        let mut config = ModelConfig { version: newest.saturating_add(1), ..config };
        if let Some(Ok(before)) = before.map(ModelRow::parse) {
            config = config.after(&before, now);
        }
        entry.outcome = match before {
            None => Outcome::Create,
            Some(before) if before.config == config.to_row() => {
                config.version = before.version;
                Outcome::Unchanged
            }
            Some(before) => {
                config.version = before.version.saturating_add(1);
                Outcome::Update
            }
        };
        entry.before = before.cloned();
        entry.new = Some(config);
    }
    Ok(planned)
}

/// Providers come in where there are none of their ids. One that is there already is not changed by a
/// file of models: it says where keys go.
async fn read_providers(
    platform: &Platform,
    organization: Option<&OrganizationId>,
    entries: Vec<Entry<Provider>>,
    issues: &mut BTreeMap<String, Vec<FieldIssue>>,
) -> Result<Vec<Planned<Provider, ()>>, ApiError> {
    let mut planned = read(entries, issues, |provider: &Provider| provider.id.as_str());
    for entry in &mut planned {
        let Some(provider) = &entry.new else { continue };
        let found: Vec<providers::ProviderRow> =
            rows(&*platform.database, providers::find(&provider.id, organization)).await?;
        let found = found.into_iter().next();
        let is_own = found.as_ref().is_some_and(|row| row.organization_id.as_ref() == organization);
        let found = found.map(check::provider);
        if found.as_ref() == Some(provider) {
            entry.outcome = Outcome::Unchanged;
        } else if is_own {
            let reason = format!("there is another provider {} already", provider.id);
            let pointer = entry.place.clone();
            issues.insert(entry.place.clone(), vec![FieldIssue { pointer, reason }]);
        } else {
            let ports = &platform.settings.loopback_ports;
            let found = check::provider_issues(provider, ports);
            if !found.is_empty() {
                let found = found.into_iter().map(|issue| placed(&entry.place, issue)).collect();
                issues.insert(entry.place.clone(), found);
            }
        }
    }
    Ok(planned)
}

fn placed(place: &str, issue: FieldIssue) -> FieldIssue {
    FieldIssue { pointer: format!("{place}{}", issue.pointer), reason: issue.reason }
}
