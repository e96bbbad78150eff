//! A whole reply in.

use serde_json::Value;

use super::{
    super::{Billed, Malformed, answer::Answer},
    annotations, finish_of, logprobs, usage,
};
use crate::chat::{ChatReply, Choice, Part, ToolCall};

/// Reads a `chat.completion`. Members and kinds of tool call that are not known are skipped.
pub(super) fn read(body: &Value) -> Result<ChatReply, Malformed> {
    let whole = Answer::whole(body)?;
    if whole.value("choices").is_none() {
        return Err(whole.fault("choices", "required"));
    }
    let choices = whole.objects("choices")?;
    Ok(ChatReply {
        choices: choices.iter().map(choice).collect::<Result<_, _>>()?,
        id: whole.string_or_empty("id")?,
        model: whole.string_or_empty("model")?,
        service_tier: whole.word("service_tier").map(str::to_owned),
        usage: usage::of(&whole),
    })
}

/// What a `chat.completion` tells of its bill, whatever else it holds.
pub(super) fn billed(body: &Value) -> Option<Billed> {
    let whole = Answer::whole(body).ok()?;
    Billed::of(&whole, "choices", whole.word("service_tier"), usage::of(&whole))
}

fn choice(choice: &Answer<'_>) -> Result<Choice, Malformed> {
    let Some(message) = choice.object("message")? else {
        return Err(choice.fault("message", "required"));
    };
    let mut parts = Vec::new();
    if let Some(text) = thoughts(&message)? {
        parts.push(Part::Thinking { seal: None, text: text.to_owned() });
    }
    content(&message, &mut parts)?;
    parts.extend(annotations::read(&message)?.into_iter().map(Part::Citation));
    if let Some(text) = message.string("refusal")?.filter(|text| !text.is_empty()) {
        parts.push(Part::Refusal(text.to_owned()));
    }
    for call in message.objects("tool_calls")? {
        let Some(function) = call.object("function")? else { continue };
        let arguments = function.string_or_empty("arguments")?;
        parts.push(Part::ToolCall(ToolCall {
            // Some hosts leave out those of a call without any, which in JSON is `{}`.
            arguments: if arguments.is_empty() { "{}".to_owned() } else { arguments },
            id: call.string_or_empty("id")?,
            name: function.string_or_empty("name")?,
            seal: None,
        }));
    }
    let calls = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    let finish = finish_of(choice.string("finish_reason")?.unwrap_or("stop"), calls);
    let logprobs = logprobs::read(choice)?;
    let logprobs = (!logprobs.is_empty()).then_some(logprobs);
    Ok(Choice { finish, logprobs, parts, stop_sequence: None })
}

/// The reasoning that compatible hosts tell: `reasoning_content` (DeepSeek) or `reasoning` (Groq).
pub(super) fn thoughts<'a>(message: &Answer<'a>) -> Result<Option<&'a str>, Malformed> {
    let text = match message.string("reasoning_content")? {
        Some(text) => Some(text),
        None => message.string("reasoning")?,
    };
    Ok(text.filter(|text| !text.is_empty()))
}

/// The content: a text or, with Mistral's reasoning models, parts of kinds `text` and `thinking`.
pub(super) fn content(message: &Answer<'_>, parts: &mut Vec<Part>) -> Result<(), Malformed> {
    if !matches!(message.value("content"), Some(Value::Array(_))) {
        let text = message.string("content")?.filter(|text| !text.is_empty());
        parts.extend(text.map(|text| Part::Text(text.to_owned())));
        return Ok(());
    }
    for part in message.objects("content")? {
        match part.string("type")? {
            Some("text") => parts.push(Part::Text(part.string_or_empty("text")?)),
            Some("thinking") => {
                let mut text = String::new();
                for piece in part.objects("thinking")? {
                    text.push_str(piece.string("text")?.unwrap_or_default());
                }
                parts.push(Part::Thinking { seal: None, text });
            }
            Some(_) | None => {}
        }
    }
    Ok(())
}
