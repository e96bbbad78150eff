//! From a request that was read to a job, and for callers who wait to its end.

use std::time::Duration;

use axum::response::Response;
use de_core::{
    assets::lend,
    auth::Scope,
    caller::Caller,
    calls::ImageCall,
    http::{error::ApiError, extract::Incoming, prefer, turn::Entrance},
    ids::JobId,
    jobs::{
        View, Work,
        claimed::{Claim, Claimed},
        front,
    },
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

/// Where a request came in: a route (`POST /generate`), of which nothing was read yet.
pub(crate) fn entrance(operation: &'static str) -> Entrance<'static> {
    Entrance { hold: HOLD, ..Entrance::new(operation, "image", Scope::Image) }
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
    let claimed = match Claimed::begin(platform, &caller, incoming, entrance).await? {
        Claim::Mine(claimed) => claimed,
        Claim::Replayed(response) => return Ok(response),
    };
    let answered = match ready(platform, &caller, asked, claimed.perhaps_made()).await {
        Ok(ask) => answer(&claimed, caller, ask).await,
        Err(error) => {
            claimed.refuse(&caller, &error);
            Err(error)
        }
    };
    claimed.end(answered).await
}

async fn answer(claimed: &Claimed<'_>, caller: Caller, ask: Ask) -> Result<Response, ApiError> {
    let (platform, context) = (claimed.platform, &claimed.incoming.context);
    let wire = ask.wire.clone();
    let bought = buy(claimed, caller.clone(), ask).await;
    let bought = match &wire {
        Wire::Native => bought?,
        Wire::OpenAi(_) => bought.map_err(images::in_openai_words)?,
    };
    if let (Bought::Done(view), Wire::OpenAi(_)) = (&bought, &wire) {
        images::left_out(view).tell(context);
    }
    match (bought, wire) {
        (Bought::Begun(view), _) => Ok(prefer::accepted(platform, context, &view)),
        (Bought::Done(view), Wire::Native) => generate::answer(platform, context, &view).await,
        (Bought::Done(view), Wire::OpenAi(wish)) => {
            images::answer(platform, &caller, wish, &view).await
        }
    }
}

async fn buy(claimed: &Claimed<'_>, caller: Caller, ask: Ask) -> Result<Bought, ApiError> {
    let work = Work::Image(ask.call);
    let files = work.files().into_iter();
    let keys: Vec<String> = files.filter_map(|file| file.storage_key.clone()).collect();
    let purchase = claimed.purchase(caller, ask.model.as_deref(), work);
    let bought = match prefer::respond_async(&claimed.incoming.headers) {
        true => front::begin(purchase).await.map(Bought::Begun),
        false => front::buy(purchase).await.map(Bought::Done),
    };
    if let Err(error) = &bought
        && !error.details().contains_key("job_id")
    {
        // No job has them, and none will.
        let late = claimed.platform.clone();
        let clearing = async move { lend::take_back(&late, &keys).await };
        claimed.platform.background.spawn(Box::pin(clearing));
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
