//! `POST /responses` and what is kept of them, as a client sees them.

use de_simulator::Vendor;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::client::{Rig, answer, events, header, stream, with};

const ITEMS: &str = "/responses";

impl Rig {
    fn respond(&self, body: &Value) -> RequestBuilder {
        self.post(Vendor::OpenAi, ITEMS).json(body)
    }

    fn kept(&self, method: Method, rest: &str) -> RequestBuilder {
        let url = format!("{}{ITEMS}/{rest}", self.simulator.base_url(Vendor::OpenAi));
        self.client.request(method, url).bearer_auth(Vendor::OpenAi.default_key())
    }
}

fn plain(prompt: &str) -> Value {
    json!({ "model": "gpt-4o-mini", "input": prompt })
}

fn thinking(input: Value) -> Value {
    json!({
        "model": "gpt-6-luna",
        "input": input,
        "reasoning": { "effort": "low", "summary": "auto" },
        "include": ["reasoning.encrypted_content"],
        "store": false,
    })
}

fn user(text: &str) -> Value {
    json!({ "role": "user", "content": text })
}

#[tokio::test]
async fn a_reply_has_all_members() {
    let rig = Rig::start().await;
    let body = with(plain("Hello world"), json!({ "instructions": "Be brief" }));
    let response = rig.respond(&body).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert!(!header(&response, "x-request-id").is_empty());
    let expected = json!({
        "id": "resp_sim000001",
        "object": "response",
        "created_at": 1_795_000_000,
        "status": "completed",
        "background": false,
        "completed_at": 1_795_000_000,
        "error": null,
        "incomplete_details": null,
        "instructions": "Be brief",
        "max_output_tokens": null,
        "max_tool_calls": null,
        "model": "gpt-4o-mini-2024-07-18",
        "output": [{
            "id": "msg_sim000001",
            "type": "message",
            "status": "completed",
            "content": [{
                "type": "output_text",
                "annotations": [],
                "logprobs": [],
                "text": "You said: Hello world",
            }],
            "role": "assistant",
        }],
        "parallel_tool_calls": true,
        "previous_response_id": null,
        "prompt_cache_key": null,
        "reasoning": { "effort": null, "summary": null },
        "safety_identifier": null,
        "service_tier": "default",
        "store": true,
        "temperature": 1.0,
        "text": { "format": { "type": "text" }, "verbosity": "medium" },
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        // As in chat: two messages of 3, 1 + 2 and 2 + 2 of text; "You said:" adds 1 + 2.
        "usage": {
            "input_tokens": 13,
            "input_tokens_details": { "cached_tokens": 0, "cache_write_tokens": 0 },
            "output_tokens": 7,
            "output_tokens_details": { "reasoning_tokens": 0 },
            "total_tokens": 20,
        },
        "user": null,
        "metadata": {},
    });
    assert_eq!(response.json::<Value>().await.unwrap(), expected);
}

#[tokio::test]
async fn events_come_in_the_documented_order() {
    let rig = Rig::start().await;
    let text = &[
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
    ][..];
    let thought = &[
        "response.output_item.added",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.done",
        "response.output_item.done",
    ][..];
    let call = &[
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
    ][..];
    let tools = json!({ "tools": [{ "type": "function", "name": "add", "parameters": {} }] });
    let refusal = &[
        "response.output_item.added",
        "response.content_part.added",
        "response.refusal.delta",
        "response.refusal.done",
        "response.content_part.done",
        "response.output_item.done",
    ][..];
    for (body, middle, end) in [
        (plain("Hi"), vec![text], "response.completed"),
        (thinking(json!("Hi")), vec![thought, text], "response.completed"),
        (with(plain("call:add"), tools), vec![call], "response.completed"),
        (plain("refuse"), vec![refusal], "response.completed"),
        (
            with(thinking(json!("Hi there")), json!({ "max_output_tokens": 16 })),
            vec![thought, text],
            "response.incomplete",
        ),
    ] {
        let body = with(body, json!({ "stream": true }));
        let response = rig.respond(&body).send().await.unwrap();
        assert_eq!(header(&response, "content-type"), "text/event-stream; charset=utf-8");
        let told = response.text().await.unwrap();
        let told = events(&told);
        let mut names: Vec<String> = Vec::new();
        for (number, (name, data)) in told.iter().enumerate() {
            let data: Value = serde_json::from_str(data).unwrap();
            assert_eq!(data["type"], *name);
            assert_eq!(data["sequence_number"], number);
            let is_more = name.ends_with(".delta") && !name.ends_with("output_text.delta");
            if !(is_more && names.last() == Some(name)) {
                names.push(name.clone());
            }
        }
        let mut expected = vec!["response.created", "response.in_progress"];
        expected.extend(middle.concat());
        expected.push(end);
        assert_eq!(names, expected, "{body}");
        let last: Value = serde_json::from_str(&told.last().unwrap().1).unwrap();
        assert!(last["response"]["usage"]["total_tokens"].as_u64().unwrap() > 0);
    }
}

