//! A vendor's job, followed to its end within the call's deadline.
//!
//! The order was paid for and is never sent again. Asking how it goes costs nothing, so that is
//! repeated as long as there is time.

use std::{pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt, future::select};
use http::HeaderMap;

use super::{
    answer::{ANSWER_CAP, Answer, First, Ordered, Polled, body},
    deadlines::{Interrupted, deadline, pause, remaining, within},
    failure::{self, Failure},
    job::{Job, Line},
    outbound,
};
use crate::{
    http::error::{ApiError, Code},
    ids::InstanceId,
    json,
    mapping::{
        poll::{Heard, Polling, Step, Wait},
        render::RenderedRequest,
        reply::MappedReply,
    },
    ports::{Inbound, Outbound, Platform, PortError},
    protocols::mapped,
    registry::Model,
    retry,
    secret::Secret,
    trace::Trace,
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
    let mut following = Following { key, line: job.line(), model, polling };
    let mut step = following.first(ordered, remaining(job, model)).await?;
    let left = || {
        let left = ends_at.since(job.platform.clock.now());
        Duration::from_millis(u64::try_from(left).unwrap_or(0))
    };
    let mut stop = Stop { outbound: following.cancellation(), platform: job.platform.clone() };
    loop {
        let wait = match following.settled(step) {
            Ok(Pending::Done(reply)) => {
                stop.disarm();
                return Ok(Answer::Polled(Polled { model: model.clone(), reply }));
            }
            Ok(Pending::Wait(wait)) => wait,
            Err(failure) => {
                stop.disarm();
                return Err(failure);
            }
        };
        pause(job, Duration::from_millis(wait.after_ms).min(left()))
            .await
            .map_err(Failure::final_one)?;
        if left().is_zero() {
            let late = failure::timed_out(model, "finish the job");
            return Err(Failure::tripping(late));
        }
        step = following.next(wait.request, left()).await?;
    }
}

/// Reads the answer to the order, and no more.
pub(super) async fn to_the_order(
    job: &Job<'_>,
    model: &Arc<Model>,
    ordered: Inbound,
    polling: Polling,
    key: &Secret,
) -> Result<First, Failure> {
    let mut following = Following { key, line: job.line(), model, polling };
    let step = following.first(ordered, remaining(job, model)).await?;
    Ok(match following.settled(step)? {
        Pending::Done(reply) => {
            First::Answer(Answer::Polled(Polled { model: model.clone(), reply }))
        }
        Pending::Wait(wait) => {
            let Following { polling, .. } = following;
            First::Ordered(Box::new(Ordered { model: model.clone(), polling, wait: *wait }))
        }
    })
}

/// What came of asking about an order.
pub enum News {
    /// It is done.
    Done(Box<MappedReply>),
    /// The vendor says that it could not do it. It bills nothing for that.
    Failed(ApiError),
    /// Ask again.
    Wait(Box<Wait>),
}

/// Asks once how an order goes, with the request that the last step gave. Safe to repeat: what has no
/// useful answer is asked again later.
///
/// # Errors
/// Why it cannot be asked, or why several answers in a row could not be used: what becomes of the order is not
/// known.
pub async fn ask(
    platform: &Platform,
    instance: &InstanceId,
    model: &Arc<Model>,
    polling: &mut Polling,
    request: RenderedRequest,
    trace: &Trace,
) -> Result<News, ApiError> {
    let line = Line { departure: None, instance, platform, trace };
    let key = outbound::key(line, model).map_err(|failure| failure.error)?;
    let mut following = Following { key: &key, line, model, polling: polling.clone() };
    let step = following.next(request, POLL_WAIT).await;
    let news = step.map(|step| match following.settled(step) {
        Ok(Pending::Done(reply)) => News::Done(reply),
        Ok(Pending::Wait(wait)) => News::Wait(wait),
        Err(failure) => News::Failed(failure.error),
    });
    *polling = following.polling;
    news.map_err(|failure| failure.error)
}

/// Tells the vendor to stop an order, if its protocol has a word for that. What it answers changes nothing.
pub async fn cancel(
    platform: &Platform,
    instance: &InstanceId,
    model: &Arc<Model>,
    polling: &Polling,
    trace: &Trace,
) {
    let line = Line { departure: None, instance, platform, trace };
    let Ok(key) = outbound::key(line, model) else { return };
    let following = Following { key: &key, line, model, polling: polling.clone() };
    if let Some(outbound) = following.cancellation() {
        let sent = platform.fetch.send(outbound);
        drop(select(pin!(sent), pin!(platform.clock.sleep(CANCEL_WAIT))).await);
    }
}

struct Following<'a> {
    key: &'a Secret,
    line: Line<'a>,
    model: &'a Arc<Model>,
    polling: Polling,
}

