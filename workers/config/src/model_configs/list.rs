//! Models, listed and read.

use std::collections::BTreeSet;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    http::{error::ApiError, extract::PathText, routes::Allowed},
    ids::{OrganizationId, ProviderId},
    model::{Modality, ModelConfig, Status, in_one_line},
    ports::{Platform, rows},
    registry::Model,
    store::{
        models::{self, ModelQuery, ModelRow, versions::VersionRow},
        pages::{Page, PageQuery},
        providers::{self, ProviderRow},
    },
};

use super::{Owners, ShownModel, bad, owners, shown, tag, unknown};
use crate::resource::{Filters, with_tag};

/// Lists the shared models and an organization's own, by id.
pub(crate) async fn list(
    platform: Platform,
    allowed: Allowed,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let named = filters.id("organization_id", OrganizationId::parse);
    let modality = filters.one_of("type", Modality::parse, Modality::expected);
    let status = filters.one_of("status", Status::parse, Status::expected);
    let provider = filters.id("provider_id", ProviderId::parse);
    let page = filters.page();
    filters.finish()?;
    let owners = Owners::of(&allowed, named)?;
    let query = ModelQuery {
        modality,
        organization: owners.0.iter().flatten().next(),
        page,
        provider: provider.as_ref(),
        status,
        ..ModelQuery::default()
    };
    let read: Vec<ModelRow> = rows(&*platform.database, models::list(&query)).await?;
    let page = query.page.page(read, |row| row.model_id.as_str());
    let data = seen(&platform, query.organization, &page.data).await?;
    Ok(Json(Page { data, next_cursor: page.next_cursor }).into_response())
}

/// Shows one. A `/` in its id is percent-encoded.
pub(crate) async fn read(
    platform: Platform,
    allowed: Allowed,
    PathText(id): PathText,
    filters: Filters,
) -> Result<Response, ApiError> {
    let row = owners(&allowed, filters)?.find(&platform, &id).await?;
    let owner = row.organization_id.as_ref();
    let seen = seen(&platform, owner, std::slice::from_ref(&row)).await?;
    let seen = seen.into_iter().next().ok_or_else(unknown)?;
    Ok(with_tag(Json(seen).into_response(), &tag(&row)))
}

/// Shows rows, the organization's own or shared, and what serves for those that cannot be called: each as
/// its owner would call it.
async fn seen(
    platform: &Platform,
    organization: Option<&OrganizationId>,
    read: &[ModelRow],
) -> Result<Vec<ShownModel>, ApiError> {
    let mut configs: Vec<Result<ModelConfig, String>> =
        read.iter().map(|row| row.parse().map_err(|issues| in_one_line(&issues))).collect();
    let mut known = Known::default();
    known.learn(platform, organization, configs.iter().flatten()).await?;
    for (row, config) in read.iter().zip(&mut configs) {
        if let Ok(good) = config
            && let Err(reason) = known.compile(row, good)
        {
            *config = Err(reason);
        }
    }
    let broken: Vec<&ModelRow> = read
        .iter()
        .zip(&configs)
        .filter(|(_, config)| config.is_err())
        .map(|(row, _)| row)
        .collect();
    let mut serving = serving(platform, organization, known, &broken).await?.into_iter();
    let show = |(row, config): (&ModelRow, Result<ModelConfig, String>)| match config {
        Ok(_) => shown(row),
        Err(error) => bad(row, error, serving.next().flatten()),
    };
    Ok(read.iter().zip(configs).map(show).collect())
}

/// The version that serves for each of these rows, if any can.
async fn serving(
    platform: &Platform,
    organization: Option<&OrganizationId>,
    mut known: Known,
    broken: &[&ModelRow],
) -> Result<Vec<Option<u64>>, ApiError> {
    if broken.is_empty() {
        return Ok(Vec::new());
    }
    let newest = PageQuery { after: None, limit: 20 };
    let wanted = broken
        .iter()
        .map(|row| models::versions::list(&row.model_id, row.organization_id.as_ref(), &newest));
    let found = platform.database.batch(wanted.collect()).await?;
    let mut versions: Vec<Vec<ModelConfig>> = Vec::with_capacity(broken.len());
    for (row, found) in broken.iter().zip(found) {
        let found: Vec<VersionRow> =
            found.into_iter().map(de_core::ports::row).collect::<Result<_, _>>()?;
        let until = found.into_iter().filter(|version| version.version <= row.version).take(20);
        let read = until.filter_map(|VersionRow { config, version, .. }| {
            ModelRow { config, version, ..(*row).clone() }.parse().ok()
        });
        versions.push(read.collect());
    }
    known.learn(platform, organization, versions.iter().flatten()).await?;
    let serve = |(row, versions): (&&ModelRow, Vec<ModelConfig>)| {
        let good = versions.into_iter().find(|config| known.compile(row, config).is_ok());
        good.map(|config| config.version)
    };
    Ok(broken.iter().zip(versions).map(serve).collect())
}

/// The providers that models of a page name.
#[derive(Default)]
struct Known {
    asked: BTreeSet<ProviderId>,
    rows: Vec<ProviderRow>,
}

impl Known {
    /// Reads those that are not known yet, in one query.
    async fn learn<'a>(
        &mut self,
        platform: &Platform,
        organization: Option<&OrganizationId>,
        configs: impl Iterator<Item = &'a ModelConfig>,
    ) -> Result<(), ApiError> {
        let new: BTreeSet<ProviderId> = configs
            .map(|config| &config.provider_id)
            .filter(|id| !self.asked.contains(*id))
            .cloned()
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let wanted: Vec<ProviderId> = new.iter().cloned().collect();
        let found = providers::find_all(&wanted, organization);
        let found: Vec<ProviderRow> = rows(&*platform.database, found).await?;
        self.rows.extend(found);
        self.asked.extend(new);
        Ok(())
    }

    /// Whether a config can be called where the owner of its row would call it.
    fn compile(&self, row: &ModelRow, config: &ModelConfig) -> Result<(), String> {
        let found = self.rows.iter().find(|provider| {
            let owner = provider.organization_id.as_ref();
            provider.id == config.provider_id
                && (owner.is_none() || owner == row.organization_id.as_ref())
        });
        let found = found.ok_or_else(|| format!("there is no provider {}", config.provider_id))?;
        Model::unsaved(config.clone(), found.clone().into()).map(|_| ())
    }
}
