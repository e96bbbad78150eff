//! Texts with placeholders: `{name}`, `{name?}`, `{name:int}`, `{name|map:sizes}`, `{item.role}`.
//!
//! A text is taken apart once, when the mapping is saved. A placeholder is
//! `{` name, members after dots, `?`, `:hint`, `|filter` … `}`; `{{` and `}}` are literal braces.

use super::filter::{Filter, Hint};

/// The longest placeholder, braces aside, in bytes.
const MAX_PLACEHOLDER: usize = 256;

/// The most filters of one placeholder: what a mapping needs is two or three.
const MAX_FILTERS: usize = 8;

/// Why a text is not a template.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TemplateFault {
    /// A brace that opens nothing or closes nothing.
    #[error("a single brace at byte {at}; a literal one is written twice")]
    StrayBrace {
        /// Its offset in the text.
        at: usize,
    },
    /// Something between braces that is no placeholder.
    #[error("{{{text}}} is not a placeholder; literal braces are written twice")]
    BadPlaceholder {
        /// What stands between the braces.
        text: String,
    },
    /// A placeholder with too many filters.
    #[error("{{{name}}} has {count} filters; a placeholder has at most {limit}")]
    TooManyFilters {
        /// The variable.
        name: String,
        /// How many there are.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// A type hint that does not exist.
    #[error("unknown type hint {hint:?}; known: int, float, bool, string, array, json")]
    UnknownHint {
        /// The hint.
        hint: String,
    },
    /// A filter that does not exist, or with or without an argument against its nature.
    #[error(
        "unknown filter {filter:?}; known: map:name, lower, upper, trim, json, base64, first, \
         join:separator"
    )]
    UnknownFilter {
        /// The filter as written.
        filter: String,
    },
}

/// One text, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Template {
    /// No placeholder; braces are single again.
    Fixed(String),
    /// One placeholder and nothing else: its value keeps its type.
    Lone(Slot),
    /// Placeholders in text.
    Mixed(Vec<Part>),
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Literal(String),
    Slot(Slot),
}

/// One placeholder.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slot {
    /// The variable.
    pub(crate) name: String,
    /// Members and indexes below it, outermost first.
    pub(crate) members: Vec<String>,
    /// Whether `?` follows.
    pub(crate) optional: bool,
    pub(crate) hint: Option<Hint>,
    /// In the order in which they apply.
    pub(crate) filters: Vec<Filter>,
}

impl Template {
    /// Takes a text apart.
    pub(crate) fn compile(text: &str) -> Result<Self, TemplateFault> {
        let mut parts = split(text)?;
        if parts.len() == 1 {
            match parts.pop() {
                Some(Part::Slot(slot)) => return Ok(Self::Lone(slot)),
                Some(Part::Literal(text)) => return Ok(Self::Fixed(text)),
                None => {}
            }
        }
        if parts.is_empty() { Ok(Self::Fixed(String::new())) } else { Ok(Self::Mixed(parts)) }
    }

    /// Lists the placeholders, in order.
    pub(crate) fn slots(&self) -> impl Iterator<Item = &Slot> {
        let (lone, parts) = match self {
            Self::Fixed(_) => (None, [].as_slice()),
            Self::Lone(slot) => (Some(slot), [].as_slice()),
            Self::Mixed(parts) => (None, parts.as_slice()),
        };
        lone.into_iter().chain(parts.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Slot(slot) => Some(slot),
        }))
    }

    /// Gives the text as pieces, whatever its form.
    pub(crate) fn into_parts(self) -> Vec<Part> {
        match self {
            Self::Fixed(text) if text.is_empty() => Vec::new(),
            Self::Fixed(text) => vec![Part::Literal(text)],
            Self::Lone(slot) => vec![Part::Slot(slot)],
            Self::Mixed(parts) => parts,
        }
    }
}

