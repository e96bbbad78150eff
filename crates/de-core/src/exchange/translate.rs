//! A stream from one protocol to another: the vendor's events in, the caller's events out.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;

use super::{
    answer::Opened,
    relay::{Tail, failed},
    upstream::{COMMENT, Heard, Upstream},
};
use crate::{
    books::{Books, Outcome},
    chat::{ChatReply, Delta, Part},
    http::error::Code,
    ports::Platform,
    protocols::{StreamFault, VendorStream},
    sse::{Decoder, Event},
};

/// What one event came to.
pub(super) enum Reading {
    Deltas(Vec<Delta>),
    Fault(Code),
}

impl Reading {
    pub(super) fn of(reader: &mut dyn VendorStream, event: &Event) -> Self {
        match reader.event(event) {
            Ok(deltas) => Self::Deltas(deltas),
            Err(StreamFault::Malformed(_)) => Self::Fault(Code::ProviderMalformed),
            // Not the vendor's failure: no circuit counts it.
            Err(StreamFault::Vendor(told)) if told.refused => Self::Fault(Code::ContentRefused),
            Err(StreamFault::Vendor(told)) if told.is_of_the_request() => {
                Self::Fault(Code::InvalidRequest)
            }
            Err(StreamFault::Vendor(_)) => Self::Fault(Code::ProviderError),
        }
    }
}

/// Writes into the books what a step says.
pub(super) fn note(books: &Books, delta: &Delta) {
    match delta {
        Delta::Refusal { choice, text } => {
            books.declined();
            books.heard(*choice, text);
        }
        Delta::Text { choice, text } => books.said(*choice, text),
        Delta::Thinking { choice, text, .. } => books.heard(*choice, text),
        Delta::ToolCall { arguments, choice, name, .. } => {
            if let Some(name) = name {
                note_text(books, *choice, name);
            }
            books.said(*choice, arguments);
        }
        Delta::Usage(usage) => books.counted(usage),
        Delta::Finish { finish, .. } => {
            books.finished();
            books.ended(finish);
        }
        Delta::ServiceTier(tier) => books.served(tier),
        Delta::Citation { .. }
        | Delta::Logprobs { .. }
        | Delta::Sealed { .. }
        | Delta::Start { .. } => {}
    }
}

/// Writes into the books what a whole answer says, for estimates.
pub fn note_whole(books: &Books, reply: &ChatReply) {
    for (choice, answer) in reply.choices.iter().enumerate() {
        let choice = u32::try_from(choice).unwrap_or(u32::MAX);
        books.ended(&answer.finish);
        for part in &answer.parts {
            if matches!(part, Part::Refusal(_)) {
                books.declined();
            }
            match part {
                Part::Audio(_)
                | Part::CacheMark(_)
                | Part::Citation(_)
                | Part::Document(_)
                | Part::Image(_)
                | Part::Sealed(_) => {}
                Part::Refusal(text) | Part::Thinking { text, .. } => {
                    books.heard_apart(choice);
                    books.heard(choice, text);
                    books.heard_apart(choice);
                }
                Part::Text(text) => note_text(books, choice, text),
                Part::ToolCall(call) => {
                    note_text(books, choice, &call.name);
                    note_text(books, choice, &call.arguments);
                }
                // No answer holds one.
                Part::ToolResult { .. } => {}
            }
        }
    }
}

/// A text by itself, of what an answer is about.
fn note_text(books: &Books, choice: u32, text: &str) {
    books.heard_apart(choice);
    books.said(choice, text);
    books.heard_apart(choice);
}

/// A body in the caller's protocol.
///
/// Dropping it (the client has gone) closes the vendor's connection and the books. A vendor that is
/// silent is no reason to be silent too: a comment now and then shows whether the client is there.
pub fn translated(platform: &Platform, opened: Opened, left: Duration, tail: Tail) -> Body {
    let state = Translating {
        decoder: Decoder::default(),
        outcome: None,
        reader: opened.model.vendor.stream(),
        tail,
        upstream: Upstream::new(platform, opened, left),
    };
    let stream = futures_util::stream::unfold(state, |mut state| async move {
        let bytes = state.next().await?;
        if let Some(outcome) = state.outcome.take() {
            state.tail.books.close(outcome, 200);
        }
        Some((Ok::<_, std::convert::Infallible>(bytes), state))
    });
    Body::from_stream(stream)
}

struct Translating {
    decoder: Decoder,
    /// How it ended, once it has.
    outcome: Option<Outcome>,
    reader: Box<dyn VendorStream>,
    tail: Tail,
    upstream: Upstream,
}

impl Translating {
    /// The next bytes for the caller: reads on until there are some. `None` after the end.
    async fn next(&mut self) -> Option<Bytes> {
        let mut out = Vec::new();
        while out.is_empty() {
            match self.upstream.hear().await? {
                Heard::Bytes(bytes) => self.translate(&bytes, &mut out),
                Heard::End => self.over(Code::ProviderError, &mut out),
                Heard::Fault(code) => self.over(code, &mut out),
                Heard::Silence => return Some(Bytes::from_static(COMMENT)),
            }
        }
        self.tail.books.sent(out.len());
        Some(out.into())
    }

    fn translate(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for event in self.decoder.push(bytes) {
            if !self.event(event.map_err(|_| Code::ProviderMalformed), out) {
                return;
            }
        }
        // The protocol's own end counts, not that of the connection, which may stay open.
        if self.reader.is_done() {
            self.end(out);
        }
    }

    /// Reads the end of the bytes: `code` says why there are no more, if not all has come.
    ///
    /// A last event without its blank line counts, if it can be read: else the rest of it never came.
    fn over(&mut self, code: Code, out: &mut Vec<u8>) {
        if let Some(Ok(last)) = self.decoder.finish() {
            let read = Reading::of(&mut *self.reader, &last);
            if !matches!(read, Reading::Fault(Code::ProviderMalformed)) && !self.write_on(read, out)
            {
                return;
            }
        }
        if self.reader.is_done() {
            self.end(out);
        } else {
            self.fail(code, out);
        }
    }

    /// Translates one event; `false` if it ended the stream.
    fn event(&mut self, event: Result<Event, Code>, out: &mut Vec<u8>) -> bool {
        let read = match event {
            Ok(event) => Reading::of(&mut *self.reader, &event),
            Err(code) => Reading::Fault(code),
        };
        self.write_on(read, out)
    }

    fn write_on(&mut self, read: Reading, out: &mut Vec<u8>) -> bool {
        let deltas = match read {
            Reading::Deltas(deltas) => deltas,
            Reading::Fault(code) => {
                self.fail(code, out);
                return false;
            }
        };
        for delta in &deltas {
            note(&self.tail.books, delta);
            out.extend_from_slice(&self.tail.dialect.delta(delta));
        }
        true
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.upstream.close();
        out.extend_from_slice(&self.tail.dialect.end());
        self.outcome = Some(Outcome::Ok);
    }

    fn fail(&mut self, code: Code, out: &mut Vec<u8>) {
        self.upstream.close();
        out.extend_from_slice(&failed(&mut self.tail, code));
        self.outcome = Some(Outcome::Cut(code));
    }
}
