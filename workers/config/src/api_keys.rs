//! `/v1/api-keys`: keys of projects and persons. A secret is in one answer, and nowhere else.

use std::net::IpAddr;

use axum::response::{IntoResponse, Response};
use de_core::{
    auth::{
        Scope,
        api_key::{ApiKey, KeyKind},
    },
    http::{
        error::{ApiError, Code},
        extract::{AdminBody, Incoming, PathText},
        routes::{Allowed, Person, unknown},
    },
    ids::{ApiKeyId, InstanceId, ModelId, OrganizationId, ProjectId, UserId},
    ports::{Platform, Statement, rows},
    secret::Secret,
    store::api_keys::{self as store, ApiKeyQuery, ApiKeyRow, HolderRow, KeyStatus},
    time::{Timestamp, UnixMillis},
};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    projects,
    resource::{
        Begun, Change, Created, Fields, Filters, Once, Request, Resource, TRIES, grant, if_match,
        later, listed, origin, overtaken, viewer,
    },
    usage::asked::{expected_time, time},
    users,
};

const WHAT: &str = "API key";
/// What the key of a person above its caller is, to who reads a refusal.
const KEY_OF: &str = "a key of someone";

/// The longest time that a rotated key lives on, in seconds: 30 days.
const MOST_OVERLAP_S: i64 = 30 * 24 * 60 * 60;

/// A key of a project or a person, without its secret.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct ApiKeyShown {
    /// Its public part.
    id: ApiKeyId,
    /// Whose it is, if a project's.
    project_id: Option<ProjectId>,
    /// Whose it is, if a person's.
    user_id: Option<UserId>,
    /// The instance of its project.
    instance_id: Option<InstanceId>,
    /// The organization of its project or person.
    organization_id: OrganizationId,
    /// For people.
    name: String,
    /// `de_live_`, `de_test_` or `de_admin_`.
    prefix: String,
    /// Its end, for people.
    last_four: String,
    /// What it may be used for.
    scopes: Vec<Scope>,
    /// Models that it may call; null: all.
    allowed_models: Option<Vec<ModelId>>,
    /// Origins of pages that may use it, and read its answers; empty: any may use it.
    allowed_origins: Vec<String>,
    /// Addresses that may use it; empty: any.
    allowed_addresses: Vec<String>,
    /// Not good from then on.
    expires_at: Option<Timestamp>,
    /// Not good since then.
    revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    last_used_at: Option<Timestamp>,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

/// Lists by id the keys of what the caller administers or works with, and the caller's own.
pub(crate) async fn list(
    platform: Platform,
    allowed: Allowed,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let project = filters.id("project_id", ProjectId::parse);
    let user = filters.id("user_id", UserId::parse);
    let instance = filters.id("instance_id", InstanceId::parse);
    let text = filters.one_of("q", searched, || "1 to 200 characters".to_owned());
    let query = ApiKeyQuery {
        expires_before: filters.one_of("expires_before", time, expected_time),
        instance: instance.as_ref(),
        now: platform.clock.now(),
        page: filters.page(),
        project: project.as_ref(),
        status: filters.word("status", &KeyStatus::WORDS).and_then(KeyStatus::parse),
        text: text.as_deref(),
        user: user.as_ref(),
    };
    filters.finish()?;
    let read: Vec<ApiKeyRow> =
        rows(&*platform.database, store::list(&query, viewer(&allowed)?)).await?;
    Ok(listed(query.page.page(read, |row| row.id.as_str()), Resource::shown))
}

/// What is looked for in a list.
fn searched(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty() && text.chars().count() <= 200).then(|| text.to_owned())
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
    fields.require("scopes");
    let project = fields.id("project_id", ProjectId::parse);
    let user = fields.id("user_id", UserId::parse);
    if project.is_some() == user.is_some() {
        fields.wrong("project_id", "a key is of one project or of one user_id: name one of them");
    }
    // Which kind it is, and so its form, is known only when its holder is.
    let blank = ApiKey::make(KeyKind::Test, &*platform.entropy);
    let mut row = ApiKeyRow {
        allowed_addresses: Vec::new(),
        allowed_models: None,
        allowed_origins: Vec::new(),
        created_at: now,
        expires_at: None,
        grant_role: None,
        id: blank.key.id,
        instance_id: None,
        last_four: String::new(),
        last_used_at: None,
        name: String::new(),
        organization_id: allowed.caller().key().organization_id.clone(),
        prefix: String::new(),
        project_id: project,
        revoked_at: None,
        scopes: Vec::new(),
        updated_at: now,
        user_id: user,
        user_role: None,
    };
    row.apply(fields, now)?;
    let (mut guard, mut person) = (None, None);
    let kind = if let Some(project) = &row.project_id {
        let project = projects::find(&platform, &allowed, project.as_str()).await?;
        row.organization_id.clone_from(&project.organization_id);
        row.instance_id = Some(project.instance_id.clone());
        let is_production = project.environment == "production";
        guard = Some(project);
        if is_production { KeyKind::Live } else { KeyKind::Test }
    } else {
        let holder = holder(&platform, &allowed, row.user_id.as_ref()).await?;
        row.organization_id = holder.organization_id;
        row.user_role = Some(holder.role);
        person = row.user_id.clone().map(|id| (id, holder.updated_at));
        KeyKind::Admin
    };
    let once = match Once::begin(&request, "POST /v1/api-keys", &members).await? {
        Begun::Again(answer) => return Ok(answer),
        Begun::New(once) => once,
    };
    let (digest, secret) = renew(&platform, &mut row, kind);
    let made = Created {
        body: with_secret(&row, &secret),
        location: format!("/v1/api-keys/{}", row.id),
        updated_at: row.updated_at,
    };
    let batch = |event: &str| {
        let there = guard.map(|project| project.unchanged(event));
        // Who may hold it was decided by their role.
        let person = person.map(|(id, seen)| de_core::store::users::unchanged(event, &id, seen));
        there.into_iter().chain(person).chain([store::insert(&row, &digest)]).collect()
    };
    request.create(once, Change::of("create", &row).to(&row), made, batch).await
}

