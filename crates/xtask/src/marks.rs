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
    use super::between;

    #[test]
    fn text_comes_between_its_marks() {
        let text = "a\n<b>\n\nold\n\n<e>\nz\n";
        assert_eq!(
            between(text, "<b>", "<e>", "new\n"),
            Ok("a\n<b>\n\nnew\n\n<e>\nz\n".to_owned())
        );
    }

    #[test]
    fn a_mark_that_is_gone_or_there_twice_is_named() {
        let gone = Err("the mark `<e>` is not there".to_owned());
        assert_eq!(between("<b>", "<b>", "<e>", "new"), gone);
        let twice = Err("the mark `<b>` is there more than once".to_owned());
        assert_eq!(between("<b> <b> <e>", "<b>", "<e>", "new"), twice);
    }
}
