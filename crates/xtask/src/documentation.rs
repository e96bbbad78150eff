//! What the pages say of other pages, of files, of commands and of routes, compared with what there is. Tests alone.

pub(crate) mod commands;
mod costs;
mod details;
mod faults;
mod limits;
mod links;
mod map;
mod places;
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
    let names = files().into_iter().filter(|name| name.ends_with(".md"));
    let read = |name: String| Page { text: fs::read_to_string(root().join(&name)).unwrap(), name };
    let pages: Vec<Page> = names.map(read).collect();
    assert!(pages.iter().any(|page| page.name == "README.md"), "the README is not among the pages");
    pages
}

fn page(name: &str) -> Page {
    pages().into_iter().find(|page| page.name == name).unwrap()
}

/// Every file that is ours, from the top of the repository, with slashes, in order.
fn files() -> Vec<String> {
    let mut files = Vec::new();
    collect(&root(), &root(), &mut files);
    files.sort();
    files
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<String>) {
    /// What is fetched or made, and git's own.
    const SKIPPED: [&str; 5] = [".git", ".wrangler", "dist", "node_modules", "target"];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
        // Of a worker it is what was built, elsewhere code that builds.
        let is_built = name.starts_with("workers/") && file == "build";
        if path.is_file() {
            files.push(name);
        } else if path.is_dir() && !is_built && !SKIPPED.contains(&file.as_str()) {
            collect(root, &path, files);
        }
    }
}
