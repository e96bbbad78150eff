//! From a call to its job: admission, the job's beginning, and for callers who wait its end.

use std::time::Duration;

use futures_util::FutureExt;
use http::{HeaderMap, HeaderName};

use super::{Order, View, Work, run::CALL};
use crate::{
    admission::{Wanted, admit, anyone},
    auth::Scope,
    books::{self, Asked, Books, Outcome},
    caller::Caller,
    http::{
        context::Context,
        error::{ApiError, Code},
        unsupported,
    },
    ids::{InstanceId, JobId},
    model::ErrorClass,
    ports::{Platform, PortError},
    registry::Model,
    split::Splitting,
    spoken,
    time::UnixMillis,
    webhooks::Callback,
};

/// The longest that a caller waits for a job; it goes on without them.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
/// How long the results may take to be brought home, beyond the vendor's own time.
const COPYING: Duration = Duration::from_secs(60);
/// How long a caller's one look at a job lasts.
const LOOK: Duration = Duration::from_secs(20);
/// How often a job is stored, while nobody knows whether it is.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(250);
/// When it is looked for again after that.
const LATER: Duration = Duration::from_secs(8);

/// What somebody wants to buy.
pub struct Purchase<'a> {
    /// Who.
    pub caller: Caller,
    /// The request.
    pub context: &'a Context,
    /// Those of the request: `x-de-fallback` and `x-de-on-unsupported` go before what the model's row says.
    pub headers: &'a HeaderMap,
    /// The job's id: new, or that of the same purchase made before.
    pub job_id: JobId,
    /// The model or alias; absent: the instance's default.
    pub model: Option<&'a str>,
    /// Who wants to hear of its end, beside the tenant's webhooks.
    pub notify: Option<Callback>,
    /// The route: `POST /render`.
    pub operation: &'static str,
    /// The outside world.
    pub platform: &'a Platform,
    /// What the caller's key must allow.
    pub scope: Scope,
    /// The body, in bytes.
    pub size_bytes: usize,
    /// What is to be done.
    pub work: Work,
}

/// Buys, and waits for the end. The answer's headers say who served it, and what of the order was left out.
///
/// # Errors
/// As [`begin`]; what the job came to, with `job_id` in the details; `PROVIDER_TIMEOUT` with `job_id` if it takes
/// longer than a caller can wait: it goes on.
pub async fn buy(purchase: Purchase<'_>) -> Result<View, ApiError> {
    let (platform, context) = (purchase.platform, purchase.context);
    let begun = enter(purchase).await?;
    let patience = patience_ms(begun.longest);
    let ended = wait(platform, begun.view, patience).await?;
    announce(context, &ended);
    let job = |error: ApiError| error.with("job_id", ended.id.as_str());
    match (&ended.error, ended.status.as_str()) {
        (Some(fault), _) => Err(job(fault.as_error())),
        (None, "cancelled") => {
            // Somebody has stopped it: no client shall order it anew by itself, which SDKs do at a 409.
            let stopped = ApiError::new(Code::Conflict, "the job was cancelled before its end");
            Err(job(stopped.for_good()))
        }
        _ => {
            ended.left_out().tell(context);
            Ok(ended)
        }
    }
}

/// A job that is stored.
struct Begun {
    /// How long its models may take.
    longest: Duration,
    view: View,
}

/// Buys, and returns once the job is stored. Until someone serves it, it names the one who is asked first.
///
/// # Errors
/// `INVALID_REQUEST` for a word in `x-de-on-unsupported` that is none; those of [`Work::fits`] and of admission;
/// `VALIDATION_ERROR` with what the model's vendor cannot do; `INTERNAL_ERROR` with `job_id` if it is not known whether
/// the job is stored.
pub async fn begin(purchase: Purchase<'_>) -> Result<View, ApiError> {
    enter(purchase).await.map(|begun| begun.view)
}

async fn enter(purchase: Purchase<'_>) -> Result<Begun, ApiError> {
    let Purchase { platform, context, .. } = purchase;
    context.note(|line| line.job_id = Some(purchase.job_id.as_str().to_owned()));
    let what = Asked {
        modality: purchase.work.modality().as_str(),
        operation: purchase.operation,
        size_bytes: purchase.size_bytes,
    };
    let books = Books::open(platform, context, &purchase.caller, what);
    let begun = find_or_store(purchase, &books).await;
    if let Err(error) = &begun {
        // Closed already if the job has it.
        books.fail(error);
    }
    begun
}

