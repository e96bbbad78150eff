//! A simulator with a client beside it.

use std::time::Duration;

use de_simulator::record::Record;
use de_simulator::{Config, Simulator, Vendor};
use reqwest::{Client, Method, RequestBuilder, Response};
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
        self.request(Method::POST, vendor, path)
    }

    /// A GET with the vendor's default key; Pixabay's is added to the query.
    pub(crate) fn get(&self, vendor: Vendor, path: &str) -> RequestBuilder {
        self.request(Method::GET, vendor, path)
    }

    /// A POST of a form with a file, as a browser would send it.
    pub(crate) fn form(
        &self,
        vendor: Vendor,
        path: &str,
        fields: &[(&str, &str)],
        file: (&str, &[u8]),
    ) -> RequestBuilder {
        let mut body = Vec::new();
        for (name, text) in fields {
            let part = format!(
                "--simulated\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n"
            );
            body.extend(part.into_bytes());
        }
        let head = format!(
            "--simulated\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n",
            file.0,
        );
        body.extend(head.into_bytes());
        body.extend_from_slice(file.1);
        body.extend_from_slice(b"\r\n--simulated--\r\n");
        let content_type = "multipart/form-data; boundary=simulated";
        self.post(vendor, path).header("content-type", content_type).body(body)
    }

    fn request(&self, method: Method, vendor: Vendor, path: &str) -> RequestBuilder {
        let key = vendor.default_key();
        let mut url = format!("{}{path}", self.simulator.base_url(vendor));
        if vendor == Vendor::Pixabay {
            url.push_str(&format!("&key={key}"));
        }
        let request = self.client.request(method, url);
        match vendor {
            Vendor::Anthropic => {
                request.header("x-api-key", key).header("anthropic-version", "2023-06-01")
            }
            Vendor::ElevenLabs => request.header("xi-api-key", key),
            Vendor::Fal => request.header("authorization", format!("Key {key}")),
            Vendor::Google => request.header("x-goog-api-key", key),
            Vendor::Ideogram => request.header("api-key", key),
            Vendor::Pexels => request.header("authorization", key),
            Vendor::Shotstack => request.header("x-api-key", key),
            Vendor::Pixabay => request,
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
