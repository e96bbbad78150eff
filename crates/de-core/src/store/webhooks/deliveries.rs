//! What webhooks are told: one row a message and receiver, from the event until it is delivered or given up.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::WebhookStatus;
use crate::{
    ids::{DeliveryId, InstanceId, OrganizationId, WebhookId},
    ports::{Arg, Statement},
    store::{json_text, pages::PageQuery, statement},
    time::UnixMillis,
};

/// How far a delivery is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryState {
    /// The receiver has it.
    Delivered,
    /// It was given up.
    Failed,
    /// It is still to be tried.
    Pending,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Delivered, Self::Failed, Self::Pending];

    /// As it stands in rows and replies.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Pending => "pending",
        }
    }

    /// Reads the word of a request.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

/// One event, to be told.
#[derive(Clone, Copy, Debug)]
pub struct NewMessage<'a> {
    /// `job.succeeded`.
    pub event_type: &'a str,
    /// Where it happened.
    pub instance: &'a InstanceId,
    /// 32 letters and digits that are this event's.
    pub key: &'a str,
    /// When, and from when on it is due.
    pub now: UnixMillis,
    /// Whose instance that is.
    pub organization: &'a OrganizationId,
    /// The body.
    pub payload: &'a str,
}

/// One event, to be told to an address that a request named.
#[derive(Clone, Copy, Debug)]
pub struct NewCallback<'a> {
    /// The event.
    pub message: NewMessage<'a>,
    /// What signs, sealed.
    pub sealed: &'a str,
    /// Where to.
    pub url: &'a str,
}

impl NewMessage<'_> {
    fn args(&self) -> Vec<Arg> {
        vec![
            self.key.into(),
            self.organization.as_str().into(),
            self.instance.as_str().into(),
            self.event_type.into(),
            self.payload.into(),
            self.now.into(),
        ]
    }
}

/// Inserts a message for each webhook that subscribes to the event. What is there already stays as it is.
///
/// Its id is made of the event's key and the end of the webhook's id.
#[must_use]
pub fn publish(message: &NewMessage<'_>) -> Statement {
    Statement {
        args: message.args(),
        sql: "INSERT INTO webhook_deliveries
                (id, webhook_id, organization_id, instance_id, event_type, payload, next_attempt_at, created_at)
              SELECT 'msg_' || ?1 || '-' || substr(substr(h.id, 5), -16), h.id, h.organization_id, i.id, ?4, ?5,
                CAST(?6 AS INTEGER), CAST(?6 AS INTEGER)
              FROM instances AS i JOIN webhooks AS h ON h.organization_id = i.organization_id
              JOIN webhook_events AS e ON e.webhook_id = h.id AND e.event_type = ?4
              WHERE i.id = ?3 AND i.organization_id = ?2 AND h.status = 'active'
                AND (h.instance_id IS NULL OR h.instance_id = i.id)
              ON CONFLICT (id) DO NOTHING",
    }
}

/// A message of an instance, or of an organization as a whole.
#[derive(Clone, Copy, Debug)]
pub struct Announcement<'a> {
    /// What happened: `budget.threshold`.
    pub event_type: &'a str,
    /// Where; absent for what concerns the organization as a whole: then webhooks of one instance do not
    /// hear of it.
    pub instance: Option<&'a InstanceId>,
    /// 32 letters and digits that are this event's and no other's.
    pub key: &'a str,
    /// When it happened.
    pub now: UnixMillis,
    /// The organization, if it is not that of the instance.
    pub organization: Option<&'a OrganizationId>,
    /// The body.
    pub payload: &'a str,
}

