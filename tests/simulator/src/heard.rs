//! What a sound that a client sends is, by its first bytes, and how long it lasts.

/// A kind of file that can be heard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Flac,
    /// MP3 or another stream of MPEG.
    Mpeg,
    /// MP4 and M4A.
    Mp4,
    Ogg,
    Wav,
    WebM,
}

/// What a second of sound takes where the length is not read from the file: 128 kbit/s.
const BYTES_A_SECOND: f64 = 16_000.0;

/// Finds the kind of a file by its first bytes; absent if it is none that can be heard.
pub(crate) fn kind(bytes: &[u8]) -> Option<Kind> {
    let at = |place: usize, magic: &[u8]| {
        bytes.get(place..place + magic.len()).is_some_and(|found| found == magic)
    };
    if at(0, b"RIFF") && at(8, b"WAVE") {
        return Some(Kind::Wav);
    }
    for (place, magic, kind) in [
        (0, &b"fLaC"[..], Kind::Flac),
        (0, b"OggS", Kind::Ogg),
        (0, b"\x1A\x45\xDF\xA3", Kind::WebM),
        (4, b"ftyp", Kind::Mp4),
        (0, b"ID3", Kind::Mpeg),
        (0, b"\0\0\x01\xBA", Kind::Mpeg),
    ] {
        if at(place, magic) {
            return Some(kind);
        }
    }
    match bytes {
        // Eleven bits of sync, and any layer but the one that is reserved, which AAC uses.
        [0xFF, second, ..] if second & 0xE0 == 0xE0 && second & 0x06 != 0 => Some(Kind::Mpeg),
        _ => None,
    }
}

/// How long the sound lasts, in seconds, rounded to hundredths: true for WAV, for others as if they
/// had 128 kbit/s.
pub(crate) fn seconds(bytes: &[u8]) -> f64 {
    let exact = match kind(bytes) {
        Some(Kind::Wav) => wav_seconds(bytes),
        _ => None,
    };
    let seconds = exact.unwrap_or(bytes.len() as f64 / BYTES_A_SECOND);
    (seconds * 100.0).round() / 100.0
}

/// The size of the samples by the bytes a second, both as the header tells them.
fn wav_seconds(bytes: &[u8]) -> Option<f64> {
    let number = |at: usize| {
        let found = bytes.get(at..at + 4)?;
        Some(u32::from_le_bytes(found.try_into().ok()?))
    };
    let (mut at, mut a_second) = (12, None);
    loop {
        let size = number(at + 4)?;
        match bytes.get(at..at + 4)? {
            b"fmt " => a_second = number(at + 16),
            b"data" => {
                // A stream does not know its size: then it is what came.
                let there = bytes.len().saturating_sub(at + 8);
                let size = there.min(usize::try_from(size).ok()?);
                return Some(size as f64 / f64::from(a_second.filter(|rate| *rate > 0)?));
            }
            _ => {}
        }
        at += 8 + usize::try_from(size).ok()?;
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, kind, seconds};
    use crate::faults::Script;
    use crate::sound::{Codec, Sound};

    #[test]
    fn what_is_made_is_heard() {
        for (codec, expected) in [
            (Codec::Aac, None),
            (Codec::Flac, Some(Kind::Flac)),
            (Codec::Mp3(128), Some(Kind::Mpeg)),
            (Codec::Opus, Some(Kind::Ogg)),
            (Codec::Wav, Some(Kind::Wav)),
        ] {
            let sound = Sound { codec, rate: 24_000 };
            let bytes = sound.pieces(2_400, &Script::default()).concat();
            assert_eq!(kind(&bytes), expected, "{codec:?}");
            if codec == Codec::Wav || codec == Codec::Mp3(128) {
                assert!((seconds(&bytes) - 2.4).abs() < 0.03, "{codec:?}");
            }
        }
        assert_eq!(kind(b"<html>"), None);
        assert!(seconds(b"RIFF1234WAVEfmt ").abs() < 0.01);
    }
}
