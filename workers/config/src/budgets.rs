//! `/v1/budgets`: how much money may be spent in a day, a week, a month, or in all.

mod held;

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
    limits::Period,
    ports::{Platform, rows},
    store::{
        limits::{self, BudgetsRow},
        pages::Page,
    },
    time::UnixMillis,
};
use http::StatusCode;
use serde_json::json;

use self::held::Held;
pub(crate) use self::held::{Budgets, PERIODS};
use crate::{
    limits::named,
    resource::{Change, Fields, Request, Saved, TRIES, if_match, later, listed, overtaken, tagged},
    scoped::{Narrowed, Scoped, target, usage::Usages},
};

const WHAT: &str = "budget";

/// As answers show them, with what is used of them.
async fn show(platform: &Platform, held: &[Held]) -> Vec<Budgets> {
    let asked = held.iter().filter(|held| !held.budgets.is_empty());
    let usages = Usages::of(platform, asked.map(|held| &held.place)).await;
    held.iter().map(|held| held.shown(&usages)).collect()
}

/// Those of one scope, with their entity tag.
async fn answer(platform: &Platform, held: Held) -> Result<Response, ApiError> {
    let updated_at = held.updated_at().unwrap_or(UnixMillis(0));
    let shown = show(platform, &[held]).await.pop();
    let shown = shown.ok_or_else(|| ApiError::internal("what was shown is gone"))?;
    Ok(tagged(Json(shown).into_response(), updated_at))
}

/// Lists the scopes that have budgets, as far as the caller may see them.
pub(crate) async fn list(
    platform: Platform,
    allowed: Allowed,
    filters: Filters,
) -> Result<Response, ApiError> {
    let narrowed = Narrowed::read(&platform, &allowed, filters).await?;
    let query = narrowed.query(&allowed)?;
    let read: Vec<BudgetsRow> = rows(&*platform.database, limits::budgets(&query)).await?;
    let page = query.page.page(read, |row| &row.placed.place);
    let held = page.data.into_iter().map(|found| {
        let place = found.placed.place();
        let place = place.ok_or_else(|| ApiError::internal("a budget of an unknown scope"))?;
        Ok(Held::of(&place, Some(found)))
    });
    let held: Vec<Held> = held.collect::<Result<_, ApiError>>()?;
    let data = show(&platform, &held).await;
    Ok(listed(Page { data, next_cursor: page.next_cursor }, |budgets| json!(budgets)))
}

/// Shows the budgets of a scope, also where it has none.
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

/// Sets the budget of a scope for one period. It holds once this has answered.
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
        if save(&request, "put", &scoped, &before, &mut held).await?.done()? {
            return answer(&platform, held).await;
        }
    }
    Err(overtaken(&incoming.headers))
}

/// Removes the budgets of a scope, or the one of `?period=`.
pub(crate) async fn delete(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    PathTexts(scope, id): PathTexts,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let named = named(scope, id, &mut filters);
    let period = filters.word("period", &PERIODS).and_then(Period::parse);
    filters.finish()?;
    let request = Request::of(&platform, &allowed, &incoming);
    for _ in 0..TRIES {
        let scoped = Scoped::find(&platform, &allowed, &named).await?;
        let before = Held::find(&platform, &scoped.place).await?;
        let mut held = before.clone();
        held.budgets.retain(|(other, _)| period.is_some_and(|period| *other != period));
        if held.budgets.len() == before.budgets.len() {
            return Err(unknown(WHAT));
        }
        if_match(&incoming.headers, before.updated_at().unwrap_or(UnixMillis(0)))?;
        if save(&request, "delete", &scoped, &before, &mut held).await?.done()? {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
    }
    Err(overtaken(&incoming.headers))
}

/// Saves what a scope has over what it had. What is gone may still lose budgets.
async fn save(
    request: &Request<'_>,
    verb: &str,
    scoped: &Scoped,
    before: &Held,
    held: &mut Held,
) -> Result<Saved, ApiError> {
    let now = request.platform.clock.now();
    let now = before.updated_at().map_or(now, |at| later(now, at));
    held.changed = Some((before.changed.map_or(now, |(created_at, _)| created_at), now));
    let change = Change {
        action: format!("budgets.{verb}"),
        after: held.on_record(),
        also: Vec::new(),
        before: before.on_record(),
        owner: Some(before.place.organization.clone()),
        target: target(&before.place),
    };
    let batch = |event: &str| {
        let expected = before.updated_at();
        let mut batch = vec![limits::budgets_unchanged(event, &scoped.place, expected)];
        batch.extend(scoped.unchanged(event));
        batch.extend(held.save(now));
        batch
    };
    request.save(change, batch).await
}
