//! `POST …/{id}/test`: one real call with the instance's key, and everything that is to be seen of it.
//!
//! It goes through the exchange, with limits, a receipt and its cost, like any call. The vendor's failure
//! is what one wanted to see: it is told in the answer, whose status is 200.

mod admission;
mod overheard;

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use de_core::{
    auth::vault,
    books::{self, Arrival, Books, CLIENT_LEFT, Outcome},
    caller::Caller,
    cost::{TextSize, text_ceiling},
    exchange::{self, Job},
    http::{
        context::Context,
        error::{ApiError, Code},
        extract::{AdminBody, Incoming, PathText},
        routes::Allowed,
    },
    ids::{InstanceId, ModelId, ReceiptId},
    json,
    limits::wire::Need,
    mapping::preview::PreviewRequest,
    model::Modality,
    ports::{Platform, rows},
    preview::{self, Bounds},
    protocols::{FieldIssue, native},
    receipt::{Receipt, ReceiptStatus, Usage},
    registry::Model,
    secret::Secret,
    store::{
        instances::{self as store, InstanceQuery, InstanceRow},
        pages::PageQuery,
    },
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use self::{
    admission::{Admitted, admit},
    overheard::{Heard, Overheard},
};
use super::unknown;
use crate::{
    instances,
    resource::{Fields, Filters, no_idempotency_key, viewer},
};

/// What is to be seen of one call.
#[derive(Serialize)]
struct Tested {
    /// Whether the vendor answered well, and its answer could be read.
    ok: bool,
    /// The model.
    model_id: ModelId,
    /// Which version of it was called.
    version: u64,
    /// What was sent, the key masked.
    request: Option<PreviewRequest>,
    /// What the vendor answered last; null if nothing came.
    reply: Option<Reply>,
    /// What is made of it.
    output: Option<Value>,
    /// Why it is not ok.
    error: Option<Fault>,
    /// Each try at the vendor.
    attempts: Value,
    /// From sending to the last byte.
    duration_ms: i64,
    /// Null if it has no price or no count.
    cost_micros: Option<i64>,
    /// The call in the books.
    receipt_id: Option<ReceiptId>,
}

/// What a vendor answered.
#[derive(Serialize)]
struct Reply {
    /// 100 to 599.
    status: u16,
    /// Its media type.
    content_type: Option<String>,
    /// JSON as it is, else text; the key masked, cut at 64 KiB. Null where it is neither.
    body: Value,
    /// How long it was, in bytes.
    size_bytes: usize,
}

/// Why a call failed, as a caller would have been told.
#[derive(Serialize)]
struct Fault {
    error: String,
    error_code: &'static str,
    details: Map<String, Value>,
}

/// Calls the vendor once.
pub(crate) async fn test(
    State(platform): State<Platform>,
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
    if !model.config.protocol.is_built() {
        let message = format!("the protocol {} is not built yet", model.config.protocol);
        return Err(ApiError::new(Code::NotImplemented, message));
    }
    preview::draft(&model, &input, Bounds::default()).map_err(|issues| in_input(&issues))?;
    let arrival = arrival(&platform, &incoming.context, &caller, &model, &input);
    let books = Books::open(&platform, arrival, incoming.context.started());
    let text = preview::call(&model, &input, Bounds::default()).ok();
    let prompt_bytes = u64::try_from(Value::Object(input.clone()).to_string().len()).unwrap_or(0);
    books.asked(Some(id.as_str()), false, if text.is_some() { prompt_bytes } else { 0 });
    let trial = Trial { books: &books, incoming: &incoming, input: &input, platform: &platform };
    let tested = trial.run(caller, model).await;
    if let Err(error) = &tested {
        match error.code() {
            Code::ClientLeft => books.close(Outcome::Cancelled, CLIENT_LEFT),
            code => books.close(Outcome::Failed(code), code.status().as_u16()),
        }
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
        let admitted = admit(platform, context, books, caller, model, need).await?;
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
            books,
            caller: &caller,
            context,
            departure: incoming.departure.as_ref(),
            draft: &draft,
            models: &models,
            need,
            platform: &listening,
            streamed: false,
        };
        let sent_at = platform.clock.now();
        let answered = match exchange::open(&job).await {
            Ok(opened) => exchange::whole(&job, opened).await,
            Err(error) => Err(error),
        };
        let duration_ms = platform.clock.now().since(sent_at);
        let heard = overheard.last();
        let output = answered.and_then(|bytes| self.read(&model, heard.as_ref(), &bytes));
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
        let ports = &platform.settings.loopback_ports;
        Ok(Tested {
            ok: error.is_none(),
            model_id: model.config.model_id.clone(),
            version: model.config.version,
            request: preview::of(&model, input, bounds, ports).request,
            reply: heard.map(|heard| reply(heard, key.as_ref())),
            output,
            error: error.map(fault),
            attempts: books.attempts(),
            duration_ms,
            cost_micros: cost.map(|cost| cost.0),
            receipt_id: books.receipt_id(),
        })
    }

    /// Reads a good answer, and counts what it used.
    fn read(&self, model: &Model, heard: Option<&Heard>, bytes: &Bytes) -> Result<Value, ApiError> {
        let malformed = |reason: String| {
            let name = &model.config.provider_id;
            let message = format!("{name} sent an answer that cannot be read");
            ApiError::new(Code::ProviderMalformed, message).with("reason", reason)
        };
        let mapping = model.vendor.mapping();
        let of_bytes = mapping.is_some_and(|mapping| mapping.answers_bytes());
        let body = if of_bytes {
            Value::Null
        } else {
            json::parse(bytes).map_err(|err| malformed(err.to_string()))?
        };
        let mapped = mapping.map(|mapping| {
            let status = heard.map_or(200, |heard| heard.status);
            let kind = heard.and_then(|heard| heard.content_type.clone());
            let headers: Vec<(String, String)> =
                kind.into_iter().map(|kind| ("content-type".to_owned(), kind)).collect();
            mapping.reply(status, &headers, &body)
        });
        let mapped = mapped.transpose().map_err(|err| malformed(err.to_string()))?;
        let mapped = mapped.map(|mapped| super::value(&mapped));
        if !model.config.works_in(Modality::Text) {
            self.books.counted(&made(model, mapped.as_ref(), self.input));
            return Ok(mapped.unwrap_or_default());
        }
        let reply = model.vendor.reply(&body).map_err(|err| malformed(err.to_string()))?;
        let text = reply.text();
        self.books.heard(text.len());
        if let Some(tier) = &reply.service_tier {
            self.books.served(tier);
        }
        if let Some(usage) = &reply.usage {
            self.books.counted(usage);
        }
        let finish = reply.choices.first().map(|choice| native::finish_reason(&choice.finish));
        Ok(mapped.unwrap_or_else(|| {
            json!({
                "text": text,
                "finish_reason": finish,
                "model": reply.model,
                "usage": reply.usage.as_ref().map(native::usage),
            })
        }))
    }
}

