//! What a call holds while it runs, who serves when its model cannot, and whether to ask again.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    answer::Answer,
    models::config,
    stack::Stack,
    wait::unique,
    wire::{Server, Wire, pairs},
};
use futures_util::future::join_all;
use serde_json::{Value, json};

/// One pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// A mapping that knows whole answers alone.
fn whole_only() -> Value {
    let mapping = json!({
        "endpoint": "/chat/completions",
        "method": "POST",
        "body": {
            "model": "gpt-4o-mini",
            "messages": [
                {"$each": "{messages}", "$do": "{item}"},
                {"$if": "{user_prompt}", "role": "user", "content": "{user_prompt}"},
            ],
        },
        "response_mapping": {
            "text": "$.choices[0].message.content",
            "finish_reason": "$.choices[0].finish_reason",
            "input_tokens": "$.usage.prompt_tokens",
            "output_tokens": "$.usage.completion_tokens",
        },
    });
    json!({
        "protocol": "mapped", "payload_mapping": mapping, "unknown_options": "drop", "on_unsupported": "drop",
    })
}

/// A model that its vendor does not know.
async fn broken(stack: &Stack, fallbacks: &[&str]) -> String {
    let differs = json!({"upstream_model": "gpt-no-more", "fallbacks": fallbacks});
    stack.model(Server::OpenAi, differs).await
}

fn tokens_left(answer: &Answer) -> u64 {
    answer.header("x-ratelimit-remaining-tokens").parse().unwrap()
}

#[tokio::test]
async fn a_repetition_shares_the_slot_of_the_first_try() {
    let stack = Stack::ready().await;
    let limits = json!({"rate_limits": {"concurrent_requests": 1}});
    let model = stack.model(Server::OpenAi, limits).await;
    for wire in Wire::ALL {
        for streamed in [false, true] {
            let word = unique("again");
            let call = stack.call(wire, &model, &format!("fail-once:500 {word}"));
            let call = if streamed { call.streamed() } else { call };
            let answer = call.send().await.good();
            assert_eq!(answer.header("x-de-attempts"), "2", "{wire:?} {streamed}");
            assert_eq!(stack.vendors.received(&word).await.len(), 2);
            // The row stands when the slot is free again.
            stack.books.row(&answer.request_id).await;
        }
    }
}

#[tokio::test]
async fn a_repeated_call_counts_its_tokens_once() {
    let stack = Stack::ready().await;
    let limits = || json!({"rate_limits": {"tpm": 100_000}});
    let (used, fresh) =
        (stack.model(Server::OpenAi, limits()).await, stack.model(Server::OpenAi, limits()).await);
    let prompt = format!("fail-once:500 {}", unique("counted"));
    let first = stack.call(Wire::Native, &used, &prompt).send().await.good();
    assert_eq!(first.header("x-de-attempts"), "2");
    let counts = first.counts();
    stack.books.row(&first.request_id).await;
    // The same call again, and at a model that nobody has used: both hold the same.
    let (after, alone) = (
        stack.call(Wire::Native, &used, &prompt).send().await.good(),
        stack.call(Wire::Native, &fresh, &prompt).send().await.good(),
    );
    assert_eq!(tokens_left(&alone) - tokens_left(&after), counts.input + counts.output);
}

#[tokio::test]
async fn a_repetition_counts_as_an_admission_of_the_model() {
    let stack = Stack::ready().await;
    let model = stack.model(Server::OpenAi, json!({"rate_limits": {"rpm": 10}})).await;
    let prompt = format!("fail-once:500 {}", unique("admitted"));
    let answer = stack.call(Wire::Native, &model, &prompt).send().await.good();
    assert_eq!(answer.header("x-de-attempts"), "2");
    stack.books.row(&answer.request_id).await;
    let next = stack.call(Wire::Native, &model, "Hello").send().await.good();
    assert_eq!(next.header("x-ratelimit-remaining-requests"), "7");
}

#[tokio::test]
async fn a_picture_holds_what_a_picture_may_cost() {
    let stack = Stack::ready().await;
    for (server, most) in [(Server::Anthropic, 5_000), (Server::Gemini, 4_096)] {
        let differs = json!({
            "context_window": 200_000,
            "capabilities": {"text": true, "vision": true, "streaming": true},
            "rate_limits": {"tpm": 100_000},
        });
        let model = stack.model(server, differs).await;
        holds_a_picture(&stack, &model, most).await;
    }
}

