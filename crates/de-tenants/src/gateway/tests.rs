//! What goes over the wire, and what does not.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread::{self, JoinHandle},
};

use de_core::secret::Secret;
use serde_json::json;

use super::{AddressError, Gateway, GatewayError};

fn at(base: &str) -> Result<Gateway, AddressError> {
    Gateway::at(base, &Secret::new("de_admin_1".to_owned()))
}

/// Gives these answers, one a connection, and hands back what was asked.
pub(crate) fn server(answers: Vec<String>) -> (Gateway, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = at(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let serving = thread::spawn(move || {
        let answer = |text: String| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = String::new();
            let mut part = [0; 4096];
            loop {
                let read = stream.read(&mut part).unwrap();
                asked.push_str(std::str::from_utf8(&part[..read]).unwrap());
                let Some((head, body)) = asked.split_once("\r\n\r\n") else { continue };
                let length = head.to_lowercase();
                let length = length.split("content-length: ").nth(1);
                let length = length.and_then(|rest| rest.split("\r\n").next()?.parse().ok());
                if body.len() >= length.unwrap_or(0) {
                    break;
                }
            }
            stream.write_all(text.as_bytes()).unwrap();
            asked
        };
        answers.into_iter().map(answer).collect()
    });
    (gateway, serving)
}

pub(crate) fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}connection: close\r\n\r\n{body}"
    )
}

#[test]
fn a_key_goes_encrypted_or_nowhere() {
    for good in ["https://api.example.com", "http://127.0.0.1:8787/", "http://localhost:1"] {
        assert!(at(good).is_ok(), "{good}");
    }
    let plain = |base: &str| AddressError::Plain(base.to_owned());
    let malformed = |base: &str| AddressError::Malformed(base.to_owned());
    for (base, expected) in [
        ("http://api.example.com", plain("http://api.example.com")),
        ("http://10.0.0.1", plain("http://10.0.0.1")),
        ("api.example.com", malformed("api.example.com")),
        ("https://api.example.com/v1", malformed("https://api.example.com/v1")),
        ("https://a:b@api.example.com", malformed("https://a:b@api.example.com")),
        ("ftp://api.example.com", malformed("ftp://api.example.com")),
    ] {
        assert_eq!(at(base).err(), Some(expected));
    }
    let key = Gateway::at("https://api.example.com", &Secret::new("a\nb".to_owned()));
    assert_eq!(key.err(), Some(AddressError::Key));
}

#[test]
fn what_may_be_asked_again_is_and_the_rest_is_not() {
    let busy = || answer("429 Too Many Requests", "retry-after: 0\r\n", "{}");
    let (gateway, serving) = server(vec![
        busy(),
        answer(
            "201 Created",
            "etag: \"7\"\r\nidempotency-replayed: true\r\n",
            r#"{"id": "key_1"}"#,
        ),
        busy(),
    ]);
    let made = gateway.post("/v1/api-keys", &json!({"name": "a"}), Some("once-1")).unwrap();
    assert_eq!((made.status, made.is_replayed), (201, true));
    assert_eq!(made.etag.as_deref(), Some("\"7\""));
    // Without a key it is told, and not asked twice.
    let refused = gateway.post("/v1/api-keys", &json!({"name": "b"}), None).unwrap_err();
    assert!(matches!(refused, GatewayError::Refused { refusal, .. } if refusal.status == 429));
    let asked = serving.join().unwrap();
    assert_eq!(asked[0], asked[1]);
    assert!(asked[0].contains("idempotency-key: once-1\r\n"), "{}", asked[0]);
    assert!(asked[0].contains("authorization: Bearer de_admin_1\r\n"), "{}", asked[0]);
}

#[test]
fn work_without_a_body_is_asked_for_without_one() {
    let (gateway, serving) = server(vec![answer("200 OK", "", r#"{"remaining": 0}"#)]);
    assert_eq!(gateway.run("/v1/provider-keys/reseal").unwrap().body["remaining"], 0);
    let asked = serving.join().unwrap().remove(0);
    assert!(asked.starts_with("POST /v1/provider-keys/reseal HTTP/1.1\r\n"), "{asked}");
    assert!(asked.ends_with("\r\n\r\n") && !asked.contains("content-type"), "{asked}");
}

#[test]
fn what_is_saved_and_not_told_yet_is_saved() {
    let saved =
        r#"{"error": "later", "error_code": "LIMITER_UNAVAILABLE", "details": {"saved": true}}"#;
    let saved = || answer("503 Service Unavailable", "retry-after: 1\r\n", saved);
    let made = answer("201 Created", "", r#"{"id": "key_1", "secret": "s"}"#);
    let (gateway, serving) = server(vec![saved(), saved(), made]);
    // A change is not made twice: its state is another one now.
    assert_eq!(gateway.patch("/v1/projects/p", &json!({}), Some("\"1\"")).unwrap().status, 200);
    // What was made under a key is asked for again, since its answer has a secret.
    let again = gateway.post("/v1/api-keys", &json!({}), Some("once-2")).unwrap();
    assert_eq!(again.body["secret"], "s");
    let asked = serving.join().unwrap();
    assert!(asked[0].contains("if-match: \"1\"\r\n"), "{}", asked[0]);
}

#[test]
fn a_refusal_names_fields_and_a_list_has_pages() {
    let refusal = r#"{"error": "no", "error_code": "VALIDATION_ERROR",
        "details": {"fields": [{"field": "/name", "reason": "is required"}]}}"#;
    let (gateway, serving) = server(vec![
        answer("400 Bad Request", "", refusal),
        answer("200 OK", "", r#"{"data": [{"id": "a"}], "next_cursor": "x/y"}"#),
        answer("200 OK", "", r#"{"data": [{"id": "b"}], "next_cursor": null}"#),
        answer("404 Not Found", "", "<html>"),
    ]);
    let refused = gateway.post("/v1/projects", &json!({}), None).unwrap_err();
    let GatewayError::Refused { refusal, .. } = refused else { panic!("{refused}") };
    assert_eq!(refusal.code, "VALIDATION_ERROR");
    assert_eq!(refusal.fields[0].pointer, "/name");
    assert_eq!(gateway.list("/v1/projects", "instance_id=i").unwrap().len(), 2);
    assert!(gateway.find("/v1/projects/p").unwrap().is_none());
    let asked = serving.join().unwrap();
    let line = |index: usize| asked[index].lines().next().unwrap().to_owned();
    assert_eq!(line(1), "GET /v1/projects?limit=200&instance_id=i HTTP/1.1");
    assert_eq!(line(2), "GET /v1/projects?limit=200&instance_id=i&cursor=x%2Fy HTTP/1.1");
}
