//! Pictures, speech and films by a payload mapping.
//!
//! The caller's settings are options by their own names. `n` is `num_images` or `n`, whichever the mapping
//! takes; the files of an edit are the variables `image` (the first one) and `mask`.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value};

use super::{MappedVendor, boundary, draft, left_out_issue, malformed, option_issue, whole};
use crate::{
    calls::{File, ImageCall, ImageReply, Made, MadeImage, RenderCall, RenderReply, SpeechCall},
    json,
    mapping::{
        PayloadMapping,
        poll::Polling,
        reply::{MappedReply, Picture},
        variables::{self, Reserved, Variables},
    },
    media::RawAudio,
    money::Micros,
    protocols::{
        Draft, FieldIssue, ImageVendor, Malformed, RenderVendor, SpeechVendor, Target,
        picture::Size,
    },
    receipt::Usage,
    render::length,
    sound::{self, SoundFormat},
};

impl ImageVendor for MappedVendor {
    fn request(&self, call: &ImageCall, target: &Target) -> Result<Draft, Vec<FieldIssue>> {
        let mapping = &self.mapping;
        let mut options = call.options.clone();
        translate(mapping, &mut options);
        let count = ["num_images", "n"].into_iter().find(|name| mapping.takes(name));
        match count {
            Some(name) => {
                options.insert(name.to_owned(), call.n.into());
            }
            None if call.n > 1 => {
                return Err(issue("/options/num_images", "this model makes one picture a call"));
            }
            None => {}
        }
        for (name, files) in
            [("image", call.images.len()), ("mask", usize::from(call.mask.is_some()))]
        {
            if files > 0 && !mapping.uses(name) {
                return Err(issue(&format!("/{name}"), "this model takes no such file"));
            }
        }
        if call.images.len() > 1 {
            return Err(issue("/image", "this model takes one picture"));
        }
        let pictures = call.images.iter().map(|file| ("image", of(file)));
        let reserved = Reserved {
            files: pictures.chain(call.mask.iter().map(|file| ("mask", of(file)))).collect(),
            model: Some(target.upstream_model.clone()),
            user: call.user.clone(),
            user_prompt: Some(call.prompt.clone()),
            ..Reserved::default()
        };
        let (variables, mut dropped) = gather(mapping, reserved, &options, target)?;
        if call.user.is_some() && !mapping.uses("user") {
            let reason = "this model's mapping does not use it".to_owned();
            dropped.push(FieldIssue { pointer: "/user".to_owned(), reason });
        }
        Ok(Draft { dropped, ..ordered(self, &variables)? })
    }

