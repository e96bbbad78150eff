//! A simulator with a client beside it.

use std::time::Duration;

use de_simulator::record::Record;
use de_simulator::{Config, Simulator, Vendor};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

/// No test waits longer for anything.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) struct Rig {
    pub(crate) client: Client,
    pub(crate) simulator: Simulator,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let client = Client::builder().no_proxy().timeout(DEADLINE).build().unwrap();
        Self { client, simulator: Simulator::start(config).await.unwrap() }
    }

    /// A POST with the vendor's default key and whatever else each of its calls needs.
    pub(crate) fn post(&self, vendor: Vendor, path: &str) -> RequestBuilder {
        let request = self.client.post(format!("{}{path}", self.simulator.base_url(vendor)));
        let key = vendor.default_key();
        match vendor {
            Vendor::Anthropic => {
                request.header("x-api-key", key).header("anthropic-version", "2023-06-01")
            }
            Vendor::ElevenLabs => request.header("xi-api-key", key),
            Vendor::Fal => request.header("authorization", format!("Key {key}")),
            Vendor::Google => request.header("x-goog-api-key", key),
            Vendor::Ideogram => request.header("api-key", key),
            _ => request.bearer_auth(key),
        }
    }

    pub(crate) fn chat(&self, body: &Value) -> RequestBuilder {
        self.post(Vendor::OpenAi, "/chat/completions").json(body)
    }

    pub(crate) fn messages(&self, body: &Value) -> RequestBuilder {
        self.post(Vendor::Anthropic, "/v1/messages").json(body)
    }

    /// Waits until a record fits.
    pub(crate) async fn recorded(&self, fits: impl Fn(&Record) -> bool) -> Record {
        let record = tokio::time::timeout(DEADLINE, self.simulator.wait_for(fits)).await;
        record.unwrap_or_else(|_| panic!("no such record: {:#?}", self.simulator.requests()))
    }
}

/// Status and body.
pub(crate) async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// A header as text.
pub(crate) fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// The data of each event, with the event's name if it has one.
pub(crate) fn events(text: &str) -> Vec<(String, String)> {
    let blocks = text.split("\n\n").filter(|block| !block.is_empty());
    let field = |block: &str, name: &str| {
        block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("").to_owned()
    };
    blocks.map(|block| (field(block, "event: "), field(block, "data: "))).collect()
}

/// The events of a reply that ends well; the ones that are no JSON are left out.
pub(crate) async fn stream(request: RequestBuilder) -> Vec<Value> {
    let response = request.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(header(&response, "content-type"), "text/event-stream; charset=utf-8");
    let text = response.text().await.unwrap();
    let events = events(&text).into_iter();
    events.filter_map(|(_, data)| serde_json::from_str(&data).ok()).collect()
}

/// A chat request with one turn of the user.
pub(crate) fn chat(prompt: &str) -> Value {
    json!({ "model": "gpt-4o-mini", "messages": [{ "role": "user", "content": prompt }] })
}

/// A message request with one turn of the user.
pub(crate) fn message(prompt: &str) -> Value {
    json!({
        "model": "claude-haiku-5-5",
        "max_tokens": 1000,
        "messages": [{ "role": "user", "content": prompt }],
    })
}

/// A body with members added or replaced.
pub(crate) fn with(mut body: Value, members: Value) -> Value {
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}
