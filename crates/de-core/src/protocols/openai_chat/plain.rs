//! The chunk that most of a stream is made of, the next piece of one answer's text, read without a tree of
//! values.
//!
//! Whatever is not exactly that is left to the full reader. Of the members that may stand here that one
//! makes nothing else; a chunk with any other, with one twice, or with one of another type is not plain.

use serde::Deserialize;

use super::super::borrowed::Text;

/// A chunk with one step of one choice, which is text if it is anything.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "some members have to be known, and no more")]
#[serde(deny_unknown_fields)]
pub(super) struct Plain<'a> {
    choices: (Choice<'a>,),
    created: Option<u64>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow)]
    object: Option<Text<'a>>,
    #[serde(borrow)]
    obfuscation: Option<Text<'a>>,
    #[serde(borrow)]
    service_tier: Option<Text<'a>>,
    #[serde(borrow)]
    system_fingerprint: Option<Text<'a>>,
    usage: Option<()>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "some members have to be known, and no more")]
#[serde(deny_unknown_fields)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Step<'a>,
    finish_reason: Option<()>,
    #[serde(default)]
    index: u32,
    logprobs: Option<()>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "some members have to be known, and no more")]
#[serde(deny_unknown_fields)]
struct Step<'a> {
    #[serde(borrow)]
    content: Option<Text<'a>>,
    reasoning: Option<()>,
    reasoning_content: Option<()>,
    refusal: Option<()>,
    #[serde(borrow)]
    role: Option<Text<'a>>,
    tool_calls: Option<()>,
}

impl<'a> Plain<'a> {
    /// Reads a chunk, if it is plain.
    pub(super) fn read(data: &'a str) -> Option<Self> {
        serde_json::from_str(data).ok()
    }

    /// The number of the answer.
    pub(super) fn choice(&self) -> u32 {
        self.choices.0.index
    }

    /// The answer's id, empty if none is told.
    pub(super) fn id(&self) -> &str {
        text_or_nothing(self.id.as_ref())
    }

    /// The model, empty if none is told.
    pub(super) fn model(&self) -> &str {
        text_or_nothing(self.model.as_ref())
    }

    /// The tier that serves, empty if none is told.
    pub(super) fn service_tier(&self) -> &str {
        text_or_nothing(self.service_tier.as_ref())
    }

    /// The text, perhaps empty.
    pub(super) fn text(&self) -> &str {
        text_or_nothing(self.choices.0.delta.content.as_ref())
    }
}

fn text_or_nothing<'t>(text: Option<&'t Text<'_>>) -> &'t str {
    text.map(|text| text.0.as_ref()).unwrap_or_default()
}
