//! `/v1/webhooks`: who is told of events. A secret is in one answer, and nowhere else.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use de_core::{
    auth::vault::VaultError,
    guard,
    http::{
        error::{ApiError, Code},
        extract::{AdminBody, Incoming, PathText},
        routes::{Allowed, unknown},
    },
    ids::{InstanceId, OrganizationId, WebhookId},
    ports::{Platform, Settings, Statement, random, rows},
    protocols::FieldIssue,
    secret::Secret,
    store::{
        organizations::{self, OrganizationRow},
        webhooks::{self as store, MOST, WebhookQuery, WebhookRow, WebhookStatus},
    },
    time::{Timestamp, UnixMillis},
    webhooks::{self as core, EventType, signature::make_secret},
};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    instances,
    resource::{
        Begun, Change, Created, Fields, Filters, Once, Request, Resource, Saved, TRIES, count,
        grant, if_match, later, listed, overtaken, viewer,
    },
};

mod deliveries;

#[cfg(not(target_family = "wasm"))]
pub(crate) use deliveries::Delivery;
pub(crate) use deliveries::{list as deliveries, redeliver, test};

const WHAT: &str = "webhook";

/// The longest time that a rotated secret signs on, in seconds: 7 days.
const MOST_OVERLAP_S: i64 = 7 * 24 * 60 * 60;
/// The usual one: a day.
const USUAL_OVERLAP_S: i64 = 24 * 60 * 60;

/// An address that is told of events.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct Webhook {
    /// Its id.
    id: WebhookId,
    /// Whose it is.
    organization_id: OrganizationId,
    /// The instance that it hears of; null: every one of the organization.
    instance_id: Option<InstanceId>,
    /// Where messages go.
    url: String,
    /// What it is told of.
    events: Vec<String>,
    /// For people.
    description: Option<String>,
    /// `active`, or `disabled`: by someone, or by the receiver, which has answered 410.
    status: WebhookStatus,
    /// Until when the secret before this one signs too; null if it does not.
    previous_secret_until: Option<Timestamp>,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

/// A row, when it was read, and what its address is checked by.
#[derive(Clone)]
pub(crate) struct Held {
    now: UnixMillis,
    row: WebhookRow,
    settings: Arc<Settings>,
}

/// Lists by id what the caller administers, or has a grant on the instance of.
pub(crate) async fn list(
    platform: Platform,
    allowed: Allowed,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let instance = filters.id("instance_id", InstanceId::parse);
    let organization = filters.id("organization_id", OrganizationId::parse);
    let words = WebhookStatus::ALL.map(WebhookStatus::as_str);
    let query = WebhookQuery {
        instance: instance.as_ref(),
        organization: organization.as_ref(),
        page: filters.page(),
        status: filters.word("status", &words).and_then(WebhookStatus::parse),
    };
    filters.finish()?;
    let read: Vec<WebhookRow> =
        rows(&*platform.database, store::list(&query, viewer(&allowed)?)).await?;
    let now = platform.clock.now();
    Ok(listed(query.page.page(read, |row| row.id.as_str()), |row| shown_at(row, now)))
}

