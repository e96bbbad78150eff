//! Speech as events: `speech.audio.delta` with sound in base64, `speech.audio.done` with what was used.

use bytes::Bytes;

use super::super::{
    DialectStream, StreamFailure, StreamFault, VendorError, VendorStream, answer::Answer,
    openai_chat::error_event,
};
use crate::{chat::Delta, json, receipt::Usage, sse};

/// Reads them for what the books need.
#[derive(Debug, Default)]
pub(super) struct Reader {
    done: bool,
}

impl VendorStream for Reader {
    fn event(&mut self, event: &sse::Event) -> Result<Vec<Delta>, StreamFault> {
        let body = json::parse(event.data.as_bytes()).map_err(|err| super::super::Malformed {
            pointer: String::new(),
            reason: err.to_string(),
        })?;
        let answer = Answer::whole(&body)?;
        if let Some(error) = answer.object("error")? {
            let message = error.word("message").map(str::to_owned);
            let code = error.word("code").map(str::to_owned);
            return Err(StreamFault::Vendor(VendorError {
                code,
                message,
                ..VendorError::default()
            }));
        }
        if answer.word("type") != Some("speech.audio.done") {
            return Ok(Vec::new());
        }
        self.done = true;
        let Some(counts) = answer.counts("usage") else { return Ok(Vec::new()) };
        let usage = Usage {
            audio_output_tokens: counts.count("output_tokens").unwrap_or(0),
            input_tokens: counts.count("input_tokens").unwrap_or(0),
            requests: 1,
            ..Usage::default()
        };
        Ok(vec![Delta::Usage(usage)])
    }

    fn is_done(&self) -> bool {
        self.done
    }
}

/// Tells a failure inside such a stream. Its good end is the vendor's own.
#[derive(Clone, Copy, Debug, Default)]
pub struct SpeechEvents;

impl DialectStream for SpeechEvents {
    fn delta(&mut self, _delta: &Delta) -> Bytes {
        Bytes::new()
    }

    fn end(&mut self) -> Bytes {
        Bytes::new()
    }

    fn fail(&mut self, failure: &StreamFailure) -> Bytes {
        error_event(failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data: &str) -> (Result<Vec<Delta>, StreamFault>, bool) {
        let mut decoder = sse::Decoder::default();
        let event = decoder.push(format!("data: {data}\n\n").as_bytes()).remove(0).unwrap();
        let mut reader = Reader::default();
        let read = reader.event(&event);
        (read, reader.is_done())
    }

    #[test]
    fn the_last_event_tells_what_was_used() {
        let (deltas, done) = read(r#"{"type": "speech.audio.delta", "audio": "SUQz"}"#);
        assert_eq!((deltas.unwrap(), done), (Vec::new(), false));
        let last = r#"{"type": "speech.audio.done",
                       "usage": {"input_tokens": 14, "output_tokens": 101, "total_tokens": 115}}"#;
        let (deltas, done) = read(&last.replace('\n', ""));
        let usage =
            Usage { audio_output_tokens: 101, input_tokens: 14, requests: 1, ..Usage::default() };
        assert_eq!((deltas.unwrap(), done), (vec![Delta::Usage(usage)], true));
    }

    #[test]
    fn an_error_and_nonsense_are_faults() {
        let (read_, _) = read(r#"{"error": {"message": "No.", "code": "x"}}"#);
        assert!(
            matches!(read_, Err(StreamFault::Vendor(error)) if error.code.as_deref() == Some("x"))
        );
        assert!(matches!(read("no").0, Err(StreamFault::Malformed(_))));
        assert!(matches!(read("[]").0, Err(StreamFault::Malformed(_))));
    }
}
