//! `/v1/organizations`: who pays.

use axum::response::Response;
use de_core::{
    http::{
        error::{ApiError, Code},
        extract::{AdminBody, Incoming},
        routes::{Allowed, unknown},
    },
    ids::OrganizationId,
    limits::calendar::Calendar,
    ports::{Platform, Statement, random, rows},
    store::{
        Activity,
        organizations::{self as store, OrganizationRow},
        users,
        users::ReachRow,
    },
    time::{Timestamp, UnixMillis},
};
use serde::Serialize;

use crate::resource::{
    Begun, Cascade, Change, Created, Fields, Filters, Once, Request, Resource, listed,
};

const WHAT: &str = "organization";

/// An organization: who pays, and whom everything below belongs to.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct Organization {
    /// Its id.
    id: OrganizationId,
    /// For people.
    name: String,
    /// Where bills go.
    billing_email: Option<String>,
    /// The domains of the e-mail addresses that its own administrators may give; null: any. A superadmin says so, and
    /// gives any address.
    email_domains: Option<Vec<String>>,
    /// Its days and months begin there: an IANA name.
    time_zone: String,
    /// Keys of a suspended organization are refused.
    status: Activity,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

/// Lists by id: all for who operates the service, else one's own.
pub(crate) async fn list(
    platform: Platform,
    allowed: Allowed,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let (status, page) = (filters.status(), filters.page());
    filters.finish()?;
    let caller = allowed.caller();
    let only = (!caller.is_superadmin()).then_some(&caller.key().organization_id);
    let read: Vec<OrganizationRow> =
        rows(&*platform.database, store::list(only, status, &page)).await?;
    Ok(listed(page.page(read, |row| row.id.as_str()), Resource::shown))
}

/// Makes one.
pub(crate) async fn create(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    AdminBody(members): AdminBody,
) -> Result<Response, ApiError> {
    let request = Request::of(&platform, &allowed, &incoming);
    let once = match Once::begin(&request, "POST /v1/organizations", &members).await? {
        Begun::Again(answer) => return Ok(answer),
        Begun::New(once) => once,
    };
    let now = platform.clock.now();
    let mut row = OrganizationRow {
        billing_email: None,
        created_at: now,
        email_domains: None,
        id: OrganizationId::make(now, random(&*platform.entropy)),
        name: String::new(),
        status: Activity::Active,
        time_zone: "UTC".to_owned(),
        updated_at: now,
    };
    let mut fields = Fields::of(members);
    fields.require("name");
    row.apply(fields, now)?;
    let made = Created::of(&row, format!("/v1/organizations/{}", row.id));
    let change = Change::of("create", &row).to(&row);
    request.create(once, change, made, |_| vec![store::insert(&row)]).await
}

impl Resource for OrganizationRow {
    type Shown = Organization;

    const ACTION: &'static str = "organization";

    async fn find(platform: &Platform, allowed: &Allowed, id: &str) -> Result<Self, ApiError> {
        let id = OrganizationId::parse(id).map_err(|_| unknown(WHAT))?;
        allowed.on(&id, None, WHAT)?;
        let found: Vec<Self> = rows(&*platform.database, store::find(&id)).await?;
        found.into_iter().next().ok_or_else(|| unknown(WHAT))
    }

    fn apply(&mut self, mut fields: Fields, _: UnixMillis) -> Result<(), ApiError> {
        fields.text("name", 200, &mut self.name);
        let before = self.billing_email.clone();
        fields.text_or_null("billing_email", 320, &mut self.billing_email);
        let email = self.billing_email.as_deref();
        if self.billing_email != before && email.is_some_and(|email| !is_email(email)) {
            fields.wrong("billing_email", "expected an e-mail address");
        }
        fields.list_or_null("email_domains", email_domain, &mut self.email_domains);
        let zone_before = self.time_zone.clone();
        let mut zone = Some(zone_before.clone());
        fields.text_or_null("time_zone", 64, &mut zone);
        self.time_zone = zone.unwrap_or_else(|| "UTC".to_owned());
        // What was saved before names were looked up counts as UTC, and keeps no other change away.
        if self.time_zone != zone_before && Calendar::of(&self.time_zone).is_none() {
            fields.wrong("time_zone", "expected the IANA name of a time zone: Europe/Berlin");
        }
        fields.status(&mut self.status);
        fields.finish()
    }

    async fn may_become(
        &self,
        after: &Self,
        allowed: &Allowed,
        _: &Platform,
    ) -> Result<(), ApiError> {
        if self.email_domains != after.email_domains {
            allowed.operates()?;
        }
        if self.status == after.status {
            return Ok(());
        }
        allowed.operates()?;
        self.spare(allowed)
    }

    fn shown(&self) -> Organization {
        Organization {
            id: self.id.clone(),
            name: self.name.clone(),
            billing_email: self.billing_email.clone(),
            email_domains: self.email_domains.clone(),
            time_zone: self.time_zone.clone(),
            status: self.status,
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
        }
    }

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn owner(&self) -> Option<&OrganizationId> {
        Some(&self.id)
    }

    /// Its persons act wherever they have grants.
    async fn reaches(&self, platform: &Platform) -> Result<Vec<OrganizationId>, ApiError> {
        let found: Vec<ReachRow> = rows(&*platform.database, store::reach(&self.id)).await?;
        Ok(found.into_iter().map(|row| row.organization_id).collect())
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
        let stays = (self.status == Activity::Suspended).then(|| users::others_operate(&self.id));
        stays.into_iter().chain([store::update(self)]).collect()
    }
}

impl Cascade for OrganizationRow {
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

    /// Whoever takes their own organization away takes away the key that they would bring it back with.
    fn spare(&self, allowed: &Allowed) -> Result<(), ApiError> {
        if allowed.caller().key().organization_id == self.id {
            let message = "this is the organization of the key that asks";
            return Err(ApiError::new(Code::Conflict, message));
        }
        Ok(())
    }
}

/// Reads a domain of addresses: in lower case, without an `@`.
fn email_domain(text: &str) -> Result<String, String> {
    let domain = text.to_lowercase();
    let is_label = |label: &str| {
        !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    let is_one = domain.len() <= 253 && domain.contains('.') && domain.split('.').all(is_label);
    is_one.then_some(domain).ok_or_else(|| "expected a domain: example.com".to_owned())
}

/// Whether it has the form of an address; only a letter could tell more.
pub(crate) fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(name, host)| {
        !name.is_empty() && host.contains('.') && !host.contains('@') && !text.contains(' ')
    })
}
