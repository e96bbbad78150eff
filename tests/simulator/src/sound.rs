//! Sounds of silence in every format that the vendors make: small, valid, and the same every time.
//!
//! How long a sound is follows from the length of the text: 25 ms for two characters, and 25 ms more.
//! Each format is written frame by frame, so that a sound can leave in pieces as it would be made.

mod packets;

use bytes::Bytes;

use crate::faults::Script;
use crate::results;

/// What two characters take to say, in milliseconds.
const STEP_MS: u64 = 25;

/// A format.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Sound {
    pub(crate) codec: Codec,
    /// Samples a second.
    pub(crate) rate: u32,
}

/// How samples are written; there is always one channel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Codec {
    /// AAC LC in ADTS frames.
    Aac,
    Alaw,
    Flac,
    /// MPEG 1 or 2, layer III, with so many kbit/s.
    Mp3(u32),
    /// Opus in Ogg.
    Opus,
    /// 16 bits, little-endian.
    Pcm,
    Ulaw,
    Wav,
}

/// How long it takes to say a text of so many characters, in milliseconds.
pub(crate) const fn millis(characters: usize) -> u64 {
    (characters.div_ceil(2) as u64 + 1) * STEP_MS
}

impl Sound {
    /// Silence for so many milliseconds, in pieces; the faults `big`, `chunks` and `result:none` are
    /// obeyed.
    pub(crate) fn pieces(self, millis: u64, script: &Script) -> Vec<Bytes> {
        let millis = match script.big {
            Some(bytes) => (bytes as u64).saturating_mul(1_000) / self.bytes_a_second(),
            None => millis,
        };
        if results::makes_nothing(&script.result) {
            return Vec::new();
        }
        let pieces = match self.codec {
            Codec::Aac => packets::adts(self.rate, millis),
            Codec::Alaw => self.raw(0xD5, 1, millis),
            Codec::Flac => packets::flac(self.rate, millis),
            Codec::Mp3(kbps) => packets::mp3(self.rate, kbps, millis),
            Codec::Opus => packets::ogg_opus(millis),
            Codec::Pcm => self.raw(0, 2, millis),
            Codec::Ulaw => self.raw(0xFF, 1, millis),
            Codec::Wav => {
                let samples = self.raw(0, 2, millis);
                let size = samples.iter().map(Bytes::len).sum();
                [vec![wav_header(self.rate, size)], samples].concat()
            }
        };
        match script.chunks {
            Some(count) => regrouped(&pieces.concat(), count),
            None => pieces,
        }
    }

    /// About so many.
    fn bytes_a_second(self) -> u64 {
        match self.codec {
            Codec::Aac => u64::from(self.rate) * 13 / 1_024,
            Codec::Alaw | Codec::Ulaw => self.rate.into(),
            Codec::Flac => u64::from(self.rate) * 11 / 576,
            Codec::Mp3(kbps) => u64::from(kbps) * 125,
            Codec::Opus => 200,
            Codec::Pcm | Codec::Wav => u64::from(self.rate) * 2,
        }
    }

    /// Samples that are all the same, 25 ms a piece.
    fn raw(self, byte: u8, bytes_a_sample: u64, millis: u64) -> Vec<Bytes> {
        let size = u64::from(self.rate) * STEP_MS / 1_000 * bytes_a_sample;
        let piece = Bytes::from(vec![byte; usize::try_from(size).unwrap_or(0)]);
        vec![piece; usize::try_from(millis.div_ceil(STEP_MS)).unwrap_or(0)]
    }
}

fn wav_header(rate: u32, size: usize) -> Bytes {
    let size = u32::try_from(size).unwrap_or(u32::MAX - 36);
    let mut header = Vec::from(*b"RIFF");
    header.extend((36 + size).to_le_bytes());
    header.extend(*b"WAVEfmt ");
    header.extend(16_u32.to_le_bytes());
    header.extend(1_u16.to_le_bytes());
    header.extend(1_u16.to_le_bytes());
    header.extend(rate.to_le_bytes());
    header.extend((rate * 2).to_le_bytes());
    header.extend(2_u16.to_le_bytes());
    header.extend(16_u16.to_le_bytes());
    header.extend(*b"data");
    header.extend(size.to_le_bytes());
    Bytes::from(header)
}

fn regrouped(whole: &[u8], count: usize) -> Vec<Bytes> {
    let size = whole.len().div_ceil(count.max(1)).max(1);
    whole.chunks(size).map(Bytes::copy_from_slice).collect()
}

#[cfg(test)]
mod tests {
    use super::{Codec, Script, Sound, millis};

    #[test]
    fn every_format_begins_as_it_should_and_lasts_as_long() {
        for (codec, rate, start, size) in [
            (Codec::Aac, 24_000, &[0xFF, 0xF1, 0x58][..], 24 * 13),
            (Codec::Alaw, 8_000, &[0xD5], 8_000),
            (Codec::Flac, 24_000, b"fLaC\x80", 42 + 42 * 11),
            (Codec::Mp3(128), 44_100, &[0xFF, 0xFB, 0x90, 0xC0], 39 * 417),
            (Codec::Mp3(32), 22_050, &[0xFF, 0xF3, 0x40, 0xC0], 39 * 104),
            (Codec::Opus, 48_000, b"OggS\0\x02", 47 + 44 + 50 * 4 + 5 * 27),
            (Codec::Pcm, 24_000, &[0, 0], 48_000),
            (Codec::Ulaw, 8_000, &[0xFF], 8_000),
            (Codec::Wav, 24_000, b"RIFF", 44 + 48_000),
        ] {
            let pieces = Sound { codec, rate }.pieces(1_000, &Script::default());
            assert!(pieces.len() > 4, "{codec:?}");
            let whole = pieces.concat();
            assert!(whole.starts_with(start), "{codec:?}");
            assert_eq!(whole.len(), size, "{codec:?}");
        }
    }

    #[test]
    fn length_follows_from_the_text_and_the_faults() {
        assert_eq!([0, 1, 6, 7].map(millis), [25, 50, 100, 125]);
        let made = |faults| {
            let pcm = Sound { codec: Codec::Pcm, rate: 24_000 };
            let pieces = pcm.pieces(100, &Script::parse(faults).unwrap());
            (pieces.len(), pieces.concat().len())
        };
        assert_eq!(made("chunks:2"), (2, 4_800));
        assert_eq!(made("big:48000"), (40, 48_000));
        assert_eq!(made("result:none"), (0, 0));
    }
}
