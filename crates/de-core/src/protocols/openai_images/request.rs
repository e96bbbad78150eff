//! Canonical call out: JSON to make pictures, a form with files to change some.

use http::{HeaderMap, HeaderValue, header};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{
    super::{
        Draft, FieldIssue, Place, Target,
        fields::{Fields, Issues},
        options::CallOption,
        picture::Ratio,
    },
    size::Sizes,
};
use crate::{
    auth::api_key::hex,
    calls::{File, ImageCall},
    mapping::{
        encode::{Part, PartValue, RenderedBody},
        variables,
    },
};

const GENERATIONS: &str = "/images/generations";
const EDITS: &str = "/images/edits";

const LONGEST_PROMPT: usize = 32_000;
const MOST_PICTURES: usize = 16;
/// Each must be smaller than this.
const PICTURE_CAP: usize = 50 * 1_000 * 1_000;
const MASK_CAP: usize = 4 * 1_000 * 1_000;

const QUALITIES: [&str; 6] = ["auto", "low", "medium", "high", "xhigh", "max"];
const FORMATS: [&str; 4] = ["png", "jpeg", "webp", "gif"];
/// The same with words that are still understood.
const ALL_QUALITIES: [&str; 8] =
    ["auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"];
const ALL_FORMATS: [&str; 5] = ["png", "jpeg", "webp", "gif", "jpg"];

const BACKGROUNDS: [&str; 3] = ["auto", "opaque", "transparent"];
const MODERATIONS: [&str; 2] = ["auto", "low"];
const FIDELITIES: [&str; 2] = ["high", "low"];

/// What a call can be told, as it is read below. What works on pictures alone is not among it.
pub(super) const OPTIONS: &[CallOption] = &[
    CallOption::whole("num_images", Some((1, 10))),
    CallOption::text("aspect_ratio", Some("A shape, as 16:9; not beside a size.")),
    CallOption::text("size", Some("In pixels, as 1024x1024; not beside a shape.")),
    CallOption::word("quality", &QUALITIES),
    CallOption::word("output_format", &FORMATS),
    CallOption::word("background", &BACKGROUNDS),
    CallOption::whole("output_compression", Some((0, 100))),
    CallOption::word("moderation", &MODERATIONS),
];

/// What other vendors have and this one has not.
const FOREIGN: [&str; 8] = [
    "guidance_scale",
    "magic_prompt",
    "negative_prompt",
    "rendering_speed",
    "resolution",
    "seed",
    "steps",
    "style",
];
/// What is said elsewhere in a call, or answered in a way that is not ours.
const OURS: [&str; 12] = [
    "image",
    "image[]",
    "images",
    "mask",
    "model",
    "n",
    "num_images",
    "partial_images",
    "prompt",
    "response_format",
    "stream",
    "user",
];

/// Writes the request.
pub(super) fn draft(call: &ImageCall, target: &Target) -> Result<Draft, Vec<FieldIssue>> {
    let mut issues = Issues::default();
    let settings = settings(call, target, &mut issues);
    files(call, &mut issues);
    if call.images.is_empty() {
        return issues.written(Draft::json(GENERATIONS, &Value::Object(settings)));
    }
    let mut parts = fields(&settings, &mut issues);
    parts.extend(
        call.images
            .iter()
            .enumerate()
            .map(|(index, file)| part("image[]", file, &format!("image-{index}"))),
    );
    parts.extend(call.mask.iter().map(|file| part("mask", file, "mask")));
    let dropped = issues.left_out()?;
    Ok(Draft { dropped, ..form(parts)? })
}

/// The members that both forms share.
fn settings(call: &ImageCall, target: &Target, issues: &mut Issues) -> Map<String, Value> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
    set("model", target.upstream_model.as_str().into());
    if call.prompt.chars().count() > LONGEST_PROMPT {
        issues.add("/prompt", format!("at most {LONGEST_PROMPT} characters"));
    }
    set("prompt", call.prompt.as_str().into());
    if !(1..=10).contains(&call.n) {
        issues.add("/options/num_images", "this model makes 1 to 10 pictures a call");
    }
    set("n", call.n.into());
    let options = Fields::in_object("/options", &call.options);
    let sizes = Sizes::of(&target.upstream_model);
    if let Some(size) = size(sizes, &options, target, issues) {
        set("size", size.into());
    }
    if let Some(quality) = options.word("quality", &ALL_QUALITIES, issues) {
        // The words of DALL·E, whose usual one was neither its best nor its cheapest.
        let quality = match quality {
            "hd" => "high",
            "standard" => "medium",
            other => other,
        };
        set("quality", quality.into());
    }
    let format = options.word("output_format", &ALL_FORMATS, issues);
    let format = format.map(|format| if format == "jpg" { "jpeg" } else { format });
    if let Some(format) = format {
        set("output_format", format.into());
    }
    if let Some(background) = options.word("background", &BACKGROUNDS, issues) {
        if background == "transparent" && format == Some("jpeg") {
            issues.add("/options/background", "transparent needs output_format png or webp");
        }
        set("background", background.into());
    }
    if let Some(compression) = options.count("output_compression", 0, issues) {
        if compression > 100 {
            issues.add("/options/output_compression", "expected a whole number from 0 to 100");
        }
        set("output_compression", compression.into());
    }
    for (name, words) in [("moderation", MODERATIONS), ("input_fidelity", FIDELITIES)] {
        if let Some(word) = options.word(name, &words, issues) {
            set(name, word.into());
        }
    }
    for name in options.names() {
        match name {
            "aspect_ratio" | "background" | "input_fidelity" | "moderation"
            | "output_compression" | "output_format" | "quality" | "size" => {}
            "partial_images" | "stream" => {
                issues.add(options.at(name), "pictures are not streamed");
            }
            _ if OURS.contains(&name) => issues.add(options.at(name), "is not set by options"),
            _ if FOREIGN.contains(&name) => {
                // The vendor's own choice is what there is.
                if options.value(name).and_then(Value::as_str) != Some("auto") {
                    issues.unsupported(&options.at(name), target);
                }
            }
            // The vendor may have it since this was written, and refuses by name what it has not.
            _ => set(name, options.value(name).cloned().unwrap_or_default()),
        }
    }
    match &call.user {
        Some(user) if target.takes_user => set("user", user.as_str().into()),
        Some(_) => issues.hint("/user", "this vendor has no mark for end users"),
        None => {}
    }
    body
}

