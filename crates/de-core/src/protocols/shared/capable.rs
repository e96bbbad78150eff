//! What a call asks of a model that says that it cannot do this: flags of its row that are `false`. An absent
//! flag is not known, and asks for nothing here.
//!
//! What a model cannot read makes the call another one, so it is refused ([`unread`]), on every road, as the
//! vendor would refuse or, worse, pass over it. What merely shapes the answer is a setting: where the request
//! is written anew, [`fit`] takes it out or refuses it, as `on_unsupported` says. A body that is relayed is the
//! caller's own, and its settings are for the vendor to judge.

use crate::{
    chat::{
        CacheTtl, ChatCall, Document, DocumentSource, Message, Part, ResponseFormat, Role, Seal,
        ToolChoice,
    },
    model::{Capabilities, OnUnsupported, Protocol},
    protocols::FieldIssue,
};

const NO: Option<bool> = Some(false);

/// The place of thoughts that only another vendor can read.
pub(in crate::protocols) const LOST_THOUGHTS: &str = "/messages/*/reasoning_details";

/// The place of an answer's schema, where a part of it is not held to.
pub(in crate::protocols) const SCHEMA: &str = "/response_format/json_schema/schema";

/// The place of the word that an answer is held to its schema, where it is not.
pub(in crate::protocols) const STRICT: &str = "/response_format/json_schema/strict";

/// Whether a part is of a kind.
type Kind = fn(&Part) -> bool;

/// Names what the model cannot read or use at all: pictures, sounds, PDF files, tools. Empty if there is
/// nothing of that.
#[must_use]
pub fn unread(call: &ChatCall, can: &Capabilities) -> Vec<FieldIssue> {
    let mut issues = Vec::new();
    let parts = || call.messages.iter().flat_map(|message| &message.parts);
    let holds = |what: Kind| parts().any(|part| within(part, what));
    let kinds: [(Option<bool>, Kind, &str); 4] = [
        (can.audio_input, |part| matches!(part, Part::Audio(_)), "hold a sound"),
        (can.pdf_input, is_file, "hold a document that is no plain text"),
        (can.vision, |part| matches!(part, Part::Image(_)), "hold a picture"),
        (can.tools, is_tool, "hold calls of tools"),
    ];
    for (_, what, told) in kinds.into_iter().filter(|(flag, ..)| *flag == NO) {
        if holds(what) {
            issues.push(issue("/messages", &format!("they {told}, which this model cannot read")));
        }
    }
    if can.tools == NO && !call.tools.is_empty() {
        issues.push(issue("/tools", "this model calls no tools"));
    }
    issues
}

/// Takes out what a vendor of the same protocol sealed for another provider, which this one would refuse, and names
/// it. Seals of other protocols are none that a vendor writes.
pub fn leave_seals_of_others(
    call: &mut ChatCall,
    protocol: Protocol,
    provider: &str,
) -> Option<FieldIssue> {
    let is_others = |seal: &Seal| {
        seal.maker == protocol && seal.provider.as_deref().is_some_and(|maker| maker != provider)
    };
    let mut lost = false;
    for message in &mut call.messages {
        message.parts.retain_mut(|part| {
            let keeps = match part {
                Part::Sealed(seal) | Part::Thinking { seal: Some(seal), .. } => !is_others(seal),
                Part::ToolCall(call) => {
                    lost |= call.seal.take_if(|seal| is_others(seal)).is_some();
                    true
                }
                _ => true,
            };
            lost |= !keeps;
            keeps
        });
    }
    let reason = "another vendor that speaks the same protocol has sealed these thoughts";
    lost.then(|| issue(LOST_THOUGHTS, reason))
}

/// Makes a call one that the model can do, and names what was left out for it.
///
/// # Errors
/// What cannot be left out: a system prompt, a beginning of the answer; with [`OnUnsupported::Reject`] also
/// settings. The caller's fault.
pub fn fit(
    call: &mut ChatCall,
    can: &Capabilities,
    on_unsupported: OnUnsupported,
) -> Result<Vec<FieldIssue>, Vec<FieldIssue>> {
    let mut found = turns(call, can);
    let settings = settings(call, can);
    let mut dropped = hints(call, can);
    match on_unsupported {
        OnUnsupported::Drop | OnUnsupported::Warn => dropped.extend(settings),
        OnUnsupported::Reject => found.extend(settings),
    }
    if found.is_empty() { Ok(dropped) } else { Err(found) }
}

/// Turns without which the answer would be to another question.
fn turns(call: &ChatCall, can: &Capabilities) -> Vec<FieldIssue> {
    let mut issues = Vec::new();
    let is_system = |message: &Message| message.role == Role::System;
    if can.system_prompt == NO && (!call.system.is_empty() || call.messages.iter().any(is_system)) {
        issues.push(issue("/system", "this model takes no system prompt"));
    }
    let last = call.messages.iter().rfind(|message| !is_system(message));
    if can.prefill == NO && last.is_some_and(|message| message.role == Role::Assistant) {
        let reason = "the last turn is the model's, and this model does not go on from one";
        issues.push(issue("/messages", reason));
    }
    issues
}

