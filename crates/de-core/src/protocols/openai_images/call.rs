//! The caller's side: `POST /v1/images/generations` in JSON, `POST /v1/images/edits` as a form with files.

use serde_json::{Map, Value};

use super::super::{
    FieldIssue,
    fields::{Fields, Issues},
    native::image::{count, prompt_of},
};
use crate::{
    calls::{File, ImageCall},
    http::upload::{Form, Part},
    media::{self, MediaKind},
};

/// What is read here; every other member is an option, which the model's vendor takes, refuses or drops.
const READ: [&str; 7] =
    ["model", "n", "partial_images", "prompt", "response_format", "stream", "user"];

/// The most pictures of an edit.
const MOST_PICTURES: usize = 16;

/// A request for pictures, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImagesRequest {
    /// How the caller wants its pictures; absent: as the model's own API has them.
    pub answer: Option<AnswerForm>,
    /// What is asked.
    pub call: ImageCall,
    /// The model or alias; absent where the instance's default shall serve.
    pub model: Option<String>,
}

/// How pictures are answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AnswerForm {
    /// `b64_json`: in the answer.
    Base64,
    /// `url`: linked to.
    Url,
}

impl ImagesRequest {
    /// Reads a body in JSON.
    ///
    /// # Errors
    /// Every fault, with its place: the caller's.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Vec<FieldIssue>> {
        let mut issues = Issues::default();
        let request = read(body, &mut issues);
        issues.or(request)
    }

    /// Reads a form: `image` or `image[]`, up to 16 of them, `mask`, and the fields of a JSON body as texts.
    /// What a file is, its bytes say.
    ///
    /// # Errors
    /// Every fault, with its place: the caller's.
    pub fn of_form(mut form: Form) -> Result<Self, Vec<FieldIssue>> {
        let mut issues = Issues::default();
        let images = form.take_files(&["image", "image[]"]);
        if images.is_empty() {
            issues.add("/image", "required: at least one picture, as a file");
        }
        if images.len() > MOST_PICTURES {
            issues.add("/image", format!("at most {MOST_PICTURES} pictures"));
        }
        let images = images.into_iter().filter_map(|part| picture("/image", part, &mut issues));
        let images = images.collect();
        let mut masks = form.take_files(&["mask"]);
        if masks.len() > 1 {
            issues.add("/mask", "stands more than once");
        }
        let mask = masks.pop().and_then(|part| picture("/mask", part, &mut issues));
        for name in form.file_names() {
            issues.add(format!("/{name}"), "is no file of this call");
        }
        let fields = fields(form.into_texts(), &mut issues);
        let mut request = read(&fields, &mut issues);
        request.call.images = images;
        request.call.mask = mask;
        issues.or(request)
    }
}

fn read(body: &Map<String, Value>, issues: &mut Issues) -> ImagesRequest {
    let body = Fields::in_object("", body);
    let model = body.string("model", issues);
    if model.is_some_and(|model| model.trim().is_empty()) {
        issues.add("/model", "must not be blank");
    }
    let prompt = body.required_string("prompt", issues).unwrap_or("-");
    let answer = body.word("response_format", &["url", "b64_json"], issues);
    if body.boolean("stream", issues) == Some(true) {
        issues.add("/stream", "pictures are not streamed; leave it out");
    }
    if body.count("partial_images", 0, issues).is_some_and(|count| count > 0) {
        issues.add("/partial_images", "pictures are not streamed; leave it out");
    }
    let mut options = body.others(&READ);
    options.retain(|_, value| !value.is_null());
    ImagesRequest {
        answer: answer.map(|word| match word {
            "url" => AnswerForm::Url,
            _ => AnswerForm::Base64,
        }),
        call: ImageCall {
            images: Vec::new(),
            mask: None,
            n: count(&body, &["n"], issues),
            options,
            prompt: prompt_of(&body, prompt, issues),
            user: body.string("user", issues).map(str::to_owned),
        },
        model: model.map(str::to_owned),
    }
}

