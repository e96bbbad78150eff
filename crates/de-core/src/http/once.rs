//! `Idempotency-Key` of calls that buy: the same call is bought once, and answered as often as it is asked.
//!
//! A handler asks [`begin`] before it does anything. Either the call was made before, and there is its reply;
//! or it is the handler's to make, with a [`Ticket`] that is told of the moment before the first vendor is
//! sent anything ([`crate::exchange::BeforeSend`]) and, by [`Ticket::end`], of the end. A ticket that is dropped is an
//! end too. What a claim decides is in [`crate::idempotency`].
//!
//! A client that leaves cuts its call, with such a key too: whoever asks again learns that the outcome is
//! unknown, and nothing is bought again. Going on without it was tried, and on workerd the contexts of such
//! calls took others of their isolate with them (`docs/adr/0009-claims.md`); what makes a file is a job, and goes
//! on in its object.
//!
//! Follows <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>. What the control
//! plane makes is not bought, and kept by other means (`docs/adr/0006-idempotency-of-the-control-plane.md`).

mod held;
mod recording;

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    body::{Body, HttpBody},
    response::Response,
};
use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::future::{Either, select};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};

use self::{
    held::{Finale, Held},
    recording::{Recording, Unkept},
};
use super::{
    context::Context,
    error::{ApiError, Code},
    extract::Incoming,
};
use crate::{
    auth::{
        Scope,
        api_key::{digest, hex},
    },
    books::Outlay,
    caller::Caller,
    exchange::BeforeSend,
    idempotency::{
        REPLY_CAP, Token,
        wire::{Answer, Ask, End, Head, Reply, Why},
    },
    ports::{Departure, Platform, Relay, random},
    time::UnixMillis,
};

/// The header that carries the caller's key.
pub const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// The header of a reply that was given before.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The longest key, in characters.
const LONGEST: usize = 255;

/// Headers that make a call another call.
const ASKED: [&str; 5] =
    ["anthropic-beta", "anthropic-version", "prefer", "x-de-fallback", "x-de-on-unsupported"];

/// How long a call waits for another one with its key.
const PATIENCE_MS: i64 = 20_000;
/// Between two looks at a claim that another one holds: the first pause, and the longest.
const PAUSES_MS: (u64, u64) = (100, 1_000);

/// How long a claim that has sent may be silent after the call's own deadline: its reply is kept, and told.
const GRACE_MS: i64 = 60_000;

/// How long a client waits for its reply to be kept. It is kept in any case, or not at all.
const KEEPING: Duration = Duration::from_secs(3);

/// A call that may be asked twice.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// SHA-256 of the body ([`super::extract::Body::digest`]); of its parts' names and contents where a body
    /// of many parts is written anew each time. `None`: it could not be read, and nothing will be bought.
    pub digest: Option<[u8; 32]>,
    /// How long the handler may take before it sends; where it never says so, how long it may take at all.
    pub hold: Duration,
    /// The operation, whatever the host: `POST /v1/messages`.
    pub route: &'a str,
    /// What the caller must be allowed to get the reply.
    pub scope: Scope,
    /// What else makes the call: variable parts of the path, the query.
    pub subject: &'a str,
}

/// What to do with a call.
pub enum Begun {
    /// Make it. The ticket is there if the caller sent a key: then hand the answer to [`Ticket::end`].
    Call(Option<Ticket>),
    /// It was made before: this is the reply.
    Replayed(Response),
}

