//! `GET /v1/capabilities`: what each model that a key may call can do, and how it is reached.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    caller::Tenant,
    http::{error::ApiError, filters::Filters},
    model::{Capabilities, ModelConfig, Protocol},
    ports::Platform,
    protocols::options,
};
use serde_json::{Map, Value, json};

use crate::{
    ask::Wire,
    offered::{self, Offered},
};

/// Lists what models can do, deprecated ones among them; of one model alone with `?model=`, by its
/// id or an alias.
pub(crate) async fn list(
    platform: Platform,
    Tenant(caller): Tenant,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let id = filters.text("model");
    filters.finish()?;
    let caller = caller.current(&platform).await?;
    let models = match id {
        Some(id) => vec![offered::named(&platform, &caller, &id).await?],
        None => offered::all(&platform, &caller).await?,
    };
    let data: Vec<Value> = models.iter().map(shown).collect();
    Ok(Json(json!({"data": data})).into_response())
}

/// Everything but the price stands there as in the model's row; what is not known is null, or absent among
/// the flags.
fn shown(model: &Offered) -> Value {
    let config = &model.config;
    json!({
        "model_id": config.model_id.as_str(),
        "display_name": config.display_name,
        "provider_id": config.provider_id.as_str(),
        "status": config.status.as_str(),
        "protocol": config.protocol.as_str(),
        "capabilities": config.capabilities,
        "context_window": config.context_window,
        "max_output_tokens": config.max_output_tokens,
        "default_max_output_tokens": config.default_max_output_tokens,
        "on_unsupported": config.on_unsupported.as_str(),
        "clients": clients(config),
        "options": options::of_pictures(config),
        "pricing": config.pricing,
    })
}

/// By which of the callers' protocols a model is reached: `relayed` where its vendor speaks the same, else
/// `translated`.
fn clients(config: &ModelConfig) -> Map<String, Value> {
    let Capabilities { embeddings, text, .. } = config.capabilities;
    let road = |protocol: Option<Protocol>| {
        Value::from(if protocol == Some(config.protocol) { "relayed" } else { "translated" })
    };
    let mut clients = Map::new();
    if text == Some(true) {
        for wire in Wire::ALL {
            let name = wire.protocol().map_or("native", Protocol::as_str);
            clients.insert(name.to_owned(), road(wire.protocol()));
        }
    }
    let speaks = matches!(config.protocol, Protocol::GeminiEmbeddings | Protocol::OpenaiEmbeddings);
    if embeddings == Some(true) && speaks {
        let own = Protocol::OpenaiEmbeddings;
        clients.insert(own.as_str().to_owned(), road(Some(own)));
    }
    clients
}
