//! Pieces of a text that may be the value that was asked for, the likeliest first.

use jsonc_parser::{ParseOptions, parse_to_serde_value};
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::json;

/// How many pieces are tried.
const MOST: usize = 32;
/// How many brackets are tried as the beginning of a value.
const MOST_BEGINNINGS: usize = 64;

/// A piece of a text that can be read.
pub(super) struct Candidate {
    /// Whether it is all of the text, as it stands.
    pub(super) is_whole: bool,
    /// What it says.
    pub(super) value: Value,
}

/// Finds them: the whole text; what stands in fences; what stands in prose, the longest first. Each as it
/// stands, then mended.
pub(super) fn candidates(text: &str) -> Vec<Candidate> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if let Ok(value) = json::parse(text.as_bytes()) {
        return vec![Candidate { is_whole: true, value }];
    }
    let mut pieces: Vec<&str> = fenced(text).collect();
    pieces.extend(values(text));
    pieces.extend(balanced(text));
    pieces.push(text);
    pieces.truncate(MOST);
    let strict = |piece: &&str| json::parse(piece.as_bytes()).ok();
    let values =
        pieces.iter().filter_map(strict).chain(pieces.iter().filter_map(|piece| mended(piece)));
    values.map(|value| Candidate { is_whole: false, value }).collect()
}

/// What stands between fences of three backticks, without the name of the language. The last one may be open.
fn fenced(text: &str) -> impl Iterator<Item = &str> {
    text.split("```").skip(1).step_by(2).map(|block| {
        let end_of_word = block.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(block.len());
        block.get(end_of_word..).unwrap_or(block).trim()
    })
}

/// Objects and lists whose end a parser finds, outermost only and the longest first. Whether one can be taken is
/// for [`json::parse`] to say: a piece of one that cannot is not what was meant.
fn values(text: &str) -> Vec<&str> {
    let mut values: Vec<&str> = Vec::new();
    let mut read_to = 0;
    let begins = text.match_indices(['{', '[']).map(|(place, _)| place);
    for place in begins.take(MOST_BEGINNINGS) {
        let Some(rest) = text.get(place..).filter(|_| place >= read_to) else { continue };
        let mut reader = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        if let Some(Ok(_)) = reader.next() {
            let end = place.saturating_add(reader.byte_offset());
            values.extend(text.get(place..end));
            read_to = end;
        }
    }
    values.sort_by_key(|value| core::cmp::Reverse(value.len()));
    values
}

/// Objects and lists whose brackets are balanced, for those that are not quite JSON. Brackets in strings do not
/// count.
fn balanced(text: &str) -> Vec<&str> {
    let mut spans: Vec<&str> = Vec::new();
    let mut open: Vec<char> = Vec::new();
    let (mut start, mut in_string, mut escaped) = (0, false, false);
    for (place, c) in text.char_indices() {
        if in_string {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match c {
            // Quotes of prose are none of JSON's.
            '"' if !open.is_empty() => in_string = true,
            '{' | '[' => {
                if open.is_empty() {
                    start = place;
                }
                open.push(if c == '{' { '}' } else { ']' });
            }
            '}' | ']' if open.last() == Some(&c) => {
                open.pop();
                if open.is_empty() {
                    spans.extend(text.get(start..place + c.len_utf8()));
                }
            }
            // Not JSON: what was open is not.
            '}' | ']' => open.clear(),
            _ => {}
        }
    }
    spans.sort_by_key(|span| core::cmp::Reverse(span.len()));
    spans
}

/// Reads JSON with comments, commas at the ends of lists, single quotes, and names without quotes: all of it
/// has one meaning. What is missing stays missing.
fn mended(text: &str) -> Option<Value> {
    // It recurses, as a parser does: nothing may be deeper than in what we read elsewhere.
    let deepest = deepest(text);
    if deepest == 0 || deepest > json::MAX_DEPTH {
        return None;
    }
    // Nor wider.
    let values = text.bytes().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count();
    if values >= json::MAX_VALUES {
        return None;
    }
    let options = ParseOptions {
        allow_bare_decimal_point_numbers: false,
        allow_comments: true,
        allow_extended_string_escapes: false,
        allow_hexadecimal_numbers: false,
        allow_loose_object_property_names: true,
        allow_missing_commas: false,
        allow_non_finite_numbers: false,
        allow_single_quoted_strings: true,
        allow_trailing_commas: true,
        allow_unary_plus_numbers: false,
    };
    let value: Option<Value> = parse_to_serde_value(text, &options).ok()?;
    value
}

/// The most brackets that are open at once, those in strings too.
fn deepest(text: &str) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'{' | b'[' => open = open.saturating_add(1),
            b'}' | b']' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}