/// Looks whether a call was made before, and waits if it is being made now.
///
/// # Errors
/// `INVALID_REQUEST` for a key that is none; `IDEMPOTENCY_MISMATCH`, `IN_PROGRESS`, `OUTCOME_UNKNOWN`;
/// `LIMITER_UNAVAILABLE` if the claim cannot be asked for; those of [`Caller::entitled`].
pub async fn begin(
    platform: &Platform,
    caller: &Caller,
    incoming: &Incoming,
    question: Question<'_>,
) -> Result<Begun, ApiError> {
    let Some(key) = key(&incoming.headers)? else { return Ok(Begun::Call(None)) };
    let Some(body) = question.digest else { return Ok(Begun::Call(None)) };
    let caller = caller.clone().entitled(platform, question.scope).await?;
    let began = platform.clock.now();
    let holder = Token::make(began, random(&*platform.entropy));
    let held = Arc::new(Held::new(platform, name(&caller, question.route, key), holder));
    let ask = Ask {
        fingerprint: fingerprint(&incoming.headers, question.subject, &body),
        hold_ms: millis(question.hold),
        holder,
        kept_ms: None,
    };
    let mut pause = PAUSES_MS.0;
    loop {
        let found = held.claim(&ask).await?;
        match found.answer {
            Answer::Claimed { repeated, token } => {
                return Ok(Begun::Call(Some(Ticket::new(held, token, repeated))));
            }
            Answer::InProgress { left_ms } => {
                if platform.clock.now().since(began) >= PATIENCE_MS {
                    return Err(in_progress(left_ms));
                }
                let [jitter] = random(&*platform.entropy);
                let wait = Duration::from_millis(pause + pause * u64::from(jitter) / 512);
                wait_for(platform, incoming.departure.as_ref(), wait).await?;
                pause = (pause * 3 / 2).min(PAUSES_MS.1);
            }
            Answer::Mismatch => {
                let message = "this Idempotency-Key was used for another request";
                return Err(ApiError::new(Code::IdempotencyMismatch, message));
            }
            Answer::Replay { head } => {
                // No Limiter is asked for a share, which would tell of a key that was revoked just now.
                if let Some(caller) = caller.fresher(platform).await? {
                    caller.require(question.scope)?;
                }
                incoming.context.note(|line| line.replayed = Some(true));
                return replayed(&head, found.body).map(Begun::Replayed);
            }
            Answer::Unknown { why } => return Err(unknown(why)),
        }
    }
}

/// The caller's key, if one was sent.
///
/// # Errors
/// `INVALID_REQUEST` for one that is none, and where there are two.
pub fn key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let mut all = headers.get_all(HEADER).iter();
    let Some(given) = all.next() else { return Ok(None) };
    let key = given.to_str().ok().filter(|key| !key.is_empty() && key.len() <= LONGEST);
    match (key, all.next()) {
        (Some(key), None) => Ok(Some(key)),
        _ => {
            let message =
                format!("Idempotency-Key: expected one, of 1 to {LONGEST} visible characters");
            Err(ApiError::new(Code::InvalidRequest, message))
        }
    }
}

/// The object of a key: whose it is, for what, and the key's digest. All keys of a project share; a person
/// has one for each instance that they act for.
fn name(caller: &Caller, route: &str, key: &str) -> String {
    let access = caller.key();
    let holder = match (&access.project_id, &access.user_id) {
        (Some(project), _) => project.to_string(),
        (None, Some(user)) => format!("{user}@{}", caller.instance_id()),
        (None, None) => caller.instance_id().to_string(),
    };
    format!("{holder} {route} {}", digest(key))
}

/// A digest of all that makes a call the call that it is.
fn fingerprint(headers: &HeaderMap, subject: &str, body: &[u8; 32]) -> String {
    let mut sum = Sha256::new();
    let mut part = |bytes: &[u8]| {
        // With its length before it, no part can pass for the end of another.
        sum.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        sum.update(bytes);
    };
    part(body);
    part(subject.as_bytes());
    for name in ASKED {
        for value in headers.get_all(name) {
            part(name.as_bytes());
            part(value.as_bytes());
        }
    }
    hex(&sum.finalize())
}

async fn wait_for(
    platform: &Platform,
    departure: Option<&Departure>,
    wait: Duration,
) -> Result<(), ApiError> {
    match select(platform.clock.sleep(wait), pin!(Departure::of(departure))).await {
        Either::Left(_) => Ok(()),
        Either::Right(_) => Err(ApiError::new(Code::ClientLeft, "the client went away")),
    }
}

fn in_progress(left_ms: i64) -> ApiError {
    let message = "the same request, with the same Idempotency-Key, is still being served";
    let wait = Duration::from_millis(left_ms.clamp(1_000, 10_000).unsigned_abs());
    ApiError::new(Code::InProgress, message).retry_after(wait)
}

