//! The Limiter's circuits: by cases, and by what holds whatever happens in whatever order.

use proptest::prelude::*;

use super::*;

const BREAKER: CircuitBreaker = CircuitBreaker { failures: 3, open_ms: 10_000, window_ms: 60_000 };

fn key() -> Key {
    Key {
        model_id: ModelId::parse("small").unwrap(),
        provider_id: ProviderId::parse("openai").unwrap(),
    }
}

fn scopes() -> Vec<Scope> {
    vec![
        Scope::new(ScopeKind::Key, "key_1"),
        Scope::new(ScopeKind::Model, "small"),
        Scope::new(ScopeKind::Provider, "openai"),
    ]
}

fn failure(id: u32) -> Failed {
    Failed { ago_ms: 0, asked_ms: None, class: ErrorClass::Error, id, took_ms: 0 }
}

fn news(served: bool, failures: Vec<Failed>, probe: Option<Probed>) -> News {
    News { breaker: BREAKER, failures, key: key(), probe, served }
}

fn at(ms: i64) -> UnixMillis {
    UnixMillis(1_795_621_776_000 + ms)
}

/// One that three failures have opened at 0.
fn opened() -> Breaker {
    let mut breaker = Breaker::default();
    for id in 1..=3 {
        breaker.hear(at(0), &[news(false, vec![failure(id)], None)]);
    }
    breaker
}

fn ends(breaker: &mut Breaker, ms: i64) -> Option<u64> {
    breaker.open(at(ms)).first().map(|open| open.for_ms)
}

fn probe_at(breaker: &mut Breaker, ms: i64) -> Option<u64> {
    breaker.granted(at(ms), &scopes()).first().and_then(|open| open.probe)
}

#[test]
fn failures_in_a_row_open_it_and_a_call_that_is_served_between_them_does_not() {
    let mut breaker = Breaker::default();
    for id in 1..=2 {
        breaker.hear(at(0), &[news(false, vec![failure(id)], None)]);
    }
    breaker.hear(at(1), &[news(true, Vec::new(), None)]);
    for id in 3..=4 {
        breaker.hear(at(2), &[news(false, vec![failure(id)], None)]);
    }
    assert_eq!(breaker.open(at(2)), []);
    breaker.hear(at(3), &[news(false, vec![failure(5)], None)]);
    let open = breaker.open(at(1_003)).remove(0);
    assert_eq!((open.for_ms, open.class, open.probe), (9_000, ErrorClass::Error, None));
}

#[test]
fn failures_that_are_older_than_the_window_count_no_more() {
    let mut breaker = Breaker::default();
    let old = Failed { ago_ms: 60_001, ..failure(9) };
    breaker.hear(at(0), &[news(false, vec![old, failure(1), failure(2)], None)]);
    assert_eq!(ends(&mut breaker, 0), None);
    breaker.hear(at(60_001), &[news(false, vec![failure(3)], None)]);
    assert_eq!(ends(&mut breaker, 60_001), None);
    breaker.hear(at(60_002), &[news(false, vec![failure(4), failure(5)], None)]);
    assert_eq!(ends(&mut breaker, 60_002), Some(10_000));
}

#[test]
fn news_that_come_twice_count_once() {
    let mut breaker = Breaker::default();
    for _ in 0..9 {
        breaker.hear(at(0), &[news(false, vec![failure(1), failure(2)], None)]);
    }
    assert_eq!(ends(&mut breaker, 0), None);
}

