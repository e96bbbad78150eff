//! Sound: which of the kinds it is, and how long it plays.

use super::{
    Extent, MediaType,
    frames::{self, Frame, Reader},
};

/// Nothing that is kept plays longer than a month: a number above it is a lie.
const LONGEST_MS: u64 = 31 * 24 * 3_600 * 1_000;

/// So many units, of which a second has `a_second`, in milliseconds.
pub(super) fn ms(units: u64, a_second: u32) -> Option<u64> {
    let duration_ms =
        u128::from(units) * 1_000 / u128::from(std::num::NonZero::new(a_second)?.get());
    u64::try_from(duration_ms).ok().and_then(plausible)
}

pub(super) fn plausible(duration_ms: u64) -> Option<u64> {
    (1..=LONGEST_MS).contains(&duration_ms).then_some(duration_ms)
}

/// MP3 or AAC, which have no word of magic: one frame, and where the next one should begin, another.
///
/// Behind an ID3 tag that is longer than the bytes at hand only MP3 is expected.
pub(super) fn framed(head: &[u8]) -> Option<MediaType> {
    let tag = id3_length(head);
    let Some(sound) = head.get(tag..).filter(|sound| !sound.is_empty()) else {
        return (tag > 0).then_some(MediaType::Mp3);
    };
    let two = |read: Reader| {
        let Frame { length, .. } = read(sound)?;
        // All that there is may be one frame.
        match sound.get(length..).filter(|rest| rest.len() >= 10) {
            Some(next) => read(next).map(|_| ()).or_else(|| next.starts_with(b"TAG").then_some(())),
            None => Some(()),
        }
    };
    if two(frames::mp3).is_some() {
        return Some(MediaType::Mp3);
    }
    if two(frames::adts).is_some() {
        return Some(MediaType::Aac);
    }
    // Zeros between tag and sound.
    let filled = tag > 0 && sound.iter().take(1_024).all(|byte| *byte == 0);
    filled.then_some(MediaType::Mp3)
}

/// The length of an ID3 tag, head included; 0 without one (<https://id3.org/id3v2.4.0-structure>).
fn id3_length(head: &[u8]) -> usize {
    let [b'I', b'D', b'3', _, _, flags, a, b, c, d, ..] = head else { return 0 };
    let size = [a, b, c, d].iter().fold(0, |size, byte| size << 7 | usize::from(**byte & 0x7f));
    let footer = if flags & 0x10 == 0 { 0 } else { 10 };
    10 + size + footer
}

/// How long it plays, in milliseconds; absent if the bytes at hand do not tell.
pub(super) fn duration_ms(media: MediaType, bytes: &Extent<'_>) -> Option<u64> {
    match media {
        MediaType::Aac => frames_ms(bytes, id3_length(bytes.head()), frames::adts),
        MediaType::Flac => flac_ms(bytes, 8),
        MediaType::Mp3 => mp3_ms(bytes),
        MediaType::Ogg => ogg_ms(bytes),
        MediaType::Wav => wav_ms(bytes),
        _ => None,
    }
}

/// All frames, or an estimate by those at hand.
fn frames_ms(bytes: &Extent<'_>, start: usize, read: Reader) -> Option<u64> {
    let walked = frames::walk(bytes.head().get(start..)?, read);
    if bytes.is_whole() {
        return plausible(walked.micros / 1_000);
    }
    let sound = bytes.size_bytes().checked_sub(u64::try_from(start).ok()?)?;
    let seen = u128::try_from(walked.length).ok().filter(|seen| *seen > 0)?;
    let micros = u128::from(walked.micros) * u128::from(sound) / seen;
    plausible(u64::try_from(micros / 1_000).ok()?)
}

/// With a table of contents (`Xing`, `Info`) by that, unless all is at hand; without one by its frames.
fn mp3_ms(bytes: &Extent<'_>) -> Option<u64> {
    let start = id3_length(bytes.head());
    let sound = bytes.head().get(start..)?;
    let Some(first) = frames::mp3(sound) else { return frames_ms(bytes, start, frames::mp3) };
    let contents = frames::mp3_contents_at(sound).and_then(|at| sound.get(at..at + 12));
    let Some([b'X' | b'I', b'i' | b'n', b'n' | b'f', b'g' | b'o', _, _, _, flags, a, b, c, d]) =
        contents
    else {
        return frames_ms(bytes, start, frames::mp3);
    };
    if bytes.is_whole() || flags & 1 == 0 {
        // The frame of the table has no sound.
        return frames_ms(bytes, start + first.length, frames::mp3);
    }
    let count = u32::from_be_bytes([*a, *b, *c, *d]);
    ms(u64::from(count) * u64::from(first.samples), first.rate_hz)
}

/// STREAMINFO (RFC 9639, 8.2), whose content begins at `at`.
fn flac_ms(bytes: &Extent<'_>, at: u64) -> Option<u64> {
    let [a, b, c, d, rest @ ..] = bytes.array::<8>(at + 10)?;
    let rate_hz = u32::from_be_bytes([0, a, b, c]) >> 4;
    let [e, f, g, h] = rest;
    // 36 bits; 0: not known when the head was written.
    let samples = u64::from_be_bytes([0, 0, 0, d & 15, e, f, g, h]);
    ms(samples, rate_hz)
}

