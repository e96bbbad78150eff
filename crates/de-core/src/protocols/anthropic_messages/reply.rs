//! A whole reply in.

use serde_json::Value;

use super::{
    super::{Billed, Malformed, answer::Answer},
    citations, finish_of, own_seal,
    usage::Counts,
};
use crate::{
    chat::{ChatReply, Choice, Finish, Part, ToolCall},
    receipt::Usage,
};

/// Reads a `message`. Kinds of block that are not known are skipped.
pub(super) fn read(body: &Value) -> Result<ChatReply, Malformed> {
    let whole = Answer::whole(body)?;
    if whole.value("content").is_none() {
        return Err(whole.fault("content", "required"));
    }
    let mut parts = Vec::new();
    for block in whole.objects("content")? {
        parts.extend(part(&block)?);
        for citation in block.objects("citations")? {
            parts.extend(citations::read(&citation)?.map(Part::Citation));
        }
    }
    parts.extend(explained(&whole)?.map(Part::Refusal));
    let finish = whole.string("stop_reason")?.map_or(Finish::Stop, finish_of);
    let stop_sequence = whole.string("stop_sequence")?.map(str::to_owned);
    let told = whole.object("usage")?;
    let usage = told.as_ref().map(counted);
    Ok(ChatReply {
        choices: vec![Choice { finish, logprobs: None, parts, stop_sequence }],
        id: whole.string_or_empty("id")?,
        model: whole.string_or_empty("model")?,
        service_tier: told.and_then(|usage| usage.word("service_tier")).map(str::to_owned),
        usage,
    })
}

fn counted(usage: &Answer<'_>) -> Usage {
    let mut counts = Counts::default();
    counts.overlay(usage);
    counts.usage()
}

/// What a `message` tells of its bill, whatever else it holds.
pub(super) fn billed(body: &Value) -> Option<Billed> {
    let whole = Answer::whole(body).ok()?;
    let told = whole.counts("usage");
    let tier = told.as_ref().and_then(|usage| usage.word("service_tier"));
    Billed::of(&whole, "content", tier, told.as_ref().map(counted))
}

/// The words of a refusal, which the vendor tells beside the reason to stop.
pub(super) fn explained(told: &Answer<'_>) -> Result<Option<String>, Malformed> {
    let Some(details) = told.object("stop_details")? else { return Ok(None) };
    let words = details.string("explanation")?.filter(|words| !words.is_empty());
    Ok(words.map(str::to_owned))
}

fn part(block: &Answer<'_>) -> Result<Option<Part>, Malformed> {
    Ok(match block.string("type")? {
        Some("redacted_thinking") => Some(Part::Sealed(own_seal(block.string_or_empty("data")?))),
        Some("text") => Some(Part::Text(block.string_or_empty("text")?))
            .filter(|part| *part != Part::Text(String::new())),
        Some("thinking") => Some(Part::Thinking {
            // Empty where the thought is another vendor's, which seals none.
            seal: block
                .string("signature")?
                .filter(|seal| !seal.is_empty())
                .map(|seal| own_seal(seal.to_owned())),
            text: block.string_or_empty("thinking")?,
        }),
        Some("tool_use") => Some(Part::ToolCall(ToolCall {
            arguments: block.value("input").map_or_else(|| "{}".to_owned(), Value::to_string),
            id: block.string_or_empty("id")?,
            name: block.string_or_empty("name")?,
            seal: None,
        })),
        Some(_) | None => None,
    })
}
