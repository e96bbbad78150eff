use super::pages;
use crate::args;

/// The words of a command line, as a shell would give them, with a word for each variable and placeholder.
fn words(line: &str) -> Vec<String> {
    let line = line.split(" #").next().unwrap_or(line);
    let words = line
        .split_whitespace()
        .take_while(|word| !["|", "||", "&&", ">", ";", ";;"].contains(word));
    words
        .map(|word| {
            let word = word.trim_matches(['"', '\'', ';']);
            if word.starts_with('$') { "staging" } else { word }.to_owned()
        })
        .collect()
}

/// What follows `cargo xtask` in a piece of code, if that is what it runs.
fn command(line: &str) -> Option<&str> {
    let (before, command) = line.split_once("cargo xtask ")?;
    // Variables may be set before it.
    before.split_whitespace().all(|word| word.contains('=')).then_some(command)
}

/// Why a line that runs one of our commands would be refused.
pub(crate) fn refusal(line: &str) -> Option<String> {
    let command = command(line)?;
    // It stands for any of them, or for a beginning.
    if command.contains(['<', '…', '[']) {
        return None;
    }
    let words = words(command);
    let refusal = args::parse(lexopt::Parser::from_args(&words)).err()?.to_string();
    // The name of a command that wants to know more.
    let is_name = words.len() == 1 && !refusal.starts_with("there is no command");
    (!is_name).then(|| format!("`{line}`: {refusal}"))
}

/// Whether a piece of code runs a wrangler that is not the pinned one, or not on a Node that it runs on.
fn is_another_wrangler(line: &str) -> bool {
    let mut words = line.split_whitespace().skip_while(|word| word.contains('='));
    let first = words.next().unwrap_or_default();
    let is_bare = first == "wrangler"
        && words.next().is_some_and(|word| word.starts_with(|c: char| c.is_ascii_lowercase()));
    is_bare || line.contains("bin/wrangler") || line.contains("npx wrangler")
}

#[test]
fn wrangler_is_run_by_xtask_in_every_page() {
    // A page of a decision tells what wrangler does, and is nothing to follow.
    let pages = pages().into_iter().filter(|page| !page.name.starts_with("docs/adr/"));
    let mut count = 0;
    for page in pages {
        for line in page.code_lines() {
            assert!(!is_another_wrangler(&line), "{}: {line}", page.name);
            count += usize::from(line.starts_with("cargo xtask wrangler -- "));
        }
    }
    assert!(count > 4, "only {count} lines run wrangler");
    for (line, expected) in [
        ("node_modules/.bin/wrangler d1 list", true),
        ("CLOUDFLARE_ACCOUNT_ID=a wrangler d1 list", true),
        ("npx wrangler login", true),
        ("cargo xtask wrangler -- d1 list", false),
        ("wrangler/environments.jsonc", false),
    ] {
        assert_eq!(is_another_wrangler(line), expected, "{line}");
    }
}

#[test]
fn commands_in_the_pages_are_commands_that_there_are() {
    let mut count = 0;
    let mut refusals = Vec::new();
    for page in pages() {
        for line in page.code_lines() {
            count += usize::from(command(&line).is_some());
            refusals.extend(refusal(&line).map(|refusal| format!("{}: {refusal}", page.name)));
        }
    }
    assert!(refusals.is_empty(), "{}", refusals.join("\n"));
    assert!(count > 30, "only {count} commands were found");
}

#[test]
fn a_command_that_is_not_there_is_found() {
    assert_eq!(refusal("cargo test"), None);
    assert_eq!(refusal("DE_PORT_BASE=9787 cargo xtask dev --detach   # and leaves it"), None);
    assert_eq!(refusal("cargo xtask secrets rotate --env \"$DE_ENV\""), None);
    assert!(refusal("cargo xtask develop").is_some());
    assert!(refusal("cargo xtask dev --fast").is_some());
    assert_eq!(refusal("cargo xtask deploy"), None);
    assert!(refusal("cargo xtask deploy --yes").is_some());
}
