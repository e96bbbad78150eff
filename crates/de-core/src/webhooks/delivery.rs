//! Sends what is due: claimed, signed, guarded, with a deadline, and noted.
//!
//! A message is claimed under a token before it is sent, and what came of it is noted only while it is still held
//! under that token: two workers do not send the same one at once, and one that was lost falls to the next worker
//! when the claim is over. Nothing of a receiver's answer is kept but its status.

use std::{pin::pin, time::Duration};

use bytes::Bytes;
use futures_util::{
    StreamExt,
    future::{Either, select},
    stream,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use url::Url;

use super::{
    callback_place,
    schedule::{self, Verdict},
    signature,
};
use crate::{
    auth::{
        api_key::hex,
        vault::{self, Kind},
    },
    guard,
    ids::{DeliveryId, WebhookId},
    log::LogLine,
    ports::{InboundBody, Outbound, Platform, PortError, Statement, random, row},
    retry,
    secret::Secret,
    store::{
        audit::{self, Actor, AuditEvent},
        webhooks::{
            self as store, WebhookStatus,
            deliveries::{self, AttemptRow, Claim, ClaimedRow, DeliveryState, Settled},
        },
    },
    time::UnixMillis,
};

/// How long a receiver has for its status.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long the rest of its answer is waited for, so that the connection ends in good order.
const REST_DEADLINE: Duration = Duration::from_secs(1);
/// How much of that is read, in bytes; none of it is looked at.
const REST_CAP: usize = 16 * 1024;
/// How many are sent at once. The platform holds at most six connections that wait for an answer.
const AT_ONCE: usize = 5;
/// The most that one call claims: in the worst case, all of them are through before the claim is over.
const MOST: u32 = 50;
/// How long a claim holds: longer than [`MOST`] of [`AT_ONCE`] with their deadlines take.
const CLAIM_MS: i64 = 5 * 60 * 1_000;

const ID: HeaderName = HeaderName::from_static("webhook-id");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const AGENT: HeaderValue = HeaderValue::from_static("distributed-electrons-webhooks/1");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What became of the messages that one call has taken.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Receivers have them.
    pub delivered: usize,
    /// They were given up.
    pub failed: usize,
    /// They are tried again later, or it could not be noted what became of them.
    pub postponed: usize,
}

impl Tally {
    /// All that were taken.
    #[must_use]
    pub fn all(self) -> usize {
        self.delivered + self.failed + self.postponed
    }

    fn with(mut self, state: Option<DeliveryState>) -> Self {
        match state {
            Some(DeliveryState::Delivered) => self.delivered += 1,
            Some(DeliveryState::Failed) => self.failed += 1,
            Some(DeliveryState::Pending) | None => self.postponed += 1,
        }
        self
    }
}

/// Sends what is due, at most `at_most` messages and never more than 50. Safe to run twice at once.
///
/// Takes as long as the receivers do, at most 11 s for each five messages.
///
/// # Errors
/// [`PortError`] of the database, before anything was sent: what is due stays due.
pub async fn deliver_due(platform: &Platform, at_most: u32) -> Result<Tally, PortError> {
    let claim = |claim: Claim<'_>| deliveries::claim_due(claim, at_most.min(MOST));
    deliver(platform, claim).await
}

/// Sends one message now if it is due and nobody is at it. Takes at most 11 s.
///
/// # Errors
/// As [`deliver_due`].
pub async fn deliver_one(platform: &Platform, id: &DeliveryId) -> Result<Tally, PortError> {
    deliver(platform, |claim| deliveries::claim_one(claim, id)).await
}

