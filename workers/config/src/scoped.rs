//! What limits and budgets hold for: an organization, an instance, a project, a key, or a model or provider
//! within an instance. Found by its id, seen through the caller's eyes.

pub(crate) mod usage;

use de_core::{
    auth::access::{Grant, Role},
    http::{
        error::{ApiError, Code},
        routes::{Allowed, unknown},
    },
    ids::{InstanceId, ModelId, OrganizationId, ProviderId},
    limits::{Scope, ScopeKind},
    ports::{Platform, Statement, row, rows},
    protocols::FieldIssue,
    store::{
        api_keys::ApiKeyRow,
        instances::{InstanceRow, find as find_instance},
        limits::{self, Place, RowsQuery, Sight},
        models::{self, ModelRow},
        organizations::OrganizationRow,
        pages::PageQuery,
        projects::ProjectRow,
        providers::{self, ProviderRow},
    },
};

use crate::{
    instances,
    resource::{Filters, Resource, grant},
};

/// The largest limit or budget, as the Limiter counts: 2^40.
pub(crate) const MOST: u64 = 1 << 40;

/// The words for what limits and budgets hold for.
pub(crate) const SCOPES: [&str; 6] =
    ["project", "key", "instance", "organization", "model", "provider"];

/// Something that limits and budgets may hold for.
pub(crate) struct Scoped {
    /// Where it stands.
    pub(crate) place: Place,
    thing: Thing,
}

/// The row of it, so that a change can be bound to that.
enum Thing {
    /// There is none any more: what holds for its id can be seen and removed.
    Gone,
    Instance(InstanceRow),
    Key(Box<ApiKeyRow>),
    Model(Box<ModelRow>),
    Organization(OrganizationRow),
    Project(Box<ProjectRow>),
    Provider(Box<ProviderRow>),
}

/// What a request names.
pub(crate) struct Named {
    /// The second part of the path.
    pub(crate) id: String,
    /// `?instance_id=`.
    pub(crate) instance: Option<InstanceId>,
    /// The first part of the path.
    pub(crate) scope: String,
}

impl Named {
    /// The place of what it names. An instance that is named beside what stands in one has to be that.
    fn place(
        &self,
        kind: ScopeKind,
        instance: Option<&InstanceId>,
        organization: &OrganizationId,
    ) -> Result<Place, ApiError> {
        if self.instance.as_ref().is_some_and(|other| Some(other) != instance) {
            return Err(unknown(kind.name()));
        }
        Ok(Place {
            instance: instance.cloned(),
            organization: organization.clone(),
            scope: Scope::new(kind, &self.id),
        })
    }
}

impl Scoped {
    /// Finds what a request is about, if the caller may do to it what the route is for.
    ///
    /// # Errors
    /// `NOT_FOUND` also for what the caller may not see, `FORBIDDEN` for what they only see,
    /// `VALIDATION_ERROR` where an instance has to be named.
    pub(crate) async fn find(
        platform: &Platform,
        allowed: &Allowed,
        named: &Named,
    ) -> Result<Self, ApiError> {
        let kind = ScopeKind::parse(&named.scope).ok_or_else(|| unknown("scope"))?;
        only_ones_own(allowed, kind, &named.id)?;
        match kind {
            ScopeKind::Instance => {
                let found = instances::find(platform, allowed, &named.id).await?;
                named
                    .place(kind, Some(&found.id), &found.organization_id)
                    .map(|place| Self { place, thing: Thing::Instance(found) })
            }
            ScopeKind::Key => key(platform, allowed, named).await,
            ScopeKind::Model => {
                let instance = within(platform, allowed, named, "model").await?;
                let thing = model(platform, &instance, &named.id).await?.map(Box::new);
                in_instance(platform, named, kind, &instance, thing.map(Thing::Model)).await
            }
            ScopeKind::Organization => {
                let found = OrganizationRow::find(platform, allowed, &named.id).await?;
                named
                    .place(kind, None, &found.id)
                    .map(|place| Self { place, thing: Thing::Organization(found) })
            }
            ScopeKind::Project => {
                let found = ProjectRow::find(platform, allowed, &named.id).await?;
                let (instance, organization) = (&found.instance_id, &found.organization_id);
                named
                    .place(kind, Some(instance), organization)
                    .map(|place| Self { place, thing: Thing::Project(Box::new(found)) })
            }
            ScopeKind::Provider => {
                let instance = within(platform, allowed, named, "provider").await?;
                let thing = provider(platform, &instance, &named.id).await?.map(Box::new);
                in_instance(platform, named, kind, &instance, thing.map(Thing::Provider)).await
            }
        }
    }

