//! What one isolate knows of circuits, and has to tell of them: plain data, without clock and without I/O.
//!
//! An isolate that sees a vendor fail acts at once by what it saw itself; what others saw it hears with its next
//! grant or report. A share that was at hand was granted at most a lease's life ago, and what was open then was
//! told with it: a circuit is open for longer than that, so no call begins that could not know of it.

use std::collections::BTreeMap;

use super::{FORGET_MS, Failed, Key, News, Open, Probed, Tried, length_ms};
use crate::{
    ids::InstanceId,
    model::{CircuitBreaker, ErrorClass},
    time::UnixMillis,
};

/// How many instances are remembered of which nothing is open and nothing is to be told.
const IDLE: usize = 1_000;

/// The circuit of a model in an instance.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// When it opens.
    pub breaker: CircuitBreaker,
    /// Whose instance.
    pub instance: &'a InstanceId,
    /// Which.
    pub key: &'a Key,
}

/// What a probe came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// The vendor failed it.
    Failed(Failed),
    /// The vendor served it.
    Served,
    /// It was not made, or says nothing of the vendor.
    Unused,
}

/// Why a model is not called.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Refused {
    /// The kind of the failure that opened the circuit.
    pub class: ErrorClass,
    /// Until when, by this isolate's clock.
    pub until: UnixMillis,
}

/// The circuits that an isolate knows of.
#[derive(Clone, Debug, Default)]
pub struct Known {
    instances: BTreeMap<InstanceId, Own>,
}

/// What is known of one instance.
#[derive(Clone, Debug, Default)]
struct Own {
    circuits: BTreeMap<Key, Seen>,
    /// The question whose answer was learned last: older answers say nothing new.
    learned: u64,
    questions: u64,
}

/// What is known of one circuit.
#[derive(Clone, Debug)]
struct Seen {
    breaker: CircuitBreaker,
    /// When this isolate heard last that it has closed: what began before counts here no more.
    closed_at: Option<UnixMillis>,
    /// Failures that are to be told.
    failures: Vec<(UnixMillis, Failed)>,
    /// What the Limiter says.
    open: Option<Refused>,
    probe: Option<Probed>,
    /// What this isolate saw itself.
    refused: Option<Refused>,
    /// Its failures in a row.
    run: Vec<UnixMillis>,
    served: bool,
}

impl Seen {
    fn new(breaker: CircuitBreaker) -> Self {
        Self {
            breaker,
            closed_at: None,
            failures: Vec::new(),
            open: None,
            probe: None,
            refused: None,
            run: Vec::new(),
            served: false,
        }
    }

    fn has_news(&self) -> bool {
        self.served || self.probe.is_some() || !self.failures.is_empty()
    }

    fn is_blank(&self, now: UnixMillis) -> bool {
        let own = self.refused.is_some_and(|refused| now < refused.until);
        let closed = self.closed_at.is_some_and(|at| (0..=FORGET_MS).contains(&now.since(at)));
        !self.has_news() && self.run.is_empty() && self.open.is_none() && !own && !closed
    }

    fn push(&mut self, now: UnixMillis, failed: Failed) {
        self.failures.push((now, failed));
        let most = usize::try_from(self.breaker.failures).unwrap_or(usize::MAX).max(1);
        let old = self.failures.len().saturating_sub(most);
        self.failures.drain(..old);
    }
}

/// News on their way, and the question that they travel with.
#[derive(Debug)]
pub struct Taken {
    /// What is told.
    pub news: Vec<News>,
    question: u64,
}

impl Known {
    /// Whether a model may not be called now. `None` also where the time is over: whoever asks for a share then
    /// hears whether it is the probe.
    #[must_use]
    pub fn refused(&self, now: UnixMillis, instance: &InstanceId, key: &Key) -> Option<Refused> {
        let seen = self.instances.get(instance)?.circuits.get(key)?;
        let lasts = |refused: &Refused| now < refused.until;
        let both = seen.open.into_iter().chain(seen.refused).filter(lasts);
        both.max_by_key(|refused| refused.until)
    }

    /// Whether a call has to ask for a share of its own, as nobody knows here whether the circuit has closed.
    #[must_use]
    pub fn must_ask(&self, instance: &InstanceId, key: &Key) -> bool {
        let seen = self.instances.get(instance).and_then(|own| own.circuits.get(key));
        seen.is_some_and(|seen| seen.open.is_some() || seen.refused.is_some())
    }

    /// Notes a call that was served.
    pub fn served(&mut self, place: Place<'_>) {
        if let Some(seen) = self.seen(place) {
            seen.served = true;
            seen.failures.clear();
            seen.run.clear();
        }
    }

