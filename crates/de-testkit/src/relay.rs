//! What a [`Relay`] is on the host: a stream of bytes, taken out of the response at the edge.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use de_core::ports::{Background, InboundBody, Meter, PortError, Relay, RelayDeadlines, RelayEnd};
use futures_util::{Stream, StreamExt, stream};
use http::{Response, header::CONTENT_LENGTH};
use tokio::time::{Instant, timeout, timeout_at};

use crate::lock;

/// Bytes as they come.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, PortError>> + Send>>;

/// The host's side of a [`Relay`]: a stream that can be taken once.
pub struct HostRelay {
    stream: Mutex<Option<ByteStream>>,
}

impl HostRelay {
    /// Hides a stream in a [`Relay`].
    #[must_use]
    pub fn hide(stream: ByteStream) -> Relay {
        Relay(Arc::new(Self { stream: Mutex::new(Some(stream)) }))
    }

    /// Takes the stream out again; `None` the second time, or if the relay is of another platform.
    #[must_use]
    pub fn take(relay: &Relay) -> Option<ByteStream> {
        let host = relay.0.downcast_ref::<Self>()?;
        lock(&host.stream).take()
    }
}

/// What was looked at of a body, and is still to be given.
#[derive(Default)]
pub(crate) struct Ahead(VecDeque<Bytes>);

impl Ahead {
    /// Keeps bytes that were looked at.
    pub(crate) fn looked(&mut self, bytes: Option<Bytes>) -> Option<Bytes> {
        self.0.extend(bytes.clone());
        bytes
    }

    /// The next of them.
    pub(crate) fn given(&mut self) -> Option<Bytes> {
        self.0.pop_front()
    }
}

/// What the edge does with an answer: a relay in its extensions becomes its body.
#[must_use]
pub fn unveil(mut answer: Response<Body>) -> Response<Body> {
    let Some(relay) = answer.extensions_mut().remove::<Relay>() else { return answer };
    let stream = HostRelay::take(&relay).unwrap_or_else(|| Box::pin(stream::empty()));
    // Axum has seen the empty body that stood in its place, and given its length.
    if answer.headers().get(CONTENT_LENGTH).is_some_and(|length| length == "0") {
        answer.headers_mut().remove(CONTENT_LENGTH);
    }
    answer.map(|_| Body::from_stream(stream))
}

/// What a forwarding port does with an answer: its body becomes a relay.
#[must_use]
pub fn veil(answer: Response<Body>) -> Response<Body> {
    if answer.extensions().get::<Relay>().is_some() {
        return answer;
    }
    let (mut head, body) = answer.into_parts();
    let bytes = body.into_data_stream().map(|chunk| {
        chunk.map_err(|err| PortError::Failed { port: "peers", message: err.to_string() })
    });
    head.extensions.insert(HostRelay::hide(Box::pin(bytes)));
    Response::from_parts(head, Body::empty())
}

/// Passes a body on as it comes. If the client leaves, it is dropped.
pub fn pass(body: Box<dyn InboundBody>) -> Relay {
    HostRelay::hide(Box::pin(stream::unfold(Some(body), |body| async {
        let mut body = body?;
        match body.chunk().await {
            Ok(None) => None,
            Ok(Some(bytes)) => Some((Ok(bytes), Some(body))),
            Err(err) => Some((Err(err), None)),
        }
    })))
}

/// Relays a vendor's body: the client gets it as it comes, the meter sees it, and is told its end once.
///
/// If the client leaves, the stream is dropped, and with it the vendor's body. What is left to do then
/// goes to `background`.
pub fn relay(
    body: Box<dyn InboundBody>,
    deadlines: RelayDeadlines,
    meter: Box<dyn Meter>,
    background: Arc<dyn Background>,
) -> Relay {
    let end = Instant::now() + deadlines.total;
    let gap = deadlines.gap;
    let metered = Metered { background, body, end, gap, meter: Some(meter) };
    // `None` is a stream that has told its end.
    HostRelay::hide(Box::pin(stream::unfold(Some(metered), |metered| async {
        let mut metered = metered?;
        let how = match metered.next().await {
            Ok(bytes) => return Some((Ok(bytes), Some(metered))),
            Err(how) => how,
        };
        // As on the platform: what the meter has no more to say of has ended, however its vendor's side did.
        metered.finish(how).map(|tail| (Ok(tail), None))
    })))
}

struct Metered {
    background: Arc<dyn Background>,
    body: Box<dyn InboundBody>,
    end: Instant,
    gap: Duration,
    /// Gone once it was told the end.
    meter: Option<Box<dyn Meter>>,
}