#[test]
fn when_its_time_is_over_one_grant_is_the_probe_and_what_it_came_to_decides() {
    let mut breaker = opened();
    assert_eq!(probe_at(&mut breaker, 9_999), None);
    let round = probe_at(&mut breaker, 10_000).unwrap();
    for ms in [10_000, 15_000, 19_999] {
        assert_eq!(probe_at(&mut breaker, ms), None);
        assert_eq!(ends(&mut breaker, ms), Some(20_000 - ms.unsigned_abs()));
    }
    let mut failed = breaker.clone();
    let outcome = Some(Tried::Failed(failure(7)));
    failed.hear(at(12_000), &[news(false, Vec::new(), Some(Probed { outcome, round }))]);
    assert_eq!(ends(&mut failed, 12_000), Some(10_000));
    let mut served = breaker.clone();
    let outcome = Some(Tried::Served);
    served.hear(at(12_000), &[news(false, Vec::new(), Some(Probed { outcome, round }))]);
    assert_eq!(served.open(at(12_000)), []);
    let mut unused = breaker.clone();
    unused.hear(at(12_000), &[news(false, Vec::new(), Some(Probed { outcome: None, round }))]);
    assert_eq!(probe_at(&mut unused, 12_000), Some(round));
}

#[test]
fn a_probe_whose_isolate_died_is_followed_by_another_one() {
    let mut breaker = opened();
    assert!(probe_at(&mut breaker, 10_000).is_some());
    assert_eq!(probe_at(&mut breaker, 19_999), None);
    let round = probe_at(&mut breaker, 20_000).unwrap();
    // Late is better than never: a vendor whose answers take longer than that is back as well.
    let outcome = Some(Tried::Served);
    breaker.hear(at(25_000), &[news(false, Vec::new(), Some(Probed { outcome, round }))]);
    assert_eq!(breaker.open(at(25_000)), []);
}

#[test]
fn a_probe_that_is_lost_is_followed_soon_however_long_the_vendor_wanted_to_be_left_alone() {
    let mut breaker = Breaker::default();
    let asked = |id| Failed { asked_ms: Some(600_000), ..failure(id) };
    breaker.hear(at(0), &[news(false, vec![asked(1), asked(2), asked(3)], None)]);
    assert_eq!(probe_at(&mut breaker, 599_999), None);
    assert!(probe_at(&mut breaker, 600_000).is_some());
    assert_eq!(ends(&mut breaker, 600_001), Some(9_999));
    assert!(probe_at(&mut breaker, 610_000).is_some());
}

#[test]
fn an_earlier_openings_probe_says_nothing_and_late_failures_do_not_hold_it_open() {
    let mut breaker = opened();
    let first = probe_at(&mut breaker, 10_000).unwrap();
    let outcome = Some(Tried::Failed(failure(7)));
    breaker.hear(at(11_000), &[news(false, Vec::new(), Some(Probed { outcome, round: first }))]);
    let outcome = Some(Tried::Served);
    breaker.hear(at(12_000), &[news(false, Vec::new(), Some(Probed { outcome, round: first }))]);
    breaker.hear(at(13_000), &[news(true, vec![failure(20), failure(21), failure(22)], None)]);
    assert_eq!(ends(&mut breaker, 13_000), Some(8_000));
}

#[test]
fn what_began_before_it_closed_does_not_open_it_again() {
    let mut breaker = opened();
    let round = probe_at(&mut breaker, 10_000).unwrap();
    let outcome = Some(Tried::Served);
    breaker.hear(at(11_000), &[news(false, Vec::new(), Some(Probed { outcome, round }))]);
    let late = |id, ago_ms, took_ms| Failed { ago_ms, took_ms, ..failure(id) };
    // They failed after that, and before.
    let old = (20..30).map(|id| late(id, 500, 1_501)).chain((30..40).map(|id| late(id, 2_001, 0)));
    breaker.hear(at(13_000), &[news(false, old.collect(), None)]);
    assert_eq!(breaker.open(at(13_000)), []);
    // Also where the object has been restarted meanwhile.
    let row = serde_json::to_string(breaker.circuits.get(&key()).unwrap()).unwrap();
    let mut breaker = Breaker::default();
    breaker.restore(vec![serde_json::from_str(&row).unwrap()]);
    breaker
        .hear(at(14_000), &[news(false, (40..50).map(|id| late(id, 0, 60_000)).collect(), None)]);
    assert_eq!(breaker.open(at(14_000)), []);
    breaker.hear(at(15_000), &[news(false, (50..53).map(|id| late(id, 0, 4_000)).collect(), None)]);
    assert_eq!(ends(&mut breaker, 15_000), Some(10_000));
}

