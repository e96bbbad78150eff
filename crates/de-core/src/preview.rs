//! What a model would be sent for an input, down to the header, and not sent.
//!
//! The input is that of `POST /generate` (`prompt` or `messages`, `system`, `options`, `stream`); of a model that
//! speaks that of `POST /synthesize`, of one that makes vectors that of `POST /v1/embeddings`. A mapping also takes
//! its variables by name, side by side.
//! The request is written by the code that writes the real one; only the key is `***`.

use http::Method;
use serde_json::{Map, Value};

use crate::{
    calls::{ImageCall, SpeechCall, embedding::EmbeddingCall},
    chat::ChatCall,
    exchange::outbound,
    mapping::{
        PayloadMapping,
        preview::{self, Preview, PreviewIssue, PreviewRequest},
        variables::{Notice, Variables},
    },
    model::Modality,
    ports::{Outbound, Settings},
    protocols::{
        Draft, EmbeddingVendor, FieldIssue, SpeechVendor, mapped,
        native::{GenerateRequest, native_issue},
        native::{image::ImageRequest, speech::SynthesizeRequest},
        openai_embeddings::OpenAiEmbeddingCall,
    },
    registry::Model,
    secret::Secret,
};

/// Members of an input that our own protocol has.
const NATIVE: [&str; 7] =
    ["messages", "model", "model_id", "options", "prompt", "stream", "system"];

/// What bounds the output of a call that names no bound.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    /// Whether a limit of the caller counts tokens, so that there must be a bound. One of the model's own
    /// does so in any case.
    pub counted: bool,
    /// The instance's usual one.
    pub of_instance: Option<u64>,
}

/// Shows what a model would be sent. Pointers of issues lead into the input.
#[must_use]
pub fn of(
    model: &Model,
    input: &Map<String, Value>,
    bounds: Bounds,
    settings: &Settings,
) -> Preview {
    let mut seen = Preview { request: None, poll: None, variables: Map::new(), issues: Vec::new() };
    match request(model, input, bounds, settings, &mut seen) {
        Ok(request) => seen.request = Some(request),
        Err(issues) => seen.issues.extend(issues.into_iter().map(issue)),
    }
    seen
}

/// Reads an input as a call, as it is sent to this model: with a bound of the output where limits count
/// on there being one.
///
/// # Errors
/// What is wrong with the input.
pub fn call(
    model: &Model,
    input: &Map<String, Value>,
    bounds: Bounds,
) -> Result<ChatCall, Vec<FieldIssue>> {
    let request = GenerateRequest::parse(&Value::Object(input.clone()))?;
    if request.expected.is_some() {
        let reason = "is held against answers of POST /generate alone".to_owned();
        return Err(vec![FieldIssue { pointer: "/expect_json".to_owned(), reason }]);
    }
    let mut call = request.call;
    let counted = bounds.counted || model.config.rate_limits.tpm.is_some();
    if counted && model.vendor.bounds_output() && call.max_output_tokens.is_none() {
        call.max_output_tokens = Some(model.config.output_bound(bounds.of_instance));
    }
    Ok(call)
}

/// Reads an input as a call for pictures.
///
/// # Errors
/// What is wrong with the input.
pub fn pictures(input: &Map<String, Value>) -> Result<ImageCall, Vec<FieldIssue>> {
    ImageRequest::parse(input).map(|request| request.call)
}

/// Reads an input as a text to be spoken.
///
/// # Errors
/// What is wrong with the input.
pub fn speech(input: &Map<String, Value>) -> Result<SpeechCall, Vec<FieldIssue>> {
    SynthesizeRequest::parse(input).map(|request| request.call)
}

/// Reads an input as texts that shall become vectors.
///
/// # Errors
/// What is wrong with the input.
pub fn vectors(
    model: &Model,
    input: &Map<String, Value>,
) -> Result<EmbeddingCall, Vec<FieldIssue>> {
    let mut body = input.clone();
    // Which model it is stands elsewhere here.
    body.entry("model").or_insert_with(|| model.config.model_id.as_str().into());
    OpenAiEmbeddingCall::parse(&body).map(|read| read.call)
}

/// How a model speaks, by a protocol that is built in, if that is what it does.
#[must_use]
pub fn speaks(model: &Model) -> Option<&dyn SpeechVendor> {
    model.vendor.speech().filter(|_| is_built_in(model))
}

/// How a model makes vectors, by a protocol that is built in, if that is what it does.
#[must_use]
pub fn makes_vectors(model: &Model) -> Option<&dyn EmbeddingVendor> {
    model.vendor.embeddings().filter(|_| is_built_in(model))
}

fn is_built_in(model: &Model) -> bool {
    model.vendor.mapping().is_none() && model.config.capabilities.text != Some(true)
}

/// Whether a model makes pictures and no text.
#[must_use]
pub fn is_image(model: &Model) -> bool {
    model.config.works_in(Modality::Image) && !model.config.works_in(Modality::Text)
}