/// A step that is no failure.
enum Pending {
    Done(Box<MappedReply>),
    Wait(Box<Wait>),
}

/// What a vendor said to a question.
enum Told {
    Answer {
        body: Bytes,
        headers: HeaderMap,
    },
    /// Nothing that says how the job goes; the vendor may want us to wait so long.
    Lost(Option<Duration>),
    /// Something else, and what it means if it stays so.
    Odd(Failure),
}

impl Following<'_> {
    /// Reads the answer to the order.
    async fn first(&mut self, ordered: Inbound, left: Duration) -> Result<Step, Failure> {
        let headers = ordered.headers.clone();
        let first = body(self.line, self.model, ordered, ANSWER_CAP, left).await;
        let first = first.map_err(|error| match error.code() {
            Code::ClientLeft => Failure::final_one(error),
            Code::ProviderError | Code::ProviderTimeout => Failure::tripping(error),
            _ => Failure::passing_on(error),
        })?;
        self.hear(&first, &headers)
    }

    /// Asks once. What is paid for is not given up over one odd answer.
    async fn next(&mut self, request: RenderedRequest, left: Duration) -> Result<Step, Failure> {
        match self.ask(request, left).await? {
            Told::Answer { body, headers } => match self.hear(&body, &headers) {
                Ok(step) => Ok(step),
                Err(failure) => self.odd(failure),
            },
            Told::Odd(failure) => self.odd(failure),
            Told::Lost(asked) => {
                self.polling.lost(asked.map(millis)).map_err(|err| self.unreadable(&err))
            }
        }
    }

    /// Asks again later, or fails if that has happened too often.
    fn odd(&mut self, failure: Failure) -> Result<Step, Failure> {
        let asked_ms = failure.asked.map(millis);
        let step = self.polling.odd(asked_ms).map_err(|err| self.unreadable(&err))?;
        step.ok_or(failure)
    }

    fn settled(&self, step: Step) -> Result<Pending, Failure> {
        match step {
            Step::Done(reply) => Ok(Pending::Done(reply)),
            Step::Failed(error) => {
                let told = mapped::as_vendors(error).without(self.key);
                Err(failure::undone(self.model, told))
            }
            Step::Wait(wait) => Ok(Pending::Wait(wait)),
        }
    }

    /// Takes an answer with status 2xx.
    fn hear(&mut self, body: &[u8], headers: &HeaderMap) -> Result<Step, Failure> {
        let body = json::parse(body).map_err(|err| self.unreadable(&err))?;
        let asked_ms = retry::asked(headers, self.line.platform.clock.now()).map(millis);
        let text = |value: &http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let pairs = headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value)));
        let pairs: Vec<(String, String)> = pairs.collect();
        let heard = Heard { asked_ms, body: &body, headers: &pairs };
        self.polling.heard(&heard).map_err(|err| self.unreadable(&err))
    }

    /// Asks once; what is safe to ask again is [`Told::Lost`].
    async fn ask(&self, request: RenderedRequest, left: Duration) -> Result<Told, Failure> {
        let outbound = self.outbound(request)?;
        let platform = self.line.platform;
        let answer = async {
            let Inbound { body, headers, status } = platform.fetch.send(outbound).await?;
            Ok::<_, PortError>((status, headers, body.whole(ANSWER_CAP).await?))
        };
        let (status, headers, body) = match within(self.line, left.min(POLL_WAIT), answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(Interrupted::TimedOut) => return Ok(Told::Lost(None)),
            Err(Interrupted::ClientLeft) => {
                return Err(Failure::final_one(failure::client_left()));
            }
        };
        match (status, body) {
            (200..300, Some(body)) => Ok(Told::Answer { body, headers }),
            (200..300, None) => Ok(Told::Odd(self.unreadable(&"it is too large"))),
            (408 | 425 | 429 | 500.., _) => {
                Ok(Told::Lost(retry::asked(&headers, platform.clock.now())))
            }
            (_, body) => {
                let told = self.model.vendor.error(status, &body.unwrap_or_default());
                let told = told.without(self.key);
                let is_final = told.refused || matches!(status, 401 | 403);
                let failure = failure::untold(self.model, status, told);
                if is_final { Err(failure) } else { Ok(Told::Odd(failure)) }
            }
        }
    }

    /// What stops the job, ready to be sent.
    fn cancellation(&self) -> Option<Outbound> {
        self.outbound(self.polling.cancel()?).ok()
    }

    fn outbound(&self, request: RenderedRequest) -> Result<Outbound, Failure> {
        let draft = mapped::draft(request, "").map_err(|err| self.unreadable(&err))?;
        let (mut outbound, _key) = outbound::complete(self.line, self.model, draft)?;
        outbound::within(&mut outbound, &self.line.trace.header());
        Ok(outbound)
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
