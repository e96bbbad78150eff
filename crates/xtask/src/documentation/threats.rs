//! `.github/SECURITY.md` names, for each threat, what fails when its defence goes: here each name is held to exist.
//!
//! In the last column of the table stand functions of tests by their bare name, and by a word before a colon what is no
//! such function: `browser:` the title of a test in a browser, `fuzz:` a target, `lint:` a lint of the workspace,
//! `step:` a step of `cargo xtask ci`, `workflow:` a file of `.github/workflows`. A row may say "not checked:" and why.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use pulldown_cmark::{Event, Tag, TagEnd};

use super::{Page, page, root};

/// One row of the table: its cells as text, and what stands as code in the last one.
#[derive(Debug, Default)]
struct Row {
    cells: Vec<String>,
    keepers: Vec<String>,
}

fn rows(page: &Page) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = Row::default();
    let mut is_head = false;
    for event in page.events() {
        match event {
            Event::Start(Tag::TableHead) => is_head = true,
            Event::End(TagEnd::TableHead) => is_head = false,
            Event::Start(Tag::TableRow) => row = Row::default(),
            Event::End(TagEnd::TableRow) => rows.push(std::mem::take(&mut row)),
            Event::Start(Tag::TableCell) => {
                row.cells.push(String::new());
                row.keepers.clear();
            }
            Event::Code(code) if !is_head => {
                if let Some(cell) = row.cells.last_mut() {
                    cell.push_str(&code);
                    row.keepers.push(code.into_string());
                }
            }
            Event::Text(text) => {
                if let Some(cell) = row.cells.last_mut() {
                    cell.push_str(&text);
                }
            }
            _ => {}
        }
    }
    rows
}

/// All that can keep a defence.
struct Keepers {
    /// By the word before the colon; tests of Rust have none.
    known: BTreeSet<(String, String)>,
}

impl Keepers {
    fn of_the_repository() -> Self {
        let root = root();
        let mut known = BTreeSet::new();
        let mut add = |kind: &str, names: Vec<String>| {
            assert!(!names.is_empty(), "nothing was found that is of the kind {kind:?}");
            known.extend(names.into_iter().map(|name| (kind.to_owned(), name)));
        };
        let mut tests = Vec::new();
        for folder in ["crates", "tests", "workers"] {
            files(&root.join(folder), "rs", &mut |text| tests.extend(tests_of(text)));
        }
        add("", tests);
        let mut titles = Vec::new();
        files(&root.join("interfaces/browser/src"), "ts", &mut |text| {
            titles.extend(between(text, "test(\"", "\""));
        });
        add("browser", titles);
        let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
        let steps = ["crates/xtask/src/ci.rs", "crates/xtask/src/test.rs"];
        add(
            "step",
            steps.iter().flat_map(|path| between(&read(path), "steps.run(\"", "\"")).collect(),
        );
        let manifest = read("Cargo.toml");
        let lints = manifest.split("[workspace.lints.").skip(1).flat_map(|part| {
            let lines = part.split("\n[").next().unwrap_or_default().lines().skip(1);
            lines.filter_map(|line| Some(line.split_once(" = ")?.0.to_owned())).collect::<Vec<_>>()
        });
        add("lint", lints.collect());
        add("fuzz", names(&root.join("tests/fuzz/corpus")));
        let workflows = names(&root.join(".github/workflows"));
        add(
            "workflow",
            workflows
                .iter()
                .filter_map(|name| name.strip_suffix(".yml"))
                .map(str::to_owned)
                .collect(),
        );
        Self { known }
    }

    fn has(&self, keeper: &str) -> bool {
        let (kind, name) = keeper.split_once(": ").unwrap_or(("", keeper));
        self.known.contains(&(kind.to_owned(), name.to_owned()))
    }
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

/// Hands over the text of each file of a kind, but for what is made or fetched.
fn files(folder: &Path, ending: &str, found: &mut impl FnMut(&str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["build", "node_modules", "target"].contains(&name.as_str()) {
                files(&path, ending, found);
            }
        } else if path.extension().is_some_and(|known| known == ending) {
            found(&fs::read_to_string(&path).unwrap());
        }
    }
}

/// What stands between two marks, each time.
fn between(text: &str, before: &str, after: &str) -> Vec<String> {
    let pieces = text.split(before).skip(1).filter_map(|piece| piece.split_once(after));
    pieces.map(|(name, _)| name.to_owned()).collect()
}

/// The names of the functions that are tests: those behind `#[test]` or `#[tokio::test]`, whatever else is said of
/// them in between.
fn tests_of(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if line == "#[test]" || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if is_test && !line.starts_with('#') && !line.starts_with("//") {
            let name = line.split_once("fn ").and_then(|(_, rest)| rest.split(['(', '<']).next());
            names.extend(name.map(str::to_owned));
            is_test = line.is_empty();
        }
    }
    names
}

/// What is wrong with the table.
fn faults(page: &Page, keepers: &Keepers) -> Vec<String> {
    let mut faults = Vec::new();
    for Row { cells, keepers: named } in rows(page) {
        let [asset, attack, _, kept] = cells.as_slice() else {
            faults.push(format!("not four cells: {cells:?}"));
            continue;
        };
        let place = format!("{asset} / {attack}");
        if cells.iter().any(|cell| cell.trim().is_empty()) {
            faults.push(format!("{place}: an empty cell"));
        }
        let reason = kept.split_once("not checked:").map(|(_, reason)| reason.trim().len());
        if named.is_empty() && reason.is_none_or(|length| length < 20) {
            faults.push(format!("{place}: neither a test nor a reason why there is none"));
        }
        let unknown = named.iter().filter(|keeper| !keepers.has(keeper));
        faults.extend(unknown.map(|keeper| format!("{place}: there is no `{keeper}`")));
    }
    faults
}

#[test]
fn every_threat_names_what_keeps_it_off_and_that_is_there() {
    let page = page(".github/SECURITY.md");
    let faults = faults(&page, &Keepers::of_the_repository());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let count = rows(&page).len();
    assert!(count > 40, "only {count} threats were found");
}

#[test]
fn a_name_that_is_gone_is_found() {
    let keepers = Keepers::of_the_repository();
    for there in [
        "a_name_that_is_gone_is_found",
        "random_bytes_never_panic",
        "s02_every_route_wants_a_key",
        "browser: markup that somebody planted is text on every page",
        "fuzz: key",
        "lint: unwrap_used",
        "step: licences and sources of crates",
        "workflow: advisories",
    ] {
        assert!(keepers.has(there), "{there}");
    }
    for gone in ["faults", "no_such_test", "fuzz: no", "step: unwrap_used", "lint: no", "tests"] {
        assert!(!keepers.has(gone), "{gone}");
    }
    let table = "| A | B | C | D |\n| --- | --- | --- | --- |\n";
    for (row, fault) in [
        ("| a | b | c | `no_such_test` |", "there is no `no_such_test`"),
        ("| a | b | c | some test |", "neither a test nor a reason"),
        ("| a | b | c | not checked: no |", "neither a test nor a reason"),
        ("| a | | c | `a_name_that_is_gone_is_found` |", "an empty cell"),
    ] {
        let page = Page { name: String::new(), text: format!("{table}{row}\n") };
        let found = faults(&page, &keepers);
        assert!(found.len() == 1 && found[0].contains(fault), "{row}: {found:?}");
    }
    let good =
        "| a `x` | b | c | `fuzz: key`, not checked: what a name resolves to is not seen here |\n";
    let page = Page { name: String::new(), text: format!("{table}{good}") };
    assert_eq!(faults(&page, &keepers), Vec::<String>::new());
}
