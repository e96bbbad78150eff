//! Gemini's models that make pictures: `POST /v1beta/models/{model}:generateContent`.
//!
//! Out of scope: speech and embeddings of Gemini; text is played by `google_text`. Models that make
//! nothing but these are not found here, and neither is any method but `generateContent`. Pictures that come in are
//! looked at as far as their format; those in HEIC are believed.
//! Follows <https://ai.google.dev/gemini-api/docs/image-generation>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::endpoint::{Incoming, Plan, Reply};
use crate::faults::Script;
use crate::google_errors::{self, invalid};
use crate::google_models;
use crate::models::{self, Model, ModelKind};
use crate::picture::{self, Format, Sketch};
use crate::results::ResultFault;
use crate::schema;
use crate::schema::google::GENERATE;
use crate::tokens::count_tokens;

/// Sides of a picture of 1K, by aspect ratio; the other sizes are a half, two and four times that.
const SIDES: &[(&str, u32, u32)] = &[
    ("1:1", 1_024, 1_024),
    ("1:4", 512, 2_048),
    ("1:8", 384, 3_072),
    ("2:3", 848, 1_264),
    ("3:2", 1_264, 848),
    ("3:4", 896, 1_200),
    ("4:1", 2_048, 512),
    ("4:3", 1_200, 896),
    ("4:5", 928, 1_152),
    ("5:4", 1_152, 928),
    ("8:1", 3_072, 384),
    ("9:16", 768, 1_376),
    ("16:9", 1_376, 768),
    ("21:9", 1_584, 672),
];

/// Where the models differ.
struct Habit {
    /// Tokens of a picture that comes in.
    input: u64,
    /// Tokens of a picture by its size; a size that is missing cannot be made.
    output: &'static [(&'static str, u64)],
    format: Format,
    /// Whether the model has the ratios beyond 3:1, and always thinks or only if told so.
    swift: bool,
}

const PRO: Habit = Habit {
    format: Format::Jpeg,
    input: 560,
    output: &[("1K", 1_120), ("2K", 1_120), ("4K", 2_000)],
    swift: false,
};

const FLASH: Habit = Habit {
    format: Format::Png,
    input: 1_120,
    output: &[("512", 747), ("1K", 1_120), ("2K", 1_680), ("4K", 2_520)],
    swift: true,
};

/// What thinking costs, in tokens.
const THOUGHTS: u64 = 96;

/// The most pictures that may come in.
const MOST_IMAGES: usize = 14;

/// The types of pictures that may come in.
const IMAGE_TYPES: [&str; 5] =
    ["image/heic", "image/heif", "image/jpeg", "image/png", "image/webp"];

const SIGNATURE: &str = "c2ltdWxhdGVkLXRob3VnaHQ=";

/// An order that the vendor would take.
struct Order {
    format: Format,
    height: u32,
    id: String,
    image: bool,
    input_images: u64,
    model: &'static Model,
    output: u64,
    prompt: String,
    show_thoughts: bool,
    text: bool,
    text_tokens: u64,
    thoughts: u64,
    width: u32,
}

/// `POST /v1beta/models/{model}:generateContent`, let in already.
pub(crate) fn generate(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    let name = incoming.path.rsplit('/').next().unwrap_or_default();
    let (id, method) = name.split_once(':').unwrap_or((name, ""));
    let model = models::find(incoming.vendor, ModelKind::Image, id)
        .filter(|_| method == "generateContent")
        .ok_or_else(|| google_errors::no_such_model(id, method))?;
    for pair in incoming.query.split('&').filter(|pair| !pair.is_empty()) {
        if !matches!(pair, "alt=json" | "prettyPrint=false" | "prettyPrint=true") {
            return Err(google_models::unknown(pair.split('=').next().unwrap_or_default()));
        }
    }
    let order = Order::read(incoming, model)?;
    Ok(Plan {
        prompt: order.prompt.clone(),
        stream: false,
        answer: Box::new(move |script| order.reply(script)),
    })
}

fn object(incoming: &Incoming<'_>) -> Result<Map<String, Value>, Reply> {
    if !incoming.is_json() {
        return Err(invalid("Invalid content type: application/json is expected."));
    }
    let value: Value = serde_json::from_slice(incoming.body)
        .map_err(|error| invalid(&format!("Invalid JSON payload received. {error}")))?;
    let Value::Object(object) = value else {
        return Err(invalid("Invalid JSON payload received. Expected an object."));
    };
    schema::check(&object, GENERATE).map_err(|finding| google_errors::misfit(&finding))?;
    Ok(object)
}

