//! From a request that was read to a job, and for callers who wait to its end.

use std::time::Duration;

use axum::response::Response;
use de_core::{
    assets::lend,
    auth::Scope,
    caller::Caller,
    calls::ImageCall,
    http::{
        error::ApiError,
        extract::Incoming,
        once::{Begun, Ticket},
        prefer,
        turn::Entrance,
    },
    ids::JobId,
    jobs::{View, Work, claimed, front},
    ports::Platform,
};

use crate::{generate, images};

/// How long a request has its claim for itself. One that takes over later makes the same job, and waits for it.
const HOLD: Duration = Duration::from_secs(60);

/// What a caller asks for, whatever protocol it spoke.
pub(crate) struct Ask {
    pub(crate) call: ImageCall,
    /// The instance that the body names.
    pub(crate) instance_id: Option<String>,
    /// The model or alias; absent where the instance's default shall serve.
    pub(crate) model: Option<String>,
    /// The project that the body names.
    pub(crate) project_id: Option<String>,
    /// How it wants to be answered.
    pub(crate) wire: Wire,
}

/// The protocol that a caller speaks.
#[derive(Clone)]
pub(crate) enum Wire {
    Native,
    OpenAi(images::Wish),
}

/// Where a request came in: a route (`POST /generate`), what is said in the body, if that could be read, and how
/// many bytes it has.
pub(crate) fn entrance(
    operation: &'static str,
    digest: Option<[u8; 32]>,
    size_bytes: usize,
) -> Entrance<'static> {
    Entrance {
        digest,
        hold: HOLD,
        modality: "image",
        operation,
        scope: Scope::Image,
        size_bytes,
        subject: "",
    }
}

/// What came of it.
enum Bought {
    /// A job that goes on: the caller would rather not wait.
    Begun(View),
    /// The job is over, and has pictures.
    Done(View),
}

/// Buys what was asked for, once for each `Idempotency-Key`, and answers. Every authenticated call leaves
/// exactly one receipt: the job's, or one of its own if it never becomes one.
pub(crate) async fn serve(
    platform: &Platform,
    caller: Caller,
    incoming: &Incoming,
    entrance: Entrance<'_>,
    asked: Result<Ask, ApiError>,
) -> Result<Response, ApiError> {
    let ticket = match entrance.claim(platform, &caller, incoming).await? {
        Begun::Call(ticket) => ticket,
        Begun::Replayed(response) => return Ok(response),
    };
    let job_id = claimed::id(platform, ticket.as_ref());
    let is_repeated = ticket.as_ref().is_some_and(Ticket::repeated);
    let answered = match ready(platform, &caller, asked, is_repeated.then_some(&job_id)).await {
        Ok(ask) => answer(platform, caller, incoming, entrance, ask, job_id.clone()).await,
        Err(error) => {
            entrance.refuse(platform, &caller, &incoming.context, &error);
            Err(error)
        }
    };
    let Some(ticket) = ticket else { return answered };
    claimed::end(platform, &incoming.context, ticket, &job_id, answered).await
}

async fn answer(
    platform: &Platform,
    caller: Caller,
    incoming: &Incoming,
    entrance: Entrance<'_>,
    ask: Ask,
    job_id: JobId,
) -> Result<Response, ApiError> {
    let wire = ask.wire.clone();
    let bought = buy(platform, caller, incoming, entrance, ask, job_id).await;
    let bought = match &wire {
        Wire::Native => bought?,
        Wire::OpenAi(_) => bought.map_err(images::in_openai_words)?,
    };
    match (bought, wire) {
        (Bought::Begun(view), _) => Ok(prefer::accepted(platform, &incoming.context, &view)),
        (Bought::Done(view), Wire::Native) => {
            generate::answer(platform, &incoming.context, &view).await
        }
        (Bought::Done(view), Wire::OpenAi(wish)) => images::answer(platform, wish, &view).await,
    }
}

async fn buy(
    platform: &Platform,
    caller: Caller,
    incoming: &Incoming,
    entrance: Entrance<'_>,
    ask: Ask,
    job_id: JobId,
) -> Result<Bought, ApiError> {
    let work = Work::Image(ask.call);
    let files = work.files().into_iter();
    let keys: Vec<String> = files.filter_map(|file| file.storage_key.clone()).collect();
    let headers = &incoming.headers;
    let purchase = front::Purchase {
        caller,
        context: &incoming.context,
        fallbacks: headers.get("x-de-fallback").and_then(|value| value.to_str().ok()),
        job_id,
        model: ask.model.as_deref(),
        notify: None,
        operation: entrance.operation,
        platform,
        scope: Scope::Image,
        size_bytes: entrance.size_bytes,
        work,
    };
    let bought = match prefer::respond_async(headers) {
        true => front::begin(purchase).await.map(Bought::Begun),
        false => front::buy(purchase).await.map(Bought::Done),
    };
    if let Err(error) = &bought
        && !error.details().contains_key("job_id")
    {
        // No job has them, and none will.
        let late = platform.clone();
        let clearing = async move { lend::take_back(&late, &keys).await };
        platform.background.spawn(Box::pin(clearing));
    }
    bought
}

/// What has to hold before anything is bought; files are put away, unless the job that they are for may have
/// been made before, and was.
async fn ready(
    platform: &Platform,
    caller: &Caller,
    asked: Result<Ask, ApiError>,
    made_before: Option<&JobId>,
) -> Result<Ask, ApiError> {
    let mut ask = asked?;
    caller.must_be(ask.instance_id.as_deref(), ask.project_id.as_deref())?;
    let files: Vec<_> = ask.call.images.iter_mut().chain(&mut ask.call.mask).collect();
    if files.is_empty() {
        return Ok(ask);
    }
    // Nothing of a caller is stored who may not buy. The purchase itself asks again.
    let caller = caller.clone().entitled(platform, Scope::Image).await?;
    let made = match made_before {
        Some(job) => platform.jobs.watch(job, 0, Duration::ZERO).await?,
        None => None,
    };
    if made.is_none() {
        lend::put_away(platform, caller.instance_id(), files).await?;
    }
    Ok(ask)
}

/// Refuses a caller who may not buy pictures, before anything of the call is read.
pub(crate) async fn entitled(
    platform: &Platform,
    caller: Caller,
    incoming: &Incoming,
    operation: &'static str,
) -> Result<Caller, ApiError> {
    let may = caller.clone().entitled(platform, Scope::Image).await;
    if let Err(refusal) = &may {
        entrance(operation, None, 0).refuse(platform, &caller, &incoming.context, refusal);
    }
    may
}
