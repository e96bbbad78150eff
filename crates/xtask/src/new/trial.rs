//! What the generators write builds, passes its own tests and is what the lints want: tried in a copy of the
//! repository that shares the target folder, so that only our own crates are compiled anew.

use std::fs;
use std::path::Path;

use super::{provider, worker};
use crate::failure::Failure;
use crate::files;
use crate::git;
use crate::layout::Layout;
use crate::run::Run;
use crate::say::{self, Watch};
use crate::setup::rust::TARGET;

/// Writes a worker and a vendor of each kind into a copy, and tries them.
///
/// # Errors
/// `Ended` with what did not build, or did not pass. The copy stays then, to be looked at.
pub(crate) fn run(layout: &Layout) -> Result<(), Failure> {
    let Some(names) = git::names(&layout.root)? else {
        say::line("this is no checkout: what would be copied is not known");
        return Ok(());
    };
    let watch = Watch::start();
    let copy = layout.target.join("generated");
    files::remove(&copy)?;
    for name in &names {
        duplicate(&layout.root.join(name), &copy.join(name))?;
    }
    let refused = |problem| Failure::System { action: "order something new", problem };
    let order = worker::Order::new("trial", None, None, None).map_err(refused)?;
    worker::write(&copy, &order)?;
    let mut tests = Vec::new();
    for kind in provider::KINDS {
        let name = format!("trial-{}", kind.name);
        let place = format!("https://{name}.example/v1");
        let order = provider::Order::new(&name, kind.name, place, None).map_err(refused)?;
        provider::write(&copy, &order)?;
        tests.extend(["--test".to_owned(), super::snake(&name)]);
    }
    super::format(&copy)?;
    say::line(&format!("written into {} ({})", layout.short(&copy).display(), watch.text()));
    // Also that nobody's row or binding is missing: `bindings` compares configs, code and rows.
    cargo(layout, &copy, &["test", "--quiet", "--package", "de-services"]).show()?;
    let packages = ["--package", "de-trial", "--package", "de-core", "--package", "de-edge"];
    cargo(layout, &copy, &["test", "--quiet"])
        .args(packages)
        .args(["--test", "http", "--test", "bindings", "--test", "boundary"])
        .args(tests)
        .show()?;
    say::line(&format!("tested ({})", watch.text()));
    // Linted for wasm and not built for it: the dependencies, which nothing else builds so, would take minutes.
    cargo(layout, &copy, &["clippy", "--quiet", "--target", TARGET])
        .args(["--package", "de-trial", "--package", "de-core", "--", "--deny", "warnings"])
        .env("WASM_BINDGEN_USE_JS_SYS", "1")
        .show()?;
    say::line(&format!("linted ({})", watch.text()));
    files::remove(&copy)
}

fn cargo(layout: &Layout, copy: &Path, args: &[&str]) -> Run {
    Run::new("cargo")
        .args(args)
        .env("CARGO_TARGET_DIR", &layout.target)
        .env("CARGO_INCREMENTAL", "0")
        // Of our own crates alone: others have none in any case. Nobody looks for a line of the copy.
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        // Everything is here: only a package of our own is new.
        .env("CARGO_NET_OFFLINE", "true")
        .dir(copy)
}

/// Copies a file with the time of its last change, so that cargo sees what did not change since the last trial.
fn duplicate(from: &Path, to: &Path) -> Result<(), Failure> {
    // Removed and not yet committed, or a link: no test needs one.
    if !from.is_file() {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        files::make_folder(folder)?;
    }
    fs::copy(from, to).map_err(Failure::file("copy", from))?;
    let changed = fs::metadata(from).and_then(|known| known.modified());
    let changed = changed.map_err(Failure::file("read", from))?;
    let file = fs::File::options().write(true).open(to).map_err(Failure::file("open", to))?;
    file.set_modified(changed).map_err(Failure::file("write", to))
}

#[cfg(test)]
mod tests {
    use super::run;
    use crate::layout::Layout;

    #[test]
    #[ignore = "compiles for a minute or more; a step of `cargo xtask ci`"]
    fn what_the_generators_write_builds_and_passes() {
        run(&Layout::find().unwrap()).unwrap();
    }
}
