//! What git knows of the repository.

use std::path::Path;

use crate::failure::Failure;
use crate::run::Run;

/// The paths of all files that git keeps, and of those that it would keep if they were added; none where there is
/// no checkout.
pub(crate) fn names(root: &Path) -> Result<Option<Vec<String>>, Failure> {
    if !root.join(".git").exists() {
        return Ok(None);
    }
    // It only lists names: whose folder it is does not matter.
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let text = Run::new("git").args(["-c", "safe.directory=*"]).args(list).dir(root).capture()?;
    Ok(Some(text.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect()))
}
