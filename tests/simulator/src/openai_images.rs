//! `POST /images/generations`: pictures in base64, in one reply or in events. `openai_edits` reads
//! the other order, for changes to pictures; what is made is the same.
//!
//! Tokens are counted as the vendor's pages have it for 1024×1024 and by the number of pixels for other
//! sizes; a partial picture costs 100. Its auto quality is low here.
//! Follows <https://platform.openai.com/docs/api-reference/images>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::endpoint::{CREATED, Incoming, Plan, Reply};
use crate::faults::Script;
use crate::models::{Model, ModelKind};
use crate::openai_errors::{self, refuse};
use crate::picture::{Format, Sketch};
use crate::results::{self, ResultFault};
use crate::schema::media::{DALL_E_3, OPENAI_IMAGE};
use crate::tokens::count_tokens;

/// What a picture of 1024×1024 costs, in tokens, by quality.
const OUTPUT_TOKENS: &[(&str, u64)] =
    &[("low", 272), ("medium", 1_056), ("high", 4_160), ("xhigh", 8_320), ("max", 16_640)];

/// The pixels that these tokens are for.
const PIXELS: u64 = 1_024 * 1_024;

/// What a partial picture costs, in tokens.
const PARTIAL_TOKENS: u64 = 100;

/// An order that the vendor would take.
pub(crate) struct Pictures {
    background: String,
    /// What events are called by: `image_generation` or `image_edit`.
    event: &'static str,
    format: Format,
    height: u32,
    id: u64,
    /// Tokens of the pictures that came with the order.
    image_tokens: u64,
    /// DALL·E: where the links point; absent if the bytes themselves were asked for.
    link: Option<String>,
    number: u64,
    old: bool,
    output_format: String,
    partial: u64,
    prompt: String,
    quality: String,
    stream: bool,
    width: u32,
}

/// `POST /v1/images/generations`.
pub(crate) fn generations(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    openai_errors::authenticate(incoming)?;
    let body = openai_errors::object(incoming)?;
    let (body, model) = named(incoming, body)?;
    let old = model.traits.retired;
    openai_errors::check(incoming, &body, if old { DALL_E_3 } else { OPENAI_IMAGE })?;
    Ok(Pictures::read(incoming, &body, model, "image_generation", 0)?.plan())
}

/// Finds the model, which need not be named.
pub(crate) fn named(
    incoming: &Incoming<'_>,
    mut body: Map<String, Value>,
) -> Result<(Map<String, Value>, &'static Model), Reply> {
    if !body.contains_key("model") {
        body.insert("model".to_owned(), json!("gpt-image-2"));
    }
    let model = openai_errors::model(incoming, ModelKind::Image, &body)?;
    Ok((body, model))
}

/// Sizes are named ones, or sides in steps of 16 within the vendor's bounds.
fn sides(size: &str, old: bool) -> Result<(u32, u32), Reply> {
    if size == "auto" {
        return Ok((1_024, 1_024));
    }
    let sides = size.split_once('x').map(|(w, h)| (w.parse::<u32>(), h.parse::<u32>()));
    if let Some((Ok(width), Ok(height))) = sides {
        let (long, short) = (width.max(height), width.min(height));
        let fits = width % 16 == 0
            && height % 16 == 0
            && short > 0
            && long <= short.saturating_mul(3)
            && long <= 3_840
            && short <= 2_160;
        if old || fits {
            return Ok((width, height));
        }
    }
    let message = format!("Invalid value: '{size}'. Supported are 'auto' and WIDTHxHEIGHT.");
    Err(refuse(400, Some("invalid_value"), Some("size"), &message))
}