/// Inserts a message for each webhook that subscribes to what is announced. What is there already stays as it
/// is.
#[must_use]
pub fn announce(what: &Announcement<'_>) -> Statement {
    statement(
        "INSERT INTO webhook_deliveries
           (id, webhook_id, organization_id, instance_id, event_type, payload, next_attempt_at, created_at)
         SELECT 'msg_' || ?1 || '-' || substr(substr(h.id, 5), -16), h.id, h.organization_id,
           (SELECT i.id FROM instances AS i WHERE i.id = ?3), ?4, ?5, CAST(?6 AS INTEGER), CAST(?6 AS INTEGER)
         FROM webhooks AS h
         JOIN webhook_events AS e ON e.webhook_id = h.id AND e.event_type = ?4
         WHERE h.organization_id = coalesce(?2, (SELECT i.organization_id FROM instances AS i WHERE i.id = ?3))
           AND h.status = 'active' AND (h.instance_id IS NULL OR h.instance_id = ?3)
         ON CONFLICT (id) DO NOTHING",
        [
            what.key.into(),
            what.organization.map(OrganizationId::as_str).into(),
            what.instance.map(InstanceId::as_str).into(),
            what.event_type.into(),
            what.payload.into(),
            what.now.into(),
        ],
    )
}

/// Inserts a message for an address that a request named. What is there already stays as it is.
#[must_use]
pub fn call_back(callback: &NewCallback<'_>) -> Statement {
    let mut args = callback.message.args();
    args.extend([callback.url.into(), callback.sealed.into()]);
    Statement {
        args,
        sql: "INSERT INTO webhook_deliveries
                (id, organization_id, instance_id, url, sealed, event_type, payload, next_attempt_at, created_at)
              SELECT 'msg_' || ?1 || '-callback', i.organization_id, i.id, ?7, ?8, ?4, ?5,
                CAST(?6 AS INTEGER), CAST(?6 AS INTEGER)
              FROM instances AS i WHERE i.id = ?3 AND i.organization_id = ?2
              ON CONFLICT (id) DO NOTHING",
    }
}

/// Inserts a message for one webhook, whatever it subscribes to.
#[must_use]
pub fn insert_for(
    webhook: &WebhookId,
    id: &DeliveryId,
    event_type: &str,
    payload: &str,
    now: UnixMillis,
) -> Statement {
    statement(
        "INSERT INTO webhook_deliveries
           (id, webhook_id, organization_id, instance_id, event_type, payload, next_attempt_at, created_at)
         SELECT ?2, h.id, h.organization_id, h.instance_id, ?3, ?4, CAST(?5 AS INTEGER), CAST(?5 AS INTEGER)
         FROM webhooks AS h WHERE h.id = ?1",
        [webhook.as_str().into(), id.as_str().into(), event_type.into(), payload.into(), now.into()],
    )
}

/// Who takes messages to send them.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// When.
    pub now: UnixMillis,
    /// A word that nobody else has.
    pub token: &'a str,
    /// When the messages fall to the next one, if nothing is heard of them.
    pub until: UnixMillis,
}

/// Takes what is due, at most `at_most`: in turns of one for each organization, those first that wait longest, so
/// that nobody's slow receiver holds up the others, however many messages it has.
///
/// Organizations are found by walking an index, a step each; of each, no more is read than may be taken.
#[must_use]
pub fn claim_due(claim: Claim<'_>, at_most: u32) -> Statement {
    statement(
        "WITH RECURSIVE seen (id) AS (
           SELECT min(m.organization_id) FROM webhook_deliveries AS m
           WHERE m.next_attempt_at IS NOT NULL
           UNION ALL
           SELECT (SELECT min(m.organization_id) FROM webhook_deliveries AS m
             WHERE m.organization_id > seen.id AND m.next_attempt_at IS NOT NULL)
           FROM seen WHERE seen.id IS NOT NULL
         ),
         waiting (id, since) AS (
           SELECT seen.id, (SELECT min(m.next_attempt_at) FROM webhook_deliveries AS m
             WHERE m.organization_id = seen.id AND m.next_attempt_at <= CAST(?2 AS INTEGER))
           FROM seen WHERE seen.id IS NOT NULL
         ),
         opened (id) AS (
           SELECT waiting.id FROM waiting WHERE waiting.since IS NOT NULL
           ORDER BY waiting.since LIMIT CAST(?4 AS INTEGER)
         ),
         ranked (id, next_attempt_at, turn) AS (
           SELECT due.id, due.next_attempt_at,
             row_number() OVER (PARTITION BY due.organization_id ORDER BY due.next_attempt_at)
           FROM opened CROSS JOIN webhook_deliveries AS due ON due.rowid IN (
             SELECT m.rowid FROM webhook_deliveries AS m
             WHERE m.organization_id = opened.id AND m.next_attempt_at <= CAST(?2 AS INTEGER)
             ORDER BY m.next_attempt_at LIMIT CAST(?4 AS INTEGER))
         )
         UPDATE webhook_deliveries SET claim = ?1, next_attempt_at = CAST(?3 AS INTEGER)
         WHERE id IN (
           SELECT ranked.id FROM ranked
           ORDER BY ranked.turn, ranked.next_attempt_at LIMIT CAST(?4 AS INTEGER))",
        [claim.token.into(), claim.now.into(), claim.until.into(), i64::from(at_most).into()],
    )
}