/// Checks what a picture holds at a model of 100,000 tokens a minute.
async fn holds_a_picture(stack: &Stack, model: &str, most: u64) {
    let mut before = 100_000;
    for wire in [Wire::Anthropic, Wire::OpenAi] {
        let picture = match wire {
            Wire::Anthropic => json!({
                "type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG},
            }),
            Wire::Native | Wire::OpenAi => json!({
                "type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PNG}")},
            }),
        };
        let word = unique("picture");
        let content = json!([{"type": "text", "text": word}, picture]);
        let messages = json!([{"role": "user", "content": content}]);
        let call = stack.call(wire, model, &word).member("messages", messages);
        let answer = call.send().await.good();
        let held = before - tokens_left(&answer);
        assert!((most..most + 1_500).contains(&held), "{wire:?} held {held}");
        stack.vendors.only(&word).await;
        let row = stack.books.row(&answer.request_id).await;
        assert_eq!(row["over_ceiling"], 0, "{row}");
        before -= answer.counts().input + answer.counts().output;
    }
}

#[tokio::test]
async fn a_document_holds_the_context_and_what_never_fits_is_refused_for_good() {
    let stack = Stack::ready().await;
    let differs = json!({"context_window": 200_000, "rate_limits": {"tpm": 100_000}});
    let model = stack.model(Server::Anthropic, differs).await;
    let word = unique("document");
    let document = json!({
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "Short."},
    });
    let content = json!([document, {"type": "text", "text": word}]);
    let messages = json!([{"role": "user", "content": content}]);
    let call = stack.call(Wire::Anthropic, &model, &word).member("messages", messages.clone());
    for streamed in [false, true] {
        let call = call.clone().request_id(&unique("contract"));
        let answer = if streamed { call.streamed() } else { call }.send().await;
        answer.fails(429, "RATE_LIMIT_EXCEEDED");
        assert_eq!(answer.header("x-should-retry"), "false");
        assert!(answer.message().contains("this call alone"), "{}", answer.message());
        assert_eq!(answer.details()["limit"], 100_000);
        assert_eq!(answer.details()["reset"], Value::Null);
        assert!(!answer.header("retry-after").is_empty());
    }
    assert!(stack.vendors.received(&word).await.is_empty());
    // Where there is room for a whole context, it passes.
    let differs = json!({"context_window": 200_000, "rate_limits": {"tpm": 300_000}});
    let model = stack.model(Server::Anthropic, differs).await;
    let call = stack.call(Wire::Anthropic, &model, &word).member("messages", messages);
    let answer = call.send().await.good();
    assert!(tokens_left(&answer) < 100_000, "{}", tokens_left(&answer));
}

