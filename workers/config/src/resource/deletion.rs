//! Removing what may have something below it: refused, told, or all of it at once.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    http::{
        error::{ApiError, Code},
        extract::{Incoming, PathText},
        routes::Allowed,
    },
    ports::{Platform, Row, Statement},
};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use super::{Change, Filters, Request, Resource, Saved, count, if_match, later, overtaken, taken};

/// Rows that may have others below them.
pub(crate) trait Cascade: Resource {
    /// Counts what is below: one row of numbers by name.
    fn below(&self) -> Statement;

    /// Ends a batch with a conflict on `audit_events.id` if something is below.
    fn empty(&self, event: &str) -> Statement;

    /// Removes it with all that is below.
    fn remove(&self) -> Vec<Statement>;

    /// The same row out of use, where it can be. What is removed with all below it is taken out of use
    /// first: Limiters can be told only while there are rows that name them.
    fn suspended(&self) -> Option<Self> {
        None
    }

    /// Refuses to remove what this caller stands on.
    fn spare(&self, _allowed: &Allowed) -> Result<(), ApiError> {
        Ok(())
    }
}

/// What a dry run says.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct WouldDelete {
    /// What was asked for.
    pub(crate) id: String,
    /// How many of each kind would go with it: `api_keys`, `projects`, …
    #[cfg_attr(
        not(target_family = "wasm"),
        schema(value_type = std::collections::BTreeMap<String, u64>)
    )]
    pub(crate) would_delete: Row,
}

/// Removes one, with all that is below it if the caller says so.
pub(crate) async fn delete<R: Cascade>(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    PathText(id): PathText,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let (cascade, dry_run) = (filters.flag("cascade"), filters.flag("dry_run"));
    filters.finish()?;
    let before = R::find(&platform, &allowed, &id).await?;
    if_match(&incoming.headers, before.updated_at())?;
    let below = count(&platform, before.below()).await?;
    if dry_run {
        let id = before.id().to_owned();
        return Ok(Json(WouldDelete { id, would_delete: below }).into_response());
    }
    if !cascade && below.values().any(|count| count.as_i64() != Some(0)) {
        return Err(not_empty(&below));
    }
    before.spare(&allowed)?;
    let request = Request::of(&platform, &allowed, &incoming);
    let mut still = before.clone();
    if let Some(mut suspended) = before.suspended().filter(|_| cascade) {
        suspended.set_updated_at(later(platform.clock.now(), before.updated_at()));
        let saved = request.replace("suspend", &before, &suspended).await.map_err(not_yet)?;
        if !saved.done()? {
            return Err(overtaken(&incoming.headers));
        }
        still = suspended;
    }
    let mut change = Change::of("delete", &still).from(&still);
    change.also = still.reaches(&platform).await?;
    let batch = |event: &str| {
        let mut batch = vec![still.unchanged(event)];
        if !cascade {
            batch.push(still.empty(event));
        }
        batch.extend(still.remove());
        batch
    };
    match request.save(change, batch).await? {
        Saved::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        Saved::Taken { constraint } => Err(taken(&constraint)),
        Saved::Overtaken => {
            let below = count(&platform, before.below()).await?;
            let is_empty = below.values().all(|count| count.as_i64() == Some(0));
            Err(if cascade || is_empty { overtaken(&incoming.headers) } else { not_empty(&below) })
        }
    }
}

/// A Limiter that does not hear of the suspension does not hear of the deletion either, and afterwards there is no row
/// by which it could be told: nothing is deleted, and whoever asked has to ask again.
fn not_yet(err: ApiError) -> ApiError {
    if err.code() != Code::LimiterUnavailable {
        return err;
    }
    let message = "it is suspended, and not deleted: not every limiter knows yet; delete it again";
    ApiError::new(Code::LimiterUnavailable, message).with("suspended", true)
}

/// What is not deleted, because something is below it.
pub(crate) fn not_empty(below: &Row) -> ApiError {
    let message = "something is below it; ?cascade=true deletes that too, ?dry_run=true says what";
    ApiError::new(Code::Conflict, message).with("below", Value::Object(below.clone()))
}
