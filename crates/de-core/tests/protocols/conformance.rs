//! One table of promises, held by every vendor's side.

use de_core::{
    chat::{ChatReply, Choice, Delta, Finish, Part, ToolCall},
    protocols::StreamFault,
    receipt::Usage,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{DIALECTS, SPEAKERS, deltas, json, read};

/// The same counts in the vendors' fixtures.
pub(crate) const USAGE: Usage = Usage {
    input_tokens: 13,
    cached_input_tokens: 4,
    cache_write_tokens: 2,
    cache_write_1h_tokens: 0,
    cache_write_12h_tokens: 0,
    output_tokens: 10,
    reasoning_tokens: 3,
    image_input_tokens: 0,
    cached_image_input_tokens: 0,
    image_output_tokens: 0,
    audio_input_tokens: 0,
    audio_output_tokens: 0,
    images: 0,
    characters: 0,
    media_ms: 0,
    requests: 0,
};

/// Adds deltas up to the reply that they are, of the first answer.
pub(crate) fn sum(deltas: &[Delta]) -> ChatReply {
    let (mut reply, mut choice) = (ChatReply::default(), Choice::default());
    let mut calls: Vec<ToolCall> = Vec::new();
    for delta in deltas.iter().cloned() {
        match delta {
            Delta::Finish { finish, stop_sequence, .. } => {
                choice.finish = finish;
                choice.stop_sequence = stop_sequence;
            }
            Delta::Refusal { text, .. } => match choice.parts.last_mut() {
                Some(Part::Refusal(whole)) => whole.push_str(&text),
                _ => choice.parts.push(Part::Refusal(text)),
            },
            Delta::ServiceTier(tier) => reply.service_tier = Some(tier),
            Delta::Start { id, model } => (reply.id, reply.model) = (id, model),
            Delta::Text { text, .. } => match choice.parts.last_mut() {
                Some(Part::Text(whole)) => whole.push_str(&text),
                _ => choice.parts.push(Part::Text(text)),
            },
            Delta::Citation { citation, .. } => choice.parts.push(Part::Citation(citation)),
            Delta::Logprobs { tokens, .. } => {
                choice.logprobs.get_or_insert_default().extend(tokens);
            }
            Delta::Sealed { call: Some(index), seal, .. } => {
                calls[index as usize].seal = Some(seal);
            }
            Delta::Sealed { call: None, seal, .. } => choice.parts.push(Part::Sealed(seal)),
            Delta::Thinking { seal: more, text, .. } => match choice.parts.last_mut() {
                Some(Part::Thinking { seal, text: whole }) => {
                    whole.push_str(&text);
                    *seal = more.or(seal.take());
                }
                _ => choice.parts.push(Part::Thinking { seal: more, text }),
            },
            Delta::ToolCall { arguments, id, index, name, .. } => {
                let index = index as usize;
                assert_eq!(
                    id.is_some(),
                    index == calls.len(),
                    "an id in the first part, and only there"
                );
                if let (Some(id), Some(name)) = (id, name) {
                    calls.push(ToolCall { arguments: String::new(), id, name, seal: None });
                }
                calls[index].arguments.push_str(&arguments);
            }
            Delta::Usage(usage) => reply.usage = Some(usage),
        }
    }
    choice.parts.extend(calls.into_iter().map(Part::ToolCall));
    reply.choices.push(choice);
    reply
}

#[test]
fn a_reply_is_read_as_documented() {
    for speaker in SPEAKERS {
        let reply = speaker.vendor.reply(&json(speaker.reply)).unwrap();
        assert_eq!(reply.text(), "Grüße, 🌍!", "{}", speaker.name);
        assert_eq!(reply.choices[0].finish, Finish::Stop);
        assert_eq!(reply.usage, Some(speaker.usage), "{}", speaker.name);
    }
}

#[test]
fn a_stream_adds_up_to_the_reply() {
    for speaker in SPEAKERS {
        for (stream, reply) in
            [(speaker.stream, speaker.reply), (speaker.stream_tools, speaker.reply_tools)]
        {
            let whole = speaker.vendor.reply(&json(reply)).unwrap();
            assert_eq!(sum(&deltas(speaker.vendor, stream)), whole, "{}", speaker.name);
        }
    }
}

#[test]
fn a_stream_cut_anywhere_gives_the_same_deltas() {
    for speaker in SPEAKERS {
        for stream in [speaker.stream, speaker.stream_tools, speaker.stream_error] {
            let expected = read(speaker.vendor, [stream.as_bytes()]);
            for at in 0..stream.len() {
                let (head, tail) = stream.as_bytes().split_at(at);
                assert_eq!(
                    read(speaker.vendor, [head, tail]),
                    expected,
                    "{} cut at {at}",
                    speaker.name
                );
            }
            assert_eq!(read(speaker.vendor, stream.as_bytes().chunks(1)), expected);
            let crlf = stream.replace('\n', "\r\n");
            assert_eq!(read(speaker.vendor, crlf.as_bytes().chunks(7)), expected);
        }
    }
}

#[test]
fn a_stream_that_broke_off_is_never_whole() {
    for speaker in SPEAKERS {
        let stream = speaker.stream.trim_end();
        let (expected, _) = read(speaker.vendor, [stream.as_bytes()]);
        for at in 0..stream.len() {
            let (deltas, end) = read(speaker.vendor, [&stream.as_bytes()[..at]]);
            assert!(!matches!(end, Ok(true)), "{} until {at}", speaker.name);
            assert!(expected.starts_with(&deltas));
        }
    }
}

#[test]
fn a_failure_inside_the_stream_is_told() {
    for speaker in SPEAKERS {
        let (deltas, end) = read(speaker.vendor, [speaker.stream_error.as_bytes()]);
        let Err(StreamFault::Vendor(error)) = end else { panic!("{}: {end:?}", speaker.name) };
        assert!(error.message.is_some_and(|message| !message.is_empty()));
        assert_eq!(sum(&deltas).text(), "Grü");
    }
}

#[test]
fn garbage_in_a_stream_is_malformed() {
    for speaker in SPEAKERS {
        for data in ["data: <html>\n\n", "data: [1]\n\n", "data: {\"choices\":7,\"type\":7}\n\n"] {
            let (_, end) = read(speaker.vendor, [data.as_bytes()]);
            assert!(matches!(end, Err(StreamFault::Malformed(_))), "{} {data}", speaker.name);
        }
    }
}

#[test]
fn errors_are_read_as_documented() {
    for speaker in SPEAKERS {
        let refused = speaker.vendor.error(401, speaker.error_401);
        let code = refused.code.unwrap();
        let known = ["API_KEY_INVALID", "authentication_error", "invalid_api_key"];
        assert!(known.contains(&code.as_str()), "{code}");
        assert!(!refused.out_of_money && refused.message.is_some());
        assert!(!speaker.vendor.error(429, speaker.error_429).out_of_money, "{}", speaker.name);
        assert!(speaker.vendor.error(429, speaker.error_money).out_of_money, "{}", speaker.name);
        assert!(speaker.vendor.error(402, b"").out_of_money);
        for garbage in [b"".as_slice(), b"<html>", b"null", b"[]", b"{\"error\":[]}", b"\xff"] {
            let error = speaker.vendor.error(500, garbage);
            assert_eq!((error.code, error.message, error.out_of_money), (None, None, false));
        }
    }
}

/// JSON in which the protocols' own names are frequent.
fn value() -> impl Strategy<Value = Value> {
    let names = [
        "arguments",
        "blockReason",
        "candidates",
        "choices",
        "content",
        "content_block",
        "delta",
        "detail",
        "error",
        "finishReason",
        "finish_reason",
        "function",
        "functionCall",
        "groundingChunks",
        "groundingMetadata",
        "groundingSupports",
        "id",
        "image_url",
        "index",
        "input",
        "input_schema",
        "item",
        "item_id",
        "max_tokens",
        "message",
        "messages",
        "model",
        "name",
        "output",
        "output_index",
        "parts",
        "promptFeedback",
        "prompt_tokens",
        "response",
        "role",
        "source",
        "stop",
        "system",
        "text",
        "thought",
        "thoughtSignature",
        "tool_calls",
        "tool_choice",
        "tools",
        "type",
        "url",
        "usage",
        "usageMetadata",
    ];
    let words = [
        "",
        "assistant",
        "base64",
        "content_block_delta",
        "content_block_start",
        "function",
        "function_call",
        "function_call_output",
        "image",
        "image_url",
        "input_json_delta",
        "input_text",
        "message_delta",
        "message_start",
        "message",
        "output_text",
        "reasoning",
        "response.completed",
        "response.created",
        "response.function_call_arguments.delta",
        "response.output_item.added",
        "response.output_item.done",
        "response.output_text.delta",
        "response.reasoning_summary_text.delta",
        "stop",
        "system",
        "text",
        "text_delta",
        "tool",
        "tool_result",
        "tool_use",
        "user",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_u64..3).prop_map(Value::from),
        prop::sample::select(words.as_slice().to_vec()).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        let name = prop::sample::select(names.as_slice().to_vec());
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..6).prop_map(|members| members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes: Vec<u8>) {
        for speaker in SPEAKERS {
            let _ = read(speaker.vendor, [bytes.as_slice()]);
            let _ = speaker.vendor.error(500, &bytes);
        }
    }

    /// Line ends of every kind, comments, a mark of byte order, no blank line at the end; in any pieces.
    #[test]
    fn a_stream_in_any_pieces_gives_the_same_deltas(
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..9),
        // A CR before an LF would make one end of two.
        ends in prop_oneof![
            prop::collection::vec(prop::sample::select(vec!["\n", "\r\n"]), 1..9),
            Just(vec!["\r"]),
        ],
        comment in prop::bool::ANY,
        marked in prop::bool::ANY,
    ) {
        for speaker in SPEAKERS {
            for stream in [speaker.stream, speaker.stream_tools, speaker.stream_error] {
                let expected = read(speaker.vendor, [stream.as_bytes()]);
                let mut rough = String::from(if marked { "\u{feff}" } else { "" });
                for (line, end) in stream.trim_end().split('\n').zip(ends.iter().cycle()) {
                    let aside = if comment { format!(": aside{end}id: 1{end}") } else { String::new() };
                    rough.push_str(&format!("{aside}{line}{end}"));
                }
                let mut cuts: Vec<usize> = places.iter().map(|place| place.index(rough.len())).collect();
                cuts.sort_unstable();
                let mut begin = 0;
                let pieces = cuts.into_iter().chain([rough.len()]).map(|cut| {
                    let piece = &rough.as_bytes()[begin..cut];
                    begin = cut;
                    piece
                });
                prop_assert_eq!(read(speaker.vendor, pieces), expected, "{}", rough);
            }
        }
    }

    #[test]
    fn random_answers_never_panic(values in prop::collection::vec(value(), 1..6)) {
        let stream: String = values.iter().map(|value| format!("data: {value}\n\n")).collect();
        for speaker in SPEAKERS {
            let (deltas, _) = read(speaker.vendor, [stream.as_bytes()]);
            for (_, dialect) in DIALECTS {
                super::written(dialect.stream(super::about()), &deltas);
            }
            for value in &values {
                let _ = speaker.vendor.reply(value);
                speaker.vendor.error(400, value.to_string().as_bytes());
            }
        }
    }

    #[test]
    fn random_requests_never_panic(mut body in value(), message in value()) {
        if let Some(body) = body.as_object_mut() {
            body.insert("model".to_owned(), json!("m"));
            body.insert("messages".to_owned(), json!([message]));
            body.insert("input".to_owned(), json!([message]));
        }
        for (_, dialect) in DIALECTS {
            let Ok((_, call)) = dialect.call(&body) else { continue };
            for speaker in SPEAKERS {
                let _ = speaker.vendor.request(&call, &super::target());
            }
        }
        let _ = de_core::protocols::native::GenerateRequest::parse(&body);
    }
}
