//! Paths into a reply: JSONPath (RFC 9535), or the short forms `a.b` and `data.0.url`.
//!
//! The library passes the compliance suite; `match()` and `search()` are left out of it, because
//! they would bring a regular expression engine into every worker. Paths that name one place, which
//! nearly all do, are walked without it. A path is bounded when it is saved, so that no path of a
//! mapping can make a reply expensive to read.

use serde_json::Value;
use serde_json_path::JsonPath;

/// The longest path in bytes.
const MAX_LENGTH: usize = 256;
/// The most brackets inside one another; the library's parser recurses and tries alternatives.
const MAX_NESTING: usize = 4;
/// The most commas: each multiplies what is selected.
const MAX_COMMAS: usize = 8;
/// The most `..` and the most `?`: each visits everything below it.
const MAX_SCANS: usize = 2;

/// Why a text is not a path.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PathFault {
    /// Neither JSONPath nor a short form.
    #[error("not a path: {reason}")]
    Malformed {
        /// What the parser says.
        reason: String,
    },
    /// Longer, deeper or wider than a mapping needs.
    #[error(
        "a path has one \"$\" and at most {MAX_LENGTH} bytes, {MAX_NESTING} brackets inside one \
         another, {MAX_COMMAS} commas, and {MAX_SCANS} each of \"..\" and \"?\""
    )]
    TooComplex,
}

/// A path, parsed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Path {
    /// One place at most.
    Steps(Vec<Step>),
    /// Any number of places.
    Query(JsonPath),
}

/// One step of a path that names one place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// A digit between dots: an index of a list or a member of an object.
    Either {
        index: usize,
        member: String,
    },
    Index(usize),
    Member(String),
}

impl Path {
    /// Parses a path; `$` begins JSONPath, everything else is a short form.
    pub(crate) fn parse(text: &str) -> Result<Self, PathFault> {
        let Some(rest) = text.strip_prefix('$') else {
            return short(text).map(Self::Steps);
        };
        if let Some(steps) = singular(rest) {
            return Ok(Self::Steps(steps));
        }
        check_bounds(text)?;
        if ends_in_an_escape(text) {
            return Err(PathFault::Malformed { reason: "an escape \\u has no end".to_owned() });
        }
        JsonPath::parse(text)
            .map(Self::Query)
            .map_err(|error| PathFault::Malformed { reason: error.to_string() })
    }

    /// Whether the path is `$`, the whole body.
    pub(crate) fn is_root(&self) -> bool {
        matches!(self, Self::Steps(steps) if steps.is_empty())
    }

    /// Finds the values at the path, in order; JSON null counts as nothing.
    pub(crate) fn find<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        match self {
            Self::Steps(steps) => {
                let found = steps.iter().try_fold(value, |value, step| step.follow(value));
                found.filter(|value| !value.is_null()).into_iter().collect()
            }
            Self::Query(path) => {
                path.query(value).all().into_iter().filter(|value| !value.is_null()).collect()
            }
        }
    }
}

impl Step {
    fn follow<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match (self, value) {
            (Self::Either { index, .. } | Self::Index(index), Value::Array(items)) => {
                items.get(*index)
            }
            (Self::Either { member, .. } | Self::Member(member), Value::Object(members)) => {
                members.get(member)
            }
            _ => None,
        }
    }
}

/// `.name` and `[0]` only: a subset of JSONPath that needs no library. `None` for more than that.
fn singular(mut rest: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (name, next) = after.split_at_checked(end)?;
            if !super::template::is_name(name) {
                return None;
            }
            steps.push(Step::Member(name.to_owned()));
            rest = next;
        } else {
            let (index, next) = rest.strip_prefix('[')?.split_once(']')?;
            steps.push(Step::Index(index_of(index)?));
            rest = next;
        }
    }
    Some(steps)
}

fn short(text: &str) -> Result<Vec<Step>, PathFault> {
    if text.len() > MAX_LENGTH {
        return Err(PathFault::TooComplex);
    }
    let steps: Option<Vec<Step>> = text.split('.').map(short_step).collect();
    steps.ok_or_else(|| PathFault::Malformed {
        reason: "a path begins with $, or is names and numbers with dots between".to_owned(),
    })
}

fn short_step(name: &str) -> Option<Step> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if name.is_empty() || !name.bytes().all(fits) {
        return None;
    }
    let member = name.to_owned();
    Some(match index_of(name) {
        Some(index) => Step::Either { index, member },
        None => Step::Member(member),
    })
}

