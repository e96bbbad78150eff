//! Does what is due of a job: sends the order, asks how it goes, brings the results home, tells the end.
//!
//! Each step reads the record and writes it, through whoever keeps it. Between two steps nothing is known
//! but what was written.

mod copy;
mod submit;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::FutureExt;
use serde_json::json;

use super::{Fault, Record, Stage, View, shown};
use crate::{
    assets::link,
    books::{self, Books, Outcome},
    exchange::{
        follow::{self, News},
        without_queries,
    },
    http::error::{ApiError, Code},
    ids::ModelId,
    limits::Epochs,
    log::{self, LogLine},
    mapping::poll::Wait,
    ports::{Platform, PortError, Statement, random},
    registry::Model,
    snapshot::{self, Named},
    store,
    trace::Trace,
    webhooks::{self, Event, EventType},
};

/// How many messages whoever ends a job sends in passing.
const MESSAGES: u32 = 10;

/// How long the call of a job's vendor may take, all tries and fallbacks together: it runs inside one alarm, which
/// the platform ends after 15 minutes, and what has come by then has to be kept.
pub const CALL: Duration = Duration::from_secs(13 * 60);
/// By when, from the call's beginning, a sound that comes as it is made has to be here.
const SOUND: Duration = Duration::from_secs(14 * 60);

/// As much of a vendor's word for a job's state is kept, in characters.
const LONGEST_WORD: usize = 200;

/// Who keeps a job.
#[async_trait]
pub trait Keeper: Send + Sync {
    /// Whether someone wants it to end.
    fn is_cancelled(&self) -> bool;

    /// Writes the record; it is durable when this returns.
    ///
    /// # Errors
    /// [`PortError`]: it may be written or not. The step ends, and is done again.
    async fn save(&self, record: &Record) -> Result<(), PortError>;
}

/// Does the next step, if it is due. The record is saved when this returns well.
///
/// A record that is `submitting` here was cut off while its request was on its way: within one life of its
/// keeper, no step begins with that.
///
/// # Errors
/// Those of [`Keeper::save`].
pub async fn step(
    platform: &Platform,
    keeper: &dyn Keeper,
    record: &mut Record,
) -> Result<(), PortError> {
    let now = platform.clock.now();
    let is_due = record.due(now).is_some_and(|due| due <= now);
    // Nobody waits for the vendor with a job that someone wants to end.
    let is_stopped = keeper.is_cancelled() && matches!(record.stage, Stage::Running { .. });
    if !is_due && !is_stopped {
        return Ok(());
    }
    let running = Running { keeper, platform };
    let was_over = record.stage.is_over();
    match &record.stage {
        Stage::Cancelled | Stage::Failed { .. } | Stage::Succeeded { .. } => {
            running.tell(record).await;
        }
        Stage::Copying { .. } => running.copy(record).await,
        Stage::Queued if keeper.is_cancelled() => running.cancel_unsent(record),
        Stage::Queued => running.submit(record).await?,
        Stage::Running { .. } => running.follow(record).await,
        Stage::Submitting => running.lost(record).await,
    }
    keeper.save(record).await?;
    if !was_over && record.stage.is_over() {
        running.say(record);
    }
    running.note(record).await;
    Ok(())
}

struct Running<'a> {
    keeper: &'a dyn Keeper,
    platform: &'a Platform,
}