/// Takes one that is due, unless somebody is at it.
#[must_use]
pub fn claim_one(claim: Claim<'_>, id: &DeliveryId) -> Statement {
    statement(
        "UPDATE webhook_deliveries SET claim = ?1, next_attempt_at = CAST(?3 AS INTEGER)
         WHERE id = ?4 AND next_attempt_at <= CAST(?2 AS INTEGER)",
        [claim.token.into(), claim.now.into(), claim.until.into(), id.as_str().into()],
    )
}

/// A message that was taken to be sent.
#[derive(Clone, Debug, Deserialize)]
pub struct ClaimedRow {
    /// How often it was tried.
    pub attempts: u32,
    /// The secret of a call back, sealed.
    pub callback_sealed: Option<String>,
    /// What happened.
    pub event_type: String,
    /// The `webhook-id`.
    pub id: DeliveryId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// The body.
    pub payload: String,
    /// The secret before this one, sealed.
    pub previous_sealed: Option<String>,
    /// Until when that signs too.
    pub previous_until: Option<UnixMillis>,
    /// The secret of the webhook, sealed.
    pub sealed: Option<String>,
    /// How often it was tried since it was last begun.
    pub tries: u32,
    /// Where to.
    pub url: String,
    /// Whom it is for; absent for a call back.
    pub webhook_id: Option<WebhookId>,
    /// Whether that is told anything.
    pub webhook_status: Option<WebhookStatus>,
}

/// What was taken under a token: [`ClaimedRow`]s. In the batch of [`claim_due`] or [`claim_one`].
#[must_use]
pub fn claimed(token: &str) -> Statement {
    statement(
        "SELECT m.id, m.webhook_id, m.organization_id, m.event_type, m.payload, m.attempts, m.tries,
           coalesce(m.url, h.url) AS url, m.sealed AS callback_sealed, h.sealed, h.previous_sealed,
           h.previous_until, h.status AS webhook_status
         FROM webhook_deliveries AS m LEFT JOIN webhooks AS h ON h.id = m.webhook_id
         WHERE m.claim = ?1",
        [token.into()],
    )
}

/// One try.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct AttemptRow {
    /// When.
    pub at: UnixMillis,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// Why it was no delivery; absent if it was one.
    pub error: Option<String>,
    /// Which one, 1 for the first.
    pub number: u32,
    /// The receiver's status; absent if there was no answer.
    pub status: Option<u16>,
}

/// How many tries of a delivery are kept: the last ones.
const KEPT_ATTEMPTS: u32 = 10;

/// Notes a try, while the message is still held under this token: two statements, before [`settle`].
#[must_use]
pub fn note_attempt(id: &DeliveryId, token: &str, attempt: &AttemptRow) -> [Statement; 2] {
    let note = statement(
        "INSERT INTO webhook_attempts (delivery_id, number, at, duration_ms, status, error)
         SELECT m.id, ?3, ?4, ?5, ?6, ?7 FROM webhook_deliveries AS m WHERE m.id = ?1 AND m.claim = ?2
         ON CONFLICT (delivery_id, number) DO NOTHING",
        [
            id.as_str().into(),
            token.into(),
            i64::from(attempt.number).into(),
            attempt.at.into(),
            attempt.duration_ms.into(),
            attempt.status.map(i64::from).into(),
            attempt.error.clone().into(),
        ],
    );
    let forget = statement(
        "DELETE FROM webhook_attempts WHERE delivery_id = ?1 AND number <= CAST(?2 AS INTEGER)",
        [id.as_str().into(), i64::from(attempt.number.saturating_sub(KEPT_ATTEMPTS)).into()],
    );
    [note, forget]
}

