//! A call for text, the same in each protocol.

use std::time::Duration;

use de_testkit::client::{TestClient, TestRequest, TestStream};
use http::Method;
use serde_json::{Map, Value, json};

use crate::{
    answer::Answer,
    leave::{Leave, Wired},
    stack::Stack,
    wait::unique,
    wire::Wire,
};

/// A call to be sent. It has a request id of its own, by which its row is found.
#[derive(Clone)]
pub struct Call<'a> {
    body: Option<String>,
    client: TestClient,
    front: bool,
    headers: Vec<(String, String)>,
    members: Map<String, Value>,
    model: Option<String>,
    options: Map<String, Value>,
    path: Option<&'static str>,
    /// The `X-Request-ID` that it is sent with.
    pub request_id: String,
    stack: &'a Stack,
    stop: Option<String>,
    streamed: bool,
    system: Option<String>,
    turns: Vec<(&'static str, String)>,
    wire: Wire,
}

impl<'a> Call<'a> {
    pub(crate) fn new(stack: &'a Stack, wire: Wire, model: &str, prompt: &str) -> Self {
        let call = Self {
            body: None,
            client: stack.text.clone(),
            front: false,
            headers: Vec::new(),
            members: Map::new(),
            model: Some(model.to_owned()),
            options: Map::new(),
            path: None,
            request_id: unique("contract"),
            stack,
            stop: None,
            streamed: false,
            system: None,
            turns: vec![("user", prompt.to_owned())],
            wire,
        };
        call.key(&stack.keys.client)
    }

    /// Lets an answer be what the description of the API does not say: where a vendor's own bytes pass, and it lies.
    #[must_use]
    pub fn unwitnessed(mut self) -> Self {
        self.client = self.client.unwitnessed();
        self
    }

    /// Goes through the front door.
    #[must_use]
    pub fn by_front_door(mut self) -> Self {
        self.client = self.stack.front.clone();
        self.front = true;
        self
    }

    /// Goes to another path than its protocol's.
    #[must_use]
    pub fn at(mut self, path: &'static str) -> Self {
        self.path = Some(path);
        self
    }

