//! Which sizes a GPT image model makes, and which of them is meant by a ratio.

use super::super::picture::{Ratio, Size};

/// The sizes of the first generation; the later ones make them too, at their best.
const LISTED: [(&str, &str); 3] =
    [("1:1", "1024x1024"), ("3:2", "1536x1024"), ("2:3", "1024x1536")];
/// Both sides are multiples of it.
const STEP: u32 = 16;
/// No side is more than so many times the other.
const SLIMMEST: u32 = 3;
/// The longest side, and the most pixels: 3840x2160.
const LONGEST: u32 = 3_840;
const MOST_PIXELS: u64 = 3_840 * 2_160;
/// As many pixels as the larger of the listed sizes: what a ratio alone asks for is not dearer than these.
const USUAL_PIXELS: u64 = 1_536 * 1_024;

/// What a model makes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sizes {
    /// Not a model of OpenAI's: its own vendor knows.
    Any,
    /// Any size of certain steps.
    Free,
    /// Three of them.
    Listed,
}

impl Sizes {
    /// Those of a model, by the vendor's name of it.
    pub(super) fn of(model: &str) -> Self {
        match model.strip_prefix("gpt-image-") {
            Some(version) if version.starts_with('1') => Self::Listed,
            Some(_) => Self::Free,
            None => Self::Any,
        }
    }

    /// Why a size is none of this model's.
    pub(super) fn check(self, text: &str) -> Result<(), &'static str> {
        if text == "auto" {
            return Ok(());
        }
        let size = Size::parse(text).ok_or("expected auto or WIDTHxHEIGHT, as 1024x1024")?;
        match self {
            Self::Listed if !LISTED.iter().any(|(_, listed)| *listed == text) => {
                Err("this model makes auto, 1024x1024, 1536x1024 and 1024x1536")
            }
            Self::Free if size.width % STEP != 0 || size.height % STEP != 0 => {
                Err("both sides must be multiples of 16")
            }
            Self::Free if !size.ratio().is_within(SLIMMEST) => {
                Err("neither side may be more than 3 times the other")
            }
            Self::Free if size.longest() > LONGEST || size.pixels() > MOST_PIXELS => {
                Err("at most 3840 pixels a side, and as many in all as 3840x2160 has")
            }
            Self::Any | Self::Free | Self::Listed => Ok(()),
        }
    }

    /// The size of exactly that shape: a listed one, else the largest that is no dearer.
    pub(super) fn shaped(self, ratio: Ratio) -> Result<String, &'static str> {
        let shape = ratio.to_string();
        if let Some((_, size)) = LISTED.iter().find(|(listed, _)| *listed == shape) {
            return Ok((*size).to_owned());
        }
        if self != Self::Free {
            return Err("this model makes 1:1, 3:2 and 2:3");
        }
        if !ratio.is_within(SLIMMEST) {
            return Err("this model makes 1:3 to 3:1");
        }
        let of = |times: u32| {
            let side = |part: u32| part.checked_mul(STEP)?.checked_mul(times);
            Some(Size { height: side(ratio.height)?, width: side(ratio.width)? })
        };
        let fits = |size: &Size| size.pixels() <= USUAL_PIXELS;
        let largest = (1..=LONGEST / STEP).map_while(|times| of(times).filter(fits)).last();
        largest.map(|size| size.to_string()).ok_or("this model has no size of exactly that shape")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_a_size_of_exactly_that_shape() {
        for (model, ratio, size) in [
            ("gpt-image-1", "1:1", Some("1024x1024")),
            ("gpt-image-1", "2:3", Some("1024x1536")),
            ("gpt-image-1-mini", "16:9", None),
            ("gpt-image-2", "1:1", Some("1024x1024")),
            ("gpt-image-2", "16:9", Some("1536x864")),
            ("gpt-image-2", "9:16", Some("864x1536")),
            ("gpt-image-2", "4:3", Some("1408x1056")),
            ("gpt-image-2", "21:9", Some("1904x816")),
            ("gpt-image-2", "1:3", Some("720x2160")),
            ("gpt-image-2", "4:1", None),
            ("gpt-image-2", "1000:999", None),
            ("other", "16:9", None),
        ] {
            let sizes = Sizes::of(model);
            let found = sizes.shaped(Ratio::parse(ratio).unwrap());
            assert_eq!(found.as_deref().ok(), size, "{model} {ratio}");
            assert!(found.is_err() || sizes.check(&found.unwrap()).is_ok());
        }
    }

    #[test]
    fn sizes_are_those_of_the_model() {
        for (model, size, fits) in [
            ("gpt-image-1", "auto", true),
            ("gpt-image-1.5", "1536x1024", true),
            ("gpt-image-1", "1536x864", false),
            ("gpt-image-2", "auto", true),
            ("gpt-image-2", "3840x2160", true),
            ("gpt-image-2", "2160x3840", true),
            ("gpt-image-2", "3840x3840", false),
            ("gpt-image-2", "4096x2048", false),
            ("gpt-image-2", "1000x1024", false),
            ("gpt-image-2", "512x2048", false),
            ("gpt-image-2", "large", false),
            ("other", "512x2048", true),
            ("other", "large", false),
        ] {
            assert_eq!(Sizes::of(model).check(size).is_ok(), fits, "{model} {size}");
        }
    }
}
