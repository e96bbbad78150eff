//! What a run does, step by step, and what it hands out.

use std::fmt;

use de_core::{protocols::FieldIssue, secret::Secret};

/// One thing of a file, and what becomes of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// What is said besides: the members that change, why something waits for a hand.
    pub detail: String,
    /// Where it stands in the file.
    pub place: String,
    /// What it is: `project Search of instance Shop`.
    pub thing: String,
    /// What becomes of it.
    pub verb: Verb,
}

/// What becomes of a thing.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Verb {
    /// Somebody has to do it.
    ByHand,
    /// It is there, and not as it shall be.
    Change,
    /// It is there as it shall be.
    Leave,
    /// It is not there.
    Make,
}

/// A secret that is shown this once.
#[derive(Clone, Debug)]
pub struct Shown {
    /// `key_…`, `whk_…`.
    pub id: String,
    /// Where it stands in the file.
    pub place: String,
    /// The secret.
    pub secret: Secret,
    /// What it opens: `API key web of project Search`.
    pub thing: String,
}

/// Who hears of a run while it goes on.
pub trait Sink {
    /// A step was done, or would be.
    fn step(&mut self, step: &Step);

    /// A secret was made. It is nowhere else.
    ///
    /// # Errors
    /// Why it could not be handed on; the run ends.
    fn secret(&mut self, shown: &Shown) -> Result<(), String>;
}

/// Why a run has ended before its end. What was done before stays done: the same run again goes on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The gateway said no, or nothing.
    #[error("{thing}: {source}")]
    Gateway {
        /// The gateway's answer.
        source: crate::gateway::GatewayError,
        /// What it was about.
        thing: String,
    },
    /// The operating system has no random bytes, or a file cannot be kept.
    #[error("{0}")]
    Machine(String),
    /// What the file asks for cannot be done. What can be foreseen is told before anything is changed.
    #[error("{}", in_lines(.0))]
    Problems(Vec<FieldIssue>),
}

impl Verb {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::ByHand => "by hand",
            Self::Change => "change",
            Self::Leave => "leave",
            Self::Make => "make",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:<8} {}", self.verb.word(), self.thing)?;
        if self.detail.is_empty() { Ok(()) } else { write!(formatter, ": {}", self.detail) }
    }
}

/// Issues for people, one a line.
#[must_use]
pub fn in_lines(issues: &[FieldIssue]) -> String {
    let line = |issue: &FieldIssue| {
        let place = if issue.pointer.is_empty() { "the file" } else { &issue.pointer };
        format!("{place}: {}", issue.reason)
    };
    issues.iter().map(line).collect::<Vec<_>>().join("\n")
}
