//! Films and pictures that move, and the one picture without compression: MP4, GIF, BMP.
//!
//! The film is an ISO base media file (ISO/IEC 14496-12) with one track of AVC that has sides and a
//! length and no samples: whoever reads the head finds all of it, a player shows nothing.

use bytes::Bytes;

/// Ticks of a film's clock in a second.
const CLOCK: u32 = 1_000;

/// No rotation, no zoom.
const MATRIX: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

/// AVC, baseline, level 4.0: its sequence and picture parameter sets, as short as they can be.
const PARAMETERS: [u8; 20] = [
    1, 0x42, 0xC0, 0x28, 0xFF, 0xE1, 0, 6, 0x67, 0x42, 0xC0, 0x28, 0xD9, 0x00, 1, 0, 3, 0x68, 0xCB,
    0x80,
];

/// An MP4 of so many milliseconds and pixels.
pub(crate) fn mp4(width: u32, height: u32, millis: u64) -> Bytes {
    let length = u32::try_from(millis).unwrap_or(u32::MAX);
    let movie = numbered("moov", &[header(length), track(width, height, length)].concat());
    let kind = numbered("ftyp", b"isom\0\0\x02\0isomiso2avc1mp41");
    Bytes::from([kind, movie, numbered("mdat", b"")].concat())
}

/// A GIF whose screen has so many pixels, and one of them is drawn.
pub(crate) fn gif(width: u32, height: u32) -> Bytes {
    let side = |pixels: u32| u16::try_from(pixels).unwrap_or(u16::MAX).to_le_bytes();
    let mut file = Vec::from(*b"GIF89a");
    file.extend([side(width), side(height)].concat());
    // Two colors; an image of one pixel; its code, and the end.
    file.extend([0x80, 0, 0, 0x33, 0x66, 0x99, 0xFF, 0xFF, 0xFF]);
    file.extend([0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 0x01, 0, 0x3B]);
    Bytes::from(file)
}

/// A BMP of 16 by 16 pixels of one gray that the seed decides on.
pub(crate) fn bmp(seed: &str) -> Bytes {
    let gray = seed.bytes().fold(0, u8::wrapping_add);
    let mut file = Vec::from(*b"BM");
    for number in [54 + 768_u32, 0, 54, 40, 16, 16] {
        file.extend(number.to_le_bytes());
    }
    // One plane of 24 bits, as they are; the rest may be zero.
    file.extend([1, 0, 24, 0]);
    file.extend([0; 24]);
    file.extend([gray; 768]);
    Bytes::from(file)
}

fn header(length: u32) -> Vec<u8> {
    let mut content = words(&[0, 0, 0, CLOCK, length, 0x1_0000]);
    // The volume, 1.0 in two bytes, and ten that are reserved.
    content.extend([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    content.extend(words(&MATRIX));
    content.extend(words(&[0, 0, 0, 0, 0, 0, 2]));
    numbered("mvhd", &content)
}

fn track(width: u32, height: u32, length: u32) -> Vec<u8> {
    // Enabled, in the movie, in the preview.
    let mut head = words(&[7, 0, 0, 1, 0, length, 0, 0, 0, 0]);
    head.extend(words(&MATRIX));
    head.extend(words(&[width << 16, height << 16]));
    let clock = words(&[0, 0, 0, CLOCK, length, 0x55C4_0000]);
    let handler =
        [words(&[0, 0]), b"vide".to_vec(), words(&[0, 0, 0]), b"video\0".to_vec()].concat();
    let place = [words(&[0, 1]), numbered("url ", &words(&[1]))].concat();
    let information = [
        numbered("vmhd", &words(&[1, 0, 0])),
        numbered("dinf", &numbered("dref", &place)),
        numbered("stbl", &samples(width, height)),
    ];
    let media = [
        numbered("mdhd", &clock),
        numbered("hdlr", &handler),
        numbered("minf", &information.concat()),
    ];
    let parts = [numbered("tkhd", &head), numbered("mdia", &media.concat())];
    numbered("trak", &parts.concat())
}

/// The description of the samples, of which there are none.
fn samples(width: u32, height: u32) -> Vec<u8> {
    let side = |pixels: u32| u16::try_from(pixels).unwrap_or(u16::MAX).to_be_bytes();
    let mut entry = vec![0, 0, 0, 0, 0, 0, 0, 1];
    entry.extend([0; 16]);
    entry.extend([side(width), side(height)].concat());
    entry.extend(words(&[0x48_0000, 0x48_0000, 0]));
    entry.extend([0, 1]);
    entry.extend([0; 32]);
    entry.extend([0, 24, 0xFF, 0xFF]);
    entry.extend(numbered("avcC", &PARAMETERS));
    let described = [words(&[0, 1]), numbered("avc1", &entry)].concat();
    let none = [("stts", 2), ("stsc", 2), ("stsz", 3), ("stco", 2)];
    let none = none.map(|(name, count)| numbered(name, &vec![0; count * 4]));
    [numbered("stsd", &described), none.concat()].concat()
}

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

/// A box: its size, its name, its content.
fn numbered(name: &str, content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 8).unwrap_or(u32::MAX);
    [size.to_be_bytes().as_slice(), name.as_bytes(), content].concat()
}

#[cfg(test)]
mod tests {
    use super::{bmp, gif, mp4};

    /// The content of the first box of this name in a row of boxes.
    fn inside<'a>(mut boxes: &'a [u8], name: &str) -> &'a [u8] {
        loop {
            let size = u32::from_be_bytes(boxes[..4].try_into().unwrap()) as usize;
            if &boxes[4..8] == name.as_bytes() {
                return &boxes[8..size];
            }
            boxes = &boxes[size..];
        }
    }

    fn number(bytes: &[u8], at: usize) -> u32 {
        u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
    }

    #[test]
    fn a_film_tells_its_length_and_its_sides() {
        let file = mp4(640, 360, 2_500);
        assert_eq!(&file[4..12], b"ftypisom");
        let movie = inside(&file, "moov");
        let head = inside(movie, "mvhd");
        assert_eq!((head.len(), number(head, 12), number(head, 16)), (100, 1_000, 2_500));
        let track = inside(movie, "trak");
        let head = inside(track, "tkhd");
        assert_eq!((head.len(), number(head, 20)), (84, 2_500));
        assert_eq!((number(head, 76) >> 16, number(head, 80) >> 16), (640, 360));
        let media = inside(track, "mdia");
        assert_eq!(inside(media, "mdhd").len(), 24);
        assert_eq!(&inside(media, "hdlr")[8..12], b"vide");
        let samples = inside(inside(media, "minf"), "stbl");
        let entry = &inside(samples, "stsd")[8..];
        assert_eq!(&entry[4..8], b"avc1");
        assert_eq!(&entry[8 + 24..8 + 28], [0x02, 0x80, 0x01, 0x68]);
        assert_eq!(&entry[8 + 82..8 + 86], b"avcC");
    }

    #[test]
    fn pictures_have_their_sizes() {
        assert_eq!(&gif(640, 360)[..10], b"GIF89a\x80\x02\x68\x01");
        let file = bmp("a");
        assert_eq!(file.len(), 822);
        assert_eq!(&file[..6], [b'B', b'M', 0x36, 0x03, 0, 0]);
    }
}