/// Whether an input is one of our own protocol.
#[must_use]
pub fn is_native(model: &Model, input: &Map<String, Value>) -> bool {
    let known = input.keys().all(|name| NATIVE.contains(&name.as_str()));
    model.vendor.mapping().is_none() || (model.config.works_in(Modality::Text) && known)
}

/// Writes the request for an input.
///
/// # Errors
/// What is wrong with the input.
pub fn draft(
    model: &Model,
    input: &Map<String, Value>,
    bounds: Bounds,
) -> Result<Draft, Vec<FieldIssue>> {
    match model.vendor.mapping() {
        Some(mapping) if !is_native(model, input) => {
            let (variables, left_out) = variables(model, mapping, input, bounds)?;
            let rendered = mapping.render(&variables).map_err(|err| whole(err.to_string()))?;
            let draft = mapped::draft(rendered, &mapped::boundary(&variables)).map_err(whole)?;
            Ok(Draft { dropped: left_out.iter().map(mapped::left_out_issue).collect(), ..draft })
        }
        Some(_) | None => {
            if let Some(vendor) = speaks(model) {
                return vendor.request(&speech(input)?, &model.target(0));
            }
            if let Some(vendor) = makes_vectors(model) {
                return vendor.request(&vectors(model, input)?, &model.target(0));
            }
            let target = model.target(model.config.output_bound(bounds.of_instance));
            if let Some(images) = model.vendor.images().filter(|_| is_image(model)) {
                return images.request(&pictures(input)?, &target);
            }
            let written = model.vendor.request(&call(model, input, bounds)?, &target);
            written.map_err(|issues| issues.into_iter().map(native_issue).collect())
        }
    }
}

fn request(
    model: &Model,
    input: &Map<String, Value>,
    bounds: Bounds,
    settings: &Settings,
    seen: &mut Preview,
) -> Result<PreviewRequest, Vec<FieldIssue>> {
    if !model.config.is_built() {
        let reason = format!("the protocol {} is not built yet", model.config.protocol);
        return Err(whole(reason));
    }
    let mut body = None;
    if let Some(mapping) = model.vendor.mapping() {
        let (variables, dropped) = variables(model, mapping, input, bounds)?;
        for Notice::DroppedOption { name } in dropped {
            let reason = "this model has no such option; it was left out".to_owned();
            seen.issues.push(PreviewIssue { pointer: format!("/options/{name}"), reason });
        }
        seen.variables = variables.to_value();
        seen.poll = preview::poll(mapping, &variables, preview::MADE_UP_JOB)
            .map_err(|err| whole(err.to_string()))?;
        let rendered = mapping.render(&variables).map_err(|err| whole(err.to_string()))?;
        // For the eye: the fields of a form, not its bytes.
        body = Some(preview::show(&rendered).body);
    }
    let draft = draft(model, input, bounds)?;
    let provider = &model.provider;
    let url = outbound::address(provider, draft.place, settings).map_err(whole)?;
    let mut sent = Outbound { body: draft.body, headers: draft.headers, method: draft.method, url };
    let masked = Secret::new("***".to_owned());
    outbound::attach(&mut sent, provider, draft.key_at, &masked).map_err(whole)?;
    Ok(shown(&sent, body))
}

/// The variables of an input, in either form.
fn variables(
    model: &Model,
    mapping: &PayloadMapping,
    input: &Map<String, Value>,
    bounds: Bounds,
) -> Result<(Variables, Vec<Notice>), Vec<FieldIssue>> {
    if is_native(model, input) {
        let target = model.target(model.config.output_bound(bounds.of_instance));
        return mapped::gather(mapping, &call(model, input, bounds)?, &target);
    }
    let mut flat = input.clone();
    if let Some(Value::Object(options)) = flat.shift_remove("options") {
        flat.extend(options);
    }
    flat.entry("model").or_insert_with(|| model.config.upstream_model.as_str().into());
    flat.entry("stream").or_insert(Value::Bool(false));
    preview::gather(mapping, &flat).map_err(|errors| {
        let told = |error: &crate::mapping::variables::VariableError| FieldIssue {
            pointer: format!("/{}", error.name()),
            reason: error.to_string(),
        };
        errors.iter().map(told).collect()
    })
}

/// A request for the eye. `body` is what a mapping says of it; else it is the JSON that is sent.
fn shown(sent: &Outbound, body: Option<Option<Value>>) -> PreviewRequest {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = sent.headers.iter();
    let headers = headers.map(|(name, value)| (name.as_str().to_owned(), text(value).into()));
    let of_bytes = || (sent.method != Method::GET).then(|| crate::json::parse(&sent.body).ok())?;
    PreviewRequest {
        method: sent.method.to_string(),
        url: sent.url.to_string(),
        headers: headers.collect(),
        body: body.unwrap_or_else(of_bytes),
    }
}

fn whole(reason: String) -> Vec<FieldIssue> {
    vec![FieldIssue { pointer: String::new(), reason }]
}

fn issue(issue: FieldIssue) -> PreviewIssue {
    PreviewIssue { pointer: issue.pointer, reason: issue.reason }
}
