//! Models that are looked at and tried: what would be sent, and what comes of sending it.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    life::{Life, fields, mapped, mapping, path, whole},
    wait::unique,
    wire::Wire,
};
use serde_json::{Value, json};

#[tokio::test]
async fn s01_s09_a_value_stays_one_segment_of_the_path() {
    let life = Life::ready().await;
    let mut mapping = mapping("x");
    mapping["endpoint"] = "/voices/{voice}/speak".into();
    mapping["variables"] = json!({"voice": {"type": "string"}});
    let made = life.make(&mapped("x", json!({"payload_mapping": mapping}))).await;
    let place = format!("{}/preview", path(made["model_id"].as_str().unwrap()));
    for (voice, expected) in [
        ("a/../b", Some("/voices/a%2F..%2Fb/speak")),
        ("a?b#c", Some("/voices/a%3Fb%23c/speak")),
        ("@attacker.invalid", Some("/voices/%40attacker.invalid/speak")),
        ("a\\b", Some("/voices/a%5Cb/speak")),
        ("..", None),
        (".", None),
    ] {
        let body = json!({"input": {"user_prompt": "Hi", "voice": voice}});
        let seen = life.control.post(&place, &body).await.is(200).json();
        match expected {
            Some(expected) => {
                let url = seen["request"]["url"].as_str().unwrap();
                assert!(url.ends_with(expected), "{voice}: {url}");
            }
            None => assert_eq!(seen["request"], Value::Null, "{voice}: {seen}"),
        }
    }
}

#[tokio::test]
async fn a_preview_is_what_would_be_sent_and_sends_nothing() {
    let life = Life::ready().await;
    for (model, word) in [("gpt-4o-mini", unique("seen")), ("claude-haiku-4-5", unique("seen"))] {
        let input = json!({
            "messages": [{"role": "user", "content": "One?"}, {"role": "assistant", "content": "Two."},
                         {"role": "user", "content": word}],
            "system": "Be brief.", "options": {"max_tokens": 50, "temperature": 0, "stop": ["END"]},
        });
        let body = json!({"input": input});
        let seen =
            life.control.post(&format!("{}/preview", path(model)), &body).await.is(200).json();
        assert_eq!(seen["issues"], json!([]), "{seen}");
        assert!(life.stack.vendors.received(&word).await.is_empty());
        let shown = &seen["request"];
        assert_eq!(shown["method"], "POST");
        let mut call = input.as_object().cloned().unwrap();
        call.insert("model_id".to_owned(), model.into());
        let client = life.stack.text.clone().with_key(&life.stack.keys.client).unwrap();
        let answer = client.post("/generate", &Value::Object(call)).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let sent = life.stack.vendors.only(&word).await;
        assert_eq!(shown["body"], sent["body"], "{model}");
        assert!(shown["url"].as_str().unwrap().ends_with(sent["path"].as_str().unwrap()));
        let headers = shown["headers"].as_object().unwrap();
        for (name, value) in headers {
            let secret = value.as_str().unwrap().contains("***");
            assert!(secret || sent["headers"][name] == *value, "{name}: {value} and {sent}");
        }
        let key = if model == "gpt-4o-mini" {
            ("authorization", "Bearer ***")
        } else {
            ("x-api-key", "***")
        };
        assert_eq!(headers[key.0], key.1);
        assert!(!seen.to_string().contains("-key-0001"), "{seen}");
    }
}

