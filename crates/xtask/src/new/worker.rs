//! `cargo xtask new-worker`: a worker that builds, lives, asks for its scope and says 501.

use std::path::Path;

use de_core::auth::Scope;
use de_services::{PAGES, WORKERS, binding, worker};
use lexopt::prelude::{Long, Value, ValueExt};

use super::{Draft, describe, format, name, pascal, rendered, snake, spoken};
use crate::failure::Failure;
use crate::layout::Layout;
use crate::marks::{above, sorted};
use crate::say;

/// The mark of lists with an entry a worker.
const WORKERS_MARK: &str = "mark: workers. `cargo xtask new-worker` writes above this line.";
/// What the front door has at its top, beside the workers' names.
const TAKEN_PATHS: [&str; 5] = ["assets", "health", "ready", "v1", "v2"];
/// The other packages of the workspace that begin with `de-`.
const TAKEN_PACKAGES: [&str; 7] =
    ["bench", "contract", "core", "edge", "services", "simulator", "testkit"];
/// The ports of workers' own hosts on the dev stack, from its first one.
const PORTS: std::ops::Range<u16> = 10..20;

/// What is asked for.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Order {
    about: String,
    name: String,
    /// The scope that its keys need: one that there is, or a new one.
    scope: String,
    title: String,
}

impl Order {
    /// Reads what stands behind `new-worker`.
    ///
    /// # Errors
    /// A sentence for the caller.
    pub(crate) fn read(mut parser: lexopt::Parser) -> Result<Self, lexopt::Error> {
        let (mut named, mut about, mut scope, mut title) = (None, None, None, None);
        while let Some(arg) = parser.next()? {
            match arg {
                Long("about") => about = Some(parser.value()?.string()?),
                Long("scope") => scope = Some(parser.value()?.string()?),
                Long("title") => title = Some(parser.value()?.string()?),
                Value(text) if named.is_none() => named = Some(text.string()?),
                other => return Err(other.unexpected()),
            }
        }
        let named = named.ok_or("which worker? `new-worker speech`")?;
        Self::new(&named, about, scope, title).map_err(Into::into)
    }

    /// Checks all of it that needs no look at the repository.
    ///
    /// # Errors
    /// A sentence for the caller.
    pub(super) fn new(
        named: &str,
        about: Option<String>,
        scope: Option<String>,
        title: Option<String>,
    ) -> Result<Self, String> {
        let named = name(named)?;
        if worker(&named).is_some() || PAGES.iter().any(|page| page.name == named) {
            return Err(format!("{named} is there already: crates/de-services has a row for it"));
        }
        if TAKEN_PATHS.contains(&named.as_str()) {
            return Err(format!("`/{named}` is a path of the front door: take another name"));
        }
        if TAKEN_PACKAGES.contains(&named.as_str()) {
            return Err(format!("de-{named} is another package: take another name"));
        }
        let scope = name(&scope.unwrap_or_else(|| named.clone()))
            .map_err(|problem| format!("--scope: {problem}"))?;
        let title = title.unwrap_or_else(|| spoken(&named));
        let about = about.unwrap_or_else(|| "Nothing yet: what it is for stands here.".to_owned());
        for (option, text) in [("--title", &title), ("--about", &about)] {
            if text.trim().is_empty() || text.contains(['"', '\\', '|', '{', '}', '\n']) {
                return Err(format!("{option}: expected is a line of text without \" \\ | {{ }}"));
            }
        }
        if title.ends_with('.') || !about.ends_with('.') {
            return Err("--title ends without a full stop, --about with one".to_owned());
        }
        Ok(Self { about, name: named, scope, title })
    }
}

