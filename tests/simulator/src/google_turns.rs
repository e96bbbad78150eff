//! The turns of a conversation with Gemini, checked as the vendor checks them.
//!
//! Follows <https://ai.google.dev/api/caching#Content>, <https://ai.google.dev/gemini-api/docs/function-calling>
//! and <https://ai.google.dev/gemini-api/docs/thought-signatures>.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::Value;

use crate::endpoint::Reply;
use crate::google_errors::invalid;

/// What a part can hold.
const KINDS: [&str; 5] = ["text", "inlineData", "fileData", "functionCall", "functionResponse"];

/// The types of files that may come in: pictures, documents, sounds.
const TYPES: [&str; 15] = [
    "application/pdf",
    "audio/aac",
    "audio/aiff",
    "audio/flac",
    "audio/mp3",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "image/heic",
    "image/heif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "text/csv",
    "text/plain",
];

/// The seal that the simulator puts on what it has thought.
pub(crate) const SIGNATURE: &str = "c2ltdWxhdGVkLXRob3VnaHQ=";

/// Stand for the seal of a call that another model made.
const FOREIGN: [&str; 2] =
    ["context_engineering_is_the_way_to_go", "skip_thought_signature_validator"];

/// The parts of a turn.
pub(crate) fn parts(content: &Value) -> &[Value] {
    content.get("parts").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The texts of a turn that are no thoughts.
pub(crate) fn texts(content: &Value) -> Vec<&str> {
    let said = parts(content).iter().filter(|part| part.get("thought") != Some(&Value::Bool(true)));
    said.filter_map(|part| part.get("text")?.as_str()).collect()
}

/// What of this kind a turn holds.
pub(crate) fn held<'a>(content: &'a Value, kind: &str) -> Vec<&'a Value> {
    parts(content).iter().filter_map(|part| part.get(kind).filter(|held| !held.is_null())).collect()
}

/// Checks all turns; `signed` demands the seals of the running turn's calls.
pub(crate) fn check(contents: &[Value], signed: bool) -> Result<(), Reply> {
    for (index, content) in contents.iter().enumerate() {
        for (place, part) in parts(content).iter().enumerate() {
            check_part(part, &format!("contents[{index}].parts[{place}]"))?;
        }
        check_role(content)?;
    }
    answered(contents)?;
    if signed { sealed(contents) } else { Ok(()) }
}

/// A part holds exactly one thing, and of a kind that can be read.
pub(crate) fn check_part(part: &Value, place: &str) -> Result<(), Reply> {
    let held: Vec<&str> =
        KINDS.into_iter().filter(|kind| part.get(*kind).is_some_and(|v| !v.is_null())).collect();
    let signature = part.get("thoughtSignature").and_then(Value::as_str);
    match held.as_slice() {
        ["text"] => {
            let empty = part.get("text").and_then(Value::as_str) == Some("");
            if empty && signature.is_none() {
                return Err(invalid(&format!("{place}: the text must not be empty.")));
            }
        }
        ["inlineData"] => check_blob(part.get("inlineData"), place)?,
        ["functionResponse"] => {
            let inner = part.pointer("/functionResponse/parts").and_then(Value::as_array);
            for blob in inner.into_iter().flatten() {
                check_blob(blob.get("inlineData"), place)?;
            }
            let names = inner.into_iter().flatten();
            let names = names.filter_map(|blob| blob.pointer("/inlineData/displayName")?.as_str());
            if let Some(response) = part.pointer("/functionResponse/response") {
                check_references(response, &names.collect::<Vec<_>>())?;
            }
        }
        ["fileData"] => {
            let uri = part.pointer("/fileData/fileUri").and_then(Value::as_str).unwrap_or_default();
            if !uri.starts_with("https://") && !uri.starts_with("http://") {
                return Err(invalid(&format!("Unsupported file URI: {uri}")));
            }
        }
        ["functionCall"] => {}
        _ => {
            let message = format!(
                "{place}.data: required oneof field 'data' must have one initialized field"
            );
            return Err(invalid(&message));
        }
    }
    match signature {
        Some(text) if text.is_empty() || decoded(text).is_none() => Err(invalid(&format!(
            "Invalid value at '{place}.thought_signature' (TYPE_BYTES), Base64 decoding failed"
        ))),
        Some(text) if text != SIGNATURE && !FOREIGN.contains(&text) => {
            Err(invalid("Thought signature is not valid."))
        }
        Some(_) | None => Ok(()),
    }
}