#[test]
fn only_a_share_in_the_scopes_of_the_model_is_its_probe() {
    let mut breaker = opened();
    let mut others = scopes();
    others.remove(1);
    assert_eq!(breaker.granted(at(10_000), &others)[0].probe, None);
    assert!(probe_at(&mut breaker, 10_000).is_some());
}

#[test]
fn it_is_open_for_as_long_as_the_vendor_asks_within_bounds() {
    for (asked_ms, length_ms) in [(1, 2_000), (3_000, 3_000), (9_999_999, 600_000)] {
        let mut breaker = Breaker::default();
        let asked =
            |id| Failed { asked_ms: Some(asked_ms), class: ErrorClass::RateLimit, ..failure(id) };
        breaker.hear(at(0), &[news(false, vec![asked(1), asked(2), asked(3)], None)]);
        let open = breaker.open(at(0)).remove(0);
        assert_eq!((open.for_ms, open.class), (length_ms, ErrorClass::RateLimit));
    }
}

#[test]
fn a_config_without_a_circuit_closes_it() {
    let mut breaker = opened();
    let off = News { breaker: CircuitBreaker::off(), ..news(false, vec![failure(8)], None) };
    breaker.hear(at(1), &[off]);
    assert_eq!(breaker.open(at(1)), []);
}

#[test]
fn what_is_kept_is_what_is_restored_and_one_that_serves_is_not_kept() {
    let mut breaker = Breaker::default();
    breaker.hear(at(0), &[news(true, Vec::new(), None)]);
    assert_eq!(breaker.take_changed(), []);
    let mut breaker = opened();
    let kept = breaker.take_changed().pop().unwrap();
    let Change::Keep(circuit) = kept else { panic!("{kept:?}") };
    let row = serde_json::to_string(&circuit).unwrap();
    let mut next = Breaker::default();
    next.restore(vec![serde_json::from_str(&row).unwrap()]);
    assert_eq!(next.open(at(5)), breaker.open(at(5)));
    let round = probe_at(&mut next, 10_000).unwrap();
    assert!(matches!(next.take_changed().as_slice(), [Change::Keep(_)]));
    let outcome = Some(Tried::Served);
    next.hear(at(10_001), &[news(false, Vec::new(), Some(Probed { outcome, round }))]);
    // A closing is remembered for an hour.
    assert!(matches!(next.take_changed().as_slice(), [Change::Keep(_)]));
    next.hear(at(3_610_002), &[news(true, Vec::new(), None)]);
    assert_eq!(next.take_changed(), [Change::Drop(key())]);
}

/// Live objects hold rows of this form, and workers of two deploys talk to one object.
#[test]
fn forms_are_stable() {
    let mut breaker = opened();
    let Some(Change::Keep(circuit)) = breaker.take_changed().pop() else { panic!("it opened") };
    assert_eq!(
        serde_json::to_string(&circuit).unwrap(),
        r#"{"breaker":{"failures":3,"window_ms":60000,"open_ms":10000},"heard_at":1795621776000,"model_id":"small","provider_id":"openai","round":1795621776000,"run":[],"state":"open","class":"error","length_ms":10000,"since":1795621776000,"until":1795621786000}"#
    );
    let outcome = Some(Tried::Failed(failure(4)));
    let told = news(true, vec![failure(3)], Some(Probed { outcome, round: 7 }));
    let text = r#"{"breaker":{"failures":3,"window_ms":60000,"open_ms":10000},"failures":[{"ago_ms":0,"class":"error","id":3}],"model_id":"small","provider_id":"openai","probe":{"outcome":{"failed":{"ago_ms":0,"class":"error","id":4}},"round":7},"served":true}"#;
    assert_eq!(serde_json::to_string(&told).unwrap(), text);
    assert_eq!(serde_json::from_str::<News>(text).unwrap(), told);
    let open = &breaker.granted(at(10_000), &scopes())[0];
    let text = r#"{"class":"error","for_ms":10000,"model_id":"small","provider_id":"openai","probe":1795621776000,"since":1795621776000}"#;
    assert_eq!(serde_json::to_string(open).unwrap(), text);
    assert_eq!(&serde_json::from_str::<Open>(text).unwrap(), open);
}

