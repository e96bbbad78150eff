//! Keys, prompts and headers leave no trace: not in D1, KV or the log, and not in another's error.
//!
//! On workerd the search is done by `cargo xtask test`, after all suites; what is planted here is found there.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{canary::canary, control::Control, stack::Stack, wire::Wire};
use http::Method;
use serde_json::json;

#[tokio::test]
async fn what_callers_say_stays_nowhere() {
    let stack = Stack::ready().await;
    let mut planted = Vec::new();
    for wire in Wire::ALL {
        for trouble in ["", "fail:500 ", "fail:400 ", "fail:401 ", "cut:2 "] {
            for streamed in [false, true] {
                let word = canary("prompt");
                let (system, header) = (canary("system"), canary("header"));
                let call = stack.call(wire, "gpt-4o-mini", &format!("{trouble}{word}"));
                let call = call.system(&system).header("x-private", &header);
                let call = if streamed { call.streamed() } else { call };
                let answer = call.send().await;
                if answer.response.status == 200 && trouble.is_empty() {
                    stack.books.row(&answer.request_id).await;
                }
                planted.extend([word, system, header]);
            }
        }
    }
    // Where words do not belong.
    let word = canary("place");
    let wrong = [
        stack.call(Wire::Native, "gpt-4o-mini", "x").member(&word, 1),
        stack.call(Wire::Native, "gpt-4o-mini", "x").body(format!("{{\"{word}\" 1")),
        stack.call(Wire::Native, "gpt-4o-mini", "x").key(&word),
        stack.call(Wire::Native, "gpt-4o-mini", "x").header("x-instance-id", &word),
    ];
    for call in wrong {
        assert!((400..500).contains(&call.send().await.response.status));
    }
    planted.push(word);
    stack.left_nothing(&planted).await;
}

#[tokio::test]
async fn s03_a_vendors_key_stays_sealed() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let secret = canary("vendor-key");
    let path = format!("/v1/provider-keys/{}/openai", tenant.instance);
    let put = control.client.request(Method::PUT, &path).json(&json!({"secret": secret}));
    let put = put.send().await.unwrap();
    assert!([200, 201].contains(&put.status), "{}", put.text());
    let tested = control.post(&format!("{path}/test"), &json!({})).await.is(200);
    // The vendor refuses it, and says so.
    assert_eq!(tested.json()["ok"], false, "{}", tested.text());
    // A call with it fails at the vendor, and nobody learns it.
    let body = json!({"project_id": tenant.project, "scopes": ["text"]});
    let key = control.make("api-keys", body).await["secret"].as_str().unwrap().to_owned();
    let call = stack.call(Wire::Native, "gpt-4o-mini", "Who am I?").key(&key).send().await;
    assert_eq!(call.response.json()["error_code"], "PROVIDER_AUTH", "{}", call.response.text());
    let said = [put.text(), tested.text(), call.response.text()];
    for read in [path.clone(), format!("/v1/provider-keys?instance_id={}", tenant.instance)] {
        assert!(!control.get(&read).await.is(200).text().contains(&secret));
    }
    assert!(said.iter().all(|said| !said.contains(&secret)), "{said:?}");
    stack.left_nothing(&[secret, key]).await;
}