/// Makes one, and shows its secret this once.
pub(crate) async fn create(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    AdminBody(members): AdminBody,
) -> Result<Response, ApiError> {
    let request = Request::of(&platform, &allowed, &incoming);
    let now = platform.clock.now();
    let mut fields = Fields::of(members.clone());
    fields.require("url");
    fields.require("events");
    let organization = fields.id("organization_id", OrganizationId::parse);
    let instance = fields.id("instance_id", InstanceId::parse);
    if organization.is_none() && instance.is_none() {
        let reason = "is required, or an instance_id: say whose events it is told of";
        fields.wrong("organization_id", reason);
    }
    let id = WebhookId::make(now, random(&*platform.entropy));
    let (secret, sealed) = make(&platform, &id)?;
    let own = allowed.caller().key().organization_id.clone();
    let row = WebhookRow {
        created_at: now,
        description: None,
        events: Vec::new(),
        grant_role: None,
        id,
        instance_id: instance,
        organization_id: organization.clone().unwrap_or(own),
        previous_sealed: None,
        previous_until: None,
        sealed,
        status: WebhookStatus::Active,
        updated_at: now,
        url: String::new(),
    };
    let mut held = Held { now, row, settings: platform.settings.clone() };
    held.apply(fields, now)?;
    let (mut instance, mut above) = (None, None);
    if let Some(id) = &held.row.instance_id {
        let found = instances::find(&platform, &allowed, id.as_str()).await?;
        if organization.is_some_and(|named| named != found.organization_id) {
            let reason = "is not that of the instance".to_owned();
            let pointer = "/organization_id".to_owned();
            return Err(ApiError::fields(&[FieldIssue { pointer, reason }]));
        }
        held.row.organization_id.clone_from(&found.organization_id);
        instance = Some(found);
    } else {
        let id = &held.row.organization_id;
        allowed.on(id, None, "organization")?;
        let found: Vec<OrganizationRow> =
            rows(&*platform.database, organizations::find(id)).await?;
        above = Some(found.into_iter().next().ok_or_else(|| unknown("organization"))?);
    }
    let once = match Once::begin(&request, "POST /v1/webhooks", &members).await? {
        Begun::Again(answer) => return Ok(answer),
        Begun::New(once) => once,
    };
    let there = count(&platform, store::count(&held.row.organization_id)).await?;
    if there.get("webhooks").and_then(Value::as_u64).is_some_and(|there| there >= MOST) {
        let message = format!("an organization has at most {MOST} webhooks");
        return Err(ApiError::new(Code::Conflict, message));
    }
    let made = held.with_secret(&secret);
    let batch = |event: &str| {
        let instance = instance.map(|row| row.unchanged(event));
        let above = above.map(|row| row.unchanged(event));
        instance.into_iter().chain(above).chain(store::insert(&held.row)).collect()
    };
    request.create(once, Change::of("create", &held).to(&held), made, batch).await
}

/// Removes one, with what it was told. Nothing more is sent once this has answered, but for what is on its way.
pub(crate) async fn delete(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    PathText(id): PathText,
    filters: Filters,
) -> Result<Response, ApiError> {
    filters.finish()?;
    let request = Request::of(&platform, &allowed, &incoming);
    for _ in 0..TRIES {
        let before = Held::find(&platform, &allowed, &id).await?;
        if_match(&incoming.headers, before.updated_at())?;
        let batch = |event: &str| vec![before.unchanged(event), store::delete(&before.row.id)];
        match request.save(Change::of("delete", &before).from(&before), batch).await? {
            Saved::Done => return Ok(StatusCode::NO_CONTENT.into_response()),
            Saved::Overtaken | Saved::Taken { .. } => {}
        }
    }
    Err(overtaken(&incoming.headers))
}

/// Gives it a new secret, and shows that this once. The old one signs beside it for `overlap_s` seconds.
pub(crate) async fn rotate(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    PathText(id): PathText,
    AdminBody(members): AdminBody,
) -> Result<Response, ApiError> {
    let request = Request::of(&platform, &allowed, &incoming);
    let before = Held::find(&platform, &allowed, &id).await?;
    let route = format!("POST /v1/webhooks/{id}/rotate");
    let once = match Once::begin(&request, route, &members).await? {
        Begun::Again(answer) => return Ok(answer),
        Begun::New(once) => once,
    };
    let is_named = members.get("overlap_s").is_some_and(|value| !value.is_null());
    let mut fields = Fields::of(members);
    let named = fields.seconds("overlap_s", MOST_OVERLAP_S);
    fields.finish()?;
    if_match(&incoming.headers, before.updated_at())?;
    let overlap_s = if is_named { named } else { USUAL_OVERLAP_S };
    let now = platform.clock.now();
    let mut held = before.clone();
    let (secret, sealed) = make(&platform, &before.row.id)?;
    let old = std::mem::replace(&mut held.row.sealed, sealed);
    // One that does not open signs nothing: it would only hold an old master key.
    let signs = core::open(&platform.settings, &before.row.id, &old).is_ok();
    let keeps = overlap_s > 0 && signs;
    held.row.previous_sealed = keeps.then_some(old);
    held.row.previous_until = keeps.then_some(now.plus(overlap_s * 1_000));
    held.set_updated_at(later(now, before.updated_at()));
    let made = held.with_secret(&secret);
    let change = Change::of("rotate", &held).from(&before).to(&held);
    let batch = |event: &str| {
        let mut batch = vec![before.unchanged(event)];
        batch.extend(held.update());
        batch
    };
    request.create(once, change, made, batch).await
}