/// Revokes one: its row stays. Nothing is admitted with it once this has answered.
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
        let before = ApiKeyRow::find(&platform, &allowed, &id).await?;
        if_match(&incoming.headers, before.updated_at)?;
        let now = platform.clock.now();
        let mut row = before.clone();
        row.revoked_at = Some(before.revoked_at.map_or(now, |at| at.min(now)));
        row.updated_at = later(now, before.updated_at);
        // One that is revoked already is told of once more: the first time may have failed at that.
        if request.replace("revoke", &before, &row).await?.done()? {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
    }
    Err(overtaken(&incoming.headers))
}

/// Makes a key that takes over from another one, which lives on for `overlap_s` seconds.
pub(crate) async fn rotate(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    PathText(id): PathText,
    AdminBody(members): AdminBody,
) -> Result<Response, ApiError> {
    let request = Request::of(&platform, &allowed, &incoming);
    let before = ApiKeyRow::find(&platform, &allowed, &id).await?;
    let route = format!("POST /v1/api-keys/{id}/rotate");
    let once = match Once::begin(&request, route, &members).await? {
        Begun::Again(answer) => return Ok(answer),
        Begun::New(once) => once,
    };
    let mut fields = Fields::of(members);
    let overlap_s = fields.seconds("overlap_s", MOST_OVERLAP_S);
    fields.finish()?;
    if_match(&incoming.headers, before.updated_at)?;
    holds(&before)?;
    let now = platform.clock.now();
    if before.expires_at.is_some_and(|at| at <= now) {
        let message = "the key has expired, and so would the new one; move its end on first";
        return Err(ApiError::new(Code::Conflict, message));
    }
    let ends = now.plus(overlap_s * 1_000);
    let mut old = before.clone();
    old.updated_at = later(now, before.updated_at);
    if overlap_s == 0 {
        old.revoked_at = Some(now);
    } else {
        old.expires_at = Some(before.expires_at.map_or(ends, |at| at.min(ends)));
    }
    let mut new = before.clone();
    (new.created_at, new.updated_at, new.last_used_at) = (now, now, None);
    let kind = [KeyKind::Admin, KeyKind::Live, KeyKind::Test];
    let kind = kind.into_iter().find(|kind| kind.prefix() == before.prefix);
    let kind = kind.ok_or_else(|| ApiError::internal("a key has an unknown prefix"))?;
    let (digest, secret) = renew(&platform, &mut new, kind);
    let mut change = Change::of("rotate", &before).from(&before);
    change.after = Some(json!({"old": old.shown(), "new": new.shown()}));
    change.also = before.reaches(&platform).await?;
    let mut body = with_secret(&new, &secret);
    if let Some(members) = body.as_object_mut() {
        members.insert("replaces".to_owned(), json!(old.shown()));
    }
    let location = format!("/v1/api-keys/{}", new.id);
    let made = Created { body, location, updated_at: new.updated_at };
    let batch = |event: &str| {
        let mut batch =
            vec![before.unchanged(event), store::update(&old), store::insert(&new, &digest)];
        batch.extend(store::inherit_limits(&before, &new.id, now));
        batch
    };
    request.create(once, change, made, batch).await
}

/// Gives a row a new key of this kind; its digest and secret come back.
fn renew(platform: &Platform, row: &mut ApiKeyRow, kind: KeyKind) -> (String, Secret) {
    let made = ApiKey::make(kind, &*platform.entropy);
    row.id = made.key.id;
    row.last_four = made.secret.last_four();
    kind.prefix().clone_into(&mut row.prefix);
    (made.key.digest, made.secret)
}

/// Refuses what can no longer be changed.
fn holds(row: &ApiKeyRow) -> Result<(), ApiError> {
    match row.revoked_at {
        Some(_) => Err(ApiError::new(Code::Conflict, "the key is revoked")),
        None => Ok(()),
    }
}

