//! What searches found lately, in KV: for ten minutes, by instance. And until when a vendor allows nothing more.
//!
//! A key is a digest, so that nothing of what somebody looks for stands in one. KV that fails or is late is KV
//! that has nothing; what is put there is put after the answer.

use std::{pin::pin, time::Duration};

use de_core::{
    auth::api_key::digest,
    calls::stock::{StockCall, StockPage},
    ids::{InstanceId, ProviderId},
    log::LogLine,
    ports::{Platform, PortError},
    registry::Model,
    time::UnixMillis,
};
use futures_util::{
    FutureExt,
    future::{Either, select},
};
use serde_json::{Value, json};

/// How long a page is kept.
const LIFE: Duration = Duration::from_secs(600);
/// The shortest life that KV gives, and the longest that we want of it.
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(31 * 24 * 3_600);
/// How long KV may take before the vendor is asked instead.
const PATIENCE: Duration = Duration::from_millis(500);

/// Where a page is kept.
pub(crate) struct Place(String);

impl Place {
    /// The place of a search by an instance: the same for what says the same to the same version of a model.
    pub(crate) fn of(instance: &InstanceId, model: &Model, call: &StockCall) -> Self {
        let call = StockCall { query: call.query.to_lowercase(), ..call.clone() };
        let named = json!([
            instance.as_str(),
            model.config.model_id.as_str(),
            model.config.provider_id.as_str(),
            model.config.version,
            call,
        ]);
        Self(format!("v1/stock/{}", digest(&named.to_string())))
    }
}

/// A page that is kept there.
pub(crate) async fn page(platform: &Platform, place: &Place) -> Option<StockPage> {
    serde_json::from_str(&read(platform, &place.0).await?).ok()
}

/// Keeps a page.
pub(crate) fn keep(platform: &Platform, place: Place, page: &StockPage) {
    if let Ok(text) = serde_json::to_string(page) {
        write(platform, place.0, text, LIFE);
    }
}

/// When the vendor allows something again, if it has said lately that nothing is left.
pub(crate) async fn used_up_until(
    platform: &Platform,
    instance: &InstanceId,
    provider: &ProviderId,
) -> Option<UnixMillis> {
    let text = read(platform, &used_up(instance, provider)).await?;
    let kept: Value = serde_json::from_str(&text).ok()?;
    kept.get("until")?.as_i64().map(UnixMillis)
}

/// Keeps when that will be: vendors tell it with their last good answer, and not with the refusals after it.
pub(crate) fn keep_used_up(
    platform: &Platform,
    instance: &InstanceId,
    provider: &ProviderId,
    until: UnixMillis,
) {
    let left = u64::try_from(until.since(platform.clock.now())).unwrap_or(0);
    let life = Duration::from_millis(left).clamp(SHORTEST, LONGEST);
    let text = json!({"until": until.0}).to_string();
    write(platform, used_up(instance, provider), text, life);
}

fn used_up(instance: &InstanceId, provider: &ProviderId) -> String {
    format!(
        "v1/stock-used-up/{}",
        digest(&json!([instance.as_str(), provider.as_str()]).to_string())
    )
}

async fn read(platform: &Platform, key: &str) -> Option<String> {
    match select(platform.cache.get(key), pin!(platform.clock.sleep(PATIENCE))).await {
        Either::Left((Ok(text), _)) => text,
        Either::Left((Err(err), _)) => {
            complain(platform, &err);
            None
        }
        Either::Right(_) => None,
    }
}

fn write(platform: &Platform, key: String, text: String, life: Duration) {
    let worker = platform.clone();
    let work = async move {
        if let Err(err) = worker.cache.put(&key, text, life).await {
            complain(&worker, &err);
        }
    };
    platform.background.spawn(work.boxed());
}

fn complain(platform: &Platform, err: &PortError) {
    let line = LogLine::warn("the cache did not answer; the vendor did its work");
    platform.log.write(line.because(err));
}