fn check_blob(blob: Option<&Value>, place: &str) -> Result<(), Reply> {
    let text = |name: &str| blob.and_then(|blob| blob.get(name)).and_then(Value::as_str);
    let mime_type = text("mimeType").unwrap_or_default();
    if !TYPES.contains(&mime_type) {
        return Err(invalid(&format!("Unsupported MIME type: {mime_type}")));
    }
    match decoded(text("data").unwrap_or_default()) {
        Some(bytes) if !bytes.is_empty() => Ok(()),
        Some(_) | None => Err(invalid(&format!(
            "Invalid value at '{place}.inline_data.data' (TYPE_BYTES), Base64 decoding failed"
        ))),
    }
}

/// A `$ref` in what a function gave back names a file beside it, and nothing else.
fn check_references(value: &Value, names: &[&str]) -> Result<(), Reply> {
    let members = match value {
        Value::Array(items) => {
            return items.iter().try_for_each(|item| check_references(item, names));
        }
        Value::Object(members) => members,
        _ => return Ok(()),
    };
    let named = members.get("$ref").map(|named| named.as_str().unwrap_or_default());
    if let Some(named) = named.filter(|named| !names.contains(named)) {
        return Err(invalid(&format!(
            "The referenced name `{named}` in function_response.response does not match to a \
             display_name in the function_response.parts."
        )));
    }
    members.values().try_for_each(|value| check_references(value, names))
}

/// The vendor reads both alphabets of base64.
fn decoded(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

/// The model calls, and only the user answers.
fn check_role(content: &Value) -> Result<(), Reply> {
    let is_model = content.get("role").and_then(Value::as_str) == Some("model");
    if is_model && !held(content, "functionResponse").is_empty() {
        return Err(invalid("Please use a valid role: a function response is the user's."));
    }
    if !is_model && !held(content, "functionCall").is_empty() {
        return Err(invalid("Please use a valid role: a function call is the model's."));
    }
    Ok(())
}

/// Each turn with calls is followed by one that answers all of them, and no other turn answers.
fn answered(contents: &[Value]) -> Result<(), Reply> {
    let mut open: Vec<&Value> = Vec::new();
    for content in contents {
        let answers = held(content, "functionResponse");
        if answers.len() != open.len() {
            let message = if open.is_empty() {
                "Please ensure that function response turn comes immediately after a function call turn."
            } else {
                "Please ensure that the number of function response parts is equal to the number of \
                 function call parts of the function call turn."
            };
            return Err(invalid(message));
        }
        for answer in answers {
            let same = |name: &str, call: &Value| answer.get(name) == call.get(name);
            let known = open
                .iter()
                .any(|call| same("name", call) && (answer.get("id").is_none() || same("id", call)));
            if !known {
                let name = answer.get("name").and_then(Value::as_str).unwrap_or_default();
                return Err(invalid(&format!("There is no function call that {name} answers.")));
            }
        }
        open = held(content, "functionCall");
    }
    Ok(())
}

/// In each step since the user last said something, the first call has its seal.
fn sealed(contents: &[Value]) -> Result<(), Reply> {
    let says = |content: &Value| {
        content.get("role").and_then(Value::as_str) != Some("model")
            && parts(content).iter().any(|part| part.get("functionResponse").is_none())
    };
    let start = contents.iter().rposition(says).unwrap_or_default();
    for (index, content) in contents.iter().enumerate().skip(start) {
        let first = parts(content).iter().find(|part| part.get("functionCall").is_some());
        let Some(part) = first.filter(|part| part.get("thoughtSignature").is_none()) else {
            continue;
        };
        let name = part.pointer("/functionCall/name").and_then(Value::as_str).unwrap_or_default();
        return Err(invalid(&format!(
            "Function call `{name}` in the `{index}.` content block is missing a `thought_signature`."
        )));
    }
    Ok(())
}
