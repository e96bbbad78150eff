//! What models of one generation take and those of another refuse.
//!
//! No answer of the vendor tells it before it is too late, and no page lists it: only a model's name says which
//! generation it is of, `gemini-2.5-flash`. What is refused, and in which words, is as callers have reported it.

/// A generation of the vendor's models.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Generation {
    /// Before 2.5.
    Early,
    /// 2.5, whose models think.
    Second,
    /// The third, and whatever comes behind it.
    Third,
}

impl Generation {
    /// Reads a model's name as the vendor writes it.
    pub(super) fn of(model: &str) -> Self {
        let is_of = |name: &str| model.contains(name);
        if is_of("gemini-1") || is_of("gemini-2.0") {
            Self::Early
        } else if is_of("gemini-2") {
            Self::Second
        } else {
            Self::Third
        }
    }

    /// Whether thinking has levels instead of a budget.
    pub(super) fn has_levels(self) -> bool {
        self >= Self::Third
    }

    /// Whether calls must have a signature, and results may hold files.
    pub(super) fn is_sealed(self) -> bool {
        self >= Self::Third
    }

    /// Whether there are penalties for what is repeated, and probabilities are told: "Penalty is not enabled",
    /// "Logprobs is not enabled".
    pub(super) fn has_penalties_and_probabilities(self) -> bool {
        self < Self::Second
    }

    /// Whether an answer may be held to JSON where functions may be called too: "Function calling with a response
    /// mime type: 'application/json' is unsupported". <https://ai.google.dev/gemini-api/docs/structured-output>
    /// has both together from the third generation on.
    pub(super) fn takes_json_beside_tools(self) -> bool {
        self >= Self::Third
    }

    /// Whether one question may have several answers: "Multiple candidates is not enabled for this model".
    pub(super) fn gives_several_answers(self) -> bool {
        self < Self::Third
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_name_tells_its_generation() {
        for (name, generation) in [
            ("gemini-1.5-flash-002", Generation::Early),
            ("gemini-2.0-flash", Generation::Early),
            ("gemini-2.5-flash", Generation::Second),
            ("tunedModels/of-gemini-2.5-pro", Generation::Second),
            ("gemini-3.8-flash", Generation::Third),
            ("gemini-4-argon", Generation::Third),
            ("gemini-flash-latest", Generation::Third),
        ] {
            assert_eq!(Generation::of(name), generation, "{name}");
        }
    }
}