async fn find_or_store(purchase: Purchase<'_>, books: &Books) -> Result<Begun, ApiError> {
    let Purchase { platform, context, .. } = purchase;
    let found = platform.jobs.watch(&purchase.job_id, 0, Duration::ZERO).await?;
    let Some(view) = found else { return store(purchase, books).await };
    // The same purchase, made before: it is not made again, and has its receipt.
    let view = before(context, purchase.caller.instance_id(), view)?;
    drop(books.hand_over());
    Ok(Begun { longest: LONGEST_WAIT, view })
}

async fn store(purchase: Purchase<'_>, books: &Books) -> Result<Begun, ApiError> {
    let Purchase { platform, context, work, .. } = purchase;
    let on_unsupported = unsupported::asked(purchase.headers)?;
    work.fits()?;
    let mut caller = purchase.caller;
    if caller.key().user_id.is_some() {
        // As for text: the body may have been long in coming.
        caller = caller.renewed(platform, caller.epochs()).await?;
    }
    if let Err(refusal) = caller.require(purchase.scope) {
        caller = caller.fresher(platform).await?.ok_or(refusal)?;
        caller.require(purchase.scope)?;
    }
    books.asked(purchase.model, false, 0);
    let need = |_: &Caller, model: &Model| work.need(model);
    let wanted = Wanted {
        apart: false,
        at_hand: None,
        deadline_ms: &|model| millis(longest(model).saturating_add(COPYING)),
        fallbacks: purchase.headers.get("x-de-fallback").and_then(|value| value.to_str().ok()),
        modality: work.modality(),
        model: purchase.model,
        need: &need,
        pooled: false,
        scope: purchase.scope,
        serves: &|model| work.served_by(model),
        stands_in: anyone,
        splitting: match &work {
            Work::Speech(call) => spoken::splitting(call),
            _ => Splitting::default(),
        },
    };
    let admitted = admit(platform, context, books, caller, &wanted).await?;
    let Some(first) = admitted.models.first() else {
        return Err(ApiError::internal("a purchase without a model"));
    };
    books.expects(work.expected(first));
    // What its vendor cannot do is told now, not by a job that fails. Files are not looked at here.
    let others = admitted.models.iter().skip(1);
    let mut others = others
        .filter(|model| admitted.routes.serves(&model.config.model_id, ErrorClass::Unsupported));
    if let Err(error) = work.draft(first, None, on_unsupported)
        && !others.any(|model| work.draft(model, None, on_unsupported).is_ok())
    {
        return Err(error);
    }
    let caller = admitted.caller;
    let key = caller.key();
    let Some(kept) = books.hand_over() else {
        return Err(ApiError::internal("a purchase was closed before it began"));
    };
    let order = Order {
        api_key_id: key.api_key_id.clone(),
        books: kept,
        goes_on_without_limiter: caller.goes_on_without_limiter(),
        instance_id: caller.instance_id().clone(),
        models: admitted.models.iter().map(|model| model.config.model_id.clone()).collect(),
        need: admitted.need,
        notify: purchase.notify,
        on_unsupported,
        operation: purchase.operation.to_owned(),
        organization_id: caller.organization_id().clone(),
        project_id: key.project_id.clone(),
        request_id: context.request_id().clone(),
        routes: admitted.routes,
        trace: Some(context.trace().header()),
        user_id: key.user_id.clone(),
        work,
    };
    let longest = admitted.models.iter().map(|model| longest(model)).max().unwrap_or(LONGEST_WAIT);
    let mut view = match stored(platform, &purchase.job_id, &order).await {
        Ok(view) => view,
        Err(error) => {
            let settling = settle_unstored(platform.clone(), purchase.job_id, order);
            platform.background.spawn(settling.boxed());
            return Err(error);
        }
    };
    view.model_id.get_or_insert_with(|| first.config.model_id.clone());
    view.provider_id.get_or_insert_with(|| first.config.provider_id.clone());
    if view.receipt_id == order.books.receipt().receipt_id {
        return Ok(Begun { longest, view });
    }
    // Someone else was first with the same purchase: this one is none.
    books::withdraw(platform, &order.instance_id, order.books).await;
    Ok(Begun { longest, view: before(context, &order.instance_id, view)? })
}

/// A purchase that was made before, if it was made by this instance.
fn before(context: &Context, instance: &InstanceId, view: View) -> Result<View, ApiError> {
    if view.instance_id != *instance {
        return Err(ApiError::new(Code::NotFound, "there is no such job"));
    }
    tell_receipt(context, &view);
    Ok(view)
}

