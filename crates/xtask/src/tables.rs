//! The tables of the pages in Markdown that say what is deployed, made of `de-services`.
//!
//! `cargo xtask types` writes them between marks; a test here says where one is not as it would be made.

use std::fmt::Write as _;
use std::path::Path;

use de_services::{PAGES, Reach, WORKERS, Worker, order_of_deployment};

use crate::failure::Failure;
use crate::files;
use crate::layout::Layout;
use crate::marks;
use crate::say;

/// A table with its place.
struct Table {
    /// The file, from the top of the repository.
    file: &'static str,
    make: fn() -> String,
    /// What stands in the marks around it.
    name: &'static str,
}

const TABLES: [Table; 5] = [
    Table { file: "README.md", make: parts, name: "parts" },
    Table { file: "docs/api.md", make: paths, name: "paths" },
    Table { file: "docs/architecture.md", make: workers, name: "workers" },
    Table { file: "docs/architecture.md", make: pages, name: "pages" },
    Table { file: "docs/operations.md", make: ports, name: "ports" },
];

/// Writes the tables that are not as they would be made.
///
/// # Errors
/// `Content` if a page has no marks for its table.
pub(crate) fn write(layout: &Layout) -> Result<(), Failure> {
    for table in &TABLES {
        let path = layout.root.join(table.file);
        let text = files::read(&path)?;
        let made = filled(table, &path, &text)?;
        if made != text {
            files::write(&path, &made)?;
            say::line(&format!("wrote the table of {} in {}", table.name, table.file));
        }
    }
    Ok(())
}

fn filled(table: &Table, path: &Path, text: &str) -> Result<String, Failure> {
    let begin = format!("<!-- made by cargo xtask types: {} -->", table.name);
    let end = format!("<!-- end of {} -->", table.name);
    marks::between(text, &begin, &end, &(table.make)())
        .map_err(|problem| Failure::Content { path: path.to_owned(), problem })
}

fn parts() -> String {
    let mut text = "| Worker | What it does |\n| --- | --- |\n".to_owned();
    for Worker { about, name, .. } in WORKERS {
        let _ = writeln!(text, "| `{name}` | {about} |");
    }
    text.push_str("\n| Page | What it is for |\n| --- | --- |\n");
    for page in PAGES {
        let _ = writeln!(text, "| {} | {} |", page.title, page.about);
    }
    text
}

fn paths() -> String {
    let mut text =
        "| Worker | Paths at the front door, each with all below it | Scope |\n| --- | --- | --- |\n"
            .to_owned();
    for worker in WORKERS.iter().filter(|worker| worker.takes_keys()) {
        let paths = match worker.reach {
            Reach::Called { paths, .. } => {
                let native = format!("`/{}`", worker.name);
                let kept = paths.iter().map(|path| format!("`{path}`"));
                [native].into_iter().chain(kept).collect::<Vec<_>>().join(", ")
            }
            Reach::FrontDoor { .. } | Reach::Inside => "all others".to_owned(),
        };
        let scope = worker.scope.map_or_else(|| "`read`, `admin`".to_owned(), code);
        let _ = writeln!(text, "| `{}` | {paths} | {scope} |", worker.name);
    }
    text
}

fn workers() -> String {
    let mut text = "| Worker | What it does | Deployed after | Wasm after gzip, at most |\n\
                    | --- | --- | --- | --- |\n"
        .to_owned();
    for worker in order_of_deployment() {
        let before: Vec<_> = WORKERS.iter().filter(|other| worker.comes_after(other)).collect();
        let before = match before.len() {
            0 => "–".to_owned(),
            count if count + 1 == WORKERS.len() => "all others".to_owned(),
            _ => before.iter().map(|other| code(other.name)).collect::<Vec<_>>().join(", "),
        };
        let Worker { about, budget_kib, name, .. } = worker;
        let _ = writeln!(text, "| `{name}` | {about} | {before} | {budget_kib} KiB |");
    }
    text
}

fn pages() -> String {
    let mut text =
        "| Page | What it is for | Host below a domain |\n| --- | --- | --- |\n".to_owned();
    for page in PAGES {
        let _ = writeln!(text, "| `{}` | {} | `{}.` |", page.name, page.about, page.label);
    }
    text
}

fn ports() -> String {
    let mut text = "| Port | What |\n| --- | --- |\n".to_owned();
    let workers = WORKERS.iter().filter_map(|worker| Some((worker.dev_port()?, worker)));
    let workers = workers.map(|(port, worker)| match worker.is_front_door() {
        true => (port, format!("the front door (`{}`)", worker.name)),
        false => (port, format!("the `{}` worker's own host", worker.name)),
    });
    let pages = PAGES.iter().map(|page| (page.dev_port, format!("the page `{}`", page.name)));
    let mut rows: Vec<_> = workers.chain(pages).collect();
    rows.sort();
    for (port, what) in rows {
        let _ = match port {
            0 => writeln!(text, "| 8787 | {what} |"),
            port => writeln!(text, "| +{port} | {what} |"),
        };
    }
    text.push_str(
        "| +20 | the simulator |\n\
         | +21 | the runtime's own entry, where a worker's cron is called before its time |\n",
    );
    text
}

fn code(word: &str) -> String {
    format!("`{word}`")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{TABLES, filled};
    use crate::files;

    #[test]
    fn the_tables_are_as_they_are_made() {
        // Asked at run time: clones may share a target folder.
        let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..");
        for table in &TABLES {
            let path = root.join(table.file);
            let text = files::read(&path).unwrap();
            assert!(
                filled(table, &path, &text).unwrap() == text,
                "{}: the table of {} is not what crates/de-services says; `cargo xtask types` writes it",
                table.file,
                table.name
            );
        }
    }
}
