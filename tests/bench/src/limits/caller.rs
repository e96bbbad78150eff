//! Who calls: at once, at a fixed rate, or one after another; and what each call was told.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::{JoinError, JoinHandle};

use crate::{case::Wish, failure::Failure, vendor::SENTENCE};

/// What an answer may have, in tokens; the vendor's has fewer.
const MAX_TOKENS: u32 = 20;

/// Someone with a key and a model.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) client: reqwest::Client,
    pub(crate) key: String,
    /// How long the vendor thinks.
    pub(crate) latency_ms: u64,
    pub(crate) model: &'static str,
    /// The text worker's own host.
    pub(crate) url: String,
}

/// What came of a call.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// When the last byte was here.
    pub(crate) answered: Instant,
    /// The code of a refusal, or why there is no answer; empty for a good one.
    pub(crate) code: String,
    pub(crate) details: Value,
    /// When it should have been sent: a caller who is late still waits from then on.
    pub(crate) due: Instant,
    pub(crate) receipt: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    /// Right before it was sent.
    pub(crate) sent: Instant,
    /// 0 without an answer, and for one that says something else than the vendor has.
    pub(crate) status: u16,
}

impl Told {
    pub(crate) fn passed(&self) -> bool {
        self.status == 200
    }

    /// From the moment when it should have been sent.
    pub(crate) fn latency_ms(&self) -> f64 {
        self.answered.saturating_duration_since(self.due).as_secs_f64() * 1e3
    }
}

impl Caller {
    /// One call, now.
    pub(crate) async fn call(&self) -> Told {
        self.call_due(Instant::now()).await
    }

    async fn call_due(&self, due: Instant) -> Told {
        let sent = Instant::now();
        let nothing = Told {
            answered: sent,
            code: String::new(),
            details: Value::Null,
            due,
            receipt: None,
            retry_after: None,
            sent,
            status: 0,
        };
        match self.try_call(nothing.clone()).await {
            Ok(told) => told,
            Err(error) => {
                Told { answered: Instant::now(), code: format!("no answer ({error})"), ..nothing }
            }
        }
    }

    async fn try_call(&self, nothing: Told) -> Result<Told, reqwest::Error> {
        let wish = Wish { chunks: 0, gap_ms: self.latency_ms };
        let response = self.request("/generate", wish, MAX_TOKENS).send().await?;
        let status = response.status().as_u16();
        let header = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let receipt = header("x-de-receipt");
        let seconds = header("retry-after").and_then(|value| value.parse().ok());
        let bytes = response.bytes().await?;
        let answered = Instant::now();
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let is_wrong = status == 200 && text("text") != SENTENCE;
        let code = if is_wrong { "an answer with another text" } else { text("error_code") };
        Ok(Told {
            answered,
            code: code.to_owned(),
            details: body.get("details").cloned().unwrap_or_default(),
            receipt,
            retry_after: seconds.map(Duration::from_secs),
            status: if is_wrong { 0 } else { status },
            ..nothing
        })
    }

    /// A stream that has begun and lasts so many words; `None` if it was not let in.
    ///
    /// # Errors
    /// `Request` without an answer.
    pub(crate) async fn stream(
        &self,
        words: u32,
        gap_ms: u64,
    ) -> Result<Option<reqwest::Response>, Failure> {
        let wish = Wish { chunks: words, gap_ms };
        let request = self.request("/generate/stream", wish, words);
        let opened = request.send().await;
        let response = opened
            .map_err(|source| Failure::Request { what: "opening a stream".to_owned(), source })?;
        Ok((response.status().as_u16() == 200).then_some(response))
    }

    fn request(&self, path: &str, wish: Wish, max_tokens: u32) -> reqwest::RequestBuilder {
        let body = json!({
            "model_id": self.model,
            "prompt": wish.to_string(),
            "options": {"max_tokens": max_tokens},
        });
        self.client.post(format!("{}{path}", self.url)).bearer_auth(&self.key).json(&body)
    }

    /// So many calls at once.
    ///
    /// # Errors
    /// `Task`.
    pub(crate) async fn crowd(&self, calls: usize) -> Result<Vec<Told>, Failure> {
        let handles = (0..calls).map(|_| self.begin(Instant::now())).collect();
        all(handles).await
    }

    /// Calls at a fixed rate, whether those before have been answered or not.
    ///
    /// # Errors
    /// `Task`.
    pub(crate) async fn at_rate(
        &self,
        a_second: u32,
        duration: Duration,
    ) -> Result<Vec<Told>, Failure> {
        let begun = Instant::now();
        let pause = Duration::from_secs(1) / a_second.max(1);
        let mut handles = Vec::new();
        let mut due = begun;
        while due < begun + duration {
            tokio::time::sleep_until(due.into()).await;
            handles.push(self.begin(due));
            due += pause;
        }
        all(handles).await
    }

    /// Several callers, each of whom calls again as soon as it is answered.
    ///
    /// # Errors
    /// `Task`.
    pub(crate) async fn in_turn(
        &self,
        callers: usize,
        duration: Duration,
    ) -> Result<Vec<Told>, Failure> {
        let begun = Instant::now();
        let turns = (0..callers).map(|_| {
            let caller = self.clone();
            tokio::spawn(async move {
                let mut told = Vec::new();
                while begun.elapsed() < duration {
                    told.push(caller.call().await);
                }
                told
            })
        });
        let turns: Vec<_> = turns.collect();
        let mut told = Vec::new();
        for turn in turns {
            told.extend(turn.await.map_err(lost)?);
        }
        Ok(told)
    }

    fn begin(&self, due: Instant) -> JoinHandle<Told> {
        let caller = self.clone();
        tokio::spawn(async move { caller.call_due(due).await })
    }
}

async fn all(handles: Vec<JoinHandle<Told>>) -> Result<Vec<Told>, Failure> {
    let mut told = Vec::new();
    for handle in handles {
        told.push(handle.await.map_err(lost)?);
    }
    Ok(told)
}

/// A task of ours that did not end by itself.
pub(crate) fn lost(error: JoinError) -> Failure {
    Failure::Task { problem: error.to_string() }
}

/// What calls were told that did not pass, in words: `3 × 402 BUDGET_EXCEEDED`.
pub(crate) fn refusals<'a>(told: impl IntoIterator<Item = &'a Told>) -> String {
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for told in told.into_iter().filter(|told| !told.passed()) {
        *counts.entry(format!("{} {}", told.status, told.code)).or_default() += 1;
    }
    let words: Vec<_> = counts.iter().map(|(what, count)| format!("{count} × {what}")).collect();
    if words.is_empty() { "none refused".to_owned() } else { words.join(", ") }
}

/// A number of calls, for figures.
pub(crate) fn count(calls: usize) -> f64 {
    f64::from(u32::try_from(calls).unwrap_or(u32::MAX))
}
