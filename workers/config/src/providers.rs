//! `/v1/providers`: where vendors live, and where their keys may go.
//!
//! A row is of the shared catalogue, which only who operates the service changes, or of one organization,
//! which then has it instead of the shared one of that id. Who operates the service works on the shared ones,
//! and on those of an organization that `?organization_id=` names.

use std::{collections::BTreeMap, sync::Arc};

use axum::response::Response;
use de_core::{
    caller::Caller,
    guard,
    http::{
        error::ApiError,
        extract::{AdminBody, Incoming, PathText},
        routes::{Allowed, unknown},
    },
    ids::{OrganizationId, ProviderId},
    ports::{Platform, Settings, Statement, rows},
    protocols::FieldIssue,
    store::{
        organizations::{self, OrganizationRow},
        providers::{self as store, KeyTest, ProviderAuth, ProviderQuery, ProviderRow},
    },
    time::{Timestamp, UnixMillis},
};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::resource::{
    self, Begun, Change, Created, Fields, Filters, Once, Request, Resource, listed,
};

mod parts;
mod removal;

pub(crate) use removal::delete;

const WHAT: &str = "provider";

/// Where a vendor lives, and where its key goes.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct Provider {
    /// Its id: `openai`.
    id: ProviderId,
    /// Whose it is; null for the shared catalogue.
    organization_id: Option<OrganizationId>,
    /// For people.
    display_name: String,
    /// Where its paths begin, without a slash at the end: https, port 443, a public name.
    base_url: String,
    /// Hosts beside that of `base_url` which may get its key: `eu.api.example.com`.
    allowed_hosts: Vec<String>,
    /// How it wants its key.
    auth: ProviderAuth,
    /// Sent with every call, unless the protocol sets the same one. Never a key.
    headers: BTreeMap<String, String>,
    /// Where hosts of one protocol differ: `max_tokens_field`, `seed_field`, `takes_user`,
    /// `mapping_sees_key`.
    protocol_defaults: Map<String, Value>,
    /// The cheap call that tells whether the vendor takes a key; null if there is none.
    key_test: Option<KeyTest>,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

/// A row, and what its addresses are checked against.
#[derive(Clone)]
pub(crate) struct Held {
    row: ProviderRow,
    settings: Arc<Settings>,
}

/// Lists by id the shared ones and the organization's own.
pub(crate) async fn list(
    platform: Platform,
    allowed: Allowed,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let named = filters.id("organization_id", OrganizationId::parse);
    let own = filters.word("owner", &["own", "shared"]).map(|word| word == "own");
    let page = filters.page();
    filters.finish()?;
    if let Some(named) = &named {
        allowed.on(named, None, "organization")?;
    }
    let organization = named.or_else(|| home(allowed.caller()));
    let query = ProviderQuery { organization: organization.as_ref(), own, page };
    let read: Vec<ProviderRow> = rows(&*platform.database, store::list(&query)).await?;
    Ok(listed(query.page.page(read, |row| row.id.as_str()), shown))
}

/// Makes one: shared, or of an organization.
pub(crate) async fn create(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    AdminBody(members): AdminBody,
) -> Result<Response, ApiError> {
    let request = Request::of(&platform, &allowed, &incoming);
    let now = platform.clock.now();
    let mut fields = Fields::of(members.clone());
    for name in ["id", "display_name", "base_url", "auth"] {
        fields.require(name);
    }
    let id = fields.id("id", ProviderId::parse);
    // Only who operates the service adds to what all tenants share.
    let owner = fields.id("organization_id", OrganizationId::parse);
    let owner = owner.or_else(|| home(allowed.caller()));
    let settings = platform.settings.clone();
    let mut held = Held { row: blank(id.as_ref(), owner, now)?, settings };
    held.apply(fields, now)?;
    let above = above(&platform, &allowed, held.owner()).await?;
    let once = match Once::begin(&request, "POST /v1/providers", &members).await? {
        Begun::Again(answer) => return Ok(answer),
        Begun::New(once) => once,
    };
    let made = Created::of(&held, location(&held.row, allowed.caller()));
    let batch = |event: &str| {
        let there = above.map(|above| above.unchanged(event));
        there.into_iter().chain([store::insert(&held.row)]).collect()
    };
    request.create(once, Change::of("create", &held).to(&held), made, batch).await
}

