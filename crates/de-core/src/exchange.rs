//! The one loop that speaks to vendors: reserves, sends, keeps deadlines, retries, falls back.
//!
//! Errors are told apart by status and by the vendor's own code, never by words in a message. A vendor's
//! fault is never shown as the caller's: its 401 is our 502.

mod dropped;
mod failure;
mod first;
pub mod follow;
mod hedge;
pub mod key_test;
pub mod lookup;
pub(crate) mod outbound;
pub mod relay;
pub mod routes;
mod shares;
pub mod sound;
pub mod translate;
mod upstream;

use std::{pin::pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::{Either, select};
use http::HeaderName;

pub use self::shares::{limiter_unavailable, model_scopes, reserve_another};
use self::{failure::Failure, routes::Routes, shares::reserve};
pub(crate) use self::{failure::without_queries, shares::has_no_budget};
use crate::{
    auth::vault,
    books::{Books, Outlay, Share},
    caller::Caller,
    circuits,
    http::{
        context::Context,
        error::{ApiError, Code},
    },
    ids::{InstanceId, ModelId},
    last_used,
    limits::wire::Need,
    mapping::{
        poll::{Polling, Wait},
        reply::MappedReply,
    },
    model::ErrorClass,
    ports::{Departure, Inbound, Outbound, Platform, PortError, random},
    protocols::Draft,
    receipt::Attempt,
    registry::{Model, Provider},
    retry,
    secret::Secret,
    time::UnixMillis,
    trace::Trace,
};

/// The largest whole answer that we take from a vendor, unless its reader can hold more.
pub const ANSWER_CAP: usize = 32 * 1024 * 1024;
/// The largest error body, and how long we wait for it.
const ERROR_CAP: usize = 64 * 1024;
const ERROR_WAIT: Duration = Duration::from_secs(5);
/// The least time that a streamed answer has to begin, once its head is here.
const LEAST_FIRST: Duration = Duration::from_secs(1);

/// One call to be made, with everything that it may use.
pub struct Job<'a> {
    /// Who has to know before a vendor is sent anything that it may bill.
    pub before_send: Option<&'a dyn BeforeSend>,
    /// Its place in the books.
    pub books: &'a Books,
    /// Its request.
    pub context: &'a Context,
    /// When the client goes away.
    pub departure: Option<&'a Departure>,
    /// Writes the request for one of the models.
    pub draft: &'a (dyn Fn(&Model) -> Result<Draft, ApiError> + Send + Sync),
    /// Whose keys and limits it goes by.
    pub holder: Holder<'a>,
    /// The model that was asked for, then its fallbacks.
    pub models: &'a [Arc<Model>],
    /// What one try is reserved for.
    pub need: Need,
    /// The outside world.
    pub platform: &'a Platform,
    /// After which failures the fallbacks serve.
    pub routes: &'a Routes,
    /// Whether the answer is read as a stream: its head comes early, and it has begun with its first event.
    pub streamed: bool,
}

/// Someone who has to know before money can be spent.
#[async_trait]
pub trait BeforeSend: Send + Sync {
    /// Learns that a vendor is sent something next; called once a call, before the first try. The call is
    /// over at `until`.
    ///
    /// # Errors
    /// What the caller is told: then nothing is sent.
    async fn sending(&self, until: UnixMillis) -> Result<(), ApiError>;
}

/// Whose keys and limits a call goes by.
#[derive(Clone, Copy)]
pub struct Holder<'a> {
    /// Whether its calls go on when the Limiter does not answer.
    pub goes_on_without_limiter: bool,
    /// The instance.
    pub instance: &'a InstanceId,
}

impl<'a> From<&'a Caller> for Holder<'a> {
    fn from(caller: &'a Caller) -> Self {
        let goes_on_without_limiter = caller.goes_on_without_limiter();
        Self { goes_on_without_limiter, instance: caller.instance_id() }
    }
}

/// A vendor's good answer, whose body is still to come. Where it is read as a stream, it has begun: its first
/// event is here, to be read.
pub struct Opened {
    /// The answer.
    pub inbound: Inbound,
    /// Who gave it.
    pub model: Arc<Model>,
}

/// A vendor's good answer.
pub enum Answer {
    /// Its head is here.
    Opened(Opened),
    /// All of it is here: the vendor was polled until its job was done.
    Polled(Polled),
}

