//! `GET /v1/providers/{id}/health` and `/v1/provider-health`: how vendors did lately, by the books of one instance.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    circuit::Open,
    http::{
        error::ApiError,
        extract::PathText,
        routes::{Allowed, unknown},
    },
    ids::{InstanceId, ModelId, OrganizationId, ProviderId},
    model::ErrorClass,
    ports::{Platform, Whose, rows},
    protocols::FieldIssue,
    receipt::OVERTAKEN,
    store::{
        instances::{self, InstanceRow},
        providers::{self, ProviderRow},
        usage::requests::{HEALTH_CALLS, TriesRow, tries},
    },
    time::{Timestamp, UnixMillis},
};
use serde::Serialize;

use crate::resource::{Filters, grant};

/// How far back it is looked.
const WINDOW_MS: i64 = 15 * 60 * 1_000;
/// Failures in a row, up to now, that are taken for a vendor that is down.
const IN_A_ROW: usize = 5;
/// The least tries that a share is worth anything of.
const ENOUGH: u64 = 5;

/// How a vendor did in the last 15 minutes, for one instance.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct ProviderHealth {
    /// The vendor.
    provider_id: ProviderId,
    /// The instance whose calls were looked at.
    instance_id: InstanceId,
    /// Since when: 15 minutes ago, or the oldest of the last 1,000 calls if there were more.
    since: Timestamp,
    /// `unknown`: it was not tried. `failing`: the last five tries failed, or of five or more at least half
    /// did. `degraded`: more than one of twenty failed. Else `healthy`.
    #[cfg_attr(not(target_family = "wasm"), schema(value_type = HealthWord))]
    status: &'static str,
    /// How often it was tried.
    attempts: u64,
    /// How many tries failed, and the vendor, our key for it or the way to it was why. What it refused because of
    /// the request is none.
    failures: u64,
    /// The failures by code.
    failures_by_code: BTreeMap<String, u64>,
    /// The share of tries that did not fail, 0 to 1; null if there were none.
    success_share: Option<f64>,
    /// How long half of the tries took at most, in milliseconds; null if there were none.
    p50_ms: Option<i64>,
    /// The same of 95 of 100.
    p95_ms: Option<i64>,
    /// The last failure; null if there was none.
    last_error: Option<LastError>,
    /// Its models that nobody in the instance may call now; null if the instance's Limiter does not say.
    circuits: Option<Vec<OpenCircuit>>,
}

/// A model that is not called for a while, because its vendor failed.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct OpenCircuit {
    /// The model.
    model_id: ModelId,
    /// The kind of the failure that opened it.
    class: ErrorClass,
    /// Since when.
    since: Timestamp,
    /// When one call tries whether the vendor is back, or when that has to have ended.
    until: Timestamp,
}

/// How vendors did in the last 15 minutes, for one instance.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct ProviderHealths {
    /// By vendor: those that were tried, or have a model that nobody may call now.
    data: Vec<ProviderHealth>,
}

/// The open circuits of an instance; none if its Limiter does not say.
async fn circuits(platform: &Platform, instance: &InstanceId) -> Option<Vec<Open>> {
    platform.limiter.usage(Whose::Instance(instance)).await.ok().map(|usage| usage.circuits)
}

/// Those of a vendor's models.
fn of_provider(open: &[Open], provider: &ProviderId, now: UnixMillis) -> Vec<OpenCircuit> {
    let told = |open: &Open| OpenCircuit {
        class: open.class,
        model_id: open.key.model_id.clone(),
        since: open.since.into(),
        until: now.plus(i64::try_from(open.for_ms).unwrap_or(i64::MAX)).into(),
    };
    open.iter().filter(|open| open.key.provider_id == *provider).map(told).collect()
}

/// A try that failed.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct LastError {
    /// When its call was let in.
    at: Timestamp,
    /// Our code for it.
    error_code: String,
    /// The vendor's HTTP status; null if it gave none.
    provider_status: Option<u16>,
}

/// How a vendor is.
#[cfg(not(target_family = "wasm"))]
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "a schema")]
pub(crate) enum HealthWord {
    /// More than one of twenty failed.
    Degraded,
    /// It is down, or most of it.
    Failing,
    /// It works.
    Healthy,
    /// It was not tried.
    Unknown,
}

/// Codes of tries that failed by what the caller sent, because they left, or because another model was faster: the
/// vendor did what it should.
const NOT_THE_VENDORS: [&str; 5] =
    ["CLIENT_LEFT", "CONTENT_REFUSED", "INVALID_REQUEST", OVERTAKEN, "VALIDATION_ERROR"];

