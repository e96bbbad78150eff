//! The beginning of a streamed answer: the head alone is none.
//!
//! A vendor may send its 200 and then nothing, or an error. While nothing has gone to the client another try
//! may still serve, so an answer counts as begun when its first event is here. What was read on the way, with
//! the comments and pings before that event, is given again to whoever reads the body.

use std::time::Duration;

use http::header;

use super::{
    deadlines::{Interrupted, remaining, within},
    failure::{self, Failure},
    job::Job,
};
use crate::{
    books::Outlay,
    http::error::{ApiError, Code},
    ports::{Inbound, InboundBody, PortError},
    protocols::{StreamFault, VendorError, VendorStream},
    registry::Model,
    retry,
    secret::Secret,
    sse::{Decoder, Event, MAX_EVENT_BYTES, SseError},
    time::UnixMillis,
};

/// The least time that a streamed answer has to begin, once its head is here.
const LEAST_FIRST: Duration = Duration::from_secs(1);

/// How many bytes may come before the first event: all of them are held, to be given again. Some vendors send
/// comments while they think, of a few bytes each.
const MOST_AHEAD: usize = 2 * MAX_EVENT_BYTES;

/// Why an answer did not begin, though its head was good.
enum Unbegun {
    Broken(PortError),
    Ended,
    /// What came cannot be read.
    Malformed(String),
    /// The vendor's own word, and how long it wants us to wait.
    Refused(Box<VendorError>, Option<Duration>),
}

/// Waits until a streamed answer has begun, within what the wait for its head has left of the model's
/// deadline. `sent_at` is when it was asked for.
///
/// # Errors
/// The failure, and what the vendor may bill for it.
pub(super) async fn wait(
    job: &Job<'_>,
    model: &Model,
    inbound: &mut Inbound,
    key: &Secret,
    sent_at: UnixMillis,
) -> Result<(), (Failure, Outlay)> {
    let waited = job.platform.clock.now().since(sent_at);
    let waited = Duration::from_millis(u64::try_from(waited).unwrap_or(0));
    let due = Duration::from_millis(model.deadlines().first_byte_ms);
    // The head may have taken all of the time, and a body that is here is not late.
    let left = due.saturating_sub(waited).max(LEAST_FIRST.min(due)).min(remaining(job, model));
    let is_sound = is_sound(model, inbound);
    let body = &mut *inbound.body;
    let begun = async { if is_sound { bytes(body).await } else { event(model, body).await } };
    let unbegun = match within(job.line(), left, begun).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(unbegun)) => unbegun,
        Err(Interrupted::ClientLeft) => {
            return Err((Failure::final_one(failure::client_left()), Outlay::Spent));
        }
        Err(Interrupted::TimedOut) => {
            return Err((failure::late(job, model, sent_at), Outlay::Unknown));
        }
    };
    let name = &model.config.provider_id;
    Err(match unbegun {
        Unbegun::Refused(told, asked) => {
            let asked = asked.or_else(|| retry::asked(&inbound.headers, job.platform.clock.now()));
            // As after a status, an answer that was refused before it began is not billed.
            (
                failure::told_at_once(model, inbound.status, told.without(key), asked),
                Outlay::Nothing,
            )
        }
        Unbegun::Malformed(reason) => {
            (Failure::passing_on(failure::unreadable(model, reason)), Outlay::Unknown)
        }
        Unbegun::Ended if is_sound => {
            let message = format!("{name} sent an answer without sound");
            let error = ApiError::new(Code::ProviderMalformed, message).for_good();
            (Failure::tripping(error), Outlay::Unknown)
        }
        Unbegun::Broken(_) | Unbegun::Ended => {
            let message = format!("{name} broke off before its answer began");
            let error = ApiError::new(Code::ProviderError, message).for_good();
            let error = match unbegun {
                Unbegun::Broken(err) => error.because(err.to_string()),
                _ => error,
            };
            (Failure::tripping(error), Outlay::Unknown)
        }
    })
}

/// Whether what comes are bytes of sound, which have no events.
fn is_sound(model: &Model, inbound: &Inbound) -> bool {
    let kind = inbound.headers.get(header::CONTENT_TYPE);
    let in_events = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    !in_events && model.vendor.speech().is_some() && model.config.capabilities.audio == Some(true)
}

/// Waits for any bytes.
async fn bytes(body: &mut dyn InboundBody) -> Result<(), Unbegun> {
    loop {
        match body.ahead().await {
            Ok(Some(bytes)) if bytes.is_empty() => {}
            Ok(Some(_)) => return Ok(()),
            Ok(None) => return Err(Unbegun::Ended),
            Err(err) => return Err(Unbegun::Broken(err)),
        }
    }
}

/// Waits for an event that is more than a sign of life.
async fn event(model: &Model, body: &mut dyn InboundBody) -> Result<(), Unbegun> {
    let mut decoder = Decoder::default();
    let mut reader = model.vendor.stream();
    let mut held = 0_usize;
    loop {
        let unbegun = match body.ahead().await {
            Ok(Some(bytes)) => {
                held = held.saturating_add(bytes.len());
                for event in decoder.push(&bytes) {
                    if begins(model, &mut *reader, event)? {
                        return Ok(());
                    }
                }
                if held > MOST_AHEAD {
                    let reason = format!("{held} bytes came, and no event among them");
                    return Err(Unbegun::Malformed(reason));
                }
                continue;
            }
            Ok(None) => Unbegun::Ended,
            Err(err) => Unbegun::Broken(err),
        };
        // A last event without its blank line counts, if it can be read: else the rest of it never came.
        let last = decoder.finish().map(|last| begins(model, &mut *reader, last));
        return match last {
            Some(Ok(true)) => Ok(()),
            Some(Err(refused @ Unbegun::Refused(..))) => Err(refused),
            Some(Ok(false) | Err(_)) | None => Err(unbegun),
        };
    }
}

/// Whether an answer begins with this event.
fn begins(
    model: &Model,
    reader: &mut dyn VendorStream,
    event: Result<Event, SseError>,
) -> Result<bool, Unbegun> {
    let event = event.map_err(|err| Unbegun::Malformed(err.to_string()))?;
    if event.is_heartbeat() {
        return Ok(false);
    }
    match reader.event(&event) {
        Ok(_) => Ok(true),
        Err(StreamFault::Malformed(malformed)) => Err(Unbegun::Malformed(malformed.to_string())),
        Err(StreamFault::Vendor(told)) => {
            let asked = model.vendor.asked(event.data.as_bytes());
            Err(Unbegun::Refused(Box::new(told), asked))
        }
    }
}
