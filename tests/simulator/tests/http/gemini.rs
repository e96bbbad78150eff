use de_simulator::{Config, Vendor};
use serde_json::{Value, json};

use crate::client::{Rig, answer, stream, with};

const FLASH: &str = "/models/gemini-3.8-flash";
const OLD: &str = "/models/gemini-2.5-flash";
const RETIRED: &str = "/models/gemini-2.0-flash";

fn said(prompt: &str) -> Value {
    json!({ "contents": [{ "role": "user", "parts": [{ "text": prompt }] }] })
}

fn set(prompt: &str, config: Value) -> Value {
    with(said(prompt), json!({ "generationConfig": config }))
}

fn tools() -> Value {
    let parameters = json!({ "type": "object", "properties": { "input": { "type": "string" } } });
    json!({ "tools": [{ "functionDeclarations": [
        { "name": "add", "description": "Adds", "parametersJsonSchema": parameters },
        { "name": "sub" },
    ] }] })
}

impl Rig {
    async fn ask(&self, model: &str, body: &Value) -> (u16, Value) {
        answer(self.post(Vendor::Google, &format!("{model}:generateContent")).json(body)).await
    }

    async fn ask_for_stream(&self, model: &str, body: &Value) -> Vec<Value> {
        let path = format!("{model}:streamGenerateContent?alt=sse");
        stream(self.post(Vendor::Google, &path).json(body)).await
    }
}

#[tokio::test]
async fn a_reply_has_every_documented_member() {
    let rig = Rig::start().await;
    let system = json!({ "systemInstruction": { "parts": [{ "text": "Be brief" }] } });
    let (status, body) = rig.ask(FLASH, &with(said("Hello world"), system)).await;
    let expected = json!({
        "candidates": [{
            "content": { "parts": [{ "text": "You said: Hello world" }], "role": "model" },
            "finishReason": "STOP",
            "index": 0,
        }],
        "modelVersion": "gemini-3.8-flash",
        "responseId": "rsim000001",
        "usageMetadata": {
            "promptTokenCount": 13,
            "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": 13 }],
            "candidatesTokenCount": 7,
            "totalTokenCount": 20,
        },
    });
    assert_eq!((status, body), (200, expected));
}

#[tokio::test]
async fn bounds_end_a_reply() {
    let rig = Rig::start().await;
    for (config, text, reason) in [
        (json!({ "maxOutputTokens": 3 }), "You said: ", "MAX_TOKENS"),
        (json!({ "stopSequences": ["x", "world"] }), "You said: Hello ", "STOP"),
    ] {
        let (_, body) = rig.ask(FLASH, &set("Hello world", config)).await;
        let candidate = &body["candidates"][0];
        assert_eq!(candidate["content"]["parts"][0]["text"], text);
        assert_eq!(candidate["finishReason"], reason);
    }
}

#[tokio::test]
async fn a_stream_repeats_the_shape_and_tells_all_counts_at_last() {
    let rig = Rig::start().await;
    let thinking = json!({ "thinkingConfig": { "thinkingLevel": "LOW", "includeThoughts": true } });
    let body = set("Hi there", thinking);
    let events = rig.ask_for_stream(FLASH, &body).await;
    let parts: Vec<&Value> =
        events.iter().map(|event| &event["candidates"][0]["content"]["parts"][0]).collect();
    assert_eq!(parts[0]["thought"], true);
    let text: String = parts[1..].iter().map(|part| part["text"].as_str().unwrap()).collect();
    assert_eq!(text, "You said: Hi there");
    let (last, others) = events.split_last().unwrap();
    assert_eq!(parts.last().unwrap()["thoughtSignature"], "c2ltdWxhdGVkLXRob3VnaHQ=");
    assert_eq!(last["candidates"][0]["finishReason"], "STOP");
    assert!(others.iter().all(|event| event["candidates"][0].get("finishReason").is_none()));
    let (_, whole) = rig.ask(FLASH, &body).await;
    assert_eq!(last["usageMetadata"], whole["usageMetadata"]);
    let usage = &whole["usageMetadata"];
    assert_eq!(
        (&usage["thoughtsTokenCount"], &usage["candidatesTokenCount"]),
        (&json!(12), &json!(6))
    );
    assert_eq!(others[0]["usageMetadata"]["totalTokenCount"], 18);
    let parts = whole["candidates"][0]["content"]["parts"].as_array().unwrap();
    assert_eq!(parts.len(), 2);
    assert_eq!(parts[1]["thoughtSignature"], "c2ltdWxhdGVkLXRob3VnaHQ=");
    let path = format!("{FLASH}:streamGenerateContent");
    assert_eq!(answer(rig.post(Vendor::Google, &path).json(&body)).await.0, 400);
}

