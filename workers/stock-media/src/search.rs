//! `POST /search`, `/search/photos`, `/search/videos`.

use axum::response::Response;
use de_core::{
    auth::Scope,
    caller::{Caller, Tenant},
    calls::stock::{StockCall, StockKind},
    exchange::LeftOut,
    http::{
        error::{ApiError, Code},
        extract::{Body, Incoming},
        once,
        turn::{Entrance, Turn},
        unsupported,
    },
    model::Modality,
    ports::Platform,
    protocols::{
        FieldIssue,
        native::stock::{Looks, StockSearch},
    },
    receipt::Usage,
};
use futures_util::future::join_all;
use http::HeaderName;
use serde_json::Value;

use crate::{
    admit::{MODALITY, admitted},
    legs::{Found, Search},
    wire::{Answered, Medium, Metadata},
};

/// Searches videos and photos.
pub(crate) async fn both(
    platform: Platform,
    Tenant(caller): Tenant,
    incoming: Incoming,
    body: Body,
) -> Result<Response, ApiError> {
    run(platform, caller, incoming, body, Looks::Both).await
}

/// Searches photos.
pub(crate) async fn photos(
    platform: Platform,
    Tenant(caller): Tenant,
    incoming: Incoming,
    body: Body,
) -> Result<Response, ApiError> {
    run(platform, caller, incoming, body, Looks::For(StockKind::Photos)).await
}

/// Searches videos.
pub(crate) async fn videos(
    platform: Platform,
    Tenant(caller): Tenant,
    incoming: Incoming,
    body: Body,
) -> Result<Response, ApiError> {
    run(platform, caller, incoming, body, Looks::For(StockKind::Videos)).await
}

async fn run(
    platform: Platform,
    caller: Caller,
    incoming: Incoming,
    body: Body,
    looks: Looks,
) -> Result<Response, ApiError> {
    let operation = match looks {
        Looks::Both => "POST /search",
        Looks::For(StockKind::Photos) => "POST /search/photos",
        Looks::For(StockKind::Videos) => "POST /search/videos",
    };
    let entrance = Entrance::new(operation, MODALITY, Scope::Stock).with_body(&body);
    let turn = entrance.take_without_key(&platform, &caller, &incoming);
    let answered = answer(&turn, caller, body, looks).await;
    turn.end_free(answered).await
}

async fn answer(
    turn: &Turn<'_>,
    caller: Caller,
    body: Body,
    looks: Looks,
) -> Result<Response, ApiError> {
    let (books, platform) = (&turn.books, turn.platform);
    let Incoming { context, headers, .. } = turn.incoming;
    let caller = caller.entitled(platform, Scope::Stock).await?;
    if headers.contains_key(&once::HEADER) {
        let message = "a search takes no Idempotency-Key: asked again, it costs nothing";
        return Err(ApiError::new(Code::InvalidRequest, message));
    }
    let on_unsupported = unsupported::asked(headers)?;
    let body = Value::Object(body.into_object()?);
    let search = StockSearch::parse(&body, looks).map_err(|issues| ApiError::fields(&issues))?;
    let asker = &search.asker;
    caller.must_be(asker.instance_id.as_deref(), asker.project_id.as_deref())?;
    let fallbacks = turn.incoming.fallbacks();
    let modality = match looks {
        Looks::Both | Looks::For(StockKind::Photos) => Modality::Image,
        Looks::For(StockKind::Videos) => Modality::Video,
    };
    let admitted = admitted(turn, caller, asker, fallbacks, modality).await?;
    let Some(first) = admitted.models.first() else {
        return Err(ApiError::internal("a search has no model"));
    };
    let legs = Search { admitted: &admitted, on_unsupported, turn };
    // What the model cannot be asked is the caller's to mend, whatever the other kind would find.
    let mut issues: Vec<FieldIssue> = Vec::new();
    for issue in search.calls.iter().flat_map(|call| legs.issues(first, call)) {
        if !issues.contains(&issue) {
            issues.push(issue);
        }
    }
    if !issues.is_empty() {
        return Err(ApiError::fields(&issues));
    }
    let found = everything(&legs, &search.calls).await;
    // Each exchange told those up to its own end.
    let attempts = books.tries();
    if attempts > 0 {
        context.tell(HeaderName::from_static("x-de-attempts"), &attempts.to_string());
    }
    let asked = found.iter().filter(|found| matches!(found, Ok(found) if !found.is_kept)).count();
    let requests = u64::try_from(asked).unwrap_or(u64::MAX);
    let served = || found.iter().flatten();
    let dropped: Vec<FieldIssue> = served().flat_map(|found| found.dropped.clone()).collect();
    let warns = served().any(|found| legs.target(&found.model).warns_of_options());
    LeftOut::of(&dropped, warns).tell(context);
    let together = Together::of(&search.calls, found)?;
    books.counted(&Usage { requests, ..Usage::default() });
    let now = platform.clock.now();
    let answered = Answered {
        success: true,
        media: together.media,
        total_results: together.total,
        page: search.page,
        per_page: search.per_page,
        metadata: Metadata {
            provider: together.provider.unwrap_or_else(|| first.config.provider_id.clone()),
            query: search.query,
            search_time_ms: now.since(context.started()),
            cached: together.is_kept,
            notices: together.notices,
        },
        request_id: context.request_id().as_str().to_owned(),
        timestamp: now.into(),
    };
    let text =
        serde_json::to_string(&answered).map_err(|err| ApiError::internal(err.to_string()))?;
    Ok(turn.answer("application/json", text.into()))
}

