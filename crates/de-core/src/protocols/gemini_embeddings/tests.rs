use serde_json::json;

use super::*;
use crate::{model::OnUnsupported, protocols::Place};

const VENDOR: &dyn EmbeddingVendor = &GeminiEmbeddingsVendor;

fn call(texts: &[&str]) -> EmbeddingCall {
    let input = EmbeddingInput::Texts(texts.iter().map(ToString::to_string).collect());
    EmbeddingCall { input, ..EmbeddingCall::default() }
}

fn draft(call: &EmbeddingCall) -> Result<Draft, Vec<FieldIssue>> {
    let target = super::super::test_target("gemini-embedding-2", OnUnsupported::Reject);
    VENDOR.request(call, &target)
}

#[test]
fn each_text_is_a_content_of_its_own() {
    let wanted = EmbeddingCall { dimensions: Some(768), ..call(&["a", "b"]) };
    let draft = draft(&wanted).unwrap();
    let path = "/models/gemini-embedding-2:batchEmbedContents";
    assert_eq!(draft.place, Place::Path(path.to_owned()));
    let one = |text: &str| {
        json!({"model": "models/gemini-embedding-2", "content": {"parts": [{"text": text}]},
            "outputDimensionality": 768})
    };
    let body: serde_json::Value = serde_json::from_slice(&draft.body).unwrap();
    assert_eq!(body, json!({"requests": [one("a"), one("b")]}));
}

#[test]
fn what_the_vendor_cannot_take_is_named() {
    let input = EmbeddingInput::Tokens(vec![vec![1]]);
    let tokens = EmbeddingCall { input, ..EmbeddingCall::default() };
    for wrong in [tokens, call(&["a"; 101])] {
        let issues = draft(&wrong).unwrap_err();
        assert_eq!(issues.len(), 1);
        assert_eq!(issues[0].pointer, "/input");
    }
    assert!(draft(&call(&["a"; 100])).is_ok());
}

#[test]
fn an_answer_is_one_vector_for_each_text() {
    let read = |answer: &'static str, count: usize| {
        let body = Bytes::from_static(answer.as_bytes());
        VENDOR.reply(&call(&vec!["a"; count]), &body)
    };
    let reply = read(r#"{"embeddings": [{"values": [0.5, 1]}, {"values": [0, -1]}]}"#, 2).unwrap();
    assert_eq!(reply.vectors, Some(vec![vec![0.5, 1.0], vec![0.0, -1.0]]));
    assert_eq!(reply.usage, None);
    let counted = r#"{"embeddings": [{"values": [1]}], "usageMetadata": {"promptTokenCount": 4}}"#;
    assert_eq!(read(counted, 1).unwrap().usage.unwrap().input_tokens, 4);
    for bad in [
        "",
        "{}",
        r#"{"embeddings": []}"#,
        r#"{"embeddings": [{}]}"#,
        r#"{"embeddings": [{"values": []}]}"#,
        r#"{"embeddings": [{"values": [1e39]}]}"#,
        r#"{"embeddings": [{"values": [1]}, {"values": [1]}]}"#,
    ] {
        assert!(read(bad, 1).is_err(), "{bad}");
    }
    assert!(read(r#"{"embeddings": [{"values": [1]}, {"values": [1, 2]}]}"#, 2).is_err());
}
