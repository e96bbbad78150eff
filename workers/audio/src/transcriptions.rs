//! `POST /v1/audio/transcriptions`: OpenAI's protocol, to vendors of any.

use axum::{extract::Request, response::Response};
use de_core::{
    admission::{Wanted, anyone},
    auth::Scope,
    caller::{Caller, Tenant},
    calls::TranscriptionCall,
    exchange,
    http::{
        error::ApiError,
        extract::Incoming,
        once,
        turn::{Entrance, Taken, Turn},
        unsupported,
        upload::{Form, Limits, Upload},
    },
    media::Extent,
    model::{Modality, OnUnsupported},
    ports::Platform,
    protocols::{
        Draft,
        openai_transcriptions::{LARGEST_FILE, OpenAiTranscriptionCall, content_type, write},
    },
    registry::Model,
    split::Splitting,
};

use crate::heard::Length;

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
    let wanted = Wanted {
        apart: false,
        at_hand: None,
        deadline_ms: &|model| model.deadlines().total_ms,
        fallbacks: turn.incoming.fallbacks(),
        modality: Modality::Audio,
        model: Some(&model),
        need: &|_, model| length.need(model, &call),
        pooled: true,
        scope: Scope::Audio,
        serves: &listens,
        stands_in: anyone,
        splitting: Splitting::default(),
    };
    let admitted = turn.admit(caller, &wanted).await?;
    if let Some(first) = admitted.models.first() {
        books.expects(length.billed(first, &call));
    }
    let draft = |model: &Model| drafted(&call, on_unsupported, model);
    let job = turn.job(&admitted, &draft);
    let opened = exchange::open_at_once(&job).await;
    if let Some(model) = books.tried_last() {
        // A fallback may be billed in other units.
        books.expects(length.billed(&model, &call));
    }
    let opened = opened?;
    let model = opened.model.clone();
    let bytes = exchange::whole(&job, opened).await?;
    let vendor = model.vendor.transcription();
    let vendor = vendor.ok_or_else(|| ApiError::internal("a vendor lost an ability"))?;
    let reply =
        vendor.reply(&call, &bytes).map_err(|err| exchange::unreadable(&model, err.to_string()))?;
    let length = length.heard(reply.heard_ms);
    match &reply.usage {
        Some(usage) => match length.billed_instead(&model, &call, usage) {
            Some(guess) => books.guessed(&guess),
            None => books.counted(usage),
        },
        None => books.guessed(&length.billed(&model, &call)),
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