    /// Refuses to set anything for what is not there.
    pub(crate) fn exists(&self) -> Result<(), ApiError> {
        if matches!(self.thing, Thing::Gone) {
            return Err(unknown(self.place.scope.kind.name()));
        }
        Ok(())
    }

    /// Ends a batch with a conflict on `audit_events.id` unless the thing is still as it was found.
    pub(crate) fn unchanged(&self, event: &str) -> Option<Statement> {
        Some(match &self.thing {
            Thing::Gone => return None,
            Thing::Instance(row) => row.unchanged(event),
            Thing::Key(row) => row.unchanged(event),
            Thing::Model(row) => {
                models::unchanged(event, &row.model_id, row.organization_id.as_ref(), row.version)
            }
            Thing::Organization(row) => row.unchanged(event),
            Thing::Project(row) => row.unchanged(event),
            Thing::Provider(row) => {
                let owner = row.organization_id.as_ref();
                providers::unchanged(event, &row.id, owner, row.updated_at)
            }
        })
    }
}

/// A place as the trail of changes names it: by its id, and what is within an instance with that before it.
pub(crate) fn target(place: &Place) -> String {
    let Place { instance, scope, .. } = place;
    let is_within = matches!(scope.kind, ScopeKind::Model | ScopeKind::Provider);
    match instance.as_ref().filter(|_| is_within) {
        Some(instance) => format!("{instance}/{}", scope.id),
        None => scope.id.clone(),
    }
}

/// A program sees what holds for its own key and project.
fn only_ones_own(allowed: &Allowed, kind: ScopeKind, id: &str) -> Result<(), ApiError> {
    let caller = allowed.caller();
    if caller.role() != Role::Client {
        return Ok(());
    }
    let key = caller.key();
    let own = match kind {
        ScopeKind::Key => Some(key.who()),
        ScopeKind::Project => key.project_id.as_ref().map(|id| id.as_str()),
        ScopeKind::Instance | ScopeKind::Model | ScopeKind::Organization | ScopeKind::Provider => {
            None
        }
    };
    if own == Some(id) { Ok(()) } else { Err(unknown(kind.name())) }
}

/// Finds a key. A program's stands in the instance of its project; a person's acts in several, of which
/// one has to be named.
async fn key(platform: &Platform, allowed: &Allowed, named: &Named) -> Result<Scoped, ApiError> {
    let kind = ScopeKind::Key;
    let found = match ApiKeyRow::find(platform, allowed, &named.id).await {
        Err(missing) if missing.code() == Code::NotFound && named.instance.is_some() => {
            let instance = within(platform, allowed, named, "key").await?;
            return in_instance(platform, named, kind, &instance, None).await;
        }
        found => found?,
    };
    // Who only looks at an instance does not see its keys.
    let looks = grant(found.grant_role.as_deref()) == Some(Grant::Readonly);
    let sees_all =
        allowed.caller().is_superadmin() || allowed.administers() == Some(&found.organization_id);
    if looks && !sees_all {
        return Err(unknown(kind.name()));
    }
    match &found.instance_id {
        Some(instance) => {
            let organization = &found.organization_id;
            named
                .place(kind, Some(instance), organization)
                .map(|place| Scoped { place, thing: Thing::Key(Box::new(found)) })
        }
        None => {
            let instance = within(platform, allowed, named, "person's key").await?;
            in_instance(platform, named, kind, &instance, Some(Thing::Key(Box::new(found)))).await
        }
    }
}

/// What stands in an instance by its id there. What is gone is still found by what holds for it.
async fn in_instance(
    platform: &Platform,
    named: &Named,
    kind: ScopeKind,
    instance: &InstanceRow,
    thing: Option<Thing>,
) -> Result<Scoped, ApiError> {
    let place = Place {
        instance: Some(instance.id.clone()),
        organization: instance.organization_id.clone(),
        scope: Scope::new(kind, &named.id),
    };
    if let Some(thing) = thing {
        return Ok(Scoped { place, thing });
    }
    let held = vec![limits::limits_of(&place), limits::budgets_of(&place)];
    let held = platform.database.batch(held).await?;
    if held.iter().all(Vec::is_empty) {
        return Err(unknown(kind.name()));
    }
    Ok(Scoped { place, thing: Thing::Gone })
}

