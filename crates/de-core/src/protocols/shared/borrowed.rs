//! Answers that hold much: read in place, so that a picture in base64 is not in memory a second time.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::{
    json::{
        self, MAX_VALUES,
        width::{MOST_VALUES, is_too_wide},
    },
    protocols::Malformed,
};

/// Characters of the parser's complaint that are kept: it may quote what it read.
const REASON_CAP: usize = 200;

/// A text of an answer, in place as long as nothing in it is escaped.
///
/// A type of its own, because serde copies a `Cow` inside an `Option`.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

impl Text<'_> {
    /// The text, copied.
    pub(crate) fn to_text(&self) -> String {
        self.0.clone().into_owned()
    }

    /// The text as a part of the answer that it was read from.
    pub(crate) fn part_of(self, answer: &Bytes) -> Bytes {
        match self.0 {
            // Borrowed from this answer, and from nothing else.
            Cow::Borrowed(text) if !text.is_empty() => answer.slice_ref(text.as_bytes()),
            Cow::Borrowed(_) => Bytes::new(),
            Cow::Owned(text) => Bytes::from(text),
        }
    }
}

/// Reads a member that no answer is lost over: absent if it is not a `T`. For `deserialize_with`.
///
/// # Errors
/// Those of the parser.
pub(crate) fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    reader: D,
) -> Result<Option<T>, D::Error> {
    Ok(T::deserialize(json::value(reader)?).ok())
}

/// Reads a count that no answer is lost over ([`json::count`]). For `deserialize_with`.
///
/// # Errors
/// Those of the parser.
pub(crate) fn count<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<u64>, D::Error> {
    Ok(json::count(&json::value(reader)?))
}

/// Reads an answer as `T`: members that `T` does not name are passed over.
///
/// # Errors
/// [`Malformed`] with line and column, or for too many values to hold.
pub(crate) fn read<'a, T: Deserialize<'a>>(answer: &'a [u8]) -> Result<T, Malformed> {
    if is_too_wide(answer) {
        let reason =
            format!("more than {MAX_VALUES} lists and objects, or more than {MOST_VALUES} values");
        return Err(Malformed { pointer: String::new(), reason });
    }
    serde_json::from_slice(answer).map_err(|err| {
        let (line, column) = (err.line(), err.column());
        let told: String = err.to_string().chars().take(REASON_CAP).collect();
        let reason = format!("{told} (line {line}, column {column})");
        Malformed { pointer: String::new(), reason }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Whole<'a> {
        #[serde(borrow)]
        text: Option<Text<'a>>,
    }

    #[track_caller]
    fn part(answer: &'static str) -> (Bytes, bool) {
        let answer = Bytes::from_static(answer.as_bytes());
        let whole: Whole<'_> = read(&answer).unwrap();
        let part = whole.text.unwrap().part_of(&answer);
        let inside = answer.as_ptr_range().contains(&part.as_ptr());
        (part, inside)
    }

    #[test]
    fn a_text_stays_where_it_is() {
        assert_eq!(part(r#"{"x": [1], "text": "AAAA"}"#), (Bytes::from_static(b"AAAA"), true));
        // An escaped slash is JSON too.
        assert_eq!(part(r#"{"text": "A\/A"}"#), (Bytes::from_static(b"A/A"), false));
        assert_eq!(part(r#"{"text": ""}"#).0, Bytes::new());
    }

    #[test]
    fn what_is_too_wide_is_not_read() {
        let refused = |answer: String| read::<Whole<'_>>(answer.as_bytes()).err().unwrap().reason;
        let wide = refused(format!("{{\"text\": \"\", \"x\": [{}0]}}", "{},".repeat(MAX_VALUES)));
        assert_eq!(wide, "more than 500000 lists and objects, or more than 8388608 values");

        #[derive(Debug, Deserialize)]
        struct Counted {
            #[serde(default, deserialize_with = "count")]
            _n: Option<u64>,
            #[serde(default, deserialize_with = "lenient")]
            _t: Option<String>,
        }
        for name in ["_n", "_t"] {
            let answer = |zeros: usize| format!("{{\"{name}\": [{}0]}}", "0,".repeat(zeros));
            assert!(read::<Counted>(answer(1_000).as_bytes()).is_ok());
            let reason = read::<Counted>(answer(MAX_VALUES).as_bytes()).unwrap_err().reason;
            assert!(reason.contains("more than 500000 values"), "{reason}");
        }
    }

    #[test]
    fn a_complaint_is_short() {
        let long = format!(r#"{{"text": {{"{}": 1}}}}"#, "x".repeat(5_000));
        let error = read::<Whole<'_>>(long.as_bytes()).err().unwrap();
        assert!(error.reason.len() < 300 && error.reason.contains("line 1"), "{}", error.reason);
    }
}
