//! Tells the Limiters that the configuration has changed, so that no old copy of it serves any more.

use de_core::{
    http::error::{ApiError, Code},
    ids::{InstanceId, OrganizationId},
    limits::Epochs,
    log::LogLine,
    ports::{Platform, rows},
    store::epochs::{EpochScope, InstanceRow, all_told, instances_active_since, instances_of},
};
use futures_util::StreamExt;

/// A Limiter that has not been awake for so long reads its epochs before its first grant.
const AWAKE_MS: i64 = 24 * 60 * 60 * 1_000;

/// How many Limiters are told at once.
const AT_ONCE: usize = 20;

/// Tells every Limiter that may be awake; what cannot be told now stays in `pending_bumps`.
///
/// # Errors
/// The change is saved, but some Limiter does not know of it: 503 with `details.saved`.
pub(crate) async fn tell(
    platform: &Platform,
    organization: Option<&OrganizationId>,
    epoch: u64,
) -> Result<(), ApiError> {
    let instances = instances(platform, organization).await?;
    let epochs = match organization {
        Some(_) => Epochs { catalogue: 0, tenant: epoch },
        None => Epochs { catalogue: epoch, tenant: 0 },
    };
    let told_all = futures_util::stream::iter(instances)
        .map(|instance| async move {
            platform.limiter.refresh(&instance, epochs).await.map_err(|err| (instance, err))
        })
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    let failures: Vec<_> = told_all.into_iter().filter_map(Result::err).collect();
    if let Some((instance, err)) = failures.first() {
        let message = "a change of the configuration could not be told to every Limiter";
        let line = LogLine::error(message).because(err).with("failures", failures.len());
        platform.log.write(LogLine { instance_id: Some(instance.as_str().to_owned()), ..line });
        let message = "the change is saved, but not in effect everywhere yet";
        return Err(ApiError::new(Code::LimiterUnavailable, message).with("saved", true));
    }
    let scope = EpochScope::of(organization);
    platform.database.batch(vec![all_told(scope, epoch)]).await?;
    Ok(())
}

async fn instances(
    platform: &Platform,
    organization: Option<&OrganizationId>,
) -> Result<Vec<InstanceId>, ApiError> {
    let since = platform.clock.now().plus(-AWAKE_MS);
    let mut all: Vec<InstanceId> = Vec::new();
    loop {
        let page = match organization {
            Some(organization) => instances_of(organization, all.last()),
            None => instances_active_since(since, all.last()),
        };
        let page: Vec<InstanceRow> = rows(&*platform.database, page).await?;
        let full = page.len() >= 1_000;
        all.extend(page.into_iter().map(|row| row.id));
        if !full {
            return Ok(all);
        }
    }
}