/// Runs the command.
pub(crate) fn run(layout: &Layout, order: &Order) -> Result<(), Failure> {
    say::part(&format!("The worker {}", order.name));
    write(&layout.root, order)?;
    format(&layout.root)?;
    say::line(
        "written; its row, its scope and its paths go into the pages and the description now",
    );
    describe(layout)?;
    let Order { name, .. } = order;
    for step in [
        "What is left is what it is for:".to_owned(),
        format!(
            "  workers/{name}/src/generate.rs    its route, which says 501: docs/adding-an-endpoint.md"
        ),
        format!("  workers/{name}/src/openapi.rs     its description, then `cargo xtask types`"),
        "  crates/de-services/src/workers.rs its `paths` under /v1, its sentence".to_owned(),
        "  README.md                         a row of what works".to_owned(),
        format!("Try it: cargo xtask dev; curl -s http://127.0.0.1:8787/{name}/health"),
        format!("        cargo test -p de-{name}; git status shows what was written"),
    ] {
        say::line(&step);
    }
    Ok(())
}

/// Writes the worker into a repository.
///
/// # Errors
/// `Content` naming what is there already, or the mark that is gone; then nothing was written.
pub(super) fn write(root: &Path, order: &Order) -> Result<(), Failure> {
    draft(root, order)?.write(root)
}

fn draft(root: &Path, order: &Order) -> Result<Draft, Failure> {
    let Order { about, name, scope, title } = order;
    let crate_name = format!("de_{}", snake(name));
    let port = free_port()?;
    let scope_type = pascal(scope);
    let date = compatibility_date(root)?;
    let values = [
        ("about", about.as_str()),
        ("compatibility_date", &date),
        ("crate", &crate_name),
        ("name", name),
        ("port", &port),
        ("scope", scope),
        ("Scope", &scope_type),
        ("title", title),
    ];
    let mut draft = Draft::default();
    let folder = format!("workers/{name}");
    for (file, template) in [
        (format!("{folder}/Cargo.toml"), include_str!("../../templates/worker/Cargo.toml.tpl")),
        (format!("{folder}/src/entry.rs"), include_str!("../../templates/worker/entry.rs.tpl")),
        (
            format!("{folder}/src/generate.rs"),
            include_str!("../../templates/worker/generate.rs.tpl"),
        ),
        (format!("{folder}/src/lib.rs"), include_str!("../../templates/worker/lib.rs.tpl")),
        (format!("{folder}/src/openapi.rs"), include_str!("../../templates/worker/openapi.rs.tpl")),
        (
            format!("{folder}/tests/http.rs"),
            include_str!("../../templates/worker/tests_http.rs.tpl"),
        ),
        (
            format!("wrangler/{name}.jsonc"),
            include_str!("../../templates/worker/wrangler.jsonc.tpl"),
        ),
    ] {
        draft.add(root, &file, rendered(template, &values)?)?;
    }
    let row = rendered(include_str!("../../templates/worker/row.rs.tpl"), &values)?;
    let behind = rendered(include_str!("../../templates/worker/behind.rs.tpl"), &values)?;
    let dependency = format!("de-{name} = {{ path = \"workers/{name}\" }}");
    let service =
        format!("    {{ \"binding\": \"{}\", \"service\": \"de-{name}\" }},", binding(name));
    for (file, text) in [
        ("Cargo.toml", dependency),
        ("crates/de-services/src/workers.rs", row),
        ("tests/contract/Cargo.toml", format!("de-{name}.workspace = true")),
        ("tests/contract/src/workers.rs", behind),
        ("wrangler/config.jsonc", service),
    ] {
        draft.edit(root, file, |before| above(before, WORKERS_MARK, &text))?;
    }
    if Scope::parse(scope).is_none() {
        let entry = format!("    /// {title}.\n    {scope_type} = \"{scope}\",");
        draft.edit(root, "crates/de-core/src/auth.rs", |before| {
            sorted(before, "mark: scopes.", "// mark: end of scopes", &entry)
        })?;
        let choice = format!("  [\"{scope}\", \"calls of the {name} worker\"],");
        draft.edit(root, "interfaces/admin-panel/src/api-keys/scopes-field.tsx", |before| {
            above(before, "mark: scopes.", &choice)
        })?;
    }
    Ok(draft)
}