/// Shows one.
pub(crate) async fn read(
    platform: Platform,
    allowed: Allowed,
    PathText(id): PathText,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let place = place(&allowed, &id, &mut filters)?;
    filters.finish()?;
    resource::read::<Held>(platform, allowed, place).await
}

/// Changes the fields that the body names.
pub(crate) async fn update(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    PathText(id): PathText,
    mut filters: Filters,
    body: AdminBody,
) -> Result<Response, ApiError> {
    let place = place(&allowed, &id, &mut filters)?;
    filters.finish()?;
    resource::update::<Held>(platform, allowed, incoming, place, body).await
}

/// The organization whose providers someone works with unless they say otherwise: who operates the
/// service works with the shared ones.
fn home(caller: &Caller) -> Option<OrganizationId> {
    (!caller.is_superadmin()).then(|| caller.key().organization_id.clone())
}

/// Where [`Held::find`] looks: `openai` for whichever there is, `org_1/openai` for that of this owner, and
/// `/openai` for the shared one.
fn place(allowed: &Allowed, id: &str, filters: &mut Filters) -> Result<PathText, ApiError> {
    let named = filters.id("organization_id", OrganizationId::parse);
    let id = ProviderId::parse(id).map_err(|_| unknown(WHAT))?;
    Ok(PathText(match named {
        Some(named) => format!("{named}/{id}"),
        None if allowed.caller().is_superadmin() => format!("/{id}"),
        None => id.to_string(),
    }))
}

/// The organization that a new one is made in, if the caller may.
async fn above(
    platform: &Platform,
    allowed: &Allowed,
    owner: Option<&OrganizationId>,
) -> Result<Option<OrganizationRow>, ApiError> {
    let Some(owner) = owner else { return allowed.operates().map(|()| None) };
    allowed.on(owner, None, "organization")?;
    let found: Vec<OrganizationRow> = rows(&*platform.database, organizations::find(owner)).await?;
    found.into_iter().next().map(Some).ok_or_else(|| unknown("organization"))
}

/// What keeps a provider that comes in a file from being saved: what [`create`] would say.
pub(crate) fn issues(
    provider: &store::Provider,
    platform: &Platform,
) -> Result<Vec<FieldIssue>, ApiError> {
    let mut members = match serde_json::to_value(provider) {
        Ok(Value::Object(members)) => members,
        Ok(_) | Err(_) => Map::new(),
    };
    members.shift_remove("id");
    let row = blank(Some(&provider.id), None, platform.clock.now())?;
    let mut held = Held { row, settings: platform.settings.clone() };
    let mut fields = Fields::of(members);
    held.take(&mut fields);
    Ok(fields.into_issues())
}

/// The change that a new row is, for one that does not come by [`create`].
pub(crate) fn created(row: &ProviderRow) -> Change {
    Change {
        action: format!("{WHAT}.create"),
        after: Some(serde_json::to_value(shown(row)).unwrap_or_default()),
        also: Vec::new(),
        before: None,
        owner: row.organization_id.clone(),
        target: row.id.to_string(),
    }
}

/// A row to be filled. Without an id it is refused before it is saved.
fn blank(
    id: Option<&ProviderId>,
    organization_id: Option<OrganizationId>,
    now: UnixMillis,
) -> Result<ProviderRow, ApiError> {
    let none = ProviderId::parse("none").map_err(|err| ApiError::internal(err.to_string()))?;
    Ok(ProviderRow {
        id: id.cloned().unwrap_or(none),
        organization_id,
        display_name: String::new(),
        base_url: String::new(),
        allowed_hosts: Vec::new(),
        auth: ProviderAuth::Bearer,
        headers: BTreeMap::new(),
        protocol_defaults: Map::new(),
        key_test: None,
        created_at: now,
        updated_at: now,
    })
}

