//! Pictures of one color, in the format and with the sides that were asked for.
//!
//! They are written by hand and not with a library, since one color makes each format trivial: a
//! picture costs microseconds in a debug build, whatever its size, and is the same in every run. Tests
//! read them back with a library. [`measure`] looks into the heads of pictures that callers send.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use imagesize::ImageType;

/// The formats that can be made and read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Format {
    Jpeg,
    Png,
    Webp,
}

/// What a picture shall be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sketch<'a> {
    pub(crate) format: Format,
    pub(crate) height: u32,
    /// Decides on the color: two seeds most often differ.
    pub(crate) seed: &'a str,
    /// Nothing can be seen at all; no matter for JPEG, which has no such thing.
    pub(crate) transparent: bool,
    pub(crate) width: u32,
}

impl Format {
    /// Finds a format by the name that vendors and file names have for it.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "jpeg" | "jpg" => Some(Self::Jpeg),
            "png" => Some(Self::Png),
            "webp" => Some(Self::Webp),
            _ => None,
        }
    }

    /// `image/png`, ….
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
        }
    }
}

impl Sketch<'_> {
    /// Makes the file. Sides are at most 16,383 pixels, as WebP has it.
    pub(crate) fn draw(&self) -> Vec<u8> {
        let [_, red, green, blue] = checksum(self.seed.as_bytes()).to_be_bytes();
        let color = [red, green, blue];
        match self.format {
            Format::Jpeg => jpeg(self.width, self.height, color),
            Format::Png => png(self.width, self.height, color, self.transparent),
            Format::Webp => webp(self.width, self.height, color, self.transparent),
        }
    }
}

/// Format, width and height of a picture, from its first bytes; absent if it is none of the formats.
pub(crate) fn measure(bytes: &[u8]) -> Option<(Format, u32, u32)> {
    let format = match imagesize::image_type(bytes).ok()? {
        ImageType::Jpeg => Format::Jpeg,
        ImageType::Png => Format::Png,
        ImageType::Webp => Format::Webp,
        _ => return None,
    };
    let size = imagesize::blob_size(bytes).ok()?;
    Some((format, u32::try_from(size.width).ok()?, u32::try_from(size.height).ok()?))
}

/// A palette of one color, and one bit a pixel, all of them zero.
fn png(width: u32, height: u32, color: [u8; 3], transparent: bool) -> Vec<u8> {
    let mut header = Vec::from(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    // One bit a pixel, a palette, and the only methods there are, without interlacing.
    header.extend([1, 3, 0, 0, 0]);
    // Each row begins with its filter: none.
    let row = 1 + width.div_ceil(8) as usize;
    let pixels = vec![0; row * height as usize];
    let mut file = Vec::from(*b"\x89PNG\r\n\x1a\n");
    chunk(&mut file, *b"IHDR", &header);
    chunk(&mut file, *b"PLTE", &color);
    if transparent {
        chunk(&mut file, *b"tRNS", &[0]);
    }
    chunk(&mut file, *b"IDAT", &packed(&pixels));
    chunk(&mut file, *b"IEND", &[]);
    file
}

fn chunk(file: &mut Vec<u8>, name: [u8; 4], content: &[u8]) {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    let mut named = Vec::from(name);
    named.extend_from_slice(content);
    file.extend(length.to_be_bytes());
    file.extend_from_slice(&named);
    file.extend(checksum(&named).to_be_bytes());
}

/// A zlib stream. Writing to memory does not fail; if it did, the picture would not be one.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default()
}

