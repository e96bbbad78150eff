//! Takes the usage chunk, which we asked for on our own account, out of a relayed stream.

use bytes::Bytes;
use serde_json::Value;

use crate::{
    json,
    sse::{Boundary, Decoder, MAX_EVENT_BYTES},
};

/// Lets events through as they came, all but the chunk with empty `choices` and a `usage`: for callers that
/// did not set `stream_options.include_usage`.
///
/// An event is held until it is whole. Nobody can use a part of one, and behind a part nothing else could be
/// told: no sign of life, and no failure.
#[derive(Debug, Default)]
pub struct UsageFilter {
    boundary: Boundary,
    /// The current event so far.
    current: Vec<u8>,
    /// An answer has given its reason to end: from now on the usage may come, and not before.
    finishing: bool,
    /// An event was too long to be held: everything passes.
    idle: bool,
    keeps_usage: bool,
}

impl UsageFilter {
    /// A filter that drops nothing: whole events go through, of whatever protocol.
    #[must_use]
    pub fn of_pieces() -> Self {
        Self { keeps_usage: true, ..Self::default() }
    }

    /// Reads a chunk and gives the bytes to send now, perhaps none.
    ///
    /// What passes is not copied as long as chunks begin and end with events.
    pub fn push(&mut self, chunk: Bytes) -> Bytes {
        if self.idle {
            return chunk;
        }
        // Absent while all that passes is the chunk itself up to here.
        let mut out = None::<Vec<u8>>;
        let mut begin = 0_usize;
        while let Some(length) = chunk.get(begin..).and_then(|rest| self.boundary.find(rest)) {
            let end = begin.saturating_add(length);
            let part = chunk.get(begin..end).unwrap_or_default();
            if self.current.is_empty() {
                let passes = self.passes(part);
                if let Some(out) = &mut out
                    && passes
                {
                    out.extend_from_slice(part);
                } else if !passes {
                    out.get_or_insert_with(|| before(&chunk, begin));
                }
            } else {
                let mut event = core::mem::take(&mut self.current);
                event.extend_from_slice(part);
                let out = out.get_or_insert_with(|| before(&chunk, begin));
                if self.passes(&event) {
                    out.append(&mut event);
                }
            }
            begin = end;
        }
        self.current.extend_from_slice(chunk.get(begin..).unwrap_or_default());
        if self.current.len() > MAX_EVENT_BYTES {
            self.idle = true;
            out.get_or_insert_with(|| before(&chunk, begin)).append(&mut self.current);
        }
        match out {
            Some(out) => Bytes::from(out),
            None => chunk.slice(..begin.min(chunk.len())),
        }
    }

    /// Whether all that has passed so far ended with an event: something else may stand here.
    #[must_use]
    pub fn is_between_events(&self) -> bool {
        !self.idle
    }

    /// Whether something of ours may stand here: not where all has to go through as it came.
    #[must_use]
    pub fn takes_more(&self) -> bool {
        self.is_between_events() && !self.keeps_usage
    }

    /// Gives what is held at the end of the stream: an event without its blank line, or a part of one.
    #[must_use]
    pub fn finish(&mut self) -> Bytes {
        let held = core::mem::take(&mut self.current);
        if self.passes(&held) { Bytes::from(held) } else { Bytes::new() }
    }

    fn passes(&mut self, event: &[u8]) -> bool {
        if self.keeps_usage {
            return true;
        }
        if self.finishing {
            return !is_usage_chunk(event);
        }
        self.finishing = ends_an_answer(event);
        true
    }
}

/// A copy of the bytes before `end`.
fn before(chunk: &Bytes, end: usize) -> Vec<u8> {
    chunk.get(..end).unwrap_or_default().to_vec()
}

/// Whether a chunk names a reason to end.
///
/// A look at the text spares parsing every chunk. Within a JSON string the name's closing quote would
/// be escaped, so no answer's text can pass for it; being wrong would only hold events until they are whole.
fn ends_an_answer(block: &[u8]) -> bool {
    const NAME: &[u8] = b"\"finish_reason\"";
    memchr::memmem::find_iter(block, NAME).any(|at| {
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
    fn an_event_passes_as_soon_as_it_is_whole() {
        let mut filter = UsageFilter::default();
        let (last, bytes) = TEXT.as_bytes().split_last().unwrap();
        for byte in bytes {
            assert_eq!(filter.push(Bytes::copy_from_slice(&[*byte])), Bytes::new());
        }
        assert_eq!(filter.push(Bytes::copy_from_slice(&[*last])), TEXT);
        let end = Bytes::from_static(END.as_bytes());
        let passed = filter.push(end.clone());
        assert_eq!((passed.as_ptr(), passed.len()), (end.as_ptr(), end.len()), "not copied");
        let two = Bytes::from(format!("{OTHER}data"));
        assert_eq!(filter.push(two), OTHER);
        assert_eq!(filter.push(Bytes::from_static(b": [DONE]\n\n")), DONE);
    }

    #[test]
    fn a_filter_of_pieces_drops_nothing() {
        for size in [1, 7, 64, 1_000] {
            let stream = [TEXT, END, USAGE, "event: x\rdata: y\r\r", DONE, "data: z"].concat();
            let mut filter = UsageFilter::of_pieces();
            let pieces = stream.as_bytes().chunks(size).map(Bytes::copy_from_slice);
            let passed: Vec<u8> = pieces.flat_map(|piece| filter.push(piece)).collect();
            assert_eq!([passed, filter.finish().to_vec()].concat(), stream.as_bytes());
        }
    }

    #[test]
    fn an_endless_event_passes() {
        for head in ["", END] {
            let stream = format!("{head}{}", "x".repeat(MAX_EVENT_BYTES + 9));
            assert!(filtered(&stream, 65536) == stream.as_bytes());
        }
    }
}
