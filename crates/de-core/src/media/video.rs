//! MP4, QuickTime and WebM: how long, how large. AVIF beside them: its box is that of MP4.

use std::ops::Range;

use super::{
    Extent, Measures,
    elements::{Boxes, Ebml, find, parts},
};

const fn name(text: [u8; 4]) -> u32 {
    u32::from_be_bytes(text)
}

const MEHD: u32 = name(*b"mehd");
const MOOV: u32 = name(*b"moov");
const MVEX: u32 = name(*b"mvex");
const MVHD: u32 = name(*b"mvhd");
const TKHD: u32 = name(*b"tkhd");
const TRAK: u32 = name(*b"trak");

/// Whether it begins as QuickTime does: by its brand, or in the old way without one.
pub(super) fn is_mov(head: &[u8]) -> bool {
    let bytes = Extent::whole(head);
    match bytes.at(4, 4) {
        Some(b"ftyp") => bytes.at(8, 4) == Some(b"qt  "),
        // Some word at byte 12 is no sign of anything.
        Some(b"mdat" | b"moov") => bytes.be_u32(0).is_some_and(|length| length == 1 || length >= 8),
        _ => false,
    }
}

/// Whether it has a brand of video: those of the base format in any edition, MP4's, and those of streams.
pub(super) fn is_mp4(head: &[u8]) -> bool {
    let bytes = Extent::whole(head);
    let brand = bytes.at(8, 4).filter(|_| bytes.at(4, 4) == Some(b"ftyp"));
    let is = |start: &&[u8]| brand.is_some_and(|brand| brand.starts_with(start));
    [&b"iso"[..], b"mp4", b"av01", b"cmf"].iter().any(is)
}

/// Reads the `moov` box (ISO/IEC 14496-12, 8.2 and 8.3), if it is at hand.
pub(super) fn mp4(bytes: &Extent<'_>) -> Measures {
    let Some(movie) = find::<Boxes>(bytes, bytes.all(), &[MOOV]) else {
        return Measures::default();
    };
    let (width, height) = parts::<Boxes>(bytes, movie.clone())
        .filter(|(name, _)| *name == TRAK)
        .filter_map(|(_, track)| track_size(bytes, track))
        .next()
        .unzip();
    Measures { duration_ms: movie_ms(bytes, movie), height, width }
}

fn movie_ms(bytes: &Extent<'_>, movie: Range<u64>) -> Option<u64> {
    let head = find::<Boxes>(bytes, movie.clone(), &[MVHD])?.start;
    let (scale, duration) = match bytes.array(head)? {
        [0] => (bytes.be_u32(head + 12)?, bytes.be_u32(head + 16).map(u64::from)?),
        [_] => (bytes.be_u32(head + 20)?, bytes.be_u64(head + 24)?),
    };
    // In fragments: the movie's own head says 0, and another one may say how long all of them are.
    let duration = if duration == 0 { fragments(bytes, movie)? } else { duration };
    // All ones: not known.
    if duration == u64::from(u32::MAX) { None } else { super::audio::ms(duration, scale) }
}

fn fragments(bytes: &Extent<'_>, movie: Range<u64>) -> Option<u64> {
    let head = find::<Boxes>(bytes, movie, &[MVEX, MEHD])?.start;
    match bytes.array(head)? {
        [0] => bytes.be_u32(head + 4).map(u64::from),
        [_] => bytes.be_u64(head + 4),
    }
}

/// Of a track that is seen: sound has no size.
fn track_size(bytes: &Extent<'_>, track: Range<u64>) -> Option<(u32, u32)> {
    let head = find::<Boxes>(bytes, track, &[TKHD])?.start;
    let at = head + if bytes.array(head)? == [0] { 76 } else { 88 };
    // Fixed point, sixteen bits of it before the point.
    let size = (bytes.be_u32(at)? >> 16, bytes.be_u32(at + 4)? >> 16);
    (size.0 > 0 && size.1 > 0).then_some(size)
}

const IPCO: u32 = name(*b"ipco");
const IPRP: u32 = name(*b"iprp");
const IROT: u32 = name(*b"irot");
const ISPE: u32 = name(*b"ispe");
const META: u32 = name(*b"meta");

