//! What is left of work that was cut off in the middle. In process each job is; on workerd the runtime is
//! killed, which this module does only when it runs alone.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    call::Call,
    control::Control,
    stack::Stack,
    wait::{unique, until},
    wire::{Server, Wire},
};
use de_core::ids::JobId;
use de_testkit::client::TestStream;
use http::Method;
use serde_json::{Value, json};

async fn order(stack: &Stack, path: &str, body: &Value) -> JobId {
    let client = stack.client();
    let request = client.request(Method::POST, path).header("prefer", "respond-async");
    let answer = request.json(body).send().await.unwrap();
    assert_eq!(answer.status, 202, "{}", answer.text());
    JobId::parse(answer.json()["job_id"].as_str().unwrap()).unwrap()
}

async fn shown(stack: &Stack, job: &JobId) -> Value {
    let answer = stack.client().get(&format!("/v1/jobs/{job}")).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

async fn until_it_is(stack: &Stack, job: &JobId, status: &str) -> Value {
    until(&format!("{job} to be {status}"), async || {
        let job = shown(stack, job).await;
        (job["status"] == status).then_some(job)
    })
    .await
}

/// One job waits for its vendor, another one's request is on its way: the first goes on, the second is never
/// sent again.
#[tokio::test]
async fn a_job_that_is_cut_off_ends_once_and_buys_nothing_twice() {
    let stack = Stack::ready().await;
    let (film, picture) = (unique("film"), unique("kite"));
    let clip = json!({
        "asset": {"type": "title", "text": format!("job-slow:5s {film}")}, "start": 0, "length": 2
    });
    let edit = json!({
        "timeline": {"tracks": [{"clips": [clip]}]},
        "output": {"format": "mp4", "resolution": "sd"},
    });
    let running = order(&stack, "/render/render", &edit).await;
    let prompt = format!("slow:20s {picture}");
    let call = json!({"model_id": "ideogram-v2", "prompt": prompt});
    let submitting = order(&stack, "/image/generate", &call).await;
    until_it_is(&stack, &running, "running").await;
    until_it_is(&stack, &submitting, "submitting").await;
    // On its way is on its way: the vendor has it.
    until("the vendor to have the order", async || {
        let posts = stack.vendors.received(&picture).await;
        (!posts.is_empty()).then_some(())
    })
    .await;

    let streams = Streams::open(&stack).await;

    if !stack.cut_off(&[running.clone(), submitting.clone()]).await {
        return;
    }
    // Connections of before are dead.
    let stack = if stack.is_real { Stack::ready().await } else { stack };
    if stack.is_real {
        streams.hold(&stack).await;
        streams.have_no_end().await;
    }

    let lost = until_it_is(&stack, &submitting, "failed").await;
    assert_eq!(lost["error"]["code"], "OUTCOME_UNKNOWN", "{lost}");
    assert_eq!(lost["error"]["details"]["retry"], true);
    let made = until_it_is(&stack, &running, "succeeded").await;
    assert_eq!(made["outputs"].as_array().unwrap().len(), 1, "{made}");
    assert_eq!(stack.vendors.received(&picture).await.len(), 1);
    let assets = stack.client().get("/v1/assets?limit=200").await.unwrap().json();
    let of_film = assets["data"].as_array().unwrap().iter();
    assert_eq!(of_film.filter(|asset| asset["job_id"] == running.as_str()).count(), 1);
}

/// Streams of a project with a budget, which nobody ends.
struct Streams {
    budget: String,
    held: u64,
    model: String,
    open: Vec<TestStream>,
    secret: String,
    spent: u64,
    used: u64,
}

/// What the budget pays for: some calls like these.
const AMOUNT: u64 = 1_500;

impl Streams {
    async fn open(stack: &Stack) -> Self {
        let control = Control::of(stack.admin());
        let tenant = control.tenant().await;
        let vendor = format!("/v1/provider-keys/{}/openai", tenant.instance);
        control.put(&vendor, &json!({"secret": stack.vendor_keys["openai"]})).await.is(201);
        let key = json!({"project_id": tenant.project, "scopes": ["text"]});
        let key = control.make("api-keys", key).await;
        let budget = format!("/v1/budgets/project/{}", tenant.project);
        let body = json!({"period": "total", "amount_micros": AMOUNT});
        control.put(&budget, &body).await.is(200);
        let mut streams = Self {
            budget,
            held: 0,
            model: stack.model(Server::OpenAi, json!({})).await,
            open: Vec::new(),
            secret: key["secret"].as_str().unwrap().to_owned(),
            spent: 0,
            used: 0,
        };
        streams.spent = streams.pass(stack).await.unwrap();
        let spent = streams.spent;
        let settled = async || (streams.usage(stack).await == (spent, 0)).then_some(());
        until("the first call to be settled", settled).await;
        for _ in 0..4 {
            let call = streams.call(stack, &format!("gap:30s {}", unique("cut"))).streamed();
            streams.open.push(call.open().await);
        }
        (streams.used, streams.held) = streams.usage(stack).await;
        assert_eq!(streams.used, spent + streams.held, "the receipts, and what is held");
        assert!(streams.held > 0 && streams.used <= AMOUNT);
        streams
    }

    /// Those who read them are told no end of their protocol's.
    async fn have_no_end(self) {
        for mut stream in self.open {
            let mut text = String::new();
            while let Some(bytes) = stream.next_chunk().await {
                text.push_str(&String::from_utf8_lossy(&bytes));
            }
            assert!(!text.contains("\"done\":true"), "{text}");
        }
    }

    /// Nobody knows what became of them: what they held is held on, and the budget is not passed.
    async fn hold(&self, stack: &Stack) {
        assert_eq!(self.usage(stack).await, (self.used, self.held));
        let mut passed = self.spent;
        for _ in 0..12 {
            passed += self.pass(stack).await.unwrap_or(0);
        }
        let settled = async || {
            let (used, held) = self.usage(stack).await;
            (held == self.held).then_some(used)
        };
        let used = until("the calls to be settled", settled).await;
        assert_eq!(used, passed + self.held);
        assert!(used <= AMOUNT);
    }

    /// What is used of the budget, and what of that is held for calls without a receipt.
    async fn usage(&self, stack: &Stack) -> (u64, u64) {
        let shown = Control::of(stack.admin()).get(&self.budget).await.is(200).json();
        let usage = &shown["budgets"][0]["usage"];
        let part = |name: &str| usage[name].as_u64().unwrap();
        (part("used_micros"), part("held_micros") + part("unsettled_micros"))
    }

    fn call<'a>(&self, stack: &'a Stack, prompt: &str) -> Call<'a> {
        let call = stack.call(Wire::Native, &self.model, prompt).key(&self.secret);
        call.option("max_tokens", 100)
    }

    /// What one more call cost; `None` if the budget has no room for it.
    async fn pass(&self, stack: &Stack) -> Option<u64> {
        let answer = self.call(stack, "Hello").send().await;
        if answer.status() != 200 {
            answer.fails(402, "BUDGET_EXCEEDED");
            return None;
        }
        let row = stack.books.row(&answer.request_id).await;
        Some(row["cost_micros"].as_u64().unwrap())
    }
}
