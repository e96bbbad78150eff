//! Google's side of a conversation: what is written, what is read, and whose seals come back.

#[path = "gemini/requests.rs"]
mod requests;
#[path = "gemini/seals.rs"]
mod seals;

use de_core::{
    chat::{Citation, CitedPlace, Delta, Finish, Part, Seal, TokenLogprob, ToolCall},
    model::{OnUnsupported, Protocol},
    protocols::{
        Dialect, Place, StreamFault, Target, Vendor, anthropic_messages::AnthropicMessagesDialect,
        gemini::GeminiVendor, openai_chat::OpenAiChatDialect,
    },
    receipt::Usage,
};
use serde_json::{Value, json};

use super::{about, deltas, events, json, lines, read, target, written};

const SEALED: &str = include_str!("../../fixtures/gemini/text_sealed.json");
const GROUNDED: &str = include_str!("../../fixtures/gemini/text_grounded.json");
const BLOCKED: &str = include_str!("../../fixtures/gemini/reply_blocked.json");

fn of(model: &str) -> Target {
    Target { upstream_model: model.to_owned(), ..target() }
}

/// A request of OpenAI's chat with these members, as the vendor gets it.
#[track_caller]
fn sent(model: &str, members: Value) -> Value {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let (_, call) = OpenAiChatDialect.call(&body).unwrap();
    let draft = GeminiVendor.request(&call, &of(model)).unwrap();
    serde_json::from_slice(&draft.body).unwrap()
}

/// What stands against such a request.
fn refused(model: &str, members: Value) -> Vec<String> {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let (_, call) = OpenAiChatDialect.call(&body).unwrap();
    let issues = GeminiVendor.request(&call, &of(model)).unwrap_err();
    issues.into_iter().map(|issue| issue.pointer).collect()
}

#[track_caller]
fn finish_of(candidate: Value) -> (Finish, Vec<Part>) {
    let body = json!({"candidates": [candidate], "responseId": "r"});
    let mut reply = GeminiVendor.reply(&body).unwrap();
    let choice = reply.choices.remove(0);
    let event = format!("data: {body}\n\n");
    let told = deltas(&GeminiVendor, &event);
    let last = told.iter().find_map(|delta| match delta {
        Delta::Finish { finish, .. } => Some(finish),
        _ => None,
    });
    assert_eq!(last, Some(&choice.finish), "the same in a stream");
    (choice.finish, choice.parts)
}

#[test]
fn an_answer_that_broke_off_is_no_clean_end() {
    let words = [
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
        "TOO_MANY_TOOL_CALLS",
        "UNEXPECTED_TOOL_CALL",
    ];
    let thought = json!({"parts": [{"text": "Hm", "thought": true}]});
    let event = |candidate: &Value| {
        let usage = json!({"promptTokenCount": 5, "totalTokenCount": 5});
        let body = json!({"candidates": [candidate], "responseId": "r", "usageMetadata": usage});
        format!("data: {body}\n\n")
    };
    for word in words {
        // With nothing said there is no answer.
        for content in [Value::Null, json!({}), thought.clone()] {
            let candidate = json!({"finishReason": word, "content": content});
            let malformed =
                GeminiVendor.reply(&json!({"candidates": [candidate]})).expect_err(word);
            assert_eq!(malformed.pointer, "/candidates/0/finishReason");
            let (told, end) = read(&GeminiVendor, [event(&candidate).as_bytes()]);
            assert!(matches!(end, Err(StreamFault::Malformed(_))) && told.is_empty(), "{word}");
        }
        // In the middle of a stream it never ends, and the vendor's count is kept.
        let begun = event(&json!({"content": thought.clone()}));
        let stream = format!("{begun}{}", event(&json!({"finishReason": word})));
        let (told, end) = read(&GeminiVendor, [stream.as_bytes()]);
        assert_eq!(end, Ok(false), "{word}");
        assert!(told.iter().all(|delta| !matches!(delta, Delta::Finish { .. })));
        assert!(matches!(told.last(), Some(Delta::Usage(_))));
        // What was said is an answer that was cut.
        let said = json!({"finishReason": word, "content": {"parts": [{"text": "So"}]}});
        assert_eq!(finish_of(said), (Finish::Length, vec![Part::Text("So".to_owned())]));
    }
}

