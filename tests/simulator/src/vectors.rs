//! Vectors of texts: the same text has the same one, other texts have others. Their length is 1.

/// The models that make vectors and how many numbers those have.
const LENGTHS: &[(&str, usize)] = &[
    ("gemini-embedding-2", 3_072),
    ("mistral-embed", 1_024),
    ("text-embedding-3-large", 3_072),
    ("text-embedding-3-small", 1_536),
];

/// How many numbers a vector of a model has.
pub(crate) fn length(model: &str) -> usize {
    LENGTHS.iter().find(|(id, _)| *id == model).map_or(0, |(_, length)| *length)
}

/// The vector of a text, for one model.
pub(crate) fn vector(model: &str, text: &str, length: usize) -> Vec<f32> {
    // FNV-1a, then the steps of xorshift: <https://www.jstatsoft.org/article/view/v008i14>.
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for byte in model.bytes().chain([0]).chain(text.bytes()) {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    state |= 1;
    let mut numbers = Vec::with_capacity(length);
    for _ in 0..length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let step = u16::try_from(state >> 48).unwrap_or_default();
        numbers.push(f32::from(step) / 32_768.0 - 1.0);
    }
    let norm = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
    numbers.iter().map(|number| if norm > 0.0 { number / norm } else { *number }).collect()
}

#[cfg(test)]
mod tests {
    use super::{length, vector};

    #[test]
    fn a_text_has_one_vector_of_length_one() {
        let small = |text| vector("text-embedding-3-small", text, length("text-embedding-3-small"));
        assert_eq!(small("a"), small("a"));
        assert_ne!(small("a"), small("b"));
        assert_ne!(small("a"), vector("text-embedding-3-large", "a", 1_536));
        let norm: f32 = small("a").iter().map(|number| number * number).sum();
        assert!((norm - 1.0).abs() < 1e-4, "{norm}");
        assert_eq!(small("a").len(), 1_536);
    }
}
