//! `/v1/provider-keys`: the vendors' keys of an instance. They go in, and never come out again.

use std::sync::Arc;

use axum::{
    Json,
    extract::FromRequest,
    response::{IntoResponse, Response},
};
use de_core::{
    auth::vault,
    exchange::key_test,
    http::{
        error::{ApiError, Code},
        extract::{AdminBody, Incoming, PathText, PathTexts},
        routes::{Allowed, unknown},
    },
    ids::{InstanceId, OrganizationId, ProviderId},
    json,
    ports::{Entropy, Platform, Statement, random, rows},
    protocols::FieldIssue,
    registry,
    secret::Secret,
    store::{
        Viewer,
        audit::{self, AuditEvent},
        instances::InstanceRow,
        provider_keys::{
            self as store, NewProviderKey, ProviderKeyQuery, ProviderKeyRow, SealedRow, Tried,
        },
        providers::{self, ProviderRow},
    },
    time::{Timestamp, UnixMillis},
};
use http::{Request as HttpRequest, StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    instances,
    resource::{
        self, Change, Created, Fields, Filters, Request, Resource, Saved, TRIES, actor, if_match,
        later, listed, no_idempotency_key, overtaken, shown, viewer,
    },
};

mod reseal;

#[cfg(not(target_family = "wasm"))]
pub(crate) use reseal::Resealed;
pub(crate) use reseal::reseal;

const WHAT: &str = "provider key";

/// The longest key, in characters.
const LONGEST: usize = 4_096;

/// A vendor's key, without the key.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct ProviderKey {
    /// Whose key it is.
    instance_id: InstanceId,
    /// Whom it opens.
    provider_id: ProviderId,
    /// Which one it is, for people; null if it has fewer than 12 characters.
    last_four: Option<String>,
    /// Which master key sealed it.
    key_version: u32,
    /// Whether calls are made with it. False once its provider lives at a host that it did not have when
    /// the key was saved: the key goes to no other host until it is saved again.
    usable: bool,
    /// When there was first one.
    created_at: Timestamp,
    /// When it was last replaced.
    updated_at: Timestamp,
    /// When a call last used it.
    last_used_at: Option<Timestamp>,
    /// What came of trying it; null if it was not tried since it was replaced.
    last_test: Option<LastTest>,
}

/// What came of trying a key.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct LastTest {
    /// When.
    at: Timestamp,
    /// What the vendor said, masked and cut, or why there was no answer; null if all was well.
    message: Option<String>,
    /// Whether the vendor took the key.
    ok: bool,
}

/// What comes of trying a key now.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct KeyTested {
    /// Whether the vendor took the key.
    ok: bool,
    /// The vendor's status; null if there was no answer.
    status: Option<u16>,
    /// What the vendor said, masked and cut at 500 characters, or why there was no answer; null if all is
    /// well.
    message: Option<String>,
    /// How long it took, in milliseconds.
    duration_ms: i64,
    /// When it was asked.
    at: Timestamp,
}

/// A row, whose it is, and what seals its next key.
#[derive(Clone)]
struct Held {
    entropy: Arc<dyn Entropy>,
    organization_id: OrganizationId,
    row: SealedRow,
    settings: Arc<de_core::ports::Settings>,
}

/// No body, or an empty object.
pub(crate) struct NoBody;

/// Lists by instance and provider what the caller may see.
pub(crate) async fn list(
    platform: Platform,
    allowed: Allowed,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let instance = filters.id("instance_id", InstanceId::parse);
    let provider = filters.id("provider_id", ProviderId::parse);
    let page = filters.page();
    filters.finish()?;
    let viewer = viewer(&allowed)?;
    if matches!(viewer, Viewer::Everything) && instance.is_none() {
        let issue = |reason: &str| FieldIssue {
            pointer: "?instance_id".to_owned(),
            reason: reason.to_owned(),
        };
        return Err(ApiError::fields(&[issue("is required: who operates the service sees all")]));
    }
    let query = ProviderKeyQuery { instance: instance.as_ref(), page, provider: provider.as_ref() };
    let read: Vec<ProviderKeyRow> = rows(&*platform.database, store::list(&query, viewer)).await?;
    Ok(listed(query.page.page(read, |row| row.place.as_str()), public))
}

/// Shows one.
pub(crate) async fn read(
    platform: Platform,
    allowed: Allowed,
    PathTexts(instance_id, provider_id): PathTexts,
) -> Result<Response, ApiError> {
    resource::read::<Held>(platform, allowed, PathText(place(&instance_id, &provider_id))).await
}

