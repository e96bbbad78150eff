//! The shell blocks of the pages, run as a reader would run them.
//!
//! In the README every block is run, but for the one that sets up, which is what runs here. In `docs/` those
//! are run whose fence says so: ```` ```sh run ````. The blocks of a page are one script in one shell, since
//! later ones use what earlier ones have set. A block with calls that shall be refused says `sh run refused`.
//! A fence of `json` behind a block is what it answers: the same members of the same types, not the same values.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::{Deserializer, Value};

use crate::args::{self, Request};
use crate::failure::Failure;
use crate::files;
use crate::layout::Layout;
use crate::run::Run;
use crate::say;
use crate::setup::{self, Tools};
use crate::stack::ports::{DEFAULT_BASE, Ports};
use crate::stack::record::{self, Record};

/// The addresses that pages name: those of a stack on the usual ports.
const FRONT: &str = "http://127.0.0.1:8787";
const SIMULATOR: &str = "http://127.0.0.1:8807";
/// How much of a block's output a failure repeats.
const TAIL: usize = 2_000;

/// One block of a page.
#[derive(Debug, Eq, PartialEq)]
struct Block {
    /// Whether calls in it may be refused.
    may_be_refused: bool,
    /// The line of its fence, counted from 1.
    line: usize,
    /// What it answers, if the page says so.
    reply: Option<String>,
    text: String,
}

/// Runs the command: the blocks against the stack that runs here.
///
/// # Errors
/// `Missing` if none does, else as [`run`].
pub(crate) fn here(layout: &Layout) -> Result<(), Failure> {
    let ports = Ports::from_environment()?;
    let record = Record::read(layout, ports)?.filter(Record::is_alive);
    let record = record.ok_or_else(|| Failure::Missing {
        what: format!("no stack runs on port {}", ports.base()),
        remedy: "start one: cargo xtask dev --detach".to_owned(),
    })?;
    run(layout, &setup::prepare(layout)?, ports, &record)
}

/// Runs the blocks of all pages against a stack.
///
/// # Errors
/// `Steps` with the pages that do not hold; each has said why.
pub(super) fn run(
    layout: &Layout,
    tools: &Tools,
    ports: Ports,
    stack: &Record,
) -> Result<(), Failure> {
    let reader = Reader { layout, ports, stack, tools };
    let mut pages = vec![layout.root.join("README.md")];
    pages.extend(files::entries(&layout.root.join("docs"))?);
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    let mut failed = Vec::new();
    for page in pages {
        let name = page.strip_prefix(&layout.root).unwrap_or(&page).display().to_string();
        let every = name == "README.md";
        let blocks = blocks(&files::read(&page)?, every);
        let blocks: Vec<Block> = blocks.into_iter().filter(|block| !sets_up(block)).collect();
        if blocks.is_empty() {
            continue;
        }
        match reader.reads(&name, &blocks) {
            Ok(()) => say::line(&format!("{name}: {} blocks", blocks.len())),
            Err(Failure::Interrupted) => return Err(Failure::Interrupted),
            Err(failure) => {
                say::line(&format!("{name}: {failure}"));
                failed.push(name);
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::Steps { steps: failed }) }
}

/// Who does what a page says.
struct Reader<'a> {
    layout: &'a Layout,
    ports: Ports,
    stack: &'a Record,
    tools: &'a Tools,
}

