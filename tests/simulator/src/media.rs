//! What links lead to: pictures and sounds, made by hand, small, valid, and the same every time.

use bytes::Bytes;

use crate::picture::{Format, Sketch};

/// Width and height of a picture whose name tells none, in pixels.
const SIDE: u32 = 16;

/// Bytes of one MP3 frame of 128 kbit/s at 44.1 kHz: 144 × 128,000 / 44,100, rounded down.
const MP3_FRAME: usize = 417;

/// The file of this name and its content type; absent if no file ends like this.
///
/// The ending decides what it is. A picture has the sides that stand before the ending,
/// `a_1024x768.png`; all that stands before it decides how it looks.
pub(crate) fn made(name: &str) -> Option<(&'static str, Bytes)> {
    let (stem, ending) = name.rsplit_once('.')?;
    if let Some(format) = Format::parse(ending) {
        let (width, height) = sides(stem).unwrap_or((SIDE, SIDE));
        let sketch = Sketch { format, height, seed: stem, transparent: false, width };
        return Some((format.content_type(), Bytes::from(sketch.draw())));
    }
    match ending {
        "mp3" => Some(("audio/mpeg", Bytes::from(mp3(40).concat()))),
        "wav" => Some(("audio/wav", Bytes::from(wav(24_000, 24_000)))),
        _ => None,
    }
}

/// Reads `…_1024x768`.
fn sides(stem: &str) -> Option<(u32, u32)> {
    let (width, height) = stem.rsplit_once('_')?.1.split_once('x')?;
    let side = |text: &str| text.parse().ok().filter(|side| (1..=16_383).contains(side));
    Some((side(width)?, side(height)?))
}

/// Silence as MP3 frames, mono; a frame lasts 26 ms.
pub(crate) fn mp3(frames: usize) -> Vec<Bytes> {
    // Sync, MPEG 1 layer III without checksum; 128 kbit/s, 44.1 kHz, no padding; one channel. The
    // side information that follows is all zero: no data, which is silence.
    let mut frame = vec![0xFF, 0xFB, 0x90, 0xC0];
    frame.resize(MP3_FRAME, 0);
    vec![Bytes::from(frame); frames]
}

/// Silence as 16-bit mono samples behind a WAV header.
pub(crate) fn wav(rate: u32, samples: u32) -> Vec<u8> {
    let size = samples * 2;
    let mut file = Vec::from(*b"RIFF");
    file.extend((36 + size).to_le_bytes());
    file.extend(*b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend(1_u16.to_le_bytes());
    file.extend(1_u16.to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend((rate * 2).to_le_bytes());
    file.extend(2_u16.to_le_bytes());
    file.extend(16_u16.to_le_bytes());
    file.extend(*b"data");
    file.extend(size.to_le_bytes());
    file.extend(std::iter::repeat_n(0, size as usize));
    file
}

#[cfg(test)]
mod tests {
    use super::{MP3_FRAME, made, mp3, wav};
    use crate::picture::{Format, measure};

    #[test]
    fn files_have_their_parts() {
        assert_eq!(mp3(2).concat().len(), 2 * MP3_FRAME);
        assert_eq!(wav(8_000, 10).len(), 44 + 20);
    }

    #[test]
    fn a_name_says_what_the_file_is() {
        for (name, measured) in [
            ("a_30x20.png", Some((Format::Png, 30, 20))),
            ("a_30x20.webp", Some((Format::Webp, 30, 20))),
            ("a_0x20.jpg", Some((Format::Jpeg, 16, 16))),
            ("a.mp3", None),
        ] {
            let (_, bytes) = made(name).unwrap();
            assert_eq!(measure(&bytes), measured, "{name}");
        }
        assert_eq!(made("a.exe"), None);
    }
}
