//! `/v1/projects`: what keys of programs belong to.

use axum::response::{IntoResponse, Response};
use de_core::{
    http::{
        error::ApiError,
        extract::{AdminBody, Incoming, PathText},
        routes::{Allowed, unknown},
    },
    ids::{InstanceId, OrganizationId, ProjectId},
    ports::{Platform, Statement, random, rows},
    response_cache::TTL_S,
    store::{
        Activity,
        projects::{self as store, ProjectQuery, ProjectRow},
    },
    time::{Timestamp, UnixMillis},
};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    instances,
    resource::{
        Begun, Cascade, Change, Created, Fields, Filters, Once, Request, Resource, grant, listed,
        overtaken, viewer,
    },
};

const WHAT: &str = "project";

/// The largest `settings`, as JSON text in bytes.
const MOST_SETTINGS: usize = 16 * 1024;

/// A project of an instance: what keys of programs belong to.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct Project {
    /// Its id.
    id: ProjectId,
    /// Where it stands.
    instance_id: InstanceId,
    /// For people.
    name: String,
    /// For people.
    description: Option<String>,
    /// Whatever its owner keeps with it, at most 16 KiB of JSON.
    settings: Map<String, Value>,
    /// Whether prompts and replies may be kept.
    retain_content: bool,
    /// Whether answers of text models are kept to be given once more; null: only where a call asks for it.
    response_cache: Option<ResponseCache>,
    /// Keys of a suspended project are refused.
    status: Activity,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

/// How answers of text models are kept.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[cfg_attr(not(target_family = "wasm"), serde(deny_unknown_fields))]
pub(crate) struct ResponseCache {
    /// For how many seconds, from a minute to thirty days.
    #[cfg_attr(not(target_family = "wasm"), schema(minimum = 60, maximum = 2_592_000))]
    ttl_s: u64,
}

/// Lists by id what the caller administers or has a grant on the instance of.
pub(crate) async fn list(
    platform: Platform,
    allowed: Allowed,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let instance = filters.id("instance_id", InstanceId::parse);
    let query = ProjectQuery {
        instance: instance.as_ref(),
        page: filters.page(),
        status: filters.status(),
    };
    filters.finish()?;
    let read: Vec<ProjectRow> =
        rows(&*platform.database, store::list(&query, viewer(&allowed)?)).await?;
    Ok(listed(query.page.page(read, |row| row.id.as_str()), Resource::shown))
}

/// Makes one.
pub(crate) async fn create(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    AdminBody(members): AdminBody,
) -> Result<Response, ApiError> {
    let request = Request::of(&platform, &allowed, &incoming);
    let now = platform.clock.now();
    let mut fields = Fields::of(members.clone());
    fields.require("instance_id");
    fields.require("name");
    let instance = fields.id("instance_id", InstanceId::parse);
    let mut row = ProjectRow {
        created_at: now,
        description: None,
        environment: String::new(),
        grant_role: None,
        id: ProjectId::make(now, random(&*platform.entropy)),
        instance_id: instance.unwrap_or_else(|| InstanceId::make(now, [0; 10])),
        name: String::new(),
        organization_id: allowed.caller().key().organization_id.clone(),
        response_cache_ttl_s: None,
        retain_content: false,
        settings: Map::new(),
        status: Activity::Active,
        updated_at: now,
    };
    row.apply(fields, now)?;
    let instance = instances::find(&platform, &allowed, row.instance_id.as_str()).await?;
    row.environment.clone_from(&instance.environment);
    row.organization_id.clone_from(&instance.organization_id);
    let once = match Once::begin(&request, "POST /v1/projects", &members).await? {
        Begun::Again(answer) => return Ok(answer),
        Begun::New(once) => once,
    };
    let made = Created::of(&row, format!("/v1/projects/{}", row.id));
    let batch = |event: &str| vec![instance.unchanged(event), store::insert(&row)];
    request.create(once, Change::of("create", &row).to(&row), made, batch).await
}

