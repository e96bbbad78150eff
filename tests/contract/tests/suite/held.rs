//! A request whose body is held back until its sender has lost what they were allowed.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{control::Control, stack::Stack};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A request of which only the head has been sent.
struct Held {
    body: String,
    stream: TcpStream,
}

impl Held {
    async fn begin(base: &str, path: &str, headers: &str, body: &Value) -> Self {
        let address = base.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).await.unwrap();
        let body = body.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
             connection: close\r\n{headers}content-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // The first byte of the body is with it, so that nothing waits for the rest before it looks.
        stream.write_all(&body.as_bytes()[..1]).await.unwrap();
        stream.flush().await.unwrap();
        Self { body, stream }
    }

    /// Sends the rest, and reads the status.
    async fn end(mut self) -> u16 {
        self.stream.write_all(&self.body.as_bytes()[1..]).await.unwrap();
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).await.unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

#[tokio::test]
async fn s19_a_revoked_key_makes_nothing_however_long_its_body_took() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let person = control.person(&tenant.organization, "admin").await;
    let body = json!({"user_id": person.id, "scopes": ["admin"]});
    let authorization = format!("authorization: Bearer {}\r\n", person.key);
    let held = Held::begin(&stack.front_base, "/v1/api-keys", &authorization, &body).await;
    let keys = format!("/v1/api-keys?user_id={}", person.id);
    // Their key holds at this moment, and the request waits for its body.
    let key = control.get(&keys).await.is(200).json()["data"][0]["id"].clone();
    control.delete(&format!("/v1/api-keys/{}", key.as_str().unwrap())).await.is(204);
    assert_eq!(held.end().await, 401);
    let left = control.get(&keys).await.is(200).json();
    assert_eq!(left["data"].as_array().unwrap().len(), 1, "{left}");
}

#[tokio::test]
async fn a_guest_whose_organization_is_suspended_buys_nothing_however_long_the_prompt_took() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let guest = control.person(&tenant.organization, "user").await;
    control.grant(&guest.id, "inst_dev", "user").await;
    let headers = format!("authorization: Bearer {}\r\nx-instance-id: inst_dev\r\n", guest.key);
    let body = json!({"prompt": "Hello", "model_id": "gpt-4o-mini"});
    let held = Held::begin(&stack.text_base, "/generate", &headers, &body).await;
    let organization = format!("/v1/organizations/{}", tenant.organization);
    control.patch(&organization, &json!({"status": "suspended"})).await.is(200);
    assert_eq!(held.end().await, 403);
}