fn check_background(body: &Map<String, Value>) -> Result<(), Reply> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    if text("background") == Some("transparent") && text("output_format") == Some("jpeg") {
        let message = "Transparent background is not supported for the output format 'jpeg'.";
        return Err(refuse(400, Some("invalid_value"), Some("background"), message));
    }
    let packed = matches!(text("output_format"), Some("jpeg" | "webp"));
    if !packed && body.get("output_compression").and_then(Value::as_u64).is_some_and(|c| c < 100) {
        let message = "Compression less than 100 is not supported for the output format 'png'.";
        return Err(refuse(400, Some("invalid_value"), Some("output_compression"), message));
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
    /// Reads an order whose members are those of its table.
    pub(crate) fn read(
        incoming: &Incoming<'_>,
        body: &Map<String, Value>,
        model: &Model,
        event: &'static str,
        image_tokens: u64,
    ) -> Result<Self, Reply> {
        let old = model.traits.retired;
        let text = |name: &str, default: &str| {
            body.get(name).and_then(Value::as_str).unwrap_or(default).to_owned()
        };
        let (width, height) = sides(&text("size", "1024x1024"), old)?;
        if !old {
            check_background(body)?;
            check_quality(model.id, body)?;
        }
        let linked = old && text("response_format", "url") == "url";
        let output_format = text("output_format", "png");
        Ok(Self {
            background: text("background", "opaque").replace("auto", "opaque"),
            event,
            format: Format::parse(&output_format).unwrap_or(Format::Png),
            height,
            id: incoming.id,
            image_tokens,
            link: linked.then(|| incoming.origin()),
            number: body.get("n").and_then(Value::as_u64).unwrap_or(1),
            old,
            output_format,
            partial: body.get("partial_images").and_then(Value::as_u64).unwrap_or(0),
            prompt: text("prompt", ""),
            quality: text("quality", "low").replace("auto", "low"),
            stream: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
            width,
        })
    }

    pub(crate) fn plan(self) -> Plan {
        Plan {
            prompt: self.prompt.clone(),
            stream: self.stream,
            answer: Box::new(move |script| self.reply(script)),
        }
    }

    fn reply(&self, script: &Script) -> Reply {
        if script.refuse {
            return openai_errors::moderation_blocked();
        }
        if self.old {
            return self.old_reply(script);
        }
        if self.stream {
            return self.events();
        }
        let number = if script.result.contains(&ResultFault::None) { 0 } else { self.number };
        let data: Vec<Value> = (0..number)
            .map(|index| json!({ "b64_json": self.picture(&index.to_string()) }))
            .collect();
        Reply::json(
            200,
            &json!({
                "created": CREATED,
                "background": self.background,
                "output_format": self.output_format,
                "quality": self.quality,
                "size": self.size(),
                "data": data,
                "usage": self.usage(number, 0),
            }),
        )
    }

    fn old_reply(&self, script: &Script) -> Reply {
        let revised = format!("{}, in detail", self.prompt);
        let entry = match &self.link {
            Some(origin) => {
                let name = format!("dall-e-{:06}_{}.png", self.id, self.size());
                let url = results::link(origin, &name, "se=86400&sig=00", &script.result);
                json!({ "url": url, "revised_prompt": revised })
            }
            None => json!({ "b64_json": self.picture("0"), "revised_prompt": revised }),
        };
        Reply::json(200, &json!({ "created": CREATED, "data": [entry] }))
    }

    /// For each picture its partial ones and then itself, with what it alone costs.
    fn events(&self) -> Reply {
        let event = |kind: &str, seed: &str, own: (&str, Value)| {
            let kind = format!("{}.{kind}", self.event);
            let mut data = json!({
                "type": kind,
                "b64_json": self.picture(seed),
                "created_at": CREATED,
                "size": self.size(),
                "quality": self.quality,
                "background": self.background,
                "output_format": self.output_format,
            });
            if let Some(data) = data.as_object_mut() {
                data.insert(own.0.to_owned(), own.1);
            }
            format!("event: {kind}\ndata: {data}\n\n")
        };
        let mut events = Vec::new();
        for index in 0..self.number {
            events.extend((0..self.partial).map(|part| {
                let own = ("partial_image_index", json!(part));
                event("partial_image", &format!("{index}-{part}"), own)
            }));
            let usage = self.usage(1, self.partial);
            events.push(event("completed", &index.to_string(), ("usage", usage)));
        }
        Reply::events(events)
    }

    /// Pictures with other seeds differ.
    fn picture(&self, seed: &str) -> String {
        let sketch = Sketch {
            format: self.format,
            height: self.height,
            seed: &format!("{}-{seed}", self.prompt),
            transparent: self.background == "transparent",
            width: self.width,
        };
        STANDARD.encode(sketch.draw())
    }

    fn size(&self) -> String {
        format!("{}x{}", self.width, self.height)
    }

    fn usage(&self, number: u64, partial: u64) -> Value {
        let text = count_tokens(&self.prompt);
        let input = text + self.image_tokens;
        let quality = OUTPUT_TOKENS.iter().find(|(name, _)| *name == self.quality);
        let pixels = u64::from(self.width) * u64::from(self.height);
        let each = (quality.map_or(0, |(_, tokens)| *tokens) * pixels).div_ceil(PIXELS);
        let output = (each + partial * PARTIAL_TOKENS) * number;
        json!({
            "input_tokens": input,
            "input_tokens_details": { "text_tokens": text, "image_tokens": self.image_tokens },
            "output_tokens": output,
            "total_tokens": input + output,
        })
    }
}
