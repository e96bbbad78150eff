//! A vendor's job, followed to its end within the call's deadline.
//!
//! The order was paid for and is never sent again. Asking how it goes costs nothing, so that is
//! repeated as long as there is time.

use std::{pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt, future::select};
use http::HeaderMap;

use super::{
    ANSWER_CAP, Answer, Interrupted, Job, Polled, body, deadline,
    failure::{self, Failure},
    outbound, pause, within,
};
use crate::{
    http::error::Code,
    json,
    mapping::{
        poll::{Heard, Polling, Step},
        render::RenderedRequest,
    },
    ports::{Inbound, Outbound, Platform, PortError},
    protocols::mapped,
    registry::Model,
    retry,
    secret::Secret,
    time::UnixMillis,
};

/// How long one poll may take; after that it counts as lost.
const POLL_WAIT: Duration = Duration::from_secs(30);
/// How long a cancellation may take, when nobody waits for it.
const CANCEL_WAIT: Duration = Duration::from_secs(10);

/// Reads the answer to the order, then asks until the job is done, has failed, or time is over.
pub(super) async fn to_the_end(
    job: &Job<'_>,
    model: &Arc<Model>,
    ordered: Inbound,
    polling: Polling,
    key: &Secret,
) -> Result<Answer, Failure> {
    let patience = i64::try_from(polling.timeout_ms()).unwrap_or(i64::MAX);
    let ends_at = deadline(job, model).min(job.platform.clock.now().plus(patience));
    Following { ends_at, job, key, model, polling }.run(ordered).await
}

struct Following<'a> {
    ends_at: UnixMillis,
    job: &'a Job<'a>,
    key: &'a Secret,
    model: &'a Arc<Model>,
    polling: Polling,
}

/// What came of asking.
enum Told {
    Answer {
        body: Bytes,
        headers: HeaderMap,
    },
    /// Nothing that says how the job goes; the vendor may want us to wait so long.
    Lost(Option<Duration>),
}

impl Following<'_> {
    async fn run(mut self, ordered: Inbound) -> Result<Answer, Failure> {
        let headers = ordered.headers.clone();
        let first = body(self.job, self.model, ordered).await;
        let first = first.map_err(|error| match error.code() {
            Code::ClientLeft => Failure::final_one(error),
            _ => Failure::passing_on(error),
        })?;
        let mut step = self.hear(&first, &headers)?;
        let mut stop = Stop { outbound: self.cancellation(), platform: self.job.platform.clone() };
        loop {
            let wait = match step {
                Step::Done(reply) => {
                    stop.disarm();
                    let reply = mapped::reply(*reply);
                    return Ok(Answer::Polled(Polled { model: self.model.clone(), reply }));
                }
                Step::Failed(error) => {
                    stop.disarm();
                    let mut told = mapped::told(error);
                    told.message = told.message.map(|message| self.key.mask(&message));
                    return Err(failure::undone(self.model, told));
                }
                Step::Wait(wait) => wait,
            };
            let after = Duration::from_millis(wait.after_ms).min(self.left());
            pause(self.job, after).await.map_err(Failure::final_one)?;
            if self.left().is_zero() {
                let late = failure::timed_out(self.model, "finish the job");
                return Err(Failure::passing_on(late));
            }
            step = match self.ask(wait.request).await? {
                Told::Answer { body, headers } => self.hear(&body, &headers)?,
                Told::Lost(asked) => {
                    let asked_ms = asked.map(millis);
                    self.polling.lost(asked_ms).map_err(|err| self.unreadable(&err))?
                }
            };
        }
    }

    /// Takes an answer with status 2xx.
    fn hear(&mut self, body: &[u8], headers: &HeaderMap) -> Result<Step, Failure> {
        let body = json::parse(body).map_err(|err| self.unreadable(&err))?;
        let asked_ms = retry::asked(headers, self.job.platform.clock.now()).map(millis);
        let text = |value: &http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let pairs = headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value)));
        let pairs: Vec<(String, String)> = pairs.collect();
        let heard = Heard { asked_ms, body: &body, headers: &pairs };
        self.polling.heard(&heard).map_err(|err| self.unreadable(&err))
    }

    /// Asks once; what is safe to ask again is [`Told::Lost`].
    async fn ask(&self, request: RenderedRequest) -> Result<Told, Failure> {
        let outbound = self.outbound(request)?;
        let fetch = &self.job.platform.fetch;
        let answer = async {
            let Inbound { body, headers, status } = fetch.send(outbound).await?;
            Ok::<_, PortError>((status, headers, body.whole(ANSWER_CAP).await?))
        };
        let (status, headers, body) =
            match within(self.job, self.left().min(POLL_WAIT), answer).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) | Err(Interrupted::TimedOut) => return Ok(Told::Lost(None)),
                Err(Interrupted::ClientLeft) => {
                    return Err(Failure::final_one(failure::client_left()));
                }
            };
        match (status, body) {
            (200..300, Some(body)) => Ok(Told::Answer { body, headers }),
            (200..300, None) => Err(self.unreadable(&"it is too large")),
            (408 | 425 | 429 | 500.., _) => {
                Ok(Told::Lost(retry::asked(&headers, self.job.platform.clock.now())))
            }
            (_, body) => {
                let mut told = self.model.vendor.error(status, &body.unwrap_or_default());
                told.message = told.message.map(|message| self.key.mask(&message));
                Err(failure::untold(self.model, status, told))
            }
        }
    }

    /// What stops the job, ready to be sent.
    fn cancellation(&self) -> Option<Outbound> {
        self.outbound(self.polling.cancel()?).ok()
    }

    fn outbound(&self, request: RenderedRequest) -> Result<Outbound, Failure> {
        let draft = mapped::draft(request, "").map_err(|err| self.unreadable(&err))?;
        outbound(self.job, self.model, draft).map(|(outbound, _key)| outbound)
    }

    fn left(&self) -> Duration {
        let left = self.ends_at.since(self.job.platform.clock.now());
        Duration::from_millis(u64::try_from(left).unwrap_or(0))
    }

    fn unreadable(&self, reason: &dyn std::fmt::Display) -> Failure {
        Failure::passing_on(failure::unreadable(self.model, reason.to_string()))
    }
}

/// Stops the vendor's job when it is given up, however that comes: a deadline, an answer that cannot be
/// read, a client that has gone.
struct Stop {
    outbound: Option<Outbound>,
    platform: Platform,
}

impl Stop {
    /// The job has ended by itself.
    fn disarm(&mut self) {
        self.outbound = None;
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        let Some(outbound) = self.outbound.take() else { return };
        let platform = self.platform.clone();
        let cancel = async move {
            // Whatever it answers: there is nobody left to tell.
            let sent = platform.fetch.send(outbound);
            drop(select(pin!(sent), pin!(platform.clock.sleep(CANCEL_WAIT))).await);
        };
        self.platform.background.spawn(cancel.boxed());
    }
}

fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}
