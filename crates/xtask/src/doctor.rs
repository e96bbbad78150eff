//! `cargo xtask doctor`: what this machine has and what set-up would do. It changes nothing.

use crate::failure::Failure;
use crate::layout::Layout;
use crate::run::Run;
use crate::setup::lock::Lock;
use crate::setup::{self, chromium, clients, node, python, rust, tools};

/// What is known about one requirement.
enum Finding {
    /// There, at this version or place.
    Found(String),
    /// Missing, but set-up does this about it.
    Fixable(String),
    /// Missing, and not needed.
    Optional(String),
    /// Missing, and the user must do this about it.
    Missing(String),
}

/// Runs the command.
///
/// # Errors
/// `Steps` with what set-up cannot provide.
pub(crate) fn run(layout: &Layout) -> Result<(), Failure> {
    let lock = Lock::read(&layout.root.join("Cargo.lock"))?;
    let findings = [
        ("rust", program("rustc", "install Rust from https://rustup.rs")),
        ("git", program("git", "install git by your package manager")),
        ("wasm target", target()?),
        ("node", system_node()),
        ("npm", program("npm", "install npm: it comes with Node")),
        ("worker-build", tool(&tools::worker_build(layout, &lock)?)),
        ("wasm-bindgen-cli", tool(&tools::wasm_bindgen(layout, &lock)?)),
        ("node modules", modules(layout)?),
        ("node for wrangler", wrangler_node(layout)?),
        ("cargo-nextest", nextest()),
        ("python", python()),
        ("chromium", chromium()),
    ];
    let mut missing = Vec::new();
    for (name, finding) in findings {
        let (mark, text) = match finding {
            Finding::Found(text) => ("ok", text),
            Finding::Fixable(text) => ("set-up", text),
            Finding::Optional(text) => ("optional", text),
            Finding::Missing(text) => {
                missing.push(name.to_owned());
                ("MISSING", text)
            }
        };
        println!("{mark:<9} {name:<18} {text}");
    }
    println!("{:<9} {:<18} {}", "", "cache folder", layout.cache.display());
    println!("{:<9} {:<18} {}", "", "target folder", layout.target.display());
    if missing.is_empty() { Ok(()) } else { Err(Failure::Steps { steps: missing }) }
}

fn program(name: &str, remedy: &str) -> Finding {
    match Run::new(name).args(["--version"]).capture() {
        Ok(text) => Finding::Found(text.trim().to_owned()),
        Err(_) => Finding::Missing(remedy.to_owned()),
    }
}

fn target() -> Result<Finding, Failure> {
    if rust::has_target()? {
        return Ok(Finding::Found(rust::TARGET.to_owned()));
    }
    Ok(match Run::new("rustup").args(["--version"]).capture() {
        Ok(_) => Finding::Fixable(format!("runs `rustup target add {}`", rust::TARGET)),
        Err(_) => Finding::Missing(format!(
            "no rustup: install the standard library for {}",
            rust::TARGET
        )),
    })
}

fn system_node() -> Finding {
    match node::system() {
        Ok(version) if version < node::OLDEST => Finding::Missing(format!(
            "{}.{} is too old, {} is needed",
            version.major,
            version.minor,
            node::OLDEST.major
        )),
        Ok(version) => Finding::Found(format!("{}.{}", version.major, version.minor)),
        Err(failure) => Finding::Missing(failure.to_string().replace("\n ", ":")),
    }
}

fn tool(tool: &tools::Tool) -> Finding {
    if tool.binary.exists() {
        Finding::Found(format!("{} in {}", tool.version, tool.binary.display()))
    } else {
        Finding::Fixable(format!(
            "installs {} into {} (3 to 5 minutes)",
            tool.version,
            tool.binary.display()
        ))
    }
}

fn modules(layout: &Layout) -> Result<Finding, Failure> {
    Ok(if node::is_installed(layout)? {
        Finding::Found("as wrangler/package-lock.json says".to_owned())
    } else {
        Finding::Fixable("runs `npm ci` in wrangler/ (half a minute)".to_owned())
    })
}

fn wrangler_node(layout: &Layout) -> Result<Finding, Failure> {
    if !node::is_installed(layout)? {
        return Ok(Finding::Fixable(
            "comes with the Node modules, where a package of it exists".to_owned(),
        ));
    }
    Ok(match node::packaged(layout) {
        Ok(path) => Finding::Found(path.display().to_string()),
        Err(failure) => Finding::Missing(failure.to_string().replace("\n ", ":")),
    })
}

fn nextest() -> Finding {
    if setup::has_nextest() {
        Finding::Found("is used for the tests".to_owned())
    } else {
        Finding::Optional("without it `cargo test` runs the tests".to_owned())
    }
}

fn chromium() -> Finding {
    match chromium::find() {
        Ok(Some(path)) => Finding::Found(format!("{}, for the browser suite", path.display())),
        Ok(None) => Finding::Optional(
            "the browser suite wants it: as root with apt it is installed, else it is yours to"
                .to_owned(),
        ),
        Err(failure) => Finding::Missing(failure.to_string().replace("\n ", ":")),
    }
}

fn python() -> Finding {
    match python::system(clients::TITLE) {
        Ok(version) => Finding::Found(format!("{version}, for the SDKs that the tests try")),
        Err(failure) => Finding::Optional(failure.to_string().replace("\n ", ":")),
    }
}
