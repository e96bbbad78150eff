//! Streams of events: any cutting of the same bytes gives the same events, and what is written is read again.

use de_core::sse::{Decoder, Event, SseError, encode};

use super::pieces;

pub(super) fn run(input: &[u8]) {
    let Some((whole, pieces)) = pieces(input) else { return };
    let at_once = read([whole].into_iter());
    assert_eq!(at_once, read(pieces));
    for event in at_once.iter().flatten() {
        let again = encode(event.event.as_deref(), &event.data);
        let again = read([again.as_bytes()].into_iter());
        assert_eq!(again, [Ok(event.clone())]);
        let _ = event.is_heartbeat();
    }
    // Nothing comes after an error.
    let failed = at_once.iter().position(Result::is_err);
    assert!(failed.is_none_or(|at| at + 1 == at_once.len()));
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Result<Event, SseError>> {
    let mut decoder = Decoder::default();
    let mut events: Vec<_> = pieces.flat_map(|piece| decoder.push(piece)).collect();
    events.extend(decoder.finish());
    events
}
