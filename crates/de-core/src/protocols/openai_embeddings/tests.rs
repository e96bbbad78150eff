use serde_json::json;

use super::*;
use crate::{calls::embedding::Encoding, model::OnUnsupported};

const VENDOR: &dyn EmbeddingVendor = &OpenAiEmbeddingsVendor;

fn parse(body: Value) -> Result<OpenAiEmbeddingCall, Vec<String>> {
    OpenAiEmbeddingCall::parse(body.as_object().unwrap())
        .map_err(|issues| issues.into_iter().map(|issue| issue.pointer).collect())
}

/// A call for so many vectors.
fn call(count: usize, encoding: Encoding) -> EmbeddingCall {
    let input = EmbeddingInput::Texts(vec!["a".to_owned(); count]);
    EmbeddingCall { encoding, input, ..EmbeddingCall::default() }
}

#[test]
fn every_form_of_input_is_read() {
    let texts =
        |texts: &[&str]| EmbeddingInput::Texts(texts.iter().map(ToString::to_string).collect());
    for (input, expected) in [
        (json!("a"), texts(&["a"])),
        (json!(["a", "b"]), texts(&["a", "b"])),
        (json!([1, 2]), EmbeddingInput::Tokens(vec![vec![1, 2]])),
        (json!([[1, 2], [3]]), EmbeddingInput::Tokens(vec![vec![1, 2], vec![3]])),
    ] {
        let read = parse(json!({"model": "m", "input": input})).unwrap();
        assert_eq!((read.call.input, read.model.as_str()), (expected, "m"));
    }
    let body = json!({"model": "m", "input": "a", "dimensions": 256, "encoding_format": "base64",
        "user": "u", "truncate": true});
    let call = parse(body).unwrap().call;
    assert_eq!((call.dimensions, call.encoding), (Some(256), Encoding::Base64));
    assert_eq!((call.user.as_deref(), call.extra.get("truncate")), (Some("u"), Some(&json!(true))));
}

#[test]
fn what_is_wrong_is_named_by_its_place() {
    for (body, expected) in [
        (json!({}), vec!["/model", "/input"]),
        (json!({"model": 1, "input": null}), vec!["/model", "/input"]),
        (json!({"model": "m", "input": 7}), vec!["/input"]),
        (json!({"model": "m", "input": []}), vec!["/input"]),
        (json!({"model": "m", "input": ""}), vec!["/input"]),
        (json!({"model": "m", "input": ["a", "", 3]}), vec!["/input/1", "/input/2"]),
        (json!({"model": "m", "input": [1, "a", "b"]}), vec!["/input/1"]),
        (json!({"model": "m", "input": [1, -1]}), vec!["/input/1"]),
        (
            json!({"model": "m", "input": [[1], [], "a", [2, 1.5]]}),
            vec!["/input/1", "/input/2", "/input/3/1"],
        ),
        (json!({"model": "m", "input": [], "dimensions": 0}), vec!["/input", "/dimensions"]),
        (json!({"model": "m", "input": "a", "encoding_format": "hex"}), vec!["/encoding_format"]),
        (json!({"model": "m", "input": vec!["a"; 2_049]}), vec!["/input"]),
        (json!({"model": "m", "input": vec![1; 8_193]}), vec!["/input"]),
        (json!({"model": "m", "input": vec![vec![1; 8_192]; 37]}), vec!["/input"]),
    ] {
        let shown = body.to_string();
        let shown: String = shown.chars().take(80).collect();
        assert_eq!(parse(body).unwrap_err(), expected, "{shown}");
    }
    assert!(parse(json!({"model": "m", "input": vec!["a"; 2_048]})).is_ok());
    assert!(parse(json!({"model": "m", "input": vec![vec![1; 8_192]; 36]})).is_ok());
}