/// Tells how a vendor did.
pub(crate) async fn read(
    platform: Platform,
    allowed: Allowed,
    PathText(id): PathText,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let named = filters.id("instance_id", InstanceId::parse);
    filters.finish()?;
    let provider = ProviderId::parse(&id).map_err(|_| unknown("provider"))?;
    let Some(instance) = named.or_else(|| allowed.caller().key().instance_id.clone()) else {
        known(&platform, &provider, &allowed.caller().key().organization_id).await?;
        return Err(unnamed());
    };
    let row = looked_at(&platform, &allowed, &instance).await?;
    known(&platform, &provider, &row.organization_id).await?;
    let tried = Tried::of(&platform, &allowed, &instance).await?;
    let open = circuits(&platform, &instance).await;
    let now = platform.clock.now();
    let circuits = open.map(|open| of_provider(&open, &provider, now));
    let health = judged(provider, instance, tried.since, &tried.calls);
    Ok(Json(ProviderHealth { circuits, ..health }).into_response())
}

/// Tells how all vendors did of which there is anything to tell.
pub(crate) async fn list(
    platform: Platform,
    allowed: Allowed,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let named = filters.id("instance_id", InstanceId::parse);
    filters.finish()?;
    let instance = named.or_else(|| allowed.caller().key().instance_id.clone());
    let instance = instance.ok_or_else(unnamed)?;
    looked_at(&platform, &allowed, &instance).await?;
    let Tried { calls, since } = Tried::of(&platform, &allowed, &instance).await?;
    let open = circuits(&platform, &instance).await;
    let now = platform.clock.now();
    let tried = calls.iter().flat_map(|call| &call.attempts).map(|attempt| &attempt.provider_id);
    let shut = open.iter().flatten().map(|open| &open.key.provider_id);
    let providers: BTreeSet<ProviderId> = tried.chain(shut).cloned().collect();
    let told = |provider: ProviderId| {
        let circuits = open.as_ref().map(|open| of_provider(open, &provider, now));
        let health = judged(provider, instance.clone(), since, &calls);
        ProviderHealth { circuits, ..health }
    };
    Ok(Json(ProviderHealths { data: providers.into_iter().map(told).collect() }).into_response())
}

fn unnamed() -> ApiError {
    let reason = "must name the instance whose calls are looked at".to_owned();
    ApiError::fields(&[FieldIssue { pointer: "?instance_id".to_owned(), reason }])
}

/// The instance, if the caller may look at it. A program has no other than its own.
async fn looked_at(
    platform: &Platform,
    allowed: &Allowed,
    instance: &InstanceId,
) -> Result<InstanceRow, ApiError> {
    let key = allowed.caller().key();
    if key.instance_id.as_ref().is_some_and(|own| own != instance) {
        return Err(unknown("instance"));
    }
    let found = instances::find(instance, key.user_id.as_ref());
    let found: Vec<InstanceRow> = rows(&*platform.database, found).await?;
    let row = found.into_iter().next().ok_or_else(|| unknown("instance"))?;
    allowed.on(&row.organization_id, grant(row.grant_role.as_deref()), "instance")?;
    Ok(row)
}

/// The calls that are looked at, and since when they are all there.
struct Tried {
    calls: Vec<TriesRow>,
    since: UnixMillis,
}

impl Tried {
    async fn of(
        platform: &Platform,
        allowed: &Allowed,
        instance: &InstanceId,
    ) -> Result<Self, ApiError> {
        let since = platform.clock.now().plus(-WINDOW_MS);
        let calls = tries(instance, allowed.caller().key().project_id.as_ref(), since);
        let calls: Vec<TriesRow> = rows(&*platform.database, calls).await?;
        let is_cut = calls.len() >= HEALTH_CALLS;
        let oldest = calls.last().map(|call| call.admitted_at).filter(|_| is_cut);
        Ok(Self { since: oldest.unwrap_or(since), calls })
    }
}

/// Refuses a vendor that an organization does not know.
async fn known(
    platform: &Platform,
    provider: &ProviderId,
    organization: &OrganizationId,
) -> Result<(), ApiError> {
    let found = providers::find(provider, Some(organization));
    let found: Vec<ProviderRow> = rows(&*platform.database, found).await?;
    if found.is_empty() { Err(unknown("provider")) } else { Ok(()) }
}

