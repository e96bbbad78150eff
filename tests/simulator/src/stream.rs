//! Turns a reply and its faults into steps on the wire: bytes, pauses, a break.
//!
//! Each piece is flushed before the next one: the body yields between pieces, and hyper flushes
//! what it holds when a body is not ready.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::endpoint::{Content, Reply};
use crate::faults::Script;
use crate::record::Exchange;

/// Events that come at once before the pauses of `gap` begin.
const EVENTS_BEFORE_GAP: usize = 2;

/// Sizes of the pieces of `split-utf8` in bytes, over and over.
const PIECES: [usize; 8] = [1, 2, 3, 5, 8, 13, 21, 34];

/// Between the pieces of `split-utf8`, so that the peer reads them one by one.
const PIECE_PAUSE: Duration = Duration::from_millis(1);

/// Before a break, so that what was sent has left.
const BREAK_PAUSE: Duration = Duration::from_millis(20);

/// What the body does next.
#[derive(Debug, Eq, PartialEq)]
enum Step {
    Break,
    Bytes(Bytes),
    Pause(Duration),
}

/// Answers with the reply as the faults have it, and keeps the record to its end.
pub(crate) fn respond(
    reply: Reply,
    script: &Script,
    error_event: Option<String>,
    exchange: Exchange,
) -> Response<Body> {
    exchange.answered(reply.status);
    let (content_type, length) = match &reply.content {
        Content::Events(_) => ("text/event-stream; charset=utf-8", None),
        Content::Pieces { content_type, .. } => (*content_type, None),
        Content::Whole { bytes, content_type } => (*content_type, Some(bytes.len())),
    };
    let steps = steps(reply.content, script, error_event);
    let mut response = Response::new(body(steps, exchange));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}

fn body(steps: VecDeque<Step>, exchange: Exchange) -> Body {
    Body::from_stream(stream::unfold((steps, exchange), |(mut steps, mut exchange)| async move {
        // Not ready once between two pieces: this is what makes hyper flush.
        tokio::task::yield_now().await;
        loop {
            match steps.pop_front() {
                None => {
                    exchange.finish();
                    return None;
                }
                Some(Step::Break) => {
                    exchange.broken_off();
                    let error = io::Error::new(io::ErrorKind::ConnectionReset, "cut on demand");
                    return Some((Err(error), (steps, exchange)));
                }
                Some(Step::Pause(pause)) => tokio::time::sleep(pause).await,
                Some(Step::Bytes(bytes)) => {
                    exchange.sent();
                    // With a length told, hyper does not ask again after the last byte.
                    if steps.is_empty() {
                        exchange.finish();
                    }
                    return Some((Ok(bytes), (steps, exchange)));
                }
            }
        }
    }))
}

fn steps(content: Content, script: &Script, error_event: Option<String>) -> VecDeque<Step> {
    let mut pieces = match content {
        Content::Events(events) => {
            let mut events: Vec<Bytes> = events.into_iter().map(Bytes::from).collect();
            if let (Some(after), Some(event)) = (script.error_mid, error_event) {
                events.truncate(after);
                events.push(Bytes::from(event));
            }
            events
        }
        Content::Pieces { pieces, .. } => pieces,
        Content::Whole { bytes, .. } => {
            let half = bytes.len() / 2;
            match (script.cut, script.gap) {
                (None, None) => vec![bytes],
                (Some(_), _) => vec![bytes.slice(..half)],
                (None, Some(gap)) => {
                    let rest = split(bytes.slice(half..), script).into_iter();
                    let mut steps: VecDeque<Step> =
                        split(bytes.slice(..half), script).into_iter().collect();
                    steps.push_back(Step::Pause(gap));
                    steps.extend(rest);
                    return steps;
                }
            }
        }
    };
    if let Some(after) = script.cut {
        pieces.truncate(after.max(1));
    }
    let mut steps = VecDeque::new();
    for (index, piece) in pieces.into_iter().enumerate() {
        if let Some(gap) = script.gap.filter(|_| index >= EVENTS_BEFORE_GAP) {
            steps.push_back(Step::Pause(gap));
        }
        steps.extend(split(piece, script));
    }
    if script.cut.is_some() {
        steps.push_back(Step::Pause(BREAK_PAUSE));
        steps.push_back(Step::Break);
    }
    steps
}

/// Splits bytes for `split-utf8`: by size, and after the first byte of every character beyond ASCII.
fn split(bytes: Bytes, script: &Script) -> Vec<Step> {
    if !script.split_utf8 {
        return vec![Step::Bytes(bytes)];
    }
    let mut steps = Vec::new();
    let mut sizes = PIECES.into_iter().cycle();
    let mut size = sizes.next().unwrap_or(1);
    let mut start = 0;
    for (index, byte) in bytes.iter().enumerate() {
        let end = index + 1;
        if end - start >= size || *byte >= 0xC0 || end == bytes.len() {
            steps.push(Step::Bytes(bytes.slice(start..end)));
            steps.push(Step::Pause(PIECE_PAUSE));
            start = end;
            size = sizes.next().unwrap_or(1);
        }
    }
    steps.pop();
    steps
}

#[cfg(test)]
mod tests {
    use super::{Bytes, Content, Duration, Script, Step, steps};

    fn events() -> Content {
        Content::Events(["a", "b", "c", "d"].map(|name| format!("data: {name}\n\n")).into())
    }

    fn written(faults: &str) -> String {
        let script = Script::parse(faults).unwrap();
        let steps = steps(events(), &script, Some("data: error\n\n".to_owned()));
        let shown = steps.into_iter().map(|step| match step {
            Step::Break => "!".to_owned(),
            Step::Bytes(bytes) => {
                String::from_utf8_lossy(&bytes).replace("data: ", "").replace('\n', "")
            }
            Step::Pause(pause) => format!("({})", pause.as_millis()),
        });
        shown.collect()
    }

    #[test]
    fn faults_become_steps() {
        for (faults, expected) in [
            ("cut:2", "ab(20)!"),
            ("cut:9", "abcd(20)!"),
            ("error-mid:3", "abcerror"),
            ("gap:3s", "ab(3000)c(3000)d"),
            ("gap:1s cut:3", "ab(1000)c(20)!"),
        ] {
            assert_eq!(written(faults), expected, "{faults}");
        }
    }

    #[test]
    fn a_whole_body_breaks_half_way() {
        let whole = Content::Whole { bytes: Bytes::from("12345678"), content_type: "text/plain" };
        let steps = steps(whole, &Script::parse("cut:5").unwrap(), None);
        assert_eq!(steps.front(), Some(&Step::Bytes(Bytes::from("1234"))));
        assert_eq!(steps.back(), Some(&Step::Break));
    }

    #[test]
    fn characters_are_split_and_nothing_is_lost() {
        let text = "Grüße 🌊 und mehr, damit es reicht";
        let script = Script::parse("split-utf8").unwrap();
        let content = Content::Events(vec![text.to_owned()]);
        let mut whole = Vec::new();
        let mut broken = 0;
        for step in steps(content, &script, None) {
            match step {
                Step::Bytes(bytes) => {
                    broken += usize::from(std::str::from_utf8(&bytes).is_err());
                    whole.extend_from_slice(&bytes);
                }
                Step::Pause(pause) => assert!(pause <= Duration::from_millis(1)),
                Step::Break => panic!("nothing breaks"),
            }
        }
        assert_eq!(whole, text.as_bytes());
        assert!(broken >= 3, "{broken}");
    }
}