/// Finds the person that a key shall be of.
async fn holder(
    platform: &Platform,
    allowed: &Allowed,
    id: Option<&UserId>,
) -> Result<HolderRow, ApiError> {
    let id = id.ok_or_else(|| unknown("user"))?;
    let found: Vec<HolderRow> = rows(&*platform.database, store::holder(id)).await?;
    let found = found.into_iter().next().ok_or_else(|| unknown("user"))?;
    let person = Person { id, organization: &found.organization_id, role: Some(&found.role) };
    allowed.on_persons(&person, "user", KEY_OF)?;
    Ok(found)
}

/// An address in the one spelling that the platform has for it.
fn address(text: &str) -> Result<String, String> {
    let read: Result<IpAddr, _> = text.parse();
    read.map(|address| address.to_string())
        .map_err(|_| "expected an IP address: 203.0.113.7 or 2001:db8::1".to_owned())
}

fn with_secret(row: &ApiKeyRow, secret: &Secret) -> Value {
    let mut body = json!(row.shown());
    if let Some(members) = body.as_object_mut() {
        members.insert("secret".to_owned(), secret.expose().into());
    }
    body
}

impl Resource for ApiKeyRow {
    type Shown = ApiKeyShown;

    const ACTION: &'static str = "api-key";

    async fn find(platform: &Platform, allowed: &Allowed, id: &str) -> Result<Self, ApiError> {
        let id = ApiKeyId::parse(id).map_err(|_| unknown(WHAT))?;
        let user = allowed.caller().key().user_id.as_ref();
        let found: Vec<Self> = rows(&*platform.database, store::find(&id, user)).await?;
        let found = found.into_iter().next().ok_or_else(|| unknown(WHAT))?;
        match &found.user_id {
            Some(holder) => {
                let role = found.user_role.as_deref();
                let organization = &found.organization_id;
                allowed.on_persons(&Person { id: holder, organization, role }, WHAT, KEY_OF)?;
            }
            None => {
                allowed.on(&found.organization_id, grant(found.grant_role.as_deref()), WHAT)?;
            }
        }
        Ok(found)
    }

    fn apply(&mut self, mut fields: Fields, now: UnixMillis) -> Result<(), ApiError> {
        let mut name = Some(self.name.clone());
        fields.text_or_null("name", 200, &mut name);
        self.name = name.unwrap_or_default();
        let is_persons = self.user_id.is_some();
        let scope = |word: &str| match Scope::parse(word) {
            Some(Scope::Admin) if !is_persons => {
                Err("the control plane is for the keys of persons".to_owned())
            }
            Some(scope) => Ok(scope),
            None => Err(format!("expected {}", Scope::expected())),
        };
        let opens_nothing = fields.is_blank("scopes");
        fields.list("scopes", scope, &mut self.scopes);
        if opens_nothing {
            fields.wrong("scopes", "a key without a scope opens nothing");
        }
        let model = |id: &str| ModelId::parse(id).map_err(|err| err.to_string());
        fields.list_or_null("allowed_models", model, &mut self.allowed_models);
        fields.list("allowed_origins", origin, &mut self.allowed_origins);
        fields.list("allowed_addresses", address, &mut self.allowed_addresses);
        let before = self.expires_at;
        fields.time_or_null("expires_at", &mut self.expires_at);
        if self.expires_at != before && self.expires_at.is_some_and(|at| at <= now) {
            fields.wrong("expires_at", "is over already");
        }
        fields.finish()
    }

    async fn may_become(&self, _: &Self, _: &Allowed, _: &Platform) -> Result<(), ApiError> {
        holds(self)
    }

    fn shown(&self) -> ApiKeyShown {
        ApiKeyShown {
            id: self.id.clone(),
            project_id: self.project_id.clone(),
            user_id: self.user_id.clone(),
            instance_id: self.instance_id.clone(),
            organization_id: self.organization_id.clone(),
            name: self.name.clone(),
            prefix: self.prefix.clone(),
            last_four: self.last_four.clone(),
            scopes: self.scopes.clone(),
            allowed_models: self.allowed_models.clone(),
            allowed_origins: self.allowed_origins.clone(),
            allowed_addresses: self.allowed_addresses.clone(),
            expires_at: self.expires_at.map(Timestamp),
            revoked_at: self.revoked_at.map(Timestamp),
            last_used_at: self.last_used_at.map(Timestamp),
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
        }
    }

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn owner(&self) -> Option<&OrganizationId> {
        Some(&self.organization_id)
    }

    /// A person's key acts wherever the person has a grant.
    async fn reaches(&self, platform: &Platform) -> Result<Vec<OrganizationId>, ApiError> {
        match &self.user_id {
            Some(user) => users::reached(platform, user).await,
            None => Ok(Vec::new()),
        }
    }

    fn updated_at(&self) -> UnixMillis {
        self.updated_at
    }

    fn set_updated_at(&mut self, at: UnixMillis) {
        self.updated_at = at;
    }

    fn unchanged(&self, event: &str) -> Statement {
        store::unchanged(event, &self.id, self.updated_at)
    }

    fn update(&self) -> Vec<Statement> {
        vec![store::update(self)]
    }
}
