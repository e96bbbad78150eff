//! Sound as it is made: a vendor's bytes to the caller, through our hands.
//!
//! They pass through our code and not past it, as events do. Speech is little (16 kB a second of it), and
//! what passes here can be looked at: the head of the answer waits for the first bytes, which a caller has
//! no use for a head without, and a page in place of sound becomes an error with a status. A stream that
//! breaks off is broken for the caller too, since sound has no word for that.

use std::{io, pin::pin, sync::Arc};

use axum::body::Body;
use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{HeaderMap, HeaderValue, header};

use super::{
    answer::Opened,
    deadlines::remaining,
    failure,
    job::Job,
    upstream::{Heard, Upstream},
};
use crate::{
    books::{Books, CLIENT_LEFT, Outcome},
    calls::SpeechCall,
    http::error::{ApiError, Code},
    media::{self, Extent, MediaError, MediaKind, MediaType, RawAudio},
    ports::Departure,
    registry::Model,
    sound::SoundFormat,
    spoken,
};

/// How much is kept of the beginning and of the end, to learn how long it is.
const KEPT: usize = media::HEAD_BYTES;

/// Sound that has begun to come.
pub struct Sound {
    /// The bytes.
    pub body: Body,
    /// What they are: by themselves, else as they were asked for, else as the vendor says.
    pub content_type: HeaderValue,
}

/// Waits for the first bytes, and looks at them. `call` is what was asked of the model that answers.
///
/// The books are closed when the body has ended, or is dropped.
///
/// # Errors
/// `PROVIDER_MALFORMED` if they are none of sound, `PROVIDER_TIMEOUT`, `PROVIDER_ERROR` if the connection
/// broke before them, `CLIENT_LEFT`.
pub async fn begin(
    job: &Job<'_>,
    books: &Arc<Books>,
    opened: Opened,
    call: &SpeechCall,
) -> Result<Sound, ApiError> {
    let model = opened.model.clone();
    let headers = opened.inbound.headers.clone();
    let left = remaining(job, &model);
    let mut upstream = Upstream::new(job.platform, opened, left);
    let first = first(&mut upstream, job.departure, &model).await?;
    let raw = model.vendor.speech().and_then(|vendor| vendor.raw(call));
    let media = look(&first, raw).map_err(|err| {
        let message = format!("{} sent something that is no sound", model.config.provider_id);
        ApiError::new(Code::ProviderMalformed, message).because(err.to_string()).for_good()
    })?;
    let content_type = content_type(media, raw, call, &headers);
    let bill = spoken::bill(&model, call, &headers, None);
    if !bill.is_estimate {
        books.counted(&bill.usage);
        if headers.contains_key("character-cost") {
            // The whole bill, however much of the sound comes.
            books.finished();
        }
    }
    let tally = spoken::depends_on_length(&model).then(|| Tally {
        call: call.clone(),
        head: Vec::new(),
        headers,
        media,
        raw,
        size_bytes: 0,
        tail: Vec::new(),
    });
    let sounding = Sounding {
        books: books.clone(),
        departure: job.departure.cloned(),
        first: Some(first),
        is_over: false,
        model,
        tally,
        upstream,
    };
    let stream = futures_util::stream::unfold(sounding, |mut sounding| async move {
        let bytes = sounding.next().await?;
        Some((bytes, sounding))
    });
    Ok(Sound { body: Body::from_stream(stream), content_type })
}

/// The first bytes that there are.
async fn first(
    upstream: &mut Upstream,
    departure: Option<&Departure>,
    model: &Model,
) -> Result<Bytes, ApiError> {
    let name = &model.config.provider_id;
    loop {
        return match heard(upstream, departure).await {
            Some(Heard::Bytes(bytes)) if bytes.is_empty() => continue,
            Some(Heard::Silence) => continue,
            Some(Heard::Bytes(bytes)) => Ok(bytes),
            Some(Heard::Fault(Code::ProviderTimeout)) => {
                Err(failure::timed_out(model, "begin to speak"))
            }
            Some(Heard::Fault(code)) => {
                Err(ApiError::new(code, format!("{name} broke off before its first word"))
                    .for_good())
            }
            Some(Heard::End) => {
                let message = format!("{name} sent an answer without sound");
                Err(ApiError::new(Code::ProviderMalformed, message).for_good())
            }
            None => Err(failure::client_left()),
        };
    }
}

/// Waits for the vendor, but not past the client's patience: `None`.
async fn heard(upstream: &mut Upstream, departure: Option<&Departure>) -> Option<Heard> {
    match select(pin!(upstream.hear()), pin!(Departure::of(departure))).await {
        Either::Left((heard, _)) => heard,
        Either::Right(_) => None,
    }
}

/// What the first bytes are, as far as they tell; refused is what is text or a picture for sure.
///
/// They may be few, and not tell: more are not waited for.
fn look(first: &[u8], raw: Option<RawAudio>) -> Result<Option<MediaType>, MediaError> {
    if let Some(raw) = raw {
        return raw.expect(first).map(|_| None);
    }
    match media::sniff(first) {
        Ok(found) if found.kind() == MediaKind::Image => {
            Err(MediaError::OtherKind { found, promised: MediaKind::Audio })
        }
        Ok(found) => Ok(Some(found)),
        Err(MediaError::NotListed { found }) if !is_text(found) => Ok(None),
        Err(err) => Err(err),
    }
}

fn is_text(found: &str) -> bool {
    found.starts_with("text/") || ["application/json", "image/svg+xml"].contains(&found)
}

