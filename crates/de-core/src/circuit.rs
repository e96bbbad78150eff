//! Circuits: a model whose vendor fails is not asked any more for a while, by anybody in the instance.
//!
//! A [`Breaker`] is the Limiter's side, one an instance, without clock and without I/O: its object keeps the
//! circuits that it tells of. [`known`] is the side of an isolate, which says what its calls came to and hears
//! of open circuits with its grants and reports: no hop is made for a circuit alone.
//!
//! Failures open a circuit that follow one another without a call that was served in between: a vendor that
//! fails one call of a hundred keeps it closed, however many calls there are. When its time is over, the next
//! grant in the scopes of the model is the probe, and everybody else is told that it is open for as long again,
//! or for as long as its config says where the vendor had asked for more.
//! So of all isolates one lets one call through; and where its isolate dies, the next one does after that time.
//! A call that began before a probe closed the circuit, and fails later, says nothing of the vendor since.
//!
//! Only durations travel: clocks of two machines differ. Where the object's own clock goes back, what is open is
//! open for its whole time once more, and no longer.

pub mod known;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    ids::{ModelId, ProviderId},
    limits::{Scope, ScopeKind},
    model::{
        CircuitBreaker, ErrorClass,
        routing::{LEAST_OPEN_MS, MOST_OPEN_MS},
    },
    registry::Model,
    time::UnixMillis,
};

/// How long a closed circuit is remembered that nobody tells of.
const FORGET_MS: i64 = 3_600_000;
/// How many circuits of an instance are told of at most, and remembered: there are seldom any.
const MOST_CIRCUITS: usize = 200;

/// Which circuit of an instance.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Key {
    /// The model.
    pub model_id: ModelId,
    /// Its vendor.
    pub provider_id: ProviderId,
}

impl Key {
    /// The circuit of a model.
    #[must_use]
    pub fn of(model: &Model) -> Self {
        let (model_id, provider_id) =
            (model.config.model_id.clone(), model.config.provider_id.clone());
        Self { model_id, provider_id }
    }

    /// Whether a share in these scopes is one for a try at it.
    fn is_tried_in(&self, scopes: &[Scope]) -> bool {
        let has = |kind, id: &str| scopes.contains(&Scope::new(kind, id));
        has(ScopeKind::Model, self.model_id.as_str())
            && has(ScopeKind::Provider, self.provider_id.as_str())
    }
}

/// A call that a vendor failed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Failed {
    /// How long ago, when it is told.
    pub ago_ms: u64,
    /// How long the vendor wants not to be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_ms: Option<u64>,
    /// What kind of failure.
    pub class: ErrorClass,
    /// Made up by who tells of it: one that is told twice counts once.
    pub id: u32,
    /// How long the call had been at the vendor when it failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub took_ms: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What became of the call that tries whether a vendor is back.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Probed {
    /// What it came to; absent: nothing that says how the vendor is, and another one may try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Tried>,
    /// Of which opening of the circuit it was a probe.
    pub round: u64,
}

/// What a probe came to.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tried {
    /// The vendor failed it.
    Failed(Failed),
    /// The vendor served it.
    Served,
}

/// What the calls of an isolate came to at one model, since it told of them last.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct News {
    /// When the circuit opens.
    pub breaker: CircuitBreaker,
    /// The failures since the last call that was served.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failed>,
    /// At which.
    #[serde(flatten)]
    pub key: Key,
    /// A probe that is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probed>,
    /// Whether a call was served, before those failures.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub served: bool,
}

/// A circuit that is not closed, as isolates and operators are told of it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Open {
    /// The kind of the failure that opened it.
    pub class: ErrorClass,
    /// How long nobody may call, from the answer on.
    pub for_ms: u64,
    /// Which.
    #[serde(flatten)]
    pub key: Key,
    /// The call that is let in with this answer is its probe, of this opening. Absent for everybody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<u64>,
    /// When it opened, by the Limiter's clock.
    pub since: UnixMillis,
}

/// One circuit, as it is kept.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Circuit {
    breaker: CircuitBreaker,
    /// When a probe closed it last: what began before says nothing of the vendor since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closed_at: Option<UnixMillis>,
    /// When it was told of last.
    heard_at: UnixMillis,
    #[serde(flatten)]
    key: Key,
    /// Which opening this is, or was the last: they count up.
    round: u64,
    /// The newest failures in a row.
    run: Vec<Counted>,
    #[serde(flatten)]
    state: State,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