/// What a call that makes no text has used, as far as its answer and its input say.
fn made(model: &Model, mapped: Option<&Value>, input: &Map<String, Value>) -> Usage {
    let member = |name: &str| mapped.and_then(|mapped| mapped.get(name));
    let tokens = |name: &str| member(name).and_then(Value::as_u64).unwrap_or(0);
    let pictures = member("images").and_then(Value::as_array).map_or(0, Vec::len);
    let pictures = pictures.max(usize::from(member("image_url").or(member("b64")).is_some()));
    let is_image = model.config.works_in(Modality::Image);
    let spoken = ["user_text", "user_prompt", "prompt"].iter().find_map(|name| input.get(*name));
    let spoken = spoken.and_then(Value::as_str).map_or(0, |text| text.chars().count());
    let is_audio = model.config.works_in(Modality::Audio);
    Usage {
        characters: if is_audio { u64::try_from(spoken).unwrap_or(0) } else { 0 },
        images: if is_image { u64::try_from(pictures).unwrap_or(0) } else { 0 },
        input_tokens: tokens("input_tokens"),
        output_tokens: tokens("output_tokens"),
        requests: 1,
        ..Usage::default()
    }
}

/// What a test is reserved for.
fn need(caller: &Caller, model: &Model, input: &Map<String, Value>) -> Need {
    let of_instance = caller.instance().and_then(|own| own.default_max_output_tokens);
    let Ok(call) = preview::call(model, input, Bounds::default()) else {
        return Need { requests: 1, slots: 1, tokens: 0 };
    };
    let usual = || model.config.output_bound(of_instance);
    let output_bound = if model.vendor.bounds_output() {
        call.max_output_tokens.unwrap_or_else(usual)
    } else {
        model.config.max_output_tokens.or(model.config.context_window).unwrap_or(1 << 20)
    };
    let messages = call.messages.len().saturating_add(call.system.len());
    let text_bytes = Value::Object(input.clone()).to_string().len();
    let tokens = text_ceiling(TextSize {
        choices: 1,
        messages: u64::try_from(messages).unwrap_or(u64::MAX),
        output_bound,
        text_bytes: u64::try_from(text_bytes).unwrap_or(u64::MAX),
        ..TextSize::default()
    });
    Need { requests: 1, slots: 1, tokens }
}