impl Running<'_> {
    /// Nothing was sent: nothing is billed.
    fn cancel_unsent(&self, record: &mut Record) {
        let books = self.books(record, None);
        self.end(record, &books, Stage::Cancelled, Outcome::Cancelled);
    }

    /// It was cut off while its request was on its way. Of several models the first one counts.
    async fn lost(&self, record: &mut Record) {
        let books = self.books(record, None);
        if let Some(first) = record.order.models.first()
            && let Ok(model) = self.model(record, first).await
        {
            books.trying(&model);
        }
        books.lost_sight();
        let message = "the job was cut off while its request was on its way to the vendor: whether it was \
                       made and billed is not known, so it was not sent again";
        let error = ApiError::new(Code::OutcomeUnknown, message).with("retry", true);
        self.fail(record, &books, &error);
    }

    /// Asks the vendor how it goes.
    async fn follow(&self, record: &mut Record) {
        let Stage::Running { ends_at, polling: kept, .. } = record.stage.clone() else { return };
        let now = self.platform.clock.now();
        let model = match self.served(record).await {
            Ok(model) => model,
            Err(error) if now < ends_at && !self.keeper.is_cancelled() => {
                return self.stumble(record, &error);
            }
            Err(error) => return self.lose(record, None, &error),
        };
        let instance = record.order.instance_id.clone();
        let trace = self.trace(record);
        let resumed = match model.vendor.resume(&kept) {
            Some(Ok(polling)) => Ok(polling),
            Some(Err(reason)) => Err(reason),
            None => Err("its model does not take orders any more".to_owned()),
        };
        let resumed = resumed.and_then(|polling| {
            polling.request().map(|request| (polling, request)).map_err(|err| err.to_string())
        });
        let (mut polling, request) = match resumed {
            Ok(resumed) => resumed,
            Err(reason) => {
                let message = "the job cannot be asked about any more";
                let error = ApiError::new(Code::ProviderMalformed, message).because(reason);
                return self.lose(record, Some(model), &error);
            }
        };
        if self.keeper.is_cancelled() {
            follow::cancel(self.platform, &instance, &model, &polling, &trace).await;
            let books = self.books(record, Some(model));
            self.end(record, &books, Stage::Cancelled, Outcome::Cancelled);
            return;
        }
        // Asked once more when its time is over: nobody may have looked for long.
        let asked =
            follow::ask(self.platform, &instance, &model, &mut polling, request, &trace).await;
        match asked {
            Ok(News::Done(reply)) => self.made(record, &model, *reply).await,
            Ok(News::Failed(error)) => {
                let books = self.books(record, Some(model));
                books.absolved_of_the_last();
                self.fail(record, &books, &error);
            }
            Ok(News::Wait(_)) if now >= ends_at => {
                follow::cancel(self.platform, &instance, &model, &polling, &trace).await;
                let name = &model.config.provider_id;
                let message = format!("{name} did not finish the job in time");
                let error = ApiError::new(Code::ProviderTimeout, message);
                self.lose(record, Some(model), &error);
            }
            Ok(News::Wait(wait)) => {
                let now = self.platform.clock.now();
                let news = still(&record.stage, running(&polling, &wait, now, ends_at));
                let is_news = moved(&record.stage, &news);
                record.stage = news;
                record.went_well();
                if is_news {
                    record.touch(now);
                }
            }
            // A key that an operator changes just now is no reason to lose what is paid for.
            Err(error) if now < ends_at && is_for_operators(error.code()) => {
                self.stumble(record, &error);
            }
            Err(error) => {
                // Nobody would fetch what it makes.
                follow::cancel(self.platform, &instance, &model, &polling, &trace).await;
                self.lose(record, Some(model), &error);
            }
        }
    }

    /// Writes the end into the books and into the database, and clears up.
    async fn tell(&self, record: &mut Record) {
        let mut is_done = true;
        if let Some(closing) = record.closing.clone() {
            let instance = &record.order.instance_id;
            if books::settle(self.platform, instance, closing).await {
                record.closing = None;
            } else {
                is_done = false;
            }
        }
        if !record.is_told {
            match self.platform.database.batch(self.ending(record)).await {
                Ok(_) => {
                    record.is_told = true;
                    self.send_messages();
                }
                Err(err) => {
                    is_done = false;
                    self.warn(record, "the end of a job could not be written", &err.to_string());
                }
            }
        }
        if is_done {
            record.went_well();
            self.clear(record).await;
        } else {
            record.stumble(self.platform.clock.now());
        }
    }

    /// What stands in the database when a job is over: its row, and a message for each who wants to hear of it.
    fn ending(&self, record: &Record) -> Vec<Statement> {
        let view = View::of(record);
        let mut statements = vec![store::jobs::put(&view)];
        let event_type = match &record.stage {
            Stage::Cancelled => EventType::JobCancelled,
            Stage::Succeeded { .. } => EventType::JobSucceeded,
            _ => EventType::JobFailed,
        };
        let at = record.finished_at.unwrap_or(record.updated_at);
        // A message may be told again for a month, and is the same each time.
        let job = match shown::job(&self.platform.settings, &view, at, link::LONGEST) {
            Ok(job) => job,
            Err(err) => {
                let what = "nobody is told of a job's end";
                self.warn(record, what, &err.to_string());
                return statements;
            }
        };
        let event = Event {
            at,
            data: &json!({"job": job}),
            event_type,
            instance: &record.order.instance_id,
            organization: &record.order.organization_id,
            subject: record.id.as_str(),
        };
        statements.extend(webhooks::publish(&event));
        if let Some(callback) = &record.order.notify {
            statements.extend(webhooks::call_back(callback, &event));
        }
        statements
    }

    /// Sends the messages of an end at once. What does not arrive is sent by the cron.
    fn send_messages(&self) {
        let platform = self.platform.clone();
        let sending = async move {
            // What went wrong stands in the rows of the messages.
            drop(webhooks::delivery::deliver_due(&platform, MESSAGES).await);
        };
        self.platform.background.spawn(sending.boxed());
    }

    /// Removes the files that came with the order: nobody needs them any more.
    async fn clear(&self, record: &Record) {
        let files = record.order.work.files();
        let keys: Vec<String> =
            files.into_iter().filter_map(|file| file.storage_key.clone()).collect();
        if keys.is_empty() {
            return;
        }
        if let Err(err) = self.platform.blobs.delete(&keys).await {
            self.warn(record, "the files of a job could not be removed", &err.to_string());
        }
    }

    /// Shows the job in lists. What is over is shown by [`Running::tell`]; until then a row may be late.
    async fn note(&self, record: &Record) {
        if record.stage.is_over() {
            return;
        }
        let put = store::jobs::put(&View::of(record));
        if let Err(err) = self.platform.database.batch(vec![put]).await {
            self.warn(record, "a job's row could not be written", &err.to_string());
        }
    }

    /// The model of this id as the instance has it now.
    async fn model(&self, record: &Record, id: &ModelId) -> Result<Arc<Model>, ApiError> {
        let order = &record.order;
        let (organization, instance) = (&order.organization_id, &order.instance_id);
        // What was changed since, a key above all, counts.
        let epochs = self.platform.limiter.epochs(instance).await.unwrap_or(Epochs::default());
        match snapshot::model(self.platform, organization, instance, id.as_str(), epochs).await {
            Ok(Named::Model(model)) => Ok(model),
            Ok(Named::Nothing) => {
                let message = format!("there is no model {id} any more");
                Err(ApiError::new(Code::ModelNotFound, message))
            }
            Ok(Named::Broken { cause, .. }) | Err(PortError::Malformed { message: cause, .. }) => {
                let message = format!("the model {id} is configured wrongly");
                Err(ApiError::new(Code::ProviderUnavailable, message).because(cause))
            }
            Err(err) => Err(err.into()),
        }
    }

    /// The model that has taken the order.
    async fn served(&self, record: &Record) -> Result<Arc<Model>, ApiError> {
        let Some(served_by) = &record.served_by else {
            return Err(ApiError::internal("a job runs, and nobody serves it"));
        };
        self.model(record, &served_by.model_id).await
    }

    /// Where the job stands in the trace of the request that ordered it.
    fn trace(&self, record: &Record) -> Trace {
        let ordered = record.order.trace.as_deref();
        let trace = ordered.and_then(|ordered| Trace::of_job(ordered, &record.id));
        trace.unwrap_or_else(|| Trace::root(random(&*self.platform.entropy)))
    }

    /// Writes the line of a job that is over.
    fn say(&self, record: &Record) {
        let trace = self.trace(record);
        let receipt = record.order.books.receipt();
        let took = record.finished_at.unwrap_or(record.updated_at).since(record.created_at);
        let word = record.stage.as_str();
        let warned = !record.left_out.warnings.is_empty();
        let mut line = LogLine {
            duration_ms: Some(took),
            event: log::Event::Job,
            dropped: warned.then_some(record.left_out.dropped.len()),
            job_id: Some(record.id.as_str().to_owned()),
            message: format!("the job of {} {word} after {took} ms", receipt.operation),
            parent_span_id: trace.parent.map(|parent| parent.to_string()),
            span_id: Some(trace.span.to_string()),
            trace_id: Some(trace.id.to_string()),
            ..LogLine::default()
        };
        line.take(receipt);
        if let Stage::Failed { fault } = &record.stage {
            let code = Code::parse(&fault.code);
            line.level = code.map_or(log::Level::Warn, |code| ApiError::new(code, "").level());
        }
        self.platform.log.write(line);
    }

    fn books(&self, record: &Record, model: Option<Arc<Model>>) -> Books {
        Books::resume(self.platform, record.order.books.clone(), model)
    }

    fn fail(&self, record: &mut Record, books: &Books, error: &ApiError) {
        if let Some(cause) = error.cause() {
            self.warn(record, "a job failed", cause);
        }
        let fault = Fault::from(error);
        self.end(record, books, Stage::Failed { fault }, Outcome::Failed(error.code()));
    }

    /// Closes the call in the books, on paper.
    fn end(&self, record: &mut Record, books: &Books, stage: Stage, outcome: Outcome) {
        let status = match outcome {
            Outcome::Cancelled => books::CLIENT_LEFT,
            Outcome::Cut(code) | Outcome::Failed(code) => code.status().as_u16(),
            Outcome::Ok => 200,
        };
        record.closing = books.end(outcome, status);
        if let Some(closing) = &record.closing {
            record.order.books.close(closing);
        }
        record.to(stage, self.platform.clock.now());
    }

    /// Ends a job of which nobody knows what the vendor makes of it, and what it bills.
    fn lose(&self, record: &mut Record, model: Option<Arc<Model>>, error: &ApiError) {
        let books = self.books(record, model);
        books.lost_sight();
        if self.keeper.is_cancelled() {
            self.end(record, &books, Stage::Cancelled, Outcome::Cancelled);
        } else {
            self.fail(record, &books, error);
        }
    }

    fn stumble(&self, record: &mut Record, error: &ApiError) {
        record.stumble(self.platform.clock.now());
        let cause = error.cause().unwrap_or(error.message()).to_owned();
        self.warn(record, "a job could not be looked after just now", &cause);
    }

    fn warn(&self, record: &Record, what: &str, cause: &str) {
        self.platform.log.write(LogLine {
            cause: Some(without_queries(cause)),
            job_id: Some(record.id.as_str().to_owned()),
            request_id: Some(record.order.request_id.as_str().to_owned()),
            ..LogLine::warn(what).with("stage", record.stage.as_str())
        });
    }
}