#[test]
fn a_relayed_body_has_another_model_and_nothing_else() {
    let body =
        r#"{"input": [[1, 2]],"model": "mine","odd":{"a":1e3,"b":"\u00e9"}, "dimensions": 8}"#;
    let body = Verbatim::parse(body.into()).unwrap();
    let read = OpenAiEmbeddingCall::parse(&body.members()).unwrap();
    let target = super::super::test_target("theirs", OnUnsupported::Reject);
    let draft = VENDOR.relay(&body, &read.call, &target).unwrap();
    let expected =
        r#"{"input": [[1, 2]],"model": "theirs","odd":{"a":1e3,"b":"\u00e9"}, "dimensions": 8}"#;
    assert_eq!(draft.body, expected);
    let draft = VENDOR.request(&read.call, &target).unwrap();
    let expected = r#"{"model":"theirs","input":[[1,2]],"encoding_format":"float","dimensions":8,"odd":{"a":1000.0,"b":"é"}}"#;
    assert_eq!(draft.body, expected);
}

/// 0.25 and −2 in both forms.
const FLOATS: &str = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.25,-2]}],"model":"m","usage":{"prompt_tokens":3,"total_tokens":3}}"#;
const BASE64: &str = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AACAPgAAAMA="}],"model":"m","usage":{"prompt_tokens":3,"total_tokens":3}}"#;

#[test]
fn an_answer_in_the_wanted_form_is_the_answer() {
    for (answer, encoding) in [(FLOATS, Encoding::Float), (BASE64, Encoding::Base64)] {
        let body = Bytes::from_static(answer.as_bytes());
        let reply = VENDOR.reply(&call(1, encoding), &body).unwrap();
        assert_eq!(reply.vectors, None);
        assert_eq!(reply.usage.unwrap().input_tokens, 3);
    }
}

#[test]
fn an_answer_in_the_other_form_is_written_anew() {
    for (answer, encoding, expected) in [
        (FLOATS, Encoding::Base64, BASE64),
        (BASE64, Encoding::Float, &FLOATS.replace("-2]", "-2.0]")),
    ] {
        let body = Bytes::from_static(answer.as_bytes());
        let reply = VENDOR.reply(&call(1, encoding), &body).unwrap();
        let vectors = reply.vectors.unwrap();
        assert_eq!(vectors, [[0.25, -2.0]]);
        assert_eq!(write(&vectors, encoding, "m", 3), expected);
    }
    // In the order of the inputs, whatever that of the answer.
    let turned = r#"{"data":[{"index":1,"embedding":[1]},{"index":0,"embedding":"AACAPg=="}]}"#;
    let body = Bytes::from_static(turned.as_bytes());
    let reply = VENDOR.reply(&call(2, Encoding::Float), &body).unwrap();
    assert_eq!((reply.vectors, reply.usage), (Some(vec![vec![0.25], vec![1.0]]), None));
}

#[test]
fn an_answer_that_is_none_is_malformed() {
    for (answer, count) in [
        ("", 1),
        ("{}", 1),
        (FLOATS, 2),
        (r#"{"data":[{"embedding":{}}]}"#, 1),
        (r#"{"data":[{"embedding":["a"]}]}"#, 1),
        (r#"{"data":[{"embedding":"AACA"}]}"#, 1),
        (r#"{"data":[{"embedding":"!"}]}"#, 1),
        // Not a number.
        (r#"{"data":[{"embedding":"AADAfw=="}]}"#, 1),
        (r#"{"data":[{"embedding":"AACAPg==","index":1}]}"#, 1),
        (r#"{"data":[{"embedding":"AACAPg==","index":0},{"embedding":[1],"index":0}]}"#, 2),
        (r#"{"data":[{"embedding":"AACAPg=="},{"embedding":[1,2]}]}"#, 2),
        (r#"{"data":[{"embedding":""}]}"#, 1),
    ] {
        let body = Bytes::from_static(answer.as_bytes());
        let read = VENDOR.reply(&call(count, Encoding::Float), &body);
        assert!(read.is_err(), "{answer}");
    }
}