struct Counted {
    at: UnixMillis,
    id: u32,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
enum State {
    Closed,
    /// Nobody may call before `until`. When that is over the next one is the probe, and it is open for as
    /// long again.
    Open {
        class: ErrorClass,
        length_ms: i64,
        since: UnixMillis,
        until: UnixMillis,
    },
}

impl Circuit {
    fn closed(key: Key, breaker: CircuitBreaker, now: UnixMillis) -> Self {
        let (closed_at, run, state) = (None, Vec::new(), State::Closed);
        Self { breaker, closed_at, heard_at: now, key, round: 0, run, state }
    }

    /// Which one it is.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Whether it says nothing that a new one would not say.
    fn is_blank(&self) -> bool {
        self.run.is_empty() && self.state == State::Closed && self.closed_at.is_none()
    }

    /// A clock that went back: nothing is later than now, and nothing open longer than its whole time. No call
    /// is under way for as long as a closing is remembered.
    fn mend(&mut self, now: UnixMillis) {
        self.heard_at = self.heard_at.min(now);
        let closed_at = self.closed_at.map(|at| at.min(now));
        self.closed_at = closed_at.filter(|at| now.since(*at) <= FORGET_MS);
        for failure in &mut self.run {
            failure.at = failure.at.min(now);
        }
        if let State::Open { length_ms, since, until, .. } = &mut self.state {
            *since = (*since).min(now);
            *until = (*until).min(now.plus(*length_ms));
        }
    }

    fn hear(&mut self, now: UnixMillis, news: &News) {
        self.breaker = news.breaker;
        self.heard_at = now;
        if let Some(probed) = news.probe {
            self.probed(now, probed);
        }
        if news.served {
            self.run.clear();
        }
        for failure in &news.failures {
            self.failed(now, *failure);
        }
        if self.breaker.is_off() {
            self.state = State::Closed;
            self.run.clear();
        }
    }

    /// A failure of a call that is no probe. While the circuit is open, it is of one that began before; once it
    /// has been closed, those may still come.
    fn failed(&mut self, now: UnixMillis, failed: Failed) {
        if self.state != State::Closed || self.run.iter().any(|known| known.id == failed.id) {
            return;
        }
        let before = |ms: u64| i64::try_from(ms).map_or(i64::MIN, |ms| -ms);
        let at = now.plus(before(failed.ago_ms));
        let began = at.plus(before(failed.took_ms));
        if self.closed_at.is_some_and(|closed_at| began < closed_at) {
            return;
        }
        self.run.push(Counted { at, id: failed.id });
        let window = i64::try_from(self.breaker.window_ms).unwrap_or(i64::MAX);
        self.run.retain(|failure| now.since(failure.at) <= window);
        let enough = usize::try_from(self.breaker.failures).unwrap_or(usize::MAX);
        if enough > 0 && self.run.len() >= enough {
            self.open(now, failed);
        }
    }

    fn probed(&mut self, now: UnixMillis, probed: Probed) {
        // Of another opening it says nothing of this one.
        let State::Open { until, .. } = &mut self.state else { return };
        if probed.round != self.round {
            return;
        }
        match probed.outcome {
            None => *until = now,
            Some(Tried::Failed(failed)) => self.open(now, failed),
            Some(Tried::Served) => {
                self.closed_at = Some(now);
                self.state = State::Closed;
                self.run.clear();
            }
        }
    }

    fn open(&mut self, now: UnixMillis, failed: Failed) {
        let length_ms = length_ms(&self.breaker, failed.asked_ms);
        let since = match self.state {
            State::Open { since, .. } => since,
            State::Closed => now,
        };
        // No probe of an opening that is forgotten is taken for one of this.
        self.round = self.round.saturating_add(1).max(u64::try_from(now.0).unwrap_or(0));
        self.run.clear();
        let until = now.plus(length_ms);
        self.state = State::Open { class: failed.class, length_ms, since, until };
    }

