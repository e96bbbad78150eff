//! Files and folders that the pages name in code, as `crates/de-core/src/ports.rs` or `exchange/hedge.rs`.

use std::collections::BTreeSet;

use pulldown_cmark::Event;

use super::{files, pages};

/// Folders at the top: what begins with one of them is a place, whatever it ends with.
const TOPS: [&str; 9] = [
    ".github/",
    "crates/",
    "docs/",
    "interfaces/",
    "migrations/",
    "seeds/",
    "tests/",
    "workers/",
    "wrangler/",
];
/// What names of files end with.
const ENDINGS: [&str; 12] = [
    ".html", ".json", ".jsonc", ".md", ".mjs", ".py", ".rs", ".sh", ".sql", ".svg", ".toml", ".ts",
];
/// What a run makes; those that end with a slash with all that is below.
const MADE: [&str; 4] =
    ["interfaces/browser/results", "stack.json", "target/", "wrangler/node_modules"];
/// What stands for any other, and files of the reader's own.
const EXAMPLES: [&str; 13] = [
    "NNNN.sql",
    "crates/de-core/fixtures/acme/",
    "crates/de-testkit/tests/upgrade/NNNN.sql",
    "foo.rs",
    "mod.rs",
    "model.json",
    "polled.json",
    "protocols/acme.rs",
    "streamed.json",
    "utils.rs",
    // A route of ElevenLabs'.
    "with-timestamps",
    "workers/speech/",
    "wrangler/speech.jsonc",
];

/// The place that a piece of code in a line is, if it is one.
fn place(code: &str) -> Option<&str> {
    // What stands before is said in the row above.
    let place = code.strip_prefix("…/").unwrap_or(code);
    let is_plain = place.chars().all(|letter| letter.is_alphanumeric() || "/._-".contains(letter));
    let looks_so = place.len() < code.len()
        || TOPS.iter().any(|top| place.starts_with(top))
        || ENDINGS.iter().any(|ending| place.len() > ending.len() && place.ends_with(ending));
    (is_plain && looks_so).then_some(place)
}

/// Whether there is a file, or a folder, whose path is this or ends with it.
fn is_there(files: &BTreeSet<String>, place: &str) -> bool {
    let place = place.trim_end_matches('/');
    let (below, within, at_end) = (format!("{place}/"), format!("/{place}/"), format!("/{place}"));
    files.iter().any(|file| {
        file == place
            || file.starts_with(&below)
            || file.contains(&within)
            || file.ends_with(&at_end)
    })
}

fn is_known(place: &str) -> bool {
    MADE.iter().any(|made| place == *made || (made.ends_with('/') && place.starts_with(made)))
        || EXAMPLES.contains(&place)
}

#[test]
fn places_in_the_pages_are_there() {
    let files: BTreeSet<_> = files().into_iter().collect();
    let mut count = 0;
    let mut missing = Vec::new();
    // A decision says what was there when it was taken.
    for page in pages().iter().filter(|page| !page.name.starts_with("docs/adr/")) {
        for event in page.events() {
            let Event::Code(code) = event else { continue };
            let Some(place) = place(&code) else { continue };
            count += 1;
            if !is_known(place) && !is_there(&files, place) {
                missing.push(format!("{}: `{code}`", page.name));
            }
        }
    }
    assert!(missing.is_empty(), "there is no\n{}", missing.join("\n"));
    assert!(count > 300, "only {count} places were found");
}

#[test]
fn a_place_is_told_from_other_code() {
    let files = BTreeSet::from(["crates/one/src/two.rs".to_owned(), "docs/a.md".to_owned()]);
    for (code, expected) in [
        ("crates/one/src/two.rs", Some(true)),
        ("src/two.rs", Some(true)),
        ("two.rs", Some(true)),
        ("…/src/", Some(true)),
        ("crates/one", Some(true)),
        ("wo.rs", Some(false)),
        ("crates/two", Some(false)),
        ("…/circuit", Some(false)),
        ("/v1/models", None),
        ("cargo xtask new-worker", None),
        ("workers/<worker>/src/", None),
        ("wrangler/*.jsonc", None),
        ("image/png", None),
        (".json", None),
    ] {
        assert_eq!(place(code).map(|place| is_there(&files, place)), expected, "{code}");
    }
}
