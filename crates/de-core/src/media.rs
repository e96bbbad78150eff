//! What bytes are: the type by their first bytes, against a list of what may be kept and served.
//!
//! A name, an extension or a content type is somebody's word; only the bytes count. What is not on the list (SVG
//! and HTML before all, which can carry scripts) is refused, and the refusal says what it looks like.
//! [`measure`] reads sizes and durations, never decodes, and believes no length that the bytes claim: it looks at
//! what is there and answers nothing where it cannot know.
//!
//! Out of scope: whether a file plays to its end. `infer` knows the first bytes, `imagesize` the images; durations
//! are read here (`lofty` would add 470 kB to each worker, this adds 8).

mod audio;
mod elements;
mod extent;
mod frames;
mod raw;
#[cfg(test)]
mod tests;
mod video;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::{
    extent::Extent,
    raw::{RawAudio, RawEncoding},
};

/// How many of the first bytes [`sniff`] wants to see, if there are that many. More do no harm.
pub const HEAD_BYTES: usize = 64 * 1024;

/// The largest audio that is kept: three hours of CD quality in FLAC, or a day of speech.
const AUDIO_CAP_BYTES: u64 = 256 * 1024 * 1024;
/// The largest image that is kept: an 8K picture as an uncompressed PNG and more.
const IMAGE_CAP_BYTES: u64 = 64 * 1024 * 1024;
/// The largest video that is kept: about half an hour of 1080p as vendors encode it.
const VIDEO_CAP_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// What it is for a person: something to see, to hear, or both.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// Sound alone.
    Audio,
    /// One picture, or a GIF of many.
    Image,
    /// Pictures that move.
    Video,
}

impl MediaKind {
    /// The word of rows, queries and replies: `audio`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Image => "image",
            Self::Video => "video",
        }
    }

    /// All of them.
    pub const ALL: [Self; 3] = [Self::Audio, Self::Image, Self::Video];

    /// Reads that word; `None` for any other.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The most bytes of this kind that are kept: images 64 MiB, audio 256 MiB, video 2 GiB.
    #[must_use]
    pub fn cap_bytes(self) -> u64 {
        match self {
            Self::Audio => AUDIO_CAP_BYTES,
            Self::Image => IMAGE_CAP_BYTES,
            Self::Video => VIDEO_CAP_BYTES,
        }
    }
}

impl fmt::Display for MediaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What may be kept and served. Nothing here can carry a script.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum MediaType {
    /// Frames of AAC, each with an ADTS header.
    Aac,
    /// AV1 pictures in a HEIF box.
    Avif,
    /// Lossless audio.
    Flac,
    /// Pictures of 256 colours.
    Gif,
    /// JPEG.
    Jpeg,
    /// AAC or ALAC in an MP4 box that says it is audio.
    M4a,
    /// QuickTime.
    Mov,
    /// MPEG audio, layer III, with an ID3 tag or without.
    Mp3,
    /// MP4, with one of the brands of video.
    Mp4,
    /// Opus, Vorbis, FLAC or Speex in Ogg pages.
    Ogg,
    /// PNG.
    Png,
    /// RIFF with samples.
    Wav,
    /// Matroska as the web takes it.
    Webm,
    /// WebP.
    Webp,
}

impl MediaType {
    const ALL: [Self; 14] = [
        Self::Aac,
        Self::Avif,
        Self::Flac,
        Self::Gif,
        Self::Jpeg,
        Self::M4a,
        Self::Mov,
        Self::Mp3,
        Self::Mp4,
        Self::Ogg,
        Self::Png,
        Self::Wav,
        Self::Webm,
        Self::Webp,
    ];

