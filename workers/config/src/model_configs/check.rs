//! What models say of other rows: their provider, their fallbacks, their names.
//!
//! Fallbacks of fallbacks are not followed, so two models may serve for one another. Nor is the split of one that
//! shares another's calls, so there are no circles, and a model may have a part of its own calls.

use std::collections::BTreeMap;

use de_core::{
    http::error::{ApiError, Code},
    ids::{ModelId, OrganizationId, ProviderId},
    model::{Modality, ModelConfig, Status, check::with_provider},
    ports::{Platform, row, rows},
    protocols::FieldIssue,
    store::{
        models::{self, ModelRow, names::NamedRow},
        providers::{self, Provider, ProviderRow},
    },
};

/// Words that stand where ids of models do.
const RESERVED: [&str; 2] = ["import", "preview"];

/// What is wrong with one model.
#[derive(Default)]
pub(super) struct Issues {
    /// What it says cannot be.
    pub(super) fields: Vec<FieldIssue>,
    /// What it wants to be called is something else's name.
    pub(super) taken: Vec<FieldIssue>,
}

impl Issues {
    /// Nothing if all is well.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` with everything, `CONFLICT` if names alone are the matter.
    pub(super) fn refuse(mut self) -> Result<(), ApiError> {
        if !self.fields.is_empty() {
            self.fields.append(&mut self.taken);
            return Err(ApiError::fields(&self.fields));
        }
        let Some(first) = self.taken.first() else { return Ok(()) };
        let refused = ApiError::new(Code::Conflict, first.reason.clone());
        let places: Vec<&str> = self.taken.iter().map(|issue| issue.pointer.as_str()).collect();
        Err(refused.with("field", first.pointer.clone()).with("fields", places))
    }

    /// All of them.
    pub(super) fn all(self) -> Vec<FieldIssue> {
        [self.fields, self.taken].concat()
    }
}

/// Checks one model that is to be saved over `before`, or as a new one.
pub(super) async fn one(
    platform: &Platform,
    organization: Option<&OrganizationId>,
    config: &ModelConfig,
    before: Option<&ModelRow>,
) -> Result<(), ApiError> {
    let new = New { configs: std::slice::from_ref(config), providers: &[] };
    let checked = all(platform, organization, new).await?;
    let mut issues = checked.into_iter().next().unwrap_or_default();
    if before.is_some() {
        issues.taken.retain(|issue| issue.pointer != "/model_id");
    }
    issues.refuse()
}

/// What is to be saved together.
#[derive(Clone, Copy)]
pub(super) struct New<'a> {
    /// Models; they may name each other.
    pub(super) configs: &'a [ModelConfig],
    /// Providers that come with them.
    pub(super) providers: &'a [Provider],
}

/// Checks models that are to be saved at once: one [`Issues`] for each, in their order. A model that is
/// there already is an issue of `taken` under `/model_id`.
pub(super) async fn all(
    platform: &Platform,
    organization: Option<&OrganizationId>,
    new: New<'_>,
) -> Result<Vec<Issues>, ApiError> {
    let world = World::read(platform, organization, new).await?;
    let check = |config: &ModelConfig| {
        let provider = world.providers.get(&config.provider_id);
        let mut issues = Issues {
            fields: with_provider(config, provider, &platform.settings),
            taken: world.taken(config, organization),
        };
        issues.fields.extend(world.fallbacks(config));
        issues.fields.extend(world.split(config));
        if RESERVED.contains(&config.model_id.as_str()) {
            let reason = "is a word of this API, and no id".to_owned();
            issues.fields.push(FieldIssue { pointer: "/model_id".to_owned(), reason });
        }
        issues
    };
    Ok(new.configs.iter().map(check).collect())
}

/// The rows that models may name, as they will be.
struct World {
    named: Vec<NamedRow>,
    providers: BTreeMap<ProviderId, Provider>,
}

impl World {
    async fn read(
        platform: &Platform,
        organization: Option<&OrganizationId>,
        new: New<'_>,
    ) -> Result<Self, ApiError> {
        let mut names = Vec::new();
        let mut wanted: Vec<&ProviderId> = Vec::new();
        for config in new.configs {
            names.push(config.model_id.clone());
            names.extend(config.aliases.iter().cloned());
            names.extend(config.fallbacks.iter().map(|fallback| fallback.model_id.clone()));
            names.extend(config.routing.split.iter().map(|portion| portion.model_id.clone()));
            if !wanted.contains(&&config.provider_id) {
                wanted.push(&config.provider_id);
            }
        }
        let mut batch = vec![models::names::named(&names, organization)];
        batch.extend(wanted.into_iter().map(|id| providers::find(id, organization)));
        let mut answers = platform.database.batch(batch).await?.into_iter();
        let named = answers.next().unwrap_or_default();
        let mut named: Vec<NamedRow> = named.into_iter().map(row).collect::<Result<_, _>>()?;
        // The aliases that these models have had are free.
        named.retain(|named| {
            let own = named.organization_id.as_ref() == organization;
            let saved = new.configs.iter().any(|config| config.model_id == named.model_id);
            !(named.is_alias && own && saved)
        });
        for config in new.configs {
            named.extend(names_of(config, organization));
        }
        let mut providers = BTreeMap::new();
        for found in answers.flatten() {
            let found = Provider::from(row::<ProviderRow>(found)?);
            providers.insert(found.id.clone(), found);
        }
        for provider in new.providers {
            providers.insert(provider.id.clone(), provider.clone());
        }
        Ok(Self { named, providers })
    }

