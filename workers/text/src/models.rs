//! `GET /v1/models`: what a key may call, in OpenAI's shape, or in Anthropic's for its SDKs.

use axum::{
    Json,
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use de_core::{
    caller::Tenant,
    http::{
        error::{ApiError, Code},
        extract::{Incoming, PathText},
    },
    ids::ModelId,
    model::{Modality, ModelConfig, Status},
    ports::{Platform, rows},
    protocols::FieldIssue,
    store::{
        models::{ModelQuery, ModelRow, list as list_models},
        pages::PageQuery,
        provider_keys::{self, ProviderKeyRow},
    },
};
use serde_json::{Value, json};

/// How many pages of 200 are read: more models than that are not listed by any SDK's one call.
const PAGES: usize = 10;

/// Lists the models that the key may call. Deprecated ones work, and are not offered unless
/// `?include=deprecated` asks for them.
pub(crate) async fn list(
    State(platform): State<Platform>,
    Tenant(caller): Tenant,
    Query(query): Query<Vec<(String, String)>>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let with_deprecated = with_deprecated(&query)?;
    let caller = caller.current(&platform).await?;
    let mut models = Vec::new();
    let mut after = None;
    for _ in 0..PAGES {
        let query = ModelQuery {
            allowed: caller.key().allowed_models.as_deref(),
            organization: Some(caller.organization_id()),
            page: PageQuery { after, limit: 200 },
            without_disabled: true,
            ..ModelQuery::default()
        };
        let read: Vec<ModelRow> = rows(&*platform.database, list_models(&query)).await?;
        let full = read.len() > 200;
        let page = query.page.page(read, |row| row.model_id.as_str());
        after = page.data.last().map(|row| row.model_id.as_str().to_owned());
        models.extend(page.data);
        if !full {
            break;
        }
    }
    // A row that cannot be read hurts no other.
    let configs = models.iter().filter_map(|row| Some((row, row.parse().ok()?)));
    let keys: Vec<ProviderKeyRow> =
        rows(&*platform.database, provider_keys::of_instance(caller.instance_id())).await?;
    let has_key = |config: &ModelConfig| {
        keys.iter().any(|key| key.provider_id == config.provider_id && key.is_usable())
    };
    // What cannot be called is not offered: no code for its protocol, no key for its provider.
    let offered = configs.filter(|(_, config)| {
        (with_deprecated || config.status != Status::Deprecated)
            && config.protocol.is_built_for(Modality::Text)
            && config.works_in(Modality::Text)
            && has_key(config)
    });
    let anthropic = is_anthropic(&incoming);
    let data: Vec<Value> = offered.map(|(row, config)| shown(row, &config, anthropic)).collect();
    let id = |model: Option<&Value>| model.and_then(|model| model.get("id").cloned());
    let body = if anthropic {
        json!({"first_id": id(data.first()), "has_more": false, "last_id": id(data.last()), "data": data})
    } else {
        json!({"object": "list", "data": data})
    };
    Ok(Json(body).into_response())
}

/// Whether a list shall hold the deprecated ones. SDKs send parameters of their own, which are not ours to
/// refuse.
fn with_deprecated(query: &[(String, String)]) -> Result<bool, ApiError> {
    match query.iter().find(|(name, _)| name == "include").map(|(_, word)| word.as_str()) {
        None => Ok(false),
        Some("deprecated") => Ok(true),
        Some(_) => {
            let issue = FieldIssue {
                pointer: "?include".to_owned(),
                reason: "expected deprecated".to_owned(),
            };
            Err(ApiError::fields(&[issue]))
        }
    }
}

/// Shows one model. Its id may have slashes, plain or percent-encoded.
pub(crate) async fn read(
    State(platform): State<Platform>,
    Tenant(caller): Tenant,
    PathText(id): PathText,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let caller = caller.current(&platform).await?;
    let unknown = || ApiError::new(Code::ModelNotFound, "there is no such model");
    let id = ModelId::parse(&id).map_err(|_| unknown())?;
    let allowed = [id];
    let query = ModelQuery {
        allowed: Some(&allowed),
        organization: Some(caller.organization_id()),
        without_disabled: true,
        ..ModelQuery::default()
    };
    let mut found: Vec<ModelRow> = rows(&*platform.database, list_models(&query)).await?;
    let row = found.pop().ok_or_else(unknown)?;
    let config = row.parse().map_err(|_| unknown())?;
    // `current` has asked the Limiter how old the copy is.
    caller.may_call(&config.model_id)?;
    Ok(Json(shown(&row, &config, is_anthropic(&incoming))).into_response())
}

fn is_anthropic(incoming: &Incoming) -> bool {
    incoming.headers.contains_key("anthropic-version")
}

/// One entry. What is not simply active says so, in a member that neither vendor has.
fn shown(row: &ModelRow, config: &ModelConfig, anthropic: bool) -> Value {
    let mut entry = if anthropic {
        json!({
            "type": "model",
            "id": row.model_id.as_str(),
            "display_name": config.display_name,
            "created_at": row.created_at.rfc3339(),
            "max_input_tokens": config.context_window,
            "max_tokens": config.max_output_tokens,
        })
    } else {
        json!({
            "id": row.model_id.as_str(),
            "object": "model",
            "created": row.created_at.0 / 1_000,
            "owned_by": config.provider_id.as_str(),
        })
    };
    if let (Some(members), true) = (entry.as_object_mut(), config.status != Status::Active) {
        members.insert("status".to_owned(), config.status.as_str().into());
    }
    entry
}
