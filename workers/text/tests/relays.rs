//! Caller and vendor of one protocol: what nobody here knows goes through, to the vendor and back, as it came.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "tests: what does not hold ends them, and their modules have other readers too"
)]

#[path = "http/doubles.rs"]
mod doubles;
#[path = "http/gateway.rs"]
mod gateway;

use de_testkit::fetch::{Answer, Sent};
use http::Method;
use serde_json::json;

use crate::gateway::Gateway;

/// Members of next year, in every place of a request, and words of next year in members of today, with numbers and
/// letters that a careless hand would change.
const OPENAI: &str = r#"{ "future" : {"deep":[1,2.50,-0.0,1e3,1E+2,123456789012345678901234567890,true,null,"ü日🦀\u00e9\/"],
	"deeper":{ } },"model" :	"MODEL","messages":[{"role":"user","name":"Ann","content":[{"type":"text","text":"Hello","future_mark":{"a":[]},"cache_control":{"type":"ephemeral","ttl":"1d"}}],"future_of_turn":7},{"role":"of_next_year","content":"x"}],"tool_choice":"of_next_year","tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","x-future":1},"future_of_tool":false}}],"zeta":"","alpha":{}STREAM}"#;

const ANTHROPIC: &str = r#"{ "future" : {"deep":[1,2.50,-0.0,1e3,1E+2,123456789012345678901234567890,true,null,"ü日🦀\u00e9\/"],
	"deeper":{ } },"model" :	"MODEL","max_tokens":64,"messages":[{"role":"user","content":[{"type":"text","text":"Hello","future_mark":{"a":[]},"cache_control":{"type":"ephemeral","ttl":"1d"}}]},{"role":"of_next_year","content":"x"}],"tool_choice":{"type":"of_next_year"},"tools":[{"name":"f","input_schema":{"type":"object","x-future":1},"future_of_tool":false}],"zeta":"","alpha":{}STREAM}"#;

const RESPONSES: &str = r#"{ "future" : {"deep":[1,2.50,-0.0,1e3,123456789012345678901234567890,"\u00e9\/"]},"model" :	"MODEL","input":[ {"role":"user","content":[{"type":"input_text","text":"Gr\u00fc\u00dfe","future_mark":1.0},{"type":"output_text","text":"x"}]},{"role":"of_next_year","content":"x"} ],"tool_choice":"of_next_year","store":false,
	"reasoning":{"effort":"none","x":0.10},"alpha":{}STREAM }
"#;

/// An answer whose bytes no writer of ours would make: blanks, escapes, an order, members of next year.
const OPENAI_REPLY: &str = "{ \"future\" : {\"a\":1.50},\n \"id\":\"c\\u0031\", \"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\n\t\"choices\":[{\"index\":0,\"future_of_choice\":[],\"message\":{\"role\":\"assistant\",\"content\":\"Gr\\u00fc\\u00dfe\\/\",\"future_of_message\":{}},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3,\"total_tokens\":12,\"future_tokens\":5} }\n";

const ANTHROPIC_REPLY: &str = "{ \"future\" : {\"a\":1.50},\n \"id\":\"m\\u0031\", \"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\n\t\"content\":[{\"type\":\"text\",\"text\":\"Gr\\u00fc\\u00dfe\\/\",\"future_of_block\":{}},{\"type\":\"block_of_next_year\",\"x\":1}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":9,\"output_tokens\":3,\"future_tokens\":5} }\n";

const OPENAI_STREAM: &str = ": hello\r\n\r\nid: 1\r\ndata:{ \"future\":1.50,\"id\":\"c\\u0031\",\"choices\":[{\"index\":0,\"future_of_choice\":{},\"delta\":{\"content\":\"Gr\\u00fc\\/\",\"future_of_delta\":[]}}]}\r\n\r\nevent: of_next_year\ndata: {\"future\":true}\n\ndata: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"of_next_year\"}]}\n\ndata: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3,\"future_tokens\":5}}\n\ndata: [DONE]\n\n";

const ANTHROPIC_STREAM: &str = ": hello\r\n\r\nevent: message_start\r\nid: 1\r\ndata:{ \"type\":\"message_start\",\"future\":1.50,\"message\":{\"id\":\"m\\u0031\",\"future_of_message\":{},\"usage\":{\"input_tokens\":9,\"output_tokens\":1,\"future_tokens\":5}}}\r\n\r\nevent: of_next_year\ndata: {\"type\":\"of_next_year\",\"future\":true}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"block_of_next_year\"}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"delta_of_next_year\",\"x\":\"\\u00fc\"}}\n\nevent: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"of_next_year\"},\"usage\":{\"output_tokens\":3}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\",\"future\":[]}\n\n";

