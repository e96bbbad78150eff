//! Why a command could not do its work, in words for the person who ran it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

/// Why a command ended without having done its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A child process ran and failed. `tail` is the end of its output, empty if it was shown as it came.
    #[error("`{command}` ended with {status}{tail}")]
    Ended { command: String, status: ExitStatus, tail: String },
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File { action: &'static str, path: PathBuf, source: io::Error },
    /// A file says something else than expected.
    #[error("{}: {problem}", path.display())]
    Content { path: PathBuf, problem: String },
    /// Ctrl-C or a TERM signal came.
    #[error("interrupted")]
    Interrupted,
    /// Something that set-up cannot install by itself.
    #[error("{what}\n  {remedy}")]
    Missing { what: String, remedy: String },
    /// Another process listens where the stack should.
    #[error(
        "port {port} ({user}) is in use by another process\n  end that process, or choose other ports: DE_PORT_BASE=9787 cargo xtask dev"
    )]
    PortInUse { port: u16, user: String },
    /// An environment variable holds something unusable.
    #[error("{name}={value}: {problem}")]
    Setting { name: &'static str, value: String, problem: &'static str },
    /// The stack did not come up, or went down by itself.
    #[error("the stack {problem}\n  logs: {}", logs.display())]
    Stack { problem: String, logs: PathBuf },
    /// A child process could not be started.
    #[error("cannot start `{command}`: {source}")]
    Start { command: String, source: io::Error },
    /// A command of several steps failed at one of them. What it did before stays.
    #[error("stopped at `{at}`: {source}\n  {remedy}")]
    Stopped { at: String, remedy: String, source: Box<Failure> },
    /// Steps or budgets failed, each reported above.
    #[error("failed: {}", steps.join(", "))]
    Steps { steps: Vec<String> },
    /// The operating system refused something that always works.
    #[error("cannot {action}: {problem}")]
    System { action: &'static str, problem: String },
}

impl Failure {
    /// Makes the closure that `map_err` wants for a file operation.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }
}
