//! `/v1/limits`: how many calls and tokens in a rolling minute, hour or day, and how many calls at once.

mod held;

use std::collections::BTreeMap;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    http::{
        error::ApiError,
        extract::{AdminBody, Incoming, PathTexts},
        filters::Filters,
        routes::{Allowed, unknown},
    },
    ids::{InstanceId, OrganizationId},
    limits::ScopeKind,
    model::RateLimits,
    ports::{Platform, row, rows},
    store::{
        limits::{self, LimitsRow, ModelLimitsRow},
        pages::Page,
    },
    time::UnixMillis,
};
use http::StatusCode;
use serde_json::json;

pub(crate) use self::held::Limits;
use self::held::{Held, holds};
use crate::{
    resource::{Change, Fields, Request, TRIES, if_match, later, listed, overtaken, tagged},
    scoped::{Named, Narrowed, Scoped, target, usage::Usages},
};

const WHAT: &str = "limit";

/// The limits in the configs of those of these places that are models, in their order.
async fn configs(platform: &Platform, held: &[Held]) -> Result<Vec<Option<RateLimits>>, ApiError> {
    let is_model = |held: &&Held| held.place.scope.kind == ScopeKind::Model;
    let mut ids: BTreeMap<&OrganizationId, Vec<&str>> = BTreeMap::new();
    for held in held.iter().filter(is_model) {
        ids.entry(&held.place.organization).or_default().push(&held.place.scope.id);
    }
    let mut known: BTreeMap<(&OrganizationId, String), RateLimits> = BTreeMap::new();
    if !ids.is_empty() {
        let batch = ids.iter().map(|(owner, ids)| limits::of_models(ids, owner)).collect();
        let answers = platform.database.batch(batch).await?;
        for (owner, answer) in ids.keys().zip(answers) {
            for found in answer {
                let found: ModelLimitsRow = row(found)?;
                let limits = found.rate_limits.unwrap_or_default();
                known.insert((*owner, found.model_id.to_string()), limits);
            }
        }
    }
    let of = |held: &Held| {
        let key = (&held.place.organization, held.place.scope.id.clone());
        let is_model = is_model(&held);
        known.get(&key).copied().filter(|_| is_model)
    };
    Ok(held.iter().map(of).collect())
}

/// As answers show them, with what is used of them.
async fn show(platform: &Platform, held: &[Held]) -> Result<Vec<Limits>, ApiError> {
    let configs = configs(platform, held).await?;
    let both = || held.iter().zip(configs.iter().copied());
    let asked = both().filter(|(held, config)| holds(&held.amounts, *config));
    let usages = Usages::of(platform, asked.map(|(held, _)| &held.place)).await;
    Ok(both().map(|(held, config)| held.shown(config, &usages)).collect())
}

/// One, with its entity tag.
async fn answer(platform: &Platform, held: Held) -> Result<Response, ApiError> {
    let updated_at = held.updated_at().unwrap_or(UnixMillis(0));
    let shown = show(platform, &[held]).await?.pop();
    let shown = shown.ok_or_else(|| ApiError::internal("what was shown is gone"))?;
    Ok(tagged(Json(shown).into_response(), updated_at))
}

/// Lists the scopes that have limits, as far as the caller may see them.
pub(crate) async fn list(
    platform: Platform,
    allowed: Allowed,
    filters: Filters,
) -> Result<Response, ApiError> {
    let narrowed = Narrowed::read(&platform, &allowed, filters).await?;
    let query = narrowed.query(&allowed)?;
    let read: Vec<LimitsRow> = rows(&*platform.database, limits::limits(&query)).await?;
    let page = query.page.page(read, |row| &row.placed.place);
    let held = page.data.into_iter().map(|found| {
        let place = found.placed.place();
        let place = place.ok_or_else(|| ApiError::internal("a limit of an unknown scope"))?;
        Ok(Held::of(&place, Some(found)))
    });
    let held: Vec<Held> = held.collect::<Result<_, ApiError>>()?;
    let data = show(&platform, &held).await?;
    Ok(listed(Page { data, next_cursor: page.next_cursor }, |limits| json!(limits)))
}

/// Shows the limits of a scope, also where none is set.
pub(crate) async fn read(
    platform: Platform,
    allowed: Allowed,
    PathTexts(scope, id): PathTexts,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let named = named(scope, id, &mut filters);
    filters.finish()?;
    let scoped = Scoped::find(&platform, &allowed, &named).await?;
    let held = Held::find(&platform, &scoped.place).await?;
    answer(&platform, held).await
}

/// Sets limits of a scope, and removes those that are null. What is lower than it was holds once this has
/// answered.
pub(crate) async fn put(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    PathTexts(scope, id): PathTexts,
    mut filters: Filters,
    AdminBody(members): AdminBody,
) -> Result<Response, ApiError> {
    let named = named(scope, id, &mut filters);
    filters.finish()?;
    let request = Request::of(&platform, &allowed, &incoming);
    for _ in 0..TRIES {
        let scoped = Scoped::find(&platform, &allowed, &named).await?;
        scoped.exists()?;
        let before = Held::find(&platform, &scoped.place).await?;
        if_match(&incoming.headers, before.updated_at().unwrap_or(UnixMillis(0)))?;
        let mut held = before.clone();
        held.apply(Fields::of(members.clone()))?;
        if held.amounts.is_empty() && before.amounts.is_empty() {
            return answer(&platform, held).await;
        }
        let now = platform.clock.now();
        let now = before.updated_at().map_or(now, |at| later(now, at));
        held.changed = Some((before.changed.map_or(now, |(created_at, _)| created_at), now));
        let batch = |event: &str| {
            let expected = before.updated_at();
            let mut batch = vec![limits::limits_unchanged(event, &scoped.place, expected)];
            batch.extend(scoped.unchanged(event));
            batch.extend(held.save(now));
            batch
        };
        if request.save(change("put", &before, &held), batch).await?.done()? {
            held.changed = held.changed.filter(|_| !held.amounts.is_empty());
            return answer(&platform, held).await;
        }
    }
    Err(overtaken(&incoming.headers))
}

/// Removes all limits of a scope.
pub(crate) async fn delete(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    PathTexts(scope, id): PathTexts,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let named = named(scope, id, &mut filters);
    filters.finish()?;
    let request = Request::of(&platform, &allowed, &incoming);
    for _ in 0..TRIES {
        let scoped = Scoped::find(&platform, &allowed, &named).await?;
        let before = Held::find(&platform, &scoped.place).await?;
        let updated_at = before.updated_at().ok_or_else(|| unknown(WHAT))?;
        if_match(&incoming.headers, updated_at)?;
        let none = Held::of(&scoped.place, None);
        let batch = |event: &str| {
            vec![
                limits::limits_unchanged(event, &scoped.place, Some(updated_at)),
                limits::keep_limits(&scoped.place, []),
            ]
        };
        if request.save(change("delete", &before, &none), batch).await?.done()? {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
    }
    Err(overtaken(&incoming.headers))
}

/// What path and query name.
pub(crate) fn named(scope: String, id: String, filters: &mut Filters) -> Named {
    Named { id, instance: filters.id("instance_id", InstanceId::parse), scope }
}

fn change(verb: &str, before: &Held, after: &Held) -> Change {
    Change {
        action: format!("limits.{verb}"),
        after: after.on_record(),
        also: Vec::new(),
        before: before.on_record(),
        owner: Some(before.place.organization.clone()),
        target: target(&before.place),
    }
}
