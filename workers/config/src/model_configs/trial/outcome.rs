//! What is told of a test: the vendor's answer, for the eye and for the books.

use bytes::Bytes;
use de_core::{
    books::Books,
    calls::{ImageReply, MadeImage},
    chat::ChatReply,
    exchange::translate::note_whole,
    http::error::{ApiError, Code},
    ids::{ModelId, ReceiptId},
    json,
    mapping::preview::PreviewRequest,
    model::Modality,
    preview,
    protocols::native,
    receipt::Usage,
    registry::Model,
    secret::Secret,
};
use http::HeaderMap;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::overheard::Heard;
use crate::model_configs::value;

/// What is to be seen of one call.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct Tested {
    /// Whether the vendor answered well, and its answer could be read.
    pub(super) ok: bool,
    /// The model.
    pub(super) model_id: ModelId,
    /// Which version of it was called.
    pub(super) version: u64,
    /// What was sent, the key masked.
    pub(super) request: Option<PreviewRequest>,
    /// What the vendor answered last; null if nothing came.
    pub(super) reply: Option<Reply>,
    /// What is made of it.
    pub(super) output: Option<Value>,
    /// Why it is not ok.
    pub(super) error: Option<Fault>,
    /// Each try at the vendor.
    #[cfg_attr(not(target_family = "wasm"), schema(value_type = Vec<de_core::receipt::Attempt>))]
    pub(super) attempts: Value,
    /// From sending to the last byte.
    pub(super) duration_ms: i64,
    /// Null if it has no price or no count.
    pub(super) cost_micros: Option<i64>,
    /// The call in the books.
    pub(super) receipt_id: Option<ReceiptId>,
}

/// What a vendor answered.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct Reply {
    /// 100 to 599.
    status: u16,
    /// Its media type.
    content_type: Option<String>,
    /// JSON as it is, else text; the key masked, cut at 64 KiB. Null where it is neither.
    body: Value,
    /// How long it was, in bytes.
    size_bytes: usize,
}

/// Why a call failed, as a caller would have been told.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct Fault {
    /// What happened, for a person.
    error: String,
    /// What happened, for a program.
    error_code: &'static str,
    /// Particulars.
    details: Map<String, Value>,
}

/// Reads a good answer, and counts what it used.
pub(super) fn read(
    books: &Books,
    model: &Model,
    input: &Map<String, Value>,
    heard: Option<&Heard>,
    bytes: &Bytes,
) -> Result<Value, ApiError> {
    let malformed = |reason: String| {
        let name = &model.config.provider_id;
        let message = format!("{name} sent an answer that cannot be read");
        ApiError::new(Code::ProviderMalformed, message).with("reason", reason)
    };
    let mapping = model.vendor.mapping();
    if let (None, Some(images)) = (mapping, model.vendor.images())
        && preview::is_image(model)
    {
        let call = preview::pictures(input).map_err(|issues| ApiError::fields(&issues))?;
        let reply = images.reply(&call, &HeaderMap::new(), bytes);
        let reply = reply.map_err(|err| malformed(err.to_string()))?;
        return Ok(pictured(books, &reply));
    }
    if let Some(vendor) = preview::speaks(model) {
        let call = preview::speech(input).map_err(|issues| ApiError::fields(&issues))?;
        books.counted(&vendor.usage(&call, &HeaderMap::new()));
        books.finished();
        let content_type = heard.and_then(|heard| heard.content_type.clone());
        return Ok(json!({"content_type": content_type, "size_bytes": bytes.len()}));
    }
    if let Some(vendor) = preview::makes_vectors(model) {
        let call = preview::vectors(model, input).map_err(|issues| ApiError::fields(&issues))?;
        let reply = vendor.reply(&call, bytes).map_err(|err| malformed(err.to_string()))?;
        if let Some(usage) = &reply.usage {
            books.counted(usage);
        }
        books.finished();
        return Ok(json!({"vectors": call.input.len(), "usage": reply.usage}));
    }
    let of_bytes = mapping.is_some_and(|mapping| mapping.answers_bytes());
    let body = if of_bytes {
        Value::Null
    } else {
        json::parse(bytes).map_err(|err| malformed(err.to_string()))?
    };
    let mapped = mapping.map(|mapping| {
        let status = heard.map_or(200, |heard| heard.status);
        let kind = heard.and_then(|heard| heard.content_type.clone());
        let headers: Vec<(String, String)> =
            kind.into_iter().map(|kind| ("content-type".to_owned(), kind)).collect();
        mapping.reply(status, &headers, &body)
    });
    let mapped = mapped.transpose().map_err(|err| malformed(err.to_string()))?;
    let mapped = mapped.map(|mapped| value(&mapped));
    if !model.config.works_in(Modality::Text) {
        books.counted(&made(model, mapped.as_ref(), input));
        return Ok(mapped.unwrap_or_default());
    }
    let reply = model.vendor.reply(&body).map_err(|err| malformed(err.to_string()))?;
    Ok(booked(books, &reply, mapped))
}

