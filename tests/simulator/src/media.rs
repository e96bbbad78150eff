//! What links lead to: pictures, films and sounds, made by hand, small, valid, and the same every time.

use bytes::Bytes;

use crate::faults::Script;
use crate::film;
use crate::picture::{Format, Sketch};
use crate::sound::{Codec, Sound};

/// Width and height of a picture whose name tells none, in pixels.
const SIDE: u32 = 16;

/// How long a film or a sound is whose name tells nothing, in milliseconds.
const MILLIS: u64 = 1_000;

/// The longest that is made, in milliseconds: an hour.
const LONGEST: u64 = 3_600_000;

/// The file of this name and its content type; absent if no file ends like this.
///
/// The ending decides what it is. A picture has the sides that stand before the ending,
/// `a_1024x768.png`; all that stands before it decides how it looks. A film has such sides, too, and a
/// film or a sound lasts as long as the name says, `a_2500ms.mp3`, or a second.
pub(crate) fn made(name: &str) -> Option<(&'static str, Bytes)> {
    let (stem, ending) = name.rsplit_once('.')?;
    if let Some(format) = Format::parse(ending) {
        let (width, height) = sides(stem).unwrap_or((SIDE, SIDE));
        let sketch = Sketch { format, height, seed: stem, transparent: false, width };
        return Some((format.content_type(), Bytes::from(sketch.draw())));
    }
    let millis = stem.split('_').find_map(|part| part.strip_suffix("ms")?.parse().ok());
    let millis = millis.unwrap_or(MILLIS).min(LONGEST);
    let (width, height) = sides(stem).unwrap_or((SIDE, SIDE));
    let sound = |content_type, codec| {
        let sound = Sound { codec, rate: 44_100 };
        Some((content_type, Bytes::from(sound.pieces(millis, &Script::default()).concat())))
    };
    match ending {
        "bmp" => Some(("image/bmp", film::bmp(stem))),
        "gif" => Some(("image/gif", film::gif(width, height))),
        "mp3" => sound("audio/mpeg", Codec::Mp3(128)),
        "mp4" => Some(("video/mp4", film::mp4(width, height, millis))),
        "wav" => sound("audio/wav", Codec::Wav),
        _ => None,
    }
}

/// Reads `…_1024x768`.
fn sides(stem: &str) -> Option<(u32, u32)> {
    let (width, height) = stem.rsplit_once('_')?.1.split_once('x')?;
    let side = |text: &str| text.parse().ok().filter(|side| (1..=16_383).contains(side));
    Some((side(width)?, side(height)?))
}

#[cfg(test)]
mod tests {
    use super::made;
    use crate::picture::{Format, measure};

    #[test]
    fn sounds_and_films_last_as_long_as_their_names_say() {
        for (name, content_type, size) in [
            ("a.mp3", "audio/mpeg", 39 * 417),
            ("a_2500ms.mp3", "audio/mpeg", 96 * 417),
            ("a_500ms.wav", "audio/wav", 44 + 20 * 2_204),
        ] {
            let (told, bytes) = made(name).unwrap();
            assert_eq!((told, bytes.len()), (content_type, size), "{name}");
        }
        assert_eq!(made("a_2500ms_640x360.mp4").unwrap().0, "video/mp4");
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
