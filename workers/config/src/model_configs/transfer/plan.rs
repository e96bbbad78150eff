//! What becomes of each entry of a file, before anything is saved.

use std::collections::{BTreeMap, BTreeSet};

use de_core::{
    bundle::{Bundle, Entry},
    http::error::ApiError,
    ids::{ModelId, OrganizationId},
    model::ModelConfig,
    ports::{Platform, Statement, row, rows},
    protocols::FieldIssue,
    store::{
        models::{self, ModelRow, Saving, names::NamedBy, versions::LatestRow},
        providers::{self, Provider},
    },
};

use super::{Imported, ImportedEntry, Outcome};
use crate::{
    model_configs::{change, check, naming, shown, value},
    resource::{Change, Request, later},
};

/// What an import will do.
pub(super) struct Plan {
    /// What is wrong, by the place of the entry.
    pub(super) issues: BTreeMap<String, Vec<FieldIssue>>,
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
    /// Reads what there is, and checks what there will be.
    pub(super) async fn of(
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
        plan.spare(platform).await?;
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

    /// Notes who would miss what the file takes from models that are there. What it gives to another
    /// model of it is not missed, and who comes in it is checked as they will be.
    async fn spare(&mut self, platform: &Platform) -> Result<(), ApiError> {
        let new = || self.models.iter().filter_map(|planned| planned.new.as_ref());
        let mut found: Vec<(String, FieldIssue)> = Vec::new();
        for planned in self.models.iter().filter(|planned| planned.outcome == Outcome::Update) {
            let (Some(before), Some(config)) = (&planned.before, &planned.new) else { continue };
            let Some(taken) = naming::taken(before, config) else { continue };
            for namer in naming::missing(platform, before, &taken).await? {
                let is_own = namer.organization_id == before.organization_id;
                let comes = namer.kind == "fallback"
                    && is_own
                    && new().any(|config| config.model_id.as_str() == namer.id);
                let others = new().filter(|other| other.model_id != config.model_id);
                let given = others.into_iter().any(|other| {
                    other.model_id == namer.name || other.aliases.contains(&namer.name)
                });
                if comes || given {
                    continue;
                }
                let NamedBy { id, kind, name, .. } = &namer;
                let reason = if kind == "fallback" {
                    format!("the model {id} falls back to {name}; change that first")
                } else {
                    format!("the instance {id} has {name} as a default; change that first")
                };
                let member = if taken.kept.contains(name) { "capabilities" } else { "aliases" };
                let issue = FieldIssue { pointer: format!("/{member}"), reason };
                found.push((planned.place.clone(), placed(&planned.place, issue)));
            }
        }
        for (place, issue) in found {
            self.issues.entry(place).or_default().push(issue);
        }
        Ok(())
    }

    /// Whether everything is there already.
    pub(super) fn is_idle(&self) -> bool {
        let models = self.models.iter().map(|planned| planned.outcome);
        let providers = self.providers.iter().map(|planned| planned.outcome);
        models.chain(providers).all(|outcome| outcome == Outcome::Unchanged)
    }

    /// What is told of it.
    pub(super) fn report(&self, dry_run: bool) -> Imported {
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

    /// The statements that do it; each entry has an event of its own beside that of the import.
    pub(super) fn batch(
        &self,
        request: &Request<'_>,
        event: &str,
        saving: Saving<'_>,
    ) -> Vec<Statement> {
        let mut batch = Vec::new();
        for planned in &self.providers {
            if let (Outcome::Create, Some(provider)) = (planned.outcome, &planned.new) {
                let row = provider.clone().into_row(saving.organization.cloned(), saving.now);
                batch.push(request.record(crate::providers::created(&row)));
                batch.push(providers::insert(&row));
            }
        }
        for planned in self.models.iter().filter(|planned| planned.outcome == Outcome::Update) {
            let id = planned.new.as_ref().map(|config| &config.model_id);
            batch.extend(id.map(|id| models::free_aliases(id, saving.organization)));
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
    let wanted =
        vec![models::find_all(&ids, organization), models::versions::latest(&ids, organization)];
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

/// Providers come in where the organization sees none of their ids. One that is there already, its own or
/// a shared one, is neither changed by a file of models nor set aside: it says where keys go.
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
        let found = found.into_iter().next().map(Provider::from);
        if found.as_ref() == Some(provider) {
            entry.outcome = Outcome::Unchanged;
        } else if found.is_some() {
            let reason = format!("there is another provider {} already", provider.id);
            let pointer = entry.place.clone();
            issues.insert(entry.place.clone(), vec![FieldIssue { pointer, reason }]);
        } else {
            let found = crate::providers::issues(provider, platform)?;
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
