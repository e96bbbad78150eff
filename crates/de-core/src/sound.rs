//! The formats of sound that vendors make, in the words of those who order them.
//!
//! Two vocabularies: OpenAI's (`mp3`) and ElevenLabs' (`mp3_44100_128`). A word of one stands for a word
//! of the other only where both mean the usual form of the same container: what a caller said more
//! exactly is not made something else.
//!
//! Follows <https://platform.openai.com/docs/api-reference/audio/createSpeech> (`response_format`) and
//! <https://elevenlabs.io/docs/api-reference/text-to-speech/convert> (`output_format`).

use crate::media::{RawAudio, RawEncoding};

/// Those of OpenAI.
pub const OPENAI: [&str; 6] = ["mp3", "opus", "aac", "flac", "wav", "pcm"];

/// Those of ElevenLabs: codec, samples a second, kbit/s where the codec has a choice of them.
pub const ELEVENLABS: [&str; 28] = [
    "mp3_22050_32",
    "mp3_24000_48",
    "mp3_44100_32",
    "mp3_44100_64",
    "mp3_44100_96",
    "mp3_44100_128",
    "mp3_44100_192",
    "pcm_8000",
    "pcm_16000",
    "pcm_22050",
    "pcm_24000",
    "pcm_32000",
    "pcm_44100",
    "pcm_48000",
    "wav_8000",
    "wav_16000",
    "wav_22050",
    "wav_24000",
    "wav_32000",
    "wav_44100",
    "wav_48000",
    "opus_48000_32",
    "opus_48000_64",
    "opus_48000_96",
    "opus_48000_128",
    "opus_48000_192",
    "ulaw_8000",
    "alaw_8000",
];

/// What both vendors make: OpenAI's word, ElevenLabs' word.
const SAME: [(&str, &str); 4] = [
    ("mp3", "mp3_44100_128"),
    ("opus", "opus_48000_64"),
    ("pcm", "pcm_24000"),
    ("wav", "wav_24000"),
];

/// A format, by one of its words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SoundFormat {
    word: &'static str,
}

impl SoundFormat {
    /// Reads a word of either vendor; `None` for any other.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let known = OPENAI.into_iter().chain(ELEVENLABS).find(|known| *known == word);
        known.map(|word| Self { word })
    }

    /// The word that it was read from.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.word
    }

    /// OpenAI's word for it; `None` if OpenAI does not make it.
    #[must_use]
    pub fn for_openai(self) -> Option<&'static str> {
        let same = SAME.into_iter().find(|(_, other)| *other == self.word);
        let own = OPENAI.into_iter().find(|own| *own == self.word);
        own.or(same.map(|(own, _)| own))
    }

    /// ElevenLabs' word for it; `None` if ElevenLabs does not make it.
    #[must_use]
    pub fn for_elevenlabs(self) -> Option<&'static str> {
        let same = SAME.into_iter().find(|(other, _)| *other == self.word);
        let own = ELEVENLABS.into_iter().find(|own| *own == self.word);
        same.map(|(_, own)| own).or(own)
    }

    /// What the bytes are, where they do not say it themselves: samples without a head. OpenAI's `pcm`
    /// has 24,000 of 16 bits a second.
    #[must_use]
    pub fn raw(self) -> Option<RawAudio> {
        let mut parts = self.word.split('_');
        let encoding = match parts.next()? {
            "alaw" => RawEncoding::Alaw,
            "pcm" => RawEncoding::Pcm16,
            "ulaw" => RawEncoding::Ulaw,
            _ => return None,
        };
        let rate_hz = parts.next().and_then(|rate| rate.parse().ok()).unwrap_or(24_000);
        Some(RawAudio { channels: 1, encoding, rate_hz })
    }

    /// The content type of such bytes.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        if let Some(raw) = self.raw() {
            return raw.content_type();
        }
        match self.word.split('_').next() {
            Some("aac") => "audio/aac",
            Some("flac") => "audio/flac",
            Some("opus") => "audio/ogg",
            Some("wav") => "audio/wav",
            _ => "audio/mpeg",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(word: &str) -> SoundFormat {
        SoundFormat::parse(word).unwrap()
    }

    #[test]
    fn a_word_stands_for_another_only_where_both_mean_the_same() {
        let rows = [
            ("mp3", Some("mp3"), Some("mp3_44100_128")),
            ("opus", Some("opus"), Some("opus_48000_64")),
            ("pcm", Some("pcm"), Some("pcm_24000")),
            ("wav", Some("wav"), Some("wav_24000")),
            ("aac", Some("aac"), None),
            ("flac", Some("flac"), None),
            ("mp3_44100_128", Some("mp3"), Some("mp3_44100_128")),
            ("mp3_22050_32", None, Some("mp3_22050_32")),
            ("pcm_24000", Some("pcm"), Some("pcm_24000")),
            ("pcm_16000", None, Some("pcm_16000")),
            ("ulaw_8000", None, Some("ulaw_8000")),
        ];
        for (word, openai, elevenlabs) in rows {
            assert_eq!(format(word).for_openai(), openai, "{word}");
            assert_eq!(format(word).for_elevenlabs(), elevenlabs, "{word}");
        }
        for none in ["", "mp4", "mp3_44100", "MP3", "pcm_1"] {
            assert_eq!(SoundFormat::parse(none), None, "{none}");
        }
    }

    #[test]
    fn raw_samples_have_a_rate_and_the_others_say_it_themselves() {
        let rates = [
            ("pcm", Some(24_000)),
            ("pcm_16000", Some(16_000)),
            ("ulaw_8000", Some(8_000)),
            ("alaw_8000", Some(8_000)),
            ("wav_8000", None),
            ("mp3", None),
        ];
        for (word, rate) in rates {
            assert_eq!(format(word).raw().map(|raw| raw.rate_hz), rate, "{word}");
        }
    }

    #[test]
    fn each_has_its_content_type() {
        let types = [
            ("mp3_22050_32", "audio/mpeg"),
            ("opus", "audio/ogg"),
            ("aac", "audio/aac"),
            ("flac", "audio/flac"),
            ("wav_16000", "audio/wav"),
            ("pcm", "audio/pcm"),
            ("ulaw_8000", "audio/PCMU"),
            ("alaw_8000", "audio/PCMA"),
        ];
        for (word, content_type) in types {
            assert_eq!(format(word).content_type(), content_type, "{word}");
        }
    }
}
