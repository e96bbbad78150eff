//! Which known word a misspelt one means.

/// The known word that differs by two letters at most, if there is one.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    // Two letters of three are no slip.
    let most = if word.len() < 5 { 1 } else { 2 };
    let near = known.map(|known| (distance(&word, &known.to_lowercase()), known));
    near.filter(|(far, _)| *far <= most).min_by_key(|(far, _)| *far).map(|(_, known)| known)
}

/// How many letters have to be changed, added or left out.
fn distance(one: &str, other: &str) -> usize {
    if one.len().abs_diff(other.len()) > 2 || one.len() > 40 {
        return usize::MAX;
    }
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut before = index;
        let mut last = index + 1;
        let mut next = vec![last];
        for (known, above) in other.iter().zip(row.iter().skip(1)) {
            let changed = before + usize::from(letter != *known);
            before = *above;
            last = changed.min(above + 1).min(last + 1);
            next.push(last);
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_understood_and_other_words_are_not() {
        let nearest = |word| nearest(word, ["transition", "timeline", "trim", "src"].into_iter());
        for (word, meant) in [
            ("transiton", Some("transition")),
            ("Timeline", Some("timeline")),
            ("trimm", Some("trim")),
            ("scr", None),
            ("sr", Some("src")),
            ("filter", None),
            ("", None),
        ] {
            assert_eq!(nearest(word), meant, "{word}");
        }
    }
}
