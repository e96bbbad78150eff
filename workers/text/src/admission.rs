//! Lets a call in: finds its models, reserves its share, and takes care that both are fresh.

use std::sync::Arc;

use de_core::{
    books::Books,
    caller::Caller,
    cost::text_ceiling,
    exchange,
    http::{
        context::Context,
        error::ApiError,
        limits::{denied, tell},
    },
    ids::LeaseId,
    limits::{
        Epochs,
        wire::{Grant, LeaseRequest, Need},
    },
    model::{Modality, Status},
    ports::{Platform, random},
    protocols::FieldIssue,
    registry::{self, Model},
};
use http::HeaderName;

use crate::ask::Ask;

/// How often a call may be told that its copy of the configuration is old: each time it reads anew, and
/// only a change in that very moment makes it old again.
const RENEWALS: u32 = 3;

/// How many fallbacks a caller may name.
const FALLBACKS: usize = 5;

/// A call that is let in.
pub(crate) struct Admitted {
    /// As it was checked last.
    pub(crate) caller: Caller,
    /// The model that was asked for, then its fallbacks.
    pub(crate) models: Vec<Arc<Model>>,
    /// What each try is reserved for.
    pub(crate) need: Need,
    /// The output bound that must be sent, since a limit counts on it and the caller gave none.
    pub(crate) output_bound: Option<u64>,
}

/// Finds the models, reserves the share.
///
/// # Errors
/// Those of the registry, `RATE_LIMIT_EXCEEDED`, `LIMITER_UNAVAILABLE`.
pub(crate) async fn admit(
    platform: &Platform,
    context: &Context,
    books: &Books,
    mut caller: Caller,
    ask: &Ask,
    size_bytes: usize,
    named_fallbacks: Option<&str>,
) -> Result<Admitted, ApiError> {
    let mut renewals = 0;
    loop {
        let models = models(platform, &caller, ask, named_fallbacks).await?;
        let Some(model) = models.first() else {
            return Err(ApiError::internal("a resolved call has no model"));
        };
        // Copies of different ages: the newest shows that the others are old.
        let newest = newest(&caller, &models);
        if renewals < RENEWALS && oldest(&caller, &models).older_than(newest) {
            renewals += 1;
            caller = caller.renewed(platform, newest).await?;
            continue;
        }
        books.trying(model);
        warn_of_retirement(context, model);
        let bound = output_bound(&caller, ask, model);
        let context_window = model.config.context_window.unwrap_or(1 << 20);
        let tokens = text_ceiling(ask.size(size_bytes, bound, context_window));
        let need = Need { requests: 1, slots: 1, tokens };
        let lease_id = LeaseId::make(platform.clock.now(), random(&*platform.entropy));
        let mut scopes = caller.scopes();
        scopes.extend(exchange::model_scopes(model));
        let request = LeaseRequest {
            deadline_ms: Some(model.deadlines().total_ms),
            epochs: oldest(&caller, &models),
            lease_id: lease_id.clone(),
            need,
            scopes,
        };
        match platform.limiter.lease(caller.instance_id(), request).await {
            Ok(Grant::Granted(share)) => {
                books.leased(lease_id, need.tokens);
                books.admitted(platform.clock.now());
                tell(context, &share.standing);
                let counted = share.standing.tokens.is_some();
                let unbounded = ask.call.max_output_tokens.is_none();
                let output_bound = (counted && unbounded).then_some(bound);
                if let Some(bound) = output_bound {
                    context.tell(HeaderName::from_static("x-de-max-tokens"), &bound.to_string());
                }
                return Ok(Admitted { caller, models, need, output_bound });
            }
            Ok(Grant::Denied(denial)) => return Err(denied(context, &denial)),
            Ok(Grant::Stale { epochs }) if renewals < RENEWALS => {
                renewals += 1;
                caller = caller.renewed(platform, epochs).await?;
            }
            Ok(Grant::NeedsPolicy | Grant::Stale { .. }) => {
                let cause = "the Limiter and the database disagree".to_owned();
                return Err(exchange::limiter_unavailable(cause));
            }
            Err(err) if caller.goes_on_without_limiter() => {
                books.bypassed();
                context.note("limiter", err.to_string());
                return Ok(Admitted { caller, models, need, output_bound: None });
            }
            Err(err) => return Err(exchange::limiter_unavailable(err.to_string())),
        }
    }
}

/// The epochs that all copies have, at least.
fn oldest(caller: &Caller, models: &[Arc<Model>]) -> Epochs {
    models.iter().fold(caller.epochs(), |oldest, model| Epochs {
        catalogue: oldest.catalogue.min(model.epochs.catalogue),
        tenant: oldest.tenant.min(model.epochs.tenant),
    })
}

/// The newest epochs that any copy has.
fn newest(caller: &Caller, models: &[Arc<Model>]) -> Epochs {
    models.iter().fold(caller.epochs(), |newest, model| newest.newest(model.epochs))
}

/// The most that the model may answer: the caller's bound, else the one that we would send.
fn output_bound(caller: &Caller, ask: &Ask, model: &Model) -> u64 {
    let of_instance = caller.instance().and_then(|instance| instance.default_max_output_tokens);
    ask.call.max_output_tokens.unwrap_or_else(|| model.config.output_bound(of_instance))
}

/// The model that was asked for, then the fallbacks: the caller's if it names some, else the model's.
async fn models(
    platform: &Platform,
    caller: &Caller,
    ask: &Ask,
    named_fallbacks: Option<&str>,
) -> Result<Vec<Arc<Model>>, ApiError> {
    let default = || caller.default_model("text");
    let Some(name) = ask.model.clone().or_else(default) else {
        let reason = "name a model; this instance has no default for text".to_owned();
        return Err(ApiError::fields(&[FieldIssue { pointer: "/model_id".to_owned(), reason }]));
    };
    let model = registry::resolve(platform, caller, &name, Modality::Text).await?;
    let mut models = vec![model.clone()];
    match named_fallbacks {
        Some(named) => {
            let names = named.split(',').map(str::trim).filter(|name| !name.is_empty());
            for name in names.take(FALLBACKS) {
                models.push(registry::resolve(platform, caller, name, Modality::Text).await?);
            }
        }
        None => {
            for name in &model.config.fallbacks {
                // A fallback of the row that this caller cannot have is none: the call goes on.
                let found =
                    registry::resolve(platform, caller, name.as_str(), Modality::Text).await;
                models.extend(found.ok());
            }
        }
    }
    Ok(models)
}

/// RFC 9745 and RFC 8594: since when, and until when.
fn warn_of_retirement(context: &Context, model: &Model) {
    if model.config.status != Status::Deprecated {
        return;
    }
    let until = model.config.deprecation_date.map(|date| date.begins_at());
    let since = until.map_or(0, |at| at.0 / 1_000);
    context.tell(HeaderName::from_static("deprecation"), &format!("@{since}"));
    if let Some(until) = until {
        context.tell(HeaderName::from_static("sunset"), &until.http_date());
    }
}