fn content_type(
    media: Option<MediaType>,
    raw: Option<RawAudio>,
    call: &SpeechCall,
    headers: &HeaderMap,
) -> HeaderValue {
    let asked = call.format.as_deref().and_then(SoundFormat::parse);
    let known = media.map(MediaType::content_type).or(raw.map(RawAudio::content_type));
    if let Some(known) = known.or(asked.map(SoundFormat::content_type)) {
        return HeaderValue::from_static(known);
    }
    let said = headers.get(header::CONTENT_TYPE);
    let said = said.filter(|said| said.as_bytes().starts_with(b"audio/"));
    said.cloned().unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

struct Sounding {
    books: Arc<Books>,
    departure: Option<Departure>,
    first: Option<Bytes>,
    is_over: bool,
    model: Arc<Model>,
    /// Where the bill depends on how long it is.
    tally: Option<Tally>,
    upstream: Upstream,
}

impl Sounding {
    async fn next(&mut self) -> Option<Result<Bytes, io::Error>> {
        if let Some(first) = self.first.take() {
            return Some(Ok(self.passed(first)));
        }
        if self.is_over {
            return None;
        }
        loop {
            match heard(&mut self.upstream, self.departure.as_ref()).await {
                // There is no silent byte that a client could be felt by; its departure is told.
                Some(Heard::Silence) => {}
                Some(Heard::Bytes(bytes)) if bytes.is_empty() => {}
                Some(Heard::Bytes(bytes)) => return Some(Ok(self.passed(bytes))),
                Some(Heard::End) => {
                    self.close(Outcome::Ok, 200);
                    return None;
                }
                Some(Heard::Fault(code)) => {
                    self.close(Outcome::Cut(code), 200);
                    let message = "the sound broke off before its end";
                    return Some(Err(io::Error::other(message)));
                }
                None => {
                    self.close(Outcome::Cancelled, CLIENT_LEFT);
                    // No end in good order: whoever keeps it under an `Idempotency-Key` would take it for whole.
                    return Some(Err(io::Error::other("the client went away")));
                }
            }
        }
    }

    fn passed(&mut self, bytes: Bytes) -> Bytes {
        self.books.sent(bytes.len());
        if let Some(tally) = &mut self.tally {
            tally.push(&bytes);
        }
        bytes
    }

    fn close(&mut self, outcome: Outcome, status: u16) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        self.upstream.close();
        if let Some(tally) = &self.tally {
            let heard = tally.duration_ms();
            let bill = spoken::bill(&self.model, &tally.call, &tally.headers, heard);
            self.books.guessed(&bill.usage);
        }
        self.books.close(outcome, status);
    }
}

impl Drop for Sounding {
    fn drop(&mut self) {
        self.close(Outcome::Cancelled, CLIENT_LEFT);
    }
}

/// What is kept of sound to learn how long it is.
struct Tally {
    call: SpeechCall,
    head: Vec<u8>,
    headers: HeaderMap,
    media: Option<MediaType>,
    raw: Option<RawAudio>,
    size_bytes: u64,
    tail: Vec<u8>,
}

impl Tally {
    fn push(&mut self, bytes: &[u8]) {
        self.size_bytes = self.size_bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(0));
        let wanted = KEPT.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(bytes.get(..wanted).unwrap_or_default());
        self.tail.extend_from_slice(bytes);
        if self.tail.len() > 2 * KEPT {
            self.tail.drain(..self.tail.len() - KEPT);
        }
    }

    fn duration_ms(&self) -> Option<u64> {
        if let Some(raw) = self.raw {
            return raw.duration_ms(self.size_bytes);
        }
        // The first piece may have been too small to tell.
        let media = self.media.or_else(|| media::sniff(&self.head).ok())?;
        let extent = Extent::ends(&self.head, &self.tail, self.size_bytes);
        media::measure(media, &extent).duration_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(word: &str) -> Option<RawAudio> {
        SoundFormat::parse(word).unwrap().raw()
    }

    #[test]
    fn text_in_place_of_sound_is_seen_in_the_first_bytes() {
        let page = b"<!doctype html><html><body>Sorry</body></html>";
        let error = br#"{"error": {"message": "No.", "type": "server_error"}}"#;
        for refused in [page.as_slice(), error.as_slice(), b"<svg xmlns='x'/>"] {
            assert!(look(refused, None).is_err());
        }
        assert!(look(page, format("pcm")).is_err() && look(error, format("pcm")).is_err());
        assert!(look(b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR", None).is_err());
        // Few bytes, or unknown ones, are not waited for.
        for passed in [b"I".as_slice(), b"\x00\x01\x02"] {
            assert_eq!(look(passed, None).unwrap(), None);
        }
        assert_eq!(look(b"<", format("pcm")).unwrap(), None);
    }

    #[test]
    fn what_it_is_counts_before_what_was_asked_for_and_what_is_said() {
        let wav = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00";
        let media = look(wav, None).unwrap();
        let mp3 = SpeechCall { format: Some("mp3".to_owned()), ..SpeechCall::default() };
        let mut headers = HeaderMap::new();
        assert_eq!(content_type(media, None, &mp3, &headers), "audio/wav");
        assert_eq!(content_type(None, None, &mp3, &headers), "audio/mpeg");
        let open = SpeechCall::default();
        assert_eq!(content_type(None, None, &open, &headers), "application/octet-stream");
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
        assert_eq!(content_type(None, None, &open, &headers), "application/octet-stream");
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("audio/mpeg"));
        assert_eq!(content_type(None, None, &open, &headers), "audio/mpeg");
    }
}
