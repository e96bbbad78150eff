//! Vendors: scripted ones that answer what a test says, and real ones on loopback.

mod answer;
mod real;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use de_core::ports::{Background, Fetch, Inbound, Outbound, PortError};
use http::{HeaderMap, Method};
use serde_json::Value;
use url::Url;

pub use self::{answer::Answer, real::ReqwestFetch};
use crate::lock;

/// Vendors that answer in the order of a script, and remember what they got.
pub struct ScriptedFetch {
    background: Arc<dyn Background>,
    script: Mutex<VecDeque<Answer>>,
    sent: Mutex<Vec<Sent>>,
}

/// A request as a vendor got it.
#[derive(Clone, Debug)]
pub struct Sent {
    /// What was sent.
    pub body: Bytes,
    /// With the key.
    pub headers: HeaderMap,
    /// GET, POST, …
    pub method: Method,
    /// Where to.
    pub url: Url,
    closed: Arc<AtomicBool>,
}

impl Sent {
    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A header as text; empty if absent or no text.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Whether nobody waits for the answer any more: it was read to its end, or given up.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}

/// Notes that nobody waits any more.
struct CloseOnDrop(Arc<AtomicBool>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl ScriptedFetch {
    /// Without a script: every request fails until there is one.
    #[must_use]
    pub fn new(background: Arc<dyn Background>) -> Self {
        Self { background, script: Mutex::default(), sent: Mutex::default() }
    }

    /// Adds an answer to the end of the script.
    pub fn answer(&self, answer: Answer) {
        lock(&self.script).push_back(answer);
    }

    /// What was sent so far.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        lock(&self.sent).clone()
    }

    /// How many answers nobody has asked for.
    #[must_use]
    pub fn left(&self) -> usize {
        lock(&self.script).len()
    }
}

#[async_trait]
impl Fetch for ScriptedFetch {
    async fn send(&self, request: Outbound) -> Result<Inbound, PortError> {
        let closed = Arc::new(AtomicBool::new(false));
        let open = CloseOnDrop(closed.clone());
        let Outbound { body, headers, method, url } = request;
        lock(&self.sent).push(Sent { body, headers, method, url, closed });
        let answer = lock(&self.script).pop_front();
        let Some(answer) = answer else { return Err(failed("no answer is scripted")) };
        answer.play(open, self.background.clone()).await
    }
}

fn failed(message: &str) -> PortError {
    PortError::Failed { port: "fetch", message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::background::TokioBackground;

    fn request() -> Outbound {
        Outbound {
            body: Bytes::from_static(b"{\"a\":1}"),
            headers: HeaderMap::new(),
            method: Method::POST,
            url: Url::parse("https://api.openai.com/v1/chat/completions").unwrap(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn answers_come_in_the_order_of_the_script() {
        let fetch = ScriptedFetch::new(Arc::new(TokioBackground::new()));
        fetch
            .answer(Answer::json(429, &serde_json::json!({"error": 1})).header("retry-after", "2"));
        fetch.answer(Answer::ok().chunk("a").pause(Duration::from_secs(3)).chunk("b").break_off());
        fetch.answer(Answer::refused());

        let refused = fetch.send(request()).await.unwrap();
        assert_eq!((refused.status, &refused.headers["retry-after"]), (429, &"2".parse().unwrap()));
        assert_eq!(fetch.sent()[0].json(), serde_json::json!({"a": 1}));

        let mut body = fetch.send(request()).await.unwrap().body;
        assert_eq!(body.chunk().await.unwrap().unwrap(), "a");
        assert!(!fetch.sent()[1].is_closed());
        assert_eq!(body.chunk().await.unwrap().unwrap(), "b");
        assert!(body.chunk().await.is_err());
        drop(body);
        assert!(fetch.sent()[1].is_closed());

        assert!(fetch.send(request()).await.is_err());
        assert_eq!(fetch.left(), 0);
        assert!(fetch.send(request()).await.is_err(), "the script is at its end");
    }

    #[tokio::test(start_paused = true)]
    async fn giving_up_before_the_head_closes_the_connection() {
        let fetch = ScriptedFetch::new(Arc::new(TokioBackground::new()));
        fetch.answer(Answer::ok().head_after(Duration::from_secs(60)));
        let sending = fetch.send(request());
        assert!(tokio::time::timeout(Duration::from_secs(1), sending).await.is_err());
        assert!(fetch.sent()[0].is_closed());
    }
}