impl Reader<'_> {
    fn reads(&self, name: &str, blocks: &[Block]) -> Result<(), Failure> {
        let Self { layout, ports, stack, tools } = *self;
        let place = layout.dev().join(format!("blocks-{}", ports.base()));
        files::remove(&place)?;
        // As it looks at the top of the repository, for blocks that leave files behind.
        files::make_folder(&place.join("target/dev"))?;
        // What blocks write may have keys in it.
        let private = fs::Permissions::from_mode(0o700);
        fs::set_permissions(&place, private).map_err(Failure::file("protect", &place))?;
        let record = place.join("target/dev/stack.json");
        symlink(record::path(layout, ports), &record).map_err(Failure::file("create", &record))?;
        let docs = place.join("docs");
        symlink(layout.root.join("docs"), &docs).map_err(Failure::file("create", &docs))?;
        let xtask = env::current_exe().map_err(|error| Failure::System {
            action: "find this command's file",
            problem: error.to_string(),
        })?;
        let script = script(blocks, &xtask, &stack.base, &stack.simulator);
        let run = Run::new("bash").args(["-euo", "pipefail", "-c", &script, name]).dir(&place);
        let run = run.env("DE_PORT_BASE", ports.base().to_string()).env("DE_OUT", &place);
        let run = run.env("DE_ROOT", &layout.root);
        let told = tools.dress(run)?.capture();
        let at = fs::read_to_string(place.join("at")).unwrap_or_default();
        let number: usize = at.trim().parse().unwrap_or_default();
        if let Err(failure) = told {
            let line = blocks.get(number).map_or(0, |block| block.line);
            let output =
                fs::read_to_string(place.join(format!("out-{number}"))).unwrap_or_default();
            let start = output.char_indices().rev().nth(TAIL).map_or(0, |(index, _)| index);
            let output = output.get(start..).unwrap_or_default();
            // The failure repeats the whole script, which says less than where it ended.
            let why = failure.to_string();
            let why = why.rsplit_once("ended with").map_or(why.as_str(), |(_, why)| why);
            let problem = format!("the block at line {line} ended with{why}\n{output}");
            return Err(Failure::Content { path: layout.root.join(name), problem });
        }
        for (number, block) in blocks.iter().enumerate() {
            let Some(reply) = &block.reply else { continue };
            let output = files::read(&place.join(format!("out-{number}")))?;
            compare(reply, &output).map_err(|problem| {
                let problem = format!("what the block at line {} answers: {problem}", block.line);
                Failure::Content { path: layout.root.join(name), problem }
            })?;
        }
        files::remove(&place)
    }
}