#[tokio::test]
async fn calls_have_a_seal_that_must_come_back() {
    let rig = Rig::start().await;
    let first = with(said("call:add call:sub"), tools());
    let (_, body) = rig.ask(FLASH, &first).await;
    let turn = body["candidates"][0]["content"].clone();
    let calls = turn["parts"].as_array().unwrap();
    assert_eq!(calls[0]["functionCall"]["name"], "add");
    assert_eq!(calls[0]["functionCall"]["args"], json!({ "input": "call:add call:sub" }));
    assert_eq!(calls[0]["thoughtSignature"], "c2ltdWxhdGVkLXRob3VnaHQ=");
    assert!(calls[1].get("thoughtSignature").is_none());
    assert_eq!(body["candidates"][0]["finishReason"], "STOP");
    let events = rig.ask_for_stream(FLASH, &first).await;
    assert_eq!(events.len(), 1, "calls come whole");

    let results = |turn: &Value| -> Value {
        let calls = turn["parts"].as_array().unwrap().iter();
        let parts: Vec<Value> = calls
            .map(|part| {
                let mut result =
                    json!({ "name": part["functionCall"]["name"], "response": { "output": "3" } });
                if let Some(id) = part["functionCall"].get("id") {
                    result["id"] = id.clone();
                }
                json!({ "functionResponse": result })
            })
            .collect();
        json!({ "role": "user", "parts": parts })
    };
    let again = |turn: Value, results: Value| {
        let mut body = first.clone();
        body["contents"].as_array_mut().unwrap().extend([turn, results]);
        body
    };
    let (status, body) = rig.ask(FLASH, &again(turn.clone(), results(&turn))).await;
    let text = &body["candidates"][0]["content"]["parts"][0]["text"];
    assert_eq!((status, text), (200, &json!("You said: 3\n3")));

    let mut unsealed = turn.clone();
    unsealed["parts"][0].as_object_mut().unwrap().remove("thoughtSignature");
    let (status, body) = rig.ask(FLASH, &again(unsealed.clone(), results(&turn))).await;
    let message = "Function call `add` in the `1.` content block is missing a `thought_signature`.";
    assert_eq!((status, &body["error"]["message"]), (400, &json!(message)));
    assert_eq!(rig.ask(OLD, &again(unsealed.clone(), results(&turn))).await.0, 200);
    let mut foreign = unsealed.clone();
    foreign["parts"][0]["thoughtSignature"] = json!("skip_thought_signature_validator");
    assert_eq!(rig.ask(FLASH, &again(foreign, results(&turn))).await.0, 200);
    let mut forged = unsealed.clone();
    forged["parts"][0]["thoughtSignature"] = json!("AAAA");
    assert_eq!(rig.ask(FLASH, &again(forged, results(&turn))).await.0, 400);
    // Older turns need none.
    let mut later = again(unsealed, results(&turn));
    let more = [
        json!({ "role": "model", "parts": [{ "text": "3" }] }),
        json!({ "role": "user", "parts": [{ "text": "Thanks" }] }),
    ];
    later["contents"].as_array_mut().unwrap().extend(more);
    assert_eq!(rig.ask(FLASH, &later).await.0, 200);
    let mut few = results(&turn);
    few["parts"].as_array_mut().unwrap().pop();
    assert_eq!(rig.ask(FLASH, &again(turn.clone(), few)).await.0, 400);
    let mut shows = results(&turn);
    shows["parts"][0]["functionResponse"]["response"] = json!({ "a": [{ "$ref": "#/$defs/b" }] });
    let (status, body) = rig.ask(FLASH, &again(turn.clone(), shows.clone())).await;
    let message = body["error"]["message"].as_str().unwrap();
    assert!(status == 400 && message.starts_with("The referenced name `#/$defs/b`"), "{body}");
    shows["parts"][0]["functionResponse"]["parts"] = json!([
        { "inlineData": { "displayName": "#/$defs/b", "mimeType": "image/png", "data": "AAAA" } },
    ]);
    assert_eq!(rig.ask(FLASH, &again(turn.clone(), shows)).await.0, 200);
    let mut other = results(&turn);
    other["parts"][0]["functionResponse"]["name"] = json!("mul");
    assert_eq!(rig.ask(FLASH, &again(turn, other)).await.0, 400);

    let (_, old) = rig.ask(OLD, &first).await;
    let call = &old["candidates"][0]["content"]["parts"][0];
    assert!(call.get("thoughtSignature").is_none() && call["functionCall"].get("id").is_none());
}