fn unknown(why: Why) -> ApiError {
    let message = match why {
        Why::Lost => {
            "the call with this Idempotency-Key was sent to a vendor, and nobody knows what came of it; it is \
             not sent again"
        }
        Why::TooLarge => {
            "the call with this Idempotency-Key was answered once, by more than is kept; it is not sent again"
        }
    };
    let why = match why {
        Why::Lost => "lost",
        Why::TooLarge => "too_large",
    };
    ApiError::new(Code::OutcomeUnknown, message).with("why", why)
}

fn replayed(head: &Head, body: Bytes) -> Result<Response, ApiError> {
    let bad = || ApiError::internal("a kept reply has no status");
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(head.status).map_err(|_| bad())?;
    for (name, value) in &head.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

/// A call that is this request's to make, once.
pub struct Ticket {
    ending: oneshot::Sender<Finale>,
    held: Arc<Held>,
    repeated: bool,
    sent: AtomicBool,
    token: Token,
}

impl Ticket {
    fn new(held: Arc<Held>, token: Token, repeated: bool) -> Self {
        let (ending, ended) = oneshot::channel();
        // Begun now, it is done however the request ends.
        held.platform.background.spawn(Box::pin(held::see_off(held.clone(), ended)));
        Self { ending, held, repeated, sent: AtomicBool::new(false), token }
    }

    /// What ids are made of: the same for whoever makes this call, whenever.
    #[must_use]
    pub fn token(&self) -> Token {
        self.token
    }

    /// Whether someone had the call before, and may have made something under the token.
    #[must_use]
    pub fn repeated(&self) -> bool {
        self.repeated
    }

    /// Goes without an end: the call goes on elsewhere under the token. Who asks next may have it.
    pub fn leave(self) {
        self.tell(Finale::End(End::Left));
    }

    /// Ends the call with its answer. A reply is kept, and so is a failure after which something was billed;
    /// where nothing was, the key may be used anew.
    ///
    /// The answer comes back, to be given. A stream is kept as it passes, to its end. A [`Relay`] passes our code by and cannot be kept: make none with a ticket.
    ///
    /// # Errors
    /// The answer's own.
    pub async fn end(
        self,
        context: &Context,
        answered: Result<Response, ApiError>,
        outlay: Outlay,
    ) -> Result<Response, ApiError> {
        match answered {
            Ok(response) if response.extensions().get::<Relay>().is_some() => {
                self.tell_too_large();
                Ok(response)
            }
            Ok(response) => {
                let head = head_of(&response, Some(context));
                if HttpBody::size_hint(response.body()).exact().is_none() {
                    return Ok(self.recorded(head, response));
                }
                let (parts, body) = response.into_parts();
                let body = body.collect().await.map(|all| all.to_bytes()).unwrap_or_default();
                self.keep(Reply { body: body.clone(), head }).await;
                Ok(Response::from_parts(parts, Body::from(body)))
            }
            Err(error) => {
                self.fail(context, &error, outlay).await;
                Err(error)
            }
        }
    }

    async fn fail(self, context: &Context, error: &ApiError, outlay: Outlay) {
        let is_untold = matches!(error.code(), Code::ClientLeft | Code::ProviderTimeout);
        match outlay {
            Outlay::Nothing => self.tell(Finale::End(End::Released)),
            Outlay::Spent if !is_untold => {
                let response = error.render(context);
                let head = head_of(&response, None);
                let body = response.into_body().collect().await;
                let body = body.map(|all| all.to_bytes()).unwrap_or_default();
                self.keep(Reply { body, head }).await;
            }
            Outlay::Spent | Outlay::Unknown => {
                self.tell(Finale::End(End::Unknown { why: Why::Lost }));
            }
        }
    }

    async fn keep(self, reply: Reply) {
        if reply.body.len() > REPLY_CAP {
            return self.tell_too_large();
        }
        let platform = self.held.platform.clone();
        let (tell, told) = oneshot::channel();
        self.tell(Finale::Reply { reply, tell });
        // Kept before it is given: who has seen it and asks again is given the same.
        select(told, platform.clock.sleep(KEEPING)).await;
    }

    fn recorded(self, head: Head, response: Response) -> Response {
        let unkept = Unkept { lost: self.unkept(Why::Lost), too_large: self.unkept(Why::TooLarge) };
        let (parts, body) = response.into_parts();
        let stream = body.into_data_stream();
        let recording = Recording::new(stream, head, unkept, self.ending);
        Response::from_parts(parts, Body::from_stream(recording))
    }

    fn tell_too_large(self) {
        let end = self.unkept(Why::TooLarge);
        self.tell(Finale::End(end));
    }

    /// What was not sent goes on elsewhere, and can be answered from there.
    fn unkept(&self, why: Why) -> End {
        match self.sent.load(Ordering::Relaxed) {
            true => End::Unknown { why },
            false => End::Left,
        }
    }

    fn tell(self, finale: Finale) {
        // The receiver waits in the background for as long as the runtime lives.
        drop(self.ending.send(finale));
    }
}

#[async_trait]
impl BeforeSend for Ticket {
    async fn sending(&self, until: UnixMillis) -> Result<(), ApiError> {
        let hold_ms = until.since(self.held.platform.clock.now()) + GRACE_MS;
        if !self.held.sent(hold_ms).await? {
            // Slow as this one was, another one has it now.
            return Err(in_progress(GRACE_MS));
        }
        self.sent.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// What is repeated of a reply's head: what it is, what it came from, what it cost. Not what holds for one
/// request only: its id, how limits stood, what took how long.
fn head_of(response: &Response, context: Option<&Context>) -> Head {
    let told = context.map(Context::headers_told).unwrap_or_default();
    let mut headers = Vec::new();
    for (name, value) in response.headers().iter().chain(&told) {
        let is_kept = name.as_str().starts_with("x-de-")
            || [
                header::CONTENT_DISPOSITION,
                header::CONTENT_TYPE,
                header::LOCATION,
                HeaderName::from_static("character-cost"),
                HeaderName::from_static("deprecation"),
                HeaderName::from_static("preference-applied"),
                // The vendor's, of ElevenLabs; where it is ours, it is set anew.
                HeaderName::from_static("request-id"),
                HeaderName::from_static("sunset"),
                HeaderName::from_static("x-should-retry"),
            ]
            .contains(name);
        if let (true, Ok(value)) = (is_kept, value.to_str()) {
            headers.push((name.as_str().to_owned(), value.to_owned()));
        }
    }
    Head { headers, status: response.status().as_u16() }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_of_visible_characters() {
        let check = |values: &[&str], expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(HEADER, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            assert_eq!(key(&headers).ok().flatten(), expected, "{values:?}");
        };
        check(&[], None);
        check(&["order 4711"], Some("order 4711"));
        let longest = "x".repeat(LONGEST);
        check(&[&longest], Some(&longest));
        for bad in [&["é"][..], &[""], &[&"x".repeat(LONGEST + 1)], &["a", "b"]] {
            check(bad, None);
        }
        let mut headers = HeaderMap::new();
        headers.append(HEADER, HeaderValue::from_static(""));
        assert!(key(&headers).unwrap_err().message().contains("Idempotency-Key"));
    }

    #[test]
    fn whatever_makes_another_call_is_another_question() {
        let mut other = HeaderMap::new();
        other.insert("x-de-fallback", HeaderValue::from_static("gpt-4o"));
        let mut elsewhere = HeaderMap::new();
        elsewhere.insert("prefer", HeaderValue::from_static("gpt-4o"));
        let mut without = HeaderMap::new();
        without.insert("x-de-on-unsupported", HeaderValue::from_static("drop"));
        let none = HeaderMap::new();
        let mut irrelevant = HeaderMap::new();
        irrelevant.insert("x-request-id", HeaderValue::from_static("a"));
        let rows = [
            fingerprint(&none, "", &[0; 32]),
            fingerprint(&none, "", &[1; 32]),
            fingerprint(&none, "voice", &[0; 32]),
            fingerprint(&other, "", &[0; 32]),
            fingerprint(&elsewhere, "", &[0; 32]),
            fingerprint(&without, "", &[0; 32]),
        ];
        for (index, row) in rows.iter().enumerate() {
            assert!(!rows[..index].contains(row), "{index}");
        }
        assert_eq!(fingerprint(&irrelevant, "", &[0; 32]), rows[0]);
    }
}