    /// Presents another key, as the protocol's SDKs do.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        let call = self.without("authorization").without("x-api-key");
        match call.wire {
            Wire::Anthropic => {
                call.header("x-api-key", key).header("anthropic-version", "2023-06-01")
            }
            Wire::Native | Wire::OpenAi => call.header("authorization", &format!("Bearer {key}")),
        }
    }

    /// Presents no key.
    #[must_use]
    pub fn without_key(self) -> Self {
        self.without("authorization").without("x-api-key")
    }

    /// Sets a header.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        let mut call = self.without(name);
        call.headers.push((name.to_owned(), value.to_owned()));
        call
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// Takes another request id.
    #[must_use]
    pub fn request_id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.request_id);
        self
    }

    /// Names no model.
    #[must_use]
    pub fn without_model(mut self) -> Self {
        self.model = None;
        self
    }

    /// Asks for a stream.
    #[must_use]
    pub fn streamed(mut self) -> Self {
        self.streamed = true;
        self
    }

    /// Gives a system prompt.
    #[must_use]
    pub fn system(mut self, text: &str) -> Self {
        self.system = Some(text.to_owned());
        self
    }

    /// Puts an earlier question and its answer before the prompt.
    #[must_use]
    pub fn earlier(mut self, question: &str, answer: &str) -> Self {
        let before = self.turns.len().saturating_sub(1);
        self.turns.insert(before, ("user", question.to_owned()));
        self.turns.insert(before + 1, ("assistant", answer.to_owned()));
        self
    }

    /// Ends the answer before this text.
    #[must_use]
    pub fn stop(mut self, text: &str) -> Self {
        self.stop = Some(text.to_owned());
        self
    }

    /// Sets an option that all three protocols call the same: `max_tokens`, `temperature`, `top_p`.
    #[must_use]
    pub fn option(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.options.insert(name.to_owned(), value.into());
        self
    }

    /// Sets a member of the body, whatever the protocol calls it.
    #[must_use]
    pub fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Sends these bytes instead of a body made from all of this.
    #[must_use]
    pub fn body(mut self, text: impl Into<String>) -> Self {
        self.body = Some(text.into());
        self
    }

    /// Sends it and reads the answer to its end.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn send(&self) -> Answer {
        let response = self.request().send().await.expect("there is an answer");
        Answer { request_id: self.request_id.clone(), response, wire: self.wire }
    }

    /// Sends it, and returns with the head of the answer.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn open(&self) -> TestStream {
        self.request().stream().await.expect("there is an answer")
    }

    /// Sends it, and goes away a moment after the answer has begun. Says how long after sending.
    ///
    /// # Panics
    /// If no answer begins.
    pub async fn leave_midway(&self, how: Leave) -> Duration {
        self.wired().leave(how, later(Duration::from_millis(100)), true).await
    }

    /// Sends it, and goes away after a second, whether an answer has begun or not. Says how long after
    /// sending.
    ///
    /// # Panics
    /// If it cannot be sent.
    pub async fn leave_early(&self, how: Leave) -> Duration {
        self.wired().leave(how, later(Duration::from_secs(1)), false).await
    }

    /// Sends it, and goes away when something has come to pass, whether an answer has begun or not.
    ///
    /// # Panics
    /// If it cannot be sent.
    pub async fn leave_once<T>(&self, how: Leave, passed: impl Future<Output = T>) {
        let moment = async { drop(passed.await) };
        self.wired().leave(how, moment, false).await;
    }

    /// For a client that is not as well-mannered as those of libraries.
    fn wired(&self) -> Wired {
        let base = if self.front { &self.stack.front_base } else { &self.stack.text_base };
        let address = base.trim_start_matches("http://").to_owned();
        let body = self.body_text();
        let mut text = format!(
            "POST {} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\nx-request-id: {}\r\n",
            self.path(),
            self.request_id
        );
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        Wired { address, bytes: text.into_bytes() }
    }

    fn path(&self) -> &'static str {
        match self.path {
            Some(path) => path,
            None if self.front => self.wire.front_path(self.streamed),
            None => self.wire.path(self.streamed),
        }
    }

    fn body_text(&self) -> String {
        self.body.clone().unwrap_or_else(|| self.written().to_string())
    }

    fn request(&self) -> TestRequest {
        let mut request = self
            .client
            .request(Method::POST, self.path())
            .header("content-type", "application/json")
            .header("x-request-id", &self.request_id)
            .body(self.body_text());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request
    }

    /// The body as its protocol has it.
    fn written(&self) -> Value {
        let mut body = Map::new();
        let model = self.model.as_deref();
        let name = if self.wire == Wire::Native { "model_id" } else { "model" };
        body.extend(model.map(|model| (name.to_owned(), model.into())));
        let turns = self.turns.iter();
        let mut messages: Vec<Value> =
            turns.map(|(role, content)| json!({"role": role, "content": content})).collect();
        let system = self.system.as_deref();
        match self.wire {
            Wire::Anthropic => {
                body.insert("max_tokens".to_owned(), 200.into());
                body.extend(system.map(|text| ("system".to_owned(), text.into())));
                let stop = self.stop.as_deref();
                body.extend(stop.map(|text| ("stop_sequences".to_owned(), json!([text]))));
                body.extend(self.options.clone());
            }
            Wire::Native => {
                body.extend(system.map(|text| ("system".to_owned(), text.into())));
                let mut options = self.options.clone();
                options.extend(self.stop.as_deref().map(|text| ("stop".to_owned(), json!([text]))));
                if !options.is_empty() {
                    body.insert("options".to_owned(), Value::Object(options));
                }
            }
            Wire::OpenAi => {
                let system = system.map(|text| json!({"role": "system", "content": text}));
                messages.splice(0..0, system);
                body.extend(self.stop.as_deref().map(|text| ("stop".to_owned(), json!([text]))));
                body.extend(self.options.clone());
            }
        }
        match (self.wire, self.turns.as_slice()) {
            (Wire::Native, [(_, prompt)]) => {
                body.insert("prompt".to_owned(), prompt.as_str().into());
            }
            _ => {
                body.insert("messages".to_owned(), Value::Array(messages));
            }
        }
        if self.streamed && self.wire != Wire::Native {
            body.insert("stream".to_owned(), true.into());
        }
        body.extend(self.members.clone());
        Value::Object(body)
    }
}

/// Is over so long after it was first waited for.
async fn later(after: Duration) {
    tokio::time::sleep(after).await;
}
