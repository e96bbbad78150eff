//! How wide a JSON text is, told before it is read into types of ours.
//!
//! What is read by [`super::parse`] is counted while it is read. A type that serde fills is not, and a few bytes of
//! text may be a hundred in its list.

use super::MAX_VALUES;

/// The most values of a text, numbers for the most part: four bytes of it each, in an answer as large as any may be.
pub const MOST_VALUES: usize = 8 << 20;

/// Up to here a text is not looked at: whatever is in it has room.
const SMALL: usize = 1 << 20;

/// Whether a text has more than [`MAX_VALUES`] lists and objects, or more than [`MOST_VALUES`] values. What is not
/// JSON may be told either way.
#[must_use]
pub fn is_too_wide(text: &[u8]) -> bool {
    if text.len() <= SMALL {
        return false;
    }
    let (mut inner, mut values) = (0_usize, 1_usize);
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => skip_string(&mut rest),
            b',' => values += 1,
            b'[' | b'{' => {
                inner += 1;
                values += 1;
            }
            _ => {}
        }
    }
    inner > MAX_VALUES || values > MOST_VALUES
}

fn skip_string(rest: &mut core::slice::Iter<'_, u8>) {
    while let Some(byte) = rest.find(|byte| matches!(byte, b'"' | b'\\')) {
        if *byte == b'"' {
            return;
        }
        // Whatever is escaped ends nothing.
        rest.next();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_where_they_stand_and_not_in_texts() {
        let text = |inside: &str, count: usize| format!("[{}0]", inside.repeat(count));
        for (inside, values, is_wide) in [
            ("{},", MAX_VALUES - 2, false),
            ("{},", MAX_VALUES, true),
            ("[],", MAX_VALUES, true),
            ("0,", MOST_VALUES - 3, false),
            ("0,", MOST_VALUES, true),
            ("\"[[,{\\\"\\\\\",", MAX_VALUES, false),
        ] {
            assert_eq!(is_too_wide(text(inside, values).as_bytes()), is_wide, "{inside} {values}");
        }
        let picture = format!("{{\"b64\": \"{}\"}}", "{[,".repeat(1 << 20));
        assert!(!is_too_wide(picture.as_bytes()));
        let open = format!("\"{}", "\\".repeat(1 << 21));
        assert!(!is_too_wide(open.as_bytes()));
    }
}
