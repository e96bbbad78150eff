//! Webhooks, seen by who makes them and by who receives their messages.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    control::{Control, Tenant},
    hooks::{Receiver, is_signed},
    life::fields,
    stack::Stack,
    wait::unique,
};
use de_core::{
    ids::{InstanceId, OrganizationId},
    webhooks::{Event, EventType, publish},
};
use http::Method;
use serde_json::{Value, json};

/// Someone who operates, with a tenant.
struct Scene {
    control: Control,
    stack: Stack,
    tenant: Tenant,
}

impl Scene {
    async fn ready() -> Self {
        let stack = Stack::ready().await;
        let control = Control::of(stack.admin());
        let tenant = control.tenant().await;
        Self { control, stack, tenant }
    }

    /// Makes a webhook of the tenant's instance.
    async fn make(&self, url: &str) -> Hook {
        let body = json!({"instance_id": self.tenant.instance, "url": url,
            "events": ["job.succeeded", "job.failed"]});
        let made = self.control.make("webhooks", body).await;
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        Hook { path: format!("/v1/webhooks/{}", text("id")), secret: text("secret") }
    }

    async fn test(&self, hook: &Hook) -> Value {
        let path = format!("{}/test", hook.path);
        self.control.post(&path, &json!({})).await.is(200).json()
    }

    async fn redeliver(&self, hook: &Hook, delivery: &Value) -> Value {
        let path = redelivery(hook, delivery);
        self.control.post(&path, &json!({})).await.is(200).json()
    }

    async fn deliveries(&self, hook: &Hook, query: &str) -> Vec<Value> {
        let path = format!("{}/deliveries{query}", hook.path);
        let page = self.control.get(&path).await.is(200).json();
        page["data"].as_array().unwrap().clone()
    }

    /// Lets a job of the tenant end. In process only: false where nobody can.
    async fn job_ends(&self, subject: &str) -> bool {
        let Some(platform) = self.stack.platform() else { return false };
        let event = Event {
            at: platform.clock.now(),
            data: &json!({"job": {"id": subject, "status": "succeeded"}}),
            event_type: EventType::JobSucceeded,
            instance: &InstanceId::parse(&self.tenant.instance).unwrap(),
            organization: &OrganizationId::parse(&self.tenant.organization).unwrap(),
            subject,
        };
        platform.database.batch(publish(&event)).await.unwrap();
        true
    }
}

struct Hook {
    path: String,
    secret: String,
}