/// Finds a project that the caller may do to what the route is for.
pub(crate) async fn find(
    platform: &Platform,
    allowed: &Allowed,
    id: &str,
) -> Result<ProjectRow, ApiError> {
    let id = ProjectId::parse(id).map_err(|_| unknown(WHAT))?;
    let user = allowed.caller().key().user_id.as_ref();
    let found: Vec<ProjectRow> = rows(&*platform.database, store::find(&id, user)).await?;
    let found = found.into_iter().next().ok_or_else(|| unknown(WHAT))?;
    allowed.on(&found.organization_id, grant(found.grant_role.as_deref()), WHAT)?;
    Ok(found)
}

/// Reads `response_cache`: null turns it off.
fn response_cache(fields: &mut Fields, place: &mut Option<u64>) {
    const NAME: &str = "response_cache";
    let mut members = match fields.take(NAME) {
        None => return,
        Some(Value::Null) => {
            *place = None;
            return;
        }
        Some(Value::Object(members)) => members,
        Some(_) => return fields.wrong(NAME, "expected an object"),
    };
    let ttl_s = members.shift_remove("ttl_s");
    match ttl_s.as_ref().and_then(Value::as_u64).filter(|ttl_s| TTL_S.contains(ttl_s)) {
        Some(ttl_s) => *place = Some(ttl_s),
        None => {
            let (least, most) = (TTL_S.start(), TTL_S.end());
            let reason = format!("expected whole seconds from {least} to {most}");
            fields.wrong("response_cache/ttl_s", &reason);
        }
    }
    for name in members.keys() {
        let name = name.replace('~', "~0").replace('/', "~1");
        fields.wrong(&format!("{NAME}/{name}"), "cannot be set here; there are ttl_s");
    }
}

/// Gives up all answers that are kept for the keys of a project: none of them is given once this has answered.
pub(crate) async fn clear_response_cache(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    PathText(id): PathText,
) -> Result<Response, ApiError> {
    let request = Request::of(&platform, &allowed, &incoming);
    let row = find(&platform, &allowed, &id).await?;
    let change = Change::of("clear-response-cache", &row);
    // Who changes the project meanwhile changes nothing of this, and with the project it is gone.
    let saved = request.save(change, |_| vec![store::clear_response_cache(&row.id)]).await?;
    if !saved.done()? {
        return Err(overtaken(&incoming.headers));
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

impl Resource for ProjectRow {
    type Shown = Project;

    const ACTION: &'static str = "project";

    async fn find(platform: &Platform, allowed: &Allowed, id: &str) -> Result<Self, ApiError> {
        find(platform, allowed, id).await
    }

    fn apply(&mut self, mut fields: Fields, _: UnixMillis) -> Result<(), ApiError> {
        fields.text("name", 200, &mut self.name);
        fields.text_or_null("description", 2_000, &mut self.description);
        fields.object("settings", |_, value| Ok(value.clone()), &mut self.settings);
        let size = serde_json::to_string(&self.settings).map_or(0, |text| text.len());
        if size > MOST_SETTINGS {
            let reason = format!("has {size} bytes; at most {MOST_SETTINGS} are kept");
            fields.wrong("settings", &reason);
        }
        fields.flag("retain_content", &mut self.retain_content);
        response_cache(&mut fields, &mut self.response_cache_ttl_s);
        fields.status(&mut self.status);
        fields.finish()
    }

    fn shown(&self) -> Project {
        Project {
            id: self.id.clone(),
            instance_id: self.instance_id.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            settings: self.settings.clone(),
            retain_content: self.retain_content,
            response_cache: self.response_cache_ttl_s.map(|ttl_s| ResponseCache { ttl_s }),
            status: self.status,
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

impl Cascade for ProjectRow {
    fn below(&self) -> Statement {
        store::below(&self.id)
    }

    fn empty(&self, event: &str) -> Statement {
        store::empty(event, &self.id)
    }

    fn remove(&self) -> Vec<Statement> {
        store::delete(&self.id).into()
    }
}
