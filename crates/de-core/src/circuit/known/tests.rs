//! Isolates and their Limiter's circuits, without a network between them.

use super::*;
use crate::{
    circuit::Breaker,
    ids::{ModelId, ProviderId},
    limits::{Scope, ScopeKind},
};

const BREAKER: CircuitBreaker = CircuitBreaker { failures: 3, open_ms: 10_000, window_ms: 60_000 };

fn key() -> Key {
    Key {
        model_id: ModelId::parse("small").unwrap(),
        provider_id: ProviderId::parse("openai").unwrap(),
    }
}

fn instance() -> InstanceId {
    InstanceId::parse("inst_1").unwrap()
}

fn at(ms: i64) -> UnixMillis {
    UnixMillis(1_795_621_776_000 + ms)
}

/// Two isolates and their object.
#[derive(Default)]
struct Three {
    breaker: Breaker,
    isolates: [Known; 2],
    last_id: u32,
}

impl Three {
    fn fails(&mut self, ms: i64, isolate: usize) {
        self.fails_after(ms, isolate, 0);
    }

    fn fails_after(&mut self, ms: i64, isolate: usize, took_ms: u64) {
        self.last_id += 1;
        let (class, id) = (ErrorClass::Timeout, self.last_id);
        let failed = Failed { ago_ms: 0, asked_ms: None, class, id, took_ms };
        let (instance, key) = (instance(), key());
        let place = Place { breaker: BREAKER, instance: &instance, key: &key };
        self.isolates[isolate].failed(at(ms), place, failed);
    }

    fn verdict(&mut self, ms: i64, isolate: usize, round: u64, verdict: Verdict) {
        let (instance, key) = (instance(), key());
        let place = Place { breaker: BREAKER, instance: &instance, key: &key };
        self.isolates[isolate].probed(at(ms), place, round, verdict);
    }

    /// An ask for a share, or else a report; the probe that it is.
    fn speaks(&mut self, ms: i64, isolate: usize, asks: bool) -> Option<u64> {
        let taken = self.isolates[isolate].take(at(ms), &instance());
        self.breaker.hear(at(ms), &taken.news);
        let scopes =
            [Scope::new(ScopeKind::Model, "small"), Scope::new(ScopeKind::Provider, "openai")];
        let open = match asks {
            true => self.breaker.granted(at(ms), &scopes),
            false => self.breaker.open(at(ms)),
        };
        self.isolates[isolate].learn(at(ms), &instance(), &taken, &open);
        open.first().and_then(|open| open.probe)
    }

    fn refused(&self, ms: i64, isolate: usize) -> bool {
        self.isolates[isolate].refused(at(ms), &instance(), &key()).is_some()
    }
}

#[test]
fn who_saw_it_acts_at_once_and_the_others_with_their_next_share() {
    let mut three = Three::default();
    for _ in 0..3 {
        three.fails(0, 0);
    }
    assert!(three.refused(0, 0) && !three.refused(0, 1));
    three.speaks(100, 0, false);
    assert!(!three.refused(100, 1));
    three.speaks(200, 1, true);
    assert!(three.refused(200, 1));
    // To the millisecond as long as the object says.
    assert!(three.refused(10_099, 1) && !three.refused(10_100, 1));
}

#[test]
fn failures_of_several_isolates_open_it_together() {
    let mut three = Three::default();
    three.fails(0, 0);
    three.fails(0, 1);
    three.fails(0, 1);
    three.speaks(1, 0, false);
    assert!(!three.refused(1, 0));
    three.speaks(2, 1, false);
    assert!(three.refused(2, 1) && !three.refused(2, 0));
    three.speaks(3, 0, false);
    assert!(three.refused(3, 0));
}

