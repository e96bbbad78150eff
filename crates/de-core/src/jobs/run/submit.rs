//! The order goes out, once.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join;

use super::{CALL, Running, running};
use crate::{
    books::{Books, Outcome},
    calls::{ImageReply, Made, MadeImage, RenderReply},
    exchange::{self, Answer, First, Job, Opened},
    http::{
        context::{Context, Envelope},
        error::{ApiError, Code},
    },
    jobs::{
        Pending, Record, ServedBy, Stage, Work, callback,
        run::copy::{Bringing, Lost, is_main, nothing},
    },
    mapping::reply::MappedReply,
    ports::PortError,
    protocols::Malformed,
    registry::Model,
    spoken,
};

/// The longest address of a result that is taken, in bytes. Records have to stay small.
const LONGEST_URL: usize = 8 * 1_024;
/// The most results that are taken of one order.
const MOST_PARTS: usize = 32;
/// As much of a prompt as its vendor rewrote it is kept, in bytes.
const LONGEST_PROMPT: usize = 8 * 1_024;

impl Running<'_> {
    /// Sends the order: to the model that was asked for, then to its fallbacks.
    pub(super) async fn submit(&self, record: &mut Record) -> Result<(), PortError> {
        let platform = self.platform;
        let books = self.books(record, None);
        let mut work = record.order.work.clone();
        if let Err(error) = self.load(&mut work).await {
            self.fail(record, &books, &error);
            return Ok(());
        }
        let mut models = Vec::new();
        let mut missing = None;
        for id in &record.order.models {
            match self.model(record, id).await {
                Ok(model) => models.push(model),
                Err(error) => missing = missing.or(Some(error)),
            }
        }
        if models.is_empty() {
            let error = missing.unwrap_or_else(|| ApiError::internal("a job without a model"));
            self.fail(record, &books, &error);
            return Ok(());
        }
        let now = platform.clock.now();
        record.to(Stage::Submitting, now);
        // From here on the vendor may have it.
        self.keeper.save(record).await?;
        let context = Context::new(record.order.request_id.clone(), Envelope::Native, now)
            .within(self.trace(record))
            .until(now.plus(i64::try_from(CALL.as_millis()).unwrap_or(i64::MAX)));
        let callback = callback::address(&platform.settings, &record.id);
        let on_unsupported = record.order.on_unsupported;
        let draft = |model: &Model| {
            if let (Work::Speech(call), Some(first)) = (&work, models.first()) {
                spoken::knows_voice(call, first, model)?;
            }
            work.draft(model, callback.as_ref(), on_unsupported)
        };
        let (need, instance) = (record.order.need, record.order.instance_id.clone());
        let routes = record.order.routes.clone();
        let holder = exchange::Holder { instance: &instance, ..record.order.holder() };
        let job = Job {
            // `submitting` is stored already.
            before_send: None,
            books: &books,
            context: &context,
            departure: None,
            draft: &draft,
            holder,
            models: &models,
            need,
            platform,
            routes: &routes,
            gathers: None,
            streamed: matches!(work, Work::Speech(_)),
        };
        // What it makes at once names its row: that is there by then.
        let (ordered, ()) = join(exchange::order(&job), self.note(record)).await;
        if let Some(model) = books.tried_last() {
            // A fallback may be billed in other units.
            books.expects(work.expected(&model));
        }
        let first = ordered.map(|(first, left_out)| {
            record.left_out = left_out;
            first
        });
        match first {
            Ok(First::Ordered(ordered)) => {
                let now = platform.clock.now();
                record.served_by = Some(ServedBy {
                    job_id: ordered.polling.keep().job_id().map(str::to_owned),
                    ..served_by(&ordered.model)
                });
                let patience = i64::try_from(ordered.polling.timeout_ms()).unwrap_or(i64::MAX);
                record.to(running(&ordered.polling, &ordered.wait, now, now.plus(patience)), now);
                self.put_back(record, &books);
            }
            Ok(First::Answer(Answer::Gathered(_))) => {
                let error = ApiError::internal("a job's answer was read before its time");
                self.fail(record, &books, &error);
            }
            Ok(First::Answer(Answer::Polled(polled))) => {
                record.served_by = Some(served_by(&polled.model));
                self.put_back(record, &books);
                self.made(record, &polled.model, *polled.reply).await;
            }
            Ok(First::Answer(Answer::Opened(opened))) => {
                record.served_by = Some(served_by(&opened.model));
                self.answered(record, &books, &job, &work, opened).await;
            }
            Err(error) => self.fail(record, &books, &error),
        }
        Ok(())
    }

    /// Reads the files that came with the order.
    async fn load(&self, work: &mut Work) -> Result<(), ApiError> {
        for file in work.files_mut() {
            let Some(key) = &file.storage_key else { continue };
            let blob = self.platform.blobs.read(key, None).await?;
            let whole = match blob {
                Some(blob) => blob.body.whole(exchange::ANSWER_CAP).await?,
                None => None,
            };
            file.bytes = whole.ok_or_else(|| ApiError::internal("a file of a job is gone"))?;
        }
        Ok(())
    }

    /// Reads an answer that holds the result.
    async fn answered(
        &self,
        record: &mut Record,
        books: &Books,
        job: &Job<'_>,
        work: &Work,
        opened: Opened,
    ) {
        let model = opened.model.clone();
        let provider = &model.config.provider_id;
        match work {
            Work::Speech(call) => {
                let headers = opened.inbound.headers.clone();
                let book = |heard_ms| {
                    let bill = spoken::bill(&model, call, &headers, heard_ms);
                    match bill.is_estimate {
                        true => books.guessed(&bill.usage),
                        false => books.counted(&bill.usage),
                    }
                };
                book(None);
                books.finished();
                let bringing = Bringing::of(self.platform, record, books.cost());
                let raw = model.vendor.speech().and_then(|vendor| vendor.raw(call));
                let kept = bringing.sound(&model, opened.inbound.body, raw).await;
                match kept {
                    Ok(output) => {
                        book(output.duration_ms);
                        let stage = Stage::Succeeded { outputs: vec![output], notices: Vec::new() };
                        self.end(record, books, stage, Outcome::Ok);
                    }
                    Err(lost) => self.fail(record, books, &lost.into_error()),
                }
            }
            Work::Image(call) => {
                let headers = opened.inbound.headers.clone();
                let cap = model.vendor.images().map_or(exchange::ANSWER_CAP, |v| v.answer_cap());
                let body = match exchange::whole_up_to(job, opened, cap).await {
                    Ok(body) => body,
                    Err(error) => return self.fail(record, books, &error),
                };
                let read = match model.vendor.images() {
                    Some(vendor) => vendor.reply(call, &headers, &body),
                    None => Err(lost_ability()),
                };
                drop(body);
                match read {
                    Ok(reply) => self.images(record, books, &model, reply).await,
                    Err(err) => {
                        self.fail(record, books, &exchange::unreadable(&model, err.to_string()))
                    }
                }
            }
            Work::Render(_) => {
                let message = format!("{provider} answered an order with something else");
                self.fail(record, books, &ApiError::new(Code::ProviderMalformed, message));
            }
        }
    }

    /// What an order came to.
    pub(super) async fn made(&self, record: &mut Record, model: &Arc<Model>, reply: MappedReply) {
        let books = self.books(record, Some(model.clone()));
        let made = match &record.order.work {
            Work::Image(call) => match model.vendor.images() {
                Some(vendor) => vendor.ordered(call, reply).map(Reply::Images),
                None => Err(lost_ability()),
            },
            Work::Render(call) => match model.vendor.renders() {
                Some(vendor) => vendor.ordered(call, reply).map(Reply::Film),
                None => Err(lost_ability()),
            },
            Work::Speech(_) => reply.audio_url.map(Reply::Sound).ok_or_else(|| Malformed {
                pointer: String::new(),
                reason: "the reply has no sound".to_owned(),
            }),
        };
        match made {
            Ok(Reply::Images(reply)) => self.images(record, &books, model, reply).await,
            Ok(Reply::Film(reply)) => self.film(record, &books, reply).await,
            Ok(Reply::Sound(url)) => {
                // No length is known yet.
                let expected = record.order.work.expected(model);
                match spoken::depends_on_length(model) {
                    true => books.guessed(&expected),
                    false => books.counted(&expected),
                }
                books.finished();
                let parts = vec![(pending(0, "audio"), Made::Url(url))];
                self.take(record, &books, parts, Vec::new()).await;
            }
            Err(err) => self.fail(record, &books, &exchange::unreadable(model, err.to_string())),
        }
    }

    async fn images(
        &self,
        record: &mut Record,
        books: &Books,
        model: &Arc<Model>,
        reply: ImageReply,
    ) {
        books.pictured(reply.size.as_deref(), reply.quality.as_deref());
        if let Some(usage) = &reply.usage {
            books.counted(usage);
        }
        if let Some(cost) = reply.cost {
            books.priced(cost);
        }
        books.finished();
        let (mut parts, mut notices) = (Vec::new(), Vec::new());
        for (index, picture) in reply.images.into_iter().take(MOST_PARTS).enumerate() {
            let MadeImage { made, revised_prompt, seed } = picture;
            let Some(made) = made else {
                notices.push("the vendor holds one picture back as unsafe".to_owned());
                continue;
            };
            let revised_prompt = revised_prompt.map(|prompt| cut(&prompt, LONGEST_PROMPT));
            parts.push((Pending { revised_prompt, seed, ..pending(index, "image") }, made));
        }
        if parts.is_empty() {
            let name = &model.config.provider_id;
            let message = format!("{name} holds the result back as unsafe");
            return self.fail(record, books, &ApiError::new(Code::ContentRefused, message));
        }
        self.take(record, books, parts, notices).await;
    }

    async fn film(&self, record: &mut Record, books: &Books, reply: RenderReply) {
        if let Some(usage) = &reply.usage {
            books.counted(usage);
        }
        books.finished();
        let parts =
            [("video", reply.made), ("poster", reply.poster), ("thumbnail", reply.thumbnail)];
        let parts = parts.into_iter().enumerate();
        let parts = parts.filter_map(|(index, (role, made))| Some((pending(index, role), made?)));
        self.take(record, books, parts.collect(), Vec::new()).await;
    }

    /// Takes what was made: what is in the answer is kept now, for it is nowhere else, and links are for the next
    /// steps.
    async fn take(
        &self,
        record: &mut Record,
        books: &Books,
        parts: Vec<(Pending, Made)>,
        mut notices: Vec<String>,
    ) {
        let (mut outputs, mut pending) = (Vec::new(), Vec::new());
        let bringing = Bringing::of(self.platform, record, books.cost());
        let mut lost = None;
        let mut stumbles = 0;
        for (part, made) in parts {
            let bytes = match made {
                Made::Url(url) if url.starts_with("data:") => decoded(url.as_bytes()),
                Made::Url(url) if url.len() > LONGEST_URL => Err(Lost::NoAddress),
                Made::Url(url) => {
                    pending.push(Pending { url, ..part });
                    continue;
                }
                Made::Bytes(bytes) => Ok(bytes),
                Made::Base64(text) => decoded(&text),
            };
            let kept = match bytes {
                Ok(bytes) => bringing.at_hand(&part, bytes, &mut stumbles).await,
                Err(bad) => Err(bad),
            };
            match kept {
                Ok(output) => outputs.push(output),
                Err(err) => {
                    let error = err.into_error();
                    notices.push(format!("{}: {}", part.role, error.message()));
                    lost = lost.or(Some(error));
                }
            }
        }
        let roles = || outputs.iter().map(|output| &output.role);
        if !roles().chain(pending.iter().map(|part| &part.role)).any(|role| is_main(role)) {
            return self.fail(record, books, &lost.unwrap_or_else(nothing));
        }
        self.bring(record, books, outputs, pending, notices);
    }

    /// Goes on to bring the results home, or is done if they are.
    fn bring(
        &self,
        record: &mut Record,
        books: &Books,
        outputs: Vec<crate::jobs::Output>,
        pending: Vec<Pending>,
        notices: Vec<String>,
    ) {
        if pending.is_empty() {
            return self.end(record, books, Stage::Succeeded { outputs, notices }, Outcome::Ok);
        }
        let now = self.platform.clock.now();
        record.to(Stage::Copying { outputs, pending, notices }, now);
        self.put_back(record, books);
    }

    /// The books go back to the record, as they stand.
    fn put_back(&self, record: &mut Record, books: &Books) {
        if let Some(kept) = books.hand_over() {
            record.order.books = kept;
        }
    }
}

