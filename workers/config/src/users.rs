//! `/v1/users`: persons, and what they are. What they may do on instances is in `grants.rs`.

mod endings;

use axum::response::Response;
use de_core::{
    auth::access::{Grant, Role},
    http::{
        error::{ApiError, Code},
        extract::{AdminBody, Incoming},
        routes::{Allowed, unknown},
    },
    ids::{InstanceId, OrganizationId, UserId},
    ports::{Platform, Statement, random, rows},
    store::{
        Activity, Viewer, limits,
        organizations::{self, OrganizationRow},
        users::{self as store, ReachRow, UserQuery, UserRow},
    },
    time::{Timestamp, UnixMillis},
};
use serde::Serialize;

use crate::{
    instances,
    organizations::is_email,
    resource::{
        Begun, Cascade, Change, Consequence, Created, Fields, Filters, Once, Request, Resource,
        listed, viewer,
    },
};

const WHAT: &str = "user";

/// The least of them first: it is what a person is unless told otherwise.
pub(crate) const ROLES: [&str; 3] = ["user", "admin", "superadmin"];

/// A person of an organization.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct User {
    /// Its id.
    id: UserId,
    /// Whose person it is.
    organization_id: OrganizationId,
    /// In lower case. No two persons of the service have the same.
    email: String,
    /// For people.
    name: Option<String>,
    /// `user` does what grants allow, `admin` administers the organization, `superadmin` operates the
    /// service.
    role: String,
    /// Keys and log-ins of a suspended person are refused.
    status: Activity,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

/// Lists by id who is of the organization that the caller administers, and the caller; or who is of an instance's
/// organization, for who owns that instance.
pub(crate) async fn list(
    platform: Platform,
    allowed: Allowed,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let organization = filters.id("organization_id", OrganizationId::parse);
    let instance = filters.id("instance_id", InstanceId::parse);
    let email = filters.text("email").map(|email| email.to_lowercase());
    let mut query = UserQuery {
        email: email.as_deref(),
        organization: organization.as_ref(),
        page: filters.page(),
        role: filters.word("role", &ROLES),
        status: filters.status(),
    };
    filters.finish()?;
    let (home, sight);
    if let Some(instance) = instance {
        // Whoever owns it gives grants on it, to anybody of its organization.
        home = instances::find(&platform, &allowed, instance.as_str()).await?.organization_id;
        if query.organization.is_some_and(|named| *named != home) {
            return Err(unknown("instance"));
        }
        query.organization = Some(&home);
        sight = Viewer::Everything;
    } else {
        sight = viewer(&allowed)?;
    }
    let read: Vec<UserRow> = rows(&*platform.database, store::list(&query, sight)).await?;
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
    let mut row = UserRow {
        created_at: now,
        email: String::new(),
        id: UserId::make(now, random(&*platform.entropy)),
        name: None,
        organization_id: allowed.caller().key().organization_id.clone(),
        role: "user".to_owned(),
        status: Activity::Active,
        updated_at: now,
    };
    let mut fields = Fields::of(members.clone());
    for name in ["organization_id", "email"] {
        fields.require(name);
    }
    if let Some(organization) = fields.id("organization_id", OrganizationId::parse) {
        row.organization_id = organization;
    }
    row.apply(fields, now)?;
    allowed.on(&row.organization_id, None, "organization")?;
    may_give(&row, &allowed)?;
    let above = organizations::find(&row.organization_id);
    let above: Vec<OrganizationRow> = rows(&*platform.database, above).await?;
    let above = above.first().ok_or_else(|| unknown("organization"))?;
    may_address(&row, &allowed, above)?;
    let once = match Once::begin(&request, "POST /v1/users", &members).await? {
        Begun::Again(answer) => return Ok(answer),
        Begun::New(once) => once,
    };
    let made = Created::of(&row, format!("/v1/users/{}", row.id));
    let batch = |event: &str| vec![above.unchanged(event), store::insert(&row)];
    request.create(once, Change::of("create", &row).to(&row), made, batch).await
}

/// Finds a person, whoever asks.
pub(crate) async fn find(platform: &Platform, id: &str) -> Result<UserRow, ApiError> {
    let id = UserId::parse(id).map_err(|_| unknown(WHAT))?;
    let found: Vec<UserRow> = rows(&*platform.database, store::find(&id)).await?;
    found.into_iter().next().ok_or_else(|| unknown(WHAT))
}

/// Whether the caller is this person.
pub(crate) fn is_oneself(allowed: &Allowed, user: &UserId) -> bool {
    allowed.caller().key().user_id.as_ref() == Some(user)
}

/// The tenants on whose instances a person has a grant: a change of the person ends copies there too.
pub(crate) async fn reached(
    platform: &Platform,
    user: &UserId,
) -> Result<Vec<OrganizationId>, ApiError> {
    let found: Vec<ReachRow> = rows(&*platform.database, store::reach(user)).await?;
    Ok(found.into_iter().map(|row| row.organization_id).collect())
}

