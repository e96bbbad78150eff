use de_simulator::Vendor;
use serde_json::{Value, json};

use crate::client::{Rig, answer, chat, stream, with};

const HOSTS: [(Vendor, &str); 4] = [
    (Vendor::DeepSeek, "deepseek-flash"),
    (Vendor::Groq, "openai/gpt-oss-120b"),
    (Vendor::Mistral, "mistral-small-latest"),
    (Vendor::Together, "zai-org/GLM-5.3"),
];

#[tokio::test]
async fn each_host_answers_with_its_own_key_and_models() {
    let rig = Rig::start().await;
    for (vendor, model) in HOSTS {
        let body =
            with(chat("Hi"), json!({ "model": model, "max_tokens": 50, "temperature": 0.5 }));
        let (status, reply) = answer(rig.post(vendor, "/chat/completions").json(&body)).await;
        assert_eq!(status, 200, "{vendor:?} {reply}");
        assert_eq!(reply["model"], model);
        assert_eq!(reply["choices"][0]["message"]["content"], "You said: Hi");
        let url = format!("{}/chat/completions", rig.simulator.base_url(vendor));
        let openai = rig.client.post(url).bearer_auth(Vendor::OpenAi.default_key()).json(&body);
        assert_eq!(answer(openai).await.0, 401);
        let unknown = rig.post(vendor, "/chat/completions").json(&chat("Hi"));
        assert_eq!(answer(unknown).await.0, 404);
    }
}

#[tokio::test]
async fn hosts_differ_in_usage() {
    let rig = Rig::start().await;
    let last_usage = async |vendor, model: &str, pointer: &str| {
        let body = with(chat("Hi"), json!({ "model": model, "stream": true }));
        let chunks = stream(rig.post(vendor, "/chat/completions").json(&body)).await;
        chunks.last().and_then(|chunk| chunk.pointer(pointer)).cloned().unwrap_or(Value::Null)
    };
    let usage = last_usage(Vendor::Groq, "openai/gpt-oss-120b", "/x_groq/usage/total_tokens").await;
    assert_eq!(usage, 8);
    let usage = last_usage(Vendor::Mistral, "mistral-small-latest", "/usage/total_tokens").await;
    assert_eq!(usage, 8);
    let usage = last_usage(Vendor::Together, "zai-org/GLM-5.3", "/usage").await;
    assert_eq!(usage, Value::Null);
    let body = with(chat("Hi"), json!({ "model": "deepseek-flash" }));
    let (_, reply) = answer(rig.post(Vendor::DeepSeek, "/chat/completions").json(&body)).await;
    assert_eq!(reply["usage"]["prompt_cache_miss_tokens"], 4);
}

#[tokio::test]
async fn hosts_differ_in_what_they_refuse() {
    let rig = Rig::start().await;
    let mistral = json!({ "model": "mistral-large-4", "max_completion_tokens": 5 });
    let request = rig.post(Vendor::Mistral, "/chat/completions").json(&with(chat("Hi"), mistral));
    let (status, body) = answer(request).await;
    assert_eq!(status, 422);
    let expected = json!([{
        "type": "extra_forbidden",
        "loc": ["body", "max_completion_tokens"],
        "msg": "Extra inputs are not permitted",
    }]);
    assert_eq!(body["detail"], expected);
    for members in [json!({ "n": 2 }), json!({ "logprobs": true })] {
        let body = with(with(chat("Hi"), json!({ "model": "openai/gpt-oss-120b" })), members);
        let (status, _) = answer(rig.post(Vendor::Groq, "/chat/completions").json(&body)).await;
        assert_eq!(status, 400);
    }
}