#[tokio::test]
async fn tools_are_called_as_the_mode_says() {
    let rig = Rig::start().await;
    let mode = |mode: Value| {
        with(with(said("Hi"), tools()), json!({ "toolConfig": { "functionCallingConfig": mode } }))
    };
    for (config, called) in [
        (json!({ "mode": "AUTO" }), None),
        (json!({ "mode": "NONE" }), None),
        (json!({ "mode": "ANY" }), Some("add")),
        (json!({ "mode": "ANY", "allowedFunctionNames": ["sub"] }), Some("sub")),
    ] {
        let (status, body) = rig.ask(FLASH, &mode(config.clone())).await;
        let name = &body["candidates"][0]["content"]["parts"][0]["functionCall"]["name"];
        assert_eq!((status, name.as_str()), (200, called), "{config} {body}");
    }
    for config in [
        json!({ "mode": "AUTO", "allowedFunctionNames": ["sub"] }),
        json!({ "mode": "ANY", "allowedFunctionNames": ["mul"] }),
        json!({ "mode": "SOME" }),
    ] {
        assert_eq!(rig.ask(FLASH, &mode(config.clone())).await.0, 400, "{config}");
    }
}

#[tokio::test]
async fn json_and_probabilities_are_told_to_who_asks() {
    let rig = Rig::with(Config { accept_retired: true, ..Config::default() }).await;
    let schema = json!({ "type": "object", "properties": { "said": { "type": "string" } } });
    let config = json!({
        "candidateCount": 2,
        "logprobs": 2,
        "responseJsonSchema": schema,
        "responseLogprobs": true,
        "responseMimeType": "application/json",
    });
    let (_, body) = rig.ask(RETIRED, &set("Hi", config)).await;
    let candidates = body["candidates"].as_array().unwrap();
    assert_eq!((candidates.len(), &candidates[1]["index"]), (2, &json!(1)));
    let text = candidates[1]["content"]["parts"][0]["text"].as_str().unwrap();
    let said: Value = serde_json::from_str(text).unwrap();
    assert_eq!(said, json!({ "said": "You said: Hi" }));
    let told = &candidates[0]["logprobsResult"];
    let tokens = told["chosenCandidates"].as_array().unwrap();
    let joined: String = tokens.iter().map(|token| token["token"].as_str().unwrap()).collect();
    assert_eq!(joined, text);
    assert_eq!(told["topCandidates"][0]["candidates"].as_array().unwrap().len(), 2);
    let (_, one) =
        rig.ask(RETIRED, &set("Hi", json!({ "responseMimeType": "application/json" }))).await;
    let counts = |body: &Value| body["usageMetadata"]["candidatesTokenCount"].as_u64().unwrap();
    assert!(counts(&body) > counts(&one));
}

#[tokio::test]
async fn a_reference_of_a_schema_stands_alone_and_leads_to_a_definition() {
    let rig = Rig::start().await;
    let defined = |schema: Value| with(schema, json!({ "$defs": { "a": { "type": "string" } } }));
    for (status, schema) in [
        (200, defined(json!({ "items": { "$ref": "#/$defs/a" } }))),
        (200, defined(json!({ "properties": { "$ref": { "$ref": "#" }, "title": {} } }))),
        (200, json!({ "default": { "$ref": "a", "b": 1 }, "pattern": "a" })),
        (400, defined(json!({ "items": { "$ref": "#/$defs/a", "description": "A." } }))),
        (400, defined(json!({ "items": { "$ref": "#/$defs/b" } }))),
        (400, defined(json!({ "properties": { "a": {}, "b": { "$ref": "#/properties/a" } } }))),
        (400, json!({ "$ref": "#/definitions/a", "definitions": { "a": { "type": "string" } } })),
    ] {
        let format =
            json!({ "responseMimeType": "application/json", "responseJsonSchema": schema });
        assert_eq!(rig.ask(FLASH, &set("Hi", format)).await.0, status, "{schema}");
        let function = json!({ "name": "f", "parametersJsonSchema": schema });
        let tools = json!({ "tools": [{ "functionDeclarations": [function] }] });
        assert_eq!(rig.ask(FLASH, &with(said("Hi"), tools)).await.0, status, "{schema}");
    }
}

