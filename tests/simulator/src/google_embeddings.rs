//! `POST /v1beta/models/{model}:batchEmbedContents`: a vector for each content.
//!
//! Follows <https://ai.google.dev/api/embeddings#method:-models.batchembedcontents>.

use serde_json::{Map, Value, json};

use crate::endpoint::{Incoming, Plan, Reply};
use crate::google_errors::{self, invalid};
use crate::models::{self, ModelKind};
use crate::schema::{self, embeddings::GOOGLE};
use crate::vectors;

/// The most contents of one call.
const MOST: usize = 100;

/// `POST /v1beta/models/{model}:batchEmbedContents`.
pub(crate) fn batch(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    google_errors::authenticate(incoming)?;
    let name = incoming.path.rsplit('/').next().unwrap_or_default();
    let (id, method) = name.split_once(':').unwrap_or((name, ""));
    let model = models::find(incoming.vendor, ModelKind::Embedding, id)
        .ok_or_else(|| google_errors::no_such_model(id, method))?;
    let body = object(incoming)?;
    let requests = body.get("requests").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if requests.len() > MOST {
        let message = format!(
            "* BatchEmbedContentsRequest.requests: at most {MOST} requests can be in one batch"
        );
        return Err(invalid(&message));
    }
    let named = format!("models/{id}");
    let mut embeddings = Vec::with_capacity(requests.len());
    let mut texts = Vec::new();
    for (index, request) in requests.iter().enumerate() {
        if request.get("model").is_none_or(|model| *model != named) {
            let message = format!(
                "* BatchEmbedContentsRequest.requests[{index}].model: the model must be {named}"
            );
            return Err(invalid(&message));
        }
        let parts = request.pointer("/content/parts").and_then(Value::as_array);
        let said = parts.into_iter().flatten().filter_map(|part| part.get("text")?.as_str());
        let text = said.collect::<Vec<_>>().join("\n");
        let most = vectors::length(model.id);
        let wanted = request.get("outputDimensionality").and_then(Value::as_u64);
        let length = wanted.and_then(|wanted| usize::try_from(wanted).ok()).unwrap_or(most);
        embeddings.push(json!({ "values": vectors::vector(model.id, &text, length.min(most)) }));
        texts.push(text);
    }
    let answer = json!({ "embeddings": embeddings });
    Ok(Plan {
        prompt: texts.join(" "),
        stream: false,
        answer: Box::new(move |_| Reply::json(200, &answer)),
    })
}

fn object(incoming: &Incoming<'_>) -> Result<Map<String, Value>, Reply> {
    if !incoming.is_json() {
        return Err(invalid("Invalid content type: application/json is expected."));
    }
    let value: Value = serde_json::from_slice(incoming.body)
        .map_err(|error| invalid(&format!("Invalid JSON payload received. {error}")))?;
    let Value::Object(object) = value else {
        return Err(invalid("Invalid JSON payload received. Expected an object."));
    };
    schema::check(&object, GOOGLE).map_err(|finding| google_errors::misfit(&finding))?;
    Ok(object)
}
