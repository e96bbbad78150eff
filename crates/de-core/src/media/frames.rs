//! Sound in frames, each with a head of its own: MP3 and AAC with ADTS.

/// What the head of a frame says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Frame {
    /// Its length, head included; at least that of the head.
    pub length: usize,
    /// Samples a second.
    pub rate_hz: u32,
    /// Samples in the frame, a channel.
    pub samples: u32,
}

/// Reads the head of a frame at the beginning of these bytes.
pub(super) type Reader = fn(&[u8]) -> Option<Frame>;

/// Kilobits a second of MPEG 1, layer III, by index.
const MPEG1_KBIT: [u32; 16] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0];
/// Kilobits a second of MPEG 2 and 2.5, layer III, by index.
const MPEG2_KBIT: [u32; 16] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0];
/// Samples a second of MPEG 1, by index; MPEG 2 has half of it, 2.5 a quarter.
const MPEG1_HZ: [u32; 3] = [44_100, 48_000, 32_000];
/// Samples a second of AAC, by index.
const AAC_HZ: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// MPEG audio, layer III (ISO/IEC 11172-3, 2.4.1.3; ISO/IEC 13818-3).
pub(super) fn mp3(bytes: &[u8]) -> Option<Frame> {
    let [0xff, flags, rates, _, ..] = bytes else { return None };
    let layer_3 = flags & 0b1110_0110 == 0b1110_0010;
    let version = (flags >> 3) & 3;
    if !layer_3 || version == 1 {
        return None;
    }
    let is_first = version == 3;
    let kbit = if is_first { MPEG1_KBIT } else { MPEG2_KBIT };
    // Index 0 is "free": the length of such frames stands nowhere. No vendor makes them.
    let kbit = kbit.get(usize::from(rates >> 4)).copied().filter(|kbit| *kbit > 0)?;
    let full_hz = *MPEG1_HZ.get(usize::from((rates >> 2) & 3))?;
    let (rate_hz, samples) = match version {
        3 => (full_hz, 1_152),
        2 => (full_hz / 2, 576),
        _ => (full_hz / 4, 576),
    };
    let padding = u32::from((rates >> 1) & 1);
    let length = samples / 8 * kbit * 1_000 / rate_hz + padding;
    Some(Frame { length: usize::try_from(length).ok()?, rate_hz, samples })
}

/// Where the table of contents stands in the first frame, if there is one: behind the side information.
pub(super) fn mp3_contents_at(frame: &[u8]) -> Option<usize> {
    let [_, flags, _, mode, ..] = frame else { return None };
    let (is_first, is_mono) = ((flags >> 3) & 3 == 3, mode >> 6 == 3);
    Some(match (is_first, is_mono) {
        (true, false) => 36,
        (true, true) | (false, false) => 21,
        (false, true) => 13,
    })
}

/// AAC with ADTS (ISO/IEC 13818-7, 6.2).
pub(super) fn adts(bytes: &[u8]) -> Option<Frame> {
    let [0xff, flags, rate, high, middle, low, blocks, ..] = bytes else { return None };
    if flags & 0b1111_0110 != 0b1111_0000 {
        return None;
    }
    let rate_hz = *AAC_HZ.get(usize::from((rate >> 2) & 15))?;
    let length = usize::from(high & 3) << 11 | usize::from(*middle) << 3 | usize::from(low >> 5);
    let samples = 1_024 * (u32::from(blocks & 3) + 1);
    (length >= 7).then_some(Frame { length, rate_hz, samples })
}

/// Frames in a row.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Walk {
    /// Of the frames, in bytes.
    pub length: usize,
    /// In microseconds.
    pub micros: u64,
}

/// Walks from frame to frame, over what lies between them, to the end of the bytes. Only whole frames count.
pub(super) fn walk(mut bytes: &[u8], read: Reader) -> Walk {
    let mut walked = Walk::default();
    while !bytes.is_empty() {
        let Some(frame) = read(bytes) else {
            // Broken, or a tag: on to the next byte that may begin a frame.
            let skip = bytes.iter().skip(1).position(|byte| *byte == 0xff);
            bytes = skip.and_then(|skip| bytes.get(skip + 1..)).unwrap_or_default();
            continue;
        };
        let Some(rest) = bytes.get(frame.length..) else { break };
        walked.length += frame.length;
        walked.micros += u64::from(frame.samples) * 1_000_000 / u64::from(frame.rate_hz.max(1));
        bytes = rest;
    }
    walked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_frames_are_read() {
        let mp3_rows = [
            ([0xff, 0xfb, 0x90, 0x00], Some((417, 44_100, 1_152))),
            ([0xff, 0xfb, 0x92, 0x00], Some((418, 44_100, 1_152))),
            ([0xff, 0xf3, 0x84, 0xc0], Some((192, 24_000, 576))),
            ([0xff, 0xe3, 0x48, 0xc0], Some((288, 8_000, 576))),
            // Reserved: a version, a rate of bits, a rate of samples. Then layer II.
            ([0xff, 0xeb, 0x90, 0x00], None),
            ([0xff, 0xfb, 0xf0, 0x00], None),
            ([0xff, 0xfb, 0x9c, 0x00], None),
            ([0xff, 0xfd, 0x90, 0x00], None),
        ];
        for (bytes, expected) in mp3_rows {
            let read = mp3(&bytes).map(|frame| (frame.length, frame.rate_hz, frame.samples));
            assert_eq!(read, expected, "{bytes:x?}");
        }
        let aac = adts(&[0xff, 0xf1, 0x50, 0x80, 0x02, 0x1f, 0xfc]);
        assert_eq!(aac, Some(Frame { length: 16, rate_hz: 44_100, samples: 1_024 }));
        // Shorter than its own head: such a frame would never end.
        assert_eq!(adts(&[0xff, 0xf1, 0x50, 0x80, 0x00, 0x1f, 0xfc]), None);
    }
}
