//! Sizes and shapes of pictures, as callers write them.

use std::fmt;

/// Width and height in pixels: `1024x1024`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Size {
    pub(crate) height: u32,
    pub(crate) width: u32,
}

/// Width to height in lowest terms: `16:9`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ratio {
    pub(crate) height: u32,
    pub(crate) width: u32,
}

impl Size {
    /// Reads `WIDTHxHEIGHT`; `None` for any other text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (width, height) = text.split_once(['x', 'X'])?;
        Some(Self { height: side(height)?, width: side(width)? })
    }

    /// Its shape.
    pub(crate) fn ratio(self) -> Ratio {
        Ratio::of(self.width, self.height)
    }

    /// How many pixels it has.
    pub(crate) fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Its longer side in pixels.
    pub(crate) fn longest(self) -> u32 {
        self.width.max(self.height)
    }
}

impl Ratio {
    /// Reads `16:9`, also written `16x9`; `None` for any other text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (width, height) = text.split_once([':', 'x'])?;
        Some(Self::of(side(width)?, side(height)?))
    }

    fn of(width: u32, height: u32) -> Self {
        let (mut divisor, mut rest) = (width, height);
        while rest != 0 {
            (divisor, rest) = (rest, divisor % rest);
        }
        let divisor = divisor.max(1);
        Self { height: height / divisor, width: width / divisor }
    }

    /// Whether neither side is more than `times` as long as the other.
    pub(crate) fn is_within(self, times: u32) -> bool {
        self.width <= self.height.saturating_mul(times)
            && self.height <= self.width.saturating_mul(times)
    }
}

/// One side: 1 to 65535, as digits alone.
fn side(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse::<u16>().ok().filter(|side| plain && *side > 0).map(u32::from)
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ratios_are_read() {
        let size = Size::parse("1536x1024").unwrap();
        assert_eq!(
            (size.ratio().to_string(), size.to_string()),
            ("3:2".into(), "1536x1024".into())
        );
        for (text, expected) in [("16:9", "16:9"), ("2x2", "1:1"), ("21:9", "7:3")] {
            assert_eq!(Ratio::parse(text).unwrap().to_string(), expected, "{text}");
        }
        for bad in ["", "x", "1024", "0x1", "1x0", "+1x1", "1.5x1", "1x99999", "1 x 1", "auto"] {
            assert_eq!(Size::parse(bad), None, "{bad}");
            assert_eq!(Ratio::parse(bad), None, "{bad}");
        }
    }
}