impl Metered {
    async fn next(&mut self) -> Result<Bytes, RelayEnd> {
        let chunk = timeout(self.gap, timeout_at(self.end, self.body.chunk())).await;
        match chunk {
            Err(_) | Ok(Err(_)) => Err(RelayEnd::TimedOut),
            Ok(Ok(Err(_))) => Err(RelayEnd::Broken),
            Ok(Ok(Ok(None))) => Err(RelayEnd::Whole),
            Ok(Ok(Ok(Some(bytes)))) => {
                if let Some(meter) = &mut self.meter {
                    meter.seen(&bytes);
                    if !meter.reads() {
                        return Err(RelayEnd::Unreadable);
                    }
                }
                Ok(bytes)
            }
        }
    }

    fn finish(&mut self, how: RelayEnd) -> Option<Bytes> {
        let (tail, work) = self.meter.take()?.end(how);
        self.background.spawn(work);
        tail
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        // Nobody is there to be told anything.
        self.finish(RelayEnd::ClientLeft);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, future::BoxFuture};

    use super::*;
    use crate::{background::TokioBackground, fetch::Answer};

    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<String>>>);

    impl Seen {
        fn note(&self, what: &str) {
            lock(&self.0).push(what.to_owned());
        }

        fn all(&self) -> Vec<String> {
            lock(&self.0).clone()
        }
    }

    struct TestMeter(Seen, Option<&'static str>);

    impl Meter for TestMeter {
        fn seen(&mut self, bytes: &Bytes) {
            self.0.note(std::str::from_utf8(bytes).unwrap());
        }

        fn end(self: Box<Self>, how: RelayEnd) -> (Option<Bytes>, BoxFuture<'static, ()>) {
            self.0.note(&format!("{how:?}"));
            let seen = self.0.clone();
            (self.1.map(Bytes::from), async move { seen.note("settled") }.boxed())
        }
    }

    const DEADLINES: RelayDeadlines =
        RelayDeadlines { gap: Duration::from_secs(5), total: Duration::from_secs(12) };

    async fn check(answer: Answer, tail: Option<&'static str>, got: &[&str], seen: &[&str]) {
        let background = Arc::new(TokioBackground::new());
        let noted = Seen::default();
        let meter = Box::new(TestMeter(noted.clone(), tail));
        let relay =
            relay(answer.into_body(background.clone()), DEADLINES, meter, background.clone());
        let mut stream = HostRelay::take(&relay).unwrap();
        assert!(HostRelay::take(&relay).is_none());
        let mut chunks = Vec::new();
        while let Some(chunk) = stream.next().await {
            chunks.push(chunk.map_or("broken".to_owned(), |b| String::from_utf8_lossy(&b).into()));
        }
        drop(stream);
        background.join_all().await;
        assert_eq!(chunks, got);
        assert_eq!(noted.all(), seen);
    }

    #[tokio::test(start_paused = true)]
    async fn the_meter_learns_each_end_once_and_the_tail_follows() {
        let two = || Answer::ok().chunk("a").chunk("b");
        check(two(), None, &["a", "b"], &["a", "b", "Whole", "settled"]).await;
        check(two(), Some("!"), &["a", "b", "!"], &["a", "b", "Whole", "settled"]).await;
        let broken = &["a", "b", "Broken", "settled"];
        check(two().break_off(), None, &["a", "b"], broken).await;
        check(two().break_off(), Some("!"), &["a", "b", "!"], broken).await;
        let late = &["a", "b", "TimedOut", "settled"];
        check(two().hang(), Some("!"), &["a", "b", "!"], late).await;
        let slow = Duration::from_secs(4);
        let dripping = two().pause(slow).chunk("c").pause(slow).chunk("d").pause(slow).pause(slow);
        let seen = &["a", "b", "c", "d", "TimedOut", "settled"];
        check(dripping, None, &["a", "b", "c", "d"], seen).await;
    }

    #[tokio::test]
    async fn a_client_that_leaves_ends_it_too() {
        let background = Arc::new(TokioBackground::new());
        let noted = Seen::default();
        let meter = Box::new(TestMeter(noted.clone(), Some("!")));
        let body = Answer::ok().chunk("a").hang().into_body(background.clone());
        let relay = relay(body, DEADLINES, meter, background.clone());
        let mut stream = HostRelay::take(&relay).unwrap();
        stream.next().await.unwrap().unwrap();
        drop(stream);
        background.join_all().await;
        assert_eq!(noted.all(), ["a", "ClientLeft", "settled"]);
    }
}