/// Takes out the settings that the model does not have.
fn settings(call: &mut ChatCall, can: &Capabilities) -> Vec<FieldIssue> {
    let mut issues = Vec::new();
    let forced = matches!(call.tool_choice, Some(ToolChoice::Required | ToolChoice::Tool(_)));
    if can.forced_tool_use == NO && forced {
        call.tool_choice = None;
        issues.push(issue("/tool_choice", "this model cannot be told to call a tool"));
    }
    let format = match &call.response_format {
        Some(ResponseFormat::JsonObject) if can.json_mode == NO => Some("has no JSON mode"),
        Some(ResponseFormat::JsonSchema { .. }) if can.structured_output == NO => {
            Some("keeps to no JSON schema")
        }
        Some(ResponseFormat::JsonObject | ResponseFormat::JsonSchema { .. }) | None => None,
    };
    if let Some(lacks) = format {
        call.response_format = None;
        issues.push(issue("/response_format", &format!("this model {lacks}")));
    }
    if can.reasoning == NO {
        let reasoning = std::mem::take(&mut call.reasoning);
        // A model that does not think is as good as told not to.
        if reasoning.is_asked_for() && !reasoning.is_off() {
            issues.push(issue("/reasoning_effort", "this model does not think before it answers"));
        }
    }
    issues
}

/// Takes out what makes no other answer.
fn hints(call: &mut ChatCall, can: &Capabilities) -> Vec<FieldIssue> {
    let mut issues = Vec::new();
    if can.prompt_caching == NO && unmark(call) {
        issues.push(issue("/cache_control", "this model's vendor has no cache of prompts"));
    }
    issues
}

/// Takes out all marks of caches; whether there was one.
fn unmark(call: &mut ChatCall) -> bool {
    let mut marks: Vec<Option<CacheTtl>> = Vec::new();
    marks.extend(call.system.iter_mut().map(|block| block.cache.take()));
    marks.extend(call.tools.iter_mut().map(|tool| tool.cache.take()));
    let mut found = marks.iter().any(Option::is_some);
    for message in &mut call.messages {
        found |= unmark_parts(&mut message.parts);
    }
    found
}

/// The same of parts, and of those in results.
fn unmark_parts(parts: &mut Vec<Part>) -> bool {
    let before = parts.len();
    parts.retain(|part| !matches!(part, Part::CacheMark(_)));
    let mut found = parts.len() < before;
    for part in parts {
        if let Part::ToolResult { content, .. } = part {
            found |= unmark_parts(content);
        }
    }
    found
}

/// Whether a part, or one inside of it, is of a kind.
fn within(part: &Part, what: Kind) -> bool {
    let inner = match part {
        Part::ToolResult { content, .. } => content.as_slice(),
        _ => &[],
    };
    what(part) || inner.iter().any(what)
}

fn is_file(part: &Part) -> bool {
    matches!(part, Part::Document(Document { source: DocumentSource::File(_), .. }))
}

fn is_tool(part: &Part) -> bool {
    matches!(part, Part::ToolCall(_) | Part::ToolResult { .. })
}

