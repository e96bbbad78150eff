//! The formats that have frames: MP3, AAC in ADTS, Opus in Ogg, FLAC.

use bytes::Bytes;

/// A frame of AAC LC with one channel and nothing in it.
const AAC_SILENCE: [u8; 6] = [0x00, 0xC8, 0x00, 0x80, 0x23, 0x80];

/// Sampling rates of ADTS, by index.
const AAC_RATES: [u32; 12] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000];

/// 20 ms of Opus with nothing in it.
const OPUS_SILENCE: [u8; 3] = [0xF8, 0xFF, 0xFE];

/// Packets of 20 ms in one Ogg page.
const PAGE: u64 = 10;

/// Samples of one FLAC frame.
const FLAC_BLOCK: u64 = 576;

/// Bit rates by index, in kbit/s: MPEG 1 and MPEG 2, layer III.
const MP3_RATES: [[u32; 15]; 2] = [
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/// MP3 frames of one channel: 1,152 samples each from 32 kHz on, 576 below.
pub(super) fn mp3(rate: u32, kbps: u32, millis: u64) -> Vec<Bytes> {
    let (version, table, samples) =
        if rate >= 32_000 { (0xFB, 0, 1_152_u32) } else { (0xF3, 1, 576) };
    let known =
        MP3_RATES.get(table).and_then(|rates| rates.iter().position(|known| *known == kbps));
    let bits = u8::try_from(known.unwrap_or(9)).unwrap_or(9);
    let frequency: u8 = match rate {
        24_000 | 48_000 => 1,
        16_000 | 32_000 => 2,
        _ => 0,
    };
    let size = samples / 8 * kbps * 1_000 / rate;
    // Sync and version, layer III without checksum; rates, no padding; one channel. The side
    // information that follows is all zero: no data, which is silence.
    let mut frame = vec![0xFF, version, bits << 4 | frequency << 2, 0xC0];
    frame.resize(usize::try_from(size).unwrap_or(0), 0);
    vec![Bytes::from(frame); frames(rate, samples.into(), millis)]
}

/// ADTS frames of 1,024 samples.
pub(super) fn adts(rate: u32, millis: u64) -> Vec<Bytes> {
    let index = AAC_RATES.iter().position(|known| *known == rate).unwrap_or(6);
    let index = u8::try_from(index).unwrap_or(6);
    let length = 7 + u8::try_from(AAC_SILENCE.len()).unwrap_or(0);
    // Sync, MPEG 4 without checksum; LC, the rate; one channel; the length over three bytes, a
    // buffer of any fullness, one block.
    let mut frame = vec![0xFF, 0xF1, 1 << 6 | index << 2, 1 << 6, length >> 3];
    frame.extend([(length & 7) << 5 | 0x1F, 0xFC]);
    frame.extend(AAC_SILENCE);
    vec![Bytes::from(frame); frames(rate, 1_024, millis)]
}

/// A FLAC stream: its header, then frames of 576 samples of 16 bits that are all zero.
pub(super) fn flac(rate: u32, millis: u64) -> Vec<Bytes> {
    let count = frames(rate, FLAC_BLOCK, millis) as u64;
    let block = 576_u16.to_be_bytes();
    let mut header = Vec::from(*b"fLaC\x80\0\0\x22");
    header.extend([block, block].concat());
    header.extend([0; 6]);
    // 20 bits of rate, 3 of channels less one, 5 of bits a sample less one, 36 of samples.
    let described = u64::from(rate) << 44 | 15 << 36 | (count * FLAC_BLOCK);
    header.extend(described.to_be_bytes());
    header.extend([0; 16]);
    let code: u8 = match rate {
        8_000 => 4,
        16_000 => 5,
        22_050 => 6,
        44_100 => 9,
        48_000 => 10,
        _ => 7,
    };
    let frame = |number: u64| {
        let mut frame = vec![0xFF, 0xF8, 2 << 4 | code, 0x08];
        frame.extend(numbered(number));
        frame.push(crc(&frame, 8, 0x07).to_be_bytes()[3]);
        // One subframe that is constant, and its value.
        frame.extend([0, 0, 0]);
        let [_, _, high, low] = crc(&frame, 16, 0x8005).to_be_bytes();
        frame.extend([high, low]);
        Bytes::from(frame)
    };
    [Bytes::from(header)].into_iter().chain((0..count).map(frame)).collect()
}

/// An Ogg stream of Opus at 48 kHz: two pages of headers, then pages of 200 ms.
pub(super) fn ogg_opus(millis: u64) -> Vec<Bytes> {
    let mut head = Vec::from(*b"OpusHead\x01\x01");
    head.extend([0, 0]);
    head.extend(48_000_u32.to_le_bytes());
    head.extend([0, 0, 0]);
    let mut tags = Vec::from(*b"OpusTags");
    tags.extend(0_u32.to_le_bytes());
    tags.extend(0_u32.to_le_bytes());
    let packets = millis.div_ceil(20).max(1);
    let mut pages = vec![page(2, 0, 0, &[&head]), page(0, 0, 1, &[&tags])];
    for (number, start) in (0..packets).step_by(PAGE as usize).enumerate() {
        let end = (start + PAGE).min(packets);
        let silence: Vec<&[u8]> = (start..end).map(|_| OPUS_SILENCE.as_slice()).collect();
        let kind = if end == packets { 4 } else { 0 };
        let number = u32::try_from(number).unwrap_or(0) + 2;
        pages.push(page(kind, end * 960, number, &silence));
    }
    pages
}

/// An Ogg page of packets that are shorter than 255 bytes.
fn page(kind: u8, position: u64, number: u32, packets: &[&[u8]]) -> Bytes {
    let mut page = Vec::from(*b"OggS\0");
    page.push(kind);
    page.extend(position.to_le_bytes());
    page.extend(1_u32.to_le_bytes());
    page.extend(number.to_le_bytes());
    let checksum_at = page.len();
    page.extend([0; 4]);
    let length = |bytes: usize| u8::try_from(bytes).unwrap_or(u8::MAX);
    page.push(length(packets.len()));
    page.extend(packets.iter().map(|packet| length(packet.len())));
    page.extend(packets.concat());
    let checksum = crc(&page, 32, 0x04C1_1DB7).to_le_bytes();
    if let Some(place) = page.get_mut(checksum_at..checksum_at + 4) {
        place.copy_from_slice(&checksum);
    }
    Bytes::from(page)
}

/// As many frames as it takes.
fn frames(rate: u32, samples: u64, millis: u64) -> usize {
    let needed = (u64::from(rate) * millis).div_ceil(1_000 * samples);
    usize::try_from(needed.max(1)).unwrap_or(1)
}

/// A frame's number in the manner of UTF-8, below 65,536.
fn numbered(number: u64) -> Vec<u8> {
    let low = |shift: u32| u8::try_from(number >> shift & 0x3F).unwrap_or(0) | 0x80;
    let high = |shift: u32| u8::try_from(number >> shift & 0x1F).unwrap_or(0);
    match number {
        0..0x80 => vec![u8::try_from(number).unwrap_or(0)],
        0x80..0x800 => vec![high(6) | 0xC0, low(0)],
        _ => vec![high(12) & 0x0F | 0xE0, low(6), low(0)],
    }
}

/// A cyclic check of so many bits, highest bit first, that begins with zero.
fn crc(bytes: &[u8], bits: u32, polynomial: u32) -> u32 {
    let (top, mask) = (1 << (bits - 1), u32::MAX >> (32 - bits));
    let mut rest = 0_u32;
    for byte in bytes {
        rest ^= u32::from(*byte) << (bits - 8);
        for _ in 0..8 {
            rest = if rest & top == 0 { rest << 1 } else { rest << 1 ^ polynomial } & mask;
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::{crc, numbered};

    #[test]
    fn checks_are_the_known_ones() {
        assert_eq!(crc(b"123456789", 8, 0x07), 0xF4);
        assert_eq!(crc(b"123456789", 16, 0x8005), 0xFEE8);
        assert_eq!(crc(b"123456789", 32, 0x04C1_1DB7), 0x89A1_897F);
    }

    #[test]
    fn numbers_are_written_as_characters_are() {
        assert_eq!(numbered(65), b"A");
        assert_eq!(numbered(0xFC), "ü".as_bytes());
        assert_eq!(numbered(0x4F60), "你".as_bytes());
    }
}