#[test]
fn when_it_is_over_all_have_to_ask_and_one_is_the_probe() {
    let mut three = Three::default();
    for _ in 0..3 {
        three.fails(0, 0);
    }
    three.speaks(0, 0, false);
    three.speaks(0, 1, true);
    for isolate in 0..2 {
        assert!(!three.refused(10_000, isolate));
        assert!(three.isolates[isolate].must_ask(&instance(), &key()));
    }
    let round = three.speaks(10_000, 1, true).unwrap();
    assert_eq!(three.speaks(10_001, 0, true), None);
    assert!(three.refused(10_002, 0));
    three.verdict(12_000, 1, round, Verdict::Served);
    assert!(!three.refused(12_000, 1));
    three.speaks(12_001, 1, false);
    three.speaks(12_002, 0, false);
    for isolate in 0..2 {
        assert!(!three.refused(12_003, isolate));
        assert!(!three.isolates[isolate].must_ask(&instance(), &key()));
    }
}

#[test]
fn what_did_not_arrive_is_told_again_and_counts_once() {
    let mut three = Three::default();
    three.fails(0, 0);
    three.fails(0, 0);
    for ms in 1..5 {
        let taken = three.isolates[0].take(at(ms), &instance());
        // It arrived, and the answer did not.
        three.breaker.hear(at(ms), &taken.news);
        three.isolates[0].put_back(at(ms), &instance(), taken);
    }
    three.speaks(5, 0, false);
    assert!(three.breaker.open(at(5)).is_empty());
    three.fails(6, 1);
    three.speaks(6, 1, false);
    assert_eq!(three.breaker.open(at(6)).len(), 1);
}

#[test]
fn an_answer_that_was_overtaken_says_nothing_new() {
    let mut three = Three::default();
    let early = three.isolates[1].take(at(0), &instance());
    for _ in 0..3 {
        three.fails(0, 0);
    }
    three.speaks(0, 0, false);
    three.speaks(1, 1, true);
    three.isolates[1].learn(at(2), &instance(), &early, &[]);
    assert!(three.refused(2, 1));
}

#[test]
fn a_probe_that_did_not_arrive_is_told_again_whatever_was_served_since() {
    let mut three = Three::default();
    for _ in 0..3 {
        three.fails(0, 0);
    }
    three.speaks(0, 0, false);
    let round = three.speaks(10_000, 0, true).unwrap();
    three.verdict(11_000, 0, round, Verdict::Served);
    let taken = three.isolates[0].take(at(11_001), &instance());
    let (instance, key) = (instance(), key());
    three.isolates[0].served(Place { breaker: BREAKER, instance: &instance, key: &key });
    three.isolates[0].put_back(at(11_002), &instance, taken);
    three.speaks(11_003, 0, false);
    assert!(three.breaker.open(at(11_003)).is_empty());
}

#[test]
fn late_failures_shut_no_isolate_again() {
    let mut three = Three::default();
    for _ in 0..3 {
        three.fails(0, 0);
    }
    three.speaks(0, 0, false);
    three.speaks(1, 1, true);
    let round = three.speaks(10_001, 0, true).unwrap();
    three.verdict(11_000, 0, round, Verdict::Served);
    three.speaks(11_001, 0, false);
    three.speaks(11_002, 1, true);
    // Calls that had begun when it was open, or before that.
    for isolate in [0, 1] {
        for _ in 0..5 {
            three.fails_after(12_000, isolate, 11_500);
        }
        assert!(!three.refused(12_000, isolate), "{isolate}");
        three.speaks(12_001, isolate, false);
        assert!(!three.refused(12_001, isolate), "{isolate}");
    }
    for _ in 0..3 {
        three.fails_after(13_000, 1, 500);
    }
    assert!(three.refused(13_000, 1));
}

#[test]
fn nothing_is_remembered_of_what_serves() {
    let mut three = Three::default();
    let (instance, key) = (instance(), key());
    let place = Place { breaker: BREAKER, instance: &instance, key: &key };
    three.isolates[0].served(place);
    three.speaks(0, 0, false);
    assert!(three.isolates[0].instances[&instance].circuits.is_empty());
    let off = Place { breaker: CircuitBreaker::off(), ..place };
    three.isolates[0].served(off);
    assert!(three.isolates[0].instances[&instance].circuits.is_empty());
}