#[tokio::test]
async fn what_is_blocked_says_so_in_a_good_reply() {
    let rig = Rig::start().await;
    let (status, body) = rig.ask(FLASH, &said("refuse")).await;
    assert_eq!(
        (status, &body["promptFeedback"]["blockReason"]),
        (200, &json!("PROHIBITED_CONTENT"))
    );
    assert!(body.get("candidates").is_none() && body["usageMetadata"]["promptTokenCount"] == 5);
    assert_eq!(rig.ask_for_stream(FLASH, &said("refuse")).await.len(), 1);
    let (_, body) = rig.ask(FLASH, &said("result:unsafe")).await;
    let candidate = &body["candidates"][0];
    assert_eq!(candidate["finishReason"], "SAFETY");
    assert!(candidate.get("content").is_none());
    assert_eq!(
        rig.ask_for_stream(FLASH, &said("result:unsafe")).await[0]["candidates"][0],
        *candidate
    );
}

#[tokio::test]
async fn a_stream_fails_in_the_vendors_form() {
    let rig = Rig::start().await;
    let events = rig.ask_for_stream(FLASH, &said("error-mid:2 one two three")).await;
    assert_eq!(events.len(), 3);
    assert_eq!(events[2]["error"]["status"], "UNAVAILABLE");
    assert_eq!(rig.ask(FLASH, &said("fail:quota")).await.0, 402);
    let (status, body) = rig.ask(FLASH, &said("fail:place")).await;
    assert_eq!((status, &body["error"]["status"]), (400, &json!("FAILED_PRECONDITION")));
    let (status, body) = rig.ask(FLASH, &said("fail:429:7")).await;
    assert_eq!((status, &body["error"]["details"][0]["retryDelay"]), (429, &json!("7s")));
}

