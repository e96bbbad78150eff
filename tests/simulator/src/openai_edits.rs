//! `POST /images/edits`: a form with up to 16 pictures, perhaps a mask, and the members that orders
//! for new pictures have.
//!
//! What the pictures show does not matter; their format and sides are looked at. A picture may have
//! 50 MB at the vendor, which no request to the simulator reaches.
//! Follows <https://platform.openai.com/docs/api-reference/images/createEdit>.

use crate::endpoint::{Incoming, Plan, Reply};
use crate::multipart::{self, Part};
use crate::openai_errors::{self, refuse};
use crate::openai_images::{self, Pictures};
use crate::picture::{self, Format};
use crate::schema::form;
use crate::schema::media::OPENAI_IMAGE;
use crate::tokens::IMAGE_TOKENS;

/// The most pictures of one order.
const MOST_IMAGES: usize = 16;

/// A mask is smaller than this, in bytes.
const LARGEST_MASK: usize = 4 << 20;

/// `POST /v1/images/edits`.
pub(crate) fn edits(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    openai_errors::authenticate(incoming)?;
    let parts = read(incoming)?;
    let (files, texts): (Vec<&Part>, Vec<&Part>) =
        parts.iter().partition(|part| matches!(part.name.as_str(), "image" | "image[]" | "mask"));
    if let Some(part) = texts.iter().find(|part| part.file_name.is_some()) {
        let message = format!("Unknown parameter: '{}'.", part.name);
        return Err(refuse(400, Some("unknown_parameter"), Some(&part.name), &message));
    }
    let texts = texts.iter().map(|part| (part.name.as_str(), part.text().unwrap_or_default()));
    let body = form::of_form(texts, OPENAI_IMAGE);
    let (body, model) = openai_images::named(incoming, body)?;
    if model.traits.retired {
        let message = format!("Invalid value: '{}'. This model does not edit.", model.id);
        return Err(refuse(400, Some("invalid_value"), Some("model"), &message));
    }
    openai_errors::check(incoming, &body, OPENAI_IMAGE)?;
    let images = check_files(&files)?;
    let tokens = images as u64 * IMAGE_TOKENS;
    Ok(Pictures::read(incoming, &body, model, "image_edit", tokens)?.plan())
}

fn read(incoming: &Incoming<'_>) -> Result<Vec<Part>, Reply> {
    let content_type = incoming.header("content-type").unwrap_or_default();
    if !multipart::is_form(content_type) {
        let message = format!(
            "Unsupported content type: '{content_type}'. This API method only accepts 'multipart/form-data' requests."
        );
        return Err(refuse(400, Some("unsupported_content_type"), None, &message));
    }
    multipart::parts(content_type, incoming.body).map_err(|error| {
        refuse(400, None, None, &format!("We could not parse the form of your request: {error}."))
    })
}

/// Checks the files; there are so many pictures.
fn check_files(files: &[&Part]) -> Result<usize, Reply> {
    let (masks, images): (Vec<&Part>, Vec<&Part>) =
        files.iter().partition(|part| part.name == "mask");
    let wrong =
        |code: &str, param: &str, message: &str| Err(refuse(400, Some(code), Some(param), message));
    if images.is_empty() {
        return wrong(
            "missing_required_parameter",
            "image",
            "Missing required parameter: 'image'.",
        );
    }
    if images.len() > MOST_IMAGES {
        let got = images.len();
        let message =
            format!("Invalid 'image': array too long. Expected at most {MOST_IMAGES}, got {got}.");
        return wrong("array_above_max_length", "image", &message);
    }
    let single = images.iter().filter(|part| part.name == "image").count();
    if single > 1 || masks.len() > 1 {
        let name = if single > 1 { "image" } else { "mask" };
        let message =
            format!("Duplicate parameter: '{name}'. For several files use the name '{name}[]'.");
        return wrong("duplicate_parameter", name, &message);
    }
    let mut first = None;
    for part in images {
        let (_, width, height) = measured(part)?;
        first.get_or_insert((width, height));
    }
    for part in &masks {
        let (format, width, height) = measured(part)?;
        if format != Format::Png || part.bytes.len() >= LARGEST_MASK {
            let message = "Invalid mask: it must be a PNG file of less than 4 MB.";
            return wrong("invalid_image_file", "mask", message);
        }
        if first != Some((width, height)) {
            let message = "Invalid mask: its size does not match that of the image.";
            return wrong("invalid_image_size", "mask", message);
        }
    }
    Ok(files.len() - masks.len())
}

/// The format and the sides of a file, which must be what its part says it is.
fn measured(part: &Part) -> Result<(Format, u32, u32), Reply> {
    let name = part.name.trim_end_matches("[]");
    if part.file_name.is_none() {
        let message =
            format!("Invalid type for '{name}': expected a file, but got a string instead.");
        return Err(refuse(400, Some("invalid_type"), Some(name), &message));
    }
    let known = [Format::Jpeg, Format::Png, Format::Webp];
    if !known.iter().any(|format| format.content_type() == part.content_type) {
        let message = format!(
            "Invalid file '{name}': unsupported mimetype ('{}'). Supported are 'image/jpeg', 'image/png', 'image/webp'.",
            part.content_type
        );
        return Err(refuse(400, Some("unsupported_file_mimetype"), Some(name), &message));
    }
    picture::measure(&part.bytes)
        .filter(|(format, _, _)| format.content_type() == part.content_type)
        .ok_or_else(|| {
            let message = format!("Invalid image file or mode for '{name}'.");
            refuse(400, Some("invalid_image_file"), Some(name), &message)
        })
}