#[test]
fn an_end_is_told_in_common_words() {
    for (word, finish) in [
        ("STOP", Finish::Stop),
        ("MAX_TOKENS", Finish::Length),
        ("SAFETY", Finish::ContentFilter),
        ("RECITATION", Finish::ContentFilter),
        ("PROHIBITED_CONTENT", Finish::ContentFilter),
        ("OF_NEXT_YEAR", Finish::Unknown("OF_NEXT_YEAR".to_owned())),
    ] {
        assert_eq!(finish_of(json!({"finishReason": word})).0, finish);
    }
    let withheld = json!({"finishReason": "SAFETY", "finishMessage": "Withheld."});
    assert_eq!(finish_of(withheld).1, [Part::Refusal("Withheld.".to_owned())]);
    let called =
        json!({"finishReason": "STOP", "content": {"parts": [{"functionCall": {"name": "a"}}]}});
    let (finish, parts) = finish_of(called);
    assert_eq!(finish, Finish::ToolCalls);
    let call = ToolCall {
        arguments: "{}".to_owned(),
        id: "call_r_0_0".to_owned(),
        name: "a".to_owned(),
        seal: None,
    };
    assert_eq!(parts, [Part::ToolCall(call)]);
    // A prompt that was blocked is a refusal, and was read.
    let reply = GeminiVendor.reply(&json(BLOCKED)).unwrap();
    assert_eq!(reply.choices[0].finish, Finish::ContentFilter);
    assert_eq!(reply.usage.unwrap().input_tokens, 12);
    let line = json(BLOCKED).to_string();
    let told = deltas(&GeminiVendor, &format!("data: {line}\n\n"));
    let finish = Finish::ContentFilter;
    assert!(told.contains(&Delta::Finish { choice: 0, finish, stop_sequence: None }));
    assert!(GeminiVendor.reply(&json!({"usageMetadata": {"promptTokenCount": 1}})).is_err());
}

#[test]
fn probabilities_and_several_answers_are_read() {
    let token =
        |text: &str, logprob: f64| json!({"token": text, "tokenId": 1, "logProbability": logprob});
    let body = json!({"candidates": [
        {"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP", "index": 0, "logprobsResult": {
            "chosenCandidates": [token("Hi", -0.5)],
            "topCandidates": [{"candidates": [token("Hi", -0.5), token("Ho", -1.5)]}],
        }},
        {"content": {"parts": [{"text": "Ho"}]}, "finishReason": "MAX_TOKENS", "index": 1},
    ]});
    let reply = GeminiVendor.reply(&body).unwrap();
    let plain = |token: &str, logprob| TokenLogprob {
        logprob,
        token: token.to_owned(),
        ..TokenLogprob::default()
    };
    let expected =
        TokenLogprob { top: vec![plain("Hi", -0.5), plain("Ho", -1.5)], ..plain("Hi", -0.5) };
    assert_eq!(reply.choices[0].logprobs, Some(vec![expected]));
    assert_eq!(
        (reply.choices[1].finish.clone(), &reply.choices[1].logprobs),
        (Finish::Length, &None)
    );
}

#[test]
fn sources_are_told_with_their_places_in_characters() {
    let page = |url: &str, title: Option<&str>, span| {
        Part::Citation(Citation {
            cited_text: None,
            place: CitedPlace::Web { mark: None, url: url.to_owned() },
            span: Some(span),
            title: title.map(str::to_owned),
        })
    };
    let reply = GeminiVendor.reply(&json(GROUNDED)).unwrap();
    let expected = [
        Part::Text("Zürich is big. It rains.".to_owned()),
        page("https://example.test/city", Some("example.test"), (0, 14)),
        page("https://example.test/city", Some("example.test"), (15, 24)),
        page("https://example.test/rain", Some("Rain"), (15, 24)),
        page("https://example.test/song", None, (15, 24)),
    ];
    assert_eq!(reply.choices[0].parts, expected);
    // Sound has a price of its own, and what tools read is input.
    let usage =
        Usage { input_tokens: 26, output_tokens: 9, audio_input_tokens: 4, ..Usage::default() };
    assert_eq!(reply.usage, Some(usage));
    let told = deltas(&GeminiVendor, &format!("data: {}\n\n", json(GROUNDED)));
    let citations = told.iter().filter(|delta| matches!(delta, Delta::Citation { .. })).count();
    assert_eq!(citations, 4);
}

#[test]
fn counts_of_a_stream_are_those_that_were_told_last() {
    let read = |counts: &[Value]| {
        let stream: String = counts
            .iter()
            .map(|counts| {
                let piece = json!({"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}], "usageMetadata": counts});
                format!("data: {piece}\n\n")
            })
            .collect();
        let told = deltas(&GeminiVendor, &stream);
        let mut counts = told.iter().filter_map(|delta| match delta {
            Delta::Usage(usage) => Some(*usage),
            _ => None,
        });
        counts.next_back().unwrap()
    };
    let first = json!({"promptTokenCount": 20, "candidatesTokenCount": 9, "thoughtsTokenCount": 5});
    let last = json!({"promptTokenCount": 12, "cachedContentTokenCount": 4, "candidatesTokenCount": 6, "thoughtsTokenCount": 2});
    let expected = Usage {
        input_tokens: 8,
        cached_input_tokens: 4,
        output_tokens: 8,
        reasoning_tokens: 2,
        ..Usage::default()
    };
    assert_eq!(read(&[first.clone(), last]), expected);
    // What a later event does not tell is what it was.
    let less = json!({"promptTokenCount": 12});
    let expected =
        Usage { input_tokens: 12, output_tokens: 14, reasoning_tokens: 5, ..Usage::default() };
    assert_eq!(read(&[first, less]), expected);
}