#[tokio::test]
async fn tokens_are_counted_and_long_prompts_are_cached() {
    let rig = Rig::start().await;
    let count =
        |body: Value| answer(rig.post(Vendor::Google, &format!("{FLASH}:countTokens")).json(&body));
    let (status, body) = count(said("Hello world")).await;
    assert_eq!((status, &body["totalTokens"]), (200, &json!(7)));
    let mut request = with(said("Hello world"), tools());
    request["model"] = json!("models/gemini-3.8-flash");
    let (status, body) = count(json!({ "generateContentRequest": request })).await;
    assert!(status == 200 && body["totalTokens"].as_u64().unwrap() > 7, "{body}");
    assert_eq!(count(json!({})).await.0, 400);
    assert_eq!(count(with(said("Hi"), json!({ "tools": [] }))).await.0, 400);
    let long = "word ".repeat(5_000);
    let system = json!({ "systemInstruction": { "parts": [{ "text": long }] } });
    let (_, body) = rig.ask(FLASH, &with(said("Hi"), system)).await;
    let usage = &body["usageMetadata"];
    assert_eq!(
        (&usage["promptTokenCount"], &usage["cachedContentTokenCount"]),
        (&json!(5_007), &json!(5_003))
    );
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let rig = Rig::start().await;
    let parts = |parts: Value| json!({ "contents": [{ "role": "user", "parts": parts }] });
    let blob =
        |kind: &str, data: &str| json!([{ "inlineData": { "mimeType": kind, "data": data } }]);
    let thinking = |thinking: Value| set("Hi", json!({ "thinkingConfig": thinking }));
    for (model, body) in [
        (FLASH, json!({ "contents": [] })),
        (FLASH, with(said("Hi"), json!({ "model": "gemini" }))),
        (FLASH, with(said("Hi"), json!({ "system_instruction": { "parts": [{ "text": "a" }] } }))),
        (FLASH, json!({ "contents": [{ "role": "assistant", "parts": [{ "text": "Hi" }] }] })),
        (FLASH, parts(json!([{}]))),
        (FLASH, parts(json!([{ "text": "" }]))),
        (FLASH, parts(json!([{ "text": "a", "fileData": { "fileUri": "https://a.test/b" } }]))),
        (FLASH, parts(json!([{ "fileData": { "fileUri": "a.png" } }]))),
        (FLASH, parts(json!([{ "functionCall": { "name": "add" } }]))),
        (FLASH, parts(json!([{ "functionResponse": { "name": "add", "response": {} } }]))),
        (FLASH, parts(blob("image/gif", "AAAA"))),
        (FLASH, parts(blob("image/png", "!"))),
        (FLASH, set("Hi", json!({ "temperature": 1 }))),
        (OLD, set("Hi", json!({ "temperature": 3 }))),
        (OLD, set("Hi", json!({ "stopSequences": ["a", "b", "c", "d", "e", "f"] }))),
        (OLD, set("Hi", json!({ "logprobs": 3 }))),
        (OLD, with(set("Hi", json!({ "responseMimeType": "application/json" })), tools())),
        (OLD, set("Hi", json!({ "responseLogprobs": true }))),
        (OLD, set("Hi", json!({ "frequencyPenalty": 0.5 }))),
        (OLD, set("Hi", json!({ "presencePenalty": -0.5 }))),
        ("/models/gemini-4-argon", set("Hi", json!({ "presencePenalty": 1 }))),
        (FLASH, set("Hi", json!({ "responseLogprobs": true }))),
        (FLASH, set("Hi", json!({ "candidateCount": 2 }))),
        (OLD, set("Hi", json!({ "seed": 4_294_967_296_u64 }))),
        (OLD, set("Hi", json!({ "maxOutputTokens": 65_537 }))),
        (OLD, set("Hi", json!({ "responseJsonSchema": { "type": "object" } }))),
        (OLD, thinking(json!({ "thinkingLevel": "LOW" }))),
        (OLD, thinking(json!({ "thinkingBudget": 0, "includeThoughts": true }))),
        (FLASH, thinking(json!({ "thinkingLevel": "MINIMAL" }))),
        (FLASH, thinking(json!({ "thinkingLevel": "LOW", "thinkingBudget": 1_024 }))),
        (
            FLASH,
            with(said("Hi"), json!({ "tools": [{ "functionDeclarations": [{ "name": "1st" }] }] })),
        ),
        (
            FLASH,
            with(
                said("Hi"),
                json!({ "tools": [{ "functionDeclarations": [{ "name": "f".repeat(65) }] }] }),
            ),
        ),
        (
            FLASH,
            with(
                said("Hi"),
                json!({ "toolConfig": { "functionCallingConfig": { "mode": "ANY" } } }),
            ),
        ),
    ] {
        let (status, said) = rig.ask(model, &body).await;
        assert_eq!((status, &said["error"]["status"]), (400, &json!("INVALID_ARGUMENT")), "{body}");
    }
    for (model, body) in [
        (
            FLASH,
            parts(
                json!([{ "text": "See" }, { "fileData": { "fileUri": "https://a.test/b.png" } }]),
            ),
        ),
        (FLASH, parts(blob("application/pdf", "AAAA"))),
        (FLASH, parts(blob("audio/wav", "AAAA"))),
        (OLD, set("Hi", json!({ "temperature": 2, "topK": 1, "topP": 0.5, "seed": -1 }))),
        (OLD, set("Hi", json!({ "candidateCount": 2, "presencePenalty": 0 }))),
        (FLASH, set("Hi", json!({ "candidateCount": 1 }))),
        (FLASH, with(set("Hi", json!({ "responseMimeType": "application/json" })), tools())),
        (OLD, thinking(json!({ "thinkingBudget": 0 }))),
        ("/models/gemini-3.5-flash-lite", thinking(json!({ "thinkingLevel": "MINIMAL" }))),
    ] {
        assert_eq!(rig.ask(model, &body).await.0, 200, "{body}");
    }
    assert_eq!(rig.ask("/models/gemini-9", &said("Hi")).await.0, 404);
    assert_eq!(rig.ask(RETIRED, &said("Hi")).await.0, 404);
    assert_eq!(
        answer(rig.post(Vendor::Google, &format!("{FLASH}:sing")).json(&said("Hi"))).await.0,
        404
    );
}
