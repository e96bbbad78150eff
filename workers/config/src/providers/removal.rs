//! Providers, removed: alone, or with the models and keys that hang on them.
//!
//! A shared one may take rows of many organizations along. Each of them has an event of its own that says what
//! it lost, because the event of a shared row is not theirs to see.

use std::collections::BTreeMap;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    http::{
        error::ApiError,
        extract::{Incoming, PathText},
        routes::Allowed,
    },
    ids::OrganizationId,
    ports::{Platform, Row, Statement, row},
    store::providers::{
        self as store,
        removal::{self, Hanging},
    },
};
use http::StatusCode;
use serde_json::{Value, json};

use super::{Held, WHAT, place};
use crate::{
    model_configs::{Naming, read_naming},
    resource::{
        Change, Filters, Request, Resource, Saved, WouldDelete, if_match, not_empty, overtaken,
        taken,
    },
};

/// Removes one, with all that hangs on it if the caller says so.
pub(crate) async fn delete(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    PathText(id): PathText,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let PathText(place) = place(&allowed, &id, &mut filters)?;
    let (cascade, dry_run) = (filters.flag("cascade"), filters.flag("dry_run"));
    filters.finish()?;
    let before = Held::find(&platform, &allowed, &place).await?;
    if_match(&incoming.headers, before.updated_at())?;
    let below = Below::of(&platform, &before).await?;
    if !below.named_by.is_empty() && (cascade || dry_run) {
        return Err(below.refusal(&before));
    }
    if dry_run {
        let (id, would_delete) = (before.id().to_owned(), below.counts());
        return Ok(Json(WouldDelete { id, would_delete }).into_response());
    }
    if !cascade && !below.hanging.is_empty() {
        return Err(not_empty(&below.counts()));
    }
    let request = Request::of(&platform, &allowed, &incoming);
    let (provider, owner) = (&before.row.id, before.owner());
    let batch = |event: &str| {
        let mut batch = vec![
            before.unchanged(event),
            removal::still(event, provider, owner, &below.hanging),
            removal::unnamed(event, provider, owner),
        ];
        batch.extend(below.events(&request, &before));
        batch.extend(store::delete(provider, owner));
        batch
    };
    match request.save(Change::of("delete", &before).from(&before), batch).await? {
        Saved::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        Saved::Taken { constraint } => Err(taken(&constraint)),
        Saved::Overtaken => {
            let below = Below::of(&platform, &before).await?;
            if !cascade && !below.hanging.is_empty() {
                return Err(not_empty(&below.counts()));
            }
            if !below.named_by.is_empty() {
                return Err(below.refusal(&before));
            }
            Err(overtaken(&incoming.headers))
        }
    }
}

/// What a provider takes along.
struct Below {
    hanging: Vec<Hanging>,
    /// What would name nothing without its models.
    named_by: Naming,
}

impl Below {
    async fn of(platform: &Platform, held: &Held) -> Result<Self, ApiError> {
        let (provider, owner) = (&held.row.id, held.owner());
        let batch = vec![removal::hanging(provider, owner), removal::named_by(provider, owner)];
        let mut answers = platform.database.batch(batch).await?;
        let named_by = Naming::from_iter(read_naming(answers.pop().unwrap_or_default())?);
        let hanging = answers.pop().unwrap_or_default();
        let hanging = hanging.into_iter().map(row).collect::<Result<_, _>>()?;
        Ok(Self { hanging, named_by })
    }

    /// How many of each kind.
    fn counts(&self) -> Row {
        let count = |kind: &str| self.hanging.iter().filter(|below| below.kind == kind).count();
        ["model_configs", "provider_keys"]
            .map(|kind| (kind.to_owned(), Value::from(count(kind))))
            .into_iter()
            .collect()
    }

    fn refusal(&self, held: &Held) -> ApiError {
        let what = format!("what is called at {} would go with it, and is", held.row.id);
        self.named_by.refusal(&what).with("below", Value::Object(self.counts()))
    }

    /// An event for each owner of something that goes, with the ids of that.
    fn events(&self, request: &Request<'_>, held: &Held) -> Vec<Statement> {
        let mut by_owner: BTreeMap<Option<&OrganizationId>, Vec<&Hanging>> = BTreeMap::new();
        for below in &self.hanging {
            by_owner.entry(below.organization_id.as_ref()).or_default().push(below);
        }
        let events = by_owner.into_iter().map(|(owner, lost)| {
            let ids = |kind: &str| -> Vec<&str> {
                let of_kind = lost.iter().filter(|below| below.kind == kind);
                of_kind.map(|below| below.id.as_str()).collect()
            };
            let before = json!({
                "model_configs": ids("model_configs"),
                "provider_keys": ids("provider_keys"),
            });
            request.record(Change {
                action: format!("{WHAT}.cascade"),
                after: None,
                also: Vec::new(),
                before: Some(before),
                owner: owner.cloned(),
                target: held.row.id.to_string(),
            })
        });
        events.collect()
    }
}
