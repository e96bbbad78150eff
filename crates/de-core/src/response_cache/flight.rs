//! Single flight: of calls that ask the same at once, one asks the vendor, and the others wait for its answer.
//!
//! On Workers no request may wait for what another one does, and KV says for up to a minute that an answer is not
//! there which it has been asked for. So they meet at an object, the one of a claim ([`crate::idempotency`]) that is
//! named by the answer's place: whoever finds it vacant leads, and hands its answer to the object, which has it for as
//! long as KV may not. Where nothing comes of it that is kept, those who wait ask the vendor themselves, and for a while
//! nobody waits; where the leader's client leaves, the next one leads. A leader says every few seconds that it is there.
//!
//! An object that fails or is late holds nobody up: each call asks the vendor. Why it is so:
//! `docs/adr/0021-equal-calls-at-once.md`.

use std::{
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures_channel::oneshot;
use futures_util::{
    FutureExt,
    future::{Either, select},
};

use super::{complain, place::Place};
use crate::{
    idempotency::{
        Token,
        wire::{Answer, Ask, End, Found, Head, Reply, Sending, Why},
    },
    ports::{Departure, Platform, PortError, claims::told, random},
    registry::Model,
    time::UnixMillis,
};

/// How long the object has an answer: for as long as KV may say that there is none.
const KEPT_MS: i64 = 60_000;
/// How long a leader may be silent before nobody waits for it any more, and how often it says that it is there.
const HOLD_MS: i64 = 20_000;
const SAYS_EVERY: Duration = Duration::from_secs(7);
/// How long the object may take to say whose turn it is; and to one that has waited already.
const PATIENCE: Duration = Duration::from_secs(1);
const LONG_PATIENCE: Duration = Duration::from_secs(5);
/// Between two questions of a call that waits: the first pause, and the longest.
const PAUSES_MS: (u64, u64) = (100, 2_000);
/// The longest that a call waits: some thirty questions.
const LONGEST_MS: i64 = 60_000;
/// How many calls of an isolate may wait at once. Each holds a connection, and nothing of any limit.
const MOST_WAITING: usize = 500;

/// A call that may wait for another one's answer.
pub struct Waits {
    /// When its client goes away, where the host can tell.
    pub departure: Option<Departure>,
    /// Not one that holds a claim of its own: its `Idempotency-Key` is held for as long as it takes to begin.
    pub may: bool,
    /// When it came.
    pub since: UnixMillis,
    /// How long it has waited, in milliseconds.
    pub waited_ms: AtomicI64,
}

/// Whose turn it is.
pub(super) enum Boarded {
    /// Nobody's: the call asks the vendor, and nobody waits for that.
    Alone,
    /// Nobody's: the client has gone.
    Left,
    /// It was answered just now: what is kept, sealed.
    Answered(String),
    /// This call's.
    Leads(Flight),
}

/// A call that others wait for. One that goes without a word is followed by the next one.
pub(super) struct Flight {
    landing: oneshot::Sender<Landing>,
}

enum Landing {
    /// With what is kept, sealed.
    Answer(String),
    /// With what is never kept.
    Unkept,
}

impl Flight {
    fn new(platform: &Platform, name: String, holder: Token) -> Self {
        let (landing, landed) = oneshot::channel();
        // Begun now, it is done however the request ends.
        platform.background.spawn(see_off(platform.clone(), name, holder, landed).boxed());
        Self { landing }
    }

    /// Hands the answer to those who wait.
    pub(super) fn lands(self, sealed: String) {
        self.tell(Landing::Answer(sealed));
    }

    /// Tells those who wait that there will be no answer for them.
    pub(super) fn lands_empty(self) {
        self.tell(Landing::Unkept);
    }

    fn tell(self, landing: Landing) {
        // The receiver waits in the background for as long as the runtime lives.
        drop(self.landing.send(landing));
    }
}

/// Says that a leader is there until its call is over, and then what came of it.
async fn see_off(
    platform: Platform,
    name: String,
    holder: Token,
    mut landed: oneshot::Receiver<Landing>,
) {
    let began = platform.clock.now();
    let says = async {
        // After that nobody waits who came when it began; who comes later leads anew.
        while platform.clock.now().since(began) < LONGEST_MS {
            platform.clock.sleep(SAYS_EVERY).await;
            // What is not heard is said once more before the hold ends; `false`: another one leads.
            let sending = Sending { hold_ms: HOLD_MS, holder };
            if let Ok(false) = platform.claims.sent(&name, sending).await {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    // What is said last does no harm if it arrives later than how it ended: it makes no claim.
    let landing = match select(&mut landed, pin!(says)).await {
        Either::Left((landing, _)) => landing,
        Either::Right(_) => return,
    };
    let end = match landing {
        Ok(Landing::Answer(sealed)) => {
            let head = Head { headers: Vec::new(), status: 200 };
            let reply = Reply { body: sealed.into(), head };
            let handed =
                told(&*platform.clock, || platform.claims.finish(&name, holder, reply.clone()));
            match handed.await {
                // `false`: another one leads.
                Ok(_) => return,
                Err(err) => complain(&platform, err.to_string()),
            }
            // It is in KV all the same.
            End::Unknown { why: Why::Lost }
        }
        Ok(Landing::Unkept) => End::Unknown { why: Why::TooLarge },
        Err(_) => End::Released,
    };
    leave(&platform, &name, holder, end).await;
}

/// Says whose turn it is to ask the vendor, once that is clear. Half of a call's time it waits, at most: the other half
/// is for the vendor, whichever of the models serves.
pub(super) async fn board(
    platform: &Platform,
    place: &Place,
    models: &[Arc<Model>],
    waits: &Waits,
) -> Boarded {
    let began = platform.clock.now();
    if platform.memory.flights_rest.lasts(began) {
        return Boarded::Alone;
    }
    let total_ms = models.iter().map(|model| model.deadlines().total_ms).min().unwrap_or(0);
    let most_ms = i64::try_from(total_ms / 2).unwrap_or(i64::MAX).min(LONGEST_MS);
    let holder = Token::make(began, random(&*platform.entropy));
    let name = format!("answers {}", place.digest());
    let ask = Ask {
        fingerprint: place.digest().to_owned(),
        hold_ms: HOLD_MS,
        holder,
        kept_ms: Some(KEPT_MS),
    };
    // Also where the object hangs, a quarter of the time is left for the vendor.
    let brief = PATIENCE.min(duration(most_ms / 2));
    let mut patience = brief;
    let mut pause_ms = PAUSES_MS.0;
    let mut room = None;
    loop {
        let Some(Found { answer, body }) = claim(platform, &name, &ask, patience).await else {
            return Boarded::Alone;
        };
        match answer {
            Answer::Claimed { .. } => return Boarded::Leads(Flight::new(platform, name, holder)),
            Answer::Replay { .. } => {
                let sealed = String::from_utf8(body.into());
                return sealed.map_or(Boarded::Alone, Boarded::Answered);
            }
            Answer::InProgress { .. } => {
                let asked_at = platform.clock.now();
                let left_ms = most_ms - asked_at.since(waits.since);
                room = room.or_else(|| platform.memory.waiting.room(asked_at));
                if !waits.may || left_ms <= 0 || room.is_none() {
                    return Boarded::Alone;
                }
                let [jitter] = random(&*platform.entropy);
                let pause = Duration::from_millis(pause_ms + pause_ms * u64::from(jitter) / 512);
                let pause = pause.min(duration(left_ms));
                let stays = stays(platform, waits.departure.as_ref(), pause).await;
                let waited_ms = platform.clock.now().since(asked_at);
                waits.waited_ms.fetch_add(waited_ms, Ordering::Relaxed);
                if !stays {
                    return Boarded::Left;
                }
                patience = LONG_PATIENCE.min(duration(left_ms - waited_ms)).max(brief);
                pause_ms = (pause_ms * 3 / 2).min(PAUSES_MS.1);
            }
            Answer::Mismatch | Answer::Unknown { .. } => return Boarded::Alone,
        }
    }
}

/// Asks for the claim; `None` if that cannot be known, and the call need not wait for it.
async fn claim(platform: &Platform, name: &str, ask: &Ask, patience: Duration) -> Option<Found> {
    let (tell, told) = oneshot::channel();
    let (worker, name, ask) = (platform.clone(), name.to_owned(), ask.clone());
    let asking = async move {
        let holder = ask.holder;
        let found = worker.claims.claim(&name, ask).await;
        if let Err(err) = &found
            && !matches!(err, PortError::Unbound { .. })
        {
            complain(&worker, err.to_string());
            worker.memory.flights_rest.begin(worker.clock.now());
        }
        // Where nobody waits for it any more, or it was not heard, it may be ours all the same. It is given back once
        // it has been asked for: said earlier, that might arrive earlier too.
        let is_heard = found.is_ok();
        let is_told = tell.send(found.ok()).is_ok();
        if !(is_heard && is_told) {
            leave(&worker, &name, holder, End::Released).await;
        }
    };
    platform.background.spawn(asking.boxed());
    let late = platform.clock.sleep(patience);
    match select(told, pin!(late)).await {
        Either::Left((told, _)) => told.ok().flatten(),
        Either::Right(_) => {
            platform.memory.flights_rest.begin(platform.clock.now());
            complain(platform, "the object of calls that ask the same was late".to_owned());
            None
        }
    }
}

/// The calls of an isolate that wait, by when each of them has waited for as long as any may. A call that its host ends
/// without a word gives nothing back: its place is free when that time has come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting(Arc<Mutex<Vec<UnixMillis>>>);

/// A place among those of an isolate that wait.
struct Room {
    until: UnixMillis,
    waiting: Waiting,
}

impl Waiting {
    fn room(&self, now: UnixMillis) -> Option<Room> {
        let mut all = self.0.lock().ok()?;
        all.retain(|until| *until > now);
        if all.len() >= MOST_WAITING {
            return None;
        }
        // It waits for the answer to its last question too.
        let until = now.plus(LONGEST_MS).plus(2 * millis(LONG_PATIENCE));
        all.push(until);
        Some(Room { until, waiting: self.clone() })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let Ok(mut all) = self.waiting.0.lock() else { return };
        if let Some(place) = all.iter().position(|until| *until == self.until) {
            all.swap_remove(place);
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn duration(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

async fn leave(platform: &Platform, name: &str, holder: Token, end: End) {
    if let Err(err) = told(&*platform.clock, || platform.claims.end(name, holder, end)).await {
        complain(platform, err.to_string());
    }
}

/// Waits a while; `false` if the client leaves meanwhile.
async fn stays(platform: &Platform, departure: Option<&Departure>, pause: Duration) -> bool {
    matches!(
        select(platform.clock.sleep(pause), pin!(Departure::of(departure))).await,
        Either::Left(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_nobody_gives_back_is_free_when_its_call_could_wait_no_longer() {
        let waiting = Waiting::default();
        let now = UnixMillis(1_000_000);
        let mut rooms: Vec<Room> = (0..MOST_WAITING).filter_map(|_| waiting.room(now)).collect();
        assert_eq!(rooms.len(), MOST_WAITING);
        assert!(waiting.room(now).is_none());
        // One is given back.
        drop(rooms.pop());
        let last = waiting.room(now);
        assert!(last.is_some() && waiting.room(now).is_none());
        // The others are not.
        rooms.into_iter().chain(last).for_each(std::mem::forget);
        assert!(waiting.room(now.plus(LONGEST_MS)).is_none());
        assert!(waiting.room(now.plus(2 * LONGEST_MS)).is_some());
    }
}
