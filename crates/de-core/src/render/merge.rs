//! What `merge` puts into the texts of an edit: pair by pair, as the list has them, so that a pair sees what those
//! before it have put in.
//!
//! A text may grow with each pair, and what comes of that is bounded: its length before it is made, and the work
//! of a whole edit.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::{Map, Value};

/// The most pairs.
pub(super) const MOST_PAIRS: usize = 500;

/// The longest that a pair's name may be, in characters.
pub(super) const LONGEST_NAME: usize = 200;

/// The longest that a text may become, in bytes: as long as a whole edit may be.
const LONGEST_TEXT: usize = 512 * 1_024;

/// The most bytes that are looked at to fill in one edit. A page of 100,000 with fifty names takes twenty million.
const MOST_WORK: usize = 128 << 20;

/// Why a text is not filled in. The caller's fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum TooMuch {
    #[error("expected at most {LONGEST_TEXT} bytes with merge filled in")]
    Text,
    #[error("expected less to be filled in by merge: the texts of this edit repeat it too often")]
    Work,
}

/// The pairs that are well formed.
pub(super) struct Merge<'a> {
    /// What may still be looked at, in bytes.
    left: usize,
    /// How far before its end a name in braces can begin.
    longest: usize,
    pairs: Vec<(&'a str, Cow<'a, str>)>,
    /// The places of a name in `pairs`, in order.
    places: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> Merge<'a> {
    pub(super) fn of(edit: &'a Map<String, Value>) -> Self {
        let list = edit.get("merge").and_then(Value::as_array).into_iter().flatten();
        let pair = |pair: &'a Value| {
            let find = pair.get("find")?.as_str()?;
            let replace = match pair.get("replace")? {
                Value::Array(_) | Value::Object(_) => return None,
                Value::String(text) => Cow::Borrowed(text.as_str()),
                other => Cow::Owned(other.to_string()),
            };
            (find.len() <= 4 * LONGEST_NAME).then_some((find, replace))
        };
        let pairs: Vec<_> = list.take(MOST_PAIRS).filter_map(pair).collect();
        let mut places: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (place, (find, _)) in pairs.iter().enumerate() {
            places.entry(*find).or_default().push(place);
        }
        // With two braces, and a space on either side.
        let longest = pairs.iter().map(|(find, _)| find.len() + 4).max().unwrap_or(0);
        Self { left: MOST_WORK, longest, pairs, places }
    }

    /// A text with what the pairs put into it.
    pub(super) fn fill<'t>(&mut self, text: &'t str) -> Result<Cow<'t, str>, TooMuch> {
        let mut filled = Cow::Borrowed(text);
        if self.pairs.is_empty() || !text.contains("{{") {
            return Ok(filled);
        }
        let mut from = 0;
        while let Some(place) = self.next(&filled, from)? {
            let Some((find, replace)) = self.pairs.get(place).cloned() else { break };
            for written in [format!("{{{{{find}}}}}"), format!("{{{{ {find} }}}}")] {
                let count = filled.matches(&written).count();
                let added = count.saturating_mul(replace.len());
                let length = (filled.len() - count * written.len()).saturating_add(added);
                if count > 0 && length > LONGEST_TEXT {
                    return Err(TooMuch::Text);
                }
                self.work(filled.len().max(length))?;
                if count > 0 {
                    filled = Cow::Owned(filled.replace(&written, &replace));
                }
            }
            from = place + 1;
        }
        Ok(filled)
    }

    /// The first pair from `from` on whose name stands in a text, between doubled braces.
    fn next(&mut self, text: &str, from: usize) -> Result<Option<usize>, TooMuch> {
        let mut first = None;
        let bytes = text.as_bytes();
        for end in bytes.windows(2).enumerate().filter(|(_, two)| *two == b"}}").map(|(at, _)| at) {
            let furthest = end.saturating_sub(self.longest);
            self.work(end - furthest)?;
            let head = bytes.get(furthest..end).unwrap_or_default();
            // Two braces may stand anywhere among more of them; the name is what makes a pair.
            for (at, _) in head.windows(2).enumerate().filter(|(_, two)| *two == b"{{") {
                let name = text.get(furthest + at + 2..end).unwrap_or_default();
                self.work(name.len())?;
                let spaced = name.strip_prefix(' ').and_then(|name| name.strip_suffix(' '));
                for name in [Some(name), spaced].into_iter().flatten() {
                    let mut places = self.places.get(name).into_iter().flatten();
                    let place = places.find(|place| **place >= from).copied();
                    first = first.into_iter().chain(place).min();
                }
            }
        }
        Ok(first)
    }

    fn work(&mut self, bytes: usize) -> Result<(), TooMuch> {
        self.left = self.left.checked_sub(bytes).ok_or(TooMuch::Work)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn fill(text: &str, merge: Value) -> Result<String, TooMuch> {
        let edit = json!({ "merge": merge });
        Merge::of(edit.as_object().unwrap()).fill(text).map(Cow::into_owned)
    }

    #[test]
    fn a_pair_sees_what_those_before_it_have_put_in() {
        let chain = json!([{"find": "a", "replace": "{{b}}"}, {"find": "b", "replace": 7}]);
        assert_eq!(fill("<{{a}}{{ b }}>", chain).unwrap(), "<77>");
        let back = json!([{"find": "b", "replace": true}, {"find": "a", "replace": "{{b}}"}]);
        assert_eq!(fill("{{a}}{{b}}", back).unwrap(), "{{b}}true");
        let twice = json!([{"find": "a", "replace": "{{a}}."}, {"find": "a", "replace": "x"}]);
        assert_eq!(fill("{{a}}", twice).unwrap(), "x.");
        let made = json!([{"find": "a", "replace": "b"}, {"find": "b", "replace": "c"}]);
        assert_eq!(fill("{{{{a}}}}", made).unwrap(), "c");
    }

    /// Ten names of ten names each, and so on: a billion words.
    #[test]
    fn a_text_that_grows_with_each_pair_ends() {
        let pair = |n: usize| json!({"find": n.to_string(), "replace": format!("{{{{{}}}}}", n + 1).repeat(10)});
        let pairs = |count: usize| -> Value { (0..count).map(pair).collect() };
        assert_eq!(fill("{{0}}", pairs(2)).unwrap(), "{{2}}".repeat(100));
        assert_eq!(fill("{{0}}", pairs(9)), Err(TooMuch::Text));
        assert_eq!(fill("{{0}}", pairs(500)), Err(TooMuch::Text));
    }

    #[test]
    fn the_work_of_an_edit_ends_too() {
        let pairs: Value = (0..500)
            .map(|n| json!({"find": n.to_string(), "replace": format!("{{{{{}}}}}", n + 1)}))
            .collect();
        let edit = json!({ "merge": pairs });
        let mut merge = Merge::of(edit.as_object().unwrap());
        let text = format!("{{{{0}}}}{}", "x".repeat(1_000));
        let found = (0..1_000).find_map(|_| merge.fill(&text).err());
        assert_eq!(found, Some(TooMuch::Work));
        // Braces that open and never close, before names.
        let text = "{".repeat(400) + "0}}";
        let mut merge = Merge::of(edit.as_object().unwrap());
        assert_eq!((0..100_000).find_map(|_| merge.fill(&text).err()), Some(TooMuch::Work));
    }

    proptest! {
        #[test]
        fn it_fills_as_one_pair_after_the_other_would(
            text in "([ab]|\\{\\{|\\}\\}|[{} ]|\\{\\{ ?[ab] ?\\}\\}){0,12}",
            pairs in proptest::collection::vec(("[ab]|a\\}|\\{b|a\\}\\}b| ", "([ab]|\\{\\{[ab]\\}\\}|[{} ]){0,4}"), 0..5),
        ) {
            let merge: Value =
                pairs.iter().map(|(find, replace)| json!({"find": find, "replace": replace})).collect();
            let plain = pairs.iter().fold(text.clone(), |text, (find, replace)| {
                let spaced = format!("{{{{ {find} }}}}");
                text.replace(&format!("{{{{{find}}}}}"), replace).replace(&spaced, replace)
            });
            prop_assert_eq!(fill(&text, merge), Ok(plain));
        }
    }
}