/// Saves a key, in place of the one that was there.
pub(crate) async fn put(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    PathTexts(instance_id, provider_id): PathTexts,
    AdminBody(members): AdminBody,
) -> Result<Response, ApiError> {
    let request = Request::of(&platform, &allowed, &incoming);
    for _ in 0..TRIES {
        let instance = instances::find(&platform, &allowed, &instance_id).await?;
        let provider = provider(&platform, &provider_id, &instance.organization_id).await?;
        let now = platform.clock.now();
        let before = held(&platform, &instance, &provider.id).await?;
        match &before {
            Some(before) => if_match(&incoming.headers, before.updated_at())?,
            None if incoming.headers.contains_key(header::IF_MATCH) => {
                return Err(overtaken(&incoming.headers));
            }
            None => {}
        }
        let mut held =
            before.clone().unwrap_or_else(|| Held::blank(&platform, &instance, &provider, now));
        held.bind(&provider);
        held.apply(Fields::of(members.clone()), now)?;
        let saved = match &before {
            Some(before) => {
                held.set_updated_at(later(now, before.updated_at()));
                request.replace("put", before, &held).await?
            }
            None => {
                let batch = |event: &str| vec![instance.unchanged(event), held.insert()];
                request.save(Change::of("put", &held).to(&held), batch).await?
            }
        };
        match saved {
            Saved::Done if before.is_some() => return Ok(shown(&held)),
            Saved::Done => {
                let location = format!("/v1/provider-keys/{}", held.id());
                return Ok(Created::of(&held, location).response());
            }
            // Someone else's came in between: this one is the later.
            Saved::Overtaken | Saved::Taken { .. } => {}
        }
    }
    Err(overtaken(&incoming.headers))
}

/// Forgets a key. No call is made with it once this has answered.
pub(crate) async fn delete(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    PathTexts(instance_id, provider_id): PathTexts,
    filters: Filters,
) -> Result<Response, ApiError> {
    filters.finish()?;
    let request = Request::of(&platform, &allowed, &incoming);
    for _ in 0..TRIES {
        let before = Held::find(&platform, &allowed, &place(&instance_id, &provider_id)).await?;
        if_match(&incoming.headers, before.updated_at())?;
        let key = &before.row.key;
        let batch = |event: &str| {
            vec![before.unchanged(event), store::delete(&key.instance_id, &key.provider_id)]
        };
        match request.save(Change::of("delete", &before).from(&before), batch).await? {
            Saved::Done => return Ok(StatusCode::NO_CONTENT.into_response()),
            Saved::Overtaken | Saved::Taken { .. } => {}
        }
    }
    Err(overtaken(&incoming.headers))
}

/// Tries a key: one cheap real call to the vendor. That it refuses is an answer, not a failure of ours.
pub(crate) async fn test(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    PathTexts(instance_id, provider_id): PathTexts,
    _: NoBody,
) -> Result<Response, ApiError> {
    no_idempotency_key(&incoming)?;
    let held = Held::find(&platform, &allowed, &place(&instance_id, &provider_id)).await?;
    let key = &held.row.key;
    let provider_id_noted = key.provider_id.as_str().to_owned();
    incoming.context.note(|line| line.provider_id = Some(provider_id_noted));
    let provider = provider(&platform, &provider_id, &held.organization_id).await?;
    let conflict = |message: String| ApiError::new(Code::Conflict, message);
    let name = provider.id.clone();
    let test = provider.key_test.clone().ok_or_else(|| {
        conflict(format!("{name} names no call that tries a key: the provider has no key_test"))
    })?;
    let wrongly =
        |reason: String| conflict(format!("the provider {name} may not be called: {reason}"));
    if !key.hosts.as_ref().is_some_and(|hosts| hosts.allow(&provider.key_hosts())) {
        let message = format!("the key for {name} was saved for another address; save it again");
        return Err(conflict(message));
    }
    let provider = registry::Provider::of(provider.into()).map_err(wrongly)?;
    let sealed = &held.row.sealed;
    let secret = vault::open(&platform.settings, &key.instance_id, &key.provider_id, sealed);
    let secret = secret.map_err(|err| {
        conflict("the key does not open any more; save it again".to_owned())
            .because(err.to_string())
    })?;
    let verdict = key_test::ask(&platform, &provider, &test, &secret).await.map_err(wrongly)?;
    let tested = KeyTested {
        ok: verdict.ok,
        status: verdict.status,
        message: verdict.message,
        duration_ms: verdict.duration_ms,
        at: verdict.at.into(),
    };
    let now = platform.clock.now();
    let event = AuditEvent {
        action: "provider-key.test".to_owned(),
        actor: actor(allowed.caller()),
        after: Some(json!({"ok": tested.ok, "status": tested.status})),
        before: None,
        id: AuditEvent::make_id(now, random(&*platform.entropy)),
        organization_id: Some(held.organization_id.clone()),
        request_id: Some(incoming.context.request_id().clone()),
        target_id: held.id().to_owned(),
    };
    let tried = Tried { at: verdict.at, message: tested.message.as_deref(), ok: tested.ok };
    let batch = vec![
        audit::insert(&event, now),
        store::tried(&key.instance_id, &key.provider_id, sealed, tried),
    ];
    platform.database.batch(batch).await?;
    Ok(Json(tested).into_response())
}

