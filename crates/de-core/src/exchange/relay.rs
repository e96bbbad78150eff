//! A stream in the caller's own protocol: its bytes pass, and we count a copy of them.
//!
//! Where the caller did not ask for the usage that we asked for, its bytes go through a filter instead,
//! which drops that one event. Where someone else has to see all of them, they go through our code as they
//! are. Both let whole events through only, so that a failure never stands behind a piece of one.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::{
    answer::Opened,
    translate::Reading,
    upstream::{COMMENT, Heard, Upstream},
};
use crate::{
    books::{Books, CLIENT_LEFT, Outcome},
    http::error::Code,
    ports::{Meter, Platform, Relay, RelayDeadlines, RelayEnd},
    protocols::{DialectStream, StreamFailure, VendorStream, openai_chat::UsageFilter},
    registry::Model,
    sse::Decoder,
};

/// What a stream that is under way needs to end well.
pub struct Tail {
    /// The call's place in the books.
    pub books: Arc<Books>,
    /// Writes a failure in the caller's protocol.
    pub dialect: Box<dyn DialectStream>,
    /// Who answers.
    pub model: Arc<Model>,
}

/// Hands the vendor's bytes to the platform.
#[must_use]
pub fn relay(opened: Opened, left: Duration, tail: Tail) -> Relay {
    let deadlines = opened.model.deadlines();
    let gap = Duration::from_millis(deadlines.between_chunks_ms);
    let counter = Counter::new(opened.model.vendor.stream(), tail.books.clone());
    let meter = RelayMeter { counter, tail };
    opened.inbound.body.relay(RelayDeadlines { gap, total: left }, Box::new(meter))
}

/// Reads a copy of a stream for what the books need.
struct Counter {
    books: Arc<Books>,
    decoder: Decoder,
    /// Why no more can be read.
    fault: Option<Code>,
    /// Whether the last event had no blank line, and was one all the same.
    read_to_the_end: bool,
    reader: Box<dyn VendorStream>,
    /// Whether the vendor's own error event has passed.
    refused: bool,
}

impl Counter {
    fn new(reader: Box<dyn VendorStream>, books: Arc<Books>) -> Self {
        Self {
            books,
            decoder: Decoder::default(),
            fault: None,
            read_to_the_end: false,
            reader,
            refused: false,
        }
    }

    /// Whether the caller has seen an end: the vendor's last frame, or its own error event. What cannot
    /// be read is none.
    fn has_ended(&self) -> bool {
        self.refused || self.reader.is_done()
    }

    /// Whether what still comes can be counted.
    fn reads(&self) -> bool {
        !self.decoder.has_failed()
    }

    fn seen(&mut self, bytes: &Bytes, dialect: &mut dyn DialectStream) {
        self.books.sent(bytes.len());
        for event in self.decoder.push(bytes) {
            if let Ok(event) = &event {
                dialect.passed(event);
            }
            self.event(event);
        }
    }

    fn event(&mut self, event: Result<crate::sse::Event, crate::sse::SseError>) {
        let read = match event {
            Ok(event) => Reading::of(&mut *self.reader, &event),
            Err(_) => Reading::Fault(Code::ProviderMalformed),
        };
        self.note(read);
    }

    fn note(&mut self, read: Reading) {
        match read {
            Reading::Deltas(deltas) => {
                for delta in &deltas {
                    super::translate::note(&self.books, delta);
                }
            }
            Reading::Fault(code) => {
                self.refused |= code != Code::ProviderMalformed;
                self.fault.get_or_insert(code);
            }
        }
    }

    /// Whether all of it came, as the protocol says itself.
    ///
    /// A last event without its blank line counts, if it can be read: else the rest of it never came.
    fn finish(&mut self) -> Result<(), Code> {
        if let Some(Ok(last)) = self.decoder.finish() {
            let read = Reading::of(&mut *self.reader, &last);
            if !matches!(read, Reading::Fault(Code::ProviderMalformed)) {
                self.read_to_the_end = true;
                self.note(read);
            }
        }
        match self.fault {
            Some(code) => Err(code),
            None if self.reader.is_done() => Ok(()),
            None => Err(Code::ProviderError),
        }
    }
}

struct RelayMeter {
    counter: Counter,
    tail: Tail,
}

impl Meter for RelayMeter {
    fn seen(&mut self, bytes: &Bytes) {
        self.counter.seen(bytes, &mut *self.tail.dialect);
    }

    fn reads(&self) -> bool {
        self.counter.reads()
    }

