//! Generators: what a new deployable or vendor needs is written at once, so that it builds, is tested and says
//! honestly what it does not do yet.
//!
//! Templates are files in `templates/`. Lists get their entries at marks, by [`marks`](crate::marks).

pub(crate) mod provider;
pub(crate) mod trial;
pub(crate) mod worker;

use std::collections::BTreeMap;
use std::path::Path;

use crate::failure::Failure;
use crate::files;
use crate::layout::Layout;
use crate::run::Run;
use crate::say;

/// What is going to be written. All of it is made before the first file is touched, so that a mark that is gone
/// leaves nothing half done.
#[derive(Default)]
struct Draft {
    /// Whole texts by their paths from the top of the repository.
    files: BTreeMap<String, String>,
}

impl Draft {
    /// Adds a new file.
    fn add(&mut self, root: &Path, file: &str, text: String) -> Result<(), Failure> {
        let path = root.join(file);
        if path.exists() {
            let problem = "it is there already; nothing was written".to_owned();
            return Err(Failure::Content { path, problem });
        }
        self.files.insert(file.to_owned(), text);
        Ok(())
    }

    /// Changes a file that is there, or that was changed before.
    fn edit(
        &mut self,
        root: &Path,
        file: &str,
        change: impl FnOnce(&str) -> Result<String, String>,
    ) -> Result<(), Failure> {
        let path = root.join(file);
        let text = match self.files.get(file) {
            Some(text) => text.clone(),
            None => files::read(&path)?,
        };
        let changed = change(&text).map_err(|problem| Failure::Content {
            path,
            problem: format!("{problem}; nothing was written"),
        })?;
        self.files.insert(file.to_owned(), changed);
        Ok(())
    }

    /// Writes all of it.
    fn write(self, root: &Path) -> Result<(), Failure> {
        self.files.iter().try_for_each(|(file, text)| files::write(&root.join(file), text))
    }
}

/// Brings what was written into the form that the formatter wants.
fn format(root: &Path) -> Result<(), Failure> {
    Run::new("cargo").args(["fmt", "--all"]).dir(root).show()
}

/// Writes the description of the API and the tables of what is deployed, by the code as it is now.
///
/// This program was built before: another one does it.
fn describe(layout: &Layout) -> Result<(), Failure> {
    let types = ["run", "--quiet", "--package", "xtask", "--", "types"];
    Run::new("cargo").args(types).dir(&layout.root).show().inspect_err(|_failure| {
        say::line(
            "all is written but docs/openapi.json and the tables: `cargo xtask types` does that",
        );
    })
}

/// A template with its places filled.
///
/// # Errors
/// `System` if a place has no value: the template and its caller do not fit.
fn rendered(template: &str, values: &[(&str, &str)]) -> Result<String, Failure> {
    let mut text = template.to_owned();
    for (name, value) in values {
        text = text.replace(&format!("{{{{{name}}}}}"), value);
    }
    match text.split_once("{{") {
        Some((_, rest)) => Err(Failure::System {
            action: "fill a template",
            problem: format!("nobody says what {{{{{} is", rest.lines().next().unwrap_or_default()),
        }),
        None => Ok(text),
    }
}

/// Reads a name: words of small letters and digits with dashes between, the first begins with a letter.
///
/// # Errors
/// A sentence for the caller.
fn name(text: &str) -> Result<String, String> {
    let is_word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let begins_well = text.starts_with(|first: char| first.is_ascii_lowercase());
    if !begins_well || !text.split('-').all(is_word) || !(2..=30).contains(&text.len()) {
        return Err(format!(
            "`{text}` is no name: expected are 2 to 30 of a-z and 0-9, the first a letter, single dashes between"
        ));
    }
    Ok(text.to_owned())
}

/// `stock-media` as a type is called: `StockMedia`.
fn pascal(name: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| {
            first.to_ascii_uppercase().to_string() + letters.as_str()
        })
    };
    name.split('-').map(capital).collect()
}

/// `stock-media` as people write it: `Stock media`.
fn spoken(name: &str) -> String {
    let words = name.replace('-', " ");
    let (first, rest) = words.split_at(words.len().min(1));
    first.to_ascii_uppercase() + rest
}

/// `stock-media` as a module is called: `stock_media`.
fn snake(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::{Draft, name, pascal, rendered, snake, spoken};

    #[test]
    fn a_name_is_words_with_dashes() {
        for good in ["speech", "stock-media", "a1", "x-2-y"] {
            assert_eq!(name(good), Ok(good.to_owned()));
        }
        for bad in ["", "a", "Speech", "-a", "a-", "a--b", "a_b", "a/b", "../a", "1a", "ä1"] {
            assert!(name(bad).unwrap_err().contains("is no name"), "{bad}");
        }
        assert!(name(&"a".repeat(31)).is_err());
    }

    #[test]
    fn a_name_has_its_forms() {
        assert_eq!(pascal("stock-media"), "StockMedia");
        assert_eq!(spoken("stock-media"), "Stock media");
        assert_eq!(snake("stock-media"), "stock_media");
    }

    #[test]
    fn a_place_without_a_value_is_refused() {
        assert_eq!(rendered("a {{x}} {{x}}", &[("x", "1")]).unwrap(), "a 1 1");
        let refusal = rendered("a {{y}}", &[("x", "1")]).unwrap_err().to_string();
        assert!(refusal.contains("{{y}}"), "{refusal}");
    }

    #[test]
    fn what_is_there_is_not_written_over_and_a_lost_mark_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::write(root.join("a"), "text").unwrap();
        let mut draft = Draft::default();
        let refusal = draft.add(root, "a", String::new()).unwrap_err().to_string();
        assert!(refusal.ends_with("a: it is there already; nothing was written"), "{refusal}");
        let refusal = draft
            .edit(root, "a", |text| crate::marks::above(text, "mark: x", "new"))
            .unwrap_err()
            .to_string();
        assert!(
            refusal.contains("the mark `mark: x` is not there; nothing was written"),
            "{refusal}"
        );
        draft.edit(root, "a", |text| Ok(format!("{text}1"))).unwrap();
        draft.edit(root, "a", |text| Ok(format!("{text}2"))).unwrap();
        assert_eq!(draft.files["a"], "text12");
    }
}