#[tokio::test]
async fn a_preview_tells_everything_that_is_wrong() {
    let life = Life::ready().await;
    let preview = |path: String, body: Value| {
        let life = &life;
        async move { life.control.post(&path, &body).await.is(200).json() }
    };
    let pointers = |seen: &Value| -> Vec<String> {
        let issues = seen["issues"].as_array().unwrap().iter();
        issues.map(|issue| issue["pointer"].as_str().unwrap().to_owned()).collect()
    };
    let place = format!("{}/preview", path("gpt-4o-mini"));
    let wrong = json!({"input": {"prompt": "", "options": {"temperature": 9}, "colour": 1}});
    let seen = preview(place.clone(), wrong).await;
    assert_eq!(seen["request"], Value::Null);
    assert_eq!(pointers(&seen), ["/input/colour", "/input/prompt", "/input/options/temperature"]);

    // A mapping that is not saved yet, by its variables.
    let other = json!({"input": {"user_prompt": "Hi", "max_tokens": 7}, "mapping": mapping("new")});
    let seen = preview(place.clone(), other).await;
    assert_eq!(seen["issues"], json!([]), "{seen}");
    assert_eq!(seen["request"]["body"]["messages"][0]["content"], "new Hi");
    assert_eq!(seen["request"]["body"]["max_completion_tokens"], 7);
    assert_eq!(seen["variables"]["user_prompt"], "Hi");
    let broken =
        json!({"input": {"user_prompt": "Hi"}, "mapping": {"endpoint": "/x", "body": "{nope|up}"}});
    let seen = preview(place, broken).await;
    assert!(pointers(&seen).contains(&"/mapping/body".to_owned()), "{seen}");

    // A whole model that is not saved yet.
    let unsaved = "/v1/model-configs/preview".to_owned();
    let input = json!({"prompt": "Hi"});
    let new = json!({"config": whole(json!({"upstream_model": "gpt-9"})), "input": input});
    let seen = preview(unsaved.clone(), new).await;
    assert_eq!(seen["request"]["body"]["model"], "gpt-9", "{seen}");
    let wrong = json!({"config": {"model_id": "x", "provider_id": "nobody"}, "input": input});
    let seen = preview(unsaved.clone(), wrong).await;
    assert!(pointers(&seen).contains(&"/config/display_name".to_owned()), "{seen}");
    let nobody = json!({"config": whole(json!({"provider_id": "nobody"})), "input": input});
    assert_eq!(pointers(&preview(unsaved.clone(), nobody).await), ["/config/provider_id"]);
    let refused = life.control.post(&unsaved, &json!({"input": 1})).await;
    assert_eq!(fields(&refused.fails(400, "VALIDATION_ERROR")), ["/config", "/input"]);
}

#[tokio::test]
async fn a_test_really_calls_and_is_booked() {
    let life = Life::ready().await;
    for model in ["gpt-4o-mini", "claude-haiku-4-5"] {
        let word = unique("tested");
        let input = json!({"prompt": word, "options": {"max_tokens": 50}});
        let told = life.test(model, input).await;
        assert_eq!(told["ok"], true, "{told}");
        assert_eq!(told["output"]["text"], format!("You said: {word}"));
        assert_eq!((&told["reply"]["status"], &told["error"]), (&json!(200), &Value::Null));
        assert!(told["reply"]["body"]["usage"].is_object(), "{told}");
        let sent = life.stack.vendors.only(&word).await;
        assert_eq!(told["request"]["body"], sent["body"]);
        assert!(told["cost_micros"].as_i64().unwrap() > 0, "{told}");
        assert!(told["duration_ms"].is_i64());
        assert!(!told.to_string().contains("key-0001"), "{told}");
        let row = life.booked(&told).await;
        assert_eq!(row["operation"], "POST /v1/model-configs/{id}/test");
        assert_eq!((&row["status"], &row["cost_micros"]), (&json!("ok"), &told["cost_micros"]));
        assert_eq!(
            (&row["user_id"], &row["instance_id"]),
            (&json!("user_dev"), &json!("inst_dev"))
        );
    }
}

#[tokio::test]
async fn a_vendors_failure_is_the_outcome_of_a_test() {
    let life = Life::ready().await;
    let rows = [
        ("fail:401", 401, "PROVIDER_AUTH"),
        ("fail:429:1", 429, "PROVIDER_RATE_LIMIT"),
        ("garbage", 200, "PROVIDER_MALFORMED"),
        ("refuse", 200, ""),
    ];
    for (fault, status, code) in rows {
        let made = life.make(&whole(json!({}))).await;
        let told = life.test(made["model_id"].as_str().unwrap(), json!({"prompt": fault})).await;
        assert_eq!(told["reply"]["status"], status, "{fault}: {told}");
        if code.is_empty() {
            continue;
        }
        assert_eq!(
            (&told["ok"], &told["output"]),
            (&json!(false), &Value::Null),
            "{fault}: {told}"
        );
        assert_eq!(told["error"]["error_code"], code, "{fault}: {told}");
        assert!(!told["reply"]["body"].is_null(), "{fault}: {told}");
        let row = life.booked(&told).await;
        assert_eq!((&row["status"], &row["error_code"]), (&json!("failed"), &json!(code)));
    }
}