/// What a job came to.
pub struct Polled {
    /// Who gave it.
    pub model: Arc<Model>,
    /// The result.
    pub reply: Box<MappedReply>,
}

/// What a vendor answered first.
pub enum First {
    /// It has begun, or done, what was asked for.
    Answer(Answer),
    /// It has taken an order, and is to be asked how that goes.
    Ordered(Box<Ordered>),
}

/// An order that a vendor has taken.
pub struct Ordered {
    /// Who took it.
    pub model: Arc<Model>,
    /// The order, to be asked about.
    pub polling: Polling,
    /// When, and with what.
    pub wait: Wait,
}

impl Answer {
    /// Who gave it.
    #[must_use]
    pub fn model(&self) -> &Arc<Model> {
        match self {
            Self::Opened(opened) => &opened.model,
            Self::Polled(polled) => &polled.model,
        }
    }
}

/// What every request to a vendor needs.
#[derive(Clone, Copy)]
struct Line<'a> {
    departure: Option<&'a Departure>,
    instance: &'a InstanceId,
    platform: &'a Platform,
    trace: &'a Trace,
}

impl<'a> Job<'a> {
    fn line(&self) -> Line<'a> {
        let Self { context, departure, holder, platform, .. } = *self;
        Line { departure, instance: holder.instance, platform, trace: context.trace() }
    }
}

/// Why a wait ended without what was waited for.
enum Interrupted {
    ClientLeft,
    TimedOut,
}

/// Sends until a vendor answers well: retries what is safe to repeat, polls where the vendor takes an
/// order first, then goes down the fallbacks.
///
/// # Errors
/// What the last try came to; where fallbacks were tried too, `ALL_PROVIDERS_FAILED` with one entry an
/// attempt.
pub async fn open(job: &Job<'_>) -> Result<Answer, ApiError> {
    match run(job, Patience::ToTheEnd).await? {
        First::Answer(answer) => Ok(answer),
        First::Ordered(_) => Err(ApiError::internal("an order was not followed to its end")),
    }
}

/// As [`open`], but an order that a vendor has taken is left to whoever asks about it later.
///
/// # Errors
/// As [`open`].
pub async fn order(job: &Job<'_>) -> Result<First, ApiError> {
    run(job, Patience::FirstAnswer).await
}

/// How long an order is followed.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Patience {
    FirstAnswer,
    ToTheEnd,
}

async fn run(job: &Job<'_>, patience: Patience) -> Result<First, ApiError> {
    job.context.asks(job.platform.clock.now());
    let mut failed = Failed::default();
    for (index, model) in job.models.iter().enumerate() {
        let rest = job.models.get(index + 1..).unwrap_or_default();
        if failed.beside.as_ref() == Some(&model.config.model_id) {
            continue;
        }
        match failed.class {
            // What this one does not serve after, a later one may.
            Some(class) if !job.routes.serves(&model.config.model_id, class) => continue,
            Some(_) => failed.were_others = true,
            None => {}
        }
        let is_fallback = index > 0;
        let draft = match (job.draft)(model) {
            Ok(draft) => draft,
            // A fallback that cannot say this request is none: what went wrong before stands.
            Err(_) if failed.last.is_some() => continue,
            Err(error) => {
                if !any_serves(job, rest, ErrorClass::Unsupported) {
                    return Err(error);
                }
                failed.with(error, ErrorClass::Unsupported);
                continue;
            }
        };
        if let Some(refused) = shut(job, model) {
            let error = circuits::error(job.platform.clock.now(), model, refused);
            failed.with(error, refused.class);
            continue;
        }
        if remaining(job, model).is_zero() {
            // A later one may have more time.
            if failed.last.is_none() {
                failed.with(failure::not_sent(model), ErrorClass::Timeout);
            }
            continue;
        }
        if is_fallback {
            let share = Share::Fallback(model.config.model_id.clone());
            if let Err(error) = reserve(job, model, share).await {
                failed.may_help |= error.may_repeat();
                failed.last.get_or_insert(error);
                continue;
            }
            // What is known now may be newer.
            if let Some(refused) = shut(job, model) {
                let error = circuits::error(job.platform.clock.now(), model, refused);
                failed.with(error, refused.class);
                continue;
            }
        }
        job.books.trying(model);
        let asked = hedge::tries(job, model, draft, rest, patience).await;
        match asked.result {
            Ok(answer) => {
                announce(job, &asked.model);
                dropped::tell(job.context, &asked.dropped, asked.warns);
                return Ok(answer);
            }
            Err(Failure { class: Some(class), error, .. })
                if class.is_usual() || any_serves(job, rest, class) =>
            {
                failed.billed |=
                    error.code() == Code::ProviderTimeout && job.books.outlay() != Outlay::Nothing;
                failed.with(error, class);
            }
            Err(failure) => return Err(failure.error),
        }
        if let Some((other, failure)) = asked.beside {
            failed.beside(job, &other, failure)?;
        }
    }
    failed.told(job)
}

