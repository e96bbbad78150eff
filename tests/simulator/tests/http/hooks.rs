use serde_json::{Value, json};

use crate::client::{Rig, answer};

async fn tell(rig: &Rig, path: &str, body: &str) -> reqwest::Response {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let request = client.build().unwrap().post(format!("{}{path}", rig.simulator.address()));
    request.header("webhook-id", "msg_1").body(body.to_owned()).send().await.unwrap()
}

async fn received(rig: &Rig, name: &str) -> Value {
    answer(rig.client.get(format!("{}/control/hooks/{name}", rig.simulator.address()))).await.1
}

#[tokio::test]
async fn a_message_is_kept_byte_for_byte_under_its_name() {
    let rig = Rig::start().await;
    let body = "{ \"a\" :1 }\n";
    assert_eq!(tell(&rig, "/hooks/one", body).await.status().as_u16(), 200);
    let kept = received(&rig, "one").await;
    assert_eq!((&kept[0]["body"], &kept[0]["status"]), (&json!(body), &json!(200)));
    assert_eq!(kept[0]["headers"]["webhook-id"], "msg_1");
    assert_eq!(received(&rig, "another").await, json!([]));
}

#[tokio::test]
async fn an_address_says_how_it_fails() {
    let rig = Rig::start().await;
    for expected in [503, 503, 200] {
        let answer = tell(&rig, "/hooks/shaky?fail=503&times=2&retry_after=7", "{}").await;
        assert_eq!(answer.status().as_u16(), expected);
        let waits = answer.headers().get("retry-after").map(|value| value.to_str().unwrap());
        assert_eq!(waits, (expected == 503).then_some("7"));
    }
    let moved = tell(&rig, "/hooks/moved?fail=302&location=/hooks/new", "{}").await;
    assert_eq!(
        (moved.status().as_u16(), &moved.headers()["location"]),
        (302, &"/hooks/new".parse().unwrap())
    );
    assert_eq!(received(&rig, "new").await, json!([]));
    assert_eq!(tell(&rig, "/hooks/one?colour=blue", "{}").await.status().as_u16(), 400);
}