fn location(row: &ProviderRow, caller: &Caller) -> String {
    match &row.organization_id {
        Some(owner) if caller.is_superadmin() => {
            format!("/v1/providers/{}?organization_id={owner}", row.id)
        }
        _ => format!("/v1/providers/{}", row.id),
    }
}

fn shown(row: &ProviderRow) -> Provider {
    Provider {
        id: row.id.clone(),
        organization_id: row.organization_id.clone(),
        display_name: row.display_name.clone(),
        base_url: row.base_url.clone(),
        allowed_hosts: row.allowed_hosts.clone(),
        auth: row.auth.clone(),
        headers: row.headers.clone(),
        protocol_defaults: row.protocol_defaults.clone(),
        key_test: row.key_test.clone(),
        created_at: row.created_at.into(),
        updated_at: row.updated_at.into(),
    }
}

impl Held {
    /// Takes the fields that a body names.
    fn take(&mut self, fields: &mut Fields) {
        let Self { row, settings } = self;
        fields.text("display_name", 200, &mut row.display_name);
        let mut base_url = row.base_url.clone();
        fields.text("base_url", 500, &mut base_url);
        if base_url != row.base_url {
            match guard::base_url(&base_url, settings) {
                Ok(base_url) => row.base_url = base_url,
                Err(err) => fields.wrong("base_url", &err.to_string()),
            }
        }
        let host = |text: &str| guard::host(text, settings).map_err(|err| err.to_string());
        fields.list("allowed_hosts", host, &mut row.allowed_hosts);
        parts::auth(fields, &mut row.auth);
        parts::headers(fields, &row.auth, &mut row.headers);
        fields.object("protocol_defaults", parts::protocol_default, &mut row.protocol_defaults);
        parts::key_test(fields, &row.base_url, &mut row.key_test);
    }
}

impl Resource for Held {
    type Shown = Provider;

    const ACTION: &'static str = WHAT;

    async fn find(platform: &Platform, allowed: &Allowed, place: &str) -> Result<Self, ApiError> {
        let parse = |id: &str| ProviderId::parse(id).map_err(|_| unknown(WHAT));
        let statement = match place.split_once('/') {
            None => store::find(&parse(place)?, home(allowed.caller()).as_ref()),
            Some(("", id)) => store::find_of(&parse(id)?, None),
            Some((owner, id)) => {
                let owner = OrganizationId::parse(owner).map_err(|_| unknown(WHAT))?;
                store::find_of(&parse(id)?, Some(&owner))
            }
        };
        let found: Vec<ProviderRow> = rows(&*platform.database, statement).await?;
        let row = found.into_iter().next().ok_or_else(|| unknown(WHAT))?;
        match &row.organization_id {
            Some(owner) => allowed.on(owner, None, WHAT)?,
            // Everybody who looks sees it.
            None if allowed.changes() => allowed.operates()?,
            None => {}
        }
        Ok(Self { row, settings: platform.settings.clone() })
    }

    fn apply(&mut self, mut fields: Fields, _: UnixMillis) -> Result<(), ApiError> {
        self.take(&mut fields);
        fields.finish()
    }

    fn shown(&self) -> Provider {
        shown(&self.row)
    }

    fn id(&self) -> &str {
        self.row.id.as_str()
    }

    fn owner(&self) -> Option<&OrganizationId> {
        self.row.organization_id.as_ref()
    }

    fn updated_at(&self) -> UnixMillis {
        self.row.updated_at
    }

    fn set_updated_at(&mut self, at: UnixMillis) {
        self.row.updated_at = at;
    }

    fn unchanged(&self, event: &str) -> Statement {
        store::unchanged(event, &self.row.id, self.owner(), self.row.updated_at)
    }

    fn update(&self) -> Vec<Statement> {
        vec![store::update(&self.row)]
    }
}
