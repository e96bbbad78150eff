//! Node and the modules of `wrangler/`: wrangler, workerd, esbuild, binaryen and a newer Node as a package.

use std::env::consts::{ARCH, OS};
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::files::{self, Hash};
use crate::layout::Layout;
use crate::run::Run;
use crate::say::{self, Watch};
use crate::setup;

/// The oldest Node that npm and the install need; wrangler itself runs on the packaged one.
pub(crate) const OLDEST: Version = Version { major: 20, minor: 0 };
/// The oldest Node that wrangler runs on: for machines that no Node package exists for.
const OLDEST_FOR_WRANGLER: Version = Version { major: 22, minor: 12 };

/// Checks Node, and installs the modules of wrangler unless they are those of the lock file.
///
/// # Errors
/// `Missing` without Node or with one that is too old.
pub(crate) fn prepare(layout: &Layout) -> Result<(), Failure> {
    let found = system()?;
    if found < OLDEST {
        return Err(Failure::Missing {
            what: format!(
                "Node is {}.{}, this project needs {} or newer",
                found.major, found.minor, OLDEST.major
            ),
            remedy: "install a current Node from https://nodejs.org or by your package manager"
                .to_owned(),
        });
    }
    install(layout, &layout.wrangler())
}

/// Installs the modules of a folder with a lock file, unless they are there.
pub(crate) fn install(layout: &Layout, folder: &Path) -> Result<(), Failure> {
    let expected = lock_hash(layout, folder)?;
    if setup::stamped(&stamp(folder), &expected) {
        return Ok(());
    }
    let watch = Watch::start();
    let name = layout.short(folder).display();
    say::line(&format!("installing the Node modules of {name}/ (half a minute)"));
    ci(folder).progress("npm ci").capture()?;
    files::write(&stamp(folder), &expected)?;
    say::line(&format!("installed the Node modules of {name}/ ({})", watch.text()));
    Ok(())
}

/// What installs the modules of a folder, as its lock file has them.
pub(super) fn ci(folder: &Path) -> Run {
    // No package may run code of its own while it is installed: what is used here works without.
    Run::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .env("NO_UPDATE_NOTIFIER", "1")
        .dir(folder)
}

/// Whether the modules of wrangler are those of the lock file.
pub(crate) fn is_installed(layout: &Layout) -> Result<bool, Failure> {
    let folder = layout.wrangler();
    Ok(setup::stamped(&stamp(&folder), &lock_hash(layout, &folder)?))
}

/// A hash over what decides which modules are installed in a folder.
pub(crate) fn lock_hash(layout: &Layout, folder: &Path) -> Result<String, Failure> {
    let mut hash = Hash::default();
    hash.add(format!("{OS} {ARCH}").as_bytes());
    for name in ["package.json", "package-lock.json"] {
        hash.add_file(&layout.root, &folder.join(name))?;
    }
    Ok(hash.finish())
}

fn stamp(folder: &Path) -> PathBuf {
    folder.join("node_modules/.installed")
}

/// The Node that runs wrangler: the packaged one, or the system's where there is no package and it is new enough.
///
/// # Errors
/// `Missing` where neither serves.
pub(crate) fn packaged(layout: &Layout) -> Result<PathBuf, Failure> {
    let package = format!("node-{}-{}", system_name(), arch_name());
    let binary = layout.wrangler().join("node_modules").join(package).join("bin/node");
    if binary.exists() {
        return Ok(binary);
    }
    let found = system()?;
    if found < OLDEST_FOR_WRANGLER {
        let Version { major, minor } = OLDEST_FOR_WRANGLER;
        return Err(Failure::Missing {
            what: format!(
                "wrangler needs Node {major}.{minor}; there is no package of it for {OS} on {ARCH}, and the \
                 installed one is {}.{}",
                found.major, found.minor
            ),
            remedy: format!("install Node {major}.{minor} or newer from https://nodejs.org"),
        });
    }
    let path = Run::new("node").args(["--print", "process.execPath"]).capture()?;
    Ok(PathBuf::from(path.trim()))
}

/// The bundler: its own binary where it is found, which starts faster than the script in front of it.
pub(crate) fn esbuild(layout: &Layout) -> PathBuf {
    let modules = layout.wrangler().join("node_modules");
    let native = modules.join(format!("@esbuild/{}-{}/bin/esbuild", system_name(), arch_name()));
    if native.exists() { native } else { modules.join(".bin/esbuild") }
}

fn system_name() -> &'static str {
    if OS == "macos" { "darwin" } else { OS }
}

fn arch_name() -> &'static str {
    match ARCH {
        "aarch64" => "arm64",
        "x86_64" => "x64",
        other => other,
    }
}

/// A version of Node, as far as we compare it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Version {
    pub(crate) major: u32,
    pub(crate) minor: u32,
}

/// The version of the Node on PATH.
///
/// # Errors
/// `Missing` if there is none.
pub(crate) fn system() -> Result<Version, Failure> {
    let missing = |what: String| Failure::Missing {
        what,
        remedy: format!(
            "install Node {} or newer from https://nodejs.org or by your package manager",
            OLDEST.major
        ),
    };
    match Run::new("node").args(["--version"]).capture() {
        Ok(text) => {
            parse(&text).ok_or_else(|| missing(format!("`node --version` says `{}`", text.trim())))
        }
        Err(Failure::Start { .. }) => Err(missing("there is no Node on PATH".to_owned())),
        Err(other) => Err(other),
    }
}

fn parse(text: &str) -> Option<Version> {
    let mut parts = text.trim().strip_prefix('v')?.split('.');
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next()?.parse().ok()?;
    Some(Version { major, minor })
}

#[cfg(test)]
mod tests {
    use super::{OLDEST, OLDEST_FOR_WRANGLER, Version, parse};

    #[test]
    fn versions_are_read_and_compared() {
        assert_eq!(parse("v20.20.2\n"), Some(Version { major: 20, minor: 20 }));
        assert_eq!(parse("20.1"), None);
        assert_eq!(parse("v22"), None);
        assert!(parse("v18.19.0") < Some(OLDEST));
        assert!(parse("v22.9.0") < Some(OLDEST_FOR_WRANGLER));
        assert!(parse("v26.0.0") > Some(OLDEST_FOR_WRANGLER));
    }
}