/// A new secret, and how it rests.
fn make(platform: &Platform, id: &WebhookId) -> Result<(Secret, String), ApiError> {
    let secret = make_secret(&*platform.entropy);
    let sealed = core::seal(&platform.settings, &*platform.entropy, id, &secret);
    let internal = |err: VaultError| ApiError::internal(err.to_string());
    sealed.map(|sealed| (secret, sealed)).map_err(internal)
}

fn shown_at(row: &WebhookRow, now: UnixMillis) -> Webhook {
    Webhook {
        id: row.id.clone(),
        organization_id: row.organization_id.clone(),
        instance_id: row.instance_id.clone(),
        url: row.url.clone(),
        events: row.events.clone(),
        description: row.description.clone(),
        status: row.status,
        previous_secret_until: row.previous_until.filter(|until| *until > now).map(Timestamp),
        created_at: row.created_at.into(),
        updated_at: row.updated_at.into(),
    }
}

impl Held {
    /// The row with its secret, as the answer that makes it shows it.
    fn with_secret(&self, secret: &Secret) -> Created {
        let mut body = json!(self.shown());
        if let Some(members) = body.as_object_mut() {
            members.insert("secret".to_owned(), secret.expose().into());
        }
        let location = format!("/v1/webhooks/{}", self.row.id);
        Created { body, location, updated_at: self.row.updated_at }
    }
}

impl Resource for Held {
    type Shown = Webhook;

    const ACTION: &'static str = "webhook";

    async fn find(platform: &Platform, allowed: &Allowed, id: &str) -> Result<Self, ApiError> {
        let id = WebhookId::parse(id).map_err(|_| unknown(WHAT))?;
        let user = allowed.caller().key().user_id.as_ref();
        let found: Vec<WebhookRow> = rows(&*platform.database, store::find(&id, user)).await?;
        let row = found.into_iter().next().ok_or_else(|| unknown(WHAT))?;
        allowed.on(&row.organization_id, grant(row.grant_role.as_deref()), WHAT)?;
        Ok(Self { now: platform.clock.now(), row, settings: platform.settings.clone() })
    }

    fn apply(&mut self, mut fields: Fields, _: UnixMillis) -> Result<(), ApiError> {
        let row = &mut self.row;
        match fields.take("url") {
            None => {}
            Some(Value::String(text)) => match guard::receiver(&text, &self.settings) {
                Ok(url) => row.url = url,
                Err(refusal) => fields.wrong("url", &refusal.to_string()),
            },
            Some(_) => fields.wrong("url", "expected text"),
        }
        let hears_nothing = fields.is_blank("events");
        fields.list("events", event, &mut row.events);
        if hears_nothing {
            fields.wrong("events", "name at least one");
        }
        row.events.sort_unstable();
        fields.text_or_null("description", 2_000, &mut row.description);
        let words = WebhookStatus::ALL.map(WebhookStatus::as_str);
        let mut word = row.status.as_str().to_owned();
        fields.word("status", &words, &mut word);
        row.status = WebhookStatus::parse(&word).unwrap_or(row.status);
        fields.finish()
    }

    fn shown(&self) -> Webhook {
        shown_at(&self.row, self.now)
    }

    fn id(&self) -> &str {
        self.row.id.as_str()
    }

    fn owner(&self) -> Option<&OrganizationId> {
        Some(&self.row.organization_id)
    }

    fn updated_at(&self) -> UnixMillis {
        self.row.updated_at
    }

    fn set_updated_at(&mut self, at: UnixMillis) {
        self.row.updated_at = at;
    }

    fn unchanged(&self, event: &str) -> Statement {
        store::unchanged(event, &self.row.id, self.row.updated_at)
    }

    fn update(&self) -> Vec<Statement> {
        store::update(&self.row).into()
    }
}

/// One of the events that can be subscribed to.
fn event(word: &str) -> Result<String, String> {
    let known = EventType::subscribable(word).map(|event| event.as_str().to_owned());
    known.ok_or_else(|| {
        let words = EventType::SUBSCRIBABLE.map(EventType::as_str);
        format!("expected one of {}", words.join(", "))
    })
}