/// A deploy may be taken back: an older one reads what a newer one has kept and told.
#[test]
fn members_of_next_year_are_passed_over() {
    let breaker = r#"{"failures":3,"window_ms":60000,"open_ms":10000,"slow_calls":9}"#;
    let row = format!(
        r#"{{"breaker":{breaker},"heard_at":1,"model_id":"small","provider_id":"openai","round":1,"run":[],"state":"closed","mood":{{}}}}"#
    );
    assert_eq!(serde_json::from_str::<Circuit>(&row).unwrap().breaker, BREAKER);
    let told = format!(
        r#"{{"breaker":{breaker},"failures":[{{"ago_ms":0,"class":"error","id":3,"where":"x"}}],"model_id":"small","provider_id":"openai","mood":1}}"#
    );
    let told: News = serde_json::from_str(&told).unwrap();
    assert_eq!(told, news(false, vec![failure(3)], None));
}

/// What may happen to an object.
#[derive(Clone, Debug)]
enum Step {
    /// The clock moves, also back.
    Clock(i64),
    /// A call failed in some isolate.
    Fails,
    /// A call wants to begin.
    Grant,
    /// The oldest probe that is under way ends: failed, served, or never made.
    Probe(u8),
    /// News come once more.
    Repeats,
    /// The object is restarted.
    Restarts,
    /// A call was served.
    Serves,
}

fn steps(back: i64) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (-back..=15_000_i64).prop_map(Step::Clock),
        4 => Just(Step::Fails),
        4 => Just(Step::Grant),
        2 => (0..3_u8).prop_map(Step::Probe),
        1 => Just(Step::Repeats),
        1 => Just(Step::Restarts),
        1 => Just(Step::Serves),
    ];
    prop::collection::vec(step, 1..120)
}

/// The object, and what is known of it from outside.
struct Run {
    breaker: Breaker,
    kept: BTreeMap<Key, Circuit>,
    last: Option<News>,
    now: i64,
    probes: Vec<u64>,
    /// Failures since the last call that was served.
    row: u64,
}

impl Run {
    fn new() -> Self {
        let (breaker, kept) = (Breaker::default(), BTreeMap::new());
        Self { breaker, kept, last: None, now: 0, probes: Vec::new(), row: 0 }
    }

    fn hear(&mut self, told: News) {
        self.breaker.hear(at(self.now), std::slice::from_ref(&told));
        self.last = Some(told);
        self.keep();
    }

    fn keep(&mut self) {
        for change in self.breaker.take_changed() {
            match change {
                Change::Drop(key) => drop(self.kept.remove(&key)),
                Change::Keep(circuit) => drop(self.kept.insert(circuit.key.clone(), *circuit)),
            }
        }
    }

    fn is_open(&mut self) -> bool {
        !self.breaker.open(at(self.now)).is_empty()
    }

    fn grant(&mut self) -> Option<u64> {
        let probe = probe_at(&mut self.breaker, self.now);
        self.keep();
        self.probes.extend(probe);
        probe
    }