#[tokio::test]
async fn a_stream_ends_with_the_reply_that_a_call_without_one_gets() {
    let rig = Rig::start().await;
    let tools = json!({
        "tools": [{ "type": "function", "name": "add", "parameters": { "type": "object" } }],
        "tool_choice": { "type": "function", "name": "add" },
    });
    for body in [plain("Hi"), thinking(json!("Hi")), with(plain("1 and 2"), tools), plain("refuse")]
    {
        let (_, whole) = answer(rig.respond(&body)).await;
        let streamed = stream(rig.respond(&with(body.clone(), json!({ "stream": true })))).await;
        let last = streamed.last().unwrap()["response"].to_string();
        let number = |value: &Value| value["id"].as_str().unwrap()["resp_".len()..].to_owned();
        let mine = number(&streamed[0]["response"]);
        assert_eq!(last.replace(&mine, &number(&whole)), whole.to_string(), "{body}");
    }
}

#[tokio::test]
async fn items_are_checked_by_type_and_role() {
    let rig = Rig::start().await;
    let call = json!({ "type": "function_call", "call_id": "c", "name": "f", "arguments": "{}" });
    let output = json!({ "type": "function_call_output", "call_id": "c", "output": "3" });
    let said = |kind: &str| json!([{ "type": kind, "text": "a" }]);
    for (input, param, code) in [
        (json!([]), "input", "empty_array"),
        (json!([{ "role": "tool", "content": "a" }]), "input[0].role", "invalid_value"),
        (json!([{ "type": "x" }]), "input[0].type", "invalid_value"),
        (
            json!([{ "role": "user", "content": said("output_text") }]),
            "input[0].content[0].type",
            "invalid_value",
        ),
        (
            json!([{ "role": "assistant", "content": said("input_text") }]),
            "input[0].content[0].type",
            "invalid_value",
        ),
        (
            json!([{ "role": "user", "content": [{ "type": "input_image" }] }]),
            "input[0].content[0]",
            "invalid_value",
        ),
        (json!([with(user("a"), json!({ "x": 1 }))]), "input[0].x", "unknown_parameter"),
        (json!([with(user("a"), json!({ "id": "x" }))]), "input[0].id", "invalid_value"),
        (
            json!([with(call.clone(), json!({ "id": "call_1" })), output.clone()]),
            "input[0].id",
            "invalid_value",
        ),
    ] {
        let (status, body) = answer(rig.respond(&with(plain(""), json!({ "input": input })))).await;
        assert_eq!((status, &body["error"]["param"]), (400, &json!(param)), "{input}: {body}");
        assert_eq!(body["error"]["code"], code, "{input}");
    }
    for (input, said) in [
        (json!([user("a"), output.clone()]), "No tool call found"),
        (json!([user("a"), call.clone()]), "No tool output found"),
        (
            json!([user("a"), { "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAABsim-rs_1" }]),
            "required following item",
        ),
        (
            json!([user("a"), { "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAABsim-rs_2" }]),
            "could not be verified",
        ),
        (json!([user("a"), { "type": "reasoning", "id": "rs_1", "summary": [] }]), "not found"),
        (json!([{ "id": "msg_1" }]), "not found"),
    ] {
        let (status, body) = answer(rig.respond(&with(thinking(input.clone()), json!({})))).await;
        assert!(status == 400 || status == 404, "{input}");
        assert!(body["error"]["message"].as_str().unwrap().contains(said), "{input}: {body}");
    }
    let (status, body) =
        answer(rig.respond(&with(plain(""), json!({ "input": [user("a"), call, output] })))).await;
    assert_eq!(
        (status, &body["output"][0]["content"][0]["text"]),
        (200, &json!("You said: 3")),
        "{body}"
    );
}

