//! `POST /v1/audio/transcriptions`: OpenAI's protocol, to vendors of any.

use axum::{extract::Request, response::Response};
use de_core::{
    admission::{Wanted, anyone},
    auth::Scope,
    caller::{Caller, Tenant},
    calls::TranscriptionCall,
    ceiling::{self, Most},
    exchange,
    http::{
        error::ApiError,
        extract::Incoming,
        once,
        turn::{Entrance, Taken, Turn},
        unsupported,
        upload::{Form, Limits, Upload},
    },
    media::{self, Extent, MediaType},
    model::{Modality, OnUnsupported},
    ports::Platform,
    protocols::{
        Draft,
        openai_transcriptions::{LARGEST_FILE, OpenAiTranscriptionCall, content_type, write},
    },
    receipt::Usage,
    registry::Model,
    split::Splitting,
};

/// What OpenAI takes, and an isolate can hold.
const LIMITS: Limits = Limits { field: "/file", file: LARGEST_FILE, files: LARGEST_FILE };

/// Writes down what is heard in a recording.
pub(crate) async fn create(
    platform: Platform,
    Tenant(caller): Tenant,
    incoming: Incoming,
    request: Request,
) -> Result<Response, ApiError> {
    let unread = Entrance::new("POST /v1/audio/transcriptions", "audio", Scope::Audio);
    // No form is read for whoever may not send it.
    let caller = unread.entitled(&platform, caller, &incoming).await?;
    let upload = Upload::read(request, LIMITS).await;
    let size_bytes = upload.size_bytes();
    let form = upload.into_form();
    // Only a key wants it, and a recording is long.
    let has_key = incoming.headers.contains_key(once::HEADER);
    let digest = form.as_ref().ok().filter(|_| has_key).map(Form::digest);
    let entrance = Entrance { digest, size_bytes, ..unread };
    let turn = match entrance.take(&platform, &caller, &incoming).await? {
        Taken::Mine(turn) => turn,
        Taken::Replayed(response) => return Ok(response),
    };
    let answered = answer(&turn, caller, form).await;
    turn.end(answered).await
}

async fn answer(
    turn: &Turn<'_>,
    caller: Caller,
    form: Result<Form, ApiError>,
) -> Result<Response, ApiError> {
    let books = &turn.books;
    let caller = caller.entitled(turn.platform, Scope::Audio).await?;
    let read = OpenAiTranscriptionCall::parse(form?).map_err(|issues| ApiError::fields(&issues))?;
    let OpenAiTranscriptionCall { call, media, model } = read;
    books.asked(Some(&model), false, 0);
    let on_unsupported = unsupported::asked(&turn.incoming.headers)?;
    let length = Length::of(media, &Extent::whole(&call.file.bytes), call.file.bytes.len());
    books.expects(length.billed());
    let wanted = Wanted {
        apart: false,
        at_hand: None,
        deadline_ms: &|model| model.deadlines().total_ms,
        fallbacks: turn.incoming.fallbacks(),
        modality: Modality::Audio,
        model: Some(&model),
        need: &|_, model| ceiling::need(model, Most::from(length.most()), 0),
        pooled: true,
        scope: Scope::Audio,
        serves: &listens,
        stands_in: anyone,
        splitting: Splitting::default(),
    };
    let admitted = turn.admit(caller, &wanted).await?;
    let draft = |model: &Model| drafted(&call, on_unsupported, model);
    let job = turn.job(&admitted, &draft);
    let opened = exchange::open_at_once(&job).await?;
    let model = opened.model.clone();
    let bytes = exchange::whole(&job, opened).await?;
    let vendor = model.vendor.transcription();
    let vendor = vendor.ok_or_else(|| ApiError::internal("a vendor lost an ability"))?;
    let reply =
        vendor.reply(&call, &bytes).map_err(|err| exchange::unreadable(&model, err.to_string()))?;
    let length = Length { heard_ms: reply.heard_ms, ..length };
    match &reply.usage {
        Some(usage) => books.counted(usage),
        None => books.guessed(&length.billed()),
    }
    let body = match &reply.transcript {
        Some(heard) => {
            #[expect(clippy::cast_precision_loss, reason = "a recording is shorter than 2^53 ms")]
            let seconds = length.known_ms().map(|ms| ms as f64 / 1_000.0);
            write(&call, heard, seconds)
        }
        None => bytes,
    };
    Ok(turn.answer(content_type(&call.format), body))
}

/// How long a recording is, as far as somebody knows.
#[derive(Clone, Copy, Debug, Default)]
struct Length {
    /// By its head, which its sender wrote.
    head_ms: Option<u64>,
    /// So far in it the vendor has heard something.
    heard_ms: Option<u64>,
    /// It cannot be shorter, of so many bytes.
    least_ms: u64,
    size_bytes: u64,
}

/// The sparest that speech is stored in: Opus and AMR at some 6 kbit a second.
const SPAREST_BYTES_A_SECOND: u64 = 750;

impl Length {
    fn of(media: Option<MediaType>, bytes: &Extent<'_>, size_bytes: usize) -> Self {
        Self {
            head_ms: media.and_then(|media| media::measure(media, bytes).duration_ms),
            heard_ms: None,
            least_ms: media.map_or(0, |media| media::shortest_ms(media, bytes)),
            size_bytes: u64::try_from(size_bytes).unwrap_or(u64::MAX),
        }
    }

    fn known_ms(self) -> Option<u64> {
        self.head_ms.max(self.heard_ms)
    }

    /// The most that it may be billed as: what its head says, begun seconds in full; without a head, what
    /// so many bytes hold of the sparest speech.
    fn most(self) -> Usage {
        let by_size = self.size_bytes.saturating_mul(1_000).div_ceil(SPAREST_BYTES_A_SECOND);
        let media_ms = self.known_ms().unwrap_or(by_size).max(self.least_ms).saturating_add(1_000);
        Usage { media_ms, requests: 1, ..Usage::default() }
    }

    /// What it is billed as, where the vendor does not say.
    fn billed(self) -> Usage {
        let media_ms = self.known_ms().unwrap_or(0).max(self.least_ms);
        Usage { media_ms, requests: 1, ..Usage::default() }
    }
}

/// Refuses a model that only speaks.
fn listens(model: &Model) -> Result<(), ApiError> {
    let can = model.config.capabilities.transcription == Some(true);
    if can
        && (model.vendor.transcription().is_some()
            || !model.config.protocol.is_built_for(Modality::Audio))
    {
        return Ok(());
    }
    Err(model.cannot_serve("does not write down what it hears"))
}

/// Writes the request for one model. `on_unsupported` is the caller's word, which goes before that of the model's row.
fn drafted(
    call: &TranscriptionCall,
    on_unsupported: Option<OnUnsupported>,
    model: &Model,
) -> Result<Draft, ApiError> {
    let vendor = model.vendor.transcription().ok_or_else(|| model.not_built())?;
    let target = model.target(0).asked(on_unsupported);
    let draft = vendor.request(call, &target).map_err(|issues| ApiError::fields(&issues))?;
    Ok(Draft { warns: target.warns_of_options(), ..draft })
}
