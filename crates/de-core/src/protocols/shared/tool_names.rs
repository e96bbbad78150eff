//! Names of tools that a vendor does not take go as others that it takes, and come back as the caller's own.
//!
//! Anthropic takes 128 characters, and clients of its protocol put the names of a plugin, a server and a tool into one:
//! `mcp__plugin_chrome-devtools-mcp_chrome-devtools__performance_analyze_insight` has 76. OpenAI, the hosts that speak
//! as it does, and Gemini take 64, and refuse the whole request else. What does not fit goes as its end, which tells
//! the model most, with a digest of the whole: the same each time, so that caches of prompts hold. A call of which all
//! names fit is looked through, and nothing more.
//!
//! Out of scope: calls that are relayed, whose names their vendor judges, and mappings, which see no tools.
//!
//! Follows <https://platform.openai.com/docs/api-reference/chat/create>, where names are of letters, digits, `_` and
//! `-`, and <https://ai.google.dev/api/caching#FunctionDeclaration>, where they may hold `.` and `:` too, and begin with
//! a letter or `_`.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::{
    auth::api_key::hex,
    chat::{ChatCall, ChatReply, Delta, Part, ToolChoice},
    model::Protocol,
    protocols::{DialectStream, StreamFailure},
    sse::Event,
};

const LONGEST: usize = 64;

/// How many hexadecimal digits of the SHA-256 a name gets: 64 bits.
const DIGEST: usize = 16;

/// The names of one call that its vendor does not take.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ToolNames {
    /// The caller's, by those that are sent.
    own: BTreeMap<String, String>,
    /// Those that are sent, by the caller's.
    sent: BTreeMap<String, String>,
}

impl ToolNames {
    /// Finds other names for those of a call that a vendor of this protocol does not take. No two names of a call
    /// become one.
    #[must_use]
    pub fn of(call: &ChatCall, protocol: Protocol) -> Self {
        let mut names = Self::default();
        let fits: fn(&str) -> bool = match protocol {
            Protocol::Gemini => fits_gemini,
            Protocol::OpenaiChat | Protocol::OpenaiResponses => fits_openai,
            _ => return names,
        };
        if all(call).all(fits) {
            return names;
        }
        // In their order, so that it does not matter in which the caller tells them.
        let known: BTreeSet<&str> = all(call).collect();
        for own in known.iter().filter(|name| !fits(name)) {
            let is_free =
                |name: &String| !known.contains(name.as_str()) && !names.own.contains_key(name);
            if let Some(sent) = (0..u32::MAX).map(|turn| shortened(own, turn)).find(is_free) {
                names.own.insert(sent.clone(), (*own).to_owned());
                names.sent.insert((*own).to_owned(), sent);
            }
        }
        names
    }

    /// Puts the names that are sent into a call: its tools, its choice, its turns.
    pub fn send(&self, call: &mut ChatCall) {
        if self.sent.is_empty() {
            return;
        }
        let choice = call.tool_choice.iter_mut().filter_map(|choice| match choice {
            ToolChoice::Tool(name) => Some(name),
            ToolChoice::Auto | ToolChoice::None | ToolChoice::Required => None,
        });
        let tools = call.tools.iter_mut().map(|tool| &mut tool.name);
        let turns = call.messages.iter_mut().flat_map(|message| &mut message.parts);
        for name in choice.chain(tools).chain(turns.filter_map(called)) {
            replace(name, &self.sent);
        }
    }

    /// Puts the caller's own names into a whole answer.
    pub fn restore(&self, reply: &mut ChatReply) {
        if self.own.is_empty() {
            return;
        }
        let parts = reply.choices.iter_mut().flat_map(|choice| &mut choice.parts);
        for name in parts.filter_map(called) {
            replace(name, &self.own);
        }
    }

    /// Tells a stream in the caller's own names.
    #[must_use]
    pub fn restored(self, dialect: Box<dyn DialectStream>) -> Box<dyn DialectStream> {
        if self.own.is_empty() { dialect } else { Box::new(Restoring { dialect, names: self }) }
    }
}

/// All names of a call, some of them more than once.
fn all(call: &ChatCall) -> impl Iterator<Item = &str> {
    let choice = call.tool_choice.iter().filter_map(|choice| match choice {
        ToolChoice::Tool(name) => Some(name.as_str()),
        ToolChoice::Auto | ToolChoice::None | ToolChoice::Required => None,
    });
    let tools = call.tools.iter().map(|tool| tool.name.as_str());
    let turns = call.messages.iter().flat_map(|message| &message.parts);
    let called = turns.filter_map(|part| match part {
        Part::ToolCall(call) => Some(call.name.as_str()),
        _ => None,
    });
    choice.chain(tools).chain(called)
}

