//! A whole answer: pictures among the parts of what the model said.
//!
//! An answer without a picture is no failure of the protocol: the prompt was blocked, the picture held
//! back, or the model answered in words. All of these count as one picture held back, and what was read
//! and thought is billed.

use bytes::Bytes;
use serde::Deserialize;

use super::super::{
    Malformed,
    borrowed::{self, Text},
};
use crate::{
    calls::{ImageReply, Made, MadeImage},
    receipt::Usage,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    #[serde(borrow)]
    candidates: Option<Vec<Candidate<'a>>>,
    prompt_feedback: Option<Feedback>,
    #[serde(default, deserialize_with = "borrowed::lenient")]
    usage_metadata: Option<Counts>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    #[serde(borrow)]
    content: Option<Content<'a>>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow)]
    parts: Option<Vec<Part<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part<'a> {
    #[serde(borrow)]
    inline_data: Option<Inline<'a>>,
    /// Drafts on the way to the picture, which are not billed as pictures.
    thought: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inline<'a> {
    #[serde(borrow)]
    data: Option<Text<'a>>,
    #[serde(borrow)]
    mime_type: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    #[serde(default, deserialize_with = "borrowed::count")]
    cached_content_token_count: Option<u64>,
    #[serde(default, deserialize_with = "borrowed::count")]
    candidates_token_count: Option<u64>,
    #[serde(default, deserialize_with = "borrowed::lenient")]
    candidates_tokens_details: Option<Vec<Detail>>,
    #[serde(default, deserialize_with = "borrowed::count")]
    prompt_token_count: Option<u64>,
    #[serde(default, deserialize_with = "borrowed::count")]
    thoughts_token_count: Option<u64>,
    #[serde(default, deserialize_with = "borrowed::count")]
    tool_use_prompt_token_count: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    modality: Option<String>,
    #[serde(default, deserialize_with = "borrowed::count")]
    token_count: Option<u64>,
}

/// Reads an answer.
pub(super) fn read(body: &Bytes) -> Result<ImageReply, Malformed> {
    let answer: Answer<'_> = borrowed::read(body)?;
    let candidates = answer.candidates.unwrap_or_default();
    let blocked = answer.prompt_feedback.and_then(|feedback| feedback.block_reason);
    let ended = candidates.iter().any(|candidate| candidate.finish_reason.is_some());
    let parts = candidates
        .into_iter()
        .filter_map(|candidate| candidate.content?.parts)
        .flatten()
        .filter(|part| part.thought != Some(true));
    let mut images: Vec<MadeImage> = parts
        .filter_map(|part| {
            let inline = part.inline_data?;
            let kind = inline.mime_type.map(|kind| kind.to_text()).unwrap_or_default();
            let data = inline.data.filter(|_| kind.is_empty() || kind.starts_with("image/"))?;
            Some(MadeImage { made: Some(Made::Base64(data.part_of(body))), ..MadeImage::default() })
        })
        .collect();
    let pieces = u64::try_from(images.len()).unwrap_or(u64::MAX);
    if images.is_empty() {
        if blocked.is_none() && !ended {
            let reason = "neither a picture nor a reason why there is none".to_owned();
            return Err(Malformed { pointer: "/candidates".to_owned(), reason });
        }
        images.push(MadeImage::default());
    }
    Ok(ImageReply {
        images,
        usage: Some(usage(&answer.usage_metadata.unwrap_or_default(), pieces)),
        ..ImageReply::default()
    })
}

/// Google counts cached tokens into the prompt, and bills pictures that it reads as text. Thoughts stand
/// beside the candidates. Where it does not tell of what the candidates are, they are the pictures.
fn usage(counts: &Counts, pieces: u64) -> Usage {
    let prompt = counts.prompt_token_count.unwrap_or(0);
    let prompt = prompt.saturating_add(counts.tool_use_prompt_token_count.unwrap_or(0));
    let cached = counts.cached_content_token_count.unwrap_or(0).min(prompt);
    let made = counts.candidates_token_count.unwrap_or(0);
    let details = counts.candidates_tokens_details.as_deref().unwrap_or_default();
    let of_pictures = details
        .iter()
        .filter(|detail| detail.modality.as_deref() == Some("IMAGE"))
        .fold(0_u64, |sum, detail| sum.saturating_add(detail.token_count.unwrap_or(0)));
    let is_told = details.iter().any(|detail| detail.token_count.is_some());
    let of_pictures = match (is_told, pieces) {
        (false, 0) => 0,
        (false, _) => made,
        _ => of_pictures.min(made),
    };
    let thoughts = counts.thoughts_token_count.unwrap_or(0);
    Usage {
        input_tokens: prompt - cached,
        cached_input_tokens: cached,
        output_tokens: (made - of_pictures).saturating_add(thoughts),
        reasoning_tokens: thoughts,
        image_output_tokens: of_pictures,
        images: pieces,
        requests: 1,
        ..Usage::default()
    }
}
