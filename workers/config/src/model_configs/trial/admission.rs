//! Lets a test in, like any call: it counts for the caller, the instance, the model and the provider.

use std::sync::Arc;

use de_core::{
    admission::{self, Ask, Reserved},
    books::Books,
    caller::Caller,
    http::{
        context::Context,
        error::{ApiError, Code},
    },
    ids::ModelId,
    limits::wire::Need,
    ports::{Platform, PortError},
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
        let deadline_ms = Some(model.deadlines().total_ms);
        let epochs = admission::oldest(&caller, std::slice::from_ref(&model));
        // An operator's trial is no load: it asks for itself.
        let ask = Ask {
            apart: false,
            caller: &caller,
            deadline_ms,
            epochs,
            model: Some(&model),
            need,
            pooled: false,
        };
        match admission::reserve(platform, context, books, ask).await? {
            Reserved::Granted { bounded, .. } => {
                return Ok(Admitted { bounded, caller, model, need });
            }
            Reserved::Stale(epochs) => {
                caller = caller.renewed(platform, epochs).await?;
                model = self::model(platform, &caller, &model.config.model_id.clone()).await?;
            }
        }
    }
    Err(admission::unsettled())
}