/// Books a reply, and shows it: as its mapping has read it, else in the form of our own protocol.
pub(super) fn booked(books: &Books, reply: &ChatReply, mapped: Option<Value>) -> Value {
    let text = reply.text();
    note_whole(books, reply);
    if let Some(tier) = &reply.service_tier {
        books.served(tier);
    }
    if let Some(usage) = &reply.usage {
        books.counted(usage);
    }
    let finish = reply.choices.first().map(|choice| native::finish_reason(&choice.finish));
    mapped.unwrap_or_else(|| {
        json!({
            "text": text,
            "finish_reason": finish,
            "model": reply.model,
            "usage": reply.usage.as_ref().map(native::usage),
        })
    })
}

/// Books pictures, and says what there is; the vendor's reply beside it has them.
fn pictured(books: &Books, reply: &ImageReply) -> Value {
    books.pictured(reply.size.as_deref(), reply.quality.as_deref());
    if let Some(usage) = &reply.usage {
        books.counted(usage);
    }
    books.finished();
    let made = |picture: &&MadeImage| picture.made.is_some();
    let count = reply.images.iter().filter(made).count();
    json!({
        "pictures": count,
        "held_back": reply.images.len() - count,
        "size": reply.size,
        "quality": reply.quality,
        "usage": reply.usage,
    })
}

/// What a call that makes no text has used, as far as its answer and its input say.
fn made(model: &Model, mapped: Option<&Value>, input: &Map<String, Value>) -> Usage {
    let member = |name: &str| mapped.and_then(|mapped| mapped.get(name));
    let tokens = |name: &str| member(name).and_then(Value::as_u64).unwrap_or(0);
    let count = |name: &str| member(name).and_then(Value::as_array).map_or(0, Vec::len);
    let pictures = count("images").max(count("pictures"));
    let pictures = pictures.max(usize::from(member("image_url").or(member("b64")).is_some()));
    let is_image = model.config.works_in(Modality::Image);
    let spoken = ["user_text", "user_prompt", "prompt"].iter().find_map(|name| input.get(*name));
    let spoken = spoken.and_then(Value::as_str).map_or(0, |text| text.chars().count());
    let is_audio = model.config.works_in(Modality::Audio);
    Usage {
        characters: if is_audio { u64::try_from(spoken).unwrap_or(0) } else { 0 },
        images: if is_image { u64::try_from(pictures).unwrap_or(0) } else { 0 },
        input_tokens: tokens("input_tokens"),
        output_tokens: tokens("output_tokens"),
        requests: 1,
        ..Usage::default()
    }
}

/// An answer for the eye. A vendor may quote our key, also where the answer is cut.
pub(super) fn reply(heard: Heard, key: Option<&Secret>) -> Reply {
    let Heard { mut body, content_type, status, size_bytes } = heard;
    let is_cut = size_bytes > body.len();
    if is_cut {
        let hidden = key.map_or(0, |key| key.expose().len());
        body.truncate(body.len().saturating_sub(hidden));
    }
    let text = match String::from_utf8(body) {
        Ok(text) => Some(text),
        // A character may have been cut in two; anything else that is no text is sound or a picture.
        Err(err) => {
            let valid = err.utf8_error().valid_up_to();
            let mut bytes = err.into_bytes();
            let is_text = is_cut && bytes.len().saturating_sub(valid) < 4;
            bytes.truncate(valid);
            String::from_utf8(bytes).ok().filter(|_| is_text)
        }
    };
    // The key is looked for in what was meant: in JSON it may be spelt in many ways.
    let body = text.map(|text| json::parse(text.as_bytes()).unwrap_or(Value::String(text)));
    let body = body.map(|body| match key {
        Some(key) => hidden(body, key),
        None => body,
    });
    Reply { status, content_type, body: body.unwrap_or_default(), size_bytes }
}

/// The same without the key in any text of it.
pub(super) fn hidden(value: Value, key: &Secret) -> Value {
    match value {
        // Too short a key to be looked for everywhere may still be all there is.
        Value::String(text) if text == key.expose() => "***".into(),
        Value::String(text) => key.mask(&text).into(),
        Value::Array(list) => list.into_iter().map(|item| hidden(item, key)).collect(),
        Value::Object(members) => {
            let members = members.into_iter();
            members.map(|(name, member)| (key.mask(&name), hidden(member, key))).collect()
        }
        other => other,
    }
}

/// A failure, as a caller would have got it.
pub(super) fn fault(error: ApiError) -> Fault {
    Fault {
        error: error.message().to_owned(),
        error_code: error.code().as_str(),
        details: error.details().clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expected: Value) {
        let heard = Heard {
            body: body.as_bytes().to_vec(),
            content_type: None,
            size_bytes: body.len(),
            status: 401,
        };
        let key = Secret::new("abcd/efgh-canary".to_owned());
        assert_eq!(reply(heard, Some(&key)).body, expected, "{body}");
    }

    #[test]
    fn s14_the_key_is_hidden_however_it_is_spelt() {
        check(r#"{"error": "bad abcd/efgh-canary"}"#, json!({"error": "bad ***"}));
        check(r#"{"error": "bad abcd\/efgh-canary"}"#, json!({"error": "bad ***"}));
        check(r#"[{"a": ["\u0061bcd/efgh-canary"]}]"#, json!([{"a": ["***"]}]));
        check(r#"{"abcd\/efgh-canary": 1}"#, json!({"***": 1}));
        check("bad abcd/efgh-canary!", json!("bad ***!"));
    }
}
