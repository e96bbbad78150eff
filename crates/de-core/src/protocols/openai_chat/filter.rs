//! Takes the usage chunk, which we asked for on our own account, out of a relayed stream.

use bytes::Bytes;
use serde_json::Value;

use crate::{
    json,
    sse::{Boundary, Decoder, MAX_EVENT_BYTES},
};

/// Drops the chunk with empty `choices` and a `usage`; every other byte goes on as it came.
///
/// Until an answer has given its reason to end, bytes pass at once, whole or in pieces: the usage can
/// only come after. From then on an event is held until it is whole. For callers that did not set
/// `stream_options.include_usage`.
#[derive(Debug, Default)]
pub struct UsageFilter {
    boundary: Boundary,
    /// The current event so far; before `finishing` its bytes have gone out already.
    current: Vec<u8>,
    finishing: bool,
    /// An event was too long to look into: everything passes.
    idle: bool,
}

impl UsageFilter {
    /// Reads a chunk and gives the bytes to send now, perhaps none.
    ///
    /// A chunk that passes whole is not copied.
    pub fn push(&mut self, chunk: Bytes) -> Bytes {
        let mut rest = chunk.clone();
        // Up to here the chunk passes as it is.
        let mut passing = 0_usize;
        while !self.finishing && !self.idle {
            match self.boundary.find(&rest) {
                Some(end) => {
                    self.current.extend_from_slice(&rest.split_to(end));
                    passing = passing.saturating_add(end);
                    self.finishing = ends_an_answer(&self.current);
                    self.current.clear();
                }
                None => {
                    self.keep(&rest);
                    return chunk;
                }
            }
        }
        if self.idle {
            return chunk;
        }
        let mut out = chunk.get(..passing).unwrap_or_default().to_vec();
        while let Some(end) = self.boundary.find(&rest) {
            self.current.extend_from_slice(&rest.split_to(end));
            let block = core::mem::take(&mut self.current);
            if !is_usage_chunk(&block) {
                out.extend_from_slice(&block);
            }
        }
        self.keep(&rest);
        if self.idle {
            out.append(&mut self.current);
        }
        if out.len() == chunk.len() && self.current.is_empty() && out == chunk {
            chunk
        } else {
            Bytes::from(out)
        }
    }

    /// Whether all that has come so far ended with an event: something else may stand here.
    #[must_use]
    pub fn is_between_events(&self) -> bool {
        self.current.is_empty() && !self.idle
    }

    /// Gives what was held at the end of the stream: an event without its blank line.
    #[must_use]
    pub fn finish(&mut self) -> Bytes {
        let held = core::mem::take(&mut self.current);
        if !self.finishing || self.idle || is_usage_chunk(&held) {
            Bytes::new()
        } else {
            Bytes::from(held)
        }
    }

    fn keep(&mut self, part: &[u8]) {
        self.current.extend_from_slice(part);
        if self.current.len() > MAX_EVENT_BYTES {
            self.idle = true;
            if !self.finishing {
                self.current = Vec::new();
            }
        }
    }
}

/// Whether a chunk names a reason to end.
///
/// A look at the text spares parsing every chunk. Within a JSON string the name's closing quote would
/// be escaped, so no answer's text can pass for it; being wrong would only hold events until they are whole.
fn ends_an_answer(block: &[u8]) -> bool {
    const NAME: &[u8] = b"\"finish_reason\"";
    let found = block.windows(NAME.len()).enumerate().filter(|(_, window)| *window == NAME);
    found.into_iter().any(|(at, _)| {
        let after = block.get(at.saturating_add(NAME.len())..).unwrap_or_default();
        let value = after.trim_ascii_start().strip_prefix(b":").map(<[u8]>::trim_ascii_start);
        value.is_some_and(|value| value.starts_with(b"\"") && !value.starts_with(b"\"\""))
    })
}

fn is_usage_chunk(block: &[u8]) -> bool {
    let mut decoder = Decoder::default();
    let event = decoder.push(block).pop().or_else(|| decoder.finish());
    let Some(Ok(event)) = event else { return false };
    let Ok(chunk) = json::parse(event.data.as_bytes()) else { return false };
    let no_choices = chunk.get("choices").and_then(Value::as_array).is_some_and(Vec::is_empty);
    no_choices && chunk.get("usage").is_some_and(Value::is_object)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\\"finish_reason\\\": \\\"x\\\"\"},\"finish_reason\":null}],\"usage\":null}\n\n";
    const END: &str =
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\" : \"stop\"}]}\r\n\r\n";
    const USAGE: &str =
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3}}\n\n";
    const OTHER: &str = ": ping\n\ndata: {\"choices\":[],\"usage\":null}\n\n";
    const DONE: &str = "data: [DONE]\n\n";

    fn filtered(stream: &str, size: usize) -> Vec<u8> {
        let mut filter = UsageFilter::default();
        let mut out = Vec::new();
        for chunk in stream.as_bytes().chunks(size) {
            out.extend_from_slice(&filter.push(Bytes::copy_from_slice(chunk)));
        }
        out.extend_from_slice(&filter.finish());
        out
    }

    #[track_caller]
    fn check(parts: &[&str], expected: &[&str]) {
        let stream = parts.concat();
        for size in 1..=stream.len() {
            let out = filtered(&stream, size);
            assert_eq!(String::from_utf8_lossy(&out), expected.concat(), "in pieces of {size}");
        }
    }

    #[test]
    fn only_the_usage_chunk_is_dropped() {
        check(&[TEXT, END, USAGE, DONE], &[TEXT, END, DONE]);
        check(&[TEXT, END, OTHER, USAGE, OTHER, DONE], &[TEXT, END, OTHER, OTHER, DONE]);
        check(&[TEXT, END, USAGE.trim_end()], &[TEXT, END]);
        check(&[TEXT, END, DONE.trim_end()], &[TEXT, END, DONE.trim_end()]);
        check(
            &[TEXT, TEXT, "data: {\"error\":{}}\n\nnot \0 an event"],
            &[TEXT, TEXT, "data: {\"error\":{}}\n\nnot \0 an event"],
        );
        check(
            &[END, "data: garbage\n\n", &USAGE.replace('\n', "\r"), DONE],
            &[END, "data: garbage\n\n", DONE],
        );
    }

    #[test]
    fn text_passes_at_once() {
        let mut filter = UsageFilter::default();
        for byte in TEXT.bytes() {
            assert_eq!(filter.push(Bytes::copy_from_slice(&[byte])), [byte].as_slice());
        }
        let end = Bytes::from_static(END.as_bytes());
        assert_eq!(filter.push(end.clone()), end);
        assert_eq!(filter.push(Bytes::from_static(b"data")), Bytes::new());
        assert_eq!(filter.push(Bytes::from_static(b": [DONE]\n\n")), "data: [DONE]\n\n");
    }

    #[test]
    fn an_endless_event_passes() {
        for head in ["", END] {
            let stream = format!("{head}{}", "x".repeat(MAX_EVENT_BYTES + 9));
            assert!(filtered(&stream, 65536) == stream.as_bytes());
        }
    }
}
