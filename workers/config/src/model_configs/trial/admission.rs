//! Lets a test in, like any call: it counts for the caller, the instance, the model and the provider.

use std::sync::Arc;

use de_core::{
    books::{Books, Share},
    caller::Caller,
    exchange,
    http::{
        context::Context,
        error::{ApiError, Code},
        limits::{denied, tell},
    },
    ids::{LeaseId, ModelId},
    limits::{
        Epochs,
        wire::{Grant, LeaseRequest, Need},
    },
    ports::{Platform, PortError, random},
    registry::Model,
    snapshot::{self, Named},
};

use crate::model_configs::unknown;

/// How often a test may be told that its copy of the configuration is old.
const RENEWALS: u32 = 3;

/// A test that is let in.
pub(super) struct Admitted {
    /// Whether a limit counts tokens.
    pub(super) bounded: bool,
    /// As it was checked last.
    pub(super) caller: Caller,
    /// As it was read last.
    pub(super) model: Arc<Model>,
    /// What it is reserved for.
    pub(super) need: Need,
}

/// The model of this id as the caller's instance has it, whatever its status.
///
/// # Errors
/// `MODEL_NOT_FOUND`; `PROVIDER_UNAVAILABLE` with the reasons if neither it nor an earlier version of it
/// can be called.
pub(super) async fn model(
    platform: &Platform,
    caller: &Caller,
    id: &ModelId,
) -> Result<Arc<Model>, ApiError> {
    let (organization, instance) = (caller.organization_id(), caller.instance_id());
    match snapshot::model(platform, organization, instance, id.as_str(), caller.epochs()).await {
        // An alias of another model is none of this one.
        Ok(Named::Model(model)) if model.config.model_id == *id => Ok(model),
        Ok(Named::Model(_) | Named::Nothing) => Err(unknown()),
        Ok(Named::Broken { cause, .. }) | Err(PortError::Malformed { message: cause, .. }) => {
            let told = format!("the model {id} is configured wrongly: {cause}");
            Err(ApiError::new(Code::ProviderUnavailable, told))
        }
        Err(err) => Err(err.into()),
    }
}

/// Reserves what a test may need.
///
/// # Errors
/// `RATE_LIMIT_EXCEEDED`, `LIMITER_UNAVAILABLE`.
pub(super) async fn admit(
    platform: &Platform,
    context: &Context,
    books: &Books,
    mut caller: Caller,
    mut model: Arc<Model>,
    need: impl Fn(&Caller, &Model) -> Need,
) -> Result<Admitted, ApiError> {
    for _ in 0..=RENEWALS {
        books.trying(&model);
        let need = need(&caller, &model);
        let lease_id = LeaseId::make(platform.clock.now(), random(&*platform.entropy));
        let mut scopes = caller.scopes();
        scopes.extend(exchange::model_scopes(&model));
        books.asks(&lease_id, Share::Call, need.tokens);
        let (ours, models) = (caller.epochs(), model.epochs);
        let request = LeaseRequest {
            deadline_ms: Some(model.deadlines().total_ms),
            epochs: Epochs {
                catalogue: ours.catalogue.min(models.catalogue),
                tenant: ours.tenant.min(models.tenant),
            },
            lease_id: lease_id.clone(),
            need,
            scopes,
        };
        match platform.limiter.lease(caller.instance_id(), request).await {
            Ok(Grant::Granted(share)) => {
                books.granted(&lease_id);
                books.admitted(platform.clock.now());
                tell(context, &share.standing);
                let bounded = share.standing.tokens.is_some();
                return Ok(Admitted { bounded, caller, model, need });
            }
            Ok(Grant::Denied(denial)) => {
                books.denied(&lease_id);
                return Err(denied(context, &denial));
            }
            Ok(Grant::Stale { epochs }) => {
                books.denied(&lease_id);
                caller = caller.renewed(platform, epochs).await?;
                model = self::model(platform, &caller, &model.config.model_id.clone()).await?;
            }
            Ok(Grant::NeedsPolicy) => {
                books.denied(&lease_id);
                let cause = "the Limiter has no policy".to_owned();
                return Err(exchange::limiter_unavailable(cause));
            }
            Err(err) if caller.goes_on_without_limiter() => {
                books.granted(&lease_id);
                books.bypassed();
                context.note("limiter", err.to_string());
                return Ok(Admitted { bounded: false, caller, model, need });
            }
            Err(err) => return Err(exchange::limiter_unavailable(err.to_string())),
        }
    }
    Err(exchange::limiter_unavailable("the epochs do not settle".to_owned()))
}