/// An index as RFC 9535 writes it: no sign, no leading zero.
fn index_of(text: &str) -> Option<usize> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && text.len() <= 6;
    (plain && (text == "0" || !text.starts_with('0'))).then(|| text.parse().ok())?
}

/// Whether the text ends within an escape `\u`. The library's parser then asks for more text, which it takes for
/// impossible elsewhere, and panics: that would end every call of the isolate.
fn ends_in_an_escape(text: &str) -> bool {
    text.rsplit_once("\\u").is_some_and(|(_, digits)| digits.len() < 4)
}

/// Counts inside string literals too: a path that has such characters there can do without.
fn check_bounds(text: &str) -> Result<(), PathFault> {
    let mut depth = 0_usize;
    let mut deepest = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    let count = |needle: &str| text.matches(needle).count();
    let bounded = text.len() <= MAX_LENGTH
        && deepest <= MAX_NESTING
        && count(",") <= MAX_COMMAS
        && count("..") <= MAX_SCANS
        && count("?") <= MAX_SCANS
        // A filter that begins at the root again would read the whole reply once for each node.
        && count("$") == 1
        // Each `!` and each bracket is a level of the parser's recursion.
        && count("!") <= MAX_COMMAS;
    if bounded { Ok(()) } else { Err(PathFault::TooComplex) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn check(path: &str, expected: Value) {
        let body = json!({
            "data": [{"url": "a", "ok": true}, {"url": "b"}, {"url": null}],
            "usage": {"in": 3, "cached": 1},
            "content": [{"type": "thinking"}, {"type": "text", "text": "x"}],
            "0": "zero"
        });
        let path = Path::parse(path).unwrap();
        let found: Vec<Value> = path.find(&body).into_iter().cloned().collect();
        assert_eq!(Value::Array(found), expected, "{path:?}");
    }

    #[test]
    fn both_forms_find_the_same() {
        check("$.data[0].url", json!(["a"]));
        check("data.0.url", json!(["a"]));
        check("0", json!(["zero"]));
        check("$['0']", json!(["zero"]));
        check("$.data[2].url", json!([]));
        check("$.nothing.there", json!([]));
    }

    #[test]
    fn several_matches_come_in_order() {
        check("$.data[*].url", json!(["a", "b"]));
        check("$.usage['in','cached','gone']", json!([3, 1]));
        check("$.content[?@.type == \"text\"].text", json!(["x"]));
        check("$.data[?length(@.url) == 1].url", json!(["a", "b"]));
        check("$.data[-1:].url", json!([]));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in [
            "",
            "$.data.0.url",
            "audio/mpeg",
            "a..b",
            "a[0]",
            "$x",
            "$.",
            "$[",
            "$[01]",
            "$[+1]",
            "$[\"\\u0041",
            "$.a[?match(@,'a')]",
        ] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
        let wide = "$[0,0,0,0,0,0,0,0,0,0]".to_owned();
        let deep = format!("$[?{}@{}]", "(".repeat(99), ")".repeat(99));
        for text in [
            wide,
            deep,
            "$..a..b..c".into(),
            "$.a[?$..b]".into(),
            format!("$['{}']", "a".repeat(300)),
        ] {
            assert_eq!(Path::parse(&text), Err(PathFault::TooComplex), "{text}");
        }
    }

    #[test]
    fn an_escape_without_an_end_is_refused() {
        for text in ["$[\"", "$['a", "$[?@.b=='", "$[?match(@.b, '"] {
            for escape in ["\\u", "\\uD", "\\ud", "\\uD8", "\\uD83D\\u", "\\uD83D\\uD", "\\u00e"] {
                let path = Path::parse(&format!("{text}{escape}"));
                assert!(
                    matches!(path, Err(PathFault::Malformed { .. })),
                    "{text}{escape}: {path:?}"
                );
            }
        }
        check("$['\\u0064\\u0061ta'][0].url", json!(["a"]));
        assert!(Path::parse("$['\\uD83D\\uDE00']").is_ok());
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in r#"\$?[$@.\[\]()?*a-c0-9'",:!=<>&| \\uD-]{0,40}"#) {
            if let Ok(path) = Path::parse(&text) {
                path.find(&json!({"a": [{"b": 1}, {"c": [1, 2]}], "b": {"a": "x"}}));
            }
        }
    }
}