    /// Notes a call that the vendor failed.
    pub fn failed(&mut self, now: UnixMillis, place: Place<'_>, failed: Failed) {
        let breaker = place.breaker;
        let Some(seen) = self.seen(place) else { return };
        // Its Limiter judges by its own clock what it is told.
        seen.push(now, failed);
        let took_ms = i64::try_from(failed.took_ms).unwrap_or(i64::MAX);
        let began = UnixMillis(now.0.saturating_sub(took_ms));
        if seen.closed_at.is_some_and(|closed_at| began < closed_at) {
            return;
        }
        let window = i64::try_from(breaker.window_ms).unwrap_or(i64::MAX);
        seen.run.push(now);
        seen.run.retain(|at| (0..=window).contains(&now.since(*at)));
        let enough = usize::try_from(breaker.failures).unwrap_or(usize::MAX);
        if seen.run.len() >= enough {
            seen.run.clear();
            let until = now.plus(length_ms(&breaker, failed.asked_ms));
            seen.refused = Some(Refused { class: failed.class, until });
        }
    }

    /// Notes what a probe came to.
    pub fn probed(&mut self, now: UnixMillis, place: Place<'_>, round: u64, verdict: Verdict) {
        let breaker = place.breaker;
        let Some(seen) = self.seen(place) else { return };
        let outcome = match verdict {
            Verdict::Served => {
                (seen.open, seen.refused) = (None, None);
                seen.closed_at = Some(now);
                seen.run.clear();
                Some(Tried::Served)
            }
            Verdict::Unused => None,
            Verdict::Failed(failed) => {
                let until = now.plus(length_ms(&breaker, failed.asked_ms));
                seen.open = Some(Refused { class: failed.class, until });
                Some(Tried::Failed(failed))
            }
        };
        seen.probe = Some(Probed { outcome, round });
    }

    /// Takes what is to be told of an instance.
    pub fn take(&mut self, now: UnixMillis, instance: &InstanceId) -> Taken {
        let own = self.instances.entry(instance.clone()).or_default();
        own.questions += 1;
        let question = own.questions;
        let mut news = Vec::new();
        for (key, seen) in own.circuits.iter_mut().filter(|(_, seen)| seen.has_news()) {
            let aged = |(at, failed): (UnixMillis, Failed)| Failed {
                ago_ms: u64::try_from(now.since(at)).unwrap_or(0),
                ..failed
            };
            news.push(News {
                breaker: seen.breaker,
                failures: std::mem::take(&mut seen.failures).into_iter().map(aged).collect(),
                key: key.clone(),
                probe: seen.probe.take(),
                served: std::mem::take(&mut seen.served),
            });
        }
        own.circuits.retain(|_, seen| !seen.is_blank(now));
        if self.instances.len() > IDLE {
            self.instances.retain(|known, own| known == instance || !own.circuits.is_empty());
        }
        Taken { news, question }
    }

    /// Takes news back that may not have arrived: told twice, they count once.
    pub fn put_back(&mut self, now: UnixMillis, instance: &InstanceId, taken: Taken) {
        for news in taken.news {
            let place = Place { breaker: news.breaker, instance, key: &news.key };
            let Some(seen) = self.seen(place) else { continue };
            // A probe that nobody tells of keeps the others out for its whole time.
            seen.probe = seen.probe.or(news.probe);
            if seen.served {
                // What has been served since makes it old.
                continue;
            }
            seen.served = news.served;
            let newer = std::mem::take(&mut seen.failures);
            for failed in news.failures {
                let ago = i64::try_from(failed.ago_ms).unwrap_or(i64::MAX);
                seen.push(now.plus(-ago), failed);
            }
            for (at, failed) in newer {
                seen.push(at, failed);
            }
        }
    }

    /// Learns which circuits are open, from the answer to the question that `taken` went with.
    pub fn learn(&mut self, now: UnixMillis, instance: &InstanceId, taken: &Taken, open: &[Open]) {
        let own = self.instances.entry(instance.clone()).or_default();
        if taken.question <= own.learned {
            return;
        }
        own.learned = taken.question;
        for (key, seen) in &mut own.circuits {
            let is_open = open.iter().any(|open| open.key == *key);
            if seen.open.take().is_some() && !is_open {
                seen.closed_at = Some(now);
            }
            // What this isolate saw itself holds to its end, and then it asks like anybody.
            seen.refused = seen.refused.filter(|refused| now < refused.until);
        }
        for open in open {
            let seen = own.circuits.entry(open.key.clone());
            let seen = seen.or_insert_with(|| Seen::new(CircuitBreaker::default()));
            let until = now.plus(i64::try_from(open.for_ms).unwrap_or(i64::MAX));
            seen.open = Some(Refused { class: open.class, until });
        }
        own.circuits.retain(|_, seen| !seen.is_blank(now));
    }

    /// What is known of a circuit; `None` if it never opens.
    fn seen(&mut self, place: Place<'_>) -> Option<&mut Seen> {
        let Place { breaker, instance, key } = place;
        if breaker.is_off() {
            return None;
        }
        let own = self.instances.entry(instance.clone()).or_default();
        let seen = own.circuits.entry(key.clone()).or_insert_with(|| Seen::new(breaker));
        seen.breaker = breaker;
        Some(seen)
    }
}

#[cfg(test)]
mod tests;