/// How long it plays at least, whatever its head says: what a sound of this many bytes could not be shorter than,
/// at the highest rate that anybody has a use for. Never 0.
pub(super) fn shortest_ms(media: MediaType, bytes: &Extent<'_>) -> u64 {
    /// Eight channels of 192 kHz and 32 bits; a film of 49 Mbit/s.
    const LOSSLESS: u64 = 8 * 192_000 * 4;
    /// Two channels of 96 kHz and 24 bits, of which ALAC leaves less.
    const LOSSLESS_STEREO: u64 = 2 * 96_000 * 3;
    /// 512 kbit/s.
    const LOSSY: u64 = 64_000;
    let tag = || u64::try_from(id3_length(bytes.head())).unwrap_or(u64::MAX);
    let is_flac = || ogg_packet(bytes.head()).is_some_and(|packet| packet.starts_with(b"\x7fFLAC"));
    let (sound, a_second) = match media {
        // A picture in the tag is not heard.
        MediaType::Aac | MediaType::Mp3 => (bytes.size_bytes().saturating_sub(tag()), LOSSY),
        MediaType::M4a => (bytes.size_bytes(), LOSSLESS_STEREO),
        MediaType::Ogg if !is_flac() => (bytes.size_bytes(), LOSSY),
        _ => (bytes.size_bytes(), LOSSLESS),
    };
    sound.saturating_mul(1_000).div_ceil(a_second).max(1)
}

/// The chunks `fmt ` and `data` of RIFF. The length of `data` is believed only if so much is there: a head that was
/// written before the end was known says 0 or all ones.
fn wav_ms(bytes: &Extent<'_>) -> Option<u64> {
    let mut at = 12;
    let mut a_second = None;
    for _ in 0..64 {
        let length = u64::from(bytes.le_u32(at + 4)?);
        match bytes.at(at, 4)? {
            b"fmt " => a_second = wav_bytes_a_second(bytes, at + 8),
            b"data" => {
                let there = bytes.size_bytes() - (at + 8);
                let length = if length == 0 { there } else { length.min(there) };
                return ms(length, a_second?);
            }
            _ => {}
        }
        at += 8 + length + length % 2;
    }
    None
}

/// Samples are played by their rate and size. What the head says of bytes a second is believed only of formats
/// that are packed, as nothing else tells.
fn wav_bytes_a_second(bytes: &Extent<'_>, format: u64) -> Option<u32> {
    let told = bytes.le_u32(format + 8);
    let (tag, bits) = (bytes.le_u16(format)?, bytes.le_u16(format + 14).unwrap_or(0));
    // Whole numbers, floats, A-law, µ-law, and those that a longer head describes.
    if ![1, 3, 6, 7, 0xfffe].contains(&tag) || bits == 0 {
        return told;
    }
    let frame = u32::from(bytes.le_u16(format + 2)?) * u32::from(bits.div_ceil(8));
    bytes.le_u32(format + 4)?.checked_mul(frame)
}

/// The first packet of the first page; which sound it is stands there.
fn ogg_packet(head: &[u8]) -> Option<&[u8]> {
    let segments = usize::from(*head.get(26)?);
    head.starts_with(b"OggS").then(|| head.get(27 + segments..)).flatten()
}

/// Whether the first stream of an Ogg file is sound.
pub(super) fn is_ogg_audio(head: &[u8]) -> bool {
    const SOUNDS: [&[u8]; 4] = [b"OpusHead", b"\x01vorbis", b"\x7fFLAC", b"Speex   "];
    ogg_packet(head).is_some_and(|packet| SOUNDS.iter().any(|sound| packet.starts_with(sound)))
}

/// The position that the last page tells, in samples (RFC 3533, 6; RFC 7845, 4 for Opus).
fn ogg_ms(bytes: &Extent<'_>) -> Option<u64> {
    let packet = Extent::whole(ogg_packet(bytes.head())?);
    let (rate_hz, unheard) = match packet.at(0, 8)? {
        // Its clock is that of 48 kHz, whatever was recorded.
        b"OpusHead" => (48_000, packet.le_u16(10)?),
        [1, b'v', b'o', b'r', b'b', b'i', b's', _] => (packet.le_u32(12)?, 0),
        b"Speex   " => (packet.le_u32(36)?, 0),
        // The STREAMINFO of a stream that was written as it came says nothing; the last page does.
        _ => (packet.be_u32(27)? >> 12, 0),
    };
    let serial = bytes.at(14, 4)?;
    let tail = bytes.tail();
    let samples = (0..tail.len().saturating_sub(26)).rev().find_map(|at| {
        let page = Extent::whole(tail.get(at..)?);
        let is_ours = page.at(0, 5) == Some(b"OggS\0") && page.at(14, 4) == Some(serial);
        let position = u64::from_le_bytes(page.array(6)?);
        // All ones: no packet ends on this page.
        (is_ours && position != u64::MAX).then_some(position)
    })?;
    ms(samples.checked_sub(u64::from(unheard))?, rate_hz)
}
