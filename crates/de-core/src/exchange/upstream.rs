//! A vendor's body as a stream that passes through our code: with deadlines, and a sign of life.

use std::{pin::pin, time::Duration};

use bytes::Bytes;
use futures_util::future::{BoxFuture, Either, select};

use super::Opened;
use crate::{
    http::error::Code,
    ports::{InboundBody, Platform, PortError},
    time::UnixMillis,
};

/// How long a stream is silent before it says that it lives.
///
/// A client that left is noticed by a write that fails, and only the second one after it left does:
/// twice this is still under a second.
const HEARTBEAT: Duration = Duration::from_millis(400);

/// A comment, which readers of events skip:
/// <https://html.spec.whatwg.org/multipage/server-sent-events.html>.
pub(super) const COMMENT: &[u8] = b": waiting\n\n";

type Read = (Box<dyn InboundBody>, Result<Option<Bytes>, PortError>);

/// The vendor's body. A read that is under way is kept until it ends: giving it up would lose its bytes.
enum Source {
    Idle(Box<dyn InboundBody>),
    Reading(BoxFuture<'static, Read>),
}

/// What came of waiting for the vendor.
pub(super) enum Heard {
    Bytes(Bytes),
    End,
    Fault(Code),
    /// Nothing yet, for as long as a heartbeat.
    Silence,
}

/// A vendor's body and how long it may take.
pub(super) struct Upstream {
    ends_at: UnixMillis,
    gap: Duration,
    /// When it must have sent something, else it is late.
    late_at: UnixMillis,
    platform: Platform,
    /// Gone when it is not wanted any more.
    source: Option<Source>,
}

impl Upstream {
    /// Begins to read; `left` is what is left of the call's total time.
    pub(super) fn new(platform: &Platform, opened: Opened, left: Duration) -> Self {
        let deadlines = opened.model.deadlines();
        let now = platform.clock.now();
        Self {
            ends_at: later(now, left),
            gap: Duration::from_millis(deadlines.between_chunks_ms),
            late_at: later(now, Duration::from_millis(deadlines.first_byte_ms)),
            platform: platform.clone(),
            source: Some(Source::Idle(opened.inbound.body)),
        }
    }

    /// Waits for the vendor, at most for a heartbeat. `None` after the end.
    pub(super) async fn hear(&mut self) -> Option<Heard> {
        let mut reading = match self.source.take()? {
            Source::Reading(reading) => reading,
            Source::Idle(mut body) => Box::pin(async move {
                let chunk = body.chunk().await;
                (body, chunk)
            }),
        };
        let late_at = self.late_at.min(self.ends_at);
        let left = u64::try_from(late_at.since(self.platform.clock.now())).unwrap_or(0);
        let left = Duration::from_millis(left);
        let patience = self.platform.clock.sleep(HEARTBEAT.min(left));
        Some(match select(&mut reading, pin!(patience)).await {
            Either::Left(((body, Ok(Some(bytes))), _)) => {
                self.late_at = later(self.platform.clock.now(), self.gap);
                self.source = Some(Source::Idle(body));
                Heard::Bytes(bytes)
            }
            Either::Left(((_, Ok(None)), _)) => Heard::End,
            Either::Left(((_, Err(_)), _)) => Heard::Fault(Code::ProviderError),
            Either::Right(_) if left <= HEARTBEAT => Heard::Fault(Code::ProviderTimeout),
            Either::Right(_) => {
                self.source = Some(Source::Reading(reading));
                Heard::Silence
            }
        })
    }

    /// Closes the connection.
    pub(super) fn close(&mut self) {
        self.source = None;
    }
}

fn later(now: UnixMillis, wait: Duration) -> UnixMillis {
    now.plus(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
}
