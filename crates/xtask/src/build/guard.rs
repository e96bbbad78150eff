//! Puts `wrangler/guard.js` in front of a worker's entrypoint: see there, and ADR 0017.
//!
//! Behind the build and not part of it, as it costs nothing and the steps before it cost minutes.

use crate::failure::Failure;
use crate::files;
use crate::layout::Layout;

use super::Purpose;

const BEGIN: &str = "\n/* guard */\n";
const END: &str = "const DeGuarded = guarded(";
const DEFAULT: &str = " as default";
const OURS: &str = "DeGuarded as default";

/// Puts the guard into what was built of a worker, in place of one that is there.
///
/// # Errors
/// `Content` if worker-build has made something else than it used to.
pub(super) fn put(layout: &Layout, purpose: Purpose, worker: &str) -> Result<(), Failure> {
    let guard = files::read(&layout.wrangler().join("guard.js"))?;
    let path = purpose.folder(layout, worker).join("index.js");
    let script = files::read(&path)?;
    let guarded = guarded(&script, &guard).ok_or_else(|| Failure::Content {
        path: path.clone(),
        problem: "it exports no default class that could be guarded".to_owned(),
    })?;
    if guarded == script {
        return Ok(());
    }
    // Not written over: it may be one file with that of another worktree.
    files::remove(&path)?;
    files::write(&path, &guarded)
}

fn guarded(script: &str, guard: &str) -> Option<String> {
    let script = bare(script)?;
    let (code, exports) = script.rsplit_once("export{")?;
    let (before, after) = exports.split_once(DEFAULT)?;
    let start = before.rfind(['{', ',', ' ']).map_or(0, |place| place + 1);
    let (others, inner) = before.split_at(start);
    Some(format!("{code}{BEGIN}{guard}{END}{inner});export{{{others}{OURS}{after}"))
}

/// The script as worker-build has made it.
fn bare(script: &str) -> Option<String> {
    let Some((code, rest)) = script.split_once(BEGIN) else { return Some(script.to_owned()) };
    let (_, rest) = rest.rsplit_once(END)?;
    let (inner, exports) = rest.split_once(");")?;
    Some(format!("{code}{}", exports.replace(OURS, &format!("{inner}{DEFAULT}"))))
}

#[cfg(test)]
mod tests {
    use super::{bare, guarded};

    const MADE: &str =
        "var a=1;var Fe=new Proxy(M,P);export{je as R2Range,Fe as default,x as Job};\n";

    #[test]
    fn the_guard_stands_in_the_place_of_the_entrypoint() {
        let script = guarded(MADE, "const guarded = (inner) => inner;\n").unwrap();
        assert!(script.contains("const DeGuarded = guarded(Fe);"), "{script}");
        assert!(script.ends_with("export{je as R2Range,DeGuarded as default,x as Job};\n"));
        assert_eq!(bare(&script).as_deref(), Some(MADE));
    }

    #[test]
    fn another_guard_takes_its_place_and_the_same_one_changes_nothing() {
        let first = guarded(MADE, "/* one */").unwrap();
        assert_eq!(guarded(&first, "/* one */").as_ref(), Some(&first));
        let second = guarded(&first, "/* two */").unwrap();
        assert!(second.contains("two") && !second.contains("one"), "{second}");
        assert_eq!(guarded("export default 1;", ""), None);
        assert_eq!(guarded("export{a as b};", ""), None);
    }
}
