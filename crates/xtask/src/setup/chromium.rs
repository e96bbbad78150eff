//! Chromium, which the browser suite drives: the machine's own, or Debian's package where it may be installed.

use std::env;
use std::path::PathBuf;

use crate::failure::Failure;
use crate::run::Run;
use crate::say::{self, Watch};

/// Names another binary.
const VARIABLE: &str = "DE_CHROMIUM";
/// Where distributions put it.
const PLACES: [&str; 5] = [
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/// Finds it; installs it where there is none, if this is root on a machine with apt.
///
/// # Errors
/// `Missing` with what to do about it.
pub(crate) fn prepare() -> Result<PathBuf, Failure> {
    if let Some(found) = find()? {
        return Ok(found);
    }
    if is_root() && Run::new("apt-get").args(["--version"]).capture().is_ok() {
        let watch = Watch::start();
        say::line("installing chromium by apt-get (a minute)");
        install()?;
        say::line(&format!("installed chromium ({})", watch.text()));
    }
    find()?.ok_or_else(|| Failure::Missing {
        what: "the browser suite needs Chromium".to_owned(),
        remedy: format!(
            "install it by your package manager (Debian: apt-get install chromium), or set {VARIABLE} to its binary"
        ),
    })
}

/// Where it is, if it is anywhere.
///
/// # Errors
/// `Setting` if the variable names something that is not there.
pub(crate) fn find() -> Result<Option<PathBuf>, Failure> {
    if let Some(named) = env::var_os(VARIABLE).map(PathBuf::from) {
        return if named.exists() {
            Ok(Some(named))
        } else {
            Err(Failure::Setting {
                name: VARIABLE,
                value: named.display().to_string(),
                problem: "there is no such file",
            })
        };
    }
    Ok(PLACES.iter().map(PathBuf::from).find(|place| place.exists()))
}

fn is_root() -> bool {
    Run::new("id").args(["-u"]).capture().is_ok_and(|id| id.trim() == "0")
}

fn install() -> Result<(), Failure> {
    let apt = |args: &[&str]| {
        let run = Run::new("apt-get").args(["--quiet", "--yes"]).args(args);
        run.env("DEBIAN_FRONTEND", "noninteractive").progress("apt-get").capture()
    };
    let packages = ["install", "--no-install-recommends", "chromium", "fonts-liberation"];
    // The lists of a fresh image are empty, or name what is gone.
    if apt(&packages).is_err() {
        apt(&["update"])?;
        apt(&packages)?;
    }
    Ok(())
}