fn split(text: &str) -> Result<Vec<Part>, TemplateFault> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(position) = rest.find(['{', '}']) {
        let stray = TemplateFault::StrayBrace { at: text.len() - rest.len() + position };
        let (before, from) = rest.split_at(position);
        literal.push_str(before);
        if let Some(after) = from.strip_prefix("{{") {
            literal.push('{');
            rest = after;
        } else if let Some(after) = from.strip_prefix("}}") {
            literal.push('}');
            rest = after;
        } else {
            let inside = from.strip_prefix('{').ok_or_else(|| stray.clone())?;
            let (inside, after) = inside.split_once('}').ok_or(stray)?;
            if !literal.is_empty() {
                parts.push(Part::Literal(core::mem::take(&mut literal)));
            }
            parts.push(Part::Slot(Slot::parse(inside)?));
            rest = after;
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    Ok(parts)
}

impl Slot {
    fn parse(text: &str) -> Result<Self, TemplateFault> {
        let bad = || TemplateFault::BadPlaceholder { text: text.chars().take(64).collect() };
        if text.len() > MAX_PLACEHOLDER {
            return Err(bad());
        }
        let mut pieces = text.split('|');
        let head = pieces.next().ok_or_else(bad)?;
        let (head, hint) = match head.split_once(':') {
            Some((head, hint)) => (head, Some(Hint::parse(hint)?)),
            None => (head, None),
        };
        let (head, optional) = match head.strip_suffix('?') {
            Some(head) => (head, true),
            None => (head, false),
        };
        let mut names = head.split('.');
        let name = names.next().filter(|name| is_name(name)).ok_or_else(bad)?;
        let members: Vec<String> = names.map(str::to_owned).collect();
        if members.iter().any(|member| !is_member(member)) {
            return Err(bad());
        }
        let filters = pieces.map(Filter::parse).collect::<Result<Vec<_>, _>>()?;
        if filters.len() > MAX_FILTERS {
            let (name, count, limit) = (name.to_owned(), filters.len(), MAX_FILTERS);
            return Err(TemplateFault::TooManyFilters { name, count, limit });
        }
        // One variable, two spellings: the original's pages and its workers did not agree.
        let name = if name == "prompt" { "user_prompt" } else { name };
        Ok(Self { name: name.to_owned(), members, optional, hint, filters })
    }
}

/// Whether a text can name a variable: a letter or `_`, then letters, digits, `_`; 64 at most.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_member(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(text: &str, expected: &str) {
        assert_eq!(Template::compile(text), Ok(Template::Fixed(expected.to_owned())));
    }

    #[test]
    fn doubled_braces_are_literal() {
        fixed("{{x}}", "{x}");
        fixed("a}}b{{", "a}b{");
        fixed("", "");
        let parts = Template::compile("{{{x}}}").unwrap().into_parts();
        assert_eq!(parts.len(), 3);
        assert_eq!(parts[0], Part::Literal("{".into()));
    }

    #[test]
    fn a_placeholder_has_name_members_hint_and_filters() {
        let Ok(Template::Lone(slot)) = Template::compile("{item.parts.0?:int|first|join:, }")
        else {
            panic!("one placeholder");
        };
        assert_eq!(slot.name, "item");
        assert_eq!(slot.members, ["parts", "0"]);
        assert!(slot.optional);
        assert_eq!(slot.hint, Some(Hint::Int));
        assert_eq!(slot.filters, [Filter::First, Filter::Join { separator: ", ".into() }]);
    }

    #[test]
    fn what_is_no_placeholder_is_refused() {
        let bad = ["{", "}", "a { b", "{x", "{}", "{ x }", "{1}", "{x:}", "{x:date}", "{x|eval}"];
        for text in bad.into_iter().chain(["{x|map}", "{x|lower:1}", "{x.}", "{a{b}}", "{x||}"]) {
            assert!(Template::compile(text).is_err(), "{text}");
        }
    }
}
