//! Who names a model, and so would be left with nothing, or with what it cannot use.

use de_core::{
    http::error::{ApiError, Code},
    ids::{ModelId, OrganizationId},
    model::{Modality, ModelConfig},
    ports::{Platform, PortError, Row, row},
    store::models::{
        ModelRow,
        names::{self, NamedBy, Taken},
    },
};
use serde::Serialize;

use super::value;

/// What would name nothing without a model, at most 100.
#[derive(Default, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct Naming {
    /// Models that fall back to it.
    fallback_of: Vec<Namer>,
    /// Models whose calls it has a part of.
    split_of: Vec<Namer>,
    /// Instances that have it as a default.
    default_of: Vec<Namer>,
}

/// Something that names a model.
#[derive(PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
struct Namer {
    /// The model or instance.
    id: String,
    /// Whose it is; null for the shared catalogue.
    organization_id: Option<OrganizationId>,
}

impl Naming {
    /// Whether nothing does.
    pub(crate) fn is_empty(&self) -> bool {
        [&self.fallback_of, &self.split_of, &self.default_of].into_iter().all(Vec::is_empty)
    }

    /// Why a model cannot go.
    pub(super) fn keeps(&self, model: &ModelId) -> ApiError {
        self.refusal(&format!("{model} is"))
    }

    /// Why a change cannot be made.
    pub(super) fn keeps_as_it_is(&self, model: &ModelId) -> ApiError {
        self.refusal(&format!("a name or modality that this takes from {model} is that of"))
    }

    /// The same of something: what is not done, because this would name nothing.
    pub(crate) fn refusal(&self, what: &str) -> ApiError {
        let message = format!(
            "{what} a fallback of {} models, one of the split of {} models, and a default of {} instances; \
             change those first",
            self.fallback_of.len(),
            self.split_of.len(),
            self.default_of.len()
        );
        ApiError::new(Code::Conflict, message).with("named_by", value(self))
    }
}

impl FromIterator<NamedBy> for Naming {
    fn from_iter<I: IntoIterator<Item = NamedBy>>(found: I) -> Self {
        let mut naming = Self::default();
        for NamedBy { id, kind, organization_id, .. } in found {
            let of = match kind.as_str() {
                "fallback" => &mut naming.fallback_of,
                "split" => &mut naming.split_of,
                _ => &mut naming.default_of,
            };
            let namer = Namer { id, organization_id };
            // It may name the model by several of its names.
            if !of.contains(&namer) {
                of.push(namer);
            }
        }
        naming
    }
}

/// Reads what was found.
pub(crate) fn read(found: Vec<Row>) -> Result<Vec<NamedBy>, PortError> {
    found.into_iter().map(row).collect()
}

/// What a change takes from those who name a model; `None`: nothing that could be missed.
pub(super) fn taken(before: &ModelRow, config: &ModelConfig) -> Option<Taken> {
    let was = before.parse().ok();
    let mut kept = vec![config.model_id.clone()];
    kept.extend(config.aliases.iter().cloned());
    let works_in = config.modalities();
    // One that cannot be read may have had any.
    let could = was.as_ref().map_or_else(|| Modality::ALL.to_vec(), ModelConfig::modalities);
    let lost: Vec<Modality> =
        could.into_iter().filter(|modality| !works_in.contains(modality)).collect();
    let keeps_names = was.is_some_and(|was| was.aliases.iter().all(|alias| kept.contains(alias)));
    if keeps_names && lost.is_empty() {
        return None;
    }
    Some(Taken { kept, lost, works_in })
}

/// Who would miss it.
pub(super) async fn missing(
    platform: &Platform,
    before: &ModelRow,
    taken: &Taken,
) -> Result<Vec<NamedBy>, ApiError> {
    let wanted = names::missed_by(&before.model_id, before.organization_id.as_ref(), taken);
    let mut answers = platform.database.batch(vec![wanted]).await?;
    Ok(read(answers.pop().unwrap_or_default())?)
}