/// What all calls find, at the same time: what is kept is not asked for, and the first that is asked for takes
/// the request that was reserved.
async fn everything(legs: &Search<'_>, calls: &[StockCall]) -> Vec<Result<Found, ApiError>> {
    let kept = join_all(calls.iter().map(|call| legs.kept(call))).await;
    let mut is_another = false;
    let asking = calls.iter().zip(kept).map(|(call, kept)| {
        let is_another = kept.is_none() && std::mem::replace(&mut is_another, true);
        async move {
            match kept {
                Some(found) => Ok(found),
                None => legs.asked(call, is_another).await,
            }
        }
    });
    join_all(asking.collect::<Vec<_>>()).await
}

/// What all calls found, put together.
#[derive(Default)]
struct Together {
    is_kept: bool,
    media: Vec<Medium>,
    notices: Vec<String>,
    provider: Option<de_core::ids::ProviderId>,
    total: u64,
}

impl Together {
    /// Takes one of each kind in turn. A kind that could not be searched is told of, unless none could.
    fn of(calls: &[StockCall], found: Vec<Result<Found, ApiError>>) -> Result<Self, ApiError> {
        let mut together = Self { is_kept: true, ..Self::default() };
        let mut columns = Vec::new();
        let mut failures = Vec::new();
        for (call, found) in calls.iter().zip(found) {
            match found {
                Ok(Found { is_kept, model, page, .. }) => {
                    let provider = &model.config.provider_id;
                    together.is_kept &= is_kept;
                    together.provider.get_or_insert_with(|| provider.clone());
                    together.total = together.total.saturating_add(page.total);
                    together.notices.extend(page.notices);
                    let media = page.items.into_iter().map(|item| Medium::of(item, provider));
                    columns.push(media.collect::<Vec<_>>().into_iter());
                }
                Err(error) if error.code() == Code::ClientLeft => return Err(error),
                Err(error) => failures.push((call.kind, error)),
            }
        }
        if columns.is_empty() {
            let first = failures.into_iter().next().map(|(_, error)| error);
            return Err(first.unwrap_or_else(|| ApiError::internal("nothing was searched")));
        }
        for (kind, error) in failures {
            together.is_kept = false;
            together.notices.push(format!(
                "{} could not be searched: {} ({})",
                kind.as_str(),
                error.message(),
                error.code().as_str()
            ));
        }
        loop {
            let row: Vec<Medium> = columns.iter_mut().filter_map(Iterator::next).collect();
            if row.is_empty() {
                return Ok(together);
            }
            together.media.extend(row);
        }
    }
}
