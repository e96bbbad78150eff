//! What a mapping would send for an input, with the key masked. Nothing is sent.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::encode::{PartValue, RenderedBody};
use super::poll::{PollError, Polling};
use super::render::RenderedRequest;
use super::variables::{Reserved, VariableError, Variables};
use super::{AuthScheme, PayloadMapping};

/// Stands where a key would.
const MASK: &str = "***";
/// What a vendor might call a job.
pub(crate) const MADE_UP_JOB: &str = "made-up-job";

/// A request as it would be sent, and how it came about.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub struct Preview {
    /// The request; absent if there is an issue.
    pub request: Option<PreviewRequest>,
    /// How the job would be followed; absent if the mapping polls nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poll: Option<PreviewPoll>,
    /// What each variable became; of a file its type, name and size.
    pub variables: Map<String, Value>,
    /// Why there is no request, and what of the input was left out.
    pub issues: Vec<PreviewIssue>,
}

/// The requests about a job, for one with a made-up id.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub struct PreviewPoll {
    /// The id in them: the input's `job_id`, else one made up.
    pub job_id: String,
    /// Between two polls, in milliseconds.
    pub every_ms: u64,
    /// For the whole job, in milliseconds.
    pub timeout_ms: u64,
    /// What asks for the job's state.
    pub request: PreviewRequest,
    /// What fetches the result, where the state does not hold it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_request: Option<PreviewRequest>,
    /// What stops the job, where the vendor can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel: Option<PreviewRequest>,
}

/// A request for the eye.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub struct PreviewRequest {
    /// The method.
    pub method: String,
    /// The URL, a key in it masked.
    pub url: String,
    /// The headers in order, a key in them masked.
    pub headers: Map<String, Value>,
    /// The body: JSON as it is, fields of a form as an object; absent if there is none.
    pub body: Option<Value>,
}

/// Something about the input.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub struct PreviewIssue {
    /// Where in the input, as a JSON Pointer; empty for the whole.
    pub pointer: String,
    /// What.
    pub reason: String,
}

/// Runs a mapping up to the point of sending.
pub(crate) fn run(mapping: &PayloadMapping, input: &Map<String, Value>) -> Preview {
    let mut issues = Vec::new();
    let (variables, notices) = match gather(mapping, input) {
        Ok(gathered) => gathered,
        Err(errors) => {
            let issues = errors.iter().map(|error| issue(error.name(), error)).collect();
            return Preview { request: None, poll: None, variables: Map::new(), issues };
        }
    };
    for super::variables::Notice::DroppedOption { name } in &notices {
        issues.push(issue(name, "this model has no such option; it was left out"));
    }
    let request = match mapping.render(&variables) {
        Ok(mut request) => {
            mask(&mut request, &mapping.auth);
            Some(show(&request))
        }
        Err(error) => {
            issues.push(PreviewIssue { pointer: String::new(), reason: error.to_string() });
            None
        }
    };
    let job_id = input.get("job_id").and_then(Value::as_str).unwrap_or(MADE_UP_JOB);
    let poll = poll(mapping, &variables, job_id).unwrap_or_else(|error| {
        issues.push(PreviewIssue { pointer: String::new(), reason: error.to_string() });
        None
    });
    Preview { request, poll, variables: variables.to_value(), issues }
}

/// The requests about a job of this id, the key masked; `None` if the mapping polls nothing.
pub(crate) fn poll(
    mapping: &PayloadMapping,
    variables: &Variables,
    job_id: &str,
) -> Result<Option<PreviewPoll>, PollError> {
    let polling = Polling::resume(Arc::new(mapping.clone()), variables, job_id)?;
    polling.map(|polling| follow(&polling, job_id, &mapping.auth)).transpose()
}

fn follow(polling: &Polling, job_id: &str, auth: &AuthScheme) -> Result<PreviewPoll, PollError> {
    let masked = |mut request: RenderedRequest| {
        mask(&mut request, auth);
        show(&request)
    };
    let (request, result_request) = polling.requests()?;
    Ok(PreviewPoll {
        job_id: job_id.to_owned(),
        every_ms: polling.every_ms(),
        timeout_ms: polling.timeout_ms(),
        request: masked(request),
        result_request: result_request.map(masked),
        cancel: polling.cancel().map(masked),
    })
}