#[tokio::test]
async fn settings_are_as_strict_as_at_the_vendor() {
    let rig = Rig::start().await;
    for (members, param) in [
        (json!({ "messages": [] }), "messages"),
        (json!({ "max_tokens": 20 }), "max_tokens"),
        (json!({ "max_output_tokens": 8 }), "max_output_tokens"),
        (json!({ "response_format": { "type": "json_object" } }), "response_format"),
        (
            json!({ "text": { "format": { "type": "json_schema", "json_schema": {} } } }),
            "text.format.name",
        ),
        (
            json!({ "tools": [{ "type": "function", "function": { "name": "f" } }] }),
            "tools[0].name",
        ),
        (json!({ "tools": [{ "type": "function", "name": "f".repeat(65) }] }), "tools[0].name"),
        (
            json!({
                "tools": [{ "type": "function", "name": "f" }],
                "tool_choice": { "type": "function", "name": "f".repeat(65) },
            }),
            "tool_choice.name",
        ),
        (json!({ "reasoning_effort": "low" }), "reasoning_effort"),
        (json!({ "reasoning": { "effort": "low" } }), "reasoning.effort"),
        (json!({ "include": ["usage"] }), "include[0]"),
        (json!({ "top_logprobs": 2 }), "top_logprobs"),
        (json!({ "stream_options": {} }), "stream_options"),
        (json!({ "previous_response_id": "resp_1" }), "previous_response_id"),
        (json!({ "background": true }), "background"),
        (json!({ "model": "gpt-6-luna", "temperature": 0.5 }), "temperature"),
        (
            json!({ "model": "gpt-5.4-mini", "temperature": 0.5, "reasoning": { "effort": "low" } }),
            "temperature",
        ),
        (json!({ "model": "gpt-6-luna", "include": ["message.output_text.logprobs"] }), "include"),
        (json!({ "model": "gpt-6-astra", "reasoning": { "effort": "none" } }), "reasoning.effort"),
        (
            json!({ "model": "gpt-6.1-sol", "reasoning": { "effort": "minimal" } }),
            "reasoning.effort",
        ),
        (json!({ "model": "gpt-5.4-mini", "reasoning": { "effort": "max" } }), "reasoning.effort"),
        (json!({ "text": { "format": { "type": "json_object" } } }), "input"),
    ] {
        let (status, body) = answer(rig.respond(&with(plain("Hi"), members.clone()))).await;
        assert_eq!((status, &body["error"]["param"]), (400, &json!(param)), "{members}: {body}");
    }
}

#[tokio::test]
async fn efforts_are_those_of_the_model() {
    let rig = Rig::start().await;
    for members in [
        json!({ "model": "gpt-6-astra", "reasoning": { "effort": "max" } }),
        json!({ "model": "gpt-6-luna", "reasoning": { "effort": "none" }, "temperature": 0.5 }),
        json!({ "model": "gpt-5.4-mini", "temperature": 0.5, "reasoning": { "effort": "none" } }),
        json!({ "model": "gpt-5.4-mini", "temperature": 0.5 }),
        json!({
            "model": "gpt-6.1-sol",
            "tools": [{ "type": "function", "name": "look_up" }],
            "reasoning": { "effort": "low" },
        }),
    ] {
        let (status, body) = answer(rig.respond(&with(plain("Hi"), members.clone()))).await;
        assert_eq!(status, 200, "{members}: {body}");
    }
}

