//! `/v1/instances`: each has its own vendors' keys, defaults and limits.

use std::collections::BTreeMap;

use axum::response::Response;
use de_core::{
    http::{
        error::ApiError,
        extract::{AdminBody, Incoming},
        routes::{Allowed, unknown},
    },
    ids::{InstanceId, ModelId, OrganizationId},
    ports::{Platform, Statement, random, rows},
    store::{
        Activity,
        instances::{self as store, InstanceQuery, InstanceRow},
        organizations::{self, OrganizationRow},
    },
    time::{Timestamp, UnixMillis},
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    model_configs,
    resource::{
        Begun, Cascade, Change, Created, Fields, Filters, Once, Request, Resource, grant, listed,
        origin, viewer,
    },
};

const WHAT: &str = "instance";
pub(crate) const ENVIRONMENTS: [&str; 2] = ["production", "development"];
pub(crate) const ON_LIMITER_FAILURE: [&str; 2] = ["refuse", "allow"];
const MODALITIES: [&str; 4] = ["audio", "image", "text", "video"];

/// An instance of an organization: it has its own vendors' keys, defaults and limits.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct Instance {
    /// Its id.
    id: InstanceId,
    /// Whose it is.
    organization_id: OrganizationId,
    /// For people.
    name: String,
    /// `production` or `development`: test keys are refused in production.
    environment: String,
    /// Origins of pages that may read answers: `https://app.example.com`.
    allowed_origins: Vec<String>,
    /// How many days its media and logs are kept; null keeps them.
    retention_days: Option<i64>,
    /// `refuse` or `allow`: what happens to calls when the Limiter does not answer.
    on_limiter_failure: String,
    /// The model that serves where a call names none, by modality: `text`, `image`, `audio`, `video`.
    default_models: BTreeMap<String, ModelId>,
    /// The output bound in tokens for calls and models that give none.
    default_max_output_tokens: Option<i64>,
    /// Keys of a suspended instance are refused.
    status: Activity,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

/// Lists by id what the caller administers or has a grant on.
pub(crate) async fn list(
    platform: Platform,
    allowed: Allowed,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let organization = filters.id("organization_id", OrganizationId::parse);
    let query = InstanceQuery {
        environment: filters.word("environment", &ENVIRONMENTS),
        organization: organization.as_ref(),
        page: filters.page(),
        status: filters.status(),
    };
    filters.finish()?;
    let read: Vec<InstanceRow> =
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
    let own = allowed.caller().key().organization_id.clone();
    let mut row = InstanceRow {
        allowed_origins: Vec::new(),
        created_at: now,
        default_max_output_tokens: None,
        default_models: BTreeMap::new(),
        environment: String::new(),
        grant_role: None,
        id: InstanceId::make(now, random(&*platform.entropy)),
        name: String::new(),
        on_limiter_failure: "refuse".to_owned(),
        organization_id: own,
        retention_days: None,
        status: Activity::Active,
        updated_at: now,
    };
    let mut fields = Fields::of(members.clone());
    for name in ["organization_id", "name", "environment"] {
        fields.require(name);
    }
    if let Some(organization) = fields.id("organization_id", OrganizationId::parse) {
        row.organization_id = organization;
    }
    row.apply(fields, now)?;
    allowed.on(&row.organization_id, None, "organization")?;
    let above = organizations::find(&row.organization_id);
    let above: Vec<OrganizationRow> = rows(&*platform.database, above).await?;
    let above = above.first().ok_or_else(|| unknown("organization"))?;
    row.fits(None, &platform).await?;
    let once = match Once::begin(&request, "POST /v1/instances", &members).await? {
        Begun::Again(answer) => return Ok(answer),
        Begun::New(once) => once,
    };
    let made = Created::of(&row, format!("/v1/instances/{}", row.id));
    let batch = |event: &str| vec![above.unchanged(event), store::insert(&row)];
    request.create(once, Change::of("create", &row).to(&row), made, batch).await
}

/// Finds an instance that the caller may do to what the route is for.
pub(crate) async fn find(
    platform: &Platform,
    allowed: &Allowed,
    id: &str,
) -> Result<InstanceRow, ApiError> {
    let id = InstanceId::parse(id).map_err(|_| unknown(WHAT))?;
    let user = allowed.caller().key().user_id.as_ref();
    let found: Vec<InstanceRow> = rows(&*platform.database, store::find(&id, user)).await?;
    let found = found.into_iter().next().ok_or_else(|| unknown(WHAT))?;
    allowed.on(&found.organization_id, grant(found.grant_role.as_deref()), WHAT)?;
    Ok(found)
}

impl Resource for InstanceRow {
    type Shown = Instance;

    const ACTION: &'static str = "instance";

    async fn find(platform: &Platform, allowed: &Allowed, id: &str) -> Result<Self, ApiError> {
        find(platform, allowed, id).await
    }

    fn apply(&mut self, mut fields: Fields, _: UnixMillis) -> Result<(), ApiError> {
        fields.text("name", 200, &mut self.name);
        fields.choice("environment", &ENVIRONMENTS, &mut self.environment);
        fields.list("allowed_origins", origin, &mut self.allowed_origins);
        fields.count_or_null("retention_days", 36_500, &mut self.retention_days);
        fields.word("on_limiter_failure", &ON_LIMITER_FAILURE, &mut self.on_limiter_failure);
        fields.object("default_models", default_model, &mut self.default_models);
        fields.count_or_null(
            "default_max_output_tokens",
            10_000_000,
            &mut self.default_max_output_tokens,
        );
        fields.status(&mut self.status);
        fields.finish()
    }

    /// A default model has to be one that may be called, and a new one none that is on its way out.
    async fn fits(&self, before: Option<&Self>, platform: &Platform) -> Result<(), ApiError> {
        let known = |modality: &String| before.and_then(|row| row.default_models.get(modality));
        let new = self.default_models.iter().filter(|(modality, id)| known(modality) != Some(*id));
        let new: BTreeMap<String, ModelId> =
            new.map(|(modality, id)| (modality.clone(), id.clone())).collect();
        model_configs::may_be_defaults(platform, &self.organization_id, &new).await
    }

    fn shown(&self) -> Instance {
        Instance {
            id: self.id.clone(),
            organization_id: self.organization_id.clone(),
            name: self.name.clone(),
            environment: self.environment.clone(),
            allowed_origins: self.allowed_origins.clone(),
            retention_days: self.retention_days,
            on_limiter_failure: self.on_limiter_failure.clone(),
            default_models: self.default_models.clone(),
            default_max_output_tokens: self.default_max_output_tokens,
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

impl Cascade for InstanceRow {
    fn below(&self) -> Statement {
        store::below(&self.id)
    }

    fn empty(&self, event: &str) -> Statement {
        store::empty(event, &self.id)
    }

    fn remove(&self) -> Vec<Statement> {
        store::delete(&self.id).into()
    }

    fn suspended(&self) -> Option<Self> {
        Some(Self { status: Activity::Suspended, ..self.clone() })
    }
}

fn default_model(modality: &str, model: &Value) -> Result<ModelId, String> {
    if !MODALITIES.contains(&modality) {
        return Err(format!("unknown; there are {}", MODALITIES.join(", ")));
    }
    let id = model.as_str().ok_or("expected the id of a model")?;
    ModelId::parse(id).map_err(|err| err.to_string())
}