async fn deliver(
    platform: &Platform,
    claim: impl Fn(Claim<'_>) -> Statement,
) -> Result<Tally, PortError> {
    let token = hex(&random::<16>(&*platform.entropy));
    let now = platform.clock.now();
    let taken = claim(Claim { now, token: &token, until: now.plus(CLAIM_MS) });
    let answers = platform.database.batch(vec![taken, deliveries::claimed(&token)]).await?;
    let claimed = answers.into_iter().next_back().unwrap_or_default();
    let claimed: Vec<ClaimedRow> = claimed.into_iter().map(row).collect::<Result<_, _>>()?;
    let states = stream::iter(claimed)
        .map(|message| one(platform, &token, message))
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    Ok(states.into_iter().fold(Tally::default(), Tally::with))
}

/// What came of one message.
struct Outcome {
    /// How the receiver wants to be spared.
    asked: Option<Duration>,
    /// Why it was no delivery.
    error: Option<String>,
    /// Whether there is sense in another try.
    is_final: bool,
    /// The receiver's status.
    status: Option<u16>,
    verdict: Verdict,
}

impl Outcome {
    /// Nobody was asked.
    fn unsent(error: String) -> Self {
        Self {
            asked: None,
            error: Some(error),
            is_final: false,
            status: None,
            verdict: Verdict::Refused,
        }
    }
}

/// Sends one message and notes what came of it; `None` if that could not be noted.
async fn one(platform: &Platform, token: &str, message: ClaimedRow) -> Option<DeliveryState> {
    let at = platform.clock.now();
    if message.webhook_status == Some(WebhookStatus::Disabled) {
        let settled = Settled {
            error: Some("the webhook is disabled"),
            next_attempt_at: None,
            now: at,
            state: DeliveryState::Failed,
            status: None,
            was_tried: false,
        };
        let settle = deliveries::settle(&message.id, token, &settled);
        return note(platform, &message.id, vec![settle], DeliveryState::Failed).await;
    }
    let outcome = match prepare(platform, &message, at) {
        Ok(request) => send(platform, request).await,
        Err(outcome) => outcome,
    };
    let now = platform.clock.now();
    let attempt = AttemptRow {
        at,
        duration_ms: now.since(at),
        error: outcome.error.clone(),
        number: message.attempts + 1,
        status: outcome.status,
    };
    let [jitter] = random::<1>(&*platform.entropy);
    let wait = match outcome.verdict {
        Verdict::Refused if !outcome.is_final => {
            schedule::wait_ms(&message.event_type, message.tries + 1, outcome.asked, jitter)
        }
        Verdict::Delivered | Verdict::Gone | Verdict::Refused => None,
    };
    let state = match (outcome.verdict, wait) {
        (Verdict::Delivered, _) => DeliveryState::Delivered,
        (_, Some(_)) => DeliveryState::Pending,
        (_, None) => DeliveryState::Failed,
    };
    let settled = Settled {
        error: outcome.error.as_deref(),
        next_attempt_at: wait.map(|wait| now.plus(wait)),
        now,
        state,
        status: outcome.status,
        was_tried: true,
    };
    let mut batch: Vec<Statement> = deliveries::note_attempt(&message.id, token, &attempt).into();
    batch.push(deliveries::settle(&message.id, token, &settled));
    if let (Verdict::Gone, Some(webhook)) = (outcome.verdict, &message.webhook_id) {
        batch.extend(disable(platform, &message, webhook, now));
    }
    note(platform, &message.id, batch, state).await
}

/// The request, signed; or why there is none.
fn prepare(platform: &Platform, message: &ClaimedRow, at: UnixMillis) -> Result<Outbound, Outcome> {
    let url = Url::parse(&message.url).map_err(|_| guard::Refusal::NotUrl);
    let url = url.and_then(|url| guard::check(&url, &platform.settings).map(|()| url));
    let url = url.map_err(|refusal| Outcome {
        is_final: true,
        ..Outcome::unsent(format!("the address may not be called: {refusal}"))
    })?;
    let seconds = at.0.div_euclid(1_000);
    let secrets = secrets(platform, message, at);
    let signature = secrets
        .and_then(|secrets| signature::sign(&secrets, &message.id, seconds, &message.payload))
        .and_then(|signature| HeaderValue::from_str(&signature).ok())
        .zip(HeaderValue::from_str(message.id.as_str()).ok());
    let Some((signature, id)) = signature else {
        let text = "the secret of a webhook does not open, so nothing can be signed";
        let line = LogLine::error(text).with("delivery_id", message.id.as_str());
        platform.log.write(line);
        return Err(Outcome::unsent("the secret does not open".to_owned()));
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, JSON);
    headers.insert(header::USER_AGENT, AGENT);
    headers.insert(ID, id);
    headers.insert(TIMESTAMP, HeaderValue::from(seconds));
    headers.insert(SIGNATURE, signature);
    let body = Bytes::from(message.payload.clone());
    Ok(Outbound { body, headers, method: Method::POST, url })
}

/// What signs: the secret, and as long as it is wanted the one before it. `None` if the secret does not open.
fn secrets(platform: &Platform, message: &ClaimedRow, at: UnixMillis) -> Option<Vec<Secret>> {
    let settings = &platform.settings;
    let Some(webhook) = &message.webhook_id else {
        let place = callback_place(&message.organization_id, &message.url);
        let sealed = message.callback_sealed.as_deref()?;
        let secret = vault::open_for(settings, Kind::WebhookSecret, &place, sealed);
        return secret.ok().map(|secret| vec![secret]);
    };
    let secret = super::open(settings, webhook, message.sealed.as_deref()?).ok()?;
    let holds = message.previous_until.is_some_and(|until| at < until);
    let previous = message.previous_sealed.as_deref().filter(|_| holds);
    // One that does not open any more is one that no receiver needs to wait for.
    let previous = previous.and_then(|sealed| super::open(settings, webhook, sealed).ok());
    Some([secret].into_iter().chain(previous).collect())
}

async fn send(platform: &Platform, request: Outbound) -> Outcome {
    let sent = pin!(platform.fetch.send(request));
    let inbound = match select(sent, platform.clock.sleep(DEADLINE)).await {
        Either::Left((Ok(inbound), _)) => inbound,
        // The cause may quote the address, and with it a token.
        Either::Left((Err(_), _)) => return Outcome::unsent("could not be reached".to_owned()),
        Either::Right(_) => {
            let seconds = DEADLINE.as_secs();
            return Outcome::unsent(format!("did not answer within {seconds} seconds"));
        }
    };
    let asked = retry::asked(&inbound.headers, platform.clock.now());
    let status = inbound.status;
    rest(platform, inbound.body).await;
    let verdict = schedule::verdict(status);
    let error = match (verdict, status) {
        (Verdict::Delivered, _) => None,
        (Verdict::Gone, _) => Some(format!("answered {status}: it wants no more")),
        (_, 300..400) => Some(format!("answered {status}: redirects are not followed")),
        _ => Some(format!("answered {status}")),
    };
    Outcome { asked, error, is_final: false, status: Some(status), verdict }
}

/// Waits a moment for the end of an answer whose status has said everything.
async fn rest(platform: &Platform, body: Box<dyn InboundBody>) {
    match select(body.whole(REST_CAP), platform.clock.sleep(REST_DEADLINE)).await {
        // However it ended: the message is where it should be, or is not.
        Either::Left(_) | Either::Right(_) => {}
    }
}

/// Tells a webhook nothing more, and puts that on record.
fn disable(
    platform: &Platform,
    message: &ClaimedRow,
    webhook: &WebhookId,
    now: UnixMillis,
) -> [Statement; 2] {
    let status = |status: WebhookStatus| Some(serde_json::json!({"status": status.as_str()}));
    let event = AuditEvent {
        action: "webhook.disable".to_owned(),
        actor: Actor::System,
        after: status(WebhookStatus::Disabled),
        before: status(WebhookStatus::Active),
        id: AuditEvent::make_id(now, random(&*platform.entropy)),
        organization_id: Some(message.organization_id.clone()),
        request_id: None,
        target_id: webhook.as_str().to_owned(),
    };
    [store::disable(webhook, now), audit::insert(&event, now)]
}

async fn note(
    platform: &Platform,
    id: &DeliveryId,
    batch: Vec<Statement>,
    state: DeliveryState,
) -> Option<DeliveryState> {
    match platform.database.batch(batch).await {
        Ok(answers) => {
            let is_settled = answers.iter().flatten().any(|row| row.contains_key("settled"));
            is_settled.then_some(state)
        }
        Err(err) => {
            let text = "what became of a message could not be noted; it is sent again";
            let line = LogLine::error(text).with("delivery_id", id.as_str());
            platform.log.write(line.because(&err));
            None
        }
    }
}
