//! Lets a call in: finds its models, reserves its share, and takes care that both are fresh.

use std::sync::Arc;

use de_core::{
    auth::Scope,
    books::{Books, Share},
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
    model::Modality,
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
    /// What the first try at each model is reserved for.
    pub(crate) need: Need,
    /// Whether a limit counts tokens: then the output must have a bound, whoever serves.
    pub(crate) bounded: bool,
}

impl Admitted {
    /// The output bound in tokens that is sent to this model because the caller gave none, and a limit
    /// counts on there being one.
    pub(crate) fn sent_bound(&self, ask: &Ask, model: &Model) -> Option<u64> {
        let counted = self.bounded || model.config.rate_limits.tpm.is_some();
        let unbounded = ask.call.max_output_tokens.is_none();
        let sendable = model.vendor.bounds_output();
        (counted && unbounded && sendable).then(|| output_bound(&self.caller, ask, model))
    }
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
        // A key that was read anew may have lost the scope.
        caller.require(Scope::Text)?;
        let models = match models(platform, &caller, ask, named_fallbacks).await {
            Ok(models) => models,
            // Refused by a copy: it may be old.
            Err(refusal) if renewals == 0 => {
                renewals += 1;
                caller = caller.fresher(platform).await?.ok_or(refusal)?;
                continue;
            }
            Err(refusal) => return Err(refusal),
        };
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
        // Whichever of them serves, its tokens fit into what is reserved.
        let ceiling = |model: &Arc<Model>| {
            text_ceiling(ask.size(size_bytes, output_bound(&caller, ask, model), model))
        };
        let tokens = models.iter().map(ceiling).max().unwrap_or(0);
        let need = Need { requests: 1, slots: 1, tokens };
        let lease_id = LeaseId::make(platform.clock.now(), random(&*platform.entropy));
        let mut scopes = caller.scopes();
        scopes.extend(exchange::model_scopes(model));
        books.asks(&lease_id, Share::Call, need.tokens);
        let request = LeaseRequest {
            deadline_ms: Some(model.deadlines().total_ms),
            epochs: oldest(&caller, &models),
            lease_id,
            need,
            scopes,
        };
        match platform.limiter.lease(caller.instance_id(), request).await {
            Ok(Grant::Granted(share)) => {
                books.granted();
                books.admitted(platform.clock.now());
                tell(context, &share.standing);
                let bounded = share.standing.tokens.is_some();
                return Ok(Admitted { bounded, caller, models, need });
            }
            Ok(Grant::Denied(denial)) => {
                books.denied();
                return Err(denied(context, &denial));
            }
            Ok(Grant::Stale { epochs }) if renewals < RENEWALS => {
                books.denied();
                renewals += 1;
                caller = caller.renewed(platform, epochs).await?;
            }
            Ok(Grant::NeedsPolicy | Grant::Stale { .. }) => {
                books.denied();
                let cause = "the Limiter and the database disagree".to_owned();
                return Err(exchange::limiter_unavailable(cause));
            }
            Err(err) if caller.goes_on_without_limiter() => {
                books.granted();
                books.bypassed();
                context.note("limiter", err.to_string());
                return Ok(Admitted { bounded: false, caller, models, need });
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

/// The most that the model may answer: the caller's bound, else the one that we would send. A mapping
/// that cannot say one leaves it to what the model can make at all.
fn output_bound(caller: &Caller, ask: &Ask, model: &Model) -> u64 {
    if !model.vendor.bounds_output() {
        let most = model.config.max_output_tokens.or(model.config.context_window);
        return most.unwrap_or(1 << 20);
    }
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
    let Some(since) = model.config.deprecated_since() else { return };
    let seconds = since.0 / 1_000;
    context.tell(HeaderName::from_static("deprecation"), &format!("@{seconds}"));
    if let Some(until) = model.config.deprecation_date.map(|date| date.begins_at()) {
        context.tell(HeaderName::from_static("sunset"), &until.http_date());
    }
}
