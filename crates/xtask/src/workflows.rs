//! What runs on GitHub, checked before it runs there: workflows and `dependabot.yml`.
//!
//! The tests beside this look at what the linter has no rule for.

use crate::failure::Failure;
use crate::layout::Layout;
use crate::setup::checkers::Checkers;

/// Lets the linter look at everything in `.github`, by its strictest rules.
///
/// # Errors
/// `Ended` if it finds anything; it has said what.
pub(crate) fn check(layout: &Layout, checkers: &Checkers) -> Result<(), Failure> {
    checkers
        .jactionlint(layout)
        .args(["--profile", "pedantic", "--strict-exit", "--no-online"])
        // A machine that has shellcheck would find other things than one that has not.
        .args(["--shellcheck=", "--pyflakes="])
        // `$/` in place of `./` is newer than many servers of GitHub Enterprise.
        .args(["--ignore", "self-repository"])
        .show()
}

#[cfg(test)]
mod tests;