/// The provider that a key is for: the organization's own, else the shared one.
async fn provider(
    platform: &Platform,
    id: &str,
    organization: &OrganizationId,
) -> Result<ProviderRow, ApiError> {
    let id = ProviderId::parse(id).map_err(|_| unknown("provider"))?;
    let found = providers::find(&id, Some(organization));
    let found: Vec<ProviderRow> = rows(&*platform.database, found).await?;
    found.into_iter().next().ok_or_else(|| unknown("provider"))
}

async fn held(
    platform: &Platform,
    instance: &InstanceRow,
    provider: &ProviderId,
) -> Result<Option<Held>, ApiError> {
    let found = store::find(&instance.id, provider);
    let found: Vec<SealedRow> = rows(&*platform.database, found).await?;
    Ok(found.into_iter().next().map(|row| Held {
        entropy: platform.entropy.clone(),
        organization_id: instance.organization_id.clone(),
        row,
        settings: platform.settings.clone(),
    }))
}

fn public(key: &ProviderKeyRow) -> ProviderKey {
    ProviderKey {
        instance_id: key.instance_id.clone(),
        provider_id: key.provider_id.clone(),
        last_four: Some(key.last_four.clone()).filter(|four| !four.is_empty()),
        key_version: key.key_version,
        usable: key.is_usable(),
        created_at: key.created_at.into(),
        updated_at: key.updated_at.into(),
        last_used_at: key.last_used_at.map(Timestamp),
        last_test: key.last_test_at.map(|at| LastTest {
            at: at.into(),
            message: key.last_test_message.clone(),
            ok: key.last_test_ok.as_ref().and_then(Value::as_f64) == Some(1.0),
        }),
    }
}

/// Reads a key. What is wrong with it is told without it.
fn secret(text: &str) -> Result<Secret, &'static str> {
    if text.is_empty() {
        return Err("must not be empty");
    }
    if text.ends_with(['\n', '\r']) {
        return Err("ends in a line break, which is no part of a key");
    }
    if text.len() > LONGEST || !text.bytes().all(|c| c.is_ascii_graphic()) {
        return Err("expected 1 to 4096 visible characters of ASCII, without spaces");
    }
    Ok(Secret::new(text.to_owned()))
}

impl Held {
    /// A row that has no key yet.
    fn blank(
        platform: &Platform,
        instance: &InstanceRow,
        provider: &ProviderRow,
        now: UnixMillis,
    ) -> Self {
        let key = ProviderKeyRow {
            instance_id: instance.id.clone(),
            provider_id: provider.id.clone(),
            last_four: String::new(),
            key_version: 0,
            hosts: None,
            base_url: None,
            allowed_hosts: None,
            last_used_at: None,
            last_test_at: None,
            last_test_ok: None,
            last_test_message: None,
            created_at: now,
            updated_at: now,
            place: format!("{}/{}", instance.id, provider.id),
        };
        Self {
            entropy: platform.entropy.clone(),
            organization_id: instance.organization_id.clone(),
            row: SealedRow { key, sealed: String::new() },
            settings: platform.settings.clone(),
        }
    }

    /// Lets the next key go where the provider lives now, and nowhere else.
    fn bind(&mut self, provider: &ProviderRow) {
        let key = &mut self.row.key;
        key.hosts = Some(provider.key_hosts());
        key.base_url = Some(provider.base_url.clone());
        key.allowed_hosts = Some(provider.allowed_hosts.clone());
    }

