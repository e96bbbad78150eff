//! Each caller's protocol with each vendor's: what one side said, the other still says.

use de_core::{
    chat::{ChatReply, Part, Seal},
    model::Protocol,
};
use serde_json::json;

use super::{DIALECTS, SPEAKERS, Speaker, about, conformance::sum, deltas, json, target, written};

/// The side that reads what a dialect writes.
fn reader(name: &str) -> Speaker {
    SPEAKERS.into_iter().find(|speaker| speaker.name == name).unwrap()
}

/// What a reply is after translation: our model's name, no tier, no seals where the protocol has none, and the
/// name of their maker in those that the vendor's side takes for its own.
fn translated(mut reply: ChatReply, dialect: &str) -> ChatReply {
    "served-1".clone_into(&mut reply.model);
    reply.service_tier = None;
    for part in reply.choices.iter_mut().flat_map(|choice| &mut choice.parts) {
        if let Part::Thinking { seal, .. } = part {
            let maker = Protocol::AnthropicMessages;
            *seal = match dialect {
                "anthropic-messages" => {
                    seal.take().map(|seal| Seal::of(maker, seal.told_in(maker, "")))
                }
                "openai-responses" => seal.take(),
                _ => None,
            };
        }
    }
    if dialect == "openai-responses" {
        "resp_1".clone_into(&mut reply.id);
    }
    reply
}

#[test]
fn a_whole_reply_survives_translation() {
    for speaker in SPEAKERS {
        for (name, dialect) in DIALECTS {
            for fixture in [speaker.reply, speaker.reply_tools] {
                let reply = speaker.vendor.reply(&json(fixture)).unwrap();
                let body = dialect.reply(&reply, &about());
                let back = reader(name).vendor.reply(&body).unwrap();
                assert_eq!(back, translated(reply, name), "{} to {name}", speaker.name);
            }
        }
    }
}

#[test]
fn a_stream_survives_translation() {
    for speaker in SPEAKERS {
        for (name, dialect) in DIALECTS {
            for fixture in [speaker.stream, speaker.stream_tools] {
                let steps = deltas(speaker.vendor, fixture);
                let stream = written(dialect.stream(about()), &steps);
                let back = sum(&deltas(reader(name).vendor, &stream));
                assert_eq!(back, translated(sum(&steps), name), "{} to {name}", speaker.name);
            }
        }
    }
}

#[test]
fn a_request_survives_translation() {
    // What all of them hold an answer to.
    let closed = json!({"type": "object", "properties": {}, "additionalProperties": false});
    let requests = [
        (
            "openai-chat",
            json!({
                "model": "m", "max_tokens": 100, "temperature": 0, "top_p": 0.5, "stop": ["END"], "stream": true, "user": "u-1",
                "reasoning_effort": "low",
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": [
                        {"type": "text", "text": "What is this?"},
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
                        {"type": "image_url", "image_url": {"url": "https://example.test/a.png"}},
                    ]},
                    {"role": "assistant", "content": "Let me see.", "tool_calls": [
                        {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{\"at\":1}"}},
                    ]},
                    {"role": "tool", "tool_call_id": "call_1", "content": "a cat"},
                    {"role": "user", "content": "Well?"},
                ],
                "tools": [{"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": closed, "strict": true}}],
                "tool_choice": "required", "parallel_tool_calls": false,
                "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": closed, "strict": true}},
            }),
        ),
        (
            "anthropic-messages",
            json!({
                "model": "m", "max_tokens": 100, "temperature": 0, "top_p": 0.5, "stop_sequences": ["END"], "stream": true,
                "metadata": {"user_id": "u-1"}, "system": [{"type": "text", "text": "Be brief."}],
                "messages": [
                    {"role": "user", "content": [
                        {"type": "text", "text": "What is this?"},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
                        {"type": "image", "source": {"type": "url", "url": "https://example.test/a.png"}},
                    ]},
                    {"role": "assistant", "content": [
                        {"type": "text", "text": "Let me see."},
                        {"type": "tool_use", "id": "call_1", "name": "look", "input": {"at": 1}},
                    ]},
                    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": [{"type": "text", "text": "a cat"}]}]},
                    {"role": "user", "content": "Well?"},
                ],
                "tools": [{"name": "look", "description": "Looks.", "input_schema": closed, "strict": true}],
                "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
                "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": closed}},
            }),
        ),
    ];
    let mut calls = Vec::new();
    for (name, request) in requests {
        let dialect = DIALECTS.into_iter().find(|(dialect, _)| *dialect == name).unwrap().1;
        let (model, call) = dialect.call(&request).unwrap();
        assert_eq!((model.as_str(), &call.own_words, call.extra.len()), ("m", &Vec::new(), 0));
        for speaker in SPEAKERS {
            let dialect = DIALECTS.into_iter().find(|(dialect, _)| *dialect == speaker.name);
            // No caller speaks what the other vendors do.
            let Some((_, other)) = dialect else { continue };
            let mut call = call.clone();
            if speaker.name == "openai-responses" {
                // It has no word for stop texts.
                assert!(speaker.vendor.request(&call, &target()).is_err());
                call.stop.clear();
                // It takes none of these beside an effort.
                (call.temperature, call.top_p) = (None, None);
            }
            let draft = speaker.vendor.request(&call, &target()).unwrap();
            let (model, mut back) =
                other.call(&serde_json::from_slice(&draft.body).unwrap()).unwrap();
            assert_eq!(model, "upstream-1");
            if speaker.name == "anthropic-messages" {
                // It merges the result and the question into one turn: part them again.
                let last = back.messages.last_mut().unwrap();
                let question = last.parts.split_off(1);
                let role = last.role;
                back.messages.push(de_core::chat::Message { parts: question, role });
            }
            assert_eq!(back, call, "{name} to {}", speaker.name);
        }
        calls.push(call);
    }
    assert_eq!(calls[0], calls[1], "both dialects say the same");
}
