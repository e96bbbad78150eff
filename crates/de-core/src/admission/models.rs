//! Which models a call may be served by, in which order: the one that was asked for, those that share its calls, the
//! fallbacks.

use std::sync::Arc;

use super::Wanted;
use crate::{
    caller::Caller,
    circuit::known::Refused,
    circuits,
    exchange::routes::Routes,
    http::error::ApiError,
    ids::ModelId,
    ports::Platform,
    protocols::FieldIssue,
    registry::{self, Model},
    split::Seed,
};

/// How many fallbacks a caller may name.
const FALLBACKS: usize = 5;

/// The models from the first one on that may be asked: those before have open circuits, or do not serve after
/// what opened them.
///
/// # Errors
/// `PROVIDER_UNAVAILABLE` where none is left, with the time when one may be asked again.
pub(super) fn passable(
    platform: &Platform,
    caller: &Caller,
    models: &[Arc<Model>],
    routes: &Routes,
) -> Result<Vec<Arc<Model>>, ApiError> {
    let mut class = None;
    let mut first: Option<(&Arc<Model>, Refused)> = None;
    for (index, model) in models.iter().enumerate() {
        if class.is_some_and(|class| !routes.serves(&model.config.model_id, class)) {
            continue;
        }
        let refused = || circuits::refused(platform, caller.instance_id(), model);
        let Some(refused) = (!routes.past_circuits).then(refused).flatten() else {
            return Ok(models.get(index..).unwrap_or_default().to_vec());
        };
        class = Some(refused.class);
        if first.as_ref().is_none_or(|(_, known)| refused.until < known.until) {
            first = Some((model, refused));
        }
    }
    let now = platform.clock.now();
    Err(match first {
        Some((model, refused)) => circuits::error(now, model, refused),
        None => ApiError::internal("a call had no model"),
    })
}

/// The models of a call.
pub(super) struct Found {
    /// The one that was asked for.
    pub(super) asked: Arc<Model>,
    /// Those that are tried, in this order.
    pub(super) models: Vec<Arc<Model>>,
    pub(super) routes: Routes,
}

/// The model that was asked for, or those that share its calls; then the fallbacks: the caller's, then the model's
/// own, each once.
pub(super) async fn of(
    platform: &Platform,
    caller: &Caller,
    wanted: &Wanted<'_>,
) -> Result<Found, ApiError> {
    let modality = wanted.modality;
    let named = wanted.model.map(str::to_owned);
    let Some(name) = named.or_else(|| caller.default_model(modality.as_str())) else {
        let reason = format!("name a model; this instance has no default for {modality}");
        return Err(ApiError::fields(&[FieldIssue { pointer: "/model_id".to_owned(), reason }]));
    };
    let found = async |name: &str| {
        let model = registry::resolve(platform, caller, name, modality).await?;
        (wanted.serves)(&model)?;
        Ok::<_, ApiError>(model)
    };
    let asked = found(&name).await?;
    let mut models = Vec::new();
    let mut routes = if wanted.apart { Routes::past_circuits() } else { Routes::default() };
    let (named, adds_own) = match wanted.fallbacks.map(str::trim) {
        None => ("", true),
        Some("") => ("", false),
        Some(named) => match named.split_once(';') {
            None => (named, true),
            Some((named, word)) if word.trim() == "only" => (named, false),
            Some((_, word)) => {
                return Err(misnamed(format!("{} is not `only`", shown(word.trim()))));
            }
        },
    };
    let names: Vec<&str> =
        named.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.len() > FALLBACKS {
        return Err(misnamed(format!("has {} models; at most {FALLBACKS} are tried", names.len())));
    }
    let mut targets = Vec::new();
    for portion in asked.config.routing.split.iter().filter(|portion| portion.weight > 0) {
        // As a fallback of the row: one that this caller cannot have has no part, and the others have it.
        let Ok(model) = found(portion.model_id.as_str()).await else { continue };
        if (wanted.splitting.alike)(&asked, &model) && add(&mut models, model) {
            targets.push(portion.weight);
        }
    }
    let mut models = in_turn(platform, caller, wanted, &asked, models.into_iter().zip(targets));
    match models.first() {
        None => models.push(asked.clone()),
        Some(_) if adds_own => {
            models.iter().for_each(|model| routes.instead(&model.config.model_id));
        }
        // Who wants no other than its own fallbacks gets one that may be asked.
        Some(_) => {
            let open = |model: &Arc<Model>| {
                circuits::refused(platform, caller.instance_id(), model).is_none()
            };
            let place = models.iter().position(open).unwrap_or(0);
            models = models.into_iter().skip(place).take(1).collect();
        }
    }
    for name in &names {
        let model = found(name).await?;
        (wanted.stands_in)(&asked, &model)?;
        add(&mut models, model);
    }
    let own = asked.config.fallbacks.iter().filter(|_| adds_own);
    for fallback in own {
        // A fallback of the row that this caller cannot have is none: the call goes on.
        let Ok(model) = found(fallback.model_id.as_str()).await else { continue };
        if (wanted.stands_in)(&asked, &model).is_err() {
            continue;
        }
        let id = model.config.model_id.clone();
        if add(&mut models, model)
            && let Some(on) = &fallback.on
        {
            routes.only(&id, on);
        }
    }
    Ok(Found { asked, models, routes })
}

/// Models that share calls, with their weights, in the order in which this call tries them.
fn in_turn(
    platform: &Platform,
    caller: &Caller,
    wanted: &Wanted<'_>,
    asked: &Model,
    targets: impl Iterator<Item = (Arc<Model>, u64)>,
) -> Vec<Arc<Model>> {
    let targets: Vec<(Arc<Model>, u64)> = targets.collect();
    let weights: Vec<(&ModelId, u64)> =
        targets.iter().map(|(model, weight)| (&model.config.model_id, *weight)).collect();
    if weights.is_empty() {
        return Vec::new();
    }
    let config = &asked.config;
    let seed = Seed::of(
        caller,
        &config.model_id,
        config.routing.sticky,
        &wanted.splitting,
        &*platform.entropy,
    );
    let order = seed.order(&weights).into_iter();
    order.filter_map(|place| Some(targets.get(place)?.0.clone())).collect()
}

/// Adds a model, unless it is there: nobody serves for itself.
fn add(models: &mut Vec<Arc<Model>>, model: Arc<Model>) -> bool {
    let is_new = models.iter().all(|known| known.config.model_id != model.config.model_id);
    if is_new {
        models.push(model);
    }
    is_new
}

/// The refusal of a caller's list of fallbacks.
fn misnamed(reason: String) -> ApiError {
    ApiError::fields(&[FieldIssue { pointer: "x-de-fallback".to_owned(), reason }])
}

/// A caller's word, cut.
fn shown(word: &str) -> String {
    word.chars().take(40).collect()
}
