//! Ideogram: `POST /generate` (legacy) and `POST /v1/ideogram-v3/generate`, both as JSON.
//!
//! Out of scope: multipart requests with reference images. Follows
//! <https://developer.ideogram.ai/api-reference>.

use serde_json::{Map, Value, json};

use crate::endpoint::{CREATED_TEXT, Incoming, Plan, Reply};
use crate::faults::Script;
use crate::pydantic;
use crate::schema::media::{IDEOGRAM_LEGACY, IDEOGRAM_V3};
use crate::schema::{self, Field};

struct Pictures {
    id: u64,
    number: u64,
    origin: String,
    prompt: String,
    resolution: String,
    seed: u64,
    style: String,
}

/// `POST /generate`: the request stands in `image_request`.
pub(crate) fn legacy(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    let body = object(incoming, IDEOGRAM_LEGACY)?;
    let request = body.get("image_request").and_then(Value::as_object);
    plan(incoming, request.unwrap_or(&body))
}

/// `POST /v1/ideogram-v3/generate`: the request is flat.
pub(crate) fn v3(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    let body = object(incoming, IDEOGRAM_V3)?;
    plan(incoming, &body)
}

/// The error of the `fail` fault.
pub(crate) fn failure(status: u16) -> Reply {
    let body = match status {
        402 => json!({ "error": "Payment required.", "reject_reason": "insufficient_funds" }),
        422 => json!({ "error": "Prompt failed the safety check." }),
        429 => {
            json!({ "error": "Too many images in progress.", "reject_reason": "inflight_limit" })
        }
        500.. => json!({ "error": "Internal error." }),
        _ => json!({ "error": "The request failed." }),
    };
    Reply::json(status, &body)
}

/// Headers of every reply: older paths name their successor.
pub(crate) fn reply_headers(incoming: &Incoming<'_>) -> Vec<(&'static str, String)> {
    let successor = match incoming.path {
        "/generate" => "ideogram-4-5",
        _ => "ideogram-3",
    };
    let link = format!(
        "<https://api.ideogram.ai/v2/image/generate/{successor}>; rel=\"successor-version\""
    );
    vec![("link", link)]
}

fn object(incoming: &Incoming<'_>, fields: &[Field]) -> Result<Map<String, Value>, Reply> {
    let refuse = |status, message: &str| Reply::json(status, &json!({ "error": message }));
    let key = incoming.header("api-key").unwrap_or_default();
    if !incoming.config.accepts(incoming.vendor, key) {
        return Err(refuse(401, "Invalid API key."));
    }
    if !incoming.is_json() {
        return Err(refuse(400, "Content-Type must be application/json."));
    }
    let value: Value = serde_json::from_slice(incoming.body)
        .map_err(|error| refuse(400, &format!("The body is not valid JSON: {error}")))?;
    let Value::Object(object) = value else {
        return Err(refuse(400, "The body must be an object."));
    };
    schema::check(&object, fields).map_err(|finding| {
        let (_, said) = pydantic::said(&finding.problem);
        refuse(400, &format!("{}: {said}", finding.dotted()))
    })?;
    Ok(object)
}

fn plan(incoming: &Incoming<'_>, request: &Map<String, Value>) -> Result<Plan, Reply> {
    let text = |name: &str| request.get(name).and_then(Value::as_str);
    if text("aspect_ratio").is_some() && text("resolution").is_some() {
        let message = "Only one of aspect_ratio and resolution may be given.";
        return Err(Reply::json(400, &json!({ "error": message })));
    }
    let old = ["V_1", "V_1_TURBO"].contains(&text("model").unwrap_or_default());
    if old && text("style_type").is_some() {
        let message = "style_type is for V_2 and later.";
        return Err(Reply::json(400, &json!({ "error": message })));
    }
    let number = |name: &str| request.get(name).and_then(Value::as_u64);
    let resolution = text("resolution").unwrap_or("1024x1024").trim_start_matches("RESOLUTION_");
    let style = text("style_type").filter(|style| *style != "AUTO").unwrap_or("GENERAL");
    let pictures = Pictures {
        id: incoming.id,
        number: number("num_images").unwrap_or(1),
        origin: incoming.origin(),
        prompt: text("prompt").unwrap_or_default().to_owned(),
        resolution: resolution.replace('_', "x"),
        seed: number("seed").unwrap_or(12_345),
        style: style.to_owned(),
    };
    Ok(Plan {
        prompt: pictures.prompt.clone(),
        stream: false,
        answer: Box::new(move |script| pictures.reply(script)),
    })
}

impl Pictures {
    /// A picture that was declined has no link, and stands in the list all the same.
    fn reply(&self, script: &Script) -> Reply {
        let data: Vec<Value> = (0..self.number)
            .map(|index| {
                let file = format!("ideogram-{:06}-{index}.png", self.id);
                let url = format!("{}/files/{file}?exp=1795086400&sig=00", self.origin);
                json!({
                    "url": (!script.refuse).then_some(url),
                    "prompt": self.prompt,
                    "resolution": self.resolution,
                    "is_image_safe": !script.refuse,
                    "seed": self.seed + index,
                    "style_type": self.style,
                })
            })
            .collect();
        Reply::json(200, &json!({ "created": CREATED_TEXT, "data": data }))
    }
}