/// What is true of a message once it was dealt with.
#[derive(Clone, Debug)]
pub struct Settled<'a> {
    /// Why it was no delivery; absent if it was one.
    pub error: Option<&'a str>,
    /// When it is tried again; absent once it is over.
    pub next_attempt_at: Option<UnixMillis>,
    /// Now.
    pub now: UnixMillis,
    /// How far it is.
    pub state: DeliveryState,
    /// The receiver's status; absent if there was no answer.
    pub status: Option<u16>,
    /// Whether it was sent at all.
    pub was_tried: bool,
}

/// Lets go of a message that is still held under this token: one row if it was.
#[must_use]
pub fn settle(id: &DeliveryId, token: &str, settled: &Settled<'_>) -> Statement {
    statement(
        "UPDATE webhook_deliveries SET claim = NULL, state = ?3, next_attempt_at = CAST(?4 AS INTEGER),
           last_status = CAST(?5 AS INTEGER), last_error = ?6,
           attempts = attempts + CAST(?7 AS INTEGER), tries = tries + CAST(?7 AS INTEGER),
           delivered_at = iif(?3 = 'delivered', CAST(?8 AS INTEGER), NULL),
           sealed = iif(?3 = 'pending', sealed, NULL)
         WHERE id = ?1 AND claim = ?2
         RETURNING id AS settled",
        [
            id.as_str().into(),
            token.into(),
            settled.state.as_str().into(),
            settled.next_attempt_at.into(),
            settled.status.map(i64::from).into(),
            settled.error.into(),
            i64::from(settled.was_tried).into(),
            settled.now.into(),
        ],
    )
}

/// A delivery with its last tries.
#[derive(Clone, Debug, Deserialize)]
pub struct DeliveryRow {
    /// How often it was tried.
    pub attempts: u32,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When the receiver took it.
    pub delivered_at: Option<UnixMillis>,
    /// What happened.
    pub event_type: String,
    /// The last tries, by number.
    #[serde(deserialize_with = "json_text")]
    pub history: Vec<AttemptRow>,
    /// The `webhook-id`.
    pub id: DeliveryId,
    /// Where it happened.
    pub instance_id: Option<InstanceId>,
    /// Why the last try was no delivery.
    pub last_error: Option<String>,
    /// The receiver's last status.
    pub last_status: Option<u16>,
    /// When it is tried next.
    pub next_attempt_at: Option<UnixMillis>,
    /// The body.
    #[serde(deserialize_with = "json_text")]
    pub payload: Value,
    /// Where it stands in the list: what cursors are made of.
    pub place: String,
    /// How far it is.
    pub state: DeliveryState,
}

macro_rules! columns {
    () => {
        "m.id, m.instance_id, m.event_type, m.payload, m.state, m.attempts, m.next_attempt_at, m.last_status,
         m.last_error, m.created_at, m.delivered_at, m.created_at || '/' || m.id AS place,
         (SELECT json_group_array(json_object('number', t.number, 'at', t.at, 'duration_ms', t.duration_ms,
            'status', t.status, 'error', t.error))
          FROM webhook_attempts AS t WHERE t.delivery_id = m.id) AS history"
    };
}

/// Finds one of a webhook: at most one [`DeliveryRow`].
#[must_use]
pub fn find(webhook: &WebhookId, id: &DeliveryId) -> Statement {
    statement(
        concat!(
            "SELECT ",
            columns!(),
            " FROM webhook_deliveries AS m WHERE m.id = ?1 AND m.webhook_id = ?2"
        ),
        [id.as_str().into(), webhook.as_str().into()],
    )
}

