//! A whole answer in.

use serde_json::Value;

use super::{
    super::{Malformed, answer::Answer},
    citations::Sources,
    logprobs, usage,
};
use crate::{
    chat::{ChatReply, Choice, Finish, Part, Seal, ToolCall, text_of},
    model::Protocol,
};

/// Reads a `GenerateContentResponse`. A prompt that is blocked is an answer, too: one that was refused.
pub(super) fn read(body: &Value) -> Result<ChatReply, Malformed> {
    let whole = Answer::whole(body)?;
    let id = whole.string_or_empty("responseId")?;
    let candidates = whole.objects("candidates")?;
    let mut choices = Vec::with_capacity(candidates.len());
    for (place, candidate) in (0_u32..).zip(&candidates) {
        choices.push(choice(candidate, &id, place)?);
    }
    if choices.is_empty() {
        if !is_blocked(&whole)? {
            return Err(whole.fault("candidates", "required"));
        }
        choices.push(Choice { finish: Finish::ContentFilter, ..Choice::default() });
    }
    let is_lost = |choice: &Choice| is_broken(&choice.finish);
    if choices.iter().all(is_lost) {
        return Err(broke_off());
    }
    Ok(ChatReply {
        choices,
        id,
        model: whole.string_or_empty("modelVersion")?,
        service_tier: None,
        usage: usage::of(&whole),
    })
}

fn choice(candidate: &Answer<'_>, id: &str, place: u32) -> Result<Choice, Malformed> {
    let mut calls = Calls { choice: candidate.index("index", place)?, made: 0, response: id };
    let mut parts: Vec<Part> = Vec::new();
    for part in pieces(candidate, &mut calls)? {
        match (part, parts.last_mut()) {
            (Part::Text(more), Some(Part::Text(text))) => text.push_str(&more),
            (
                Part::Thinking { seal: new, text: more },
                Some(Part::Thinking { seal: seal @ None, text }),
            ) => {
                text.push_str(&more);
                *seal = new;
            }
            (part, _) => parts.push(part),
        }
    }
    let mut finish = finish(candidate)?.unwrap_or_default();
    if is_broken(&finish) && parts.iter().any(is_said) {
        finish = Finish::Length;
    }
    let mut sources = Sources::default();
    let text = text_of(&parts);
    parts.extend(sources.new_citations(candidate, &text)?.into_iter().map(Part::Citation));
    parts.extend(sources.uncited().into_iter().map(Part::Citation));
    parts.extend(explained(candidate, &finish)?.map(Part::Refusal));
    let logprobs = logprobs::read(candidate)?;
    Ok(Choice {
        finish: if calls.made > 0 && finish == Finish::Stop { Finish::ToolCalls } else { finish },
        logprobs: (!logprobs.is_empty()).then_some(logprobs),
        parts,
        stop_sequence: None,
    })
}

/// Whether the vendor refused the prompt itself.
pub(super) fn is_blocked(whole: &Answer<'_>) -> Result<bool, Malformed> {
    let feedback = whole.object("promptFeedback")?;
    Ok(feedback.is_some_and(|feedback| feedback.word("blockReason").is_some()))
}

/// Why a candidate ended; `None` if it goes on.
pub(super) fn finish(candidate: &Answer<'_>) -> Result<Option<Finish>, Malformed> {
    let word = candidate.string("finishReason")?;
    Ok(word.filter(|word| !word.is_empty()).map(|word| match word {
        "BLOCKLIST"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "IMAGE_SAFETY"
        | "LANGUAGE"
        | "PROHIBITED_CONTENT"
        | "RECITATION"
        | "SAFETY"
        | "SPII" => Finish::ContentFilter,
        "MAX_TOKENS" => Finish::Length,
        "STOP" => Finish::Stop,
        other => Finish::Unknown(other.to_owned()),
    }))
}

/// The fault of an answer that broke off with nothing said.
pub(super) fn broke_off() -> Malformed {
    Malformed {
        pointer: "/candidates/0/finishReason".to_owned(),
        reason: "the model broke off before it said anything".to_owned(),
    }
}

/// Whether the model broke off: it made a call that is none, or lost its thread. What it said until then is an
/// answer that was cut; where it said nothing, there is none.
/// <https://ai.google.dev/api/generate-content#FinishReason>
pub(super) fn is_broken(finish: &Finish) -> bool {
    const WORDS: [&str; 5] = [
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
        "TOO_MANY_TOOL_CALLS",
        "UNEXPECTED_TOOL_CALL",
    ];
    matches!(finish, Finish::Unknown(word) if WORDS.contains(&word.as_str()))
}

/// Whether a part is something that a caller can use: a thought that leads to nothing is none.
fn is_said(part: &Part) -> bool {
    matches!(part, Part::Text(_) | Part::ToolCall(_))
}

/// The words of a refusal, where the vendor has some.
pub(super) fn explained(
    candidate: &Answer<'_>,
    finish: &Finish,
) -> Result<Option<String>, Malformed> {
    let words = candidate.string("finishMessage")?.filter(|words| !words.is_empty());
    Ok(words.filter(|_| *finish == Finish::ContentFilter).map(str::to_owned))
}

/// Numbers the calls of a candidate, and makes ids for those that have none.
#[derive(Debug)]
pub(super) struct Calls<'a> {
    /// Which candidate.
    pub(super) choice: u32,
    /// How many there are so far.
    pub(super) made: u32,
    /// The vendor's id of the answer.
    pub(super) response: &'a str,
}

impl Calls<'_> {
    /// The id of the next call: the vendor's, or one that is the same however often the answer is read.
    /// Callers' protocols take letters, digits, `_` and `-`.
    fn id(&self, told: Option<&str>) -> String {
        match told.filter(|id| !id.is_empty()) {
            Some(id) => id.to_owned(),
            None => {
                let response: String =
                    self.response.chars().filter(char::is_ascii_alphanumeric).collect();
                format!("call_{response}_{}_{}", self.choice, self.made)
            }
        }
    }
}

/// Reads what a candidate says, whole or a piece: a part's signature stands behind its text. Kinds of part
/// that are not known are skipped.
pub(super) fn pieces(
    candidate: &Answer<'_>,
    calls: &mut Calls<'_>,
) -> Result<Vec<Part>, Malformed> {
    let Some(content) = candidate.object("content")? else { return Ok(Vec::new()) };
    let mut pieces = Vec::new();
    for part in content.objects("parts")? {
        let seal = part.string("thoughtSignature")?.filter(|data| !data.is_empty());
        let seal = seal.map(|data| Seal::of(Protocol::Gemini, data.to_owned()));
        if let Some(call) = part.object("functionCall")? {
            let id = calls.id(call.string("id")?);
            calls.made = calls.made.saturating_add(1);
            pieces.push(Part::ToolCall(ToolCall {
                arguments: call.value("args").map_or_else(|| "{}".to_owned(), Value::to_string),
                id,
                name: call.string_or_empty("name")?,
                seal,
            }));
            continue;
        }
        let text = part.string_or_empty("text")?;
        if part.value("thought").and_then(Value::as_bool) == Some(true) {
            if !text.is_empty() || seal.is_some() {
                pieces.push(Part::Thinking { seal, text });
            }
            continue;
        }
        if !text.is_empty() {
            pieces.push(Part::Text(text));
        }
        pieces.extend(seal.map(Part::Sealed));
    }
    Ok(pieces)
}
