//! One call for speech, from the caller's body to the first bytes of sound.

use std::{sync::Arc, time::Duration};

use axum::{body::Body as HttpBody, response::Response};
use de_core::{
    admission::{Wanted, admit},
    auth::Scope,
    books::Books,
    caller::Caller,
    ceiling,
    exchange::{
        self, Answer, BeforeSend, Job,
        relay::{Tail, passed, relay},
        sound,
    },
    http::{
        context::Context,
        error::{ApiError, Code},
        extract::{Body, Incoming},
        once::Ticket,
        relayed,
        turn::{self, Entrance, Taken},
    },
    model::{Modality, Protocol},
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
    let entrance = Entrance {
        digest: body.digest(),
        hold: turn::HOLD,
        modality: "audio",
        operation,
        scope: Scope::Audio,
        size_bytes: body.size_bytes(),
        subject: &subject,
    };
    let turn = match entrance.take(&platform, &caller, &incoming).await? {
        Taken::Mine(turn) => turn,
        Taken::Replayed(response) => return Ok(response),
    };
    let read = |body: Body| {
        body.into_object().and_then(|body| read(body).map_err(|issues| ApiError::fields(&issues)))
    };
    let (books, ticket) = (&turn.books, turn.ticket.as_ref());
    let call = Call { books, platform: &platform, ticket, wire };
    let answered = call.answer(caller, incoming, read(body)).await;
    turn.end(answered).await
}

/// What a call has at hand.
struct Call<'a> {
    books: &'a Arc<Books>,
    platform: &'a Platform,
    ticket: Option<&'a Ticket>,
    wire: Wire,
}

impl Call<'_> {
    async fn answer(
        &self,
        caller: Caller,
        incoming: Incoming,
        ask: Result<Ask, ApiError>,
    ) -> Result<Response, ApiError> {
        let Self { books, platform, ticket, wire } = *self;
        let Incoming { context, departure, headers } = incoming;
        let caller = caller.entitled(platform, Scope::Audio).await?;
        let ask = ask?;
        books.asked(Some(&ask.model), ask.in_events, 0);
        let fallbacks = headers.get("x-de-fallback").and_then(|value| value.to_str().ok());
        let need = |_: &Caller, model: &Model| {
            let most = spoken::most(model, &ask.call);
            ceiling::need(model, most, spoken::ceiling(model, &ask.call))
        };
        let wanted = Wanted {
            at_hand: None,
            deadline_ms: &|model| model.deadlines().total_ms,
            fallbacks,
            modality: Modality::Audio,
            model: Some(&ask.model),
            need: &need,
            pooled: true,
            scope: Scope::Audio,
            serves: &speaks,
            splitting: spoken::splitting(&ask.call),
        };
        let admitted = admit(platform, &context, books, caller, &wanted).await?;
        let Some(first) = admitted.models.first() else {
            return Err(ApiError::internal("a call was let in without a model"));
        };
        books.expects(spoken::bill(first, &ask.call, &HeaderMap::new(), None).usage);
        let draft = |model: &Model| {
            spoken::knows_voice(&ask.call, &admitted.asked, model)?;
            drafted(&ask, wire, model)
        };
        let job = Job {
            before_send: ticket.map(|ticket| ticket as &dyn BeforeSend),
            books,
            context: &context,
            departure: departure.as_ref(),
            draft: &draft,
            holder: (&admitted.caller).into(),
            models: &admitted.models,
            need: admitted.need,
            platform,
            routes: &admitted.routes,
            streamed: true,
        };
        let Answer::Opened(opened) = exchange::open(&job).await? else {
            return Err(ApiError::internal("a vendor of speech was polled"));
        };
        let model = opened.model.clone();
        if model.config.protocol != wire.protocol() {
            tell_dropped(&context, &ask.extra);
        }
        if wire == Wire::ElevenLabs {
            for name in KEPT {
                if let Some(value) = opened.inbound.headers.get(name).and_then(|v| v.to_str().ok())
                {
                    context.tell(HeaderName::from_static(name), value);
                }
            }
        }
        if ask.in_events {
            let spent = platform.clock.now().since(context.started());
            let spent = u64::try_from(spent).unwrap_or(0);
            let left = model.deadlines().total_ms.saturating_sub(spent);
            let tail = Tail { books: books.clone(), dialect: Box::new(SpeechEvents), model };
            let head = head(
                HeaderValue::from_static("text/event-stream; charset=utf-8"),
                HttpBody::empty(),
            );
            let left = Duration::from_millis(left);
            if ticket.is_some() {
                // What is kept as well has to pass through our code.
                return Ok(head.map(|_| passed(platform, opened, left, tail)));
            }
            return Ok(relayed(head, relay(opened, left, tail)));
        }
        let sound = sound::begin(&job, books, opened, &ask.call).await?;
        if let Some(cost) = books.cost() {
            context.tell(HeaderName::from_static("x-de-cost-micros"), &cost.0.to_string());
        }
        Ok(head(sound.content_type, sound.body))
    }
}

/// Refuses a model that only listens.
fn speaks(model: &Model) -> Result<(), ApiError> {
    let can = model.config.capabilities.audio == Some(true) && model.vendor.speech().is_some();
    if can || !model.config.protocol.is_built_for(Modality::Audio) {
        return Ok(());
    }
    let id = &model.config.model_id;
    let message = format!("{id} does not speak");
    Err(ApiError::new(Code::ModelCapability, message).with("model", id.as_str()))
}

/// Writes the request for one model: the caller's own body where both speak its protocol, else anew.
fn drafted(ask: &Ask, wire: Wire, model: &Model) -> Result<Draft, ApiError> {
    let config = &model.config;
    let Some(vendor) = model.vendor.speech() else {
        let message =
            format!("the protocol {} of {} is not built yet", config.protocol, config.model_id);
        return Err(ApiError::new(Code::NotImplemented, message));
    };
    if ask.in_events && config.protocol != Protocol::OpenaiSpeech {
        let reason = format!("{} speaks in sound alone", config.model_id);
        let issue = FieldIssue { pointer: "/stream_format".to_owned(), reason };
        return Err(ApiError::fields(&[issue]));
    }
    let target = model.target(0);
    let drafted = if config.protocol == wire.protocol() {
        vendor.relay(&ask.raw, &ask.call, &target)
    } else {
        vendor.request(&ask.call, &target)
    };
    drafted.map_err(|issues| wire.refused(issues))
}

/// Names the members of the caller's protocol that the vendor's has no word for: they were left out.
fn tell_dropped(context: &Context, names: &[String]) {
    let shown = |name: &String| -> String {
        name.chars().take(60).flat_map(char::escape_default).collect()
    };
    let names: Vec<String> = names.iter().take(50).map(shown).collect();
    if !names.is_empty() {
        context.tell(HeaderName::from_static("x-de-dropped"), &names.join(", "));
    }
}

/// An answer of that type.
pub(crate) fn head(content_type: HeaderValue, body: HttpBody) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}