#[tokio::test]
async fn a_test_keeps_to_limits_and_says_what_is_wrong_with_its_input() {
    let life = Life::ready().await;
    let made = life.make(&whole(json!({"rate_limits": {"rpm": 1}}))).await;
    let id = made["model_id"].as_str().unwrap();
    let place = format!("{}/test", path(id));
    let body = |input: Value| json!({"instance_id": "inst_dev", "input": input});
    let wrong = body(json!({"prompt": "Hi", "options": {"top_p": 7}}));
    let refused = life.control.post(&place, &wrong).await.fails(400, "VALIDATION_ERROR");
    assert_eq!(fields(&refused), ["/input/options/top_p"]);
    let streamed = body(json!({"prompt": "Hi", "stream": true}));
    let refused = life.control.post(&place, &streamed).await.fails(400, "VALIDATION_ERROR");
    assert_eq!(fields(&refused), ["/input/stream"]);
    assert_eq!(life.test(id, json!({"prompt": "Hi"})).await["ok"], true);
    let refused = life.control.post(&place, &body(json!({"prompt": "Hi"}))).await;
    refused.fails(429, "RATE_LIMIT_EXCEEDED");
    // A model that nobody may call yet can be tried.
    life.control
        .patch(&path(id), &json!({"status": "disabled", "rate_limits": null}))
        .await
        .is(200);
    life.stack.call(Wire::Native, id, "Hi").send().await.fails(404, "MODEL_NOT_FOUND");
    assert_eq!(life.test(id, json!({"prompt": "Hi"})).await["ok"], true);
    let elsewhere = json!({"instance_id": "inst_nobody", "input": {"prompt": "Hi"}});
    life.control.post(&place, &elsewhere).await.fails(404, "NOT_FOUND");
    // An instance without a key of the vendor.
    let tenant = life.control.tenant().await;
    let keyless = json!({"instance_id": tenant.instance, "input": {"prompt": "Hi"}});
    let told = life.control.post(&place, &keyless).await.is(200).json();
    assert_eq!(told["error"]["error_code"], "MISSING_API_KEY", "{told}");
}

#[tokio::test]
async fn mapped_models_of_every_modality_are_tested() {
    let life = Life::ready().await;
    let speech = life.test("eleven_multilingual_v2", json!({"user_text": "Hello"})).await;
    assert_eq!(speech["ok"], true, "{speech}");
    assert_eq!(speech["reply"]["content_type"], "audio/mpeg");
    assert!(speech["reply"]["size_bytes"].as_u64().unwrap() > 0, "{speech}");
    assert!(speech["cost_micros"].as_i64().unwrap() > 0, "{speech}");
    let made = life.make(&mapped("tested", json!({}))).await;
    let told = life.test(made["model_id"].as_str().unwrap(), json!({"prompt": "Hi"})).await;
    assert_eq!(told["output"]["text"], "You said: tested Hi", "{told}");
    assert!(told["cost_micros"].as_i64().unwrap() > 0, "{told}");
}

#[tokio::test]
async fn what_speaks_or_makes_vectors_is_previewed_and_tested_in_its_own_words() {
    let life = Life::ready().await;
    for (model, input, sent) in [
        ("text-embedding-3-small", json!({"input": "Hello"}), ("input", json!(["Hello"]))),
        (
            "text-embedding-3-small",
            json!({"input": ["Hello", "you"], "dimensions": 4}),
            ("dimensions", json!(4)),
        ),
        ("tts-1", json!({"text": "Hello", "voice_id": "alloy"}), ("input", json!("Hello"))),
    ] {
        let path = format!("{}/preview", path(model));
        let seen = life.control.post(&path, &json!({ "input": input })).await.is(200).json();
        assert_eq!(seen["issues"], json!([]), "{model}: {seen}");
        assert_eq!(seen["request"]["body"][sent.0], sent.1, "{model}: {seen}");
        let told = life.test(model, input.clone()).await;
        assert_eq!(told["ok"], true, "{model}: {told}");
        assert_eq!(told["request"]["body"], seen["request"]["body"], "{model}");
        assert!(told["cost_micros"].is_i64(), "{model}: {told}");
        let row = life.booked(&told).await;
        assert_eq!((&row["status"], &row["cost_micros"]), (&json!("ok"), &told["cost_micros"]));
        match input["input"].as_array() {
            Some(texts) => assert_eq!(told["output"]["vectors"], texts.len(), "{told}"),
            None if input.get("input").is_some() => assert_eq!(told["output"]["vectors"], 1),
            None => assert!(told["output"]["size_bytes"].as_u64() > Some(0), "{told}"),
        }
    }
    // What is wrong is named where it stands.
    for (model, input, field) in [
        ("text-embedding-3-small", json!({"prompt": "Hello"}), "/input/input"),
        ("tts-1", json!({"text": "", "voice_id": "alloy"}), "/input/text"),
    ] {
        let body = json!({"instance_id": "inst_dev", "input": input});
        let told = life.control.post(&format!("{}/test", path(model)), &body).await;
        let refused = told.fails(400, "VALIDATION_ERROR");
        assert!(fields(&refused).contains(&field.to_owned()), "{model}: {refused}");
    }
}