#[tokio::test]
async fn a_limit_that_is_used_up_may_be_asked_again() {
    let stack = Stack::ready().await;
    let model = stack.model(Server::OpenAi, json!({"rate_limits": {"rpm": 1}})).await;
    stack.call(Wire::OpenAi, &model, "Hello").send().await.good();
    let answer = stack.call(Wire::OpenAi, &model, "Hello").send().await;
    answer.fails(429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(answer.header("x-should-retry"), "");
    assert!(answer.message().contains("is used up"), "{}", answer.message());
}

#[tokio::test]
async fn a_fallback_that_cannot_say_the_request_is_passed_over() {
    let stack = Stack::ready().await;
    for streamed in [false, true] {
        // Neither has a word for `logit_bias`.
        for mute in ["claude-haiku-4-5", "gemini-2.5-flash"] {
            let word = unique("mute");
            let model = broken(&stack, &[mute, "gpt-4o-mini"]).await;
            let call = stack.call(Wire::OpenAi, &model, &word);
            let call = call.member("logit_bias", json!({"50256": -100}));
            let call = if streamed { call.streamed() } else { call };
            let answer = call.send().await.good();
            assert_eq!(answer.header("x-de-model"), "gpt-4o-mini", "{mute}");
            assert_eq!(answer.header("x-de-attempts"), "2", "{mute}");
            let sent = stack.vendors.received(&word).await;
            assert!(sent.iter().all(|record| record["vendor"] == "openai"), "{sent:#?}");
        }
    }
}

#[tokio::test]
async fn where_no_fallback_can_say_the_request_the_vendors_own_failure_is_told() {
    let stack = Stack::ready().await;
    for mute in ["claude-haiku-4-5", "gemini-2.5-flash"] {
        let word = unique("mute");
        let model = broken(&stack, &[mute]).await;
        let call = stack.call(Wire::OpenAi, &model, &word);
        let answer = call.member("logit_bias", json!({"50256": -100})).send().await;
        answer.fails(502, "ALL_PROVIDERS_FAILED");
        let message = answer.message();
        assert!(message.contains("openai does not serve gpt-no-more"), "{message}");
        let details = answer.details();
        assert_eq!(details["last"], "PROVIDER_ERROR");
        assert_eq!(details["attempts"].as_array().unwrap().len(), 1, "{details}");
        assert_eq!(stack.vendors.only(&word).await["vendor"], "openai");
    }
    // The model that was asked for is another matter: what it cannot say is the caller's to mend.
    let call = stack.call(Wire::OpenAi, "claude-haiku-4-5", "Hello");
    let call = call.member("logit_bias", json!({"50256": -100}));
    let answer = call.header("x-de-fallback", "gpt-4o-mini").send().await;
    answer.fails(400, "VALIDATION_ERROR");
    assert_eq!(answer.fields(), ["/logit_bias"]);
}

#[tokio::test]
async fn a_model_without_streams_and_its_fallback_are_told_as_a_stream() {
    let stack = Stack::ready().await;
    let mapped = stack.model(Server::OpenAi, whole_only()).await;
    let mut differs = whole_only();
    differs["payload_mapping"]["body"]["model"] = "gpt-no-more".into();
    differs["fallbacks"] = json!(["claude-haiku-4-5"]);
    let fails = stack.model(Server::OpenAi, differs).await;
    for wire in Wire::ALL {
        for (model, serves) in
            [(mapped.as_str(), mapped.as_str()), (fails.as_str(), "claude-haiku-4-5")]
        {
            let word = unique("whole");
            let answer = stack.call(wire, model, &word).streamed().send().await.good();
            assert_eq!(answer.header("x-de-model"), serves, "{wire:?}");
            let kind = answer.header("content-type");
            assert!(kind.starts_with("text/event-stream"), "{kind}");
            answer.story().is_whole();
            assert_eq!(answer.story().text(), format!("You said: {word}"), "{wire:?} {serves}");
            // The fallback could stream, but this call is read whole.
            let sent = stack.vendors.received(&word).await;
            assert!(sent.iter().all(|record| record["body"]["stream"] != true), "{sent:#?}");
        }
    }
}

#[tokio::test]
async fn a_stream_does_not_fall_back_to_a_model_without_streams() {
    let stack = Stack::ready().await;
    let mapped = stack.model(Server::OpenAi, whole_only()).await;
    let model = broken(&stack, &[&mapped, "claude-haiku-4-5"]).await;
    for wire in Wire::ALL {
        let answer = stack.call(wire, &model, "Hello").streamed().send().await.good();
        assert_eq!(answer.header("x-de-model"), "claude-haiku-4-5", "{wire:?}");
        answer.story().is_whole();
        let answer = stack.call(wire, &model, "Hello").send().await.good();
        assert_eq!(answer.header("x-de-model"), mapped, "{wire:?}");
    }
}

#[tokio::test]
async fn a_first_model_that_is_late_leaves_its_fallback_time() {
    let stack = Stack::ready().await;
    let timeouts = json!({"first_byte_ms": 500, "total_ms": 20_000});
    let differs = json!({"timeouts": timeouts, "fallbacks": ["claude-haiku-4-5"]});
    let model = stack.model(Server::OpenAi, differs).await;
    let word = unique("late");
    let prompt = format!("slow:1500ms {word}");
    for wire in Wire::ALL {
        let answer = stack.call(wire, &model, &prompt).send().await.good();
        assert_eq!(answer.header("x-de-model"), "claude-haiku-4-5", "{wire:?}");
        let row = stack.books.row(&answer.request_id).await;
        let attempts: Value = serde_json::from_str(row["attempts"].as_str().unwrap()).unwrap();
        assert_eq!(attempts[0]["error_code"], "PROVIDER_TIMEOUT", "{attempts}");
        assert_eq!(attempts[0]["status"], Value::Null);
        assert_eq!(attempts[1]["status"], 200);
    }
    // With nobody behind it, a whole answer may take all of the time.
    let alone = stack.model(Server::OpenAi, json!({"timeouts": timeouts})).await;
    stack.call(Wire::Native, &alone, &prompt).send().await.good();
}

#[tokio::test]
async fn what_may_have_been_billed_or_only_an_operator_mends_is_not_to_be_asked_again() {
    let stack = Stack::ready().await;
    join_all(pairs().map(async |(wire, server)| {
        // Long enough that the vendor was asked where the machine is busy too.
        let late = stack.model(server, json!({"timeouts": {"total_ms": 2_000}})).await;
        let model = server.model().to_owned();
        let rows = [
            (&late, "slow:5s", 504, "PROVIDER_TIMEOUT", "false"),
            (&model, "fail:401", 502, "PROVIDER_AUTH", "false"),
            (&model, "fail:quota", 502, "PROVIDER_ERROR", "false"),
            (&model, "fail:429:30", 429, "PROVIDER_RATE_LIMIT", ""),
            (&model, "fail:500", 502, "PROVIDER_ERROR", ""),
        ];
        for (model, fault, status, code, retry) in rows {
            let answer = stack.call(wire, model, &format!("{fault} Hello")).send().await;
            answer.fails(status, code);
            assert_eq!(answer.header("x-should-retry"), retry, "{wire:?} {server:?} {fault}");
        }
    }))
    .await;
}

#[tokio::test]
async fn what_may_have_been_billed_by_any_of_several_is_not_to_be_asked_again() {
    let stack = Stack::ready().await;
    let late = stack.model(Server::Anthropic, json!({"timeouts": {"total_ms": 2_000}})).await;
    let timeouts = json!({"first_byte_ms": 500, "total_ms": 10_000});
    let model =
        stack.model(Server::OpenAi, json!({"timeouts": timeouts, "fallbacks": [late]})).await;
    let answer = stack.call(Wire::OpenAi, &model, "slow:5s Hello").send().await;
    answer.fails(502, "ALL_PROVIDERS_FAILED");
    assert_eq!(answer.header("x-should-retry"), "false");
    // And one that would pass by itself may be.
    let call = stack.call(Wire::OpenAi, "gpt-4o-mini", "fail:500 Hello");
    let answer = call.header("x-de-fallback", "claude-haiku-4-5").send().await;
    answer.fails(502, "ALL_PROVIDERS_FAILED");
    assert_eq!(answer.header("x-should-retry"), "");
}

#[tokio::test]
async fn anthropics_sdks_find_the_request_id_under_their_name() {
    let stack = Stack::ready().await;
    for server in Server::ALL {
        for front in [false, true] {
            for streamed in [false, true] {
                for (prompt, status) in [("Hello", 200), ("fail:401 Hello", 502)] {
                    let call = stack.call(Wire::Anthropic, server.model(), prompt);
                    let call = if streamed { call.streamed() } else { call };
                    let call = if front { call.by_front_door() } else { call };
                    let answer = call.send().await;
                    assert_eq!(answer.status(), status, "{}", answer.response.text());
                    assert_eq!(answer.header("x-request-id"), answer.request_id);
                    assert_eq!(answer.header("request-id"), answer.request_id, "{server:?}");
                }
            }
        }
    }
    let answer = stack.call(Wire::Anthropic, "claude-haiku-4-5", "Hi").without_key().send().await;
    answer.fails(401, "MISSING_AUTH");
    assert_eq!(answer.header("request-id"), answer.request_id);
}

#[tokio::test]
async fn no_timeout_is_longer_than_an_hour() {
    let stack = Stack::ready().await;
    for name in ["between_chunks_ms", "first_byte_ms", "total_ms"] {
        for wrong in [json!(3_600_001), json!(0), json!(u64::MAX), json!(1.5)] {
            let body = config(Server::OpenAi, &json!({"timeouts": {name: wrong}}));
            let answer = stack.admin().post("/v1/model-configs", &body.into()).await.unwrap();
            assert_eq!(answer.status, 400, "{name} {wrong}: {}", answer.text());
            assert_eq!(answer.json()["error_code"], "VALIDATION_ERROR");
            let fields = &answer.json()["details"]["fields"];
            assert_eq!(fields[0]["field"], format!("/timeouts/{name}"), "{wrong}");
        }
        stack.model(Server::OpenAi, json!({"timeouts": {name: 3_600_000}})).await;
    }
}

#[tokio::test]
async fn members_that_a_translation_leaves_out_are_named() {
    let stack = Stack::ready().await;
    let mapped = stack.model(Server::OpenAi, whole_only()).await;
    let dropped = |answer: &Answer| {
        let mut names: Vec<String> =
            answer.header("x-de-dropped").split(", ").map(str::to_owned).collect();
        names.sort();
        names
    };
    for streamed in [false, true] {
        for (wire, model, names) in [
            (Wire::OpenAi, "claude-haiku-4-5", ["metadata", "store"]),
            (Wire::OpenAi, mapped.as_str(), ["metadata", "store"]),
            (Wire::Anthropic, "gpt-4o-mini", ["inference_geo", "service_tier"]),
        ] {
            let value = |name: &str| match name {
                "metadata" => json!({"shelf": "one"}),
                "store" => json!(false),
                "service_tier" => json!("auto"),
                _ => json!("us"),
            };
            let mut call = stack.call(wire, model, "Hello");
            for name in names {
                call = call.member(name, value(name));
            }
            let call = if streamed { call.streamed() } else { call };
            let answer = call.send().await.good();
            assert_eq!(dropped(&answer), names, "{wire:?} {model} {streamed}");
            // Where nothing is left out, nothing is named.
            let plain = stack.call(wire, model, "Hello").send().await.good();
            assert_eq!(plain.header("x-de-dropped"), "");
        }
        // In its own protocol it goes on.
        let word = unique("kept");
        let call = stack.call(Wire::OpenAi, "gpt-4o-mini", &word).member("store", false);
        let call = if streamed { call.streamed() } else { call };
        let answer = call.send().await.good();
        assert_eq!(answer.header("x-de-dropped"), "");
        assert_eq!(stack.vendors.only(&word).await["body"]["store"], false);
    }
    // A name that is no header value hides no other one.
    let call = stack.call(Wire::OpenAi, "claude-haiku-4-5", "Hello");
    let call = call.member("größe", 1).member("store", false).member("tab\tline\n", 1);
    let names = dropped(&call.send().await.good());
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names.contains(&"store".to_owned()), "{names:?}");
}

