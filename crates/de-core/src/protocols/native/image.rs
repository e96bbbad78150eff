//! Our own protocol for pictures: `POST /generate` of the image worker.
//!
//! Strict where it is ours: unknown fields are refused by name. What stands in `options` is the model's to
//! know: its vendor takes, refuses or drops each by name.

use serde_json::{Map, Value};

use crate::{
    calls::ImageCall,
    protocols::{
        FieldIssue,
        fields::{Fields, Issues},
        native,
    },
};

const FIELDS: [&str; 6] = ["instance_id", "model", "model_id", "options", "project_id", "prompt"];

/// More than any vendor makes in one call.
const MOST: u64 = 10;

/// A request for pictures, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageRequest {
    /// What is asked.
    pub call: ImageCall,
    /// Repeats the caller's instance, or is refused by whoever knows that.
    pub instance_id: Option<String>,
    /// The model or alias; absent where the instance's default shall serve.
    pub model_id: Option<String>,
    /// Repeats the caller's project, or is refused by whoever knows that.
    pub project_id: Option<String>,
}

impl ImageRequest {
    /// Reads a body: `prompt`, `model_id` (or `model`), `instance_id`, `project_id`, `options` with
    /// `num_images` (or `n`) and whatever the model takes.
    ///
    /// # Errors
    /// Every fault, with its place: the caller's.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Vec<FieldIssue>> {
        let mut issues = Issues::default();
        let body = Fields::in_object("", body);
        body.refuse_unknown(&FIELDS, &mut issues);
        let text = |name, issues: &mut Issues| body.string(name, issues).map(str::to_owned);
        let mut request = Self {
            call: ImageCall { n: 1, ..ImageCall::default() },
            instance_id: text("instance_id", &mut issues),
            model_id: native::model(&body, &mut issues),
            project_id: text("project_id", &mut issues),
        };
        if let Some(prompt) = body.required_string("prompt", &mut issues) {
            request.call.prompt = prompt_of(&body, prompt, &mut issues);
        }
        if let Some(options) = body.object("options", &mut issues) {
            request.call.n = count(&options, &["num_images", "n"], &mut issues);
            request.call.options = options.others(&["num_images", "n"]);
            request.call.options.retain(|_, value| !value.is_null());
        }
        issues.or(request)
    }
}

/// A prompt that says something.
pub(in crate::protocols) fn prompt_of(
    body: &Fields<'_>,
    prompt: &str,
    issues: &mut Issues,
) -> String {
    if prompt.trim().is_empty() {
        issues.add(body.at("prompt"), "must not be blank");
    }
    prompt.to_owned()
}

/// How many pictures, by the first of these names that is there; 1 if none is.
pub(in crate::protocols) fn count(fields: &Fields<'_>, names: &[&str], issues: &mut Issues) -> u32 {
    let Some(name) = names.iter().find(|name| fields.has(name)) else { return 1 };
    let Some(count) = fields.count(name, 1, issues) else { return 1 };
    if count > MOST {
        issues.add(fields.at(name), format!("expected a whole number from 1 to {MOST}"));
    }
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: Value) -> Result<ImageRequest, Vec<FieldIssue>> {
        ImageRequest::parse(body.as_object().unwrap())
    }

    #[test]
    fn a_body_is_read() {
        let request = parse(json!({
            "prompt": "A kite", "model": "gpt-image-2", "instance_id": "inst_1", "project_id": null,
            "options": {"num_images": 2, "seed": 0, "style": null, "quality": "low"}
        }))
        .unwrap();
        assert_eq!((request.call.n, request.call.prompt.as_str()), (2, "A kite"));
        assert_eq!(Value::Object(request.call.options), json!({"seed": 0, "quality": "low"}));
        assert_eq!(request.model_id.as_deref(), Some("gpt-image-2"));
        assert_eq!(parse(json!({"prompt": "A kite"})).unwrap().call.n, 1);
    }

    #[test]
    fn c31_every_fault_is_named_at_once() {
        let refused = parse(json!({
            "prompt": " ", "model": "a", "model_id": "b", "callback_url": "https://example.com",
            "options": {"num_images": 11}
        }));
        let refused = refused.unwrap_err();
        let told: Vec<&str> = refused.iter().map(|issue| issue.pointer.as_str()).collect();
        assert_eq!(told, ["/callback_url", "/model", "/prompt", "/options/num_images"]);
        let refused = parse(json!({"options": {"n": 0}})).unwrap_err();
        let told: Vec<&str> = refused.iter().map(|issue| issue.pointer.as_str()).collect();
        assert_eq!(told, ["/prompt", "/options/n"]);
    }
}