fn role(row: &UserRow) -> Role {
    Role::of(Some(&row.role))
}

/// Refuses to make someone more than the caller is.
fn may_give(row: &UserRow, allowed: &Allowed) -> Result<(), ApiError> {
    if allowed.caller().role().reaches(role(row)) {
        return Ok(());
    }
    let message = format!("only a superadmin makes someone {}", row.role);
    Err(ApiError::new(Code::Forbidden, message))
}

/// Refuses an address that is none of the organization's. Whoever receives mail there logs in by it, as this person, and
/// nobody else can be given it.
fn may_address(
    row: &UserRow,
    allowed: &Allowed,
    organization: &OrganizationRow,
) -> Result<(), ApiError> {
    let Some(domains) = &organization.email_domains else { return Ok(()) };
    let domain = row.email.rsplit_once('@').map_or("", |(_, domain)| domain);
    if allowed.caller().is_superadmin() || domains.iter().any(|own| own == domain) {
        return Ok(());
    }
    let told = if domains.is_empty() { "none".to_owned() } else { domains.join(", ") };
    let message = format!("only a superadmin gives an address outside of {told}");
    Err(ApiError::new(Code::Forbidden, message).with("field", "/email"))
}

impl Resource for UserRow {
    type Shown = User;

    const ACTION: &'static str = "user";

    async fn find(platform: &Platform, allowed: &Allowed, id: &str) -> Result<Self, ApiError> {
        let found = find(platform, id).await?;
        let own = is_oneself(allowed, &found.id).then_some(Grant::Owner);
        allowed.on(&found.organization_id, own, WHAT)?;
        if allowed.changes() && !allowed.caller().role().reaches(role(&found)) {
            let message = "this is someone who may do more than you";
            return Err(ApiError::new(Code::Forbidden, message));
        }
        Ok(found)
    }

    fn apply(&mut self, mut fields: Fields, _: UnixMillis) -> Result<(), ApiError> {
        let before = self.email.clone();
        fields.text("email", 320, &mut self.email);
        self.email = self.email.to_lowercase();
        if self.email != before && !is_email(&self.email) {
            fields.wrong("email", "expected an e-mail address");
        }
        fields.text_or_null("name", 200, &mut self.name);
        fields.word("role", &ROLES, &mut self.role);
        fields.status(&mut self.status);
        fields.finish()
    }

    /// Whoever takes their own rights away takes away those that they would take them back with.
    async fn may_become(
        &self,
        after: &Self,
        allowed: &Allowed,
        platform: &Platform,
    ) -> Result<(), ApiError> {
        may_give(after, allowed)?;
        if after.email != self.email {
            let above = organizations::find(&after.organization_id);
            let above: Vec<OrganizationRow> = rows(&*platform.database, above).await?;
            may_address(after, allowed, above.first().ok_or_else(|| unknown(WHAT))?)?;
        }
        let falls = after.status == Activity::Suspended || !role(after).reaches(role(self));
        if falls { self.spare(allowed) } else { Ok(()) }
    }

    /// Whoever becomes more begins anew, and whoever has another address logs in by it.
    async fn entails(&self, before: &Self, platform: &Platform) -> Result<Consequence, ApiError> {
        if !role(before).reaches(role(self)) {
            return endings::ends(platform, &self.id).await;
        }
        if before.email != self.email {
            return endings::ends_log_ins(platform, &self.id).await;
        }
        Ok(Consequence::default())
    }

    fn shown(&self) -> User {
        User {
            id: self.id.clone(),
            organization_id: self.organization_id.clone(),
            email: self.email.clone(),
            name: self.name.clone(),
            role: self.role.clone(),
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

    async fn reaches(&self, platform: &Platform) -> Result<Vec<OrganizationId>, ApiError> {
        reached(platform, &self.id).await
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
        let operates = role(self) == Role::Superadmin && self.status == Activity::Active;
        let another = (!operates).then(|| store::another_operates(&self.id));
        another.into_iter().chain([store::update(self)]).collect()
    }
}

impl Cascade for UserRow {
    fn below(&self) -> Statement {
        store::below(&self.id)
    }

    fn empty(&self, event: &str) -> Statement {
        store::empty(event, &self.id)
    }

    fn remove(&self) -> Vec<Statement> {
        let mut batch = vec![store::another_operates(&self.id)];
        batch.extend(limits::leave_person(&self.id));
        batch.push(store::delete(&self.id));
        batch
    }

    fn suspended(&self) -> Option<Self> {
        Some(Self { status: Activity::Suspended, ..self.clone() })
    }

    fn spare(&self, allowed: &Allowed) -> Result<(), ApiError> {
        if is_oneself(allowed, &self.id) {
            let message = "nobody suspends, demotes or deletes themselves";
            return Err(ApiError::new(Code::Conflict, message));
        }
        Ok(())
    }
}