/// Stores the job. It is the same job however often this is repeated.
async fn stored(platform: &Platform, id: &JobId, order: &Order) -> Result<View, ApiError> {
    let mut tries = 1;
    loop {
        match platform.jobs.begin(id, order).await {
            Ok(view) => return Ok(view),
            Err(err) if tries >= TRIES => {
                return Err(ApiError::internal(err.to_string()).with("job_id", id.as_str()));
            }
            Err(_) => {
                tries += 1;
                platform.clock.sleep(PAUSE).await;
            }
        }
    }
}

/// Looks again for a job of which nobody knew whether it is stored. If it is not, its call has failed: it gets its
/// receipt, and what was reserved for it is given back.
///
/// Who asks for the same purchase again makes the job with books of its own.
async fn settle_unstored(platform: Platform, id: JobId, order: Order) {
    let Order { books, instance_id, .. } = order;
    for _ in 0..TRIES {
        // Longer than an object is waited for: what was on its way to it has come by then.
        platform.clock.sleep(LATER).await;
        match platform.jobs.watch(&id, 0, Duration::ZERO).await {
            Ok(Some(view)) if view.receipt_id == books.receipt().receipt_id => return,
            Ok(Some(_)) => return books::withdraw(&platform, &instance_id, books).await,
            Ok(None) => {
                let code = Code::InternalError;
                let books = Books::resume(&platform, books, None);
                if let Some(closing) = books.end(Outcome::Failed(code), code.status().as_u16()) {
                    books::settle(&platform, &instance_id, closing).await;
                }
                return;
            }
            Err(_) => {}
        }
    }
}

/// Waits until a job is over.
///
/// # Errors
/// `PROVIDER_TIMEOUT` with `job_id` if it is not over in time.
async fn wait(platform: &Platform, begun: View, patience_ms: i64) -> Result<View, ApiError> {
    let mut view = begun;
    let mut stumbles = 0;
    let until: UnixMillis = platform.clock.now().plus(patience_ms);
    while !view.is_over() {
        let left = until.since(platform.clock.now());
        let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        if left.is_zero() {
            let message =
                "the job takes longer than a caller can wait; it goes on, look for it by its id";
            let late = ApiError::new(Code::ProviderTimeout, message);
            return Err(late.with("job_id", view.id.as_str()));
        }
        match platform.jobs.watch(&view.id, view.revision, left.min(LOOK)).await {
            Ok(Some(newer)) => (view, stumbles) = (newer, 0),
            Ok(None) => {
                let lost = ApiError::internal("a job has forgotten itself");
                return Err(lost.with("job_id", view.id.as_str()));
            }
            Err(err) if stumbles >= TRIES => {
                let lost = ApiError::internal(err.to_string());
                return Err(lost.with("job_id", view.id.as_str()));
            }
            Err(PortError::TimedOut { .. }) => stumbles += 1,
            Err(_) => {
                stumbles += 1;
                platform.clock.sleep(PAUSE).await;
            }
        }
    }
    Ok(view)
}

/// How long a model may take for a job: its own deadline, or as long as its orders are followed.
fn longest(model: &Model) -> Duration {
    let own = Duration::from_millis(model.deadlines().total_ms).min(CALL);
    own.saturating_add(Duration::from_millis(model.vendor.follows_ms()))
}

fn patience_ms(longest: Duration) -> i64 {
    let patience = longest.saturating_add(COPYING).min(LONGEST_WAIT);
    i64::try_from(patience.as_millis()).unwrap_or(i64::MAX)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The receipt of a purchase that was made before.
fn tell_receipt(context: &Context, view: &View) {
    context.tell(HeaderName::from_static("x-de-receipt"), view.receipt_id.as_str());
    context.note(|line| line.receipt_id = Some(view.receipt_id.as_str().to_owned()));
}

/// Says in the answer's headers who served a job, and at what cost.
pub fn announce(context: &Context, view: &View) {
    if let Some(model) = &view.model_id {
        context.tell(HeaderName::from_static("x-de-model"), model.as_str());
        context.note(|line| line.model_id = Some(model.as_str().to_owned()));
    }
    if let Some(provider) = &view.provider_id {
        context.tell(HeaderName::from_static("x-de-provider"), provider.as_str());
        context.note(|line| line.provider_id = Some(provider.as_str().to_owned()));
    }
    context.tell(HeaderName::from_static("x-de-attempts"), &view.attempts.to_string());
    context.note(|line| {
        line.attempts = Some(view.attempts);
        line.cost_micros = view.cost_micros.map(|cost| cost.0);
    });
    context.tell_cost(view.cost_micros);
    if let Some(finished) = view.finished_at {
        // From its order to its end, our own copying included: no more is known of it out here.
        context.waited_for_job(finished.0.since(view.created_at.0));
    }
}
