//! The models that a key may call for text and vectors, as rows.

use de_core::{
    caller::Caller,
    http::error::{ApiError, Code},
    ids::ModelId,
    model::{Modality, ModelConfig, Status},
    ports::{Platform, rows},
    store::{
        models::{ModelQuery, ModelRow, ResolvedRow, list as list_models, resolve},
        pages::PageQuery,
        provider_keys::{self, ProviderKeyRow},
    },
};

/// How many pages of 200 are read: more models than that are not listed.
const PAGES: usize = 10;

/// A model that is offered.
pub(crate) struct Offered {
    pub(crate) config: ModelConfig,
    pub(crate) row: ModelRow,
}

/// All of them, by id. `current` must have been asked of the caller.
///
/// What cannot be called is not offered: no code for its protocol, no key for its provider, or a row that
/// cannot be read, which hurts no other.
pub(crate) async fn all(platform: &Platform, caller: &Caller) -> Result<Vec<Offered>, ApiError> {
    let mut models = Vec::new();
    let mut after = None;
    for _ in 0..PAGES {
        let query = ModelQuery {
            allowed: caller.key().allowed_models.as_deref(),
            organization: Some(caller.organization_id()),
            page: PageQuery { after, limit: 200 },
            without_disabled: true,
            ..ModelQuery::default()
        };
        let read: Vec<ModelRow> = rows(&*platform.database, list_models(&query)).await?;
        let full = read.len() > 200;
        let page = query.page.page(read, |row| row.model_id.as_str());
        after = page.data.last().map(|row| row.model_id.as_str().to_owned());
        models.extend(page.data);
        if !full {
            break;
        }
    }
    let keys: Vec<ProviderKeyRow> =
        rows(&*platform.database, provider_keys::of_instance(caller.instance_id())).await?;
    let has_key = |config: &ModelConfig| {
        keys.iter().any(|key| key.provider_id == config.provider_id && key.is_usable())
    };
    let configs = models.into_iter().filter_map(|row| {
        let config = row.parse().ok()?;
        Some(Offered { config, row })
    });
    let callable = |offered: &Offered| {
        let config = &offered.config;
        config.protocol.is_built_for(Modality::Text)
            && config.works_in(Modality::Text)
            && has_key(config)
    };
    Ok(configs.filter(callable).collect())
}

/// The one that a call by this name would be for, whatever it works in: by its id, or by an alias. `current` must
/// have been asked of the caller, as that asks the Limiter how old the copy is.
///
/// # Errors
/// `MODEL_NOT_FOUND`, `MODEL_NOT_ALLOWED`.
pub(crate) async fn named(
    platform: &Platform,
    caller: &Caller,
    name: &str,
) -> Result<Offered, ApiError> {
    let unknown = || ApiError::new(Code::ModelNotFound, "there is no such model");
    ModelId::parse(name).map_err(|_| unknown())?;
    let (organization, instance) = (caller.organization_id(), caller.instance_id());
    let found = resolve(name, Some(organization), Some(instance));
    let mut found: Vec<ResolvedRow> = rows(&*platform.database, found).await?;
    let row = found.pop().ok_or_else(unknown)?.model;
    let config = row.parse().map_err(|_| unknown())?;
    if config.status == Status::Disabled {
        return Err(unknown());
    }
    caller.may_call(&config.model_id)?;
    Ok(Offered { config, row })
}

impl Offered {
    /// Whether it works, and is not for new use.
    pub(crate) fn is_deprecated(&self) -> bool {
        self.config.status == Status::Deprecated
    }
}