/// What the tries of a call came to, so far.
#[derive(Default)]
struct Failed {
    /// Who was asked beside the first one, and failed too.
    beside: Option<ModelId>,
    /// Whether one may have been billed: asked again, the call would pass all of them again.
    billed: bool,
    /// What kind of failure the last one was.
    class: Option<ErrorClass>,
    last: Option<ApiError>,
    /// Whether the same call may be served if it is asked again.
    may_help: bool,
    /// Whether other models were to serve.
    were_others: bool,
}

impl Failed {
    fn with(&mut self, error: ApiError, class: ErrorClass) {
        self.may_help |= class.is_usual() && error.may_repeat();
        self.class = Some(class);
        self.last = Some(error);
    }

    /// Adds the failure of a model that was asked beside the one before.
    fn beside(&mut self, job: &Job<'_>, model: &Model, failure: Failure) -> Result<(), ApiError> {
        self.were_others = true;
        self.beside = Some(model.config.model_id.clone());
        let Failure { class: Some(class), error, .. } = failure else { return Err(failure.error) };
        self.billed |=
            error.code() == Code::ProviderTimeout && job.books.outlay() != Outlay::Nothing;
        self.with(error, class);
        Ok(())
    }

    fn told(self, job: &Job<'_>) -> Result<First, ApiError> {
        let last = self.last.unwrap_or_else(nothing_tried);
        // Where nobody was asked, what kept the first from being asked is all there is to tell.
        if !self.were_others || job.books.tries() == 0 {
            return Err(last);
        }
        let message = format!("every model failed; the last one: {}", last.message());
        let all = ApiError::new(Code::AllProvidersFailed, message);
        let all = if self.billed || !self.may_help { all.for_good() } else { all };
        Err(all.with("attempts", job.books.attempts()).with("last", last.code().as_str()))
    }
}

/// Whether one of these models serves after a failure.
fn any_serves(job: &Job<'_>, models: &[Arc<Model>], class: ErrorClass) -> bool {
    models.iter().any(|model| job.routes.serves(&model.config.model_id, class))
}

/// Why a model is not asked, unless this call is the probe of its circuit.
fn shut(job: &Job<'_>, model: &Model) -> Option<crate::circuit::known::Refused> {
    if job.routes.past_circuits || job.books.holds_probe(&model.config.model_id) {
        return None;
    }
    circuits::refused(job.platform, job.holder.instance, model)
}

/// All tries at one model. The first is reserved already. What they come to counts once for its circuit: the
/// repetitions are the answer to a failure that passes.
async fn tries(
    job: &Job<'_>,
    model: &Arc<Model>,
    draft: Draft,
    has_fallback: bool,
    patience: Patience,
) -> Result<First, Failure> {
    let answer = repeated(job, model, draft, has_fallback, patience).await;
    let instance = job.holder.instance;
    let probe = job.books.take_probe(&model.config.model_id);
    let failure = answer.as_ref().err().filter(|failure| failure.trips);
    let failure = failure.and_then(|failure| {
        let began = job.books.trying_since();
        Some(circuits::Failure { asked: failure.asked, began, class: failure.class? })
    });
    match (probe, failure, &answer) {
        (Some(probe), Some(failure), _) => {
            circuits::probed(job.platform, instance, &probe, Some(Err(failure)));
        }
        // Its answer has begun: that is what was to be known.
        (Some(probe), None, answer) => {
            let outcome = answer.is_ok().then_some(Ok(()));
            circuits::probed(job.platform, instance, &probe, outcome);
        }
        (None, Some(failure), _) => circuits::failed(job.platform, instance, model, failure),
        // An answer that has begun may break off: it counts when it ends.
        (None, None, Ok(First::Answer(Answer::Opened(_))) | Err(_)) => {}
        (None, None, Ok(First::Answer(Answer::Polled(_)) | First::Ordered(_))) => {
            circuits::served(job.platform, instance, model);
        }
    }
    answer
}

