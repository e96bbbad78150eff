//! The event that most of a stream is made of, the next piece of a text or of a thought, read without a
//! tree of values.
//!
//! Whatever is not exactly that is left to the full reader.

use serde::Deserialize;

use super::super::borrowed::Text;
use crate::chat::Delta;

#[derive(Deserialize)]
#[expect(dead_code, reason = "some members have to be known, and no more")]
#[serde(deny_unknown_fields)]
struct Plain<'a> {
    #[serde(borrow)]
    delta: Step<'a>,
    #[serde(default)]
    index: u32,
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    thinking: Option<Text<'a>>,
}

/// Reads an event, if it is plain: what it says, which is nothing if its text is empty.
pub(super) fn read(data: &str) -> Option<Option<Delta>> {
    let plain: Plain<'_> = serde_json::from_str(data).ok()?;
    let Step { kind, text, thinking } = plain.delta;
    if plain.kind.0 != "content_block_delta" {
        return None;
    }
    let filled = |text: Option<Text<'_>>| {
        text.map(|text| text.0.into_owned()).filter(|text| !text.is_empty())
    };
    match kind.0.as_ref() {
        "text_delta" => Some(filled(text).map(|text| Delta::Text { choice: 0, text })),
        "thinking_delta" => {
            Some(filled(thinking).map(|text| Delta::Thinking { choice: 0, seal: None, text }))
        }
        _ => None,
    }
}