fn arrival(
    platform: &Platform,
    context: &Context,
    caller: &Caller,
    model: &Model,
    input: &Map<String, Value>,
) -> Arrival {
    let key = caller.key();
    let modality = model.config.modalities().first().copied().unwrap_or(Modality::Text);
    let size = Value::Object(input.clone()).to_string().len();
    let receipt = Receipt {
        receipt_id: books::receipt_id(platform, context),
        request_id: context.request_id().clone(),
        organization_id: caller.organization_id().clone(),
        instance_id: caller.instance_id().clone(),
        project_id: key.project_id.clone(),
        api_key_id: Some(key.api_key_id.clone()),
        user_id: key.user_id.clone(),
        model_id: None,
        requested_model_id: None,
        provider_id: None,
        protocol: None,
        modality: modality.as_str().to_owned(),
        operation: "POST /v1/model-configs/{id}/test".to_owned(),
        status: ReceiptStatus::Failed,
        http_status: 0,
        error_code: None,
        streamed: false,
        usage: Usage::default(),
        cost_micros: None,
        price_version: None,
        price_valid_from: None,
        estimated: false,
        over_ceiling: false,
        limiter_bypassed: false,
        attempts: Vec::new(),
        latency_ms: 0,
        first_byte_ms: None,
        upstream_ms: None,
        request_bytes: i64::try_from(size).unwrap_or(i64::MAX),
        response_bytes: 0,
        admitted_at: context.started(),
        created_at: context.started(),
    };
    Arrival { instance: caller.instance_id().clone(), receipt }
}

/// An answer for the eye. A vendor may quote our key.
fn reply(heard: Heard, key: Option<&Secret>) -> Reply {
    let Heard { body, content_type, status, size_bytes } = heard;
    let body = match String::from_utf8(body) {
        Ok(text) => {
            let text = key.map_or_else(|| text.clone(), |key| key.mask(&text));
            json::parse(text.as_bytes()).unwrap_or(Value::String(text))
        }
        // Half a character may stand at the cut; anything else that is no text is sound or a picture.
        Err(err) => {
            let valid = err.utf8_error().valid_up_to();
            let mut bytes = err.into_bytes();
            let cut = bytes.len().saturating_sub(valid) < 4;
            bytes.truncate(valid);
            let text = String::from_utf8(bytes).ok().filter(|_| cut);
            text.map_or(Value::Null, |text| key.map_or(text.clone(), |key| key.mask(&text)).into())
        }
    };
    Reply { status, content_type, body, size_bytes }
}

fn fault(error: ApiError) -> Fault {
    Fault {
        error: error.message().to_owned(),
        error_code: error.code().as_str(),
        details: error.details().clone(),
    }
}

/// The issues of an input, with its place in the body.
fn in_input(issues: &[FieldIssue]) -> ApiError {
    let told = |issue: &FieldIssue| FieldIssue {
        pointer: format!("/input{}", issue.pointer),
        reason: issue.reason.clone(),
    };
    ApiError::fields(&issues.iter().map(told).collect::<Vec<_>>())
}