    fn new_key(&self) -> NewProviderKey<'_> {
        let SealedRow { key, sealed } = &self.row;
        NewProviderKey {
            hosts: key.hosts.as_ref(),
            instance: &key.instance_id,
            last_four: &key.last_four,
            provider: &key.provider_id,
            sealed,
        }
    }

    fn insert(&self) -> Statement {
        store::insert(&self.new_key(), self.row.key.updated_at)
    }
}

impl Resource for Held {
    type Shown = ProviderKey;

    const ACTION: &'static str = "provider-key";

    async fn find(platform: &Platform, allowed: &Allowed, place: &str) -> Result<Self, ApiError> {
        let (instance, provider) = place.split_once('/').ok_or_else(|| unknown(WHAT))?;
        let instance = instances::find(platform, allowed, instance).await?;
        let provider = ProviderId::parse(provider).map_err(|_| unknown(WHAT))?;
        held(platform, &instance, &provider).await?.ok_or_else(|| unknown(WHAT))
    }

    fn apply(&mut self, mut fields: Fields, _: UnixMillis) -> Result<(), ApiError> {
        fields.require("secret");
        let given = match fields.take("secret") {
            None => None,
            Some(Value::String(text)) => match secret(&text) {
                Ok(secret) => Some(secret),
                Err(reason) => {
                    fields.wrong("secret", reason);
                    None
                }
            },
            Some(_) => {
                fields.wrong("secret", "expected text");
                None
            }
        };
        fields.finish()?;
        let Some(secret) = given else { return Ok(()) };
        let SealedRow { key, sealed } = &mut self.row;
        let made = vault::seal(
            &self.settings,
            &*self.entropy,
            &key.instance_id,
            &key.provider_id,
            &secret,
        );
        *sealed = made.map_err(|err| ApiError::internal(err.to_string()))?;
        key.key_version = vault::newest(&self.settings).unwrap_or_default();
        key.last_four = secret.last_four();
        // All of that is of the key that was there before.
        key.last_used_at = None;
        (key.last_test_at, key.last_test_ok, key.last_test_message) = (None, None, None);
        Ok(())
    }

    fn shown(&self) -> ProviderKey {
        public(&self.row.key)
    }

    fn id(&self) -> &str {
        &self.row.key.place
    }

    fn owner(&self) -> Option<&OrganizationId> {
        Some(&self.organization_id)
    }

    fn updated_at(&self) -> UnixMillis {
        self.row.key.updated_at
    }

    fn set_updated_at(&mut self, at: UnixMillis) {
        self.row.key.updated_at = at;
    }

    fn unchanged(&self, event: &str) -> Statement {
        let key = &self.row.key;
        store::unchanged(event, &key.instance_id, &key.provider_id, key.updated_at)
    }

    fn update(&self) -> Vec<Statement> {
        vec![store::put(&self.new_key(), self.row.key.updated_at)]
    }
}

/// Where a key stands, as one text: what [`Held`] is found by.
fn place(instance: &str, provider: &str) -> String {
    format!("{instance}/{provider}")
}

impl<S: Send + Sync> FromRequest<S> for NoBody {
    type Rejection = ApiError;

    async fn from_request(request: HttpRequest<axum::body::Body>, _: &S) -> Result<Self, ApiError> {
        /// As large as an empty object may be.
        const CAP: usize = 64 * 1024;
        let body = axum::body::to_bytes(request.into_body(), CAP).await.map_err(|err| {
            ApiError::new(Code::BodyTooLarge, "this takes no body").because(err.to_string())
        })?;
        if body.is_empty() {
            return Ok(Self);
        }
        let members = json::object(&body).map_err(|err| {
            ApiError::new(Code::InvalidRequest, format!("the body is not valid JSON: {err}"))
        })?;
        let issue = |name: &String| FieldIssue {
            pointer: format!("/{}", name.replace('~', "~0").replace('/', "~1")),
            reason: "unknown; there are none here".to_owned(),
        };
        let issues: Vec<FieldIssue> = members.keys().map(issue).collect();
        if issues.is_empty() { Ok(Self) } else { Err(ApiError::fields(&issues)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s03_what_is_no_key_is_refused_without_being_repeated() {
        assert!(secret("k").is_ok() && secret(&"k".repeat(LONGEST)).is_ok());
        for bad in
            ["", "canary\n", "canary\r\n", "can ary", "canary\t", "canaryé", "\u{feff}canary"]
        {
            let reason = secret(bad).map(|_| ()).unwrap_err();
            assert!(!reason.contains("canary"), "{bad:?}: {reason}");
        }
        assert!(secret(&"k".repeat(LONGEST + 1)).is_err());
    }
}
