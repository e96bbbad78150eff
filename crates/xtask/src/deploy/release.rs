//! Which commit is deployed.

use crate::failure::Failure;
use crate::layout::Layout;
use crate::run::Run;

/// What versions are tagged with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Release {
    /// The first digits of the commit, with `+` behind them where the tree has more than it.
    pub(crate) tag: String,
}

impl Release {
    /// Reads it from git.
    pub(crate) fn find(layout: &Layout) -> Result<Self, Failure> {
        let git = |args: &[&str]| Run::new("git").args(args).dir(&layout.root).capture();
        let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
        let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
        let mark = if changed.trim().is_empty() { "" } else { "+" };
        Ok(Self { tag: format!("{}{mark}", commit.trim()) })
    }
}
