//! What a mapping would send for an input, with the key masked. Nothing is sent.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::encode::{PartValue, RenderedBody};
use super::render::RenderedRequest;
use super::variables::{Reserved, VariableError, Variables};
use super::{AuthScheme, PayloadMapping};

/// Stands where a key would.
const MASK: &str = "***";

/// A request as it would be sent, and how it came about.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Preview {
    /// The request; absent if there is an issue.
    pub request: Option<PreviewRequest>,
    /// What each variable became; of a file its type, name and size.
    pub variables: Map<String, Value>,
    /// Why there is no request, and what of the input was left out.
    pub issues: Vec<PreviewIssue>,
}

/// A request for the eye.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
            return Preview { request: None, variables: Map::new(), issues };
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
    Preview { request, variables: variables.to_value(), issues }
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
