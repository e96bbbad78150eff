//! A whole answer: pictures in base64, or links to them, and what they cost in tokens.

use bytes::Bytes;
use serde::Deserialize;

use super::super::{
    Malformed,
    borrowed::{self, Text},
};
use crate::{
    calls::{ImageCall, ImageReply, Made, MadeImage},
    receipt::Usage,
};

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    data: Option<Vec<Item<'a>>>,
    quality: Option<String>,
    size: Option<String>,
    #[serde(default, deserialize_with = "borrowed::lenient")]
    usage: Option<Counts>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    b64_json: Option<Text<'a>>,
    revised_prompt: Option<String>,
    url: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
struct Counts {
    #[serde(default, deserialize_with = "borrowed::count")]
    input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "borrowed::lenient")]
    input_tokens_details: Option<Details>,
    #[serde(default, deserialize_with = "borrowed::count")]
    output_tokens: Option<u64>,
    #[serde(default, deserialize_with = "borrowed::lenient")]
    output_tokens_details: Option<Details>,
}

#[derive(Clone, Copy, Default, Deserialize)]
struct Details {
    #[serde(default, deserialize_with = "borrowed::count")]
    cached_tokens: Option<u64>,
    #[serde(default, deserialize_with = "borrowed::lenient")]
    cached_tokens_details: Option<Cached>,
    #[serde(default, deserialize_with = "borrowed::count")]
    image_tokens: Option<u64>,
    #[serde(default, deserialize_with = "borrowed::count")]
    text_tokens: Option<u64>,
}

#[derive(Clone, Copy, Default, Deserialize)]
struct Cached {
    #[serde(default, deserialize_with = "borrowed::count")]
    image_tokens: Option<u64>,
}

/// Reads an answer. An entry without a picture is one that the vendor holds back.
pub(super) fn read(call: &ImageCall, body: &Bytes) -> Result<ImageReply, Malformed> {
    let answer: Answer<'_> = borrowed::read(body)?;
    let items = answer.data.unwrap_or_default();
    if items.is_empty() {
        return Err(Malformed { pointer: "/data".to_owned(), reason: "no picture".to_owned() });
    }
    let images: Vec<MadeImage> = items
        .into_iter()
        .map(|item| {
            let inline = item.b64_json.map(|text| Made::Base64(text.part_of(body)));
            let made = inline.or(item.url.map(Made::Url));
            MadeImage { made, revised_prompt: item.revised_prompt, seed: None }
        })
        .collect();
    let pieces = u64::try_from(images.len()).unwrap_or(u64::MAX);
    let asked = |name: &str| {
        let word = call.options.get(name).and_then(|word| word.as_str());
        word.filter(|word| *word != "auto").map(str::to_owned)
    };
    Ok(ImageReply {
        cost: None,
        images,
        quality: answer.quality.or_else(|| asked("quality")),
        size: answer.size.or_else(|| asked("size")),
        usage: Some(usage(answer.usage.unwrap_or_default(), pieces)),
    })
}

/// OpenAI counts cached tokens into the input; our classes hold each token once.
fn usage(counts: Counts, pieces: u64) -> Usage {
    let input = counts.input_tokens.unwrap_or(0);
    let details = counts.input_tokens_details.unwrap_or_default();
    let seen = details.image_tokens.unwrap_or(0).min(input);
    let read = input - seen;
    let cached = details.cached_tokens.unwrap_or(0).min(input);
    let cached_seen = details.cached_tokens_details.and_then(|cached| cached.image_tokens);
    // Where it is not told of what, text was cached before pictures.
    let cached_seen = cached_seen.unwrap_or(cached.saturating_sub(read)).min(seen).min(cached);
    let cached_read = (cached - cached_seen).min(read);
    let output = counts.output_tokens.unwrap_or(0);
    let made = counts.output_tokens_details.unwrap_or_default();
    let written = made.text_tokens.unwrap_or(0).min(output);
    Usage {
        input_tokens: read - cached_read,
        cached_input_tokens: cached_read,
        image_input_tokens: seen - cached_seen,
        cached_image_input_tokens: cached_seen,
        output_tokens: written,
        image_output_tokens: output - written,
        images: pieces,
        requests: 1,
        ..Usage::default()
    }
}
