use de_simulator::Vendor;
use serde_json::{Value, json};

use crate::client::{Rig, answer, chat, message, with};

#[tokio::test]
async fn requests_are_recorded_without_their_keys() {
    let rig = Rig::start().await;
    answer(rig.chat(&with(chat("Hello"), json!({ "temperature": 0 })))).await;
    answer(rig.messages(&message("Goodbye"))).await;
    let control = format!("{}/control/requests", rig.simulator.address());
    let get = |query: &str| rig.client.get(format!("{control}{query}"));

    let (_, all) = answer(get("")).await;
    assert_eq!(all.as_array().unwrap().len(), 2);
    let (_, one) = answer(get("?vendor=openai&contains=Hello")).await;
    let record = &one[0];
    assert_eq!(one.as_array().unwrap().len(), 1);
    assert_eq!(record["path"], "/openai/v1/chat/completions");
    assert_eq!(record["headers"]["authorization"], "Bearer ***0001");
    assert_eq!(record["body"]["temperature"], 0);
    assert_eq!((&record["status"], &record["method"]), (&json!(200), &json!("POST")));
    assert_eq!((&record["finished"], &record["client_hung_up"]), (&json!(true), &json!(false)));
    assert!(record["received_at_ms"].as_u64().unwrap() > 1_700_000_000_000);
    let id = &record["id"];
    let (status, same) = answer(get(&format!("/{id}"))).await;
    assert_eq!((status, &same), (200, record));
    assert!(!all.to_string().contains(Vendor::Anthropic.default_key()));

    assert_eq!(rig.client.delete(&control).send().await.unwrap().status().as_u16(), 204);
    assert_eq!(answer(get("")).await.1, json!([]));
    assert_eq!(answer(get("/1")).await.0, 404);
}

#[tokio::test]
async fn refused_requests_are_recorded_too() {
    let rig = Rig::start().await;
    answer(rig.post(Vendor::OpenAi, "/nothing").json(&chat("Hi"))).await;
    let records = rig.simulator.requests();
    assert_eq!((records[0].status, records[0].finished), (Some(404), true));
}

#[tokio::test]
async fn faults_are_ordered_over_http() {
    let rig = Rig::start().await;
    let control = format!("{}/control/faults", rig.simulator.address());
    let order = |body: Value| rig.client.post(&control).json(&body);
    for (body, status) in [
        (json!({ "vendor": "anthropic", "fault": "fail:529", "times": 2 }), 201),
        (json!({ "fault": "slow:10ms fail:500" }), 201),
        (json!({ "vendor": "acme", "fault": "fail:500" }), 400),
        (json!({ "fault": "fail:200" }), 400),
        (json!({ "fault": "fail:500", "times": 0 }), 400),
        (json!({ "fault": "fail:500", "often": 1 }), 400),
    ] {
        let (got, reply) = answer(order(body.clone())).await;
        assert_eq!(got, status, "{body} {reply}");
    }
    let (_, orders) = answer(rig.client.get(&control)).await;
    assert_eq!(orders.as_array().unwrap().len(), 2);
    assert_eq!(answer(rig.messages(&message("Hi"))).await.0, 529);
    assert_eq!(answer(rig.chat(&chat("Hi"))).await.0, 500);
    assert_eq!(rig.client.delete(&control).send().await.unwrap().status().as_u16(), 204);
    assert_eq!(answer(rig.messages(&message("Hi"))).await.0, 200);
}

#[tokio::test]
async fn health_answers_and_other_paths_do_not() {
    let rig = Rig::start().await;
    let get = |path: &str| rig.client.get(format!("{}{path}", rig.simulator.address()));
    assert_eq!(answer(get("/health")).await, (200, json!({ "status": "ok" })));
    assert_eq!(answer(get("/acme/v1/chat/completions")).await.0, 404);
    assert_eq!(answer(get("/")).await.0, 404);
}