    fn reply(
        &self,
        call: &ImageCall,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<ImageReply, Malformed> {
        if self.mapping.answers_bytes() {
            let made = Some(Made::Bytes(body.clone()));
            let images = vec![MadeImage { made, ..MadeImage::default() }];
            return Ok(self.priced(call, counted(images, None)));
        }
        let body = json::parse(body).map_err(|err| unreadable(err.to_string()))?;
        let reply = self.mapping.reply(200, &pairs(headers), &body).map_err(malformed)?;
        ImageVendor::ordered(self, call, reply)
    }

    fn ordered(&self, call: &ImageCall, reply: MappedReply) -> Result<ImageReply, Malformed> {
        image_reply(reply).map(|reply| self.priced(call, reply))
    }
}

impl MappedVendor {
    /// Adds what the price may depend on: what the reply says was made, else what was asked for.
    fn priced(&self, call: &ImageCall, reply: ImageReply) -> ImageReply {
        let asked = |name: &str| {
            let option = call.options.get(name).and_then(Value::as_str);
            option.or_else(|| self.mapping.usual(name)?.as_str()).map(str::to_owned)
        };
        let quality = reply.quality.or_else(|| asked("quality"));
        let quality = quality.or_else(|| asked("rendering_speed"));
        ImageReply { quality, size: reply.size.or_else(|| asked("size")), ..reply }
    }
}

/// Says in the mapping's words what it has a word for: of `size` in pixels the shape, where it takes an
/// `aspect_ratio` and no size. `auto` is the vendor's own choice, and needs no word.
fn translate(mapping: &PayloadMapping, options: &mut Map<String, Value>) {
    options.retain(|name, value| value.as_str() != Some("auto") || mapping.takes(name));
    if mapping.takes("size")
        || !mapping.takes("aspect_ratio")
        || options.contains_key("aspect_ratio")
    {
        return;
    }
    let size = options.get("size").and_then(Value::as_str).and_then(Size::parse);
    if let Some(size) = size {
        options.shift_remove("size");
        options.insert("aspect_ratio".to_owned(), size.ratio().to_string().into());
    }
}

/// The pictures that a mapped reply names. One that is held back is billed all the same; so is the one that
/// a reply holds back which names none and says so by its `finish_reason`.
///
/// # Errors
/// [`Malformed`] if it names none and does not say why.
pub fn image_reply(reply: MappedReply) -> Result<ImageReply, Malformed> {
    let MappedReply {
        b64,
        cost,
        finish_reason,
        image_url,
        images,
        metadata,
        pictures,
        revised_prompt,
        ..
    } = reply;
    let cost = cost.and_then(Micros::of_dollars);
    let seed = metadata.get("seed").and_then(Value::as_u64);
    let text = |name: &str| metadata.get(name).and_then(Value::as_str).map(str::to_owned);
    let (size, quality) = (text("size").or_else(|| text("resolution")), text("quality"));
    if !pictures.is_empty() {
        let made = pictures.into_iter().map(|picture| one(picture, seed)).collect();
        return Ok(ImageReply { quality, size, ..counted(made, cost) });
    }
    let links = if images.is_empty() { image_url.into_iter().collect() } else { images };
    let made: Vec<Made> = if links.is_empty() {
        b64.into_iter().map(|text| Made::Base64(text.into())).collect()
    } else {
        links.into_iter().map(Made::Url).collect()
    };
    let is_held_back = finish_reason.as_deref() == Some("content_filter");
    if made.is_empty() && !is_held_back {
        return Err(unreadable("the reply has no picture".to_owned()));
    }
    let mut pictures: Vec<MadeImage> = made
        .into_iter()
        .map(|made| MadeImage { made: Some(made), revised_prompt: revised_prompt.clone(), seed })
        .collect();
    if pictures.is_empty() {
        pictures.push(MadeImage { made: None, revised_prompt, seed });
    }
    Ok(ImageReply { quality, size, ..counted(pictures, cost) })
}

/// `of_all` is the seed where the vendor names one for the whole reply.
fn one(picture: Picture, of_all: Option<u64>) -> MadeImage {
    let Picture { b64, held_back: _, revised_prompt, seed, url } = picture;
    let seed = seed.or(of_all);
    let made = url.map(Made::Url).or(b64.map(|text| Made::Base64(text.into())));
    MadeImage { made, revised_prompt, seed }
}

fn counted(images: Vec<MadeImage>, cost: Option<Micros>) -> ImageReply {
    let count = u64::try_from(images.len()).unwrap_or(u64::MAX);
    let usage = Some(Usage { images: count, requests: 1, ..Usage::default() });
    ImageReply { cost, images, usage, ..ImageReply::default() }
}

impl SpeechVendor for MappedVendor {
    fn request(&self, call: &SpeechCall, target: &Target) -> Result<Draft, Vec<FieldIssue>> {
        let mapping = &self.mapping;
        if !mapping.answers_bytes() {
            return Err(issue("", "this model's mapping does not answer with sound"));
        }
        let mut options = call.options.clone();
        let voice = call.voice.clone().map(Value::from);
        let format = call.format.as_deref().map(|word| format_word(mapping, word).into());
        for (value, names, place) in [
            (voice, ["voice_id", "voice"], "/voice_id"),
            (format, ["output_format", "response_format"], "/options/output_format"),
        ] {
            let Some(value) = value else { continue };
            let Some(name) = names.into_iter().find(|name| mapping.takes(name)) else {
                return Err(issue(place, "this model has no choice of that"));
            };
            options.insert(name.to_owned(), value);
        }
        let reserved = Reserved {
            model: Some(target.upstream_model.clone()),
            user_text: Some(call.text.clone()),
            ..Reserved::default()
        };
        let (variables, dropped) = gather(mapping, reserved, &options, target)?;
        Ok(Draft { dropped, ..ordered(self, &variables)? })
    }

    fn raw(&self, call: &SpeechCall) -> Option<RawAudio> {
        let usual = ["output_format", "response_format"].into_iter();
        let usual = || usual.into_iter().find_map(|name| self.mapping.usual(name)?.as_str());
        SoundFormat::parse(call.format.as_deref().or_else(usual)?)?.raw()
    }

    fn usual_voice(&self) -> Option<&str> {
        ["voice_id", "voice"].into_iter().find_map(|name| self.mapping.usual(name)?.as_str())
    }

