//! What the pages say of other pages, of commands and of routes, compared with what there is. Tests alone.

pub(crate) mod commands;
mod costs;
mod details;
mod faults;
mod limits;
mod links;
mod map;
mod routes;
mod threats;

use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// A Markdown file.
struct Page {
    /// From the top of the repository, with slashes.
    name: String,
    text: String,
}

impl Page {
    fn events(&self) -> impl Iterator<Item = Event<'_>> {
        Parser::new_ext(&self.text, Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS)
    }

    /// Every piece of code, each line by itself.
    fn code_lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut inside = false;
        for event in self.events() {
            match event {
                Event::Code(code) => lines.push(code.into_string()),
                Event::Start(Tag::CodeBlock(_)) => inside = true,
                Event::End(TagEnd::CodeBlock) => inside = false,
                Event::Text(text) if inside => lines.extend(text.lines().map(str::to_owned)),
                _ => {}
            }
        }
        lines
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every page that is ours, in order of name.
fn pages() -> Vec<Page> {
    let mut pages = Vec::new();
    collect(&root(), &root(), &mut pages);
    pages.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(pages.iter().any(|page| page.name == "README.md"), "the README is not among the pages");
    pages
}

fn page(name: &str) -> Page {
    pages().into_iter().find(|page| page.name == name).unwrap()
}

fn collect(root: &Path, folder: &Path, pages: &mut Vec<Page>) {
    /// What is made or fetched, and git's own.
    const SKIPPED: [&str; 6] = [".git", ".wrangler", "build", "dist", "node_modules", "target"];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !SKIPPED.contains(&file.as_str()) {
                collect(root, &path, pages);
            }
        } else if file.ends_with(".md") {
            let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
            pages.push(Page { name, text: fs::read_to_string(&path).unwrap() });
        }
    }
}