    /// Whether it is seen, heard or both.
    #[must_use]
    pub fn kind(self) -> MediaKind {
        match self {
            Self::Aac | Self::Flac | Self::M4a | Self::Mp3 | Self::Ogg | Self::Wav => {
                MediaKind::Audio
            }
            Self::Avif | Self::Gif | Self::Jpeg | Self::Png | Self::Webp => MediaKind::Image,
            Self::Mov | Self::Mp4 | Self::Webm => MediaKind::Video,
        }
    }

    /// The content type that it is served with, as the registry of IANA has it where it has one.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Aac => "audio/aac",
            Self::Avif => "image/avif",
            Self::Flac => "audio/flac",
            Self::Gif => "image/gif",
            Self::Jpeg => "image/jpeg",
            Self::M4a => "audio/mp4",
            Self::Mov => "video/quicktime",
            Self::Mp3 => "audio/mpeg",
            Self::Mp4 => "video/mp4",
            Self::Ogg => "audio/ogg",
            Self::Png => "image/png",
            Self::Wav => "audio/wav",
            Self::Webm => "video/webm",
            Self::Webp => "image/webp",
        }
    }

    /// What a file of it is called at its end: `png`.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Aac => "aac",
            Self::Avif => "avif",
            Self::Flac => "flac",
            Self::Gif => "gif",
            Self::Jpeg => "jpg",
            Self::M4a => "m4a",
            Self::Mov => "mov",
            Self::Mp3 => "mp3",
            Self::Mp4 => "mp4",
            Self::Ogg => "ogg",
            Self::Png => "png",
            Self::Wav => "wav",
            Self::Webm => "webm",
            Self::Webp => "webp",
        }
    }

    /// Passes the type on if it is of the kind that was promised.
    ///
    /// # Errors
    /// [`MediaError::OtherKind`]: whoever promised is wrong, and would be again.
    pub fn expect(self, promised: MediaKind) -> Result<Self, MediaError> {
        if self.kind() == promised {
            Ok(self)
        } else {
            Err(MediaError::OtherKind { found: self, promised })
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.content_type())
    }
}

/// Why bytes are not taken. None of these is worth a retry with the same bytes.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum MediaError {
    /// No byte at all.
    #[error("there are no bytes")]
    Empty,
    /// Not on the list.
    #[error("the bytes look like {found}, which is not kept")]
    NotListed {
        /// What they look like, as a content type: `text/html`. `application/octet-stream` is nothing known.
        found: &'static str,
    },
    /// On the list, and something else than promised.
    #[error("{promised} was promised, and the bytes are {found}")]
    OtherKind {
        /// What they are.
        found: MediaType,
        /// What they should be.
        promised: MediaKind,
    },
    /// More than [`MediaKind::cap_bytes`], or than a lower cap of the caller's.
    #[error("more than {cap_bytes} bytes")]
    TooLarge {
        /// The most that is taken.
        cap_bytes: u64,
    },
}

/// Says what bytes are, by the first of them: [`HEAD_BYTES`], or all if there are fewer.
///
/// # Errors
/// [`MediaError::Empty`], [`MediaError::NotListed`].
pub fn sniff(head: &[u8]) -> Result<MediaType, MediaError> {
    if head.is_empty() {
        return Err(MediaError::Empty);
    }
    // Text first: what begins like a page is one for a browser that guesses, whatever follows.
    if let Some(found) = text(head) {
        return Err(MediaError::NotListed { found });
    }
    let known = infer::get(head).map_or("application/octet-stream", |known| known.mime_type());
    let listed = match known {
        "audio/x-wav" => Some(MediaType::Wav),
        "audio/x-flac" => head.starts_with(b"fLaC").then_some(MediaType::Flac),
        "audio/m4a" => head.get(4..8).is_some_and(|name| name == b"ftyp").then_some(MediaType::M4a),
        // It takes two bytes of many for these: a whole header must be there.
        "audio/aac" | "audio/mpeg" => audio::framed(head),
        // What it does not know: rarer heads of frames, younger brands.
        "application/octet-stream" => {
            audio::framed(head).or_else(|| video::is_mp4(head).then_some(MediaType::Mp4))
        }
        "audio/ogg" | "audio/opus" | "application/ogg" => {
            audio::is_ogg_audio(head).then_some(MediaType::Ogg)
        }
        "video/quicktime" => video::is_mov(head).then_some(MediaType::Mov),
        "video/webm" => Some(MediaType::Webm),
        "video/x-m4v" => Some(MediaType::Mp4),
        other => MediaType::ALL.into_iter().find(|listed| listed.content_type() == other),
    };
    listed.ok_or(MediaError::NotListed { found: known })
}

