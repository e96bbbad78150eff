//! What a webhook was told: to be looked at, and to be told again.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    http::{
        error::{ApiError, Code},
        extract::{Incoming, PathText, PathTexts},
        routes::{Allowed, unknown},
    },
    ids::{DeliveryId, InstanceId, WebhookId},
    ports::{Platform, PortError, Statement, random, rows},
    store::{
        audit::{self, AuditEvent},
        webhooks::{
            WebhookStatus,
            deliveries::{self as store, AttemptRow, DeliveryRow, DeliveryState},
        },
    },
    time::Timestamp,
    webhooks::{delivery, test_message},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::Held;
use crate::{
    provider_keys::NoBody,
    resource::{Filters, Resource, actor, listed, no_idempotency_key},
};

const WHAT: &str = "delivery";

/// One message to a webhook.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct Delivery {
    /// Its id: the header `webhook-id` of each try.
    id: DeliveryId,
    /// Whom it is for.
    webhook_id: WebhookId,
    /// Where it happened; null for a test of a webhook that hears of every instance.
    instance_id: Option<InstanceId>,
    /// What happened: `job.succeeded`.
    event_type: String,
    /// `pending`, `delivered`, or `failed`: given up.
    state: DeliveryState,
    /// How often it was tried.
    attempt_count: u32,
    /// The last ten tries, by number.
    attempts: Vec<DeliveryAttempt>,
    /// When it is tried next; null once it is over.
    next_attempt_at: Option<Timestamp>,
    /// The receiver's last status; null if there was none.
    last_status: Option<u16>,
    /// Why the last try was no delivery; null if it was one.
    last_error: Option<String>,
    /// The body that is sent: `type`, `timestamp`, `data`.
    #[cfg_attr(not(target_family = "wasm"), schema(value_type = serde_json::Map<String, Value>))]
    payload: Value,
    /// When it was made.
    created_at: Timestamp,
    /// When the receiver took it.
    delivered_at: Option<Timestamp>,
}

/// One try.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct DeliveryAttempt {
    /// Which one, 1 for the first.
    number: u32,
    /// When.
    at: Timestamp,
    /// How long it took, in milliseconds.
    duration_ms: i64,
    /// The receiver's status; null if there was none.
    status: Option<u16>,
    /// Why it was no delivery; null if it was one.
    error: Option<String>,
}

/// Lists those of a webhook, the newest first.
pub(crate) async fn list(
    platform: Platform,
    allowed: Allowed,
    PathText(id): PathText,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let words = DeliveryState::ALL.map(DeliveryState::as_str);
    let state = filters.word("state", &words).and_then(DeliveryState::parse);
    let page = filters.page();
    filters.finish()?;
    let webhook = Held::find(&platform, &allowed, &id).await?.row.id;
    let read: Vec<DeliveryRow> =
        rows(&*platform.database, store::list(&webhook, state, &page)).await?;
    let page = page.page(read, |row| row.place.as_str());
    Ok(listed(page, |row| public(&webhook, row)))
}

/// Sends a message that shows whether messages arrive, and answers what came of it.
pub(crate) async fn test(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    PathText(id): PathText,
    _: NoBody,
) -> Result<Response, ApiError> {
    no_idempotency_key(&incoming)?;
    let webhook = Held::find(&platform, &allowed, &id).await?;
    is_active(&webhook)?;
    let now = platform.clock.now();
    let id = DeliveryId::make(now, random(&*platform.entropy));
    let event = record(&platform, &allowed, &incoming, &webhook, "test", &id);
    let message = test_message(&webhook.row.id, &id, now);
    platform.database.batch(vec![audit::insert(&event, now), message]).await?;
    send(&platform, &webhook.row.id, &id).await
}

/// Begins a delivery anew, and answers what came of its first try.
pub(crate) async fn redeliver(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    PathTexts(id, delivery): PathTexts,
    _: NoBody,
) -> Result<Response, ApiError> {
    no_idempotency_key(&incoming)?;
    let webhook = Held::find(&platform, &allowed, &id).await?;
    let id = DeliveryId::parse(&delivery).map_err(|_| unknown(WHAT))?;
    find(&platform, &webhook.row.id, &id).await?;
    is_active(&webhook)?;
    let now = platform.clock.now();
    let event = record(&platform, &allowed, &incoming, &webhook, "redeliver", &id);
    let batch: Vec<Statement> = vec![
        audit::insert(&event, now),
        store::restartable(&event.id, &id, now),
        store::restart(&id, now),
    ];
    match platform.database.batch(batch).await {
        Ok(_) => send(&platform, &webhook.row.id, &id).await,
        Err(PortError::Conflict { constraint }) if constraint == "audit_events.id" => {
            Err(ApiError::new(Code::Conflict, "it is being sent right now"))
        }
        Err(err) => Err(err.into()),
    }
}

/// Sends a message that is due, and answers what came of it: that a receiver refuses is an answer.
async fn send(
    platform: &Platform,
    webhook: &WebhookId,
    id: &DeliveryId,
) -> Result<Response, ApiError> {
    delivery::deliver_one(platform, id).await?;
    let row = find(platform, webhook, id).await?;
    Ok(Json(public(webhook, &row)).into_response())
}

async fn find(
    platform: &Platform,
    webhook: &WebhookId,
    id: &DeliveryId,
) -> Result<DeliveryRow, ApiError> {
    let found: Vec<DeliveryRow> = rows(&*platform.database, store::find(webhook, id)).await?;
    found.into_iter().next().ok_or_else(|| unknown(WHAT))
}

fn is_active(webhook: &Held) -> Result<(), ApiError> {
    if webhook.row.status == WebhookStatus::Active {
        return Ok(());
    }
    Err(ApiError::new(Code::Conflict, "the webhook is disabled; set its status to active first"))
}

fn record(
    platform: &Platform,
    allowed: &Allowed,
    incoming: &Incoming,
    webhook: &Held,
    verb: &str,
    id: &DeliveryId,
) -> AuditEvent {
    AuditEvent {
        action: format!("{}.{verb}", Held::ACTION),
        actor: actor(allowed.caller()),
        after: Some(json!({"delivery_id": id})),
        before: None,
        id: AuditEvent::make_id(platform.clock.now(), random(&*platform.entropy)),
        organization_id: Some(webhook.row.organization_id.clone()),
        request_id: Some(incoming.context.request_id().clone()),
        target_id: webhook.id().to_owned(),
    }
}

fn public(webhook: &WebhookId, row: &DeliveryRow) -> Delivery {
    let attempt = |attempt: &AttemptRow| DeliveryAttempt {
        number: attempt.number,
        at: attempt.at.into(),
        duration_ms: attempt.duration_ms,
        status: attempt.status,
        error: attempt.error.clone(),
    };
    Delivery {
        id: row.id.clone(),
        webhook_id: webhook.clone(),
        instance_id: row.instance_id.clone(),
        event_type: row.event_type.clone(),
        state: row.state,
        attempt_count: row.attempts,
        attempts: row.history.iter().map(attempt).collect(),
        next_attempt_at: row.next_attempt_at.map(Timestamp),
        last_status: row.last_status,
        last_error: row.last_error.clone(),
        payload: row.payload.clone(),
        created_at: row.created_at.into(),
        delivered_at: row.delivered_at.map(Timestamp),
    }
}
