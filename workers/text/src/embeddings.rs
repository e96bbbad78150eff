//! `POST /v1/embeddings`: vectors of texts in OpenAI's protocol, of vendors of any.
//!
//! Vectors of two models mean different things, even where they have the same length: what is stored of one
//! must never be compared with the other. So a fallback serves only if it is the same model at another host,
//! by the vendor's name of it.

use axum::response::Response;
use de_core::{
    admission::Wanted,
    auth::Scope,
    caller::{Caller, Tenant},
    ceiling::{self, Most},
    exchange::{self, Gathered, Gathers, Job},
    http::{
        error::{ApiError, Code},
        extract::{Body, Incoming},
        turn::{Taken, Turn},
        unsupported,
    },
    json::verbatim::Verbatim,
    model::{Modality, OnUnsupported},
    ports::Platform,
    prompt,
    protocols::{
        Draft, VECTORS_CAP,
        openai_embeddings::{OpenAiEmbeddingCall, write},
    },
    receipt::Usage,
    registry::Model,
    split::Splitting,
};

use crate::run::entrance;

const OPERATION: &str = "POST /v1/embeddings";

/// Makes a vector of each input.
pub(crate) async fn create(
    platform: Platform,
    Tenant(caller): Tenant,
    incoming: Incoming,
    body: Body,
) -> Result<Response, ApiError> {
    let turn = match entrance(OPERATION, &body).take(&platform, &caller, &incoming).await? {
        Taken::Mine(turn) => turn,
        Taken::Replayed(response) => return Ok(response),
    };
    let answered = answer(&turn, caller, body).await;
    turn.end(answered).await
}

async fn answer(turn: &Turn<'_>, caller: Caller, body: Body) -> Result<Response, ApiError> {
    let Turn { books, incoming, platform, .. } = turn;
    let caller = caller.entitled(platform, Scope::Text).await?;
    let raw = body.into_verbatim()?;
    let members = raw.members();
    let read = OpenAiEmbeddingCall::parse(&members).map_err(|issues| ApiError::fields(&issues))?;
    let OpenAiEmbeddingCall { call, model } = &read;
    let estimated = prompt::embedding_tokens(&call.input);
    books.asked(Some(model), false, estimated);
    let tokens = ceiling::embedding_tokens(&call.input);
    let most = Most { input_tokens: tokens, ..Most::default() };
    let on_unsupported = unsupported::asked(&incoming.headers)?;
    let wanted = Wanted {
        apart: false,
        at_hand: None,
        deadline_ms: &|model| model.deadlines().total_ms,
        fallbacks: incoming.fallbacks(),
        modality: Modality::Text,
        model: Some(model),
        need: &|_, model| ceiling::need(model, most, tokens),
        pooled: true,
        scope: Scope::Text,
        serves: &makes_vectors,
        stands_in: of_one_space,
        splitting: Splitting {
            alike: of_same_space,
            user: members.get("user").and_then(|user| user.as_str()),
            ..Splitting::of(&incoming.headers)
        },
    };
    let admitted = turn.admit(caller, &wanted).await?;
    let draft = |model: &Model| drafted(&raw, &read, model, on_unsupported);
    let gathers = Some(Gathers { cap: VECTORS_CAP, parses: false });
    let job = Job { gathers, ..turn.job(&admitted, &draft) };
    let Gathered { bytes, model, .. } = exchange::gathered(&job).await?;
    let vendor = model.vendor.embeddings();
    let vendor = vendor.ok_or_else(|| ApiError::internal("a vendor lost an ability"))?;
    let reply =
        vendor.reply(call, &bytes).map_err(|err| exchange::unreadable(&model, err.to_string()))?;
    match &reply.usage {
        Some(usage) => books.counted(usage),
        None => books.guessed(&Usage { input_tokens: estimated, requests: 1, ..Usage::default() }),
    }
    let counted = reply.usage.map_or(estimated, |usage| usage.total_input_tokens());
    let id = model.config.model_id.as_str();
    let body = match &reply.vectors {
        Some(vectors) => write(vectors, call.encoding, id, counted),
        None => bytes,
    };
    Ok(turn.answer("application/json", body))
}

/// Refuses a model that makes no vectors.
fn makes_vectors(model: &Model) -> Result<(), ApiError> {
    let can = model.config.capabilities.embeddings == Some(true);
    if can && model.vendor.embeddings().is_some() {
        return Ok(());
    }
    let protocol = model.config.protocol;
    Err(if can {
        model.cannot_serve(&format!("is called by {protocol}, which has no words for embeddings"))
    } else {
        model.cannot_serve("makes no embeddings")
    })
}

/// Lets a model stand in only for the same one at another provider.
///
/// # Errors
/// `MODEL_CAPABILITY`, which a caller sees who names another one itself.
fn of_one_space(asked: &Model, other: &Model) -> Result<(), ApiError> {
    if of_same_space(asked, other) {
        return Ok(());
    }
    let (id, asked) = (&other.config.model_id, &asked.config.model_id);
    let message = format!(
        "x-de-fallback: {id} is another model than {asked}, and its vectors mean something else"
    );
    Err(ApiError::new(Code::ModelCapability, message).with("model", id.as_str()))
}

/// Whether two are the same model, at one host or two.
fn of_same_space(one: &Model, other: &Model) -> bool {
    let name = |model: &Model| model_name(&model.config.upstream_model);
    name(one) == name(other)
}

/// A vendor's name of a model without that of its maker, which hosts write before it.
fn model_name(upstream: &str) -> String {
    upstream.rsplit('/').next().unwrap_or_default().to_ascii_lowercase()
}

/// Writes the request for one model: the caller's own body where its vendor speaks OpenAI's protocol, else
/// anew. `on_unsupported` is the caller's word, which goes before that of the model's row.
fn drafted(
    raw: &Verbatim,
    read: &OpenAiEmbeddingCall,
    model: &Model,
    on_unsupported: Option<OnUnsupported>,
) -> Result<Draft, ApiError> {
    let vendor = model.vendor.embeddings();
    let vendor = vendor.ok_or_else(|| ApiError::internal("a vendor lost an ability"))?;
    let target = model.target(0).asked(on_unsupported);
    let mut draft =
        vendor.relay(raw, &read.call, &target).map_err(|issues| ApiError::fields(&issues))?;
    draft.warns = target.warns();
    Ok(draft)
}