/// Baseline JPEG whose blocks hold nothing but the mean of the first one.
fn jpeg(width: u32, height: u32, color: [u8; 3]) -> Vec<u8> {
    let side = |side: u32| u16::try_from(side).unwrap_or(u16::MAX).to_be_bytes();
    let mut file = vec![0xFF, 0xD8];
    segment(&mut file, 0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    // One table of steps, all 8: a block's first number is then its mean, around zero.
    segment(&mut file, 0xDB, &[&[0][..], &[8; 64]].concat());
    let [high, low] = side(height);
    let [wide, narrow] = side(width);
    let frame = [8, high, low, wide, narrow, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0];
    segment(&mut file, 0xC0, &frame);
    // Sizes of first numbers: 0 is the bit 0, 1 to 8 are 16 to 23 in five bits.
    let sizes = [0, 1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    segment(&mut file, 0xC4, &sizes);
    // Of the other numbers there is only the end, the bit 0.
    let ends = [0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    segment(&mut file, 0xC4, &ends);
    segment(&mut file, 0xDA, &[3, 1, 0, 2, 0, 3, 0, 0, 63, 0]);
    let mut bits = Vec::new();
    for mean in means(color) {
        let size = i32::BITS - mean.unsigned_abs().leading_zeros();
        if size == 0 {
            high_first(&mut bits, 0, 1);
        } else {
            high_first(&mut bits, 15 + size, 5);
            let offset = if mean < 0 { (1 << size) - 1 } else { 0 };
            high_first(&mut bits, (mean + offset).unsigned_abs(), size);
        }
        high_first(&mut bits, 0, 1);
    }
    // All other blocks are like the first: no difference, and the end, in each of three colors.
    let blocks = width.div_ceil(8) as usize * height.div_ceil(8) as usize;
    bits.resize(bits.len() + blocks.saturating_sub(1) * 6, false);
    bits.resize(bits.len().next_multiple_of(8), true);
    for byte in bits.chunks(8) {
        let byte = byte.iter().fold(0_u8, |byte, bit| (byte << 1) | u8::from(*bit));
        file.push(byte);
        if byte == 0xFF {
            file.push(0);
        }
    }
    file.extend([0xFF, 0xD9]);
    file
}

fn segment(file: &mut Vec<u8>, kind: u8, content: &[u8]) {
    file.extend([0xFF, kind]);
    file.extend(u16::try_from(content.len() + 2).unwrap_or(u16::MAX).to_be_bytes());
    file.extend_from_slice(content);
}

/// Brightness and the two colors of JPEG, each from −128 to 127.
fn means([red, green, blue]: [u8; 3]) -> [i32; 3] {
    let (red, green, blue) = (i32::from(red), i32::from(green), i32::from(blue));
    [
        (299 * red + 587 * green + 114 * blue) / 1_000 - 128,
        (-169 * red - 331 * green + 500 * blue) / 1_000,
        (500 * red - 419 * green - 81 * blue) / 1_000,
    ]
}

fn high_first(bits: &mut Vec<bool>, value: u32, count: u32) {
    bits.extend((0..count).rev().map(|place| (value >> place) & 1 == 1));
}

/// Lossless WebP: with one symbol a channel, pixels take no bits at all.
fn webp(width: u32, height: u32, color: [u8; 3], transparent: bool) -> Vec<u8> {
    let mut bits = Vec::new();
    low_first(&mut bits, 0x2F, 8);
    low_first(&mut bits, width.saturating_sub(1), 14);
    low_first(&mut bits, height.saturating_sub(1), 14);
    low_first(&mut bits, u32::from(transparent), 1);
    // Version, and no transform, no cache of colors, no groups of codes.
    low_first(&mut bits, 0, 6);
    let [red, green, blue] = color;
    for channel in [green, red, blue, if transparent { 0 } else { 255 }] {
        // A simple code of one symbol, which is written in eight bits.
        low_first(&mut bits, 0b101, 3);
        low_first(&mut bits, u32::from(channel), 8);
    }
    // Distances: the same, in one bit.
    low_first(&mut bits, 0b0001, 4);
    let mut data: Vec<u8> = bits
        .chunks(8)
        .map(|byte| byte.iter().rev().fold(0, |byte, bit| (byte << 1) | u8::from(*bit)))
        .collect();
    let told = u32::try_from(data.len()).unwrap_or(u32::MAX);
    if data.len() % 2 == 1 {
        data.push(0);
    }
    let size = u32::try_from(data.len() + 12).unwrap_or(u32::MAX);
    let mut file = Vec::from(*b"RIFF");
    file.extend(size.to_le_bytes());
    file.extend(*b"WEBPVP8L");
    file.extend(told.to_le_bytes());
    file.extend(data);
    file
}

fn low_first(bits: &mut Vec<bool>, value: u32, count: u32) {
    bits.extend((0..count).map(|place| (value >> place) & 1 == 1));
}

/// The CRC-32 of PNG and zlib.
fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use image::{GenericImageView as _, ImageFormat, Rgba};

    use super::{Format, Sketch, checksum, measure};

    #[test]
    fn pictures_are_what_they_claim_to_be() {
        for (format, kind) in [
            (Format::Jpeg, ImageFormat::Jpeg),
            (Format::Png, ImageFormat::Png),
            (Format::Webp, ImageFormat::WebP),
        ] {
            for (width, height) in [(1, 1), (17, 9), (256, 64), (1_376, 768)] {
                for transparent in [false, true] {
                    let sketch = Sketch { format, height, seed: "a kite-0", transparent, width };
                    let file = sketch.draw();
                    assert_eq!(measure(&file), Some((format, width, height)));
                    let read = image::load_from_memory_with_format(&file, kind).unwrap();
                    assert_eq!(read.dimensions(), (width, height), "{format:?}");
                    let [red, green, blue] =
                        [1, 2, 3].map(|index| checksum(b"a kite-0").to_be_bytes()[index]);
                    let Rgba(seen) = read.get_pixel(width - 1, height - 1);
                    let clear = transparent && format != Format::Jpeg;
                    assert_eq!(seen[3], if clear { 0 } else { 255 }, "{format:?}");
                    let far = [red, green, blue]
                        .iter()
                        .zip(seen)
                        .any(|(asked, seen)| asked.abs_diff(seen) > 3);
                    assert!(!far, "{format:?} {seen:?}");
                }
            }
        }
    }

    #[test]
    fn seeds_make_different_files() {
        for format in [Format::Jpeg, Format::Png, Format::Webp] {
            let files = (0..10).map(|index| {
                let seed = format!("a kite-{index}");
                let sketch =
                    Sketch { format, height: 64, seed: &seed, transparent: false, width: 64 };
                sketch.draw()
            });
            let files: std::collections::BTreeSet<Vec<u8>> = files.collect();
            assert_eq!(files.len(), 10, "{format:?}");
        }
    }

    #[test]
    fn what_is_no_picture_has_no_sides() {
        for bytes in [&b""[..], b"\x89PNG\r\n\x1a\n", b"\xFF\xD8", b"GIF89a", b"RIFF    WEBPVP9 "] {
            assert_eq!(measure(bytes), None);
        }
    }
}