#[tokio::test]
async fn a_silent_vendor_leaves_signs_of_life_between_events_only() {
    let stack = Stack::ready().await;
    let all = pairs().flat_map(|(wire, server)| [(wire, server, false), (wire, server, true)]);
    join_all(all.map(|(wire, server, usage)| silent(&stack, wire, server, usage))).await;
}

/// A stream with pauses between its events, in pieces that end inside of them.
async fn silent(stack: &Stack, wire: Wire, server: Server, usage: bool) {
    let prompt = format!("split-utf8 chunks:4 gap:900ms {}", unique("silent"));
    let plain = stack.call(wire, server.model(), &prompt).send().await.good();
    let mut call = stack.call(wire, server.model(), &prompt).streamed();
    if usage && wire == Wire::OpenAi {
        call = call.member("stream_options", json!({"include_usage": true}));
    }
    // Where nothing has to be taken out, the vendor's bytes pass past our code.
    let relayed = server.speaks(wire) && (wire == Wire::Anthropic || usage);
    let answer = call.send().await.good();
    let text = answer.response.text();
    let comments = text.matches(": waiting").count();
    let alone = text.split("\n\n").filter(|block| *block == ": waiting").count();
    assert_eq!(comments, alone, "{wire:?} {server:?}: {text}");
    assert_eq!(comments == 0, relayed, "{wire:?} {server:?}: {text}");
    let story = answer.story();
    story.is_whole();
    assert_eq!(story.text(), plain.text(), "{wire:?} {server:?}");
}
