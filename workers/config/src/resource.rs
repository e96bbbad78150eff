//! What the resources of the control plane have in common: found by id, shown with an entity tag, changed
//! field by field, removed with or without what is below.
//!
//! A resource says what its rows are ([`Resource`], [`Cascade`]); the handlers here do the rest, so that
//! every resource answers alike. Making one differs from row to row, and so does listing: those handlers stand
//! in the resource's own file, and end in [`Request::create`] and [`listed`].

mod answer;
mod change;
mod deletion;
mod fields;
mod once;

pub(crate) use de_core::http::filters::Filters;

pub(crate) use answer::{
    edition_tag, if_match, if_match_tag, listed, overtaken, shown, tagged, with_tag,
};
pub(crate) use change::{
    Change, Consequence, Created, Request, Saved, TRIES, actor, later, raised, save_as,
};
pub(crate) use deletion::{Cascade, WouldDelete, delete, not_empty};
pub(crate) use fields::{Fields, origin};
pub(crate) use once::{Begun, Once, bound, no_idempotency_key};

use std::future::Future;

use axum::response::Response;
use de_core::{
    auth::access::Grant,
    http::{
        error::{ApiError, Code},
        extract::{AdminBody, Incoming, PathText},
        routes::Allowed,
    },
    ids::OrganizationId,
    ports::{Platform, Row, Statement},
    store::{Viewer, users},
    time::UnixMillis,
};
use serde::Serialize;

/// Rows that are found, shown and changed alike.
pub(crate) trait Resource: Clone + Send + Sync + 'static {
    /// A row as answers and the trail of changes have it: never a secret.
    type Shown: Serialize;

    /// `project`: changes are on record as `project.update`.
    const ACTION: &'static str;

    /// Finds one that the caller may do to what the route is for.
    ///
    /// # Errors
    /// `NOT_FOUND` also for what the caller may not see, `FORBIDDEN` for what they only see.
    fn find(
        platform: &Platform,
        allowed: &Allowed,
        id: &str,
    ) -> impl Future<Output = Result<Self, ApiError>> + Send;

    /// Takes the fields that a body names. All that is wrong is told at once by [`Fields::finish`].
    fn apply(&mut self, fields: Fields, now: UnixMillis) -> Result<(), ApiError>;

    /// Refuses what this caller may not make of it, though they may change it.
    fn may_become(
        &self,
        _after: &Self,
        _allowed: &Allowed,
        _platform: &Platform,
    ) -> impl Future<Output = Result<(), ApiError>> + Send {
        async { Ok(()) }
    }

    /// Refuses what other rows do not allow it to become.
    fn fits(
        &self,
        _before: Option<&Self>,
        _platform: &Platform,
    ) -> impl Future<Output = Result<(), ApiError>> + Send {
        async { Ok(()) }
    }

    /// What else ends or changes with it, after it was like `before`.
    fn entails(
        &self,
        _before: &Self,
        _platform: &Platform,
    ) -> impl Future<Output = Result<Consequence, ApiError>> + Send {
        async { Ok(Consequence::default()) }
    }

    /// As answers show it.
    fn shown(&self) -> Self::Shown;

    /// Its id.
    fn id(&self) -> &str;

    /// Whose it is; `None` for the shared catalogue.
    fn owner(&self) -> Option<&OrganizationId>;

    /// The other tenants that a change of it matters to: their copies end too.
    fn reaches(
        &self,
        _platform: &Platform,
    ) -> impl Future<Output = Result<Vec<OrganizationId>, ApiError>> + Send {
        async { Ok(Vec::new()) }
    }

    /// When it was last changed.
    fn updated_at(&self) -> UnixMillis;

    /// Moves that on.
    fn set_updated_at(&mut self, at: UnixMillis);

    /// Ends a batch with a conflict on `audit_events.id` unless the row is still as it is here.
    fn unchanged(&self, event: &str) -> Statement;

    /// Saves it over what is there.
    fn update(&self) -> Vec<Statement>;
}

/// Shows one.
pub(crate) async fn read<R: Resource>(
    platform: Platform,
    allowed: Allowed,
    PathText(id): PathText,
) -> Result<Response, ApiError> {
    let row = R::find(&platform, &allowed, &id).await?;
    Ok(shown(&row))
}

/// Changes the fields that the body names.
pub(crate) async fn update<R: Resource>(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    PathText(id): PathText,
    AdminBody(members): AdminBody,
) -> Result<Response, ApiError> {
    let request = Request::of(&platform, &allowed, &incoming);
    for _ in 0..TRIES {
        let before = R::find(&platform, &allowed, &id).await?;
        if_match(&incoming.headers, before.updated_at())?;
        let now = platform.clock.now();
        let mut row = before.clone();
        row.apply(Fields::of(members.clone()), now)?;
        before.may_become(&row, &allowed, &platform).await?;
        row.fits(Some(&before), &platform).await?;
        row.set_updated_at(later(now, before.updated_at()));
        if request.replace("update", &before, &row).await?.done()? {
            return Ok(shown(&row));
        }
    }
    Err(overtaken(&incoming.headers))
}

/// What someone is told who wants what another row has.
pub(crate) fn taken(constraint: &str) -> ApiError {
    if constraint == users::NOBODY_OPERATES {
        let message = "nobody would be left who operates the service";
        return ApiError::new(Code::Conflict, message);
    }
    let column = constraint.rsplit('.').next().unwrap_or_default();
    let message = format!("another one has this {column} already");
    ApiError::new(Code::Conflict, message).with("field", format!("/{column}"))
}

/// Whose eyes a list is for. Programs see nothing here: their routes end before.
pub(crate) fn viewer(allowed: &Allowed) -> Result<Viewer<'_>, ApiError> {
    let caller = allowed.caller();
    match &caller.key().user_id {
        _ if caller.is_superadmin() => Ok(Viewer::Everything),
        Some(user) => Ok(Viewer::Person { organization: allowed.administers(), user }),
        None => Err(ApiError::new(Code::Forbidden, "this wants the key of a person")),
    }
}

/// The column of a grant, read.
pub(crate) fn grant(word: Option<&str>) -> Option<Grant> {
    word.and_then(Grant::parse)
}

/// One row of numbers.
pub(crate) async fn count(platform: &Platform, below: Statement) -> Result<Row, ApiError> {
    let mut answers = platform.database.batch(vec![below]).await?;
    Ok(answers.pop().and_then(|mut rows| rows.pop()).unwrap_or_default())
}