const RESPONSES_REPLY: &str = "{ \"future\" : {\"a\":1.50},\n \"id\":\"resp_\\u0031\",\"object\":\"response\",\"status\":\"completed\",\"model\":\"m\",\n\t\"output\":[{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"status\":\"completed\",\"content\":[{\"type\":\"output_text\",\"text\":\"Gr\\u00fc\\u00dfe\",\"annotations\":[]}]}],\"usage\":{\"input_tokens\":9,\"output_tokens\":3,\"total_tokens\":12,\"future_tokens\":5} }\n";

const RESPONSES_STREAM: &str = ": hello\r\n\r\nevent: response.created\ndata:{ \"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_1\",\"future\":1.50}}\n\nevent: of_next_year\ndata: {\"type\":\"of_next_year\",\"sequence_number\":1}\n\nevent: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":2,\"response\":{\"id\":\"resp_1\",\"status\":\"completed\",\"output\":[],\"usage\":{\"input_tokens\":9,\"output_tokens\":3,\"total_tokens\":12}}}\n\n";

struct Case {
    answer: &'static str,
    model: &'static str,
    path: &'static str,
    request: &'static str,
    stream: &'static str,
    upstream: &'static str,
}

const CASES: [Case; 3] = [
    Case {
        answer: ANTHROPIC_REPLY,
        model: "claude",
        path: "/v1/messages",
        request: ANTHROPIC,
        stream: ANTHROPIC_STREAM,
        upstream: "claude-haiku-4-5",
    },
    Case {
        answer: OPENAI_REPLY,
        model: "gpt",
        path: "/v1/chat/completions",
        request: OPENAI,
        stream: OPENAI_STREAM,
        upstream: "gpt-4o-mini",
    },
    Case {
        answer: RESPONSES_REPLY,
        model: "responses",
        path: "/v1/responses",
        request: RESPONSES,
        stream: RESPONSES_STREAM,
        upstream: "gpt-4o-mini",
    },
];

async fn gateway() -> Gateway {
    let gateway = Gateway::new().await;
    for (id, protocol) in [
        ("gpt", "openai-chat"),
        ("claude", "anthropic-messages"),
        ("responses", "openai-responses"),
    ] {
        gateway
            .model(
                id,
                protocol,
                json!({"capabilities": {
                    "text": true, "streaming": true, "tools": true,
                }}),
            )
            .await;
    }
    gateway
}

/// Sends a body, and says what the vendor and the caller got.
async fn relayed(
    gateway: &Gateway,
    case: &Case,
    body: &str,
    answer: Answer,
    headers: &[(&str, &str)],
) -> (Sent, String) {
    gateway.test.fetch.answer(answer);
    let request = gateway.text.request(Method::POST, case.path);
    let request = request.header("content-type", "application/json").body(body.to_owned());
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let receipt = gateway.receipt(&answer).await;
    assert_eq!(receipt["status"], "ok", "{receipt}");
    assert_eq!((&receipt["input_tokens"], &receipt["output_tokens"]), (&json!(9), &json!(3)));
    assert_eq!(receipt["estimated"], 0);
    (gateway.test.fetch.sent().pop().unwrap(), answer.text())
}