/// The name that a part calls.
fn called(part: &mut Part) -> Option<&mut String> {
    match part {
        Part::ToolCall(call) => Some(&mut call.name),
        _ => None,
    }
}

fn replace(name: &mut String, by: &BTreeMap<String, String>) {
    if let Some(other) = by.get(name) {
        name.clone_from(other);
    }
}

/// Whether OpenAI takes a name. One that is empty is for the vendor to refuse.
fn fits_openai(name: &str) -> bool {
    name.len() <= LONGEST && name.bytes().all(is_plain)
}

/// Whether Gemini takes a name.
fn fits_gemini(name: &str) -> bool {
    let begins = |first: char| first.is_ascii_alphabetic() || first == '_';
    name.len() <= LONGEST
        && name.chars().next().is_none_or(begins)
        && name.bytes().all(|byte| is_plain(byte) || matches!(byte, b'.' | b':'))
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// A name that every vendor takes; `turn` tells apart those of one name.
fn shortened(name: &str, turn: u32) -> String {
    let mut digest = Sha256::new_with_prefix(name);
    if turn > 0 {
        digest.update([0]);
        digest.update(turn.to_be_bytes());
    }
    let digest: String = hex(&digest.finalize()).chars().take(DIGEST).collect();
    let most = LONGEST.saturating_sub(DIGEST).saturating_sub(1);
    let over = name.chars().count().saturating_sub(most);
    let plain =
        |c: char| u8::try_from(c).ok().filter(|byte| is_plain(*byte)).map_or('_', char::from);
    let end = name.chars().skip(over).map(plain).enumerate();
    let end: String = end
        .map(|(place, c)| if place == 0 && !c.is_ascii_alphabetic() { '_' } else { c })
        .collect();
    format!("{end}_{digest}")
}

/// A stream that is told in the caller's own names.
struct Restoring {
    dialect: Box<dyn DialectStream>,
    names: ToolNames,
}

impl DialectStream for Restoring {
    fn delta(&mut self, delta: &Delta) -> Bytes {
        if let Delta::ToolCall { name: Some(sent), .. } = delta
            && let Some(own) = self.names.own.get(sent)
        {
            let mut told = delta.clone();
            if let Delta::ToolCall { name, .. } = &mut told {
                *name = Some(own.clone());
            }
            return self.dialect.delta(&told);
        }
        self.dialect.delta(delta)
    }

    fn end(&mut self) -> Bytes {
        self.dialect.end()
    }

    fn fail(&mut self, failure: &StreamFailure) -> Bytes {
        self.dialect.fail(failure)
    }

    fn passed(&mut self, event: &Event) {
        self.dialect.passed(event);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::{Choice, Finish, Message, Role, Tool, ToolCall};

    const LONG: &str =
        "mcp__plugin_chrome-devtools-mcp_chrome-devtools__performance_analyze_insight";
    const SPOKEN: [Protocol; 3] =
        [Protocol::Gemini, Protocol::OpenaiChat, Protocol::OpenaiResponses];

    fn tool(name: &str) -> Tool {
        Tool {
            cache: None,
            description: None,
            name: name.to_owned(),
            parameters: json!({}),
            strict: None,
        }
    }

    fn call_of(name: &str) -> Part {
        Part::ToolCall(ToolCall {
            arguments: "{}".to_owned(),
            id: "1".to_owned(),
            name: name.to_owned(),
            seal: None,
        })
    }

    fn call<'a>(tools: impl IntoIterator<Item = &'a str>) -> ChatCall {
        ChatCall { tools: tools.into_iter().map(tool).collect(), ..ChatCall::default() }
    }

    fn sent(call: &ChatCall, protocol: Protocol) -> Vec<String> {
        let mut sent = call.clone();
        ToolNames::of(call, protocol).send(&mut sent);
        sent.tools.into_iter().map(|tool| tool.name).collect()
    }

    #[test]
    fn a_name_that_is_too_long_goes_as_its_end_with_a_digest() {
        let known = "chrome-devtools__performance_analyze_insight_";
        for protocol in SPOKEN {
            let names = sent(&call([LONG, "look_up"]), protocol);
            assert_eq!(names[1], "look_up");
            assert_eq!(names[0].len(), 64, "{}", names[0]);
            assert!(names[0].contains(known), "{}", names[0]);
            // Prompts are cached by it: another one in a later version would cost its callers.
            assert_eq!(
                names[0],
                "cp_chrome-devtools__performance_analyze_insight_4d5b4b1f81ac9ab1"
            );
        }
        assert_eq!(sent(&call([LONG]), Protocol::AnthropicMessages), [LONG]);
        assert_eq!(sent(&call([LONG]), Protocol::Mapped), [LONG]);
    }

    #[test]
    fn names_that_a_vendor_takes_stay() {
        let edge = "a".repeat(64);
        for (name, openai, gemini) in [
            (edge.as_str(), true, true),
            ("look-up_2", true, true),
            ("2fast", true, false),
            ("-f", true, false),
            ("_f", true, true),
            ("files.read:all", false, true),
            ("f\u{fc}r", false, false),
            ("a b", false, false),
            // For the vendor to refuse.
            ("", true, true),
        ] {
            let call = call([name]);
            assert_eq!(sent(&call, Protocol::OpenaiChat) == [name], openai, "{name}");
            assert_eq!(sent(&call, Protocol::Gemini) == [name], gemini, "{name}");
            let stays = ToolNames::of(&call, Protocol::OpenaiResponses) == ToolNames::default();
            assert_eq!(stays, openai, "{name}");
        }
    }

    #[test]
    fn it_is_another_name_everywhere_and_comes_back() {
        for protocol in SPOKEN {
            let mut call = call([LONG, "f"]);
            call.tool_choice = Some(ToolChoice::Tool(LONG.to_owned()));
            let parts = vec![call_of("f"), call_of(LONG), call_of("an older tool")];
            call.messages = vec![Message { parts, role: Role::Assistant }];
            let names = ToolNames::of(&call, protocol);
            let mut asked = call.clone();
            names.send(&mut asked);
            let sent = asked.tools[0].name.clone();
            assert_eq!(asked.tool_choice, Some(ToolChoice::Tool(sent.clone())));
            let [first, second, third] = asked.messages[0].parts.as_slice() else { panic!() };
            assert_eq!((first, second), (&call_of("f"), &call_of(&sent)));
            assert_ne!(third, &call_of("an older tool"));
            let answer = |name: &str| Choice {
                finish: Finish::ToolCalls,
                logprobs: None,
                parts: vec![call_of(name), call_of("f")],
                stop_sequence: None,
            };
            let mut reply = ChatReply { choices: vec![answer(&sent)], ..ChatReply::default() };
            names.restore(&mut reply);
            assert_eq!(reply.choices, [answer(LONG)]);
            // As it is told, it is no other name.
            names.restore(&mut reply);
            assert_eq!(reply.choices, [answer(LONG)]);
        }
    }

    #[test]
    fn no_two_names_become_one() {
        let long: Vec<String> =
            (0..200).map(|place| format!("{place}{}", "x".repeat(90))).collect();
        let odd = ["a b", "a.b", "a_b", "a:b", "a\u{e4}b"].map(str::to_owned);
        let mut names: Vec<&str> = long.iter().chain(&odd).map(String::as_str).collect();
        for protocol in SPOKEN {
            let sent = sent(&call(names.iter().copied()), protocol);
            let different: BTreeSet<&String> = sent.iter().collect();
            assert_eq!(different.len(), names.len());
            let fits = |name: &String| fits_openai(name) || protocol == Protocol::Gemini;
            assert!(sent.iter().all(|name| fits(name) && fits_gemini(name) || name.len() <= 5));
        }
        // A tool that has the very name that another one would get.
        let taken = shortened(LONG, 0);
        names = vec![&taken, LONG];
        let sent_once = sent(&call(names.iter().copied()), Protocol::OpenaiChat);
        assert_eq!(sent_once[0], taken);
        assert_eq!(sent_once[1], shortened(LONG, 1));
        names.reverse();
        let mut again = sent(&call(names), Protocol::OpenaiChat);
        again.reverse();
        assert_eq!(sent_once, again);
    }

    /// Writes the names of what is called.
    struct Names;

    impl DialectStream for Names {
        fn delta(&mut self, delta: &Delta) -> Bytes {
            match delta {
                Delta::ToolCall { name: Some(name), .. } => name.clone().into(),
                _ => Bytes::new(),
            }
        }

        fn end(&mut self) -> Bytes {
            "end".into()
        }

        fn fail(&mut self, _failure: &StreamFailure) -> Bytes {
            "fail".into()
        }
    }

    #[test]
    fn a_stream_tells_the_callers_names() {
        let names = ToolNames::of(&call([LONG, "f"]), Protocol::Gemini);
        let sent = shortened(LONG, 0);
        let mut stream = names.restored(Box::new(Names));
        let part = |name: Option<&str>| Delta::ToolCall {
            arguments: String::new(),
            choice: 0,
            id: None,
            index: 0,
            name: name.map(str::to_owned),
        };
        assert_eq!(stream.delta(&part(Some(&sent))), LONG);
        assert_eq!(stream.delta(&part(Some("f"))), "f");
        assert_eq!(stream.delta(&part(None)), "");
        assert_eq!(stream.end(), "end");
    }
}
