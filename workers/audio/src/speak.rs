//! One call for speech, from the caller's body to the first bytes of sound.

use std::time::Duration;

use axum::{body::Body as HttpBody, response::Response};
use de_core::{
    admission::{Wanted, anyone},
    auth::Scope,
    caller::Caller,
    ceiling,
    exchange::{
        self, Job,
        relay::{Tail, passed, relay},
        sound,
    },
    http::{
        error::ApiError,
        extract::{Body, Incoming},
        relayed,
        turn::{Entrance, Taken, Turn},
        unsupported,
    },
    model::{Modality, OnUnsupported, Protocol},
    ports::Platform,
    protocols::{Draft, FieldIssue, openai_speech::SpeechEvents},
    registry::Model,
    spoken,
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::{Map, Value};

use crate::ask::{Ask, Route, Wire};

/// Headers of ElevenLabs' answers that its callers go by.
const KEPT: [&str; 2] = ["character-cost", "request-id"];

/// Runs one call. One that was answered before shows the receipt that it has.
pub(crate) async fn speak<R>(
    platform: Platform,
    caller: Caller,
    incoming: Incoming,
    body: Body,
    route: Route<R>,
) -> Result<Response, ApiError>
where
    R: FnOnce(Map<String, Value>) -> Result<Ask, Vec<FieldIssue>> + Send,
{
    let Route { operation, read, subject, wire } = route;
    let entrance = Entrance::new(operation, "audio", Scope::Audio).with_body(&body);
    let entrance = Entrance { subject: &subject, ..entrance };
    let turn = match entrance.take(&platform, &caller, &incoming).await? {
        Taken::Mine(turn) => turn,
        Taken::Replayed(response) => return Ok(response),
    };
    let read = |body: Body| {
        body.into_object().and_then(|body| read(body).map_err(|issues| ApiError::fields(&issues)))
    };
    let answered = answer(&turn, caller, read(body), wire).await;
    turn.end(answered).await
}

async fn answer(
    turn: &Turn<'_>,
    caller: Caller,
    ask: Result<Ask, ApiError>,
    wire: Wire,
) -> Result<Response, ApiError> {
    let (books, platform, context) = (&turn.books, turn.platform, &turn.incoming.context);
    let caller = caller.entitled(platform, Scope::Audio).await?;
    let ask = ask?;
    books.asked(Some(&ask.model), ask.in_events, 0);
    let on_unsupported = unsupported::asked(&turn.incoming.headers)?;
    let need = |_: &Caller, model: &Model| {
        let most = spoken::most(model, &ask.call);
        ceiling::need(model, most, spoken::ceiling(model, &ask.call))
    };
    let wanted = Wanted {
        apart: false,
        at_hand: None,
        deadline_ms: &|model| model.deadlines().total_ms,
        fallbacks: turn.incoming.fallbacks(),
        modality: Modality::Audio,
        model: Some(&ask.model),
        need: &need,
        pooled: true,
        scope: Scope::Audio,
        serves: &speaks,
        stands_in: anyone,
        splitting: spoken::splitting(&ask.call),
    };
    let admitted = turn.admit(caller, &wanted).await?;
    let Some(first) = admitted.models.first() else {
        return Err(ApiError::internal("a call was let in without a model"));
    };
    books.expects(spoken::bill(first, &ask.call, &HeaderMap::new(), None).usage);
    let draft = |model: &Model| {
        spoken::knows_voice(&ask.call, &admitted.asked, model)?;
        drafted(&ask, wire, on_unsupported, model)
    };
    let job = Job { streamed: true, ..turn.job(&admitted, &draft) };
    let opened = exchange::open_at_once(&job).await?;
    let model = opened.model.clone();
    if wire == Wire::ElevenLabs {
        for name in KEPT {
            if let Some(value) = opened.inbound.headers.get(name).and_then(|v| v.to_str().ok()) {
                context.tell(HeaderName::from_static(name), value);
            }
        }
    }
    if ask.in_events {
        let spent = platform.clock.now().since(context.started());
        let spent = u64::try_from(spent).unwrap_or(0);
        let left = model.deadlines().total_ms.saturating_sub(spent);
        let tail = Tail { books: books.clone(), dialect: Box::new(SpeechEvents), model };
        let head =
            head(HeaderValue::from_static("text/event-stream; charset=utf-8"), HttpBody::empty());
        let left = Duration::from_millis(left);
        if turn.ticket.is_some() {
            // What is kept as well has to pass through our code.
            return Ok(head.map(|_| passed(platform, opened, left, tail)));
        }
        return Ok(relayed(head, relay(opened, left, tail)));
    }
    let sound = sound::begin(&job, books, opened, &ask.call).await?;
    context.tell_cost(books.cost());
    Ok(head(sound.content_type, sound.body))
}

/// Refuses a model that only listens.
fn speaks(model: &Model) -> Result<(), ApiError> {
    let can = model.config.capabilities.audio == Some(true) && model.vendor.speech().is_some();
    if can || !model.config.protocol.is_built_for(Modality::Audio) {
        return Ok(());
    }
    Err(model.cannot_serve("does not speak"))
}

/// Writes the request for one model: the caller's own body where both speak its protocol, else anew.
/// `on_unsupported` is the caller's word, which goes before that of the model's row.
fn drafted(
    ask: &Ask,
    wire: Wire,
    on_unsupported: Option<OnUnsupported>,
    model: &Model,
) -> Result<Draft, ApiError> {
    let config = &model.config;
    let Some(vendor) = model.vendor.speech() else {
        return Err(model.not_built());
    };
    if ask.in_events && config.protocol != Protocol::OpenaiSpeech {
        let reason = format!("{} speaks in sound alone", config.model_id);
        let issue = FieldIssue { pointer: "/stream_format".to_owned(), reason };
        return Err(ApiError::fields(&[issue]));
    }
    let target = model.target(0).asked(on_unsupported);
    if config.protocol == wire.protocol() {
        let relayed = vendor.relay(&ask.raw, &ask.call, &target);
        return relayed.map_err(|issues| wire.refused(issues));
    }
    let mut draft = vendor.request(&ask.call, &target).map_err(|issues| wire.refused(issues))?;
    // Members that only the caller's protocol knows mean nothing in another one.
    let extra = ask.extra.iter().map(|name| FieldIssue {
        pointer: format!("/{name}"),
        reason: "this model's vendor speaks another protocol".to_owned(),
    });
    draft.dropped = wire.placed(draft.dropped).into_iter().chain(extra).collect();
    draft.warns = target.warns_of_options();
    Ok(draft)
}

/// An answer of that type.
pub(crate) fn head(content_type: HeaderValue, body: HttpBody) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}
