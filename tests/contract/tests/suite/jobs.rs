//! Jobs of every modality: listed, shown, followed and stopped, by whom they belong to.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::time::Duration;

use de_contract::{
    control::Control,
    stack::Stack,
    wait::{unique, until},
};
use de_core::ports::Clock;
use de_testkit::{
    client::{TestClient, TestRequest, TestResponse, TestStream},
    platform::TestPlatform,
};
use http::Method;
use serde_json::{Value, json};

/// Orders a picture without waiting for it.
async fn order(client: &TestClient, prompt: &str) -> Value {
    let body = json!({"model_id": "ideogram-v2", "prompt": prompt});
    let request = client.request(Method::POST, "/image/generate").header("prefer", "respond-async");
    let answer = request.json(&body).send().await.unwrap();
    assert_eq!(answer.status, 202, "{}", answer.text());
    let place = answer.header("location");
    assert!(place.ends_with(&format!("/v1/jobs/{}", answer.json()["job_id"].as_str().unwrap())));
    answer.json()
}

async fn get(client: &TestClient, path: &str) -> Value {
    let answer = client.get(path).await.unwrap();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

async fn over(client: &TestClient, id: &Value) -> Value {
    let path = format!("/v1/jobs/{}", id.as_str().unwrap());
    until("a job to end", async || {
        let job = get(client, &path).await;
        (!job["finished_at"].is_null()).then_some(job)
    })
    .await
}

#[track_caller]
fn is_none(answer: &TestResponse) {
    assert_eq!((answer.status, &answer.json()["error_code"]), (404, &json!("NOT_FOUND")));
}

#[tokio::test]
async fn a_picture_without_its_caller_is_a_job() {
    let stack = Stack::ready().await;
    let client = stack.client();
    let ordered = order(&client, &unique("kite")).await;
    let job = over(&client, &ordered["job_id"]).await;
    assert_eq!((&job["status"], &job["modality"]), (&json!("succeeded"), &json!("image")), "{job}");
    assert_eq!((&job["progress"], &job["error"]), (&json!(100), &Value::Null));
    assert_eq!(
        (&job["model_id"], &job["operation"]),
        (&json!("ideogram-v2"), &json!("POST /generate"))
    );
    assert_eq!((&job["cost_micros"], &job["usage"]["images"]), (&json!(80_000), &json!(1)));
    let output = &job["outputs"][0];
    let link = output["url"].as_str().unwrap();
    let path = link.strip_prefix(&stack.front_base).unwrap_or(link);
    let bytes = stack.front.get(path).await.unwrap();
    assert_eq!(
        (bytes.status, &json!(bytes.header("content-type"))),
        (200, &output["content_type"])
    );
    // Its row says the same, but for links that are made anew.
    let list = get(&client, "/v1/jobs?status=succeeded&modality=image&limit=200").await;
    let listed =
        list["data"].as_array().unwrap().iter().find(|row| row["id"] == job["id"]).unwrap();
    let without_links = |job: &Value| {
        let mut job = job.clone();
        for output in job["outputs"].as_array_mut().unwrap() {
            output.as_object_mut().unwrap().retain(|name, _| !name.starts_with("url"));
        }
        job
    };
    assert_eq!(without_links(listed), without_links(&job));
    let none = get(&client, "/v1/jobs?status=failed&limit=200").await;
    assert!(none["data"].as_array().unwrap().iter().all(|row| row["id"] != job["id"]));
    let receipt = get(&client, &format!("/v1/assets?job_id={}", job["id"].as_str().unwrap())).await;
    assert_eq!(receipt["data"][0]["id"], output["asset_id"]);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let _tenant = control.tenant().await;
    let client = stack.client();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let ordered = order(&client, &unique("page")).await;
        over(&client, &ordered["job_id"]).await;
        ids.insert(0, ordered["job_id"].clone());
    }
    let mut found = Vec::new();
    let mut path = "/v1/jobs?limit=1&modality=image".to_owned();
    while found.len() < 200 {
        let page = get(&client, &path).await;
        found.extend(page["data"].as_array().unwrap().iter().map(|row| row["id"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/jobs?limit=1&modality=image&cursor={cursor}");
    }
    // Others may order in between.
    found.retain(|id| ids.contains(id));
    assert_eq!(found, ids);
    for query in
        ["status=done", "modality=text", "limit=0", "cursor=%25", "colour=blue", "project_id=x"]
    {
        let answer = client.get(&format!("/v1/jobs?{query}")).await.unwrap();
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_job_is_followed_to_its_end() {
    let stack = Stack::ready().await;
    let client = stack.client();
    let ordered = order(&client, &format!("slow:1s {}", unique("follow"))).await;
    let path = format!("/v1/jobs/{}/events", ordered["job_id"].as_str().unwrap());
    let mut stream = client.request(Method::GET, &path).stream().await.unwrap();
    assert_eq!(stream.header("content-type"), "text/event-stream; charset=utf-8");
    let mut revisions = Vec::new();
    let mut last = Value::Null;
    while let Some(event) = stream.next_event().await {
        assert_eq!(event.name, "job");
        last = serde_json::from_str(&event.data).unwrap();
        revisions.push(last["revision"].as_u64().unwrap());
    }
    assert!(revisions.len() > 1 && revisions.is_sorted_by(|a, b| a < b), "{revisions:?}");
    assert_eq!(last["status"], "succeeded");
    assert!(last["outputs"][0]["url"].is_string());
    // Who has seen the end is told to stay away; who has not gets it.
    let end = last["revision"].to_string();
    let seen =
        client.request(Method::GET, &path).header("last-event-id", &end).send().await.unwrap();
    assert_eq!((seen.status, seen.body.len()), (204, 0));
    let late =
        client.request(Method::GET, &path).header("last-event-id", "1").send().await.unwrap();
    assert_eq!(late.events().len(), 1);
}

#[tokio::test]
async fn whom_it_does_not_belong_to_sees_no_job() {
    let stack = Stack::ready().await;
    let ordered = order(&stack.client(), &unique("mine")).await;
    let id = ordered["job_id"].as_str().unwrap();
    let control = Control::of(stack.admin());
    // A second project of the same instance, and a tenant of its own.
    let sibling = control
        .make("projects", json!({"instance_id": "inst_dev", "name": unique("sibling")}))
        .await;
    let tenant = control.tenant().await;
    let projects = [sibling["id"].as_str().unwrap(), tenant.project.as_str()];
    for project in projects {
        let body =
            json!({"project_id": project, "name": "contract", "scopes": ["image", "render"]});
        let key = control.make("api-keys", body).await;
        let other = stack.front.clone().with_key(key["secret"].as_str().unwrap()).unwrap();
        for (method, path) in [
            (Method::GET, format!("/v1/jobs/{id}")),
            (Method::GET, format!("/v1/jobs/{id}/events")),
            (Method::DELETE, format!("/v1/jobs/{id}")),
            (Method::GET, format!("/render/render/{id}")),
            (Method::DELETE, format!("/render/render/{id}")),
        ] {
            is_none(&other.request(method, &path).send().await.unwrap());
        }
        let list = get(&other, "/v1/jobs?limit=200").await;
        assert!(!list.to_string().contains(id));
        let foreign = other.get("/v1/jobs?project_id=proj_dev").await.unwrap();
        assert_eq!(foreign.status, 403);
    }
    // A person of the instance sees the jobs of its projects.
    let person = stack.admin().with_header("x-instance-id", "inst_dev").unwrap();
    assert_eq!(get(&person, &format!("/v1/jobs/{id}")).await["id"], id);
    // It is no film.
    is_none(&stack.client().get(&format!("/render/render/{id}")).await.unwrap());
    is_none(&stack.client().get("/v1/jobs/job_nobodys").await.unwrap());
    is_none(&stack.client().get("/v1/jobs/%00").await.unwrap());
}

#[tokio::test]
async fn only_who_could_order_it_stops_it() {
    let stack = Stack::ready().await;
    let ordered = order(&stack.client(), &format!("slow:9s {}", unique("stop"))).await;
    let path = format!("/v1/jobs/{}", ordered["job_id"].as_str().unwrap());
    let control = Control::of(stack.admin());
    let body = json!({"project_id": "proj_dev", "name": "contract", "scopes": ["render"]});
    let key = control.make("api-keys", body).await;
    let other = stack.front.clone().with_key(key["secret"].as_str().unwrap()).unwrap();
    let refused = other.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!((refused.status, &refused.json()["details"]["scope"]), (403, &json!("image")));
    assert_eq!(get(&other, &path).await["status"].as_str().map(|_| ()), Some(()));
    // Its vendor answers with the picture: an order that is on its way there goes on to its end.
    let asked = stack.client().request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(asked.status, 202, "{}", asked.text());
    let job = over(&stack.client(), &ordered["job_id"]).await;
    assert!(["cancelled", "succeeded"].contains(&job["status"].as_str().unwrap()), "{job}");
    let late = stack.client().request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!((late.status, &late.json()["details"]["status"]), (409, &job["status"]));
}

/// A line of a job that goes nowhere, once it has told how it is.
async fn line(request: TestRequest) -> TestStream {
    let mut stream = request.header("x-instance-id", "inst_dev").stream().await.unwrap();
    assert_eq!(stream.status, 200);
    let told = stream.next_chunk().await.unwrap();
    assert!(told.starts_with(b"id: "), "{told:?}");
    stream
}

/// In process only: it turns the clock, which runs with tokio's. That one stands still unless all wait for it.
#[tokio::test(start_paused = true)]
async fn a_line_ends_once_its_reader_may_no_longer_read() {
    let test = TestPlatform::new().await.unwrap();
    let front = TestClient::of_router(de_config::router(test.another_isolate()));
    let render = TestClient::of_router(de_render::router(test.another_isolate()));
    let image = TestClient::of_router(de_image::router(test.another_isolate()));
    let control = Control::of(front.clone().with_key(test.tenant.admin_key.expose()).unwrap());
    test.jobs.set_holding(true);
    let body = json!({"model_id": "ideogram-v2", "prompt": "a kite"});
    let ordered = image.with_key(test.tenant.client_key.expose()).unwrap();
    let ordered = ordered.request(Method::POST, "/generate").header("prefer", "respond-async");
    let ordered = ordered.json(&body).send().await.unwrap();
    assert_eq!(ordered.status, 202, "{}", ordered.text());
    let path = format!("/v1/jobs/{}/events", ordered.json()["job_id"].as_str().unwrap());
    let ask = || render.request(Method::GET, &path);
    let minutes = |count: u64| test.clock.advance(Duration::from_secs(60 * count));
    let away = control.tenant().await;

    // By a key of the project, one of somebody of its organization, one of who operates the service from
    // elsewhere, who has no grant there, and a log-in with each of those: the time of the key ends it.
    let operator = control.person(&away.organization, "superadmin").await;
    let member = control.person("org_dev", "admin").await;
    let holders = [
        json!({"project_id": "proj_dev", "scopes": ["image"]}),
        json!({"user_id": member.id, "scopes": ["read"]}),
        json!({"user_id": operator.id, "scopes": ["read"]}),
    ];
    for mut holder in holders {
        for by_session in [false, true] {
            if by_session && holder["user_id"].is_null() {
                continue;
            }
            holder["expires_at"] = test.clock.now().plus(5 * 60_000).rfc3339().into();
            let made = control.make("api-keys", holder.clone()).await;
            let secret = made["secret"].as_str().unwrap();
            let request = if by_session {
                let session = front.post("/v1/sessions", &json!({"key": secret})).await.unwrap();
                assert_eq!(session.status, 201, "{}", session.text());
                let cookie = session.header("set-cookie").split(';').next().unwrap().to_owned();
                ask().header("cookie", &cookie)
            } else {
                ask().header("authorization", &format!("Bearer {secret}"))
            };
            let mut stream = line(request).await;
            minutes(4);
            assert_eq!(stream.next_chunk().await.unwrap(), ": waiting\n\n", "{holder}");
            minutes(1);
            assert_eq!(stream.next_chunk().await, None, "{holder} by session: {by_session}");
        }
    }

    // And so does whoever ends it: the Limiter of this instance has not heard of someone from elsewhere.
    for person in [&member, &operator] {
        let mut stream =
            line(ask().header("authorization", &format!("Bearer {}", person.key))).await;
        minutes(1);
        assert_eq!(stream.next_chunk().await.unwrap(), ": waiting\n\n");
        let keys = control.all(&format!("/v1/api-keys?user_id={}&status=active", person.id)).await;
        let [key] = keys.as_slice() else { panic!("{keys:?}") };
        control.delete(&format!("/v1/api-keys/{}", key["id"].as_str().unwrap())).await.is(204);
        minutes(1);
        assert_eq!(stream.next_chunk().await, None, "{}", person.id);
    }
}