/// Lists those of a webhook, the newest first: [`DeliveryRow`]s for [`PageQuery::page`], by their `place`.
///
/// A cursor that is not one of this list begins at the end, so it finds nothing.
#[must_use]
pub fn list(webhook: &WebhookId, state: Option<DeliveryState>, page: &PageQuery) -> Statement {
    let (millis, id): (i64, &str) = match page.after.as_deref() {
        // Later than anything, and a letter after that of `msg_`.
        None => (1 << 52, "n"),
        Some(place) => match place.split_once('/') {
            Some((millis, id)) => (millis.parse().unwrap_or(0), id),
            None => (0, ""),
        },
    };
    statement(
        concat!(
            "SELECT ",
            columns!(),
            " FROM webhook_deliveries AS m
             WHERE m.webhook_id = ?1 AND m.created_at <= CAST(?2 AS INTEGER)
               AND (m.created_at < CAST(?2 AS INTEGER) OR m.id < ?3) AND (?4 IS NULL OR m.state = ?4)
             ORDER BY m.created_at DESC, m.id DESC LIMIT CAST(?5 AS INTEGER)"
        ),
        [
            webhook.as_str().into(),
            millis.into(),
            id.into(),
            state.map(DeliveryState::as_str).into(),
            page.rows_to_read().into(),
        ],
    )
}

/// Begins a delivery anew, with all its tries, due at once. In the batch of [`restartable`].
#[must_use]
pub fn restart(id: &DeliveryId, now: UnixMillis) -> Statement {
    statement(
        "UPDATE webhook_deliveries SET state = 'pending', tries = 0, next_attempt_at = CAST(?2 AS INTEGER),
           delivered_at = NULL, claim = NULL
         WHERE id = ?1",
        [id.as_str().into(), now.into()],
    )
}

/// Ends the batch with a conflict on `audit_events.id` while somebody is at this delivery, and if its webhook is
/// told nothing: see [`crate::store::organizations::unchanged`].
#[must_use]
pub fn restartable(event: &str, id: &DeliveryId, now: UnixMillis) -> Statement {
    statement(
        "INSERT INTO audit_events (id, actor_kind, action, target_id, created_at)
         SELECT e.id, e.actor_kind, e.action, e.target_id, e.created_at FROM audit_events AS e
         WHERE e.id = ?1 AND NOT EXISTS (
           SELECT 1 FROM webhook_deliveries AS m JOIN webhooks AS h ON h.id = m.webhook_id
           WHERE m.id = ?2 AND h.status = 'active'
             AND (m.claim IS NULL OR m.next_attempt_at <= CAST(?3 AS INTEGER)))",
        [event.into(), id.as_str().into(), now.into()],
    )
}

/// A call back whose secret an older master key sealed.
#[derive(Clone, Debug, Deserialize)]
pub struct OldCallback {
    /// Its id.
    pub id: DeliveryId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// The secret, sealed.
    pub sealed: String,
    /// Where to.
    pub url: String,
}

/// Those whose secret was sealed with an older master key than this one: at most 1,000 [`OldCallback`]s.
#[must_use]
pub fn older(newest: u32) -> Statement {
    statement(
        "SELECT m.id, m.organization_id, m.url, m.sealed FROM webhook_deliveries AS m
         WHERE m.key_version < CAST(?1 AS INTEGER) ORDER BY m.key_version, m.id LIMIT 1000",
        [i64::from(newest).into()],
    )
}

/// Counts them: one row with `count`.
#[must_use]
pub fn count_older(newest: u32) -> Statement {
    statement(
        "SELECT count(*) AS count FROM webhook_deliveries WHERE key_version < CAST(?1 AS INTEGER)",
        [i64::from(newest).into()],
    )
}

/// Puts the same secret there as another master key sealed it: one row if it was done.
#[must_use]
pub fn reseal(old: &OldCallback, sealed: &str) -> Statement {
    statement(
        "UPDATE webhook_deliveries SET sealed = ?3 WHERE id = ?1 AND sealed = ?2 RETURNING id AS resealed",
        [old.id.as_str().into(), old.sealed.as_str().into(), sealed.into()],
    )
}