async fn repeated(
    job: &Job<'_>,
    model: &Arc<Model>,
    draft: Draft,
    has_fallback: bool,
    patience: Patience,
) -> Result<First, Failure> {
    let mut number = 1;
    loop {
        let answer = attempt(job, model, draft.clone(), has_fallback, patience).await;
        job.books.is_back(model);
        let failure = match answer {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        // A probe is one request.
        if !failure.repeatable || job.books.holds_probe(&model.config.model_id) {
            return Err(failure);
        }
        let [byte] = random(&*job.platform.entropy);
        let wait = retry::wait(number + 1, failure.asked, byte);
        let Some(wait) = wait.filter(|wait| *wait < remaining(job, model)) else {
            return Err(failure);
        };
        number += 1;
        pause(job, wait).await.map_err(Failure::final_one)?;
        // Others may have seen meanwhile that the vendor is down.
        if shut(job, model).is_some() {
            return Err(failure);
        }
        // Without a share there is no other try, and the vendor's own failure is what counts.
        let is_covered = reserve(job, model, Share::Again).await.is_ok();
        if !is_covered || shut(job, model).is_some() || remaining(job, model).is_zero() {
            return Err(failure);
        }
    }
}

fn nothing_tried() -> ApiError {
    ApiError::internal("a call had no model to try")
}

/// Reads the whole body, of at most [`ANSWER_CAP`], within the call's total deadline.
///
/// # Errors
/// `PROVIDER_TIMEOUT`, `PROVIDER_ERROR` if the connection broke, `PROVIDER_MALFORMED` if it is too
/// large.
pub async fn whole(job: &Job<'_>, opened: Opened) -> Result<Bytes, ApiError> {
    whole_up_to(job, opened, ANSWER_CAP).await
}

/// As [`whole`], of at most `cap` bytes: what the reader of the answer can hold.
///
/// # Errors
/// As [`whole`].
pub async fn whole_up_to(job: &Job<'_>, opened: Opened, cap: usize) -> Result<Bytes, ApiError> {
    let Opened { inbound, model, .. } = opened;
    let body = body(job.line(), &model, inbound, cap, remaining(job, &model)).await;
    job.context.answered(job.platform.clock.now());
    if let Err(error) = &body
        && matches!(error.code(), Code::ProviderError | Code::ProviderTimeout)
    {
        let class = failure::class_of(error.code());
        let began = job.books.trying_since();
        let failure = circuits::Failure { asked: None, began, class };
        circuits::failed(job.platform, job.holder.instance, &model, failure);
    }
    body
}

async fn body(
    line: Line<'_>,
    model: &Model,
    inbound: Inbound,
    cap: usize,
    left: Duration,
) -> Result<Bytes, ApiError> {
    let name = &model.config.provider_id;
    match within(line, left, inbound.body.whole(cap)).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => {
            Err(ApiError::new(Code::ProviderMalformed, format!("{name} sent too large an answer")))
        }
        Ok(Err(err)) => {
            let message = format!("{name} broke off in the middle of its answer");
            // It was made and is billed.
            Err(ApiError::new(Code::ProviderError, message).because(err.to_string()).for_good())
        }
        Err(Interrupted::TimedOut) => Err(failure::timed_out(model, "finish its answer")),
        Err(Interrupted::ClientLeft) => Err(failure::client_left()),
    }
}