    fn end(mut self: Box<Self>, how: RelayEnd) -> (Option<Bytes>, BoxFuture<'static, ()>) {
        let whole = self.counter.finish();
        let told = self.counter.has_ended();
        let (outcome, tail) = match (how, whole) {
            // Whoever leaves after the last event has got a whole answer.
            (_, Ok(())) => (Outcome::Ok, None),
            (RelayEnd::ClientLeft, Err(_)) => (Outcome::Cancelled, None),
            (_, Err(code)) if told => (Outcome::Cut(code), None),
            (RelayEnd::TimedOut, Err(_)) => {
                let code = Code::ProviderTimeout;
                (Outcome::Cut(code), Some(apart(failed(&mut self.tail, code))))
            }
            (RelayEnd::Broken | RelayEnd::Unreadable | RelayEnd::Whole, Err(code)) => {
                (Outcome::Cut(code), Some(apart(failed(&mut self.tail, code))))
            }
        };
        let status = if matches!(outcome, Outcome::Cancelled) { CLIENT_LEFT } else { 200 };
        self.tail.books.close(outcome, status);
        (tail, Box::pin(std::future::ready(())))
    }
}

/// Sets an event apart from a piece of another one that may stand before it.
fn apart(event: Bytes) -> Bytes {
    let mut text = b"\n\n".to_vec();
    text.extend_from_slice(&event);
    text.into()
}

/// A failure of the vendor in the middle of its answer, in the caller's protocol.
pub(super) fn failed(tail: &mut Tail, code: Code) -> Bytes {
    let provider = &tail.model.config.provider_id;
    let message = match code {
        Code::ProviderTimeout => format!("{provider} stopped sending"),
        Code::ContentRefused => format!("{provider} refused the request for safety"),
        Code::InvalidRequest => format!("{provider} refused the request as invalid"),
        Code::ProviderMalformed => format!("{provider} sent an answer that cannot be read"),
        _ => format!("{provider} broke off in the middle of its answer"),
    };
    let failure = StreamFailure { code: code.as_str(), message, status: code.status().as_u16() };
    tail.dialect.fail(&failure)
}

/// A body that lets all of a vendor's OpenAI stream through but the usage, which the caller did not
/// want.
pub fn filtered(platform: &Platform, opened: Opened, left: Duration, tail: Tail) -> Body {
    through(platform, opened, left, tail, UsageFilter::default())
}

/// The bytes of [`relay`] as a body, which someone else may read too. Each chunk costs more.
pub fn passed(platform: &Platform, opened: Opened, left: Duration, tail: Tail) -> Body {
    through(platform, opened, left, tail, UsageFilter::of_pieces())
}

fn through(
    platform: &Platform,
    opened: Opened,
    left: Duration,
    tail: Tail,
    filter: UsageFilter,
) -> Body {
    let state = Filtering {
        counter: Counter::new(opened.model.vendor.stream(), tail.books.clone()),
        filter,
        tail,
        upstream: Upstream::new(platform, opened, left),
    };
    let stream = futures_util::stream::unfold(state, |mut state| async move {
        let bytes = state.next().await?;
        Some((Ok::<_, std::convert::Infallible>(bytes), state))
    });
    Body::from_stream(stream)
}

struct Filtering {
    counter: Counter,
    filter: UsageFilter,
    tail: Tail,
    upstream: Upstream,
}

impl Filtering {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            match self.upstream.hear().await? {
                Heard::Bytes(bytes) => {
                    self.counter.seen(&bytes, &mut *self.tail.dialect);
                    if !self.counter.reads() {
                        // No more of it can be counted, so no more of it is bought.
                        return self.end(Some(Code::ProviderMalformed), Bytes::new());
                    }
                    let passed = self.filter.push(bytes);
                    // The protocol's own end counts, not that of the connection.
                    if self.counter.reader.is_done() {
                        return self.end(None, passed);
                    }
                    if !passed.is_empty() {
                        return Some(passed);
                    }
                }
                Heard::End => return self.end(None, Bytes::new()),
                Heard::Fault(code) => return self.end(Some(code), Bytes::new()),
                // Between two events only: in the middle of one it would tear it.
                Heard::Silence if self.filter.takes_more() => {
                    return Some(Bytes::from_static(COMMENT));
                }
                Heard::Silence => {}
            }
        }
    }

    /// Ends with what was passed last and what is still to be told.
    fn end(&mut self, code: Option<Code>, passed: Bytes) -> Option<Bytes> {
        self.upstream.close();
        let held = self.filter.finish();
        let whole = self.counter.finish();
        let told = self.counter.has_ended();
        let mut last = passed.to_vec();
        // Of an event that never came whole nothing is told.
        if whole.is_ok() || (told && self.counter.read_to_the_end) {
            last.extend_from_slice(&held);
        }
        match whole {
            Ok(()) => self.tail.books.close(Outcome::Ok, 200),
            Err(fault) => {
                let code = code.unwrap_or(fault);
                if !told {
                    let told = failed(&mut self.tail, code);
                    let is_apart = self.filter.is_between_events();
                    last.extend_from_slice(&if is_apart { told } else { apart(told) });
                }
                self.tail.books.close(Outcome::Cut(code), 200);
            }
        }
        (!last.is_empty()).then(|| last.into())
    }
}
