//! Text that is put into files of ours at marks. A mark that is gone is a failure that names it: nothing is guessed.

/// Puts text between two marks, in the place of what stands there.
///
/// # Errors
/// A sentence for a person: a mark is not there, or more than once.
pub(crate) fn between(text: &str, begin: &str, end: &str, new: &str) -> Result<String, String> {
    let (before, rest) = split(text, begin)?;
    let (_, after) = split(rest, end)?;
    Ok(format!("{before}{begin}\n\n{}\n\n{end}{after}", new.trim_end()))
}

/// Puts lines above the line of a mark.
///
/// # Errors
/// A sentence for a person: the mark is not there, or more than once.
pub(crate) fn above(text: &str, mark: &str, new: &str) -> Result<String, String> {
    let (before, _) = split(text, mark)?;
    let line = before.rfind('\n').map_or(0, |end| end + 1);
    let (before, rest) = text.split_at(line);
    Ok(format!("{before}{}\n{rest}", new.trim_end()))
}

/// Puts an entry into a list between two marks, in the order of the alphabet.
///
/// An entry is any number of lines of comment and one line, which the order goes by.
///
/// # Errors
/// A sentence for a person: a mark is not there, or more than once.
pub(crate) fn sorted(text: &str, begin: &str, end: &str, new: &str) -> Result<String, String> {
    let (before, _) = split(text, begin)?;
    let first =
        before.len() + text.get(before.len()..).and_then(|rest| rest.find('\n')).unwrap_or(0);
    let (list, _) = split(text.get(first..).unwrap_or_default(), end)?;
    let is_comment = |line: &str| line.trim_start().starts_with("//");
    let key = new.lines().find(|line| !is_comment(line)).map(bare).unwrap_or_default();
    // Where the entry begins before which ours comes; its comments belong to it.
    let mut at = first + (list.len() - list.trim_start_matches('\n').len());
    let mut entry = at;
    for line in list.trim_start_matches('\n').split_inclusive('\n') {
        at += line.len();
        if is_comment(line) || line.trim().is_empty() {
            continue;
        }
        if bare(line) > key {
            break;
        }
        entry = at;
    }
    let (head, tail) = text.split_at(entry);
    Ok(format!("{head}{}\n{tail}", new.trim_end()))
}

/// What the alphabet goes by.
fn bare(line: &str) -> &str {
    line.trim().trim_start_matches("pub(crate) ").trim_start_matches("pub ")
}

/// What stands before and after a mark that is there once.
fn split<'a>(text: &'a str, mark: &str) -> Result<(&'a str, &'a str), String> {
    let (before, after) =
        text.split_once(mark).ok_or_else(|| format!("the mark `{mark}` is not there"))?;
    match after.contains(mark) {
        true => Err(format!("the mark `{mark}` is there more than once")),
        false => Ok((before, after)),
    }
}

#[cfg(test)]
mod tests {
    use super::{above, between, sorted};

    #[test]
    fn text_comes_to_its_place() {
        let text = "a\n<b>\n\nold\n\n<e>\nz\n";
        assert_eq!(
            between(text, "<b>", "<e>", "new\n"),
            Ok("a\n<b>\n\nnew\n\n<e>\nz\n".to_owned())
        );
        assert_eq!(above(text, "<e>", "  new"), Ok("a\n<b>\n\nold\n\n  new\n<e>\nz\n".to_owned()));
        assert_eq!(above("// m", "m", "x\n"), Ok("x\n// m".to_owned()));
    }

    #[test]
    fn an_entry_comes_where_the_alphabet_has_it() {
        let list = "x {\n  // <b> writes here\n  /// The first.\n  B = 1,\n  D = 2,\n  // <e>\n}\n";
        for (new, before) in [("A", "  /// The first."), ("C", "  D = 2"), ("E", "  // <e>")] {
            let entry = format!("  /// New.\n  {new} = 3,");
            let made = sorted(list, "<b>", "<e>", &entry).unwrap();
            assert!(made.contains(&format!("{entry}\n{before}")), "{made}");
            assert_eq!(made.len(), list.len() + entry.len() + 1);
        }
        let modules = "// <b>\n\nmod a;\npub mod c;\n\n// <e>\n";
        assert_eq!(
            sorted(modules, "<b>", "// <e>", "pub mod b;"),
            Ok("// <b>\n\nmod a;\npub mod b;\npub mod c;\n\n// <e>\n".to_owned())
        );
        let empty = "  // <b>\n  // <e>\n";
        assert_eq!(
            sorted(empty, "<b>", "<e>", "  A,"),
            Ok("  // <b>\n  A,\n  // <e>\n".to_owned())
        );
    }

    #[test]
    fn a_mark_that_is_gone_or_there_twice_is_named() {
        let gone = Err("the mark `<m>` is not there".to_owned());
        assert_eq!(above("text", "<m>", "new"), gone);
        assert_eq!(
            between("<m>", "<m>", "<e>", "new"),
            Err("the mark `<e>` is not there".to_owned())
        );
        assert_eq!(sorted("text", "<m>", "<e>", "new"), gone);
        let twice = Err("the mark `<m>` is there more than once".to_owned());
        assert_eq!(above("<m> <m>", "<m>", "new"), twice);
    }
}
