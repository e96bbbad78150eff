//! One round of one case on one side: requests from several callers at once, each checked and timed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    answer,
    case::{Case, Side},
    cpu,
    failure::Failure,
};

/// How long the gateway may still work after its last answer: our branch of a relayed stream is read with
/// pauses of 200 ms, and receipts gather for 500 ms before they go to D1.
pub(crate) const AFTERWARDS: Duration = Duration::from_millis(1_000);

/// Where one side is, and how it is asked.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) client: reqwest::Client,
    pub(crate) key: String,
    /// The process whose time is counted.
    pub(crate) pid: Option<u32>,
    pub(crate) side: Side,
    pub(crate) url: String,
}

/// What a round took.
#[derive(Debug)]
pub(crate) struct Round {
    /// Processor time of the whole round, work after the last answer included.
    pub(crate) cpu: Option<Duration>,
    pub(crate) times: Vec<Times>,
    /// From the first request to the last answer.
    pub(crate) took: Duration,
}

/// How long the caller of one request waited.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// For the first bytes of the body.
    pub(crate) first_byte: Duration,
    /// For the last.
    pub(crate) whole: Duration,
}

impl Target {
    /// Sends the requests of a round; none begins later than `limit` after the first.
    ///
    /// # Errors
    /// `Wrong` for the first answer that is not right, `Request` for one that never came.
    pub(crate) async fn round(&self, case: Case, limit: Duration) -> Result<Round, Failure> {
        let before = self.pid.and_then(cpu::used);
        let begun = Instant::now();
        let taken = Arc::new(AtomicUsize::new(0));
        let url = format!("{}{}", self.url, case.path(self.side));
        let body = case.body(self.side);
        let callers: Vec<_> = (0..case.concurrency)
            .map(|_| {
                let (target, taken) = (self.clone(), taken.clone());
                let (url, body) = (url.clone(), body.clone());
                tokio::spawn(async move {
                    let mut times = Vec::new();
                    while taken.fetch_add(1, Ordering::Relaxed) < case.requests
                        && (times.is_empty() || begun.elapsed() < limit)
                    {
                        times.push(target.ask(&case, &url, &body).await?);
                    }
                    Ok::<_, Failure>(times)
                })
            })
            .collect();
        let mut times = Vec::new();
        for caller in callers {
            let ended = caller.await.map_err(|error| self.wrong(case, error.to_string()))?;
            times.extend(ended?);
        }
        let took = begun.elapsed();
        let rest = match self.side {
            // These have nothing left to do once they have answered.
            Side::Bare | Side::Direct | Side::Split => Duration::from_millis(50),
            Side::Litellm | Side::Mapped | Side::Portkey | Side::Text => AFTERWARDS,
        };
        tokio::time::sleep(rest).await;
        let after = self.pid.and_then(cpu::used);
        let cpu = after.zip(before).map(|(after, before)| after.saturating_sub(before));
        Ok(Round { cpu, times, took })
    }

    /// One request, checked.
    ///
    /// # Errors
    /// As [`Self::round`].
    pub(crate) async fn ask(&self, case: &Case, url: &str, body: &str) -> Result<Times, Failure> {
        let lost =
            |source| Failure::Request { what: format!("{case}, {}", self.side.word()), source };
        let begun = Instant::now();
        let request = self
            .client
            .post(url)
            .bearer_auth(&self.key)
            .header("content-type", "application/json")
            .body(body.to_owned());
        let mut response = request.send().await.map_err(lost)?;
        let status = response.status().as_u16();
        let mut first_byte = None;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            first_byte.get_or_insert_with(|| begun.elapsed());
            bytes.extend_from_slice(&chunk);
        }
        let whole = begun.elapsed();
        answer::check(case, self.side, status, &bytes)
            .map_err(|problem| self.wrong(*case, problem))?;
        Ok(Times { first_byte: first_byte.unwrap_or(whole), whole })
    }

    fn wrong(&self, case: Case, problem: String) -> Failure {
        Failure::Wrong { case, side: self.side.word(), problem }
    }
}
