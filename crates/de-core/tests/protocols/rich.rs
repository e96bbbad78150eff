//! What goes beyond plain text from protocol to protocol: documents, pictures in results, marks, seals,
//! citations, probabilities, and what becomes of that which a vendor has no word for.

#[path = "rich/left_out.rs"]
mod left_out;
#[path = "rich/parts.rs"]
mod parts;
#[path = "rich/thoughts.rs"]
mod thoughts;

use de_core::{
    chat::{ChatCall, Delta, Finish, Part, Seal, TokenLogprob},
    model::{OnUnsupported, Protocol},
    protocols::{
        About, Dialect, Target, Vendor,
        anthropic_messages::{AnthropicMessagesDialect, AnthropicMessagesVendor},
        capable,
        gemini::GeminiVendor,
        openai_chat::{OpenAiChatDialect, OpenAiChatVendor},
        openai_responses::{OpenAiResponsesDialect, OpenAiResponsesVendor},
    },
};
use http::HeaderMap;
use serde_json::{Value, json};

use super::{Responses, about, events, sent, target, written};

fn anthropic(members: Value) -> Value {
    let mut body =
        json!({"model": "m", "max_tokens": 8_000, "messages": [{"role": "user", "content": "Hi"}]});
    let (all, more) = (body.as_object_mut().unwrap(), members.as_object().unwrap());
    all.extend(more.clone());
    body
}

#[test]
fn citations_and_probabilities_are_told_where_there_is_a_place() {
    let page = json!({"type": "web_search_result_location", "url": "https://example.test/", "title": "T", "cited_text": "c", "encrypted_index": "e"});
    let letters = json!({"type": "char_location", "cited_text": "c", "document_index": 1, "document_title": "D", "start_char_index": 2, "end_char_index": 5});
    let reply = AnthropicMessagesVendor
        .reply(&json!({"id": "m1", "model": "up", "stop_reason": "end_turn", "content": [
            {"type": "text", "text": "Söme.", "citations": [page, letters]},
        ]}))
        .unwrap();
    let message = &OpenAiChatDialect.reply(&reply, &about())["choices"][0]["message"];
    assert_eq!(
        message["annotations"],
        json!([{"type": "url_citation", "url_citation": {"url": "https://example.test/", "title": "T", "start_index": 0, "end_index": 5}}])
    );
    let same = AnthropicMessagesDialect.reply(&reply, &about());
    assert_eq!(same["content"][0]["citations"], json!([page, letters]));

    let token = |token: &str| TokenLogprob {
        bytes: Some(token.as_bytes().to_vec()),
        logprob: -0.5,
        token: token.to_owned(),
        top: vec![TokenLogprob {
            logprob: -0.5,
            token: token.to_owned(),
            ..TokenLogprob::default()
        }],
    };
    let deltas = [
        Delta::Text { choice: 0, text: "Hi".into() },
        Delta::Logprobs { choice: 0, tokens: vec![token("H"), token("i")] },
    ];
    let stream = written(OpenAiChatDialect.stream(about()), &deltas);
    let told: Vec<Value> = events(&stream)
        .iter()
        .filter_map(|event| event["choices"][0]["logprobs"]["content"].as_array().cloned())
        .flatten()
        .collect();
    assert_eq!(told.len(), 2);
    assert_eq!(
        told[0],
        json!({"token": "H", "logprob": -0.5, "bytes": [72], "top_logprobs": [{"token": "H", "logprob": -0.5, "bytes": null}]})
    );
    let read = super::conformance::sum(&super::deltas(&OpenAiChatVendor, &stream));
    assert_eq!(read.choices[0].logprobs.as_ref().unwrap()[1].token, "i");
}

#[test]
fn who_calls_is_told_in_what_openai_takes() {
    let of = |user: &str| {
        let body = anthropic(json!({"metadata": {"user_id": user}}));
        let chat = sent(&AnthropicMessagesDialect, &OpenAiChatVendor, body.clone());
        let responses = sent(&AnthropicMessagesDialect, &OpenAiResponsesVendor, body);
        assert_eq!(chat["user"], responses["safety_identifier"]);
        chat["user"].as_str().unwrap().to_owned()
    };
    assert_eq!(of("u-1"), "u-1");
    // As Claude Code has it.
    let id = "0b5c9a4e-93f1-4d6c-8a37-0c1f2e3d4b5a";
    let long = format!("user_{}_account_{id}_session_{id}", "a".repeat(64));
    assert_eq!((of(&long).len(), of(&long)), (64, of(&long)));
    assert_ne!(of(&long), of(&format!("{long}b")));
}