/// Says what bytes that should be of one kind are, by the first of them.
///
/// # Errors
/// Those of [`sniff`], and [`MediaError::OtherKind`].
pub fn expect(promised: MediaKind, head: &[u8]) -> Result<MediaType, MediaError> {
    sniff(head)?.expect(promised)
}

/// What the bytes tell of themselves; what they do not tell is absent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Measures {
    /// How long it plays, in milliseconds.
    pub duration_ms: Option<u64>,
    /// In pixels.
    pub height: Option<u32>,
    /// In pixels.
    pub width: Option<u32>,
}

/// Reads the size of pictures, the duration of sound, and both of video.
///
/// Of a stream, the first and the last bytes are enough for most: an MP3 or AAC without a table of
/// contents is then estimated from its first frames.
#[must_use]
pub fn measure(media: MediaType, bytes: &Extent<'_>) -> Measures {
    match media.kind() {
        // `imagesize` never comes back from an AVIF with a property of length 0.
        MediaKind::Image if media == MediaType::Avif => video::avif(bytes),
        MediaKind::Image => image(bytes),
        MediaKind::Audio if media == MediaType::M4a => video::mp4(bytes),
        MediaKind::Audio => {
            Measures { duration_ms: audio::duration_ms(media, bytes), ..Measures::default() }
        }
        MediaKind::Video if media == MediaType::Webm => video::webm(bytes),
        MediaKind::Video => video::mp4(bytes),
    }
}

/// How long a recording plays at least, in milliseconds, whatever its head says: by its size, at the highest rate
/// that anybody has a use for. Never 0. For bills, where nobody tells the length whom its sender cannot deceive.
#[must_use]
pub fn shortest_ms(media: MediaType, bytes: &Extent<'_>) -> u64 {
    audio::shortest_ms(media, bytes)
}

fn image(bytes: &Extent<'_>) -> Measures {
    let Ok(size) = imagesize::blob_size(bytes.head()) else { return Measures::default() };
    let pixels = |n: usize| u32::try_from(n).ok().filter(|n| *n > 0);
    Measures { duration_ms: None, height: pixels(size.height), width: pixels(size.width) }
}

/// What text is, if it is text: no other kind of bytes has 32 printable ones at its beginning, but for those with
/// a magic word, which `infer` knows.
fn text(head: &[u8]) -> Option<&'static str> {
    let start = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let begins = |word: &str| {
        start.get(..word.len()).is_some_and(|text| text.eq_ignore_ascii_case(word.as_bytes()))
    };
    let sample = start.get(..start.len().min(512)).unwrap_or(start);
    let lower = sample.to_ascii_lowercase();
    let holds = |word: &[u8]| lower.windows(word.len()).any(|part| part == word);
    let printable = |c: &u8| !c.is_ascii_control() || c.is_ascii_whitespace();
    match start.first()? {
        b'<' if !sample.iter().take(16).all(printable) => None,
        b'<' if holds(b"<svg") => Some("image/svg+xml"),
        b'<' if begins("<?xml") => Some("text/xml"),
        b'<' => Some("text/html"),
        b'{' | b'[' if sample.iter().all(printable) => Some("application/json"),
        _ if sample.len() >= 32 && sample.iter().all(printable) && sample.is_ascii() => {
            Some("text/plain")
        }
        _ => None,
    }
}
