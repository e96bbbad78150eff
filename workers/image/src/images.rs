//! `POST /v1/images/generations` and `/v1/images/edits`: OpenAI's protocol, to vendors of any.

use axum::{
    Json,
    extract::Request,
    response::{IntoResponse, Response},
};
use de_core::{
    caller::{Caller, Tenant},
    exchange::LeftOut,
    http::{
        error::ApiError,
        extract::{Body, Incoming},
        once,
        turn::Entrance,
        upload::{Form, Limits, Upload},
    },
    jobs::View,
    model::Protocol,
    ports::Platform,
    protocols::openai_images::{AnswerForm, ImagesRequest},
    receipt::Usage,
    snapshot::{self, Named},
};
use serde_json::{Map, Value, json};

use crate::{
    buy::{Ask, Wire, entrance, serve},
    inline,
    pictures::{self, Picture},
};

/// What an isolate can take in and send on: it holds the files, and the form that is made of them.
const LIMITS: Limits = Limits { field: "/image", file: FILES, files: FILES };
/// All files of a form, in bytes.
const FILES: usize = 32 * 1024 * 1024;

/// Makes pictures of a prompt.
pub(crate) async fn generations(
    platform: Platform,
    Tenant(caller): Tenant,
    incoming: Incoming,
    body: Body,
) -> Result<Response, ApiError> {
    let entrance = entrance("POST /v1/images/generations").with_body(&body);
    let read = body
        .into_object()
        .and_then(|body| ImagesRequest::parse(&body).map_err(|issues| ApiError::fields(&issues)));
    serve(&platform, caller, &incoming, entrance, read.map(ask)).await
}

/// Makes pictures of others. The files of a call may have 32 MiB together.
pub(crate) async fn edits(
    platform: Platform,
    Tenant(caller): Tenant,
    incoming: Incoming,
    request: Request,
) -> Result<Response, ApiError> {
    let unread = entrance("POST /v1/images/edits");
    // No form is read for whoever may not send it.
    let caller = unread.entitled(&platform, caller, &incoming).await?;
    let upload = Upload::read(request, LIMITS).await;
    let size_bytes = upload.size_bytes();
    let form = upload.into_form();
    // Only a claim wants it.
    let is_claimed = incoming.headers.contains_key(once::HEADER);
    let digest = form.as_ref().ok().filter(|_| is_claimed).map(Form::digest);
    let entrance = Entrance { digest, size_bytes, ..unread };
    let read = form
        .and_then(|form| ImagesRequest::of_form(form).map_err(|issues| ApiError::fields(&issues)));
    serve(&platform, caller, &incoming, entrance, read.map(ask)).await
}

/// How a caller wants its answer, and what it asked for that the answer repeats.
#[derive(Clone)]
pub(crate) struct Wish {
    form: Option<AnswerForm>,
    options: Map<String, Value>,
}

fn ask(request: ImagesRequest) -> Ask {
    let wish = Wish { form: request.answer, options: request.call.options.clone() };
    Ask {
        call: request.call,
        instance_id: None,
        model: request.model,
        project_id: None,
        wire: Wire::OpenAi(wish),
    }
}

/// Answers with what a job has made.
///
/// # Errors
/// `INTERNAL_ERROR` with `job_id`, as [`pictures::of`]; also where the first picture cannot be read.
pub(crate) async fn answer(
    platform: &Platform,
    caller: &Caller,
    wish: Wish,
    view: &View,
) -> Result<Response, ApiError> {
    let pictures = pictures::of(platform, view).await?;
    let about = about(platform, &wish.options, &pictures);
    let usage = view.usage.as_ref().and_then(usage);
    let form = match wish.form {
        Some(form) => form,
        None => usual(platform, caller, view).await,
    };
    match form {
        AnswerForm::Base64 => inline::answer(platform, about, pictures, usage)
            .await
            .map_err(|err| err.with("job_id", view.id.as_str())),
        AnswerForm::Url => Ok(Json(linked(about, &pictures, usage)).into_response()),
    }
}

/// GPT image models answer with the picture itself, and SDKs count on it; others link to it. What counts is who
/// made the pictures: its id here is its operator's choice.
async fn usual(platform: &Platform, caller: &Caller, view: &View) -> AnswerForm {
    let Some(id) = &view.model_id else { return AnswerForm::Url };
    let (organization, instance) = (caller.organization_id(), caller.instance_id());
    let found =
        snapshot::model(platform, organization, instance, id.as_str(), caller.epochs()).await;
    // That its row was removed since is no reason to lose what is paid for: a link says where it is.
    let Ok(Named::Model(model)) = found else { return AnswerForm::Url };
    let is_gpt_image = model.config.protocol == Protocol::OpenaiImages
        && model.config.upstream_model.contains("gpt-image");
    if is_gpt_image { AnswerForm::Base64 } else { AnswerForm::Url }
}

