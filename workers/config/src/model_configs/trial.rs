//! `POST …/{id}/test`: one real call with the instance's key, and everything that is to be seen of it.
//!
//! It goes through the exchange, with limits, a receipt and its cost, like any call. The vendor's failure
//! is what one wanted to see: it is told in the answer, whose status is 200.

mod admission;
mod outcome;
mod overheard;

use std::sync::Arc;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use de_core::{
    auth::vault,
    books::{Asked, Books, Outcome},
    caller::Caller,
    ceiling::{self, Most, TextSize},
    chat::ChatReply,
    exchange::{self, Answer, Job, routes::Routes},
    http::{
        error::{ApiError, Code},
        extract::{AdminBody, Incoming, PathText},
        routes::Allowed,
    },
    ids::{InstanceId, ModelId},
    limits::wire::Need,
    model::Modality,
    ports::{Platform, rows},
    preview::{self, Bounds},
    prompt,
    protocols::{FieldIssue, mapped},
    registry::Model,
    store::{
        instances::{self as store, InstanceQuery, InstanceRow},
        pages::PageQuery,
    },
};
use serde_json::{Map, Value};

#[cfg(not(target_family = "wasm"))]
pub(crate) use self::outcome::Tested as Shown;
use self::{
    admission::{Admitted, admit},
    outcome::{Tested, booked, fault, hidden, read, reply},
    overheard::Overheard,
};
use super::unknown;
use crate::{
    instances,
    resource::{Fields, Filters, no_idempotency_key, viewer},
};

/// Calls the vendor once.
pub(crate) async fn test(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    PathText(id): PathText,
    filters: Filters,
    AdminBody(members): AdminBody,
) -> Result<Response, ApiError> {
    filters.finish()?;
    no_idempotency_key(&incoming)?;
    let mut fields = Fields::of(members);
    fields.require("input");
    let named = fields.id("instance_id", InstanceId::parse);
    let mut input = Map::new();
    fields.object("input", |_, value| Ok(value.clone()), &mut input);
    if input.get("stream") == Some(&Value::Bool(true)) {
        fields.wrong("input/stream", "a test is answered whole");
    }
    fields.finish()?;
    let id = ModelId::parse(&id).map_err(|_| unknown())?;
    let caller = acting(&platform, &allowed, named).await?;
    caller.may_call(&id)?;
    let model = admission::model(&platform, &caller, &id).await?;
    if !model.config.is_built() {
        let message = format!("the protocol {} is not built yet", model.config.protocol);
        return Err(ApiError::new(Code::NotImplemented, message));
    }
    preview::draft(&model, &input, Bounds::default()).map_err(|issues| in_input(&issues))?;
    let modality = model.config.modalities().first().copied().unwrap_or(Modality::Text);
    let what = Asked {
        modality: modality.as_str(),
        operation: "POST /v1/model-configs/{id}/test",
        size_bytes: Value::Object(input.clone()).to_string().len(),
    };
    let books = Books::open(&platform, &incoming.context, &caller, what);
    let text = preview::call(&model, &input, Bounds::default()).ok();
    books.asked(Some(id.as_str()), false, text.as_ref().map_or(0, prompt::tokens));
    let trial = Trial { books: &books, incoming: &incoming, input: &input, platform: &platform };
    let tested = trial.run(caller, model).await;
    if let Err(error) = &tested {
        books.fail(error);
    }
    Ok(Json(tested?).into_response())
}

/// The caller as they act for the instance of the body, of the header, or for their only one.
async fn acting(
    platform: &Platform,
    allowed: &Allowed,
    named: Option<InstanceId>,
) -> Result<Caller, ApiError> {
    let caller = allowed.caller();
    let of_header = caller.instance().map(|_| caller.instance_id().clone());
    if let (Some(_), Some(named)) = (&of_header, &named) {
        caller.must_be(Some(named.as_str()), None)?;
    }
    let instance = match named.or(of_header) {
        Some(instance) => instance,
        None => only(platform, allowed).await?,
    };
    let row = instances::find(platform, allowed, instance.as_str()).await?;
    caller.acting_for(platform, &row.id).await
}

async fn only(platform: &Platform, allowed: &Allowed) -> Result<InstanceId, ApiError> {
    let page = PageQuery { after: None, limit: 1 };
    let query = InstanceQuery { page, ..InstanceQuery::default() };
    let found: Vec<InstanceRow> =
        rows(&*platform.database, store::list(&query, viewer(allowed)?)).await?;
    match found.as_slice() {
        [only] => Ok(only.id.clone()),
        _ => {
            let pointer = "/instance_id".to_owned();
            let reason = "name the instance whose key is used; you have several, or none";
            Err(ApiError::fields(&[FieldIssue { pointer, reason: reason.to_owned() }]))
        }
    }
}

/// What a vendor said.
enum Said {
    /// The result of a job that was polled.
    Polled(Box<ChatReply>),
    /// One whole answer.
    Whole(Bytes),
}

/// One test that is under way.
struct Trial<'a> {
    books: &'a Books,
    incoming: &'a Incoming,
    input: &'a Map<String, Value>,
    platform: &'a Platform,
}

