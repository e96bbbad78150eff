//! Steps that are read without a tree of values say what the full reader says of them, whatever stands in them.
//!
//! A member that nobody knows sends a step to the full reader, which skips it: so both can be asked.

use de_core::{chat::Delta, protocols::StreamFault};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{ANTHROPIC, OPENAI, Speaker, read};

/// An object of these members, each absent or with one of its values.
fn object(members: Vec<(&'static str, Vec<Value>)>) -> impl Strategy<Value = Value> + Clone {
    let picks: Vec<_> = members.iter().map(|(_, values)| 0..=values.len()).collect();
    picks.prop_map(move |picks| {
        let picked = members.iter().zip(picks);
        let picked = picked.filter_map(|((name, values), pick)| {
            Some(((*name).to_owned(), values.get(pick)?.clone()))
        });
        Value::Object(picked.collect::<Map<_, _>>())
    })
}

fn words(more: Value) -> Vec<Value> {
    vec![Value::Null, json!(""), json!("a"), json!("ü\"\\\n🦀"), more]
}

fn openai() -> impl Strategy<Value = Value> {
    let delta = object(vec![
        ("content", words(json!([{"type": "text", "text": "t"}]))),
        ("content", words(json!("b"))),
        ("reasoning_content", vec![Value::Null, Value::Null, json!("hm")]),
        ("refusal", vec![Value::Null, Value::Null, json!("no")]),
        ("role", words(json!("assistant"))),
        ("tool_calls", vec![Value::Null, Value::Null, json!([{"index": 0, "id": "x"}])]),
    ]);
    let choice = (
        object(vec![
            ("finish_reason", vec![Value::Null, Value::Null, json!(""), json!("stop")]),
            ("index", vec![json!(0), json!(1), json!(0), Value::Null, json!(-1), json!(1.5)]),
            ("logprobs", vec![Value::Null, Value::Null, json!({})]),
        ]),
        prop_oneof![9 => delta, 1 => Just(Value::Null), 1 => Just(json!(7))],
    )
        .prop_map(|(mut choice, delta)| {
            choice["delta"] = delta;
            choice
        });
    let head = object(vec![
        ("created", vec![json!(1), json!(1.5), json!(-1), json!("x"), Value::Null]),
        ("id", words(json!(7))),
        ("model", words(json!("m"))),
        ("object", words(json!("chat.completion.chunk"))),
        ("service_tier", words(json!("flex"))),
        ("usage", vec![Value::Null, Value::Null, json!({"prompt_tokens": 3})]),
    ]);
    let choices = prop_oneof![
        6 => prop::collection::vec(choice.clone(), 1..2),
        1 => prop::collection::vec(choice, 0..3),
    ];
    (head, choices).prop_map(|(mut chunk, choices)| {
        chunk["choices"] = json!(choices);
        chunk
    })
}

fn anthropic() -> impl Strategy<Value = Value> {
    let kinds = ["input_json_delta", "text_delta", "text_delta", "thinking_delta", "of_next_year"];
    let delta = object(vec![
        ("text", words(json!(7))),
        ("thinking", words(json!([]))),
        ("type", kinds.map(Value::from).to_vec()),
    ]);
    let kinds = ["content_block_delta", "content_block_delta", "content_block_stop", "ping"];
    let head = object(vec![
        ("index", vec![json!(0), json!(1), Value::Null, json!(-1)]),
        ("type", kinds.map(Value::from).to_vec()),
    ]);
    let delta = prop_oneof![9 => delta, 1 => Just(Value::Null), 1 => Just(json!([]))];
    (head, delta).prop_map(|(mut event, delta)| {
        event["delta"] = delta;
        event
    })
}

fn said_alike(speaker: &Speaker, name: &str, steps: &[String]) {
    let stream = |change: fn(&str) -> String| -> String {
        steps.iter().map(|step| format!("{name}data: {}\n\n", change(step))).collect()
    };
    let plain = stream(str::to_owned);
    let full = stream(|step| step.replacen('{', "{\"member_of_next_year\":0,", 1));
    assert_eq!(said(speaker, &plain), said(speaker, &full), "{plain}");
}

/// What a stream says, and how it ends. Where text is no JSON, its place is not the same for both.
fn said(speaker: &Speaker, stream: &str) -> (Vec<Delta>, Result<bool, StreamFault>) {
    let (deltas, mut end) = read(speaker.vendor, [stream.as_bytes()]);
    if let Err(StreamFault::Malformed(malformed)) = &mut end
        && malformed.pointer.is_empty()
    {
        malformed.reason.clear();
    }
    (deltas, end)
}

#[test]
fn a_step_that_is_odd_is_odd_for_both() {
    let choice = r#"{"index":0,"delta":{"content":"a"}}"#;
    let odd = [
        r#"{"choices":[CHOICE],"id":"a","id":"b"}"#,
        r#"{"choices":[CHOICE,CHOICE]}"#,
        r#"{"choices":[CHOICE]} {}"#,
        r#" { "choices" : [ CHOICE ] , "id" : "\u0061" } "#,
        r#"{"choices":[{"index":0,"delta":{"content":"\ud83e\udd80"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"\ud83e"}}]}"#,
        r#"{"choices":[{"index":4294967296,"delta":{"content":"a"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"a"}}"#,
        r#"{"choices":{}}"#,
        r#"{"choices":[CHOICE],"error":null}"#,
        r#"{"choices":[CHOICE],"error":{"message":"no"}}"#,
    ];
    for step in odd {
        said_alike(&OPENAI, "", &[step.replace("CHOICE", choice)]);
    }
    let odd = [
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a","text":"b"}}"#,
        r#"{"type":"content_block_delta","delta":{"text":"\u00fc","type":"text_delta"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}} x"#,
        r#"{"delta":{"type":"text_delta","text":"a"}}"#,
        r#"{"type":"error","error":{"type":"api_error","message":"no"}}"#,
    ];
    for step in odd {
        for name in ["", "event: content_block_delta\n", "event: error\n", "event: ping\n"] {
            said_alike(&ANTHROPIC, name, &[step.to_owned()]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_chunk_of_openai_says_the_same(chunks in prop::collection::vec(openai(), 1..6)) {
        let steps: Vec<String> = chunks.iter().map(Value::to_string).collect();
        for name in ["", "event: error\n", "event: x\n"] {
            said_alike(&OPENAI, name, &steps);
        }
    }

    #[test]
    fn an_event_of_anthropic_says_the_same(events in prop::collection::vec(anthropic(), 1..6)) {
        let steps: Vec<String> = events.iter().map(Value::to_string).collect();
        for name in ["", "event: content_block_delta\n", "event: x\n"] {
            said_alike(&ANTHROPIC, name, &steps);
        }
    }
}
