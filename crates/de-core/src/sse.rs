//! Server-sent events: vendors' streams in, ours out. Pure, and linear in the bytes read.
//!
//! [`Decoder`] reads events, [`encode`] writes one. Any chunking of the same bytes gives the same
//! events: lines end with LF, CRLF or CR, and a chunk may end within an event, a line end or a
//! character. Follows <https://html.spec.whatwg.org/multipage/server-sent-events.html>, with one
//! liberty: a last event without its blank line counts, since vendors end their streams so. `id` and
//! `retry` are of no use here and skipped.

use std::borrow::Cow;

use memchr::memchr2;

/// The most bytes of one event, all its lines together.
pub const MAX_EVENT_BYTES: usize = 1024 * 1024;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// One event.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Event {
    /// The name, if one was given.
    pub event: Option<String>,
    /// The `data` lines, joined by LF.
    pub data: String,
}

impl Event {
    /// Whether it says only that the other side lives: `ping` of Anthropic, `keepalive` of OpenAI.
    #[must_use]
    pub fn is_heartbeat(&self) -> bool {
        /// An event whose name stands in its data.
        #[derive(serde::Deserialize)]
        struct Named<'a> {
            #[serde(borrow, rename = "type")]
            kind: Option<Cow<'a, str>>,
        }
        let is_sign = |name: &str| matches!(name, "keepalive" | "ping");
        match &self.event {
            Some(name) => is_sign(name),
            None if self.data.trim().is_empty() => true,
            None => {
                let named = serde_json::from_str::<Named<'_>>(&self.data);
                named.is_ok_and(|named| named.kind.as_deref().is_some_and(is_sign))
            }
        }
    }
}

/// Why bytes are no event stream. The vendor's fault; the rest of the stream is lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SseError {
    /// A line is not UTF-8.
    #[error("event is not UTF-8")]
    NotUtf8,
    /// More than [`MAX_EVENT_BYTES`] came without a blank line.
    #[error("event is longer than {MAX_EVENT_BYTES} bytes")]
    TooLong,
}

/// Reads events out of chunks.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The last byte was a CR: an LF now belongs to it.
    after_cr: bool,
    /// The first line was begun, so no byte order mark can follow.
    begun: bool,
    data: Option<String>,
    event_bytes: usize,
    failed: bool,
    /// What has come of the current line.
    line: Vec<u8>,
    name: Option<String>,
}

impl Decoder {
    /// Reads a chunk: the events that it completes, in order.
    ///
    /// An error is the last item, and nothing comes after it, in later calls neither.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<Result<Event, SseError>> {
        let mut events = Vec::new();
        let mut rest = chunk;
        while !rest.is_empty() && !self.failed {
            if core::mem::take(&mut self.after_cr)
                && let Some((b'\n', after)) = rest.split_first()
            {
                rest = after;
                continue;
            }
            let end = memchr2(b'\n', b'\r', rest);
            let (line, after) =
                rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, &[]));
            let read = self.grow(line.len()).and_then(|()| match after.split_first() {
                Some((last, after)) => {
                    self.after_cr = *last == b'\r';
                    rest = after;
                    self.end_line(line)
                }
                None => {
                    rest = after;
                    self.line.extend_from_slice(line);
                    Ok(None)
                }
            });
            self.failed = read.is_err();
            events.extend(read.transpose());
        }
        events
    }

    /// Reads the end of the bytes: the event whose blank line never came, if there is one.
    pub fn finish(&mut self) -> Option<Result<Event, SseError>> {
        if self.failed {
            return None;
        }
        self.failed = true;
        let last = match self.end_line(&[]) {
            Ok(None) => Ok(self.dispatch()),
            other => other,
        };
        last.transpose()
    }

    /// Whether it has given an error, and gives nothing more.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    fn grow(&mut self, bytes: usize) -> Result<(), SseError> {
        self.event_bytes = self.event_bytes.saturating_add(bytes);
        if self.event_bytes > MAX_EVENT_BYTES {
            return Err(SseError::TooLong);
        }
        Ok(())
    }

    /// Reads a line of which this is the rest. A line that came in one piece is not copied.
    fn end_line(&mut self, rest: &[u8]) -> Result<Option<Event>, SseError> {
        if self.line.is_empty() {
            return self.read_line(rest);
        }
        self.line.extend_from_slice(rest);
        let mut line = core::mem::take(&mut self.line);
        let read = self.read_line(&line);
        // The buffer is kept for the next line.
        line.clear();
        self.line = line;
        read
    }

    fn read_line(&mut self, mut line: &[u8]) -> Result<Option<Event>, SseError> {
        if !core::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix(BOM).unwrap_or(line);
        }
        let line = core::str::from_utf8(line).map_err(|_| SseError::NotUtf8)?;
        if line.is_empty() {
            return Ok(self.dispatch());
        }
        // The line end counts too, or short lines without end would never meet the cap.
        self.event_bytes = self.event_bytes.saturating_add(1);
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            "event" => self.name = Some(value.to_owned()),
            // Comments (an empty name), `id`, `retry` and what is not specified.
            _ => {}
        }
        Ok(None)
    }

    fn dispatch(&mut self) -> Option<Event> {
        self.event_bytes = 0;
        let event = self.name.take().filter(|name| !name.is_empty());
        self.data.take().map(|data| Event { event, data })
    }
}

/// Finds where events end in raw bytes, without keeping any.
#[derive(Debug)]
pub(crate) struct Boundary {
    after_cr: bool,
    /// The CR before ended a blank line: the event is whole, save for an LF that may follow.
    blank: bool,
    line_is_empty: bool,
}

impl Default for Boundary {
    fn default() -> Self {
        Self { after_cr: false, blank: false, line_is_empty: true }
    }
}

impl Boundary {
    /// Reads on: how many of `bytes` still belong to the current event, if it ends among them.
    ///
    /// The bytes after that are to be given again. `Some(0)` means that the event had ended before.
    pub(crate) fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut index = 0_usize;
        while let Some(byte) = bytes.get(index) {
            let next = index.saturating_add(1);
            if core::mem::take(&mut self.after_cr) {
                let blank = core::mem::take(&mut self.blank);
                match (byte, blank) {
                    (b'\n', true) => return Some(next),
                    (b'\n', false) => {
                        index = next;
                        continue;
                    }
                    (_, true) => return Some(index),
                    (_, false) => {}
                }
            }
            index = match byte {
                b'\n' if self.line_is_empty => return Some(next),
                b'\n' => {
                    self.line_is_empty = true;
                    next
                }
                b'\r' => {
                    self.after_cr = true;
                    self.blank = self.line_is_empty;
                    self.line_is_empty = true;
                    next
                }
                _ => {
                    self.line_is_empty = false;
                    let end = bytes.get(next..).and_then(|rest| memchr2(b'\n', b'\r', rest));
                    end.map_or(bytes.len(), |end| next.saturating_add(end))
                }
            };
        }
        None
    }
}

/// Writes one event, blank line included. Line ends within `data` begin a new `data` line.
///
/// `event` is one of our own words: a line end in it would break the stream.
#[must_use]
pub fn encode(event: Option<&str>, data: &str) -> String {
    let mut text = String::with_capacity(data.len().saturating_add(32));
    if let Some(event) = event {
        text.push_str("event: ");
        text.push_str(event);
        text.push('\n');
    }
    let data = if data.contains('\r') {
        Cow::Owned(data.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(data)
    };
    for line in data.split('\n') {
        text.push_str("data: ");
        text.push_str(line);
        text.push('\n');
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests;