impl Trial<'_> {
    async fn run(&self, caller: Caller, model: Arc<Model>) -> Result<Tested, ApiError> {
        let Self { books, incoming, input, platform } = *self;
        let context = &incoming.context;
        let need = |caller: &Caller, model: &Model| need(caller, model, input);
        let came = platform.clock.now();
        let admitted = admit(platform, context, books, caller, model, need).await;
        context.limited(platform.clock.now().since(came));
        let admitted = admitted?;
        let Admitted { bounded, caller, model, need } = admitted;
        let of_instance = caller.instance().and_then(|own| own.default_max_output_tokens);
        let bounds = Bounds { counted: bounded, of_instance };
        let draft = |model: &Model| {
            preview::draft(model, input, bounds).map_err(|issues| in_input(&issues))
        };
        let overheard = Arc::new(Overheard::new(platform.fetch.clone()));
        let listening = Platform { fetch: overheard.clone(), ..platform.clone() };
        let models = [model.clone()];
        let job = Job {
            before_send: None,
            books,
            context,
            departure: incoming.departure.as_ref(),
            draft: &draft,
            gathers: None,
            holder: (&caller).into(),
            models: &models,
            need,
            platform: &listening,
            // What an operator tries is asked for, whatever is known of its vendor.
            routes: &Routes::past_circuits(),
            streamed: false,
        };
        let sent_at = platform.clock.now();
        let answered = match exchange::open(&job).await {
            Ok(Answer::Opened(opened)) => {
                let images =
                    opened.model.vendor.images().filter(|_| preview::is_image(&opened.model));
                let cap = images.map_or(exchange::ANSWER_CAP, |images| images.answer_cap());
                exchange::whole_up_to(&job, opened, cap).await.map(Said::Whole)
            }
            Ok(Answer::Gathered(gathered)) => Ok(Said::Whole(gathered.bytes)),
            Ok(Answer::Polled(polled)) => Ok(Said::Polled(Box::new(mapped::reply(*polled.reply)))),
            Err(error) => Err(error),
        };
        let duration_ms = platform.clock.now().since(sent_at);
        let heard = overheard.last();
        let output = answered.and_then(|said| match said {
            Said::Polled(reply) => Ok(booked(books, &reply, None)),
            Said::Whole(bytes) => read(books, &model, input, heard.as_ref(), &bytes),
        });
        let (output, error) = match output {
            Ok(output) => (Some(output), None),
            Err(error) if error.code() == Code::ClientLeft => return Err(error),
            Err(error) => (None, Some(error)),
        };
        let cost = books.cost();
        match &error {
            None => books.close(Outcome::Ok, 200),
            Some(error) => {
                books.close(Outcome::Failed(error.code()), error.code().status().as_u16());
            }
        }
        let key = model.sealed_key.as_deref().and_then(|sealed| {
            let provider = &model.provider.id;
            vault::open(&platform.settings, caller.instance_id(), provider, sealed).ok()
        });
        Ok(Tested {
            ok: error.is_none(),
            model_id: model.config.model_id.clone(),
            version: model.config.version,
            request: preview::of(&model, input, bounds, &platform.settings).request,
            reply: heard.map(|heard| reply(heard, key.as_ref())),
            output: output.map(|output| match &key {
                Some(key) => hidden(output, key),
                None => output,
            }),
            error: error.map(fault),
            attempts: books.attempts(),
            duration_ms,
            cost_micros: cost.map(|cost| cost.0),
            receipt_id: books.receipt_id(),
        })
    }
}

/// What a test is reserved for.
fn need(caller: &Caller, model: &Model, input: &Map<String, Value>) -> Need {
    let of_instance = caller.instance().and_then(|own| own.default_max_output_tokens);
    let Ok(call) = preview::call(model, input, Bounds::default()) else {
        return Need { micros: None, requests: 1, slots: 1, tokens: 0 };
    };
    let usual = || model.config.output_bound(of_instance);
    let output_bound = if model.vendor.bounds_output() {
        call.max_output_tokens.unwrap_or_else(usual)
    } else {
        model.config.max_output_tokens.or(model.config.context_window).unwrap_or(1 << 20)
    };
    let messages = call.messages.len().saturating_add(call.system.len());
    let text_bytes = Value::Object(input.clone()).to_string().len();
    let size = TextSize {
        choices: 1,
        messages: u64::try_from(messages).unwrap_or(u64::MAX),
        output_bound,
        text_bytes: u64::try_from(text_bytes).unwrap_or(u64::MAX),
        ..TextSize::default()
    };
    ceiling::need(model, Most::from(size), ceiling::text_tokens(size))
}

/// The issues of an input, with its place in the body.
fn in_input(issues: &[FieldIssue]) -> ApiError {
    let told = |issue: &FieldIssue| FieldIssue {
        pointer: format!("/input{}", issue.pointer),
        reason: issue.reason.clone(),
    };
    ApiError::fields(&issues.iter().map(told).collect::<Vec<_>>())
}
