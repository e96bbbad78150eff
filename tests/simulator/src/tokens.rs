//! The simulator's rule for tokens: simple, public, and the same for all vendors.
//!
//! Every word (separated by white space) costs a token for each four bytes of it that are begun.
//! An input costs that for every text, plus [`MESSAGE_TOKENS`] a message (a system prompt is one)
//! and [`IMAGE_TOKENS`] a picture or file; tools cost what their JSON would as text.

/// What every message of an input costs beside its text, in tokens.
pub const MESSAGE_TOKENS: u64 = 3;

/// What a picture, a sound or a file in an input costs, in tokens.
pub const IMAGE_TOKENS: u64 = 85;

/// A token is at most so many bytes of one word.
const BYTES: usize = 4;

/// Counts the tokens of a text: `"You said: hi"` has 1 + 2 + 1.
#[must_use]
pub fn count_tokens(text: &str) -> u64 {
    text.split_whitespace().map(|word| word.len().div_ceil(BYTES) as u64).sum()
}

/// The longest beginning of a text that costs at most `budget` tokens, cut between characters.
pub(crate) fn cut(text: &str, budget: u64) -> &str {
    let mut left = budget;
    let mut end = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        let cost = count_tokens(word);
        if cost > left {
            let room = usize::try_from(left).unwrap_or(usize::MAX).saturating_mul(BYTES);
            let mut stop = room.min(word.len());
            while !word.is_char_boundary(stop) {
                stop -= 1;
            }
            return text.get(..end + stop).unwrap_or(text);
        }
        left -= cost;
        end += word.len();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{count_tokens, cut};

    #[test]
    fn words_cost_a_token_for_each_four_bytes() {
        for (text, tokens) in [("", 0), ("hi", 1), ("You said: hi", 4), (" a  b ", 2), ("🌊🌊", 2)]
        {
            assert_eq!(count_tokens(text), tokens, "{text}");
        }
    }

    #[test]
    fn a_cut_never_costs_more_and_never_splits_a_character() {
        for (text, budget, kept) in [
            ("You said: hi", 0, ""),
            ("You said: hi", 1, "You "),
            ("You said: hi", 2, "You said"),
            ("You said: hi", 4, "You said: hi"),
            ("aüüü", 1, "aü"),
        ] {
            assert_eq!(cut(text, budget), kept);
            assert!(count_tokens(kept) <= budget);
        }
    }
}
