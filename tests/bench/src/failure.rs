//! Why a benchmark ended without figures.

use std::{error::Error as _, io, path::PathBuf};

use crate::case::Case;

/// What went wrong. Slowness never does.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line makes no sense.
    #[error("{source}")]
    Arguments {
        #[source]
        source: lexopt::Error,
    },
    /// The bare worker did not come up.
    #[error("the bare worker {problem}")]
    Bare { problem: String },
    /// What is promised does not hold.
    #[error("{promises} promises do not hold")]
    Broken { promises: usize },
    /// The control plane does not do what a proof needs.
    #[error("{path} answered {status}: {body}")]
    Control { path: String, status: u16, body: String },
    /// A figure cannot be written as JSON.
    #[error("cannot write JSON: {source}")]
    Json {
        #[source]
        source: serde_json::Error,
    },
    /// A list was not answered with a page.
    #[error("{path} answered {status}: {body}")]
    List { path: String, status: u16, body: String },
    /// The gateway does not take the model that would be called.
    #[error("the config worker answered {status} to a new model: {body}")]
    Model { status: u16, body: String },
    /// A query does not compile.
    #[error("no plan: {problem}")]
    Plan { problem: String },
    /// A request got no answer.
    #[error("{what}: {source}")]
    Request {
        what: String,
        #[source]
        source: reqwest::Error,
    },
    /// `cargo xtask bench` was not the one who started this.
    #[error("{name} is not set; start the benchmarks with `cargo xtask bench`")]
    Setting { name: &'static str },
    /// A file, port or process was refused.
    #[error("cannot {action} {}: {source}", path.display())]
    System {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// A task of the benchmark's own ended before its end.
    #[error("a task did not end: {problem}")]
    Task { problem: String },
    /// Something is so that nothing can be found out.
    #[error("{problem}")]
    Unexpected { problem: String },
    /// An answer is not what it has to be, so figures about it would mean nothing.
    #[error("{case}, {side}: {problem}")]
    Wrong { case: Case, side: &'static str, problem: String },
}

impl Failure {
    /// The failure with all its causes, in one line.
    pub(crate) fn whole(&self) -> String {
        let mut text = self.to_string();
        // The first cause is part of the failure's own words.
        let mut cause = self.source().and_then(std::error::Error::source);
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        text
    }

    /// Makes the closure that `map_err` wants for an operation of the system.
    pub(crate) fn system(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::System { action, path, source }
    }
}