fn redelivery(hook: &Hook, delivery: &Value) -> String {
    format!("{}/deliveries/{}/redeliver", hook.path, delivery["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_test_arrives_signed_and_is_on_record() {
    let scene = Scene::ready().await;
    let receiver = Receiver::of(&scene.stack);
    let hook = scene.make(&receiver.url("")).await;
    let told = scene.test(&hook).await;
    assert_eq!(
        (&told["state"], &told["event_type"]),
        (&json!("delivered"), &json!("webhook.test"))
    );
    assert_eq!((&told["attempt_count"], &told["last_status"]), (&json!(1), &json!(200)));
    let message = receiver.only().await;
    assert!(is_signed(&message, &hook.secret), "{message}");
    assert!(!is_signed(&message, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    assert_eq!(message["headers"]["webhook-id"], told["id"]);
    assert_eq!(message["headers"]["content-type"], "application/json");
    let body: Value = serde_json::from_str(message["body"].as_str().unwrap()).unwrap();
    assert_eq!(body, told["payload"]);
    let names: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(names, ["type", "timestamp", "data"]);
    assert_eq!(scene.deliveries(&hook, "").await, [told]);
    let target = hook.path.rsplit('/').next().unwrap();
    let events = scene.control.get(&format!("/v1/audit-events?target_id={target}")).await;
    let events = events.is(200).json();
    let actions: Vec<&Value> =
        events["data"].as_array().unwrap().iter().map(|event| &event["action"]).collect();
    assert_eq!(actions, ["webhook.test", "webhook.create"]);
    assert!(!events.to_string().contains("whsec_"));
    scene.stack.left_nothing(&[hook.secret]).await;
}

#[tokio::test]
async fn a_failed_test_is_given_up_and_told_again_under_its_id() {
    let scene = Scene::ready().await;
    let receiver = Receiver::of(&scene.stack);
    let hook = scene.make(&receiver.url("?fail=500&times=2")).await;
    let told = scene.test(&hook).await;
    assert_eq!((&told["state"], &told["last_error"]), (&json!("failed"), &json!("answered 500")));
    assert_eq!(told["next_attempt_at"], json!(null), "whoever tests looks at once");
    let again = scene.redeliver(&hook, &told).await;
    assert_eq!((&again["state"], &again["id"]), (&json!("failed"), &told["id"]));
    let again = scene.redeliver(&hook, &told).await;
    assert_eq!((&again["state"], &again["attempt_count"]), (&json!("delivered"), &json!(3)));
    let statuses: Vec<&Value> =
        again["attempts"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, [&json!(500), &json!(500), &json!(200)]);
    let got = receiver.got().await;
    assert!(got.iter().all(|message| is_signed(message, &hook.secret)));
    assert!(got.iter().all(|message| message["body"] == got[0]["body"]));
    // What was delivered may be told once more, and changes its state only by the next answer.
    assert_eq!(scene.redeliver(&hook, &told).await["state"], "delivered");
    assert_eq!(receiver.got().await.len(), 4);
    assert_eq!(scene.deliveries(&hook, "?state=failed").await, Vec::<Value>::new());
    assert_eq!(scene.deliveries(&hook, "?state=delivered").await.len(), 1);
}

#[tokio::test]
async fn the_end_of_a_job_is_told_by_the_minute_until_it_is_heard() {
    let scene = Scene::ready().await;
    let receiver = Receiver::of(&scene.stack);
    let hook = scene.make(&receiver.url("?fail=503&times=1")).await;
    let elsewhere = Receiver::of(&scene.stack);
    let body = json!({"organization_id": scene.tenant.organization, "url": elsewhere.url(""),
        "events": ["job.cancelled"]});
    scene.control.make("webhooks", body).await;
    let job = unique("job_x").replace("x-", "");
    if !scene.job_ends(&job).await {
        return;
    }
    scene.stack.minute().await;
    let waiting = scene.deliveries(&hook, "?state=pending").await;
    assert_eq!((&waiting[0]["last_status"], waiting.len()), (&json!(503), 1));
    assert!(waiting[0]["next_attempt_at"].is_string());
    // The second try is due a minute after the first, and a little.
    scene.stack.minute().await;
    scene.stack.minute().await;
    let told = scene.deliveries(&hook, "").await;
    assert_eq!((&told[0]["state"], &told[0]["attempt_count"]), (&json!("delivered"), &json!(2)));
    let got = receiver.got().await;
    assert_eq!(got.len(), 2);
    assert!(got.iter().all(|message| is_signed(message, &hook.secret)));
    let body: Value = serde_json::from_str(got[1]["body"].as_str().unwrap()).unwrap();
    assert_eq!((&body["type"], &body["data"]["job"]["id"]), (&json!("job.succeeded"), &json!(job)));
    assert!(elsewhere.got().await.is_empty(), "it subscribes to something else");
}

#[tokio::test]
async fn a_receiver_that_is_gone_ends_its_webhook() {
    let scene = Scene::ready().await;
    let receiver = Receiver::of(&scene.stack);
    let hook = scene.make(&receiver.url("?fail=410&times=1")).await;
    let told = scene.test(&hook).await;
    assert_eq!((&told["state"], &told["last_status"]), (&json!("failed"), &json!(410)));
    let row = scene.control.get(&hook.path).await.is(200).json();
    assert_eq!(row["status"], "disabled");
    let test = format!("{}/test", hook.path);
    scene.control.post(&test, &json!({})).await.fails(409, "CONFLICT");
    let again = redelivery(&hook, &told);
    scene.control.post(&again, &json!({})).await.fails(409, "CONFLICT");
    assert_eq!(receiver.got().await.len(), 1);
    let row = scene.control.patch(&hook.path, &json!({"status": "active"})).await.is(200).json();
    assert_eq!(row["status"], "active");
    assert_eq!(scene.redeliver(&hook, &told).await["state"], "delivered");
}

#[tokio::test]
async fn nobody_is_sent_elsewhere() {
    let scene = Scene::ready().await;
    let (receiver, elsewhere) = (Receiver::of(&scene.stack), Receiver::of(&scene.stack));
    let location = elsewhere.url("").replace(':', "%3A").replace('/', "%2F");
    let hook = scene.make(&receiver.url(&format!("?fail=307&location={location}"))).await;
    let told = scene.test(&hook).await;
    assert_eq!(told["last_error"], "answered 307: redirects are not followed");
    assert!(elsewhere.got().await.is_empty());
}

#[tokio::test]
async fn s22_an_address_is_checked_when_it_is_saved() {
    let scene = Scene::ready().await;
    let hook = scene.make("https://shop.example.com").await;
    let shown = scene.control.get(&hook.path).await.is(200).json();
    assert_eq!(shown["url"], "https://shop.example.com/");
    for bad in [
        "http://shop.example.com/",
        "https://shop.example.com:8443/",
        "https://user:word@shop.example.com/",
        "https://localhost/",
        "https://10.0.0.1/",
        "https://2130706433/",
        "https://[::1]/",
        "http://127.0.0.1:1/",
        "https://metadata.internal/",
        "ftp://shop.example.com/",
        "shop.example.com",
        "",
    ] {
        let body =
            json!({"instance_id": scene.tenant.instance, "url": bad, "events": ["job.failed"]});
        let refused =
            scene.control.post("/v1/webhooks", &body).await.fails(400, "VALIDATION_ERROR");
        assert_eq!(fields(&refused), ["/url"], "{bad}");
        let changed = scene.control.patch(&hook.path, &json!({"url": bad})).await;
        assert_eq!(fields(&changed.fails(400, "VALIDATION_ERROR")), ["/url"], "{bad}");
    }
    // Nor is it called where it leads back to us.
    let own = json!({"instance_id": scene.tenant.instance, "events": ["job.failed"],
        "url": format!("{}/v1/webhooks", scene.stack.front_base)});
    scene.control.post("/v1/webhooks", &own).await.fails(400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn all_that_is_wrong_with_a_webhook_is_told_at_once() {
    let scene = Scene::ready().await;
    let post = async |body: Value| scene.control.post("/v1/webhooks", &body).await;
    let refused = post(json!({"url": null, "events": ["job.failed", "webhook.test"], "typo": 1}));
    let mut told = fields(&refused.await.fails(400, "VALIDATION_ERROR"));
    told.sort_unstable();
    assert_eq!(told, ["/events/1", "/organization_id", "/typo", "/url"]);
    let url = "https://shop.example.com/";
    let empty = post(json!({"instance_id": scene.tenant.instance, "url": url, "events": []}));
    assert_eq!(fields(&empty.await.fails(400, "VALIDATION_ERROR")), ["/events"]);
    let twice = json!({"instance_id": scene.tenant.instance, "organization_id": "org_dev",
        "url": url, "events": ["job.failed"]});
    assert_eq!(fields(&post(twice).await.fails(400, "VALIDATION_ERROR")), ["/organization_id"]);
    let hook = scene.make(url).await;
    let moved = json!({"instance_id": "inst_dev"});
    let refused = scene.control.patch(&hook.path, &moved).await.fails(400, "VALIDATION_ERROR");
    assert_eq!(fields(&refused), ["/instance_id"]);
}

#[tokio::test]
async fn a_webhook_is_changed_by_who_read_it_and_its_secret_is_never_shown_again() {
    let scene = Scene::ready().await;
    let key = unique("hook");
    let body = json!({"organization_id": scene.tenant.organization, "url": "https://a.example.com/",
        "events": ["job.succeeded", "job.cancelled"], "description": "All"});
    let make = || {
        let request = scene.control.client.request(Method::POST, "/v1/webhooks");
        request.header("idempotency-key", &key).json(&body).send()
    };
    let (first, second) = (make().await.unwrap(), make().await.unwrap());
    assert_eq!((first.status, second.header("idempotency-replayed")), (201, "true"));
    assert_eq!(first.json(), second.json());
    let made = first.json();
    assert_eq!(made["events"], json!(["job.cancelled", "job.succeeded"]));
    assert_eq!(made["instance_id"], json!(null));
    let path = first.header("location").to_owned();
    let read = scene.control.get(&path).await.is(200);
    assert!(read.json().get("secret").is_none() && !read.text().contains("whsec_"));
    let patch = async |tag: &str| {
        let request = scene.control.client.request(Method::PATCH, &path).header("if-match", tag);
        request.json(&json!({"description": null, "events": ["job.failed"]})).send().await.unwrap()
    };
    let changed = patch(read.header("etag")).await;
    assert_eq!((changed.status, &changed.json()["description"]), (200, &json!(null)));
    assert_eq!(changed.json()["events"], json!(["job.failed"]));
    assert_eq!(patch(read.header("etag")).await.status, 412);
    for (query, count) in [
        (format!("organization_id={}", scene.tenant.organization), 1),
        (format!("organization_id={}&status=disabled", scene.tenant.organization), 0),
        (format!("instance_id={}", scene.tenant.instance), 0),
    ] {
        let page = scene.control.get(&format!("/v1/webhooks?{query}")).await.is(200).json();
        assert_eq!(page["data"].as_array().unwrap().len(), count, "{query}");
        assert!(!page.to_string().contains("whsec_"));
    }
    scene.control.delete(&path).await.is(204);
    scene.control.get(&path).await.fails(404, "NOT_FOUND");
    scene.stack.left_nothing(&[made["secret"].as_str().unwrap().to_owned()]).await;
}

#[tokio::test]
async fn a_rotated_secret_signs_beside_the_new_one_unless_that_is_not_wanted() {
    let scene = Scene::ready().await;
    let receiver = Receiver::of(&scene.stack);
    let hook = scene.make(&receiver.url("")).await;
    let rotate = async |body: Value| {
        let path = format!("{}/rotate", hook.path);
        scene.control.post(&path, &body).await.is(201).json()
    };
    let second = rotate(json!({})).await;
    assert!(second["previous_secret_until"].is_string());
    scene.test(&hook).await;
    let third = rotate(json!({"overlap_s": 0})).await;
    assert_eq!(third["previous_secret_until"], json!(null));
    scene.test(&hook).await;
    let [second, third] = [&second, &third].map(|one| one["secret"].as_str().unwrap());
    let got = receiver.got().await;
    let signed: Vec<[bool; 3]> = got
        .iter()
        .map(|message| [&*hook.secret, second, third].map(|secret| is_signed(message, secret)))
        .collect();
    assert_eq!(signed, [[true, true, false], [false, false, true]]);
    let path = format!("{}/rotate", hook.path);
    scene.control.post(&path, &json!({"overlap_s": 604_801})).await.fails(400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn deliveries_come_in_pages_the_newest_first() {
    let scene = Scene::ready().await;
    let receiver = Receiver::of(&scene.stack);
    let hook = scene.make(&receiver.url("")).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.insert(0, scene.test(&hook).await["id"].clone());
    }
    let (mut seen, mut next) = (Vec::new(), format!("{}/deliveries?limit=2", hook.path));
    loop {
        let page = scene.control.get(&next).await.is(200).json();
        seen.extend(page["data"].as_array().unwrap().iter().map(|row| row["id"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        next = format!("{}/deliveries?limit=2&cursor={cursor}", hook.path);
    }
    seen.sort_by_key(ToString::to_string);
    made.sort_by_key(ToString::to_string);
    assert_eq!(seen, made);
    let refused = scene.control.get(&format!("{}/deliveries?state=odd", hook.path)).await;
    assert_eq!(fields(&refused.fails(400, "VALIDATION_ERROR")), ["?state"]);
    let foreign = scene.make("https://a.example.com/").await;
    let path = redelivery(&foreign, &json!({"id": made[0]}));
    scene.control.post(&path, &json!({})).await.fails(404, "NOT_FOUND");
}

#[tokio::test]
async fn an_organization_has_only_so_many_and_what_has_one_is_not_empty() {
    let scene = Scene::ready().await;
    for n in 0..50 {
        scene.make(&format!("https://a{n}.example.com/")).await;
    }
    let body = json!({"organization_id": scene.tenant.organization, "url": "https://a.example.com/",
        "events": ["job.failed"]});
    scene.control.post("/v1/webhooks", &body).await.fails(409, "CONFLICT");
    let Tenant { instance, organization, project } = &scene.tenant;
    scene.control.delete(&format!("/v1/projects/{project}")).await.is(204);
    let path = format!("/v1/instances/{instance}");
    let refused = scene.control.delete(&path).await.fails(409, "CONFLICT");
    assert_eq!(refused["details"]["below"]["webhooks"], 50);
    scene.control.delete(&format!("{path}?cascade=true")).await.is(204);
    let page = scene.control.get(&format!("/v1/webhooks?organization_id={organization}")).await;
    assert_eq!(page.is(200).json()["data"], json!([]));
}
