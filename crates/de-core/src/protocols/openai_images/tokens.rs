//! What a call may count for at most, in tokens.

use super::super::picture::Size;
use crate::calls::ImageCall;

/// What one picture has by its quality, at 1536 to 1024 pixels:
/// <https://platform.openai.com/docs/guides/image-generation#cost-and-latency>.
const LOW: u64 = 408;
const MEDIUM: u64 = 1_584;
const HIGH: u64 = 6_240;
/// Of the qualities above it no figure is known: a guess on the safe side.
const HIGHER: u64 = 4 * HIGH;
/// The pixels of that size.
const PIXELS: u64 = 1_536 * 1_024;
/// The largest size, where the vendor chooses none larger.
const MOST_PIXELS: u64 = 3_840 * 2_160;
/// What is read of one picture, in high fidelity.
const READ: u64 = 8_192;

/// The prompt as text, the pictures that are read, and those that are made.
pub(super) fn ceiling(call: &ImageCall) -> u64 {
    let word = |name: &str| call.options.get(name).and_then(|word| word.as_str());
    let each = match word("quality") {
        Some("low") => LOW,
        Some("medium" | "standard") => MEDIUM,
        Some("max" | "xhigh") => HIGHER,
        _ => HIGH,
    };
    let pixels = word("size").and_then(Size::parse).map_or(PIXELS, Size::pixels);
    let pixels = pixels.clamp(PIXELS, MOST_PIXELS);
    // Rounded up.
    let each = each.saturating_mul(pixels).saturating_add(PIXELS - 1) / PIXELS;
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let files = count(call.images.len().saturating_add(usize::from(call.mask.is_some())));
    each.saturating_mul(call.n.into())
        .saturating_add(files.saturating_mul(READ))
        .saturating_add(count(call.prompt.len()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_call_is_reserved_by_size_quality_and_number() {
        let tokens = |n, options: Value| {
            let Value::Object(options) = options else { panic!("an object") };
            ceiling(&ImageCall { n, options, prompt: "kite".to_owned(), ..ImageCall::default() })
        };
        assert_eq!(tokens(1, json!({"quality": "low"})), 412);
        assert_eq!(tokens(2, json!({"quality": "medium", "size": "1024x1024"})), 3_172);
        assert_eq!(tokens(1, json!({})), 6_244);
        assert_eq!(tokens(1, json!({"size": "3840x2160"})), 32_911);
    }
}