/// One try at one model.
async fn attempt(
    job: &Job<'_>,
    model: &Arc<Model>,
    mut draft: Draft,
    has_fallback: bool,
    follows: Patience,
) -> Result<First, Failure> {
    let is_post = draft.method == http::Method::POST;
    let polling = draft.polling.take();
    let is_order = polling.is_some();
    let in_time = || match remaining(job, model).is_zero() {
        true => Err(Failure::passing_on(failure::not_sent(model))),
        false => Ok(()),
    };
    in_time()?;
    let (mut outbound, key) = outbound(job.line(), model, draft)?;
    if let (Some(before), 0) = (job.before_send, job.books.tries()) {
        let until = job.models.iter().map(|model| deadline(job, model)).max();
        let until = until.unwrap_or_else(|| deadline(job, model));
        before.sending(until).await.map_err(Failure::final_one)?;
        in_time()?;
    }
    let sent_at = job.platform.clock.now();
    let trace = job.context.trace();
    let span = trace.span.part(model.config.model_id.as_str(), job.books.began_after(sent_at));
    outbound::within(&mut outbound, &trace.header_of(span));
    job.books.sends(model);
    // The head of a whole answer comes when the answer is made. Where a fallback waits, it must have
    // time left.
    let patience = if job.streamed || has_fallback {
        Duration::from_millis(model.deadlines().first_byte_ms).min(remaining(job, model))
    } else {
        remaining(job, model)
    };
    let answer = within(job.line(), patience, job.platform.fetch.send(outbound)).await;
    // One that broke over an order, or over a picture or speech, may have made and billed it.
    let makes = is_order || (is_post && makes_media(model));
    let (result, status, outlay) = match answer {
        Ok(Ok(mut inbound)) if (200..300).contains(&inbound.status) => {
            let status = inbound.status;
            let (answer, outlay) = match (polling, follows) {
                (None, _) => {
                    let begun = match job.streamed {
                        true => first::wait(job, model, &mut inbound, &key, sent_at).await,
                        false => Ok(()),
                    };
                    match begun {
                        Ok(()) => {
                            let opened = Opened { inbound, model: model.clone() };
                            (Ok(First::Answer(Answer::Opened(opened))), Outlay::Spent)
                        }
                        Err((mut failure, outlay)) => {
                            failure.repeatable &= !makes;
                            (Err(failure), outlay)
                        }
                    }
                }
                (Some(polling), Patience::FirstAnswer) => {
                    let answer = follow::to_the_order(job, model, inbound, polling, &key).await;
                    (answer, Outlay::Spent)
                }
                (Some(polling), Patience::ToTheEnd) => {
                    let answer = follow::to_the_end(job, model, inbound, polling, &key).await;
                    (answer.map(First::Answer), Outlay::Spent)
                }
            };
            (answer, Some(status), outlay)
        }
        Ok(Ok(inbound)) => {
            let status = inbound.status;
            let mut failure = refused(job.line(), model, inbound, &key).await;
            failure.repeatable &= !(makes && matches!(status, 500 | 502));
            (Err(failure), Some(status), Outlay::Nothing)
        }
        // Nothing was sent: it is no try.
        Ok(Err(err @ PortError::Unsendable { .. })) => {
            return Err(misconfigured(&model.provider, without_queries(&err.to_string())));
        }
        Ok(Err(err)) => (Err(failure::unreachable(model, &err)), None, Outlay::Unknown),
        Err(Interrupted::TimedOut) => {
            (Err(failure::late(job, model, sent_at)), None, Outlay::Unknown)
        }
        Err(Interrupted::ClientLeft) => {
            (Err(Failure::final_one(failure::client_left())), None, Outlay::Unknown)
        }
    };
    let error_code = result.as_ref().err().map(|failure| failure.error.code().as_str().to_owned());
    let tried = Attempt {
        duration_ms: job.platform.clock.now().since(sent_at),
        error_code,
        model_id: model.config.model_id.clone(),
        provider_id: model.config.provider_id.clone(),
        started_ms: Some(job.books.began_after(sent_at)),
        status,
    };
    job.context.answered(job.platform.clock.now());
    job.books.tried(tried, outlay);
    result
}

/// Whether a model's vendor bills by what it has made, and none of them takes a request twice as one.
fn makes_media(model: &Model) -> bool {
    let can = &model.config.capabilities;
    [can.audio, can.image, can.video].contains(&Some(true))
}

/// Reads what the vendor says of its refusal.
async fn refused(line: Line<'_>, model: &Model, inbound: Inbound, key: &Secret) -> Failure {
    let Inbound { body, headers, status } = inbound;
    let body = match within(line, ERROR_WAIT, body.whole(ERROR_CAP)).await {
        Ok(Ok(Some(body))) => body,
        // The status alone says enough.
        Ok(Ok(None) | Err(_)) | Err(_) => Bytes::new(),
    };
    let now = line.platform.clock.now();
    let asked = retry::asked(&headers, now).or_else(|| model.vendor.asked(&body)).or_else(|| {
        // Vendors of stock media tell it by the limits that they are at.
        let stock = model.vendor.stock().filter(|_| status == 429)?;
        let until = stock.rates(&headers, now).used_up_until()?;
        Some(Duration::from_millis(u64::try_from(until.since(now)).unwrap_or(0)))
    });
    let mut told = model.vendor.error(status, &body);
    told.message = told.message.map(|message| key.mask(&message));
    let word = headers.get("x-should-retry").and_then(|word| word.to_str().ok());
    let mut failure = failure::refused(model, status, told, asked);
    match word {
        Some("true") => failure.repeatable = true,
        Some("false") => failure.repeatable = false,
        Some(_) | None => {}
    }
    failure
}

