//! The pages of `interfaces/`: built once, and dressed for the place where they are served.
//!
//! What Vite makes names no deployment: where the API is stands in it as [`API`], and where a page is as the page's
//! name below [`NOWHERE`]. Whoever serves a page puts the true origins there, in the page and in its headers.

use std::fs;
use std::path::{Path, PathBuf};

use de_services::PAGES;

use crate::failure::Failure;
use crate::files::{self, Hash};
use crate::layout::Layout;
use crate::run::Run;
use crate::say::{self, Watch};
use crate::setup::{self, Tools, node};

/// Stands for the API's origin in what is built; `interfaces/build/page.ts` writes it.
const API: &str = "https://api.de.invalid";
/// Stands for the pages' origins, each below a label of its name; `index.html` of every page has them.
const NOWHERE: &str = "de.invalid";
/// What is made, and says nothing of what it is made from.
const SKIPPED: [&str; 4] = ["browser", "dist", "node_modules", "results"];

/// Where the API and the pages are reached.
pub(crate) struct Origins {
    pub(crate) api: String,
    /// By a page's name; one that is not there has no links to it.
    pub(crate) pages: Vec<(&'static str, String)>,
}

impl Origins {
    /// The text of a file with true origins in it.
    fn put_in(&self, text: &str) -> String {
        self.pages.iter().fold(text.replace(API, &self.api), |text, (name, origin)| {
            text.replace(&format!("https://{name}.{NOWHERE}"), origin)
        })
    }
}

/// The folder of the pages and of what they share.
pub(crate) fn folder(layout: &Layout) -> PathBuf {
    layout.root.join("interfaces")
}

/// The program that builds pages and serves them while they are written.
pub(crate) fn vite(layout: &Layout) -> PathBuf {
    folder(layout).join("node_modules/vite/bin/vite.js")
}

/// Builds all pages, if anything changed.
pub(crate) fn build(layout: &Layout, tools: &Tools) -> Result<(), Failure> {
    say::part("Pages");
    let watch = Watch::start();
    let folder = folder(layout);
    node::install(layout, &folder)?;
    let inputs = inputs(layout)?;
    let stamp = layout.dev().join("stamps/pages");
    let built = PAGES.iter().all(|page| dist(layout, page.name).join("index.html").exists());
    if built && setup::stamped(&stamp, &inputs) {
        say::line(&format!("nothing changed ({})", watch.text()));
        return Ok(());
    }
    types(layout, tools)?;
    for page in PAGES {
        let run = Run::new(&tools.node).args([vite(layout).as_os_str()]).args([
            "build",
            "--logLevel",
            "warn",
        ]);
        tools.dress(run.dir(&folder.join(page.name)))?.watched()?;
    }
    files::write(&stamp, &inputs)?;
    say::line(&format!("built {} pages ({})", PAGES.len(), watch.text()));
    Ok(())
}

/// Writes the types of the API for the pages.
pub(crate) fn types(layout: &Layout, tools: &Tools) -> Result<(), Failure> {
    let script = folder(layout).join("node_modules/openapi-typescript/bin/cli.js");
    let run = Run::new(&tools.node).args([script.as_os_str()]).args([
        "../docs/openapi.json",
        "-o",
        "api/src/generated.ts",
    ]);
    tools.dress(run.dir(&folder(layout)).progress("openapi-typescript"))?.capture()?;
    Ok(())
}

/// Format, lints and types of everything in `interfaces/`.
pub(crate) fn check(layout: &Layout, tools: &Tools) -> Result<(), Failure> {
    let folder = folder(layout);
    node::install(layout, &folder)?;
    types(layout, tools)?;
    let modules = folder.join("node_modules");
    for (program, args) in [
        ("@biomejs/biome/bin/biome", ["ci", "--error-on-warnings"].as_slice()),
        ("typescript/bin/tsc", ["--noEmit"].as_slice()),
    ] {
        let run = Run::new(&tools.node).args([modules.join(program).as_os_str()]).args(args);
        tools.dress(run.dir(&folder))?.watched()?;
    }
    Ok(())
}

/// Compares what each page loads at first with what it may.
pub(crate) fn sizes(layout: &Layout, tools: &Tools) -> Result<(), Failure> {
    let run = Run::new(&tools.node)
        .args(["--experimental-strip-types", "--no-warnings", "build/budget.ts"])
        .args(PAGES.iter().map(|page| page.name))
        .dir(&folder(layout));
    tools.dress(run)?.watched()
}

/// Copies what was built of a page to where it is served from, with the true origins in it.
pub(crate) fn dress(
    layout: &Layout,
    page: &str,
    origins: &Origins,
    place: &Path,
) -> Result<(), Failure> {
    files::remove(place)?;
    copy(&dist(layout, page), place)?;
    for name in ["_headers", "index.html"] {
        let path = place.join(name);
        files::write(&path, &origins.put_in(&files::read(&path)?))?;
    }
    // It names sources, and serves the budgets alone.
    files::remove(&place.join("manifest.json"))
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    files::make_folder(to)?;
    for entry in files::entries(from)? {
        let Some(name) = entry.file_name() else { continue };
        let target = to.join(name);
        if entry.is_dir() {
            copy(&entry, &target)?;
        } else {
            fs::copy(&entry, &target).map_err(Failure::file("copy", &entry))?;
        }
    }
    Ok(())
}

fn dist(layout: &Layout, page: &str) -> PathBuf {
    folder(layout).join(page).join("dist")
}

/// A hash over what the pages are built from.
fn inputs(layout: &Layout) -> Result<String, Failure> {
    let mut hash = Hash::default();
    hash.add(node::lock_hash(layout, &folder(layout))?.as_bytes());
    hash.add_file(&layout.root, &layout.root.join("docs/openapi.json"))?;
    hash.add_folder(&layout.root, &folder(layout), &SKIPPED)?;
    Ok(hash.finish())
}