/// What is told of all pictures: what they are, and what of the request is known to have been done.
fn about(
    platform: &Platform,
    options: &Map<String, Value>,
    pictures: &[Picture],
) -> Map<String, Value> {
    let mut about = Map::new();
    let mut tell = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            about.insert(name.to_owned(), value);
        }
    };
    let asked = |name: &str| {
        let word = options.get(name).filter(|word| word.as_str() != Some("auto"));
        word.cloned()
    };
    let first = pictures.first();
    tell("created", Some((platform.clock.now().0 / 1_000).into()));
    tell("background", asked("background"));
    tell("output_format", first.map(|picture| picture.format().into()));
    tell("quality", asked("quality"));
    tell("size", first.and_then(Picture::dimensions).map(Value::from));
    about
}

fn linked(mut about: Map<String, Value>, pictures: &[Picture], usage: Option<Value>) -> Value {
    let data = pictures.iter().map(|picture| {
        let mut item = Map::new();
        item.insert("url".to_owned(), picture.link.url.as_str().into());
        if let Some(prompt) = &picture.output.revised_prompt {
            item.insert("revised_prompt".to_owned(), prompt.as_str().into());
        }
        Value::Object(item)
    });
    about.insert("data".to_owned(), data.collect());
    if let Some(usage) = usage {
        about.insert("usage".to_owned(), usage);
    }
    Value::Object(about)
}

/// Tokens as OpenAI counts them; `None` where the vendor counts none.
fn usage(usage: &Usage) -> Option<Value> {
    if usage.total_tokens() == 0 {
        return None;
    }
    let seen = usage.image_input_tokens.saturating_add(usage.cached_image_input_tokens);
    let read = usage.total_input_tokens().saturating_sub(seen);
    Some(json!({
        "input_tokens": usage.total_input_tokens(),
        "input_tokens_details": {"text_tokens": read, "image_tokens": seen},
        "output_tokens": usage.total_output_tokens(),
        "output_tokens_details": {
            "text_tokens": usage.output_tokens,
            "image_tokens": usage.image_output_tokens,
        },
        "total_tokens": usage.total_tokens(),
    }))
}

/// What of a call was left out, as OpenAI's body has it.
pub(crate) fn left_out(view: &View) -> LeftOut {
    // A job knows its order by our own words.
    let of_body = |name: &String| name.strip_prefix("options/").unwrap_or(name).to_owned();
    LeftOut {
        dropped: view.dropped.iter().map(of_body).collect(),
        warnings: view.warnings.iter().map(of_body).collect(),
    }
}

/// Names fields as OpenAI's body has them: what is an option of ours is a member of its.
pub(crate) fn in_openai_words(error: ApiError) -> ApiError {
    error.renamed(|pointer| match pointer.strip_prefix("/options/") {
        Some("num_images") => "/n".to_owned(),
        Some(option) => format!("/{option}"),
        None => pointer.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use de_core::{http::error::Code, jobs::Fault, protocols::FieldIssue};

    use super::*;

    #[test]
    fn fields_are_named_as_the_caller_has_them() {
        let issue = |pointer: &str| FieldIssue { pointer: pointer.into(), reason: "no".into() };
        let ours = [issue("/options/num_images"), issue("/options/size"), issue("/prompt")];
        let told = in_openai_words(ApiError::fields(&ours).with("job_id", "job_1"));
        let fields: Vec<&Value> =
            told.details()["fields"].as_array().unwrap().iter().map(|f| &f["field"]).collect();
        assert_eq!(fields, ["/n", "/size", "/prompt"]);
        assert_eq!(told.details()["job_id"], "job_1");
        assert_eq!(told.message(), "/n: no (and 2 more)");
        let one =
            ApiError::new(Code::BodyTooLarge, "it is too long").with("field", "/options/user");
        let one = in_openai_words(one);
        assert_eq!((&one.details()["field"], one.message()), (&json!("/user"), "it is too long"));
    }

    #[test]
    fn what_else_an_error_says_stays() {
        let issue = FieldIssue { pointer: "/options/size".into(), reason: "no".into() };
        let wait = Duration::from_secs(7);
        let error = ApiError::beyond("m", &[issue]).for_good().retry_after(wait);
        let told = in_openai_words(error);
        assert_eq!((told.code(), told.message()), (Code::ModelCapability, "/size: no"));
        let kept = Fault::from(&told);
        assert_eq!((kept.is_final, kept.retry_after_ms), (true, Some(7_000)));
        assert_eq!(told.details()["model"], "m");
    }
}
