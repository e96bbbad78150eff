//! Samples without a head: only who ordered them knows what they are.

use super::{Extent, Measures, MediaError, text};

/// How a sample is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RawEncoding {
    /// 8 bits, A-law (ITU-T G.711).
    Alaw,
    /// 16 bits, signed, least significant byte first.
    Pcm16,
    /// 8 bits, µ-law (ITU-T G.711).
    Ulaw,
}

/// Sound whose form was asked for and stands nowhere in the bytes: ElevenLabs' `pcm_24000` and `ulaw_8000`,
/// OpenAI's `pcm`.
///
/// Follows <https://elevenlabs.io/docs/api-reference/text-to-speech/convert> (`output_format`) and
/// <https://platform.openai.com/docs/guides/text-to-speech> (24 kHz, mono).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RawAudio {
    /// 1 or 2.
    pub channels: u8,
    /// How a sample is written.
    pub encoding: RawEncoding,
    /// Samples a second and channel.
    pub rate_hz: u32,
}

impl RawAudio {
    /// The content type that it is served with.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self.encoding {
            RawEncoding::Alaw => "audio/PCMA",
            RawEncoding::Pcm16 => "audio/pcm",
            RawEncoding::Ulaw => "audio/PCMU",
        }
    }

    /// What a file of it is called at its end: `pcm`.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self.encoding {
            RawEncoding::Alaw => "alaw",
            RawEncoding::Pcm16 => "pcm",
            RawEncoding::Ulaw => "ulaw",
        }
    }

    /// How long so many bytes play; absent for a rate of 0.
    #[must_use]
    pub fn duration_ms(self, size_bytes: u64) -> Option<u64> {
        let sample: u32 = if self.encoding == RawEncoding::Pcm16 { 2 } else { 1 };
        let a_second = self.rate_hz.checked_mul(sample * u32::from(self.channels))?;
        super::audio::ms(size_bytes, a_second)
    }

    /// What there is to know of all of it.
    #[must_use]
    pub fn measure(self, bytes: &Extent<'_>) -> Measures {
        Measures { duration_ms: self.duration_ms(bytes.size_bytes()), ..Measures::default() }
    }

    /// Refuses what cannot be samples: nothing, and text (an error in place of the sound).
    ///
    /// Any other bytes can be.
    ///
    /// # Errors
    /// [`MediaError::Empty`], [`MediaError::NotListed`].
    pub fn expect(self, head: &[u8]) -> Result<Self, MediaError> {
        if head.is_empty() {
            return Err(MediaError::Empty);
        }
        // One byte such as `<` is a sample like any other: it takes a text to be one.
        let is_text = head.len() >= 32 && head.iter().take(512).all(|c| c.is_ascii() && *c >= 9);
        match text(head) {
            Some(found) if is_text => Err(MediaError::NotListed { found }),
            _ => Ok(self),
        }
    }
}
