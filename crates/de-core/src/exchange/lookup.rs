//! A question to a vendor that costs nothing: which voices are there?
//!
//! It goes where the instance's key may go, and with that key. It buys nothing, so it has no receipt and
//! counts in no limit.

use std::{pin::pin, time::Duration};

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{HeaderMap, Method};

use super::{answer::ERROR_CAP, failure, outbound};
use crate::{
    auth::vault,
    caller::Caller,
    guard,
    http::{
        context::Context,
        error::{ApiError, Code},
    },
    ids::ProviderId,
    last_used,
    ports::{Inbound, Outbound, Platform, PortError, row},
    protocols::{Place, Vendor},
    registry::Provider,
    retry,
    secret::Secret,
    store::{
        provider_keys::{self, SealedRow},
        providers::{self, ProviderRow},
    },
};

/// How long the whole of it may take.
const DEADLINE: Duration = Duration::from_secs(15);
/// The largest answer.
const CAP: usize = 8 * 1024 * 1024;

/// A provider as an instance may ask it.
pub struct Access {
    key: Secret,
    provider: Provider,
    /// The key as it rests: another one if the key was changed.
    pub sealed: String,
}

/// Finds a provider and the instance's key for it: one round trip to the database.
///
/// # Errors
/// `MISSING_API_KEY`, `PROVIDER_UNAVAILABLE` if it is configured wrongly, `NOT_FOUND`.
pub async fn access(
    platform: &Platform,
    caller: &Caller,
    provider: &ProviderId,
) -> Result<Access, ApiError> {
    let instance = caller.instance_id();
    let statements = vec![
        providers::find(provider, Some(caller.organization_id())),
        provider_keys::find(instance, provider),
    ];
    let mut answers = platform.database.batch(statements).await?.into_iter();
    let mut first = || answers.next().and_then(|rows| rows.into_iter().next());
    let (found, held) = (first(), first());
    let none = || ApiError::new(Code::NotFound, format!("there is no provider {provider}"));
    let found: ProviderRow = row(found.ok_or_else(none)?)?;
    let missing = |message: String| ApiError::new(Code::MissingApiKey, message);
    let held: SealedRow = row(held.ok_or_else(|| {
        missing(format!("this instance has no key for the provider {provider}"))
    })?)?;
    if !held.key.hosts.as_ref().is_some_and(|hosts| hosts.allow(&found.key_hosts())) {
        return Err(missing(format!(
            "this instance's key for the provider {provider} was saved for another address; it has to be \
             saved again"
        )));
    }
    let wrongly = |reason: String| {
        let message = format!("the provider {provider} is configured wrongly");
        ApiError::new(Code::ProviderUnavailable, message).because(reason)
    };
    let key = vault::open(&platform.settings, instance, provider, &held.sealed)
        .map_err(|err| wrongly(err.to_string()))?;
    let provider = Provider::of(found.into()).map_err(wrongly)?;
    last_used::provider_key(platform, instance, &provider.id);
    Ok(Access { key, provider, sealed: held.sealed })
}

/// Asks: `GET` of a path under the provider's base URL. Returns the body of a good answer; `vendor` reads
/// the others.
///
/// Safe to repeat.
///
/// # Errors
/// What the vendor's refusal comes to, as for calls; `PROVIDER_TIMEOUT`, `PROVIDER_UNAVAILABLE`,
/// `PROVIDER_MALFORMED` if it is too large.
pub async fn ask(
    platform: &Platform,
    context: &Context,
    access: &Access,
    path: &str,
    query: &[(String, String)],
    vendor: &dyn Vendor,
) -> Result<Bytes, ApiError> {
    let Access { key, provider, .. } = access;
    let name = &provider.id;
    let wrongly = |reason: String| {
        let message = format!("the provider {name} is configured wrongly");
        ApiError::new(Code::ProviderUnavailable, message).because(reason)
    };
    let mut url = guard::path(&provider.base_url, path).map_err(|err| wrongly(err.to_string()))?;
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    let url = outbound::address(provider, Place::Url(url), &platform.settings).map_err(wrongly)?;
    let mut request =
        Outbound { body: Bytes::new(), headers: HeaderMap::new(), method: Method::GET, url };
    outbound::attach(&mut request, provider, Vec::new(), key).map_err(wrongly)?;
    outbound::within(&mut request, &context.trace().header());
    context.note(|line| line.provider_id = Some(name.as_str().to_owned()));
    context.asks(platform.clock.now());
    let asked = pin!(heard(platform, request, access, vendor));
    let answer = match select(asked, platform.clock.sleep(DEADLINE)).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => {
            let message = format!("{name} did not answer in time");
            Err(ApiError::new(Code::ProviderTimeout, message))
        }
    };
    context.answered(platform.clock.now());
    answer
}

async fn heard(
    platform: &Platform,
    request: Outbound,
    access: &Access,
    vendor: &dyn Vendor,
) -> Result<Bytes, ApiError> {
    let Access { key, provider, .. } = access;
    let name = &provider.id;
    let what = request.url.path().to_owned();
    // The cause may quote the address, and with it the key.
    let unreachable = |err: PortError| {
        if matches!(err, PortError::Unsendable { .. }) {
            return failure::misconfigured(provider, failure::without_queries(&err.to_string()))
                .error;
        }
        let message = format!("{name} could not be reached");
        ApiError::new(Code::ProviderUnavailable, message).retry_after(Duration::from_secs(1))
    };
    let Inbound { body, headers, status } =
        platform.fetch.send(request).await.map_err(unreachable)?;
    if (200..300).contains(&status) {
        let too_large =
            || ApiError::new(Code::ProviderMalformed, format!("{name} sent too large an answer"));
        return body.whole(CAP).await.map_err(unreachable)?.ok_or_else(too_large);
    }
    let body = body.whole(ERROR_CAP).await.ok().flatten().unwrap_or_default();
    let asked = retry::asked(&headers, platform.clock.now());
    let told = vendor.error(status, &body).without(key);
    Err(failure::refused_by(name, &what, status, told, asked).error)
}
