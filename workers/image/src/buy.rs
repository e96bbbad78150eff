//! From a request that was read to a job, and for callers who wait to its end.

use de_core::{
    assets::lend,
    auth::Scope,
    books::{Arrival, Asked, Books, CLIENT_LEFT, Outcome},
    caller::Caller,
    calls::ImageCall,
    http::{
        error::{ApiError, Code},
        extract::Incoming,
        prefer,
    },
    ids::JobId,
    jobs::{View, Work, front},
    ports::{Platform, random},
};

/// What a caller asks for, whatever protocol it spoke.
pub(crate) struct Ask {
    pub(crate) call: ImageCall,
    /// The instance that the body names.
    pub(crate) instance_id: Option<String>,
    /// The model or alias; absent where the instance's default shall serve.
    pub(crate) model: Option<String>,
    /// The project that the body names.
    pub(crate) project_id: Option<String>,
}

/// Where a request came in, and how large it was.
#[derive(Clone, Copy)]
pub(crate) struct Entrance {
    /// The route: `POST /generate`.
    pub(crate) operation: &'static str,
    pub(crate) size_bytes: usize,
}

/// What came of it.
pub(crate) enum Bought {
    /// A job that goes on: the caller would rather not wait.
    Begun(View),
    /// The job is over, and has pictures.
    Done(View),
}

/// Buys what was asked for. Every authenticated call leaves exactly one receipt: the job's, or one of its
/// own if it never becomes one.
pub(crate) async fn buy(
    platform: &Platform,
    caller: Caller,
    incoming: &Incoming,
    entrance: Entrance,
    asked: Result<Ask, ApiError>,
) -> Result<Bought, ApiError> {
    let ask = match ready(platform, &caller, incoming, asked).await {
        Ok(ask) => ask,
        Err(error) => {
            close(platform, &caller, incoming, entrance, &error);
            return Err(error);
        }
    };
    let work = Work::Image(ask.call);
    let keys: Vec<String> =
        work.files().into_iter().filter_map(|file| file.storage_key.clone()).collect();
    let headers = &incoming.headers;
    let purchase = front::Purchase {
        caller,
        context: &incoming.context,
        fallbacks: headers.get("x-de-fallback").and_then(|value| value.to_str().ok()),
        job_id: JobId::make(platform.clock.now(), random(&*platform.entropy)),
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

/// What has to hold before anything is bought; files are put away.
async fn ready(
    platform: &Platform,
    caller: &Caller,
    incoming: &Incoming,
    asked: Result<Ask, ApiError>,
) -> Result<Ask, ApiError> {
    // Where a purchase is looked for that was made before under the same key.
    if incoming.headers.contains_key("idempotency-key") {
        let message = "Idempotency-Key is not supported for images yet; leave the header out";
        return Err(ApiError::new(Code::InvalidRequest, message));
    }
    let mut ask = asked?;
    caller.must_be(ask.instance_id.as_deref(), ask.project_id.as_deref())?;
    let files: Vec<_> = ask.call.images.iter_mut().chain(&mut ask.call.mask).collect();
    if !files.is_empty() {
        let_on(platform, caller.clone()).await?;
        lend::put_away(platform, caller.instance_id(), files).await?;
    }
    Ok(ask)
}

/// Nothing of a caller is stored who may not buy. The purchase itself asks again.
async fn let_on(platform: &Platform, mut caller: Caller) -> Result<(), ApiError> {
    if caller.key().user_id.is_some() {
        caller = caller.renewed(platform, caller.epochs()).await?;
    }
    if let Err(refusal) = caller.require(Scope::Image) {
        caller = caller.fresher(platform).await?.ok_or(refusal)?;
        caller.require(Scope::Image)?;
    }
    Ok(())
}

/// Writes a call into the books that never became a job.
fn close(
    platform: &Platform,
    caller: &Caller,
    incoming: &Incoming,
    entrance: Entrance,
    error: &ApiError,
) {
    let Entrance { operation, size_bytes } = entrance;
    let what = Asked { modality: "image", operation, size_bytes };
    let arrival = Arrival::of(platform, &incoming.context, caller, what);
    let books = Books::open(platform, arrival, incoming.context.started());
    match error.code() {
        Code::ClientLeft => books.close(Outcome::Cancelled, CLIENT_LEFT),
        code => books.close(Outcome::Failed(code), code.status().as_u16()),
    }
}
