//! What a merge that was committed half done leaves behind: no other step reads prose and data.

use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::git;
use crate::layout::Layout;
use crate::say;

/// Looks for marks of conflicts in every text file that git keeps or would keep.
///
/// # Errors
/// `Steps` with the places of the marks.
pub(crate) fn check(layout: &Layout) -> Result<(), Failure> {
    let Some(names) = git::names(&layout.root)? else {
        say::line("this is no checkout: git keeps nothing here");
        return Ok(());
    };
    let steps = places(&layout.root, names.iter().map(String::as_str))?;
    if steps.is_empty() { Ok(()) } else { Err(Failure::Steps { steps }) }
}

/// `file:line` of each mark. What is no text has none; a file or folder that is not there neither.
fn places<'a>(root: &Path, names: impl Iterator<Item = &'a str>) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    for name in names {
        let path = root.join(name);
        if !path.is_file() {
            continue;
        }
        let bytes = fs::read(&path).map_err(Failure::file("read", &path))?;
        let Ok(text) = String::from_utf8(bytes) else { continue };
        let marked = text.lines().enumerate().filter(|(_, line)| is_mark(line));
        found.extend(marked.map(|(n, _)| format!("{name}:{}", n + 1)));
    }
    Ok(found)
}

/// Seven of a kind, alone or before the name of a side.
fn is_mark(line: &str) -> bool {
    ["<<<<<<<", "|||||||", "=======", ">>>>>>>"].iter().any(|mark| {
        line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    })
}

#[cfg(test)]
mod tests {
    use super::places;

    #[test]
    fn marks_of_a_conflict_are_found_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let files: [(&str, &[u8]); 3] = [
            ("left.md", b"one\n<<<<<<< HEAD\ntwo\n||||||| base\n=======\r\n>>>>>>> side\n"),
            ("whole.md", b"Title\n========\n\n | <<<<<<< quoted\n>>>>>>>> deeper\n"),
            ("picture", b"\xff\n=======\n"),
        ];
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        let names = ["left.md", "whole.md", "picture", "removed"];
        let found = places(folder.path(), names.into_iter()).unwrap();
        assert_eq!(found, ["left.md:2", "left.md:4", "left.md:5", "left.md:6"]);
    }
}
