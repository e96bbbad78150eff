//! Which of a call's models serves after which failure of another one.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{ids::ModelId, model::ErrorClass};

/// After which failures the models of a call serve: those that are not named after all
/// [usual](ErrorClass::is_usual) ones. JSON: a job keeps it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Routes {
    /// After how long without an answer the next model is asked as well. Never of a job, which goes on elsewhere.
    #[serde(skip)]
    pub hedge_after: Option<Duration>,
    #[serde(default)]
    on: BTreeMap<ModelId, BTreeSet<ErrorClass>>,
    /// Whether models are asked also whose circuits are open.
    #[serde(default)]
    pub past_circuits: bool,
}

impl Routes {
    /// Those of a call to which circuits are nothing: it asks for something else, or tries a model whatever is known of it.
    #[must_use]
    pub fn past_circuits() -> Self {
        Self { past_circuits: true, ..Self::default() }
    }

    /// Lets a model serve after these failures only.
    pub fn only(&mut self, model_id: &ModelId, on: &BTreeSet<ErrorClass>) {
        self.on.insert(model_id.clone(), on.clone());
    }

    /// Lets a model serve in place of others that have a part of the same calls: after all usual failures, and where
    /// the one before cannot do what is asked, which the caller did not choose.
    pub fn instead(&mut self, model_id: &ModelId) {
        let serves = |class: &ErrorClass| {
            class.is_usual() || matches!(class, ErrorClass::ContextLength | ErrorClass::Unsupported)
        };
        let on = ErrorClass::ALL.iter().copied().filter(serves).collect();
        self.on.insert(model_id.clone(), on);
    }

    /// Whether a model serves after a failure of the one before.
    #[must_use]
    pub fn serves(&self, model_id: &ModelId, class: ErrorClass) -> bool {
        self.on.get(model_id).map_or(class.is_usual(), |on| on.contains(&class))
    }
}
