//! Who leaves in the middle stops the vendor, also where somebody else reads the answer: the cache, or whoever keeps
//! the turns of a conversation.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    call::Call,
    control::Control,
    leave::Leave,
    stack::Stack,
    wait::unique,
    wire::{Server, Wire, pairs},
};
use serde_json::json;

/// Between two chunks of the vendor's.
const GAP_MS: u64 = 2_000;

/// Leaves in each way, and sees that the vendor's connection closes within a second, or within one of its next chunk
/// where the answer passes as it is.
async fn leaves<'a>(
    stack: &'a Stack,
    case: &str,
    is_relayed: bool,
    call: impl Fn(&str) -> Call<'a>,
) {
    for (how, front) in [(Leave::ByReset, false), (Leave::ByClosing, true)] {
        let case = format!("{case}, {how:?}, front {front}");
        let word = unique("leave");
        let call = call(&format!("gap:{GAP_MS}ms chunks:200 big:9000 {word}"));
        let call = if front { call.by_front_door() } else { call };
        let left = u64::try_from(call.leave_midway(how).await.as_millis()).unwrap();
        let record = stack.vendors.hung_up(&word).await;
        let after = record["hung_up_after_ms"].as_u64().unwrap().saturating_sub(left);
        let most = u64::from(is_relayed) * GAP_MS + 1_000;
        assert!(after < most, "{case}: {after} ms");
        let row = stack.books.row(&call.request_id).await;
        assert_eq!(row["status"], "cancelled", "{case}: {row}");
        assert!(row["input_tokens"].as_i64().unwrap() > 0, "{case}: {row}");
    }
}

/// A streamed call of OpenAI's responses.
fn responses<'a>(stack: &'a Stack, model: &str, prompt: &str) -> Call<'a> {
    let body = json!({"model": model, "input": prompt, "stream": true}).to_string();
    stack.call(Wire::OpenAi, model, prompt).at("/v1/responses").body(body)
}

/// A model that speaks OpenAI's responses, whose answers are relayed to who asks in them, and one of each other vendor.
async fn models(stack: &Stack) -> [(String, bool); 4] {
    let relayed = stack.model(Server::OpenAi, json!({"protocol": "openai-responses"})).await;
    let [openai, anthropic, gemini] = [Server::OpenAi, Server::Anthropic, Server::Gemini]
        .map(|server| (server.model().to_owned(), false));
    [(relayed, true), openai, anthropic, gemini]
}

#[tokio::test]
async fn who_leaves_a_response_ends_the_vendors_work() {
    let stack = Stack::ready().await;
    for (model, is_relayed) in &models(&stack).await {
        leaves(&stack, model, *is_relayed, |prompt| responses(&stack, model, prompt)).await;
    }
}

#[tokio::test]
async fn who_leaves_an_answer_that_is_to_be_cached_ends_the_vendors_work() {
    let stack = Stack::ready().await;
    for (wire, server) in pairs() {
        let cached = |prompt: &str| {
            stack.call(wire, server.model(), prompt).streamed().header("x-de-cache", "60")
        };
        // A caller of OpenAI's who did not ask for usage has it taken out.
        let is_relayed = (wire, server) == (Wire::Anthropic, Server::Anthropic);
        leaves(&stack, &format!("{wire:?} {server:?}"), is_relayed, cached).await;
    }
}

#[tokio::test]
async fn who_leaves_a_turn_that_is_to_be_kept_ends_the_vendors_work() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let body = json!({"instance_id": "inst_dev", "name": unique("p"), "retain_content": true});
    let project = control.make("projects", body).await;
    let body = json!({"project_id": project["id"], "scopes": ["text"]});
    let key = control.make("api-keys", body).await;
    let key = key["secret"].as_str().unwrap();
    for (model, is_relayed) in &models(&stack).await {
        leaves(&stack, model, *is_relayed, |prompt| responses(&stack, model, prompt).key(key))
            .await;
    }
}