    fn as_open(&self, now: UnixMillis) -> Option<Open> {
        let State::Open { class, since, until, .. } = self.state else { return None };
        let for_ms = u64::try_from(until.since(now)).unwrap_or(0);
        Some(Open { class, for_ms, key: self.key.clone(), probe: None, since })
    }
}

/// How long a circuit is open: as long as the vendor asks for, else as its model config says.
fn length_ms(breaker: &CircuitBreaker, asked_ms: Option<u64>) -> i64 {
    let length = asked_ms.unwrap_or(breaker.open_ms).clamp(LEAST_OPEN_MS, MOST_OPEN_MS);
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// What has to be kept after a change.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It is as a new one would be.
    Drop(Key),
    /// It stands so.
    Keep(Box<Circuit>),
}

/// The circuits of an instance.
#[derive(Clone, Debug, Default)]
pub struct Breaker {
    changed: Vec<Change>,
    circuits: BTreeMap<Key, Circuit>,
}

impl Breaker {
    /// Takes over what was kept.
    pub fn restore(&mut self, circuits: Vec<Circuit>) {
        self.circuits = circuits.into_iter().map(|own| (own.key.clone(), own)).collect();
    }

    /// Takes what calls came to. The same news again change nothing, or what they said before once more.
    pub fn hear(&mut self, now: UnixMillis, news: &[News]) {
        for news in news {
            let known = self.circuits.contains_key(&news.key);
            // Of a circuit that is closed a good call says nothing; most news are of those.
            if !known && (news.failures.is_empty() || self.circuits.len() >= MOST_CIRCUITS) {
                continue;
            }
            let closed = || Circuit::closed(news.key.clone(), news.breaker, now);
            let circuit = self.circuits.entry(news.key.clone()).or_insert_with(closed);
            let before = circuit.clone();
            circuit.mend(now);
            circuit.hear(now, news);
            self.note(&news.key, known.then_some(before));
        }
        self.forget(now);
    }

    /// Tells of all circuits that are not closed, to a call that was refused or one that has ended.
    pub fn open(&mut self, now: UnixMillis) -> Vec<Open> {
        self.circuits.values_mut().for_each(|circuit| circuit.mend(now));
        self.circuits.values().filter_map(|circuit| circuit.as_open(now)).collect()
    }

    /// Tells a call that was let in in these scopes. Where the time of its circuit is over, it is the probe.
    ///
    /// What changed has to be kept before the answer leaves: see [`Breaker::take_changed`].
    pub fn granted(&mut self, now: UnixMillis, scopes: &[Scope]) -> Vec<Open> {
        let mut told = self.open(now);
        for open in told.iter_mut().filter(|open| open.for_ms == 0 && open.key.is_tried_in(scopes))
        {
            let Some(circuit) = self.circuits.get_mut(&open.key) else { continue };
            let before = circuit.clone();
            // However long the vendor wanted to be left alone: one that is lost costs no more than this.
            let probe_ms = length_ms(&circuit.breaker, None);
            let State::Open { length_ms, until, .. } = &mut circuit.state else { continue };
            let probe_ms = probe_ms.min(*length_ms);
            *until = now.plus(probe_ms);
            open.for_ms = u64::try_from(probe_ms).unwrap_or(0);
            open.probe = Some(circuit.round);
            self.note(&open.key, Some(before));
        }
        told
    }

    /// What has to be kept since the last time.
    pub fn take_changed(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changed)
    }

    /// Notes what became of a circuit that was `before`; `None`: it is new.
    fn note(&mut self, key: &Key, before: Option<Circuit>) {
        let Some(circuit) = self.circuits.get(key) else { return };
        if circuit.is_blank() {
            self.circuits.remove(key);
            self.changed.extend(before.map(|_| Change::Drop(key.clone())));
        } else {
            let said = |circuit: &Circuit| {
                (circuit.run.clone(), circuit.state, circuit.round, circuit.closed_at)
            };
            if before.is_none_or(|before| said(&before) != said(circuit)) {
                self.changed.push(Change::Keep(Box::new(circuit.clone())));
            }
        }
    }

    /// Lets go of circuits that nobody tells of: their models are called no more, or serve.
    fn forget(&mut self, now: UnixMillis) {
        let old = |circuit: &Circuit| {
            let until = match circuit.state {
                State::Closed => circuit.heard_at,
                State::Open { until, .. } => until.max(circuit.heard_at),
            };
            now.since(until) > FORGET_MS
        };
        let gone: Vec<Key> =
            self.circuits.values().filter(|own| old(own)).map(|own| own.key.clone()).collect();
        for key in gone {
            self.circuits.remove(&key);
            self.changed.push(Change::Drop(key));
        }
    }
}

#[cfg(test)]
mod tests;