/// Every part of a content holds exactly one thing; the number of pictures among them.
fn check_parts(parts: &[Value]) -> Result<usize, Reply> {
    let mut images = 0;
    for part in parts {
        let kinds = ["text", "inlineData", "fileData", "functionCall", "functionResponse"];
        let held: Vec<&str> = kinds
            .into_iter()
            .filter(|kind| part.get(*kind).is_some_and(|v| !v.is_null()))
            .collect();
        match held.as_slice() {
            ["text"] => {}
            ["inlineData"] => {
                check_image(part)?;
                images += 1;
            }
            [_] => return Err(invalid("This model takes parts of text and inlineData alone.")),
            _ => {
                let message =
                    "contents.parts: one and only one of the oneof field data must be set.";
                return Err(invalid(message));
            }
        }
    }
    Ok(images)
}

fn check_image(part: &Value) -> Result<(), Reply> {
    let text =
        |name: &str| part.get("inlineData").and_then(|data| data.get(name)).and_then(Value::as_str);
    let mime_type = text("mimeType").unwrap_or_default();
    if !IMAGE_TYPES.contains(&mime_type) {
        return Err(invalid(&format!("Unsupported MIME type: {mime_type}")));
    }
    let bytes = STANDARD.decode(text("data").unwrap_or_default()).map_err(|_| {
        invalid("Invalid value at 'contents.parts.inline_data.data' (TYPE_BYTES), Base64 decoding failed")
    })?;
    let format = picture::measure(&bytes).map(|(format, _, _)| format.content_type());
    let believed = matches!(mime_type, "image/heic" | "image/heif") && !bytes.is_empty();
    if believed || format == Some(mime_type) {
        return Ok(());
    }
    Err(invalid("Unable to process input image. Please retry with another one."))
}

impl Order {
    fn read(incoming: &Incoming<'_>, model: &'static Model) -> Result<Self, Reply> {
        let body = object(incoming)?;
        let contents =
            body.get("contents").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let parts = |content: &Value| {
            content.get("parts").and_then(Value::as_array).cloned().unwrap_or_default()
        };
        let texts = |content: &Value| -> Vec<String> {
            let parts = parts(content);
            let texts = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
            texts.map(str::to_owned).collect()
        };
        let (mut images, mut text_tokens) = (0, 0);
        for content in contents.iter().chain(body.get("systemInstruction")) {
            images += check_parts(&parts(content))?;
            text_tokens += texts(content).iter().map(|text| count_tokens(text)).sum::<u64>();
        }
        if images > MOST_IMAGES {
            return Err(invalid(&format!("At most {MOST_IMAGES} images may be given.")));
        }
        let prompt = contents.last().map(texts).unwrap_or_default().join("\n");
        let config = body.get("generationConfig").cloned().unwrap_or_default();
        let text = |pointer: &str| config.pointer(pointer).and_then(Value::as_str);
        if config.get("candidateCount").and_then(Value::as_u64).is_some_and(|count| count > 1) {
            return Err(invalid("Multiple candidates is not enabled for this model"));
        }
        let modalities = config.get("responseModalities").and_then(Value::as_array);
        let wants = |name: &str| {
            modalities.is_none_or(|list| list.is_empty() || list.iter().any(|value| value == name))
        };
        if modalities.is_some_and(|list| list.iter().any(|value| value == "AUDIO")) {
            let message =
                "The requested combination of response modalities is not supported by the model.";
            return Err(invalid(message));
        }
        let habit = if model.id.contains("flash") { &FLASH } else { &PRO };
        let (ratio, size) = (
            text("/imageConfig/aspectRatio").unwrap_or("1:1"),
            text("/imageConfig/imageSize").unwrap_or("1K"),
        );
        let sides = SIDES.iter().find(|(name, _, _)| *name == ratio);
        let sides = sides.filter(|(_, width, height)| {
            habit.swift || width.max(height) < &(3 * width.min(height))
        });
        let Some((_, width, height)) = sides else {
            return Err(invalid(&format!("Aspect ratio {ratio} is not supported by this model.")));
        };
        let Some((_, output)) = habit.output.iter().find(|(name, _)| *name == size) else {
            return Err(invalid(&format!("Image size {size} is not supported by this model.")));
        };
        let scaled = |side: u32| match size {
            "512" => side / 2,
            "2K" => side * 2,
            "4K" => side * 4,
            _ => side,
        };
        let thinks = !habit.swift || text("/thinkingConfig/thinkingLevel") == Some("HIGH");
        let shown = config.pointer("/thinkingConfig/includeThoughts").and_then(Value::as_bool);
        Ok(Self {
            format: habit.format,
            height: scaled(*height),
            id: incoming.made_id("r"),
            image: wants("IMAGE"),
            input_images: images as u64 * habit.input,
            model,
            output: *output,
            prompt,
            show_thoughts: thinks && shown == Some(true),
            text: wants("TEXT"),
            text_tokens,
            thoughts: if thinks { THOUGHTS } else { 0 },
            width: scaled(*width),
        })
    }