/// Adds address and key to a draft; the key comes back for masking what the vendor says.
fn outbound(line: Line<'_>, model: &Model, draft: Draft) -> Result<(Outbound, Secret), Failure> {
    let settings = &line.platform.settings;
    let provider = &model.provider;
    let bad = |reason: String| misconfigured(provider, reason);
    let url = outbound::address(provider, draft.place, settings).map_err(bad)?;
    let key = key(line, model)?;
    last_used::provider_key(line.platform, line.instance, &provider.id);
    let mut outbound =
        Outbound { body: draft.body, headers: draft.headers, method: draft.method, url };
    outbound::attach(&mut outbound, provider, draft.key_at, &key).map_err(bad)?;
    Ok((outbound, key))
}

/// The instance's key for a model's provider, opened.
fn key(line: Line<'_>, model: &Model) -> Result<Secret, Failure> {
    let provider = &model.provider;
    let Some(sealed) = &model.sealed_key else {
        let message = if model.is_key_bound_elsewhere {
            format!(
                "this instance's key for the provider {} was saved for another address; it has to be \
                 saved again",
                provider.id
            )
        } else {
            format!("this instance has no key for the provider {}", provider.id)
        };
        return Err(Failure::passing_on(ApiError::new(Code::MissingApiKey, message)));
    };
    vault::open(&line.platform.settings, line.instance, &provider.id, sealed)
        .map_err(|err| misconfigured(provider, err.to_string()))
}

fn misconfigured(provider: &Provider, reason: String) -> Failure {
    let message = format!("the provider {} is configured wrongly", provider.id);
    let error = ApiError::new(Code::ProviderUnavailable, message).because(reason);
    // Only an operator can help.
    Failure::passing_on(error.for_good())
}

/// Says in the answer's headers who gave it.
fn announce(job: &Job<'_>, model: &Model) {
    let config = &model.config;
    job.context.tell(HeaderName::from_static("x-de-model"), config.model_id.as_str());
    job.context.tell(HeaderName::from_static("x-de-provider"), config.provider_id.as_str());
    let tries = job.books.tries().to_string();
    job.context.tell(HeaderName::from_static("x-de-attempts"), &tries);
}

/// When the whole call must be over.
pub(crate) fn deadline(job: &Job<'_>, model: &Model) -> UnixMillis {
    let total = i64::try_from(model.deadlines().total_ms).unwrap_or(i64::MAX);
    job.context.started().plus(total)
}

/// What is left of the call's time for a model, in milliseconds; negative once it is over.
#[must_use]
pub fn left(job: &Job<'_>, model: &Model) -> i64 {
    deadline(job, model).since(job.platform.clock.now())
}

fn remaining(job: &Job<'_>, model: &Model) -> Duration {
    let left = deadline(job, model).since(job.platform.clock.now());
    Duration::from_millis(u64::try_from(left).unwrap_or(0))
}

/// Waits before a repetition; a client that has gone ends it.
async fn pause(job: &Job<'_>, wait: Duration) -> Result<(), ApiError> {
    match within(job.line(), wait, std::future::pending::<()>()).await {
        Err(Interrupted::ClientLeft) => Err(failure::client_left()),
        Err(Interrupted::TimedOut) | Ok(()) => Ok(()),
    }
}

/// Waits for an answer, but not past a deadline nor past the client's patience.
async fn within<T>(
    line: Line<'_>,
    patience: Duration,
    answer: impl Future<Output = T> + Send,
) -> Result<T, Interrupted> {
    let late = line.platform.clock.sleep(patience);
    let left = async {
        match line.departure {
            Some(departure) => departure.0.fired().await,
            None => std::future::pending().await,
        }
    };
    match select(pin!(answer), select(pin!(late), pin!(left))).await {
        Either::Left((answer, _)) => Ok(answer),
        Either::Right((Either::Left(_), _)) => Err(Interrupted::TimedOut),
        Either::Right((Either::Right(_), _)) => Err(Interrupted::ClientLeft),
    }
}