/// What calls, the newest first, say of a vendor.
#[expect(clippy::cast_precision_loss, reason = "a share of some thousands")]
fn judged(
    provider_id: ProviderId,
    instance_id: InstanceId,
    since: UnixMillis,
    calls: &[TriesRow],
) -> ProviderHealth {
    let tries: Vec<_> = calls
        .iter()
        .flat_map(|call| call.attempts.iter().rev().map(|attempt| (call.admitted_at, attempt)))
        .filter(|(_, attempt)| attempt.provider_id == provider_id)
        .collect();
    let failed = |code: Option<&String>| {
        code.filter(|code| !NOT_THE_VENDORS.contains(&code.as_str())).cloned()
    };
    let mut failures_by_code = BTreeMap::new();
    let mut last_error = None;
    for (at, attempt) in &tries {
        let Some(code) = failed(attempt.error_code.as_ref()) else { continue };
        *failures_by_code.entry(code.clone()).or_insert(0) += 1;
        last_error.get_or_insert(LastError {
            at: (*at).into(),
            error_code: code,
            provider_status: attempt.status,
        });
    }
    let attempts = tries.len() as u64;
    let failures: u64 = failures_by_code.values().sum();
    let in_a_row = tries
        .iter()
        .take_while(|(_, attempt)| failed(attempt.error_code.as_ref()).is_some())
        .count();
    let status = if attempts == 0 {
        "unknown"
    } else if in_a_row >= IN_A_ROW || (attempts >= ENOUGH && failures * 2 >= attempts) {
        "failing"
    } else if failures * 20 > attempts {
        "degraded"
    } else {
        "healthy"
    };
    let mut times: Vec<i64> = tries.iter().map(|(_, attempt)| attempt.duration_ms).collect();
    times.sort_unstable();
    let percentile = |percent: usize| {
        let rank = (times.len() * percent).div_ceil(100);
        times.get(rank.checked_sub(1)?).copied()
    };
    ProviderHealth {
        provider_id,
        instance_id,
        since: since.into(),
        status,
        attempts,
        failures,
        failures_by_code,
        success_share: (attempts > 0).then(|| (attempts - failures) as f64 / attempts as f64),
        p50_ms: percentile(50),
        p95_ms: percentile(95),
        last_error,
        circuits: None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use de_core::receipt::Attempt;

    use super::*;

    /// Calls, the newest first: `+` well, `-` failed, `o` refused by what was asked.
    fn health(calls: &str) -> ProviderHealth {
        let provider = ProviderId::parse("openai").unwrap();
        let calls: Vec<TriesRow> = calls
            .chars()
            .zip((0..).map(|n| UnixMillis(1_000_000 - n * 1_000)))
            .map(|(sign, admitted_at)| {
                let code = match sign {
                    '-' => Some("PROVIDER_ERROR"),
                    'o' => Some("CONTENT_REFUSED"),
                    _ => None,
                };
                let attempt = Attempt {
                    model_id: ModelId::parse("m").unwrap(),
                    provider_id: provider.clone(),
                    status: Some(500),
                    started_ms: Some(0),
                    duration_ms: admitted_at.0 / 1_000,
                    error_code: code.map(str::to_owned),
                };
                let other = Attempt {
                    provider_id: ProviderId::parse("anthropic").unwrap(),
                    error_code: Some("PROVIDER_ERROR".to_owned()),
                    ..attempt.clone()
                };
                TriesRow { admitted_at, attempts: vec![other, attempt] }
            })
            .collect();
        judged(provider, InstanceId::parse("inst_1").unwrap(), UnixMillis(0), &calls)
    }

    #[test]
    fn the_word_follows_the_rule() {
        let good = "+".repeat(19);
        for (calls, word, failures) in [
            ("", "unknown", 0),
            ("+", "healthy", 0),
            ("oooooooo", "healthy", 0),
            ("-", "degraded", 1),
            ("+--+", "degraded", 2),
            ("+-+-+-", "failing", 3),
            ("-----+++++++++++++++", "failing", 5),
            (&format!("-{good}"), "healthy", 1),
            (&format!("--{good}"), "degraded", 2),
        ] {
            let told = health(calls);
            assert_eq!((told.status, told.failures), (word, failures), "{calls}");
            assert_eq!(told.attempts, calls.len() as u64);
        }
    }

    #[test]
    fn times_and_the_last_error_are_those_of_the_tries() {
        let told = health("+-+-");
        assert_eq!((told.p50_ms, told.p95_ms), (Some(998), Some(1_000)));
        assert_eq!(told.success_share, Some(0.5));
        let last = told.last_error.unwrap();
        assert_eq!((last.at.0, last.error_code.as_str()), (UnixMillis(999_000), "PROVIDER_ERROR"));
        assert_eq!(told.failures_by_code, BTreeMap::from([("PROVIDER_ERROR".to_owned(), 2)]));
    }
}