/// The instance that has to be named.
async fn within(
    platform: &Platform,
    allowed: &Allowed,
    named: &Named,
    what: &str,
) -> Result<InstanceRow, ApiError> {
    match &named.instance {
        Some(instance) => instances::find(platform, allowed, instance.as_str()).await,
        None => Err(wrong_instance(&format!("is required: a {what} is limited in each by itself"))),
    }
}

fn wrong_instance(reason: &str) -> ApiError {
    let pointer = "?instance_id".to_owned();
    ApiError::fields(&[FieldIssue { pointer, reason: reason.to_owned() }])
}

/// A model as the calls of an instance find it: the organization's own, else the shared one.
async fn model(
    platform: &Platform,
    instance: &InstanceRow,
    id: &str,
) -> Result<Option<ModelRow>, ApiError> {
    let Ok(id) = ModelId::parse(id) else { return Ok(None) };
    let wanted = vec![models::find(&id, Some(&instance.organization_id)), models::find(&id, None)];
    let found = platform.database.batch(wanted).await?.into_iter().flatten().next();
    Ok(found.map(row).transpose()?)
}

/// The same of a provider.
async fn provider(
    platform: &Platform,
    instance: &InstanceRow,
    id: &str,
) -> Result<Option<ProviderRow>, ApiError> {
    let Ok(id) = ProviderId::parse(id) else { return Ok(None) };
    let found = providers::find(&id, Some(&instance.organization_id));
    let found: Vec<ProviderRow> = rows(&*platform.database, found).await?;
    Ok(found.into_iter().next())
}

/// What a list is narrowed to, as a request has it.
pub(crate) struct Narrowed {
    instance: Option<InstanceId>,
    organization: Option<OrganizationId>,
    /// Which page.
    pub(crate) page: PageQuery,
    scope: Option<ScopeKind>,
    scope_id: Option<String>,
    /// The organization through whose eyes who operates the service looks.
    seen: Option<OrganizationId>,
}

impl Narrowed {
    /// Reads the filters of a list.
    ///
    /// # Errors
    /// `VALIDATION_ERROR`, also if who operates the service names neither instance nor organization.
    pub(crate) async fn read(
        platform: &Platform,
        allowed: &Allowed,
        mut filters: Filters,
    ) -> Result<Self, ApiError> {
        let mut narrowed = Self {
            organization: filters.id("organization_id", OrganizationId::parse),
            instance: filters.id("instance_id", InstanceId::parse),
            scope: filters.word("scope", &SCOPES).and_then(ScopeKind::parse),
            scope_id: filters.text("scope_id"),
            page: filters.page(),
            seen: None,
        };
        filters.finish()?;
        if !allowed.caller().is_superadmin() {
            narrowed.seen = allowed.administers().cloned();
            return Ok(narrowed);
        }
        narrowed.seen = match (&narrowed.organization, &narrowed.instance) {
            (Some(organization), _) => Some(organization.clone()),
            (None, Some(instance)) => {
                let found = find_instance(instance, None);
                let found: Vec<InstanceRow> = rows(&*platform.database, found).await?;
                found.into_iter().next().map(|row| row.organization_id)
            }
            (None, None) => {
                let reason = "it or organization_id is required: who operates the service sees all";
                return Err(wrong_instance(reason));
            }
        };
        Ok(narrowed)
    }

    /// The same as a query.
    pub(crate) fn query<'a>(&'a self, allowed: &'a Allowed) -> Result<RowsQuery<'a>, ApiError> {
        let key = allowed.caller().key();
        let sight = match (&key.user_id, &key.project_id, &key.api_key_id) {
            (Some(user), _, _) => Sight::Person {
                organization: self.seen.as_ref(),
                user: Some(user).filter(|_| !allowed.caller().is_superadmin()),
            },
            (None, Some(project), Some(key)) => Sight::Program { key, project },
            (None, _, _) => return Err(ApiError::internal("a key of nobody")),
        };
        Ok(RowsQuery {
            instance: self.instance.as_ref(),
            organization: self.organization.as_ref(),
            page: self.page.clone(),
            scope: self.scope,
            scope_id: self.scope_id.as_deref(),
            sight,
        })
    }
}