fn issue(pointer: &str, reason: &str) -> FieldIssue {
    FieldIssue { pointer: pointer.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::{Audio, Image, Instruction, Reasoning, Source, Tool, ToolCall};

    fn can(flags: &str) -> Capabilities {
        let words = flags.split_whitespace().map(|flag| (flag.to_owned(), json!(false)));
        serde_json::from_value(serde_json::Value::Object(words.collect())).unwrap()
    }

    fn call(parts: Vec<Part>) -> ChatCall {
        let messages = vec![Message { parts, role: Role::User }];
        ChatCall { messages, ..ChatCall::default() }
    }

    fn pointers(issues: &[FieldIssue]) -> Vec<&str> {
        issues.iter().map(|issue| issue.pointer.as_str()).collect()
    }

    fn text() -> Part {
        Part::Text("Hello".to_owned())
    }

    fn url() -> Source {
        Source::Url("https://example.org/a".to_owned())
    }

    fn document(source: DocumentSource) -> Part {
        Part::Document(Document { context: None, is_cited: false, name: None, source })
    }

    fn tool() -> Tool {
        Tool {
            cache: None,
            description: None,
            name: "f".to_owned(),
            parameters: json!({}),
            strict: None,
        }
    }

    const ALL: &str = "audio_input forced_tool_use json_mode pdf_input prefill prompt_caching reasoning \
         sampling_params streaming structured_output system_prompt tools vision";

    #[test]
    fn what_is_not_known_is_not_refused() {
        let mut everything = ChatCall {
            reasoning: Reasoning { is_on: Some(true), ..Reasoning::default() },
            response_format: Some(ResponseFormat::JsonObject),
            system: vec![Instruction::from("Be brief.")],
            temperature: Some(0.0),
            tool_choice: Some(ToolChoice::Required),
            tools: vec![tool()],
            ..call(vec![text(), Part::Image(url().into()), document(DocumentSource::File(url()))])
        };
        everything.messages.push(Message { parts: vec![text()], role: Role::Assistant });
        let nothing = Capabilities::default();
        assert_eq!(unread(&everything, &nothing), []);
        let before = everything.clone();
        assert_eq!(fit(&mut everything, &nothing, OnUnsupported::Reject), Ok(Vec::new()));
        assert_eq!(everything, before);
        let mut plain = call(vec![text()]);
        assert_eq!(unread(&plain, &can(ALL)), []);
        assert_eq!(fit(&mut plain, &can(ALL), OnUnsupported::Reject), Ok(Vec::new()));
    }

    #[test]
    fn content_that_cannot_be_read_is_named_on_every_road() {
        let image = || Part::Image(Image::from(url()));
        let audio = Part::Audio(Audio { base64: "AA==".into(), format: "wav".to_owned() });
        let asked = Part::ToolCall(ToolCall {
            arguments: String::new(),
            id: "1".to_owned(),
            name: "f".to_owned(),
            seal: None,
        });
        let result =
            Part::ToolResult { content: vec![image()], id: "1".to_owned(), is_error: false };
        for (part, flag, count) in [
            (image(), "vision", 1),
            (result.clone(), "vision", 1),
            (result, "tools", 1),
            (asked, "tools", 1),
            (audio, "audio_input", 1),
            (document(DocumentSource::File(url())), "pdf_input", 1),
            (document(DocumentSource::Text("a".to_owned())), "pdf_input", 0),
            (image(), "audio_input pdf_input tools", 0),
        ] {
            let issues = unread(&call(vec![text(), part.clone()]), &can(flag));
            assert_eq!(pointers(&issues), ["/messages"; 1][..count], "{part:?} {flag}");
        }
        let tools = ChatCall { tools: vec![tool()], ..call(vec![text()]) };
        assert_eq!(pointers(&unread(&tools, &can("tools"))), ["/tools"]);
    }

    #[test]
    fn turns_are_never_left_out() {
        let system = ChatCall { system: vec!["Be brief.".into()], ..call(vec![text()]) };
        let mut prefill = call(vec![text()]);
        prefill.messages.push(Message { parts: vec![text()], role: Role::Assistant });
        for (call, flag, place) in
            [(system, "system_prompt", "/system"), (prefill, "prefill", "/messages")]
        {
            for word in [OnUnsupported::Drop, OnUnsupported::Reject, OnUnsupported::Warn] {
                let issues = fit(&mut call.clone(), &can(flag), word).unwrap_err();
                assert_eq!(pointers(&issues), [place]);
            }
        }
    }

    #[test]
    fn settings_go_as_the_row_says() {
        let schema =
            ResponseFormat::JsonSchema { name: "a".to_owned(), schema: json!({}), strict: None };
        let effort =
            |word: &str| Reasoning { effort: Some(word.to_owned()), ..Reasoning::default() };
        let plain = || call(vec![text()]);
        for (asks, flag, place) in [
            (
                ChatCall { tool_choice: Some(ToolChoice::Tool("f".to_owned())), ..plain() },
                "forced_tool_use",
                "/tool_choice",
            ),
            (
                ChatCall { response_format: Some(ResponseFormat::JsonObject), ..plain() },
                "json_mode",
                "/response_format",
            ),
            (
                ChatCall { response_format: Some(schema), ..plain() },
                "structured_output",
                "/response_format",
            ),
            (ChatCall { reasoning: effort("low"), ..plain() }, "reasoning", "/reasoning_effort"),
        ] {
            let rejected = fit(&mut asks.clone(), &can(flag), OnUnsupported::Reject).unwrap_err();
            assert_eq!(pointers(&rejected), [place]);
            let mut left = asks;
            let dropped = fit(&mut left, &can(flag), OnUnsupported::Drop).unwrap();
            assert_eq!((pointers(&dropped).as_slice(), left), (&[place][..], plain()));
        }
        let mut off = ChatCall { reasoning: effort("none"), ..plain() };
        assert_eq!(fit(&mut off, &can("reasoning"), OnUnsupported::Reject), Ok(Vec::new()));
        assert_eq!(off, plain());
    }

    #[test]
    fn marks_of_caches_are_left_out_and_named() {
        let mut asks = call(vec![text(), Part::CacheMark(CacheTtl::OneHour)]);
        let dropped = fit(&mut asks, &can("prompt_caching"), OnUnsupported::Reject).unwrap();
        assert_eq!(pointers(&dropped), ["/cache_control"]);
        assert_eq!(asks, call(vec![text()]));
        let result = |content| Part::ToolResult { content, id: "t".to_owned(), is_error: false };
        let marked = vec![text(), Part::CacheMark(CacheTtl::OneHour)];
        let mut asks = call(vec![result(marked)]);
        let dropped = fit(&mut asks, &can("prompt_caching"), OnUnsupported::Reject).unwrap();
        assert_eq!(pointers(&dropped), ["/cache_control"]);
        assert_eq!(asks, call(vec![result(vec![text()])]));
    }
}