/// What an order came to, by its kind.
enum Reply {
    Film(RenderReply),
    Images(ImageReply),
    Sound(String),
}

/// A result of which it is not said yet where it is.
fn pending(index: usize, role: &str) -> Pending {
    let role = role.to_owned();
    Pending { index, revised_prompt: None, role, seed: None, url: String::new() }
}

/// At most so many bytes of a text, in whole characters.
fn cut(text: &str, longest: usize) -> String {
    text.get(..text.floor_char_boundary(longest)).unwrap_or_default().to_owned()
}

fn decoded(text: &[u8]) -> Result<Bytes, Lost> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    const MARK: &[u8] = b";base64,";
    // Some vendors send a data URL, whose head is short.
    let head = text.get(..128).unwrap_or(text);
    let mark = head.windows(MARK.len()).position(|window| window == MARK);
    let data = match mark {
        Some(at) if text.starts_with(b"data:") => text.get(at + MARK.len()..).unwrap_or_default(),
        _ => text,
    };
    let bytes = STANDARD.decode(data.trim_ascii()).map(Bytes::from);
    bytes.map_err(|_| Lost::NotBase64)
}

fn served_by(model: &Model) -> ServedBy {
    ServedBy {
        job_id: None,
        model_id: model.config.model_id.clone(),
        provider_id: model.config.provider_id.clone(),
    }
}

fn lost_ability() -> Malformed {
    Malformed { pointer: String::new(), reason: "the model has changed".to_owned() }
}