/// Reads the properties of the items (ISO/IEC 23008-12, 6.5): the largest of them is the picture.
pub(super) fn avif(bytes: &Extent<'_>) -> Measures {
    let properties = || {
        let meta = find::<Boxes>(bytes, bytes.all(), &[META])?;
        // Four bytes of version and flags stand before the boxes in it.
        find::<Boxes>(bytes, meta.start + 4..meta.end.max(meta.start + 4), &[IPRP, IPCO])
    };
    let properties = properties().unwrap_or_default();
    let all = |name: u32| {
        parts::<Boxes>(bytes, properties.clone()).filter(move |(found, _)| *found == name)
    };
    let size = all(ISPE)
        .filter_map(|(_, at)| Some((bytes.be_u32(at.start + 4)?, bytes.be_u32(at.start + 8)?)))
        .filter(|(width, height)| *width > 0 && *height > 0)
        .max_by_key(|(width, height)| u64::from(*width) * u64::from(*height));
    // Quarters of a turn: after an odd number of them it lies on its side.
    let is_turned =
        all(IROT).any(|(_, at)| bytes.array::<1>(at.start).is_some_and(|[turn]| turn & 1 == 1));
    let (width, height) = size.unzip();
    let (width, height) = if is_turned { (height, width) } else { (width, height) };
    Measures { duration_ms: None, height, width }
}

const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_A966;
const TIMESTAMP_SCALE: u32 = 0x002A_D7B1;
const DURATION: u32 = 0x4489;
const TRACKS: u32 = 0x1654_AE6B;
const TRACK_ENTRY: u32 = 0xAE;
const VIDEO: u32 = 0xE0;
const PIXEL_WIDTH: u32 = 0xB0;
const PIXEL_HEIGHT: u32 = 0xBA;

/// Reads `Info` and `Tracks` (RFC 9559, 5.1.2 and 5.1.4), if they are at hand.
pub(super) fn webm(bytes: &Extent<'_>) -> Measures {
    let Some(segment) = find::<Ebml>(bytes, bytes.all(), &[SEGMENT]) else {
        return Measures::default();
    };
    let tracks = find::<Ebml>(bytes, segment.clone(), &[TRACKS]).unwrap_or_default();
    let picture = parts::<Ebml>(bytes, tracks)
        .filter(|(name, _)| *name == TRACK_ENTRY)
        .filter_map(|(_, track)| find::<Ebml>(bytes, track, &[VIDEO]))
        .next();
    let pixels = |name: u32| {
        let value = unsigned(bytes, &find::<Ebml>(bytes, picture.clone()?, &[name])?)?;
        u32::try_from(value).ok().filter(|pixels| *pixels > 0)
    };
    Measures {
        duration_ms: segment_ms(bytes, segment),
        height: pixels(PIXEL_HEIGHT),
        width: pixels(PIXEL_WIDTH),
    }
}

fn segment_ms(bytes: &Extent<'_>, segment: Range<u64>) -> Option<u64> {
    let info = find::<Ebml>(bytes, segment, &[INFO])?;
    let nanoseconds = find::<Ebml>(bytes, info.clone(), &[TIMESTAMP_SCALE])
        .map_or(Some(1_000_000), |scale| unsigned(bytes, &scale))?;
    let duration = find::<Ebml>(bytes, info, &[DURATION])?;
    let ticks = match duration.end - duration.start {
        4 => f64::from(f32::from_be_bytes(bytes.array(duration.start)?)),
        8 => f64::from_be_bytes(bytes.array(duration.start)?),
        _ => return None,
    };
    // The cast of a float stops at the ends of the range and makes 0 of what is no number.
    let duration_ms = (ticks * nanoseconds as f64 / 1e6).round() as u64;
    super::audio::plausible(duration_ms)
}

fn unsigned(bytes: &Extent<'_>, content: &Range<u64>) -> Option<u64> {
    let width = usize::try_from(content.end - content.start).ok().filter(|width| *width <= 8)?;
    let read = bytes.at(content.start, width)?;
    Some(read.iter().fold(0, |value, byte| (value << 8) | u64::from(*byte)))
}