    /// The names of a model that are something else's, of the same owner.
    fn taken(
        &self,
        config: &ModelConfig,
        organization: Option<&OrganizationId>,
    ) -> Vec<FieldIssue> {
        let of_owner: Vec<&NamedRow> = self
            .named
            .iter()
            .filter(|named| named.organization_id.as_ref() == organization)
            .collect();
        let id = &config.model_id;
        let mut taken = Vec::new();
        // Itself stands among them, as it will be; once more, it is there already.
        let ids = of_owner.iter().filter(|named| !named.is_alias && named.name == *id).count();
        if ids > 1 {
            let reason = format!("there is a model {id} already");
            taken.push(FieldIssue { pointer: "/model_id".to_owned(), reason });
        }
        let own = std::iter::once(("/model_id".to_owned(), id));
        let aliases = config.aliases.iter().enumerate();
        let names = own.chain(aliases.map(|(index, alias)| (format!("/aliases/{index}"), alias)));
        for (pointer, name) in names {
            let other = of_owner.iter().find(|named| named.name == *name && named.model_id != *id);
            if let Some(other) = other {
                let what = if other.is_alias { "an alias" } else { "the id" };
                let reason = format!("{name} is {what} of the model {}", other.model_id);
                taken.push(FieldIssue { pointer, reason });
            }
        }
        taken
    }

    /// What is wrong with the models that serve when this one cannot.
    fn fallbacks(&self, config: &ModelConfig) -> Vec<FieldIssue> {
        let mut issues = Vec::new();
        for (index, name) in config.fallbacks.iter().map(|own| &own.model_id).enumerate() {
            let reason = match self.serves(config, name) {
                Err(reason) => reason,
                Ok(found) if found.model_id == config.model_id => "is the model itself".to_owned(),
                Ok(_) => continue,
            };
            issues.push(FieldIssue { pointer: format!("/fallbacks/{index}"), reason });
        }
        issues
    }

    /// What is wrong with the models that share the calls of this one.
    fn split(&self, config: &ModelConfig) -> Vec<FieldIssue> {
        let mut issues = Vec::new();
        let mut known: Vec<&ModelId> = Vec::new();
        for (index, name) in config.routing.split.iter().map(|own| &own.model_id).enumerate() {
            let reason = match self.serves(config, name) {
                Err(reason) => reason,
                Ok(found) if known.contains(&&found.model_id) => {
                    format!("is {}, which stands here twice", found.model_id)
                }
                Ok(found) => {
                    known.push(&found.model_id);
                    continue;
                }
            };
            issues.push(FieldIssue { pointer: format!("/routing/split/{index}/model_id"), reason });
        }
        issues
    }

    /// The model of a name, if it can serve in place of this one; else why not.
    fn serves(&self, config: &ModelConfig, name: &ModelId) -> Result<&NamedRow, String> {
        let found = self.named.iter().filter(|named| named.name == *name);
        let found = found.min_by_key(|named| named.rank());
        let found = found.ok_or_else(|| format!("there is no model {name}"))?;
        let (theirs, modalities) = (found.modalities(), config.modalities());
        if theirs.iter().any(|modality| modalities.contains(modality)) {
            return Ok(found);
        }
        Err(format!("{name} makes {}, not {}", words(&theirs), words(&modalities)))
    }
}

/// Refuses new default models of an instance that are not there, not to be called, on their way out, or of
/// another modality than they are the default of.
pub(crate) async fn may_be_defaults(
    platform: &Platform,
    organization: &OrganizationId,
    defaults: &BTreeMap<String, ModelId>,
) -> Result<(), ApiError> {
    if defaults.is_empty() {
        return Ok(());
    }
    let names: Vec<ModelId> = defaults.values().cloned().collect();
    let named: Vec<NamedRow> =
        rows(&*platform.database, models::names::named(&names, Some(organization))).await?;
    let mut issues = Vec::new();
    for (modality, name) in defaults {
        let found = named.iter().filter(|named| named.name == *name);
        let reason = match found.min_by_key(|named| named.rank()) {
            None => format!("there is no model {name}"),
            Some(found) => match found.status {
                Status::Disabled => format!("the model {name} is disabled"),
                Status::Deprecated => format!("the model {name} is deprecated: choose another one"),
                Status::Active | Status::Beta => {
                    let theirs = found.modalities();
                    if theirs.iter().any(|theirs| theirs.as_str() == modality) {
                        continue;
                    }
                    format!("{name} makes {}, not {modality}", words(&theirs))
                }
            },
        };
        issues.push(FieldIssue { pointer: format!("/default_models/{modality}"), reason });
    }
    if issues.is_empty() { Ok(()) } else { Err(ApiError::fields(&issues)) }
}

/// Finds the provider that a model of this organization would be called at.
pub(super) async fn provider_of(
    platform: &Platform,
    organization: Option<&OrganizationId>,
    id: &ProviderId,
) -> Result<Option<Provider>, ApiError> {
    let found: Vec<ProviderRow> =
        rows(&*platform.database, providers::find(id, organization)).await?;
    Ok(found.into_iter().next().map(Provider::from))
}

/// What a model will answer to.
fn names_of(config: &ModelConfig, organization: Option<&OrganizationId>) -> Vec<NamedRow> {
    let works_in = |modality| config.works_in(modality);
    let named = |name: &ModelId, is_alias| NamedRow {
        is_alias,
        is_audio: works_in(Modality::Audio),
        is_image: works_in(Modality::Image),
        is_text: works_in(Modality::Text),
        is_video: works_in(Modality::Video),
        model_id: config.model_id.clone(),
        name: name.clone(),
        organization_id: organization.cloned(),
        status: config.status,
    };
    let aliases = config.aliases.iter().map(|alias| named(alias, true));
    std::iter::once(named(&config.model_id, false)).chain(aliases).collect()
}

fn words(modalities: &[Modality]) -> String {
    let words: Vec<&str> = modalities.iter().map(|modality| modality.as_str()).collect();
    words.join(" and ")
}