#[tokio::test]
async fn thoughts_are_sealed_and_come_back() {
    let rig = Rig::start().await;
    let (_, first) = answer(rig.respond(&thinking(json!("Hi")))).await;
    let output = first["output"].as_array().unwrap();
    assert_eq!(output[0]["type"], "reasoning");
    assert_eq!(output[0]["summary"][0]["type"], "summary_text");
    assert!(first["usage"]["output_tokens_details"]["reasoning_tokens"].as_u64().unwrap() > 0);
    let mut input = vec![user("Hi")];
    input.extend(output.iter().cloned());
    input.push(user("And now?"));
    let (status, second) = answer(rig.respond(&thinking(json!(input)))).await;
    assert_eq!(status, 200, "{second}");
    assert_eq!(second["output"][1]["content"][0]["text"], "You said: And now?");
}

#[tokio::test]
async fn responses_are_kept_unless_the_caller_says_no() {
    let rig = Rig::start().await;
    let (_, first) = answer(rig.respond(&plain("One"))).await;
    let id = first["id"].as_str().unwrap();
    assert_eq!(answer(rig.kept(Method::GET, id)).await, (200, first.clone()));
    let next = with(plain("Two"), json!({ "previous_response_id": id }));
    let (status, second) = answer(rig.respond(&next)).await;
    assert_eq!((status, &second["previous_response_id"]), (200, &json!(id)));
    // One, what was said to it, Two: three messages of 3, and 1 + 4 + 1 of text.
    assert_eq!(second["usage"]["input_tokens"], 15);
    let (_, list) = answer(rig.kept(Method::GET, &format!("{id}/input_items"))).await;
    assert_eq!((&list["object"], &list["has_more"]), (&json!("list"), &json!(false)));
    assert_eq!(list["data"][0]["content"][0]["text"], "One");
    let gone = json!({ "id": id, "object": "response", "deleted": true });
    assert_eq!(answer(rig.kept(Method::DELETE, id)).await, (200, gone));
    assert_eq!(answer(rig.kept(Method::GET, id)).await.0, 404);
    assert_eq!(answer(rig.respond(&next)).await.0, 400);
    let (_, unkept) = answer(rig.respond(&with(plain("One"), json!({ "store": false })))).await;
    assert_eq!(unkept["store"], false);
    assert_eq!(answer(rig.kept(Method::GET, unkept["id"].as_str().unwrap())).await.0, 404);
}

#[tokio::test]
async fn streams_are_cut_and_fail_as_told() {
    let rig = Rig::start().await;
    let told = stream(rig.respond(&with(plain("error-mid:3"), json!({ "stream": true })))).await;
    assert_eq!(told.len(), 4);
    assert_eq!((&told[3]["type"], &told[3]["sequence_number"]), (&json!("error"), &json!(3)));
    assert_eq!(told[3]["code"], "server_error");
    let response =
        rig.respond(&with(plain("cut:4"), json!({ "stream": true }))).send().await.unwrap();
    assert!(response.text().await.is_err());
    let (status, body) = answer(rig.respond(&plain("fail:429:7"))).await;
    assert_eq!((status, &body["error"]["code"]), (429, &json!("rate_limit_exceeded")));
    assert_eq!(answer(rig.respond(&plain("fail-once:500"))).await.0, 500);
}

#[tokio::test]
async fn answers_take_the_form_that_is_asked_for() {
    let rig = Rig::start().await;
    let schema = json!({ "type": "object", "properties": { "said": { "type": "string" } } });
    let format =
        json!({ "text": { "format": { "type": "json_schema", "name": "a", "schema": schema } } });
    let (_, body) = answer(rig.respond(&with(plain("Hi"), format))).await;
    assert_eq!(body["output"][0]["content"][0]["text"], r#"{"said":"You said: Hi"}"#);
    let told = json!({ "include": ["message.output_text.logprobs"], "top_logprobs": 1 });
    let (_, body) = answer(rig.respond(&with(plain("Hi"), told))).await;
    assert_eq!(body["output"][0]["content"][0]["logprobs"][0]["token"], "You ");
    let (_, body) =
        answer(rig.respond(&with(plain("big:1000"), json!({ "max_output_tokens": 16 })))).await;
    assert_eq!(body["status"], "incomplete");
    assert_eq!(body["incomplete_details"], json!({ "reason": "max_output_tokens" }));
}
