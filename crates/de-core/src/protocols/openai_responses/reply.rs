//! A whole reply in.

use serde_json::Value;

use super::{
    super::{Billed, Malformed, answer::Answer, openai_chat::logprobs::token},
    annotations, finish_of, thoughts, usage,
};
use crate::chat::{ChatReply, Choice, Part, TokenLogprob, ToolCall};

/// The states of a response that is not there yet, or never will be.
const UNFINISHED: [&str; 4] = ["cancelled", "failed", "in_progress", "queued"];

/// Reads a `response`. Members, items and parts that are not known are skipped.
pub(super) fn read(body: &Value) -> Result<ChatReply, Malformed> {
    let response = Answer::whole(body)?;
    if response.value("output").is_none() {
        return Err(response.fault("output", "required"));
    }
    let status = response.string("status")?;
    if let Some(unfinished) = status.filter(|status| UNFINISHED.contains(status)) {
        let code = response.counts("error").and_then(|error| error.word("code").map(str::to_owned));
        let code = code.map(|code| format!(": {code}")).unwrap_or_default();
        return Err(response.fault("status", &format!("{unfinished}{code}")));
    }
    let (mut parts, mut logprobs) = (Vec::new(), Vec::new());
    for item in response.objects("output")? {
        self::item(&item, &mut parts, &mut logprobs)?;
    }
    let calls = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    let details = response.object("incomplete_details")?;
    let reason = details.as_ref().and_then(|details| details.word("reason"));
    let choice = Choice {
        finish: finish_of(status, reason, calls),
        logprobs: (!logprobs.is_empty()).then_some(logprobs),
        parts,
        stop_sequence: None,
    };
    Ok(ChatReply {
        choices: vec![choice],
        id: response.string_or_empty("id")?,
        model: response.string_or_empty("model")?,
        service_tier: tier(&response).map(str::to_owned),
        usage: usage::of(&response),
    })
}

/// What a `response` tells of its bill, whatever else it holds. One that is not finished is no answer.
pub(super) fn billed(body: &Value) -> Option<Billed> {
    let response = Answer::whole(body).ok()?;
    let is_unfinished = response.word("status").is_some_and(|status| UNFINISHED.contains(&status));
    let billed = Billed::of(&response, "output", tier(&response), usage::of(&response));
    billed.filter(|_| !is_unfinished)
}

/// The tier that serves; `auto` is what was asked for.
pub(super) fn tier<'a>(response: &Answer<'a>) -> Option<&'a str> {
    response.word("service_tier").filter(|tier| *tier != "auto")
}

fn item(
    item: &Answer<'_>,
    parts: &mut Vec<Part>,
    logprobs: &mut Vec<TokenLogprob>,
) -> Result<(), Malformed> {
    match item.string("type")? {
        Some("function_call") => parts.push(Part::ToolCall(ToolCall {
            arguments: item.string_or_empty("arguments")?,
            id: item.string_or_empty("call_id")?,
            name: item.string_or_empty("name")?,
            seal: None,
        })),
        Some("message") => {
            for part in item.objects("content")? {
                content(&part, parts, logprobs)?;
            }
        }
        Some("reasoning") => parts.extend(thought(item)?),
        Some(_) | None => {}
    }
    Ok(())
}

fn content(
    part: &Answer<'_>,
    parts: &mut Vec<Part>,
    logprobs: &mut Vec<TokenLogprob>,
) -> Result<(), Malformed> {
    match part.string("type")? {
        Some("output_text") => {
            parts.push(Part::Text(part.string_or_empty("text")?));
            for note in part.objects("annotations")? {
                parts.extend(annotations::read(&note)?.map(Part::Citation));
            }
            for told in part.objects("logprobs")? {
                logprobs.push(token(&told)?);
            }
        }
        Some("refusal") => parts.push(Part::Refusal(part.string_or_empty("refusal")?)),
        Some(_) | None => {}
    }
    Ok(())
}

/// Reads an item of thoughts; `None` if it holds nothing that could be told or sent back.
pub(super) fn thought(item: &Answer<'_>) -> Result<Option<Part>, Malformed> {
    let text = text(item)?;
    let seal = seal(item)?;
    Ok(match (text.is_empty(), seal) {
        (false, seal) => Some(Part::Thinking { seal, text }),
        (true, Some(seal)) => Some(Part::Sealed(seal)),
        (true, None) => None,
    })
}

/// The seal of an item, if it came.
pub(super) fn seal(item: &Answer<'_>) -> Result<Option<crate::chat::Seal>, Malformed> {
    let encrypted = item.string("encrypted_content")?.filter(|text| !text.is_empty());
    let id = item.string("id")?.unwrap_or_default();
    Ok(encrypted.map(|encrypted| thoughts::seal(id, encrypted)))
}

/// The summary, else the thoughts themselves, which models tell that are not OpenAI's own.
pub(super) fn text(item: &Answer<'_>) -> Result<String, Malformed> {
    for name in ["summary", "content"] {
        let mut texts = Vec::new();
        for part in item.objects(name)? {
            texts.extend(part.string("text")?);
        }
        if !texts.is_empty() {
            return Ok(texts.join(BETWEEN));
        }
    }
    Ok(String::new())
}

/// Between two parts of a summary.
pub(super) const BETWEEN: &str = "\n\n";