    fn usage(&self, call: &SpeechCall, headers: &HeaderMap) -> Usage {
        let told = self.mapping.reply(200, &pairs(headers), &Value::Null).ok();
        let told = told.and_then(|reply| reply.metadata.get("characters").cloned());
        let told = told.and_then(|count| {
            count.as_u64().or_else(|| count.as_str().and_then(|text| text.trim().parse().ok()))
        });
        let spoken = u64::try_from(call.text.chars().count()).unwrap_or(u64::MAX);
        Usage { characters: told.unwrap_or(spoken), requests: 1, ..Usage::default() }
    }
}

impl RenderVendor for MappedVendor {
    fn request(
        &self,
        call: &RenderCall,
        callback: Option<&url::Url>,
        target: &Target,
    ) -> Result<Draft, Vec<FieldIssue>> {
        let mut options = call.edit.clone();
        if let Some(callback) = callback.filter(|_| self.mapping.takes("callback")) {
            options.insert("callback".to_owned(), callback.as_str().into());
        }
        let reserved =
            Reserved { model: Some(target.upstream_model.clone()), ..Reserved::default() };
        // What is an option of a mapping is a member of an edit.
        let of_edit = |mut issues: Vec<FieldIssue>| {
            for issue in &mut issues {
                if let Some(member) = issue.pointer.strip_prefix("/options") {
                    issue.pointer = member.to_owned();
                }
            }
            issues
        };
        let gathered = gather(&self.mapping, reserved, &options, target).map_err(of_edit)?;
        let (variables, dropped) = gathered;
        Ok(Draft { dropped: of_edit(dropped), ..ordered(self, &variables)? })
    }

    fn ordered(&self, call: &RenderCall, reply: MappedReply) -> Result<RenderReply, Malformed> {
        render_reply(call, reply)
    }
}

/// The film that a mapped reply names: `video_url`, else `audio_url` or `image_url`; `poster`, `thumbnail`,
/// and `duration` in seconds.
///
/// # Errors
/// [`Malformed`] if it names none.
pub fn render_reply(call: &RenderCall, reply: MappedReply) -> Result<RenderReply, Malformed> {
    let MappedReply { audio_url, image_url, metadata, video_url, .. } = reply;
    let made = video_url.or(audio_url).or(image_url).map(Made::Url);
    if made.is_none() {
        return Err(unreadable("the reply has no film".to_owned()));
    }
    let link = |name: &str| {
        metadata.get(name).and_then(Value::as_str).map(|url| Made::Url(url.to_owned()))
    };
    let told = metadata.get("duration").and_then(Value::as_f64).filter(|seconds| *seconds > 0.0);
    let expected = length::usage(&call.edit);
    let media_ms = match told {
        Some(seconds) if expected.images == 0 => length::millis(seconds),
        Some(_) | None => expected.media_ms,
    };
    Ok(RenderReply {
        made,
        poster: link("poster"),
        thumbnail: link("thumbnail"),
        usage: Some(Usage { media_ms, ..expected }),
    })
}

/// The mapping's word for a format. Which vendor's words it has, its own default shows: OpenAI's or
/// ElevenLabs'. A word that has no other is taken as it is.
fn format_word<'a>(mapping: &PayloadMapping, word: &'a str) -> &'a str {
    let usual = ["output_format", "response_format"]
        .into_iter()
        .find_map(|name| mapping.usual(name)?.as_str().map(str::to_owned));
    let Some(format) = SoundFormat::parse(word) else { return word };
    let other = match usual.as_deref() {
        Some(usual) if sound::ELEVENLABS.contains(&usual) => format.for_elevenlabs(),
        Some(usual) if sound::OPENAI.contains(&usual) => format.for_openai(),
        Some(_) | None => None,
    };
    other.unwrap_or(word)
}

/// Renders a call, and what asks about the order if it is one.
fn ordered(vendor: &MappedVendor, variables: &Variables) -> Result<Draft, Vec<FieldIssue>> {
    let rendered = vendor.mapping.render(variables).map_err(|err| whole(err.to_string()))?;
    let polling = Polling::new(vendor.mapping.clone(), variables);
    let polling = polling.map_err(|err| whole(err.to_string()))?;
    let draft = draft(rendered, &boundary(variables)).map_err(whole)?;
    Ok(Draft { polling, ..draft })
}

/// What each variable of a mapping is in a call, and which of its options were left out.
fn gather(
    mapping: &PayloadMapping,
    reserved: Reserved,
    options: &Map<String, Value>,
    target: &Target,
) -> Result<(Variables, Vec<FieldIssue>), Vec<FieldIssue>> {
    match mapping.variables_where(reserved, options, target.unknown_options) {
        Ok((variables, notices)) => Ok((variables, notices.iter().map(left_out_issue).collect())),
        Err(errors) => Err(errors.iter().map(option_issue).collect()),
    }
}

fn issue(pointer: &str, reason: &str) -> Vec<FieldIssue> {
    vec![FieldIssue { pointer: pointer.to_owned(), reason: reason.to_owned() }]
}

fn unreadable(reason: String) -> Malformed {
    Malformed { pointer: String::new(), reason }
}

fn of(file: &File) -> variables::File {
    variables::File {
        content_type: file.content_type.clone(),
        data: file.bytes.clone(),
        filename: file.file_name.clone(),
    }
}

fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}