    fn step(&mut self, step: &Step, id: u32) -> Option<u64> {
        match step {
            Step::Clock(ms) => self.now += ms,
            Step::Fails => self.hear(news(false, vec![failure(id)], None)),
            Step::Grant => return self.grant(),
            Step::Probe(how) if !self.probes.is_empty() => {
                let round = self.probes.remove(0);
                let outcome = match how {
                    0 => Some(Tried::Failed(failure(id))),
                    1 => Some(Tried::Served),
                    _ => None,
                };
                self.hear(news(false, Vec::new(), Some(Probed { outcome, round })));
            }
            Step::Probe(_) => {}
            Step::Repeats => {
                if let Some(last) = self.last.clone().filter(|last| last.probe.is_none()) {
                    let before = self.breaker.circuits.get(&key()).map(|own| own.run.clone());
                    self.breaker.hear(at(self.now), std::slice::from_ref(&last));
                    self.keep();
                    let after = self.breaker.circuits.get(&key()).map(|own| own.run.clone());
                    let is_more =
                        after.map_or(0, |run| run.len()) > before.map_or(0, |run| run.len());
                    // Only what has left the row meanwhile is news again.
                    assert!(!is_more || last.failures.len() == 1);
                }
            }
            Step::Restarts => {
                self.breaker = Breaker::default();
                self.breaker.restore(self.kept.values().cloned().collect());
            }
            Step::Serves => self.hear(news(true, Vec::new(), None)),
        }
        None
    }
}

proptest! {
    /// It never opens before as many failures in a row as its config says.
    #[test]
    fn it_does_not_open_too_early(steps in steps(20_000)) {
        let mut run = Run::new();
        for (step, id) in steps.iter().zip(1..) {
            let was_open = run.is_open();
            let (before, last) = (run.row, matches!(step, Step::Fails));
            run.row = match step {
                Step::Fails => run.row + 1,
                Step::Serves => 0,
                // What comes again may count anew once the row has been broken.
                Step::Repeats => run.row + 1,
                _ => run.row,
            };
            run.step(step, id);
            if run.is_open() && !was_open {
                prop_assert!(last || matches!(step, Step::Repeats), "{step:?} opened it");
                prop_assert!(before + 1 >= BREAKER.failures, "after {} failures", before + 1);
            }
            if run.is_open() {
                run.row = 0;
            }
        }
    }

    /// Whatever the clock does, nobody is told of a longer time than the whole.
    #[test]
    fn it_is_never_open_for_longer_than_its_time(steps in steps(100_000)) {
        let mut run = Run::new();
        for (step, id) in steps.iter().zip(1..) {
            run.step(step, id);
            if let Some(ms) = ends(&mut run.breaker, run.now) {
                prop_assert!(ms <= BREAKER.open_ms, "{ms}");
            }
        }
    }

    /// While the clock does not go back, two probes follow one another at once only if the first is over.
    #[test]
    fn one_probe_at_a_time_is_let_through(steps in steps(0)) {
        let mut run = Run::new();
        let mut granted: Option<i64> = None;
        for (step, id) in steps.iter().zip(1..) {
            if matches!(step, Step::Probe(_)) {
                granted = None;
            }
            let open = i64::try_from(BREAKER.open_ms).unwrap();
            if run.step(step, id).is_some() {
                prop_assert!(granted.is_none_or(|last| run.now - last >= open), "{step:?}");
                granted = Some(run.now);
            }
            if !run.is_open() {
                granted = None;
            }
        }
    }

    /// From wherever it is, it lets a call through again, also if no probe is ever heard of and the clock has
    /// gone back.
    #[test]
    fn it_never_stays_shut(steps in steps(100_000)) {
        let mut run = Run::new();
        for (step, id) in steps.iter().zip(1..) {
            run.step(step, id);
        }
        // A clock that goes back is noticed when it is looked at.
        run.is_open();
        for _ in 0..5 {
            run.now += i64::try_from(BREAKER.open_ms).unwrap();
            let is_open = run.is_open();
            prop_assert!(!is_open || run.grant().is_some());
        }
    }
}
