//! The vendors' own SDKs, which `tests/clients` asks the gateway with: Node modules beside the suites, Python
//! packages in an environment of their own in the cache folder. Only tests need them.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::files::{self, Hash};
use crate::layout::Layout;
use crate::run::Run;
use crate::say::{self, Watch};
use crate::setup::node;

/// The oldest Python that the SDKs run on.
const OLDEST: (u32, u32) = (3, 10);

/// What the suites of clients run with.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    /// What becomes of `docs/compatibility.md`: the suite's word for it.
    pub(crate) page: &'static str,
    /// The Python that has the SDKs; without one the suite skips what needs it, and says so.
    pub(crate) python: Option<PathBuf>,
}

impl Clients {
    /// Installs what is missing, for a run that decides: the page is checked, and Python must be there.
    ///
    /// # Errors
    /// `Missing` without a Python; else what failed.
    pub(crate) fn for_ci(layout: &Layout) -> Result<Self, Failure> {
        node::install(layout, &folder(layout))?;
        Ok(Self { page: "check", python: Some(python(layout)?) })
    }

    /// Installs what is missing, for a person: the page is written, and a machine may lack Python.
    ///
    /// # Errors
    /// What failed, but for a Python that is not there.
    pub(crate) fn for_a_person(layout: &Layout) -> Result<Self, Failure> {
        node::install(layout, &folder(layout))?;
        let python = match python(layout) {
            Ok(python) => Some(python),
            Err(failure @ Failure::Missing { .. }) => {
                say::line(&format!("the SDKs for Python are not tried: {failure}"));
                None
            }
            Err(failure) => return Err(failure),
        };
        Ok(Self { page: "write", python })
    }
}

/// Where the suites are.
pub(crate) fn folder(layout: &Layout) -> PathBuf {
    layout.root.join("tests/clients")
}

/// The Python that has the packages of `requirements.txt`, at these versions and with these hashes.
fn python(layout: &Layout) -> Result<PathBuf, Failure> {
    let version = system()?;
    let wanted = folder(layout).join("python/requirements.txt");
    let mut hash = Hash::default();
    hash.add(format!("{OS} {ARCH} {version}").as_bytes());
    hash.add_file(&layout.root, &wanted)?;
    let hash: String = hash.finish().chars().take(16).collect();
    let place = layout.cache.join("tools").join(format!("clients-python-{hash}"));
    let binary = place.join("bin/python");
    if !binary.exists() {
        install(layout, &wanted, &place, &binary)?;
    }
    Ok(binary)
}

fn install(layout: &Layout, wanted: &Path, place: &Path, binary: &Path) -> Result<(), Failure> {
    let watch = Watch::start();
    say::line("installing the SDKs for Python (half a minute, once)");
    files::make_folder(&layout.cache.join("tools"))?;
    // Made aside and moved when whole: an interrupted install never looks complete. Only the interpreter is
    // run there, which finds its packages wherever it lies.
    let aside = layout.cache.join("tools").join(format!(".clients-python-{}", std::process::id()));
    let outcome = fill(wanted, &aside).and_then(|()| {
        let renamed = fs::rename(&aside, place);
        // Another run may have been faster: then its copy is as good.
        if binary.exists() { Ok(()) } else { renamed.map_err(Failure::file("create", place)) }
    });
    files::remove(&aside)?;
    outcome?;
    say::line(&format!("installed the SDKs for Python ({})", watch.text()));
    Ok(())
}

fn fill(wanted: &Path, aside: &Path) -> Result<(), Failure> {
    let made = Run::new("python3").args(["-m", "venv"]).args([aside]).capture();
    match made {
        Err(failure @ Failure::Ended { .. }) => return Err(missing(&failure.to_string())),
        other => other?,
    };
    Run::new(aside.join("bin/python"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"])
        .args(["--only-binary", ":all:", "--require-hashes", "--requirement"])
        .args([wanted])
        .progress("pip install")
        .capture()?;
    Ok(())
}

/// The version of the Python on PATH, as `3.11`: an environment is made by it.
///
/// # Errors
/// `Missing` if there is none, or an old one.
pub(crate) fn system() -> Result<String, Failure> {
    let asked =
        Run::new("python3").args(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
    let text = match asked.capture() {
        Ok(text) => text,
        Err(Failure::Start { .. }) => return Err(missing("there is no python3 on PATH")),
        Err(other) => return Err(other),
    };
    let version = text.trim();
    match parse(version) {
        Some(found) if found >= OLDEST => Ok(version.to_owned()),
        Some(_) | None => Err(missing(&format!("python3 is `{version}`"))),
    }
}

fn parse(version: &str) -> Option<(u32, u32)> {
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn missing(why: &str) -> Failure {
    let (major, minor) = OLDEST;
    Failure::Missing {
        what: format!("the SDKs for Python need Python {major}.{minor} with venv: {why}"),
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
