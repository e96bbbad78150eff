//! What a try needs of the Limiter before it is made: its share in the scopes of its model, and of its caller where
//! the call's own does not serve it.

use std::time::Duration;

use super::{job::Job, nothing_tried};
use crate::{
    books::Share,
    circuits,
    http::error::{ApiError, Code},
    ids::{InstanceId, LeaseId},
    limits::{
        Scope, ScopeKind,
        wire::{Grant, LeaseRequest, Need},
    },
    ports::{Platform, random},
    registry::Model,
    store,
};

/// How often a share is asked for again because the configuration has changed in between.
const RENEWALS: u32 = 3;

/// Reserves one more request to the model that was asked for, of a call that sends several at once.
///
/// # Errors
/// `RATE_LIMIT_EXCEEDED`, `LIMITER_UNAVAILABLE`.
pub async fn reserve_another(job: &Job<'_>) -> Result<(), ApiError> {
    let model = job.models.first().ok_or_else(nothing_tried)?;
    reserve(job, model, Share::Again).await
}

/// Reserves one more try in the scopes of the model; the caller's own scopes count a call once.
///
/// Where the try before is lost, it keeps what it holds, and this one needs its own in all scopes.
///
/// A configuration that changed while this call ran does not end it: it began under the old one. But
/// its tries count under the new limits.
pub(super) async fn reserve(job: &Job<'_>, model: &Model, share: Share) -> Result<(), ApiError> {
    let is_lost = job.books.is_uncovered();
    let need = match share {
        // The first try's slot, tokens and money are held until the call ends, and serve this one.
        Share::Again if !is_lost => Need { micros: Some(0), requests: 1, slots: 0, tokens: 0 },
        Share::Again => Need { slots: 0, ..job.need },
        Share::Call | Share::Fallback(_) | Share::More => job.need,
    };
    if is_lost {
        let more = Need { requests: 0, slots: 0, ..job.need };
        ask(job, model, job.books.caller_scopes(), more, Share::More).await?;
    }
    ask(job, model, model_scopes(model), need, share).await
}

/// Reserves what a second try needs beside the first: tokens and money of its own with the caller, where the call
/// counts once, and all that a try needs with its model.
pub(super) async fn reserve_beside(job: &Job<'_>, model: &Model) -> Result<(), ApiError> {
    let more = Need { requests: 0, slots: 0, ..job.need };
    ask(job, model, job.books.caller_scopes(), more, Share::More).await?;
    let share = Share::Fallback(model.config.model_id.clone());
    ask(job, model, model_scopes(model), job.need, share).await
}

/// Asks for one share, as often as the configuration changes meanwhile.
async fn ask(
    job: &Job<'_>,
    model: &Model,
    scopes: Vec<Scope>,
    need: Need,
    share: Share,
) -> Result<(), ApiError> {
    let mut epochs = model.epochs;
    for _ in 0..RENEWALS {
        let lease_id = LeaseId::make(job.platform.clock.now(), random(&*job.platform.entropy));
        job.books.asks(&lease_id, share.clone(), need);
        let ask = LeaseRequest {
            deadline_ms: Some(model.deadlines().total_ms),
            epochs,
            extra: Need::default(),
            lease_id: lease_id.clone(),
            need,
            news: Vec::new(),
            scopes: scopes.clone(),
        };
        let reply = circuits::lease(job.platform, job.holder.instance, ask).await;
        if let Some(probe) = reply.as_ref().ok().and_then(|reply| circuits::probe(reply, model)) {
            job.books.probes(probe);
        }
        let cause = match reply.map(|reply| reply.grant) {
            Ok(Grant::Granted(_)) => {
                job.books.granted(&lease_id);
                return Ok(());
            }
            Ok(Grant::Denied(denial)) => {
                job.books.denied(&lease_id);
                return Err(crate::http::limits::refused(&denial, need));
            }
            Ok(Grant::Stale { epochs: newer }) => {
                job.books.denied(&lease_id);
                epochs = newer;
                continue;
            }
            Ok(Grant::NeedsPolicy) => {
                job.books.denied(&lease_id);
                return Err(limiter_unavailable("the Limiter has no policy".to_owned()));
            }
            Err(err) => err.to_string(),
        };
        if job.holder.goes_on_without_limiter
            && has_no_budget(job.platform, job.holder.instance).await
        {
            job.books.granted(&lease_id);
            job.books.bypassed();
            return Ok(());
        }
        return Err(limiter_unavailable(cause));
    }
    Err(limiter_unavailable("the epochs do not settle".to_owned()))
}

/// Whether no enforced budget counts the calls of an instance, as the database says now: a copy may be older
/// than the budget. Where the database does not say, there may be one.
pub(crate) async fn has_no_budget(platform: &Platform, instance: &InstanceId) -> bool {
    let found = platform.database.batch(vec![store::policies::enforced_budget(instance)]).await;
    found.is_ok_and(|answers| answers.iter().all(Vec::is_empty))
}

/// The answer where limits cannot be checked and the instance does not go on without.
#[must_use]
pub fn limiter_unavailable(cause: String) -> ApiError {
    ApiError::new(Code::LimiterUnavailable, "limits cannot be checked right now")
        .retry_after(Duration::from_secs(1))
        .because(cause)
}

/// The scopes in which every try at a model counts.
#[must_use]
pub fn model_scopes(model: &Model) -> Vec<Scope> {
    vec![
        Scope::new(ScopeKind::Model, model.config.model_id.as_str()),
        Scope::new(ScopeKind::Provider, model.config.provider_id.as_str()),
    ]
}
