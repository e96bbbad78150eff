//! Python packages in environments of their own in the cache folder: SDKs that are tried, tools that check.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::files::{self, Hash};
use crate::layout::Layout;
use crate::run::Run;
use crate::say::{self, Watch};

/// The oldest Python that all of them run on.
const OLDEST: (u32, u32) = (3, 10);

/// Packages that are wanted together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packages<'a> {
    /// The beginning of the environment's name in the cache folder.
    pub(crate) name: &'a str,
    /// A file that pip reads, with a hash for every package.
    pub(crate) requirements: &'a Path,
    /// What they are to the person who waits for them, for example `the SDKs for Python`.
    pub(crate) title: &'a str,
}

/// The Python that has these packages, at these versions and with these hashes; they are installed if they are not there.
///
/// Programs among the packages are run as `python -m …`, or by the path of a binary: the scripts that pip writes name
/// the folder in which they were made.
///
/// # Errors
/// `Missing` without a Python that is new enough; else what failed.
pub(crate) fn environment(layout: &Layout, packages: Packages<'_>) -> Result<PathBuf, Failure> {
    let version = system(packages.title)?;
    let mut hash = Hash::default();
    hash.add(format!("{OS} {ARCH} {version}").as_bytes());
    hash.add_file(&layout.root, packages.requirements)?;
    let hash: String = hash.finish().chars().take(16).collect();
    let place = layout.cache.join("tools").join(format!("{}-{hash}", packages.name));
    let binary = place.join("bin/python");
    if !binary.exists() {
        install(layout, packages, &place, &binary)?;
    }
    Ok(binary)
}

fn install(
    layout: &Layout,
    packages: Packages<'_>,
    place: &Path,
    binary: &Path,
) -> Result<(), Failure> {
    let Packages { name, title, .. } = packages;
    let watch = Watch::start();
    say::line(&format!("installing {title} (half a minute, once)"));
    files::make_folder(&layout.cache.join("tools"))?;
    // Made aside and moved when whole: an interrupted install never looks complete.
    let aside = layout.cache.join("tools").join(format!(".{name}-{}", std::process::id()));
    let outcome = fill(packages, &aside).and_then(|()| {
        let renamed = fs::rename(&aside, place);
        // Another run may have been faster: then its copy is as good.
        if binary.exists() { Ok(()) } else { renamed.map_err(Failure::file("create", place)) }
    });
    files::remove(&aside)?;
    outcome?;
    say::line(&format!("installed {title} ({})", watch.text()));
    Ok(())
}

fn fill(packages: Packages<'_>, aside: &Path) -> Result<(), Failure> {
    let made = Run::new("python3").args(["-m", "venv"]).args([aside]).capture();
    match made {
        Err(failure @ Failure::Ended { .. }) => {
            return Err(missing(packages.title, &failure.to_string()));
        }
        other => other?,
    };
    pip(aside, packages.requirements).progress("pip install").capture()?;
    Ok(())
}

/// What installs the packages of a list into an environment: those whose hashes are in it, and no script of theirs runs.
pub(super) fn pip(environment: &Path, requirements: &Path) -> Run {
    Run::new(environment.join("bin/python"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"])
        .args(["--only-binary", ":all:", "--require-hashes", "--requirement"])
        .args([requirements])
}

/// The version of the Python on PATH, as `3.11`: an environment is made by it.
///
/// # Errors
/// `Missing` if there is none, or an old one, in the name of what is wanted.
pub(crate) fn system(title: &str) -> Result<String, Failure> {
    let asked =
        Run::new("python3").args(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
    let text = match asked.capture() {
        Ok(text) => text,
        Err(Failure::Start { .. }) => {
            return Err(missing(title, "there is no python3 on PATH"));
        }
        Err(other) => return Err(other),
    };
    let version = text.trim();
    match parse(version) {
        Some(found) if found >= OLDEST => Ok(version.to_owned()),
        Some(_) | None => Err(missing(title, &format!("python3 is `{version}`"))),
    }
}

fn parse(version: &str) -> Option<(u32, u32)> {
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn missing(title: &str, why: &str) -> Failure {
    let (major, minor) = OLDEST;
    Failure::Missing {
        what: format!("{title} need Python {major}.{minor} with venv: {why}"),
        remedy: "install it by your package manager (Debian: python3 and python3-venv)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{OLDEST, parse};

    #[test]
    fn versions_are_read_and_compared() {
        assert_eq!(parse("3.11"), Some((3, 11)));
        assert_eq!(parse("Python 3"), None);
        assert!(parse("3.9") < Some(OLDEST) && parse("3.10") >= Some(OLDEST));
    }
}