    fn reply(&self, script: &Script) -> Reply {
        if script.refuse {
            let mut body = self.body(None, &[]);
            let feedback = json!({ "blockReason": "PROHIBITED_CONTENT" });
            if let Some(body) = body.as_object_mut() {
                body.insert("promptFeedback".to_owned(), feedback);
            }
            return Reply::json(200, &body);
        }
        let withheld = [
            (ResultFault::Unsafe, "IMAGE_SAFETY", "The generated image was withheld."),
            (ResultFault::None, "NO_IMAGE", "No image was generated."),
        ];
        for (fault, reason, message) in withheld {
            if script.result.contains(&fault) {
                let candidate =
                    json!({ "finishReason": reason, "finishMessage": message, "index": 0 });
                return Reply::json(200, &self.body(Some(&candidate), &[]));
            }
        }
        let (mut parts, mut made) = (Vec::new(), Vec::new());
        if self.show_thoughts {
            parts.push(json!({ "text": "I sketch it first.", "thought": true }));
            parts.push(json!({ "inlineData": self.picture("draft"), "thought": true }));
        }
        if self.text {
            let text = "Here is your picture.";
            parts.push(json!({ "text": text }));
            made.push(("TEXT", count_tokens(text)));
        }
        if self.image {
            parts.push(json!({ "inlineData": self.picture("0"), "thoughtSignature": SIGNATURE }));
            made.push(("IMAGE", self.output));
        }
        let candidate = json!({
            "content": { "role": "model", "parts": parts },
            "finishReason": "STOP",
            "index": 0,
        });
        Reply::json(200, &self.body(Some(&candidate), &made))
    }

    fn picture(&self, seed: &str) -> Value {
        let sketch = Sketch {
            format: self.format,
            height: self.height,
            seed: &format!("{}-{seed}", self.prompt),
            transparent: false,
            width: self.width,
        };
        json!({ "mimeType": self.format.content_type(), "data": STANDARD.encode(sketch.draw()) })
    }

    fn body(&self, candidate: Option<&Value>, made: &[(&str, u64)]) -> Value {
        let details = |counts: &[(&str, u64)]| -> Value {
            let counts = counts.iter().filter(|(_, count)| *count > 0);
            counts.map(|(kind, count)| json!({ "modality": kind, "tokenCount": count })).collect()
        };
        let prompt = self.text_tokens + self.input_images;
        let output: u64 = made.iter().map(|(_, count)| count).sum();
        let thoughts = if candidate.is_some() { self.thoughts } else { 0 };
        let mut usage = json!({
            "promptTokenCount": prompt,
            "promptTokensDetails":
                details(&[("TEXT", self.text_tokens), ("IMAGE", self.input_images)]),
            "totalTokenCount": prompt + output + thoughts,
        });
        let mut body = json!({ "modelVersion": self.model.id, "responseId": self.id });
        if let Some(usage) = usage.as_object_mut().filter(|_| candidate.is_some()) {
            usage.insert("candidatesTokenCount".to_owned(), json!(output));
            usage.insert("candidatesTokensDetails".to_owned(), details(made));
            if thoughts > 0 {
                usage.insert("thoughtsTokenCount".to_owned(), json!(thoughts));
            }
        }
        if let Some(body) = body.as_object_mut() {
            if let Some(candidate) = candidate {
                body.insert("candidates".to_owned(), json!([candidate]));
            }
            body.insert("usageMetadata".to_owned(), usage);
        }
        body
    }
}