fn issue(name: &str, reason: impl ToString) -> PreviewIssue {
    PreviewIssue { pointer: super::issue::at("", name), reason: reason.to_string() }
}

/// Sorts an input into values of ours and options, and gathers the variables.
pub(crate) fn gather(
    mapping: &PayloadMapping,
    input: &Map<String, Value>,
) -> Result<(Variables, Vec<super::variables::Notice>), Vec<VariableError>> {
    let mut options = input.clone();
    let mut errors = Vec::new();
    let mut text = |name: &str| match options.shift_remove(name) {
        Some(Value::String(text)) => Some(text),
        None | Some(Value::Null) => None,
        Some(other) => {
            errors.push(VariableError::WrongType {
                name: name.to_owned(),
                expected: "a string",
                found: crate::json::type_name(&other),
            });
            None
        }
    };
    let prompt = text("prompt");
    let mut reserved = Reserved {
        files: Vec::new(),
        job_id: text("job_id"),
        messages: None,
        model: text("model"),
        request_id: text("request_id"),
        stream: None,
        system: text("system"),
        user: text("user"),
        user_prompt: text("user_prompt").or(prompt),
        user_text: text("user_text"),
    };
    reserved.messages = options.shift_remove("messages");
    reserved.stream = match options.shift_remove("stream") {
        None | Some(Value::Null) => None,
        Some(Value::Bool(stream)) => Some(stream),
        Some(other) => {
            errors.push(VariableError::WrongType {
                name: "stream".to_owned(),
                expected: "a boolean",
                found: crate::json::type_name(&other),
            });
            None
        }
    };
    if errors.is_empty() { mapping.variables(reserved, &options) } else { Err(errors) }
}

/// Puts the mask wherever the key will stand.
fn mask(request: &mut RenderedRequest, auth: &AuthScheme) {
    if !request.key_at.is_empty() {
        request.insert_key(MASK);
        return;
    }
    match auth {
        AuthScheme::Bearer => {
            request.headers.push(("authorization".to_owned(), format!("Bearer {MASK}")));
        }
        AuthScheme::Header { name } => {
            request.headers.push((name.to_ascii_lowercase(), MASK.to_owned()));
        }
        AuthScheme::Query { name } => {
            request.url.query_pairs_mut().append_pair(name, MASK);
        }
    }
}

/// Shows a request as JSON.
pub(crate) fn show(request: &RenderedRequest) -> PreviewRequest {
    let mut headers = Map::new();
    let (content_type, body) = match &request.body {
        RenderedBody::None => (None, None),
        RenderedBody::Json { content_type, value } => {
            (Some(content_type.as_str()), Some(value.clone()))
        }
        RenderedBody::Form(pairs) => {
            let pairs = pairs.iter().map(|(name, text)| (name, Value::from(text.as_str())));
            (Some("application/x-www-form-urlencoded"), Some(collect(pairs)))
        }
        RenderedBody::Multipart(parts) => {
            let parts = parts.iter().map(|part| {
                let value = match &part.value {
                    PartValue::Text(text) => Value::from(text.as_str()),
                    PartValue::File(file) => json!({
                        "content_type": file.content_type,
                        "filename": file.filename,
                        "size_bytes": file.data.len(),
                    }),
                };
                (&part.name, value)
            });
            (Some("multipart/form-data"), Some(collect(parts)))
        }
    };
    if let Some(content_type) = content_type {
        headers.insert("content-type".to_owned(), content_type.into());
    }
    for (name, value) in &request.headers {
        headers.insert(name.clone(), value.as_str().into());
    }
    let (method, url) = (request.method.to_string(), request.url.to_string());
    PreviewRequest { method, url, headers, body }
}

/// Fields as an object; a name that stands several times holds a list.
fn collect<'a>(fields: impl Iterator<Item = (&'a String, Value)>) -> Value {
    let mut object = Map::new();
    for (name, value) in fields {
        match object.get_mut(name) {
            None => drop(object.insert(name.clone(), value)),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Value::Object(object)
}
