//! A stream from one protocol to another: the vendor's events in, the caller's events out.

use std::{pin::pin, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures_util::future::{BoxFuture, Either, select};

use super::{
    Opened,
    relay::{Tail, failed},
};
use crate::{
    books::{Books, Outcome},
    chat::{Delta, Part},
    http::error::Code,
    ports::{InboundBody, Platform, PortError},
    protocols::{StreamFault, VendorStream},
    sse::{Decoder, Event},
    time::UnixMillis,
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
            Err(StreamFault::Vendor(_)) => Self::Fault(Code::ProviderError),
        }
    }
}

/// Writes into the books what a step says.
pub(super) fn note(books: &Books, delta: &Delta) {
    match delta {
        Delta::Refusal { text, .. } | Delta::Text { text, .. } | Delta::Thinking { text, .. } => {
            books.heard(text.len());
        }
        Delta::ToolCall { arguments, .. } => books.heard(arguments.len()),
        Delta::Usage(usage) => books.counted(usage),
        Delta::Finish { .. } => books.finished(),
        Delta::Start { .. } => {}
    }
}

/// The text of a whole answer in bytes, for estimates.
#[must_use]
pub fn text_bytes(parts: &[Part]) -> usize {
    let size = |part: &Part| match part {
        Part::Image(_) => 0,
        Part::Refusal(text) | Part::Text(text) | Part::Thinking { text, .. } => text.len(),
        Part::ToolCall(call) => call.name.len() + call.arguments.len(),
        Part::ToolResult { content, .. } => content.len(),
    };
    parts.iter().map(size).sum()
}

/// A body in the caller's protocol.
///
/// Dropping it (the client has gone) closes the vendor's connection and the books. A vendor that is
/// silent is no reason to be silent too: a comment each [`HEARTBEAT`] shows whether the client is there.
pub fn translated(platform: &Platform, opened: Opened, left: Duration, tail: Tail) -> Body {
    let now = platform.clock.now();
    let state = Translating {
        decoder: Decoder::default(),
        ends_at: now.plus(i64::try_from(left.as_millis()).unwrap_or(i64::MAX)),
        gap: Duration::from_millis(opened.model.deadlines().between_chunks_ms),
        heard_at: now,
        outcome: None,
        platform: platform.clone(),
        reader: opened.model.vendor.stream(),
        source: Some(Source::Idle(opened.inbound.body)),
        tail,
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

/// How long a translated stream is silent before it says that it lives.
///
/// A client that left is noticed by a write that fails, and only the second one after it left does:
/// twice this is still under a second.
const HEARTBEAT: Duration = Duration::from_millis(400);

/// A comment, which readers of events skip: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.
const COMMENT: &[u8] = b": waiting\n\n";

type Read = (Box<dyn InboundBody>, Result<Option<Bytes>, PortError>);

/// The vendor's body. A read that is under way is kept until it ends: giving it up would lose its bytes.
enum Source {
    Idle(Box<dyn InboundBody>),
    Reading(BoxFuture<'static, Read>),
}

/// What came of waiting for the vendor.
enum Heard {
    Bytes(Bytes),
    End,
    Fault(Code),
    Silence,
}

struct Translating {
    decoder: Decoder,
    ends_at: UnixMillis,
    gap: Duration,
    /// When the vendor last sent something.
    heard_at: UnixMillis,
    /// How it ended, once it has.
    outcome: Option<Outcome>,
    platform: Platform,
    reader: Box<dyn VendorStream>,
    /// Gone when the end has been written.
    source: Option<Source>,
    tail: Tail,
}

impl Translating {
    /// The next bytes for the caller: reads on until there are some. `None` after the end.
    async fn next(&mut self) -> Option<Bytes> {
        let mut out = Vec::new();
        while out.is_empty() {
            match self.hear().await? {
                Heard::Bytes(bytes) => self.translate(&bytes, &mut out),
                Heard::End => {
                    let last = self.decoder.finish();
                    let last = last.map(|event| event.map_err(|_| Code::ProviderMalformed));
                    if last.is_none_or(|event| self.event(event, &mut out)) {
                        self.end(&mut out);
                    }
                }
                Heard::Fault(code) => self.fail(code, &mut out),
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

    /// Waits for the vendor, at most for a heartbeat. `None` after the end.
    async fn hear(&mut self) -> Option<Heard> {
        let mut reading = match self.source.take()? {
            Source::Reading(reading) => reading,
            Source::Idle(mut body) => Box::pin(async move {
                let chunk = body.chunk().await;
                (body, chunk)
            }),
        };
        let now = self.platform.clock.now();
        let late_at = self.heard_at.plus(i64::try_from(self.gap.as_millis()).unwrap_or(i64::MAX));
        let late_at = late_at.min(self.ends_at);
        let left = Duration::from_millis(u64::try_from(late_at.since(now)).unwrap_or(0));
        let patience = self.platform.clock.sleep(HEARTBEAT.min(left));
        match select(&mut reading, pin!(patience)).await {
            Either::Left(((body, chunk), _)) => {
                self.heard_at = self.platform.clock.now();
                self.source = Some(Source::Idle(body));
                Some(match chunk {
                    Ok(Some(bytes)) => Heard::Bytes(bytes),
                    Ok(None) => Heard::End,
                    Err(_) => Heard::Fault(Code::ProviderError),
                })
            }
            Either::Right(_) if left <= HEARTBEAT => Some(Heard::Fault(Code::ProviderTimeout)),
            Either::Right(_) => {
                self.source = Some(Source::Reading(reading));
                Some(Heard::Silence)
            }
        }
    }

    /// Translates one event; `false` if it ended the stream.
    fn event(&mut self, event: Result<Event, Code>, out: &mut Vec<u8>) -> bool {
        let deltas = match event.map(|event| Reading::of(&mut *self.reader, &event)) {
            Ok(Reading::Deltas(deltas)) => deltas,
            Ok(Reading::Fault(code)) | Err(code) => {
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
        if !self.reader.is_done() {
            return self.fail(Code::ProviderError, out);
        }
        self.source = None;
        out.extend_from_slice(&self.tail.dialect.end());
        self.outcome = Some(Outcome::Ok);
    }

    fn fail(&mut self, code: Code, out: &mut Vec<u8>) {
        self.source = None;
        out.extend_from_slice(&failed(&mut self.tail, code));
        self.outcome = Some(Outcome::Cut(code));
    }
}

/// The next bytes from a vendor, `None` at the end of its connection.
pub(super) async fn next(
    platform: &Platform,
    body: &mut Box<dyn InboundBody>,
    gap: Duration,
    ends_at: UnixMillis,
) -> Result<Option<Bytes>, Code> {
    let left = u64::try_from(ends_at.since(platform.clock.now())).unwrap_or(0);
    let patience = gap.min(Duration::from_millis(left));
    let late = platform.clock.sleep(patience);
    match select(pin!(body.chunk()), pin!(late)).await {
        Either::Left((Ok(chunk), _)) => Ok(chunk),
        Either::Left((Err(_), _)) => Err(Code::ProviderError),
        Either::Right(_) => Err(Code::ProviderTimeout),
    }
}
