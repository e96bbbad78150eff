//! Canonical call out: one turn with the prompt and the pictures to work on.

use base64::{display::Base64Display, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, Method, header};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::super::{
    Draft, FieldIssue, Place, Target,
    fields::{Fields, Issues},
    options::CallOption,
    picture::{Ratio, Size},
};
use crate::calls::{File, ImageCall};

/// The shapes that the models make.
const RATIOS: [&str; 14] = [
    "1:1", "1:4", "1:8", "2:3", "3:2", "3:4", "4:1", "4:3", "4:5", "5:4", "8:1", "9:16", "16:9",
    "21:9",
];
const SIZES: [&str; 4] = ["512", "1K", "2K", "4K"];
/// What a call can be told, as it is read below.
pub(super) const OPTIONS: &[CallOption] = &[
    CallOption::word("aspect_ratio", &RATIOS),
    CallOption::word("image_size", &SIZES),
    CallOption::whole("seed", None),
    CallOption::number("temperature", 0, 2),
    CallOption::number("top_p", 0, 1),
];
/// Pixels from which a size is nearer to 2K (four million) than to 1K, and to 4K than to 2K.
const FROM_2K: u64 = 2 * 1_024 * 1_024;
const FROM_4K: u64 = 8 * 1_024 * 1_024;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    contents: [Turn<'a>; 1],
    generation_config: Config,
}

#[derive(Serialize)]
struct Turn<'a> {
    role: &'static str,
    parts: Vec<Part<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Part<'a> {
    InlineData(Inline<'a>),
    Text(&'a str),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Inline<'a> {
    mime_type: &'a str,
    #[serde(serialize_with = "in_base64")]
    data: &'a [u8],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    response_modalities: [&'static str; 2],
    #[serde(skip_serializing_if = "ImageConfig::is_empty")]
    image_config: ImageConfig,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct ImageConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    aspect_ratio: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_size: Option<&'static str>,
}

impl ImageConfig {
    fn is_empty(&self) -> bool {
        self.aspect_ratio.is_none() && self.image_size.is_none()
    }
}

/// Writes the bytes in pieces, so that they are in memory once more and not three times.
fn in_base64<S: Serializer>(bytes: &[u8], into: S) -> Result<S::Ok, S::Error> {
    into.collect_str(&Base64Display::new(bytes, &STANDARD))
}

/// Writes the request. More than one picture a call is none of this vendor's.
pub(super) fn draft(call: &ImageCall, target: &Target) -> Result<Draft, Vec<FieldIssue>> {
    let mut issues = Issues::default();
    if call.n > 1 {
        issues.add("/options/num_images", "this model makes one picture a call");
    }
    if call.mask.is_some() {
        issues.add("/mask", "this model takes no mask: say in the prompt what may change");
    }
    if call.user.is_some() {
        issues.hint("/user", "this vendor has no mark for end users");
    }
    for file in &call.images {
        if !is_taken(file) {
            issues.add("/image", "this model takes png, jpeg, webp, heic and heif");
        }
    }
    let generation_config = config(call, target, &mut issues);
    let pictures = call
        .images
        .iter()
        .map(|file| Part::InlineData(Inline { mime_type: &file.content_type, data: &file.bytes }));
    let mut parts = vec![Part::Text(&call.prompt)];
    parts.extend(pictures);
    let body = Body { contents: [Turn { role: "user", parts }], generation_config };
    let dropped = issues.left_out()?;
    // Base64 is a third longer; the body grows once.
    let files = call.images.iter().map(|file| file.bytes.len()).fold(0, usize::saturating_add);
    let size = files.saturating_add(files / 3).saturating_add(call.prompt.len());
    let mut written = Vec::with_capacity(size.saturating_add(4_096));
    serde_json::to_writer(&mut written, &body).map_err(|err| fault("", err.to_string()))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(Draft {
        body: written.into(),
        headers,
        dropped,
        key_at: Vec::new(),
        method: Method::POST,
        place: Place::Path(super::path(&target.upstream_model, "generateContent")),
        polling: None,
        warns: false,
    })
}

fn config(call: &ImageCall, target: &Target, issues: &mut Issues) -> Config {
    let options = Fields::in_object("/options", &call.options);
    let mut image_config = ImageConfig::default();
    shape(&options, target, &mut image_config, issues);
    let seed = options.integer("seed", issues).and_then(|seed| {
        let seed = i32::try_from(seed);
        seed.map_err(|_| issues.add("/options/seed", "expected a whole number of 32 bits")).ok()
    });
    let temperature = options.number("temperature", 0.0..=2.0, issues);
    let top_p = options.number("top_p", 0.0..=1.0, issues);
    for name in options.names() {
        let known = ["aspect_ratio", "image_size", "seed", "size", "temperature", "top_p"];
        // The vendor's own choice is what there is.
        let is_open = options.value(name).and_then(Value::as_str) == Some("auto");
        if !known.contains(&name) && !is_open {
            issues.unsupported(&options.at(name), target);
        }
    }
    Config { response_modalities: ["TEXT", "IMAGE"], image_config, seed, temperature, top_p }
}

/// `aspect_ratio` and `image_size` in the vendor's own words, or `size`: one of these words, or pixels, of
/// which the shape is kept and the vendor's next size taken. It tells no pixels, so there are others.
fn shape(options: &Fields<'_>, target: &Target, config: &mut ImageConfig, issues: &mut Issues) {
    let ratio = options.string("aspect_ratio", issues).filter(|ratio| *ratio != "auto");
    let size = options.string("size", issues).filter(|size| *size != "auto");
    let named = options.word("image_size", &SIZES, issues);
    config.image_size = named.and_then(word);
    if let Some(ratio) = ratio {
        config.aspect_ratio = known(Ratio::parse(ratio));
        if config.aspect_ratio.is_none() {
            issues.unsaid("/options/aspect_ratio", &expected(), target);
        }
    }
    let Some(size) = size else { return };
    if named.is_some() {
        issues.add("/options/size", "give size or image_size, not both");
    } else if let Some(word) = word(size) {
        config.image_size = Some(word);
    } else if let Some(pixels) = Size::parse(size) {
        if ratio.is_some() {
            issues.add("/options/size", "give size or aspect_ratio, not both");
        }
        config.aspect_ratio = known(Some(pixels.ratio()));
        if config.aspect_ratio.is_none() {
            issues.unsaid("/options/size", &expected(), target);
            return;
        }
        // 1K is what all models make unasked, and some take no size.
        config.image_size = match pixels.pixels() {
            ..FROM_2K => None,
            FROM_2K..FROM_4K => Some("2K"),
            FROM_4K.. => Some("4K"),
        };
    } else {
        issues.add("/options/size", "expected WIDTHxHEIGHT, 1K, 2K or 4K");
    }
}

fn word(size: &str) -> Option<&'static str> {
    SIZES.into_iter().find(|word| word.eq_ignore_ascii_case(size))
}

/// The vendor's name of a shape, if it makes that.
fn known(ratio: Option<Ratio>) -> Option<String> {
    let ratio = ratio?;
    let known = RATIOS.into_iter().find(|known| Ratio::parse(known) == Some(ratio));
    known.map(str::to_owned)
}

fn expected() -> String {
    format!("this model makes {}", RATIOS.join(", "))
}

fn is_taken(file: &File) -> bool {
    let kinds = ["image/heic", "image/heif", "image/jpeg", "image/png", "image/webp"];
    kinds.contains(&file.content_type.as_str())
}

fn fault(pointer: &str, reason: String) -> Vec<FieldIssue> {
    vec![FieldIssue { pointer: pointer.to_owned(), reason }]
}