/// The stage of an order that the vendor has taken.
fn running(
    polling: &crate::mapping::poll::Polling,
    wait: &Wait,
    now: crate::time::UnixMillis,
    ends_at: crate::time::UnixMillis,
) -> Stage {
    let after = i64::try_from(wait.after_ms).unwrap_or(i64::MAX);
    Stage::Running {
        ends_at,
        next_at: now.plus(after).min(ends_at),
        polling: polling.keep(),
        progress: wait.progress.map(percent),
        status: wait.status.as_ref().map(|word| word.chars().take(LONGEST_WORD).collect()),
    }
}

/// Whether an operator can mend it while the job runs.
fn is_for_operators(code: Code) -> bool {
    matches!(code, Code::MissingApiKey | Code::ProviderAuth | Code::ProviderUnavailable)
}

/// A vendor that did not answer has not changed its word.
fn still(before: &Stage, mut news: Stage) -> Stage {
    if let (Stage::Running { progress, status, .. }, Stage::Running { progress: p, status: s, .. }) =
        (before, &mut news)
        && (*p, &*s) == (None, &None)
    {
        *p = *progress;
        s.clone_from(status);
    }
    news
}

/// Whether someone who watches would see a difference.
fn moved(before: &Stage, after: &Stage) -> bool {
    match (before, after) {
        (
            Stage::Running { progress, status, .. },
            Stage::Running { progress: now, status: says, .. },
        ) => progress != now || status != says,
        _ => true,
    }
}

/// Vendors tell progress as a share of one or in percent.
fn percent(progress: f64) -> u8 {
    let percent = if progress <= 1.0 { progress * 100.0 } else { progress };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 99")]
    let percent = percent.clamp(0.0, 99.0) as u8;
    percent
}
