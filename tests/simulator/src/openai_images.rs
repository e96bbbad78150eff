//! `POST /images/generations`: pictures in base64, in one reply or in events.
//!
//! Follows <https://platform.openai.com/docs/api-reference/images>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::endpoint::{CREATED, Incoming, Plan, Reply};
use crate::faults::Script;
use crate::media;
use crate::models::ModelKind;
use crate::openai_errors::{self, refuse};
use crate::schema::media::{DALL_E_3, OPENAI_IMAGE};
use crate::tokens::count_tokens;

/// What a picture costs, in tokens.
const OUTPUT_TOKENS: u64 = 272;

struct Pictures {
    background: String,
    id: u64,
    /// DALL·E: where the links point; absent if the bytes themselves were asked for.
    link: Option<String>,
    number: u64,
    output_format: String,
    partial: u64,
    prompt: String,
    quality: String,
    size: String,
}

/// `POST /v1/images/generations`.
pub(crate) fn generations(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    openai_errors::authenticate(incoming)?;
    let mut body = openai_errors::object(incoming)?;
    if !body.contains_key("model") {
        body.insert("model".to_owned(), json!("gpt-image-2"));
    }
    let model = openai_errors::model(incoming, ModelKind::Image, &body)?;
    let old = model.traits.retired;
    openai_errors::check(incoming, &body, if old { DALL_E_3 } else { OPENAI_IMAGE })?;
    let text = |name: &str, default: &str| {
        body.get(name).and_then(Value::as_str).unwrap_or(default).to_owned()
    };
    let size = text("size", "1024x1024");
    if !old {
        check_size(&size, &body)?;
        check_quality(model.id, &body)?;
    }
    let linked = old && text("response_format", "url") == "url";
    let pictures = Pictures {
        background: text("background", "opaque").replace("auto", "opaque"),
        id: incoming.id,
        link: linked.then(|| incoming.origin()),
        number: body.get("n").and_then(Value::as_u64).unwrap_or(1),
        output_format: text("output_format", "png"),
        partial: body.get("partial_images").and_then(Value::as_u64).unwrap_or(0),
        prompt: text("prompt", ""),
        quality: text("quality", "low").replace("auto", "low"),
        size: size.replace("auto", "1024x1024"),
    };
    let stream = body.get("stream").and_then(Value::as_bool).unwrap_or(false);
    Ok(Plan {
        prompt: pictures.prompt.clone(),
        stream,
        answer: Box::new(move |script| pictures.reply(script, stream, old)),
    })
}

/// Sizes are named ones, or sides in steps of 16 within the vendor's bounds.
fn check_size(size: &str, body: &Map<String, Value>) -> Result<(), Reply> {
    let sides = size.split_once('x').map(|(w, h)| (w.parse::<u32>(), h.parse::<u32>()));
    let good = match sides {
        _ if size == "auto" => true,
        Some((Ok(width), Ok(height))) => {
            let (long, short) = (width.max(height), width.min(height));
            width % 16 == 0
                && height % 16 == 0
                && short > 0
                && long <= short.saturating_mul(3)
                && long <= 3_840
                && short <= 2_160
        }
        Some(_) | None => false,
    };
    if !good {
        let message = format!("Invalid value: '{size}'. Supported are 'auto' and WIDTHxHEIGHT.");
        return Err(refuse(400, Some("invalid_value"), Some("size"), &message));
    }
    let transparent = body.get("background").and_then(Value::as_str) == Some("transparent");
    if transparent && body.get("output_format").and_then(Value::as_str) == Some("jpeg") {
        let message = "Transparent background is not supported for the output format 'jpeg'.";
        return Err(refuse(400, Some("invalid_value"), Some("background"), message));
    }
    Ok(())
}

fn check_quality(model: &str, body: &Map<String, Value>) -> Result<(), Reply> {
    let quality = body.get("quality").and_then(Value::as_str).unwrap_or("auto");
    if matches!(quality, "xhigh" | "max") && !model.starts_with("gpt-image-2.5") {
        let message = format!(
            "Invalid value: '{quality}'. Supported values are: 'auto', 'low', 'medium', 'high'."
        );
        return Err(refuse(400, Some("invalid_value"), Some("quality"), &message));
    }
    Ok(())
}

impl Pictures {
    fn reply(&self, script: &Script, stream: bool, old: bool) -> Reply {
        if script.refuse {
            let message = "Your request was rejected by the safety system.";
            return refuse(400, Some("moderation_blocked"), None, message);
        }
        if old {
            return self.old_reply();
        }
        if stream {
            return self.events();
        }
        let data: Vec<Value> =
            (0..self.number).map(|index| json!({ "b64_json": self.picture(index) })).collect();
        Reply::json(
            200,
            &json!({
                "created": CREATED,
                "background": self.background,
                "output_format": self.output_format,
                "quality": self.quality,
                "size": self.size,
                "data": data,
                "usage": self.usage(),
            }),
        )
    }

    fn old_reply(&self) -> Reply {
        let revised = format!("{}, in detail", self.prompt);
        let entry = match &self.link {
            Some(origin) => {
                let url = format!("{origin}/files/dall-e-{:06}.png?se=86400&sig=00", self.id);
                json!({ "url": url, "revised_prompt": revised })
            }
            None => json!({ "b64_json": self.picture(0), "revised_prompt": revised }),
        };
        Reply::json(200, &json!({ "created": CREATED, "data": [entry] }))
    }

    fn events(&self) -> Reply {
        let event = |kind: &str, index: u64, own: (&str, Value)| {
            let mut data = json!({
                "type": kind,
                "b64_json": self.picture(index),
                "created_at": CREATED,
                "size": self.size,
                "quality": self.quality,
                "background": self.background,
                "output_format": self.output_format,
            });
            if let Some(data) = data.as_object_mut() {
                data.insert(own.0.to_owned(), own.1);
            }
            format!("event: {kind}\ndata: {data}\n\n")
        };
        let partial = (0..self.partial).map(|index| {
            event("image_generation.partial_image", index, ("partial_image_index", json!(index)))
        });
        let done = event("image_generation.completed", 0, ("usage", self.usage()));
        Reply::events(partial.chain([done]).collect())
    }

    /// The bytes are PNG whatever format was asked for: the simulator draws, it does not convert.
    fn picture(&self, index: u64) -> String {
        STANDARD.encode(media::png(&format!("{}-{index}", self.prompt)))
    }

    fn usage(&self) -> Value {
        let input = count_tokens(&self.prompt);
        let output = OUTPUT_TOKENS * self.number;
        json!({
            "input_tokens": input,
            "input_tokens_details": { "text_tokens": input, "image_tokens": 0 },
            "output_tokens": output,
            "total_tokens": input + output,
        })
    }
}