/// The blocks of one page as one script. What each writes goes into a file of its own.
fn script(blocks: &[Block], xtask: &Path, base: &str, simulator: &str) -> String {
    // The command that runs here, so that it is not built anew in another folder.
    let xtask = quoted(xtask);
    let mut script = format!(
        "fails=--fail-with-body\n\
         curl() {{ command curl $fails \"$@\"; }}\n\
         cargo() {{ shift; {xtask} \"$@\"; }}\n"
    );
    for (number, block) in blocks.iter().enumerate() {
        let text = block.text.replace(FRONT, base).replace(SIMULATOR, simulator);
        let fails = if block.may_be_refused { "" } else { "--fail-with-body" };
        // Writing to a String cannot fail.
        let _ = write!(
            script,
            "echo {number} > \"$DE_OUT/at\"\nfails={fails}\n{{\n{text}\n}} > \"$DE_OUT/out-{number}\"\n"
        );
    }
    script
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

/// Whether a block is what a run of this proves by itself: it starts the stack, or all suites.
fn sets_up(block: &Block) -> bool {
    let mut lines = block.text.lines().filter_map(command).peekable();
    lines.peek().is_some()
        && lines.all(|words| {
            let parsed = args::parse(lexopt::Parser::from_args(words));
            matches!(parsed, Ok(Request::Dev { .. } | Request::Test))
        })
}

/// The words behind `cargo xtask`, without a comment; none for another line.
fn command(line: &str) -> Option<Vec<String>> {
    let line = line.split(" #").next().unwrap_or_default().trim();
    if line.is_empty() {
        return None;
    }
    // What is no command of ours is none that sets up.
    let rest = line.strip_prefix("cargo xtask").unwrap_or("?");
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

/// The blocks of a page that are to be run.
fn blocks(page: &str, every: bool) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut lines = page.lines().enumerate();
    // Whether what comes next may be the answer of the last block.
    let mut answers = false;
    while let Some((index, line)) = lines.next() {
        let Some(fence) = line.strip_prefix("```") else {
            answers &= line.trim().is_empty();
            continue;
        };
        let text = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```");
        let text = text.collect::<Vec<_>>().join("\n");
        let words: Vec<&str> = fence.split_whitespace().collect();
        let is_shell = words.first() == Some(&"sh") && (every || words.contains(&"run"));
        if is_shell {
            let may_be_refused = words.contains(&"refused");
            blocks.push(Block { may_be_refused, line: index + 1, reply: None, text });
        } else if answers
            && words == ["json"]
            && let Some(block) = blocks.last_mut()
        {
            block.reply = Some(text);
        }
        answers = is_shell;
    }
    blocks
}

/// Compares the last JSON of an output with what a page shows.
fn compare(reply: &str, output: &str) -> Result<(), String> {
    let cut = [("{…}", "{}"), ("[…]", "[]"), (", …", "")];
    let reply = cut.iter().fold(reply.to_owned(), |text, (from, to)| text.replace(from, to));
    let expected: Value =
        serde_json::from_str(&reply).map_err(|error| format!("the page shows no JSON: {error}"))?;
    let start = output.find(['{', '[']).ok_or("there is no JSON in what came")?;
    let rest = output.get(start..).unwrap_or_default();
    let last = Deserializer::from_str(rest).into_iter::<Value>().map_while(Result::ok).last();
    let last = last.ok_or("what came cannot be read as JSON")?;
    same_shape("", &expected, &last)
}

fn same_shape(place: &str, expected: &Value, found: &Value) -> Result<(), String> {
    match (expected, found) {
        (Value::Null, _) => Ok(()),
        (Value::Object(expected), Value::Object(found)) => {
            expected.iter().try_for_each(|(name, expected)| {
                let place = format!("{place}/{name}");
                let there = found.get(name).ok_or_else(|| format!("{place} did not come"))?;
                same_shape(&place, expected, there)
            })
        }
        (Value::Array(expected), Value::Array(found)) => match (expected.first(), found.first()) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(format!("{place} came empty")),
            (Some(expected), Some(found)) => same_shape(&format!("{place}/0"), expected, found),
        },
        (expected, found) if std::mem::discriminant(expected) == std::mem::discriminant(found) => {
            Ok(())
        }
        (expected, found) => Err(format!("{place} is {found}, where the page shows {expected}")),
    }
}

/// The stack of a page is the usual one.
const _: () = assert!(DEFAULT_BASE == 8787);

#[cfg(test)]
mod tests {
    use super::{blocks, compare, sets_up};

    const PAGE: &str = "\
# A page\n\n```sh\ncargo xtask dev     # starts\ncargo xtask test\n```\n\n```sh run\ncurl -s /a\n```\n\n\
```json\n{\"a\": [{\"b\": 1}], \"c\": \"…\", \"d\": {…}}\n```\n\n```sh run refused\ncurl -s /b\n```\n\nText.\n\n\
```json\n{}\n```\n";

    #[test]
    fn blocks_are_taken_out_with_their_answers() {
        let all = blocks(PAGE, true);
        let lines: Vec<usize> = all.iter().map(|block| block.line).collect();
        assert_eq!(lines, [3, 8, 16]);
        assert!(sets_up(&all[0]) && !sets_up(&all[1]));
        assert!(all[1].reply.is_some() && all[2].reply.is_none());
        assert!(all[2].may_be_refused && !all[1].may_be_refused);
        let marked = blocks(PAGE, false);
        assert_eq!(marked, all.into_iter().skip(1).collect::<Vec<_>>());
    }

    #[test]
    fn a_block_that_does_more_than_set_up_is_run() {
        let page =
            "```sh\ncargo xtask dev\ncurl -s /a\n```\n```sh\ncargo xtask deploy-everything\n```\n";
        assert!(!blocks(page, true).iter().any(sets_up));
    }

    #[test]
    fn an_answer_has_the_shape_and_not_the_values() {
        let reply = blocks(PAGE, false).remove(0).reply.unwrap();
        let told = |output: &str| compare(&reply, output);
        assert_eq!(
            told("HTTP/1.1 200 OK\n\n{\"a\": [{\"b\": 7}], \"c\": \"x\", \"d\": {}, \"e\": 1}"),
            Ok(())
        );
        assert_eq!(told("{}\n{\"a\": [{\"b\": 7}], \"c\": \"x\", \"d\": {}}\n"), Ok(()));
        assert_eq!(told("{\"a\": [], \"c\": \"x\"}"), Err("/a came empty".to_owned()));
        assert_eq!(told("{\"a\": [{}]}"), Err("/a/0/b did not come".to_owned()));
        let other = "{\"a\": [{\"b\": \"7\"}]}";
        assert_eq!(told(other), Err("/a/0/b is \"7\", where the page shows 1".to_owned()));
        assert_eq!(told("no"), Err("there is no JSON in what came".to_owned()));
    }
}