/// `size`, or what `aspect_ratio` means.
fn size(
    sizes: Sizes,
    options: &Fields<'_>,
    target: &Target,
    issues: &mut Issues,
) -> Option<String> {
    let (size, ratio) = (options.string("size", issues), options.string("aspect_ratio", issues));
    match (size, ratio) {
        (None, None) => None,
        (Some(size), None) => {
            if let Err(reason) = sizes.check(size) {
                issues.add("/options/size", reason);
            }
            Some(size.to_owned())
        }
        (None, Some("auto")) => Some("auto".to_owned()),
        (None, Some(ratio)) => {
            let Some(ratio) = Ratio::parse(ratio) else {
                issues.add("/options/aspect_ratio", "expected a ratio, as 16:9");
                return None;
            };
            let shaped = sizes.shaped(ratio);
            let note = |reason| issues.unsaid("/options/aspect_ratio", reason, target);
            shaped.map_err(note).ok()
        }
        (Some(_), Some(_)) => {
            issues.add("/options/aspect_ratio", "give size or aspect_ratio, not both");
            None
        }
    }
}

fn files(call: &ImageCall, issues: &mut Issues) {
    if call.images.len() > MOST_PICTURES {
        issues.add("/image", format!("this model takes at most {MOST_PICTURES} pictures"));
    }
    for file in &call.images {
        if !["image/jpeg", "image/png", "image/webp"].contains(&file.content_type.as_str()) {
            issues.add("/image", "this model takes png, jpeg and webp");
        }
        if file.bytes.len() >= PICTURE_CAP {
            issues.add("/image", "each picture must be smaller than 50 MB");
        }
    }
    let Some(mask) = &call.mask else { return };
    if call.images.is_empty() {
        issues.add("/mask", "a mask goes with a picture");
    }
    if mask.content_type != "image/png" {
        issues.add("/mask", "a mask is a png");
    }
    if mask.bytes.len() >= MASK_CAP {
        issues.add("/mask", "a mask must be smaller than 4 MB");
    }
}

/// The settings as fields of a form.
fn fields(settings: &Map<String, Value>, issues: &mut Issues) -> Vec<Part> {
    let mut parts = Vec::new();
    for (name, value) in settings {
        let text = match value {
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::String(text) => text.clone(),
            Value::Array(_) | Value::Null | Value::Object(_) => {
                let at = format!("/options/{name}");
                issues.expected(at, "a text, a number or a boolean", value);
                continue;
            }
        };
        parts.push(Part { name: name.clone(), value: PartValue::Text(text) });
    }
    parts
}

fn part(name: &str, file: &File, stem: &str) -> Part {
    // The vendor looks at the ending.
    let ending = file.content_type.strip_prefix("image/").unwrap_or("png");
    let filename = format!("{stem}.{ending}");
    let file = variables::File {
        content_type: file.content_type.clone(),
        data: file.bytes.clone(),
        filename: Some(filename),
    };
    Part { name: name.to_owned(), value: PartValue::File(file) }
}

/// Writes the form. A boundary is a digest of what is said in it; if a file holds it all the same, the
/// next one is tried.
fn form(parts: Vec<Part>) -> Result<Draft, Vec<FieldIssue>> {
    const TRIES: u8 = 4;
    let mut digest = Sha256::new();
    for part in &parts {
        digest.update(part.name.as_bytes());
        match &part.value {
            PartValue::File(file) => digest.update(file.data.len().to_be_bytes()),
            PartValue::Text(text) => digest.update(text.as_bytes()),
        }
    }
    let body = RenderedBody::Multipart(parts);
    for number in 0..TRIES {
        let boundary = hex(&digest.clone().chain_update([number]).finalize());
        let Ok(Some(encoded)) = body.encode(&boundary) else { continue };
        let Ok(kind) = HeaderValue::try_from(encoded.content_type) else { continue };
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, kind);
        return Ok(Draft {
            body: encoded.bytes.into(),
            headers,
            dropped: Vec::new(),
            key_at: Vec::new(),
            method: http::Method::POST,
            place: Place::Path(EDITS.to_owned()),
            polling: None,
            warns: false,
        });
    }
    let reason = "these files cannot be told apart in a form".to_owned();
    Err(vec![FieldIssue { pointer: "/image".to_owned(), reason }])
}