/// The first port that no worker has.
fn free_port() -> Result<String, Failure> {
    let is_free = |port: &u16| WORKERS.iter().all(|worker| worker.dev_port() != Some(*port));
    PORTS.clone().find(is_free).map(|port| port.to_string()).ok_or_else(|| Failure::Missing {
        what: format!(
            "the ports from +{} to +{} of the dev stack are all taken",
            PORTS.start,
            PORTS.end - 1
        ),
        remedy: "make room in crates/xtask/src/stack/ports.rs, and let PORTS here begin elsewhere"
            .to_owned(),
    })
}

/// The date that the other workers have.
fn compatibility_date(root: &Path) -> Result<String, Failure> {
    let path = root.join("wrangler/config.jsonc");
    let text = crate::files::read(&path)?;
    let date =
        text.split_once("\"compatibility_date\": \"").and_then(|(_, rest)| rest.split_once('"'));
    date.map(|(date, _)| date.to_owned()).ok_or_else(|| Failure::Content {
        path,
        problem: "there is no compatibility_date".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Order, draft};

    #[track_caller]
    fn read(line: &str) -> Result<Order, String> {
        let parser = lexopt::Parser::from_args(line.split_whitespace());
        Order::read(parser).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn an_order_is_read_with_what_is_usual() {
        let order = read("voice-lab").unwrap();
        assert_eq!((order.scope.as_str(), order.title.as_str()), ("voice-lab", "Voice lab"));
        assert!(order.about.ends_with('.'));
        let order = read("voice-lab --scope audio --title Voices --about Trials.").unwrap();
        assert_eq!((order.scope.as_str(), order.title.as_str()), ("audio", "Voices"));
        assert_eq!(order.about, "Trials.");
    }

    #[test]
    fn every_list_has_its_mark_and_gets_its_entry() {
        // Asked at run time: clones may share a target folder.
        let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..");
        let draft = draft(&root, &read("voice-lab").unwrap()).unwrap();
        for (file, entry) in [
            ("Cargo.toml", "de-voice-lab = { path = \"workers/voice-lab\" }\n# mark"),
            ("crates/de-core/src/auth.rs", "VoiceLab = \"voice-lab\",\n    // mark: end of scopes"),
            ("crates/de-services/src/workers.rs", "        name: \"voice-lab\",\n"),
            ("interfaces/admin-panel/src/api-keys/scopes-field.tsx", "[\"voice-lab\", \""),
            ("tests/contract/Cargo.toml", "de-voice-lab.workspace = true\n"),
            ("tests/contract/src/workers.rs", "router: de_voice_lab::router,"),
            ("workers/voice-lab/src/generate.rs", "Scope::VoiceLab"),
            ("wrangler/config.jsonc", "\"binding\": \"VOICE_LAB\", \"service\": \"de-voice-lab\""),
            ("wrangler/voice-lab.jsonc", "../workers/voice-lab/build/index.js"),
        ] {
            assert!(draft.files[file].contains(entry), "{file}: {}", draft.files[file]);
        }
        let of_a_scope_that_is_there = super::draft(&root, &read("voice --scope audio").unwrap());
        assert!(
            !of_a_scope_that_is_there.unwrap().files.contains_key("crates/de-core/src/auth.rs")
        );
    }

    #[test]
    fn a_name_that_is_taken_or_malformed_is_refused() {
        for (line, expected) in [
            ("", "which worker? `new-worker speech`"),
            ("Voice", "`Voice` is no name"),
            ("stock-media", "stock-media is there already"),
            ("monitoring", "monitoring is there already"),
            ("assets", "`/assets` is a path of the front door"),
            ("core", "de-core is another package"),
            ("voice --scope Audio", "--scope: `Audio` is no name"),
            ("voice --about Trials", "--title ends without a full stop, --about with one"),
            ("voice --title a|b", "--title: expected is a line of text"),
            ("voice more", "unexpected argument \"more\""),
        ] {
            let refusal = read(line).unwrap_err();
            assert!(refusal.starts_with(expected), "{line}: {refusal}");
        }
    }
}