/// The texts of a form with the types that they have in JSON. An empty one counts as absent.
fn fields(texts: Vec<(String, String)>, issues: &mut Issues) -> Map<String, Value> {
    let mut fields = Map::new();
    for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        let number = || text.parse::<i64>().ok().map(Value::from);
        let flag = || text.parse::<bool>().ok().map(Value::from);
        let typed = match name.as_str() {
            "n" | "output_compression" | "partial_images" | "seed" => number(),
            "stream" => flag(),
            _ => None,
        };
        if fields.contains_key(&name) {
            issues.add(format!("/{name}"), "stands more than once");
        }
        fields.insert(name, typed.unwrap_or(Value::String(text)));
    }
    fields
}

fn picture(pointer: &str, part: Part, issues: &mut Issues) -> Option<File> {
    match media::expect(MediaKind::Image, &part.bytes) {
        Ok(kind) => Some(File {
            bytes: part.bytes,
            content_type: kind.content_type().to_owned(),
            file_name: part.file_name,
            storage_key: None,
        }),
        Err(err) => {
            issues.add(pointer, err.to_string());
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

    fn parse(body: Value) -> Result<ImagesRequest, Vec<FieldIssue>> {
        ImagesRequest::parse(body.as_object().unwrap())
    }

    fn pointers(refused: Result<ImagesRequest, Vec<FieldIssue>>) -> Vec<String> {
        refused.unwrap_err().into_iter().map(|issue| issue.pointer).collect()
    }

    #[test]
    fn a_body_is_read() {
        let request = parse(json!({
            "model": "gpt-image-2", "prompt": "A kite", "n": 3, "size": "auto", "user": "u",
            "response_format": "b64_json", "stream": false, "partial_images": 0, "style": null,
            "later": [1]
        }))
        .unwrap();
        assert_eq!(request.answer, Some(AnswerForm::Base64));
        assert_eq!((request.call.n, request.call.user.as_deref()), (3, Some("u")));
        assert_eq!(Value::Object(request.call.options), json!({"size": "auto", "later": [1]}));
        assert_eq!(parse(json!({"prompt": "A kite"})).unwrap().model, None);
    }

    #[test]
    fn every_fault_is_named() {
        let refused = parse(json!({
            "model": "", "n": 11, "response_format": "png", "stream": true, "partial_images": 1
        }));
        let expected =
            ["/model", "/prompt", "/response_format", "/stream", "/partial_images", "/n"];
        assert_eq!(pointers(refused), expected);
    }

    fn file(name: &str, bytes: &'static [u8]) -> Part {
        Part {
            bytes: Bytes::from_static(bytes),
            claimed_type: Some("text/html".to_owned()),
            file_name: Some("a.gif".to_owned()),
            name: name.to_owned(),
        }
    }

    fn text(name: &str, text: &str) -> (String, String) {
        (name.to_owned(), text.to_owned())
    }

    #[test]
    fn a_form_is_read_and_its_files_are_what_their_bytes_say() {
        let texts = vec![
            text("prompt", "A kite"),
            text("n", "2"),
            text("output_compression", "50"),
            text("stream", "false"),
            text("size", "1024x1024"),
            text("quality", ""),
        ];
        let files = vec![file("image[]", PNG), file("mask", PNG), file("image", PNG)];
        let request = ImagesRequest::of_form(Form::of(texts, files)).unwrap();
        assert_eq!((request.call.images.len(), request.call.n), (2, 2));
        assert_eq!(request.call.images[0].content_type, "image/png");
        assert_eq!(request.call.mask.unwrap().bytes, PNG);
        let expected = json!({"output_compression": 50, "size": "1024x1024"});
        assert_eq!(Value::Object(request.call.options), expected);
    }

    #[test]
    fn every_fault_of_a_form_is_named() {
        let texts =
            vec![text("n", "two"), text("stream", "true"), text("size", "a"), text("size", "b")];
        let files =
            vec![file("image", b"<html>"), file("mask", PNG), file("mask", PNG), file("x", PNG)];
        let refused = ImagesRequest::of_form(Form::of(texts, files));
        assert_eq!(
            pointers(refused),
            ["/image", "/mask", "/x", "/size", "/prompt", "/stream", "/n"]
        );
        let many = std::iter::repeat_with(|| file("image[]", PNG)).take(17).collect();
        let refused = ImagesRequest::of_form(Form::of(vec![text("prompt", "x")], many));
        assert_eq!(pointers(refused), ["/image"]);
        let none = ImagesRequest::of_form(Form::of(vec![text("prompt", "x")], Vec::new()));
        assert_eq!(pointers(none), ["/image"]);
    }
}
