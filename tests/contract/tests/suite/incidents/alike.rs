//! Copies that were kept by the beginning of a key: whose key began like another one got the other's answers.

use de_contract::{spender::Spender, stack::Stack, wait::unique, wire::Wire};
use http::Method;
use serde_json::json;
use sha2::{Digest, Sha256};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A key that differs from one in a letter, and whose checksum holds all the same.
fn forged(key: &str, at: usize) -> String {
    let mut named = key[..key.len() - 6].to_owned().into_bytes();
    let at = if at < named.len() { at } else { named.len() - 1 };
    named[at] = if named[at] == b'x' { b'y' } else { b'x' };
    with_checksum(&String::from_utf8(named).unwrap())
}

/// The text with the first 32 bits of its SHA-256 in base 62 behind it.
fn with_checksum(named: &str) -> String {
    let sum = Sha256::digest(named.as_bytes());
    let mut number = u32::from_be_bytes([sum[0], sum[1], sum[2], sum[3]]) as usize;
    let mut digits = Vec::new();
    for _ in 0..6 {
        digits.push(char::from(ALPHABET[number % 62]));
        number /= 62;
    }
    named.chars().chain(digits.into_iter().rev()).collect()
}

#[test]
fn a_forged_checksum_is_that_of_our_keys() {
    let known = "de_live_0DGcLGWMl53uz9DKRkqEUw5TX0pX49PLXbqGYg1G9xVnHASs6s4EZkPyD6HQY2hZ01j2LPp";
    assert_eq!(with_checksum(&known[..known.len() - 6]), known);
}

#[tokio::test]
async fn a_key_that_begins_like_another_opens_nothing_also_when_the_other_was_just_used() {
    let stack = Stack::ready().await;
    let key = &stack.keys.client;
    let prefix = key.rfind('_').unwrap() + 1;
    // In its last letter, in the first of its secret, and in the last of its id.
    let alike: Vec<String> =
        [key.len() - 7, prefix + 22, prefix + 21].iter().map(|at| forged(key, *at)).collect();
    let other_kind = key.replacen("de_test_", "de_live_", 1).replacen("de_admin_", "de_live_", 1);
    let other_kind = with_checksum(&other_kind[..other_kind.len() - 6]);
    let asks = async |key: &str, client: &de_testkit::client::TestClient| {
        let request = client.request(Method::GET, "/v1/models").header("x-api-key", key);
        request.send().await.unwrap().status
    };
    for client in [&stack.text, &stack.front] {
        for _ in 0..2 {
            for forged in alike.iter().chain((other_kind != *key).then_some(&other_kind)) {
                assert_eq!(asks(forged, client).await, 401, "{forged}");
            }
            // From now on a copy of it is kept.
            assert_eq!(asks(key, client).await, 200);
        }
    }
}

#[tokio::test]
async fn a_kept_answer_is_not_given_to_a_key_that_begins_alike() {
    let spender = Spender::ready().await;
    let prompt = unique("alike");
    let call = |key: &str| {
        let call = spender.stack.call(Wire::OpenAi, &spender.model, &prompt).key(key);
        call.header("x-de-cache", "600").header("idempotency-key", "alike-1")
    };
    call(&spender.key).send().await.good();
    for at in [spender.key.len() - 7, spender.key.len() - 30] {
        call(&forged(&spender.key, at)).send().await.fails(401, "INVALID_API_KEY");
    }
    // What is asked begins alike too: the end of a prompt, of a model's name, of an idempotency key.
    let other = spender.stack.call(Wire::OpenAi, &spender.model, &format!("{prompt} and more"));
    let other = other.key(&spender.key).header("x-de-cache", "600").send().await.good();
    assert!(other.response.text().contains("and more"), "{}", other.response.text());
    let longer = json!({"model": format!("{}x", spender.model), "messages": [{"role": "user", "content": prompt}]});
    let client = spender.stack.text.clone().with_key(&spender.key).unwrap();
    let asked = client.request(Method::POST, "/v1/chat/completions").header("x-de-cache", "600");
    assert_eq!(asked.json(&longer).send().await.unwrap().status, 404);
}
