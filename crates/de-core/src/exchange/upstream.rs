//! A vendor's body as a stream that passes through our code: with deadlines, and a sign of life.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{
    FutureExt,
    future::{BoxFuture, Either, Shared, select},
};

use super::answer::Opened;
use crate::{
    http::error::Code,
    ports::{InboundBody, Platform, PortError},
    time::UnixMillis,
};

/// How long a stream is silent before it says that it lives.
///
/// A client that left is noticed by a write that fails, and only the second one after it left does. The
/// first comes at most two heartbeats after the vendor's last chunk: three of them are still under a
/// second.
const HEARTBEAT: Duration = Duration::from_millis(300);

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
    /// Whether something came since the timer was set.
    heard: bool,
    /// When it must have sent something, else it is late.
    late_at: UnixMillis,
    platform: Platform,
    /// Gone when it is not wanted any more.
    source: Option<Source>,
    /// Rings each [`HEARTBEAT`], or when the vendor would be late. One for many chunks: on Workers
    /// a timer costs as much as a chunk.
    ///
    /// Shared, because it outlives the task that set it: what is heard before the head is out is heard in
    /// another one than the rest, and a timer there wakes the first that waited for it, and no other.
    timer: Shared<BoxFuture<'static, ()>>,
}

impl Upstream {
    /// Begins to read; `left` is what is left of the call's total time.
    pub(super) fn new(platform: &Platform, opened: Opened, left: Duration) -> Self {
        let deadlines = opened.model.deadlines();
        let now = platform.clock.now();
        let ends_at = later(now, left);
        let gap = Duration::from_millis(deadlines.between_chunks_ms);
        let late_at = later(now, gap);
        Self {
            ends_at,
            gap,
            heard: false,
            late_at,
            platform: platform.clone(),
            source: Some(Source::Idle(opened.inbound.body)),
            timer: timer(platform, now, late_at.min(ends_at)),
        }
    }

    /// Waits for the vendor, at most for two heartbeats. `None` after the end.
    pub(super) async fn hear(&mut self) -> Option<Heard> {
        let mut reading = match self.source.take()? {
            Source::Reading(reading) => reading,
            Source::Idle(mut body) => {
                // Until now nobody wanted more: a client that reads slowly makes no vendor late.
                self.late_at = later(self.platform.clock.now(), self.gap);
                Box::pin(async move {
                    let chunk = body.chunk().await;
                    (body, chunk)
                })
            }
        };
        loop {
            let chunk = match select(&mut reading, &mut self.timer).await {
                Either::Left((chunk, _)) => chunk,
                Either::Right(_) => {
                    let now = self.platform.clock.now();
                    let late_at = self.late_at.min(self.ends_at);
                    if now >= late_at {
                        return Some(Heard::Fault(Code::ProviderTimeout));
                    }
                    self.timer = timer(&self.platform, now, late_at);
                    if std::mem::take(&mut self.heard) {
                        continue;
                    }
                    self.source = Some(Source::Reading(reading));
                    return Some(Heard::Silence);
                }
            };
            return Some(match chunk {
                (body, Ok(Some(bytes))) => {
                    self.heard = true;
                    self.source = Some(Source::Idle(body));
                    Heard::Bytes(bytes)
                }
                (_, Ok(None)) => Heard::End,
                (_, Err(_)) => Heard::Fault(Code::ProviderError),
            });
        }
    }

    /// Closes the connection.
    pub(super) fn close(&mut self) {
        self.source = None;
    }
}

fn timer(
    platform: &Platform,
    now: UnixMillis,
    late_at: UnixMillis,
) -> Shared<BoxFuture<'static, ()>> {
    let left = u64::try_from(late_at.since(now)).unwrap_or(0);
    let wait = HEARTBEAT.min(Duration::from_millis(left));
    let clock = platform.clock.clone();
    async move { clock.sleep(wait).await }.boxed().shared()
}

fn later(now: UnixMillis, wait: Duration) -> UnixMillis {
    now.plus(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
}