#[tokio::test(start_paused = true)]
async fn a_plain_call_goes_through_as_it_came() {
    let gateway = gateway().await;
    for case in CASES {
        let body = case.request.replace("STREAM", "");
        let answer = Answer::ok().header("content-type", "application/json").chunk(case.answer);
        let (sent, told) =
            relayed(&gateway, &case, &body.replace("MODEL", case.model), answer, &[]).await;
        assert_eq!(sent.body, body.replace("MODEL", case.upstream));
        assert_eq!(told, case.answer, "{}", case.path);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_only_its_caller_can_read_goes_through_as_it_came() {
    // Members of today in a form of next year.
    let answers = [
        r#"{ "content":{"of_next_year":"Gr\u00fc\u00dfe"} ,"usage":USAGE}"#,
        r#"{ "choices":[{"message":"Gr\u00fc\u00dfe"}] ,"usage":USAGE}"#,
        r#"{ "output":"Gr\u00fc\u00dfe" ,"usage":USAGE}"#,
    ];
    let counts = [
        r#"{"input_tokens":9,"output_tokens":3}"#,
        r#"{"prompt_tokens":9,"completion_tokens":3}"#,
        r#"{"input_tokens":9,"output_tokens":3}"#,
    ];
    let gateway = gateway().await;
    let whole =
        |text: &str| Answer::ok().header("content-type", "application/json").chunk(text.to_owned());
    for ((case, answer), counts) in CASES.into_iter().zip(answers).zip(counts) {
        let body = case.request.replace("STREAM", "").replace("MODEL", case.model);
        let counted = answer.replace("USAGE", counts);
        let (_, told) = relayed(&gateway, &case, &body, whole(&counted), &[]).await;
        assert_eq!(told, counted, "{}", case.path);
        // Without counts it is estimated.
        let uncounted = answer.replace("USAGE", "null");
        let ask = async |answer: &str| {
            gateway.test.fetch.answer(whole(answer));
            let request = gateway.text.request(Method::POST, case.path);
            let request = request.header("content-type", "application/json");
            let answer = request.body(body.clone()).send().await.unwrap();
            let receipt = gateway.receipt(&answer).await;
            (answer, receipt)
        };
        let (told, receipt) = ask(&uncounted).await;
        assert_eq!((told.status, told.text()), (200, uncounted));
        assert_eq!((&receipt["status"], &receipt["estimated"]), (&json!("ok"), &json!(1)));
        assert!(receipt["output_tokens"].as_i64().unwrap() > 0, "{receipt}");
        // What is no answer of the protocol is none that passes, nor is a failure.
        for other in [
            r#"{"of_next_year":1}"#.to_owned(),
            "[]".to_owned(),
            counted.replace("{ ", r#"{"error":{"code":"x"},"#),
        ] {
            let (told, receipt) = ask(&other).await;
            assert_eq!(told.status, 502, "{other}");
            assert_eq!(receipt["status"], "failed", "{other}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_goes_through_as_it_came() {
    let gateway = gateway().await;
    for case in CASES {
        let asks_for_usage = if case.model == "gpt" {
            r#","stream":true,"stream_options":{"future_option":1,"include_usage":true}"#
        } else {
            r#","stream":true"#
        };
        let body = case.request.replace("STREAM", asks_for_usage);
        for key in [None, Some("kept")] {
            let key = key.map(|key| format!("{key}-{}", case.model));
            let headers: Vec<_> = key.iter().map(|key| ("idempotency-key", key.as_str())).collect();
            let answer = Answer::events().chunk(case.stream);
            let asked = body.replace("MODEL", case.model);
            let (sent, told) = relayed(&gateway, &case, &asked, answer, &headers).await;
            assert_eq!(sent.body, body.replace("MODEL", case.upstream));
            assert_eq!(told, case.stream, "{} {key:?}", case.path);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_did_not_ask_for_usage_gets_all_but_that() {
    let gateway = gateway().await;
    let [_, case, _] = CASES;
    let usage =
        OPENAI_STREAM.split_inclusive("\n\n").find(|event| event.contains("usage")).unwrap();
    for (asked, sent_on) in [
        (r#","stream":true"#, r#","stream":true,"stream_options":{"include_usage":true}"#),
        (
            r#","stream":true,"stream_options":{"future_option":1}"#,
            r#","stream":true,"stream_options":{"future_option":1,"include_usage":true}"#,
        ),
    ] {
        let body = case.request.replace("STREAM", asked).replace("MODEL", case.model);
        let answer = Answer::events().chunk(case.stream);
        let (sent, told) = relayed(&gateway, &case, &body, answer, &[]).await;
        let expected = case.request.replace("STREAM", sent_on).replace("MODEL", case.upstream);
        assert_eq!(sent.body, expected);
        assert_eq!(told, OPENAI_STREAM.replace(usage, ""));
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_to_be_changed_changes_nothing_beside_it() {
    let gateway = gateway().await;
    let [claude, gpt, responses] = CASES;
    let ours = r#"{"type":"thinking","thinking":"Hm","signature":"gemini:sig"},"#;
    let text = r#"{"type":"text","text":"Yes\u0021"}"#;
    let turn = |blocks: &str| format!(r#"{{"role":"assistant","content":[{blocks}]}},"#);
    let with = |turn: &str, case: &Case| {
        case.request.replace(r#""messages":["#, &format!(r#""messages":[{turn}"#))
    };
    for (case, asked, sent_on) in [
        // A bound under a name of old, and under that of the host.
        (
            &gpt,
            gpt.request.replace("STREAM", r#", "max_tokens" : 64 "#),
            gpt.request.replace("STREAM", r#", "max_completion_tokens" : 64 "#),
        ),
        // What would rest at the vendor.
        (&responses, responses.request.replace("STREAM", "").replace(r#""store":false,"#, ""), {
            let text = responses.request.replace("STREAM", "").replace(r#""store":false,"#, "");
            text.replace("\"alpha\":{} }", "\"alpha\":{} ,\"store\":false}")
        }),
        // Thoughts that are none of this vendor's: only the turns are written anew.
        (&claude, with(&turn(&format!("{ours}{text}")), &claude).replace("STREAM", ""), {
            let plain = with(&turn(text), &claude).replace("STREAM", "");
            plain.replace(r"Yes\u0021", "Yes!")
        }),
    ] {
        let answer = Answer::ok().header("content-type", "application/json").chunk(case.answer);
        let (sent, _) =
            relayed(&gateway, case, &asked.replace("MODEL", case.model), answer, &[]).await;
        assert_eq!(sent.body, sent_on.replace("MODEL", case.upstream), "{}", case.path);
    }
}

#[tokio::test(start_paused = true)]
async fn a_vendor_keeps_nothing_for_projects_that_keep_nothing() {
    let [_, case, _] = CASES;
    let body = case.request.replace("MODEL", case.model);
    let body = |store: &str| body.replace("STREAM", &format!(r#", "store" : {store} "#));
    for (retains, store, sent_on, dropped) in [
        (false, "true", "false", Some("store")),
        (false, "false", "false", None),
        (false, "null", "null", None),
        (true, "true", "true", None),
    ] {
        let gateway = gateway().await;
        if retains {
            gateway.test.sql("UPDATE projects SET retain_content = 1", &[]).await;
        }
        let reply = Answer::ok().header("content-type", "application/json").chunk(case.answer);
        gateway.test.fetch.answer(reply);
        let request = gateway.text.request(Method::POST, case.path);
        let request = request.header("content-type", "application/json");
        let answer = request.body(body(store)).send().await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let sent = gateway.test.fetch.sent().pop().unwrap();
        assert_eq!(
            sent.body,
            body(sent_on).replace(case.model, case.upstream),
            "{retains} {store}"
        );
        let told = answer.headers.get("x-de-dropped").map(|value| value.to_str().unwrap());
        assert_eq!(told, dropped, "{retains} {store}");
    }
}

#[tokio::test(start_paused = true)]
async fn seals_go_to_no_other_vendor() {
    let gateway = gateway().await;
    let [claude, gpt, _] = CASES;
    let turn = |signature: &str| {
        let entry = json!({"type": "reasoning.text", "text": "Hm", "signature": signature, "format": "anthropic-claude-v1", "index": 0});
        json!({"role": "assistant", "content": "Yes", "reasoning_details": [entry]})
    };
    let plain = json!({"role": "assistant", "content": "Yes"});
    let thought = json!({"type": "thinking", "thinking": "Hm", "signature": "sig"});
    let text = json!({"type": "text", "text": "Yes"});
    let lost = Some("messages/*/reasoning_details");
    for (case, signature, expected, dropped) in [
        (
            &claude,
            "sig",
            json!({"role": "assistant", "content": [thought.clone(), text.clone()]}),
            None,
        ),
        (
            &claude,
            "anthropic-messages@anthropic:sig",
            json!({"role": "assistant", "content": [thought, text]}),
            None,
        ),
        (&claude, "anthropic-messages@elsewhere:sig", plain.clone(), lost),
        // OpenAI's chat is relayed: what we told is taken out, and the rest is the vendor's to judge.
        (&gpt, "sig", turn("sig"), None),
        (&gpt, "anthropic-messages@anthropic:sig", plain, lost),
    ] {
        let user = json!({"role": "user", "content": "Go"});
        let body = json!({"model": case.model, "messages": [user, turn(signature), user]});
        let reply = Answer::ok().header("content-type", "application/json").chunk(case.answer);
        gateway.test.fetch.answer(reply);
        let answer = gateway.text.post("/v1/chat/completions", &body).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let sent: serde_json::Value =
            serde_json::from_slice(gateway.test.fetch.sent().pop().unwrap().body.as_ref()).unwrap();
        assert_eq!(sent["messages"][1], expected, "{} {signature}", case.model);
        let told = answer.headers.get("x-de-dropped").map(|value| value.to_str().unwrap());
        assert_eq!(told, dropped, "{} {signature}", case.model);
    }
}

#[tokio::test(start_paused = true)]
async fn anthropics_version_and_betas_are_the_callers() {
    let gateway = gateway().await;
    let [case, _, _] = CASES;
    let body = case.request.replace("STREAM", "").replace("MODEL", case.model);
    let answer = || Answer::ok().header("content-type", "application/json").chunk(case.answer);
    let betas = "context-1m-2025-08-07,of-next-year-2027-01-01";
    let headers = [("anthropic-version", "2027-01-01"), ("anthropic-beta", betas)];
    let (sent, _) = relayed(&gateway, &case, &body, answer(), &headers).await;
    assert_eq!(sent.header("anthropic-version"), "2027-01-01");
    assert_eq!(sent.header("anthropic-beta"), betas);
    // Who names none gets the version that all its answers are documented for.
    let (sent, _) = relayed(&gateway, &case, &body, answer(), &[]).await;
    assert_eq!(sent.header("anthropic-version"), "2023-06-01");
    assert!(!sent.headers.contains_key("anthropic-beta"));
    // Headers of the caller's own stay here.
    let (sent, _) = relayed(&gateway, &case, &body, answer(), &[("x-private", "1")]).await;
    assert!(!sent.headers.contains_key("x-private"));
}
