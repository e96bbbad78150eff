//! Ideogram: `POST /generate` (legacy) as JSON, and `POST /v1/ideogram-v3/generate` as JSON or as a form,
//! which alone can bring reference images.
//!
//! The vendor lists its resolutions; here any sides from 512 to 1536 in steps of 16 will do.
//! Follows <https://developer.ideogram.ai/api-reference>.

use serde_json::{Map, Value, json};

use crate::endpoint::{CREATED_TEXT, Incoming, Plan, Reply};
use crate::faults::Script;
use crate::multipart::{self, Part};
use crate::results::{self, ResultFault};
use crate::schema::media::{IDEOGRAM_LEGACY, IDEOGRAM_V3};
use crate::schema::{self, Field, form};
use crate::{picture, pydantic};

/// The sides that aspect ratios stand for, as v3 writes them; the legacy names are `ASPECT_16_9`.
const RATIOS: &[(&str, &str)] = &[
    ("1x1", "1024x1024"),
    ("16x9", "1312x736"),
    ("9x16", "736x1312"),
    ("4x3", "1152x864"),
    ("3x4", "864x1152"),
    ("3x2", "1248x832"),
    ("2x3", "832x1248"),
    ("4x5", "896x1120"),
    ("5x4", "1120x896"),
    ("16x10", "1280x800"),
    ("10x16", "800x1280"),
    ("1x2", "704x1408"),
    ("2x1", "1408x704"),
    ("1x3", "512x1536"),
    ("3x1", "1536x512"),
];

/// Parts of a form that are files, each as many times as wanted.
const FILES: [&str; 3] =
    ["character_reference_images", "character_reference_images_mask", "style_reference_images"];

/// The most bytes of all files of a form.
const LARGEST_FILES: usize = 10 << 20;

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
    let content_type = incoming.header("content-type").unwrap_or_default();
    if !multipart::is_form(content_type) {
        return plan(incoming, &object(incoming, IDEOGRAM_V3)?);
    }
    authenticate(incoming)?;
    let parts = multipart::parts(content_type, incoming.body)
        .map_err(|error| refuse(400, &format!("The form cannot be read: {error}.")))?;
    let (files, texts): (Vec<&Part>, Vec<&Part>) =
        parts.iter().partition(|part| FILES.contains(&part.name.trim_end_matches("[]")));
    if let Some(part) = texts.iter().find(|part| part.file_name.is_some()) {
        return Err(refuse(400, &format!("{}: Extra inputs are not permitted", part.name)));
    }
    if files.iter().map(|part| part.bytes.len()).sum::<usize>() > LARGEST_FILES {
        return Err(refuse(400, "The images have more than 10 MB in all."));
    }
    if let Some(part) = files.iter().find(|part| picture::measure(&part.bytes).is_none()) {
        let message = format!("{}: The image is no JPEG, PNG or WebP.", part.name);
        return Err(refuse(400, &message));
    }
    let texts = texts.iter().map(|part| (part.name.as_str(), part.text().unwrap_or_default()));
    let body = form::of_form(texts, IDEOGRAM_V3);
    plan(incoming, &checked(body, IDEOGRAM_V3)?)
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

fn refuse(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "error": message }))
}

fn authenticate(incoming: &Incoming<'_>) -> Result<(), Reply> {
    let key = incoming.header("api-key").unwrap_or_default();
    if incoming.config.accepts(incoming.vendor, key) {
        return Ok(());
    }
    Err(refuse(401, "Invalid API key."))
}

fn object(incoming: &Incoming<'_>, fields: &[Field]) -> Result<Map<String, Value>, Reply> {
    authenticate(incoming)?;
    if !incoming.is_json() {
        return Err(refuse(400, "Content-Type must be application/json."));
    }
    let value: Value = serde_json::from_slice(incoming.body)
        .map_err(|error| refuse(400, &format!("The body is not valid JSON: {error}")))?;
    let Value::Object(object) = value else {
        return Err(refuse(400, "The body must be an object."));
    };
    checked(object, fields)
}

fn checked(object: Map<String, Value>, fields: &[Field]) -> Result<Map<String, Value>, Reply> {
    schema::check(&object, fields).map_err(|finding| {
        let (_, said) = pydantic::said(&finding.problem);
        refuse(400, &format!("{}: {said}", finding.dotted()))
    })?;
    Ok(object)
}

/// The sides of the pictures, as `1024x1024`.
fn resolution(request: &Map<String, Value>) -> Result<String, Reply> {
    let text = |name: &str| request.get(name).and_then(Value::as_str);
    let wanted = match (text("aspect_ratio"), text("resolution")) {
        (Some(_), Some(_)) => {
            let message = "Only one of aspect_ratio and resolution may be given.";
            return Err(refuse(400, message));
        }
        (Some(ratio), None) => {
            let ratio = ratio.trim_start_matches("ASPECT_").replace('_', "x");
            let sides = RATIOS.iter().find(|(name, _)| *name == ratio);
            return Ok(sides.map_or("1024x1024", |(_, sides)| sides).to_owned());
        }
        (None, wanted) => wanted.unwrap_or("1024x1024"),
    };
    let sides = wanted.trim_start_matches("RESOLUTION_").replace('_', "x");
    let good = |side: &str| {
        side.parse::<u32>().is_ok_and(|side| (512..=1_536).contains(&side) && side % 16 == 0)
    };
    if sides.split_once('x').is_some_and(|(width, height)| good(width) && good(height)) {
        return Ok(sides);
    }
    Err(refuse(400, &format!("resolution: '{wanted}' is not one of the resolutions.")))
}

fn plan(incoming: &Incoming<'_>, request: &Map<String, Value>) -> Result<Plan, Reply> {
    let text = |name: &str| request.get(name).and_then(Value::as_str);
    let old = ["V_1", "V_1_TURBO"].contains(&text("model").unwrap_or_default());
    if old && text("style_type").is_some() {
        let message = "style_type is for V_2 and later.";
        return Err(refuse(400, message));
    }
    let number = |name: &str| request.get(name).and_then(Value::as_u64);
    let style = text("style_type").filter(|style| *style != "AUTO").unwrap_or("GENERAL");
    let pictures = Pictures {
        id: incoming.id,
        number: number("num_images").unwrap_or(1),
        origin: incoming.origin(),
        prompt: text("prompt").unwrap_or_default().to_owned(),
        resolution: resolution(request)?,
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
        let number = if script.result.contains(&ResultFault::None) { 0 } else { self.number };
        let unsafe_first = script.result.contains(&ResultFault::Unsafe);
        let data: Vec<Value> = (0..number)
            .map(|index| {
                let withheld = script.refuse || (unsafe_first && index == 0);
                let name = format!("ideogram-{:06}-{index}_{}.png", self.id, self.resolution);
                let query = "exp=1795086400&sig=00";
                let url = results::link(&self.origin, &name, query, &script.result);
                json!({
                    "url": (!withheld).then_some(url),
                    "prompt": self.prompt,
                    "resolution": self.resolution,
                    "is_image_safe": !withheld,
                    "seed": self.seed + index,
                    "style_type": self.style,
                })
            })
            .collect();
        Reply::json(200, &json!({ "created": CREATED_TEXT, "data": data }))
    }
}
